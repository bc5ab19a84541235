//! Data keys wrapped under RSA keys: OAEP, and the PKCS #1 v1.5 of format V1.
//!
//! RSA is aws-lc-rs's: constant-time and blinded, and part of the build already. The `rsa` crate is known for a timing
//! leak (RUSTSEC-2023-0071) whose repair is only in prereleases.

use aws_lc_rs::rsa::{OAEP_SHA1_MGF1SHA1, OAEP_SHA256_MGF1SHA256, OaepAlgorithm};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::super::Error;
use super::super::keys::{AesKey, RsaMasterKey, RsaPublicKey};
use super::two_hashes;

/// `length || key || name of the content algorithm`.
pub(super) fn oaep_sha1(key: &RsaMasterKey, wrapped: &[u8], bound: &[u8]) -> Result<AesKey, Error> {
    oaep(key, &OAEP_SHA1_MGF1SHA1, wrapped, |plain| {
        let (len, rest) = plain.split_first().ok_or(Error::Unwrap)?;
        let (key, name) = rest.split_at_checked(usize::from(*len)).ok_or(Error::Unwrap)?;
        if !bool::from(name.ct_eq(bound)) {
            return Err(Error::Unwrap);
        }
        AesKey::new(key).ok_or(Error::Unwrap)
    })
}

/// The same for writing. The padding's randomness is the library's own: it takes none from outside.
pub(in super::super) fn oaep_sha1_wrapped(key: &RsaPublicKey, plain: &AesKey, bound: &[u8]) -> Result<Vec<u8>, Error> {
    let len = u8::try_from(plain.bytes().len()).map_err(|_| Error::Internal)?;
    let plain = Zeroizing::new([&[len], plain.bytes(), bound].concat());
    let mut wrapped = vec![0; key.0.ciphertext_size()];
    let written = key.0.encrypt(&OAEP_SHA1_MGF1SHA1, &plain, &mut wrapped, None).map_err(|_| Error::Internal)?.len();
    wrapped.truncate(written);
    Ok(wrapped)
}

/// The key alone. The mask hash is SHA-1 as the JDK's own provider has it, or SHA-256 as Bouncy Castle does: the name is
/// the same, and only one of them opens.
pub(super) fn oaep_sha256(key: &RsaMasterKey, wrapped: &[u8]) -> Result<AesKey, Error> {
    let same = oaep(key, &OAEP_SHA256_MGF1SHA256, wrapped, |plain| AesKey::new(plain).ok_or(Error::Unwrap));
    same.or_else(|_| two_hashes::unwrap(&key.numbers, wrapped))
}

fn oaep(
    key: &RsaMasterKey,
    algorithm: &'static OaepAlgorithm,
    wrapped: &[u8],
    read: impl FnOnce(&[u8]) -> Result<AesKey, Error>,
) -> Result<AesKey, Error> {
    if wrapped.len() != key.oaep.key_size_bytes() {
        return Err(Error::Unwrap);
    }
    let mut plain = Zeroizing::new(vec![0; key.oaep.min_output_size()]);
    read(key.oaep.decrypt(algorithm, wrapped, &mut plain, None).map_err(|_| Error::Unwrap)?)
}

/// The key alone. What does not decrypt, or not to a key, gives the substitute.
pub(super) fn pkcs1(key: &RsaMasterKey, wrapped: &[u8]) -> Result<AesKey, Error> {
    // The length is no secret.
    if wrapped.len() != key.pkcs1.key_size_bytes() {
        return Err(Error::Unwrap);
    }
    let substitute = key.substitutes.of(wrapped);
    let mut plain = Zeroizing::new(vec![0; key.pkcs1.min_output_size()]);
    let found = key.pkcs1.decrypt(wrapped, &mut plain).ok().and_then(|plain| AesKey::new(plain));
    found.or_else(|| AesKey::new(substitute.as_slice())).ok_or(Error::Internal)
}
