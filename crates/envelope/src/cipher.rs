//! The two primitives everything rests on: AES-256-GCM and HKDF-SHA-512.
//!
//! Knows nothing of chunks, envelopes or where its nonces come from.

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use bytes::{BufMut, BytesMut};
use hkdf::Hkdf;
use sha2::Sha512;
use zeroize::Zeroizing;

/// Bytes GCM adds to what it encrypts.
pub(crate) const TAG: usize = 16;

/// Bytes of a GCM nonce.
pub(crate) const NONCE: usize = 12;

/// An AES-256-GCM key ready for use. Its nonces are the caller's business.
pub(crate) struct Gcm(LessSafeKey);

/// The tag did not fit; nothing was decrypted.
#[derive(Debug)]
pub(crate) struct NotAuthentic;

/// The primitive refused lengths it must accept.
#[derive(Debug)]
pub(crate) struct Broken;

impl Gcm {
    #[expect(clippy::expect_used, reason = "the key always has the 32 bytes AES-256 takes")]
    pub(crate) fn new(key: &[u8; 32]) -> Self {
        Self(LessSafeKey::new(UnboundKey::new(&AES_256_GCM, key).expect("an AES-256 key has 32 bytes")))
    }

    /// Appends ciphertext and tag of `plain` to `out`.
    pub(crate) fn encrypt(
        &self,
        nonce: [u8; NONCE],
        aad: &[u8],
        plain: &[u8],
        out: &mut BytesMut,
    ) -> Result<(), Broken> {
        let start = out.len();
        out.put_slice(plain);
        let fresh = out.get_mut(start..).ok_or(Broken)?;
        let nonce = Nonce::assume_unique_for_key(nonce);
        let tag = self.0.seal_in_place_separate_tag(nonce, Aad::from(aad), fresh).map_err(|_| Broken)?;
        out.put_slice(tag.as_ref());
        Ok(())
    }

    /// Appends the plaintext of `sealed` (ciphertext and tag) to `out`, or leaves `out` as it was.
    pub(crate) fn decrypt(
        &self,
        nonce: [u8; NONCE],
        aad: &[u8],
        sealed: &[u8],
        out: &mut BytesMut,
    ) -> Result<(), NotAuthentic> {
        let (body, tag) = sealed.split_last_chunk::<TAG>().ok_or(NotAuthentic)?;
        let start = out.len();
        out.put_slice(body);
        let fresh = out.get_mut(start..).ok_or(NotAuthentic)?;
        let nonce = Nonce::assume_unique_for_key(nonce);
        let opened = self.0.open_in_place_separate_tag(nonce, Aad::from(aad), tag, fresh).is_ok();
        if opened {
            return Ok(());
        }
        out.truncate(start);
        Err(NotAuthentic)
    }
}

/// HKDF-SHA-512 to 32 bytes; `info` is given in pieces that are joined.
#[expect(clippy::expect_used, reason = "HKDF-SHA-512 yields up to 16320 bytes and 32 are asked for")]
pub(crate) fn derive(ikm: &[u8; 32], salt: &[u8], info: &[&[u8]]) -> Zeroizing<[u8; 32]> {
    let mut okm = Zeroizing::new([0; 32]);
    Hkdf::<Sha512>::new(Some(salt), ikm)
        .expand_multi_info(info, okm.as_mut_slice())
        .expect("32 bytes are within the limit of HKDF");
    okm
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_encrypted_decrypts() {
        let (key, mut sealed, mut plain) = (Gcm::new(&[7; 32]), BytesMut::new(), BytesMut::from("before "));
        key.encrypt([1; NONCE], b"aad", b"hello", &mut sealed).unwrap();
        key.decrypt([1; NONCE], b"aad", &sealed, &mut plain).unwrap();
        assert_eq!(plain, "before hello");
    }

    #[test]
    fn a_refused_decryption_leaves_the_buffer_alone() {
        let (key, mut out) = (Gcm::new(&[7; 32]), BytesMut::from("before"));
        assert!(key.decrypt([1; NONCE], b"", &[0; 40], &mut out).is_err());
        assert!(key.decrypt([1; NONCE], b"", &[0; 3], &mut out).is_err());
        assert_eq!(out, "before");
    }
}
