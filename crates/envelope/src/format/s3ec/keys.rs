//! The keys of Amazon's formats: wrapping keys that are brought, data keys that are unwrapped, content keys derived.
//!
//! None can be copied, printed or compared, and all are wiped when dropped. FORMAT.md, 18.3 and 18.4.

use std::fmt;

use aws_lc_rs::cipher::{AES_128, AES_192, AES_256, DecryptingKey, UnboundCipherKey};
use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::error::Unspecified;
use aws_lc_rs::rsa::{
    KeyPair, OaepPrivateDecryptingKey, OaepPublicEncryptingKey, Pkcs1PrivateDecryptingKey, PrivateDecryptingKey,
    PublicEncryptingKey,
};
use hkdf::Hkdf;
use sha2::Sha512;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::Error;
use super::envelope::Commitment;
use super::wrap::Numbers;
use crate::{KeyCheck, cipher};

/// An AES key of 16, 24 or 32 bytes.
pub(in crate::format) struct AesKey(Zeroizing<Vec<u8>>);

/// What a failed unwrap of format V1 yields in place of the data key.
///
/// It depends on the wrapping key and the wrapped bytes alone, as for a wrap that succeeds, so that asking again tells
/// nothing either.
pub(super) struct Substitutes(Zeroizing<[u8; 32]>);

/// An AES key that wraps data keys.
pub struct AesMasterKey(AesKey);

/// An RSA private key that unwraps data keys.
pub struct RsaMasterKey {
    pub(super) substitutes: Substitutes,
    pub(super) oaep: OaepPrivateDecryptingKey,
    pub(super) pkcs1: Pkcs1PrivateDecryptingKey,
    pub(super) numbers: Numbers,
    public: PublicEncryptingKey,
}

/// An RSA public key that wraps data keys and cannot unwrap them.
pub struct RsaPublicKey(pub(super) OaepPublicEncryptingKey);

/// A wrapping key that is not in KMS.
#[derive(Debug)]
pub enum MasterKey {
    /// An AES key.
    Aes(AesMasterKey),
    /// An RSA private key.
    Rsa(RsaMasterKey),
}

impl AesKey {
    /// Takes a copy; `None` when AES has no key of this length.
    pub(in crate::format) fn new(bytes: &[u8]) -> Option<Self> {
        matches!(bytes.len(), 16 | 24 | 32).then(|| Self(Zeroizing::new(bytes.to_vec())))
    }

    pub(in crate::format) fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// The key in one of the modes of the cipher.
    pub(in crate::format) fn in_mode(
        &self,
        mode: impl FnOnce(UnboundCipherKey) -> Result<DecryptingKey, Unspecified>,
    ) -> Result<DecryptingKey, Error> {
        let algorithm = match self.0.len() {
            16 => &AES_128,
            24 => &AES_192,
            _ => &AES_256,
        };
        UnboundCipherKey::new(algorithm, &self.0).and_then(mode).map_err(|_| Error::Internal)
    }
}

impl Substitutes {
    /// `secret` is the wrapping key.
    fn new(secret: &[u8]) -> Result<Self, Error> {
        let mut key = Zeroizing::new([0; 32]);
        let derived = Hkdf::<Sha512>::new(None, secret).expand(b"sealgate/s3ec substitutes", key.as_mut_slice());
        derived.map(|()| Self(key)).map_err(|_| Error::Internal)
    }

    pub(super) fn of(&self, wrapped: &[u8]) -> Zeroizing<[u8; 32]> {
        cipher::derive(&self.0, b"", &[wrapped])
    }
}

impl AesMasterKey {
    /// Takes the 16, 24 or 32 bytes of a key.
    ///
    /// # Errors
    /// [`Error::InvalidKey`] for any other length and for a key of zero bytes only.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Error> {
        let key = AesKey::new(bytes).ok_or(Error::InvalidKey { problem: "an AES key has 16, 24 or 32 bytes" })?;
        let zero = Zeroizing::new(vec![0; bytes.len()]);
        if bool::from(key.bytes().ct_eq(&zero)) {
            return Err(Error::InvalidKey { problem: "an all-zero key protects nothing" });
        }
        Ok(Self(key))
    }

    /// By what it is recognised.
    pub fn check_value(&self) -> KeyCheck {
        KeyCheck::of(self.0.bytes())
    }

    pub(in crate::format) fn key(&self) -> &AesKey {
        &self.0
    }

    pub(super) fn substitutes(&self) -> Result<Substitutes, Error> {
        Substitutes::new(self.0.bytes())
    }
}

impl RsaMasterKey {
    /// Takes a private key of 2048 to 8192 bits in the DER form of PKCS #8.
    ///
    /// # Errors
    /// [`Error::InvalidKey`] when the bytes are no such key.
    pub fn from_pkcs8_der(der: &[u8]) -> Result<Self, Error> {
        let invalid = Error::InvalidKey { problem: "an RSA key is PKCS #8 in DER, of 2048 to 8192 bits" };
        let key = PrivateDecryptingKey::from_pkcs8(der).map_err(|_| invalid.clone())?;
        let oaep = OaepPrivateDecryptingKey::new(key.clone()).map_err(|_| invalid.clone())?;
        let numbers = Numbers::of_pkcs8(der).ok_or_else(|| invalid.clone())?;
        let (substitutes, public) = (Substitutes::new(der)?, key.public_key());
        let pkcs1 = Pkcs1PrivateDecryptingKey::new(key).map_err(|_| invalid)?;
        Ok(Self { substitutes, oaep, pkcs1, numbers, public })
    }

    /// Takes a private key of 2048 to 8192 bits in the DER form of PKCS #1.
    ///
    /// # Errors
    /// [`Error::InvalidKey`] when the bytes are no such key.
    pub fn from_pkcs1_der(der: &[u8]) -> Result<Self, Error> {
        let invalid = |_| Error::InvalidKey { problem: "an RSA key is PKCS #1 in DER, of 2048 to 8192 bits" };
        let key = KeyPair::from_der(der).map_err(|_| Unspecified).map_err(invalid)?;
        let wrapped: Pkcs8V1Der<'static> = key.as_der().map_err(invalid)?;
        Self::from_pkcs8_der(wrapped.as_ref())
    }

    /// What RSAES-PKCS1-v1_5 makes of `wrapped`, whose leading zero bytes may be missing. Whoever uses the difference
    /// between something and nothing goes on with [`substitute`](Self::substitute) in its place.
    pub(in crate::format) fn decrypt_pkcs1(&self, wrapped: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let mut padded = vec![0; self.pkcs1.key_size_bytes().checked_sub(wrapped.len())?];
        padded.extend_from_slice(wrapped);
        let mut plain = Zeroizing::new(vec![0; self.pkcs1.min_output_size()]);
        let len = self.pkcs1.decrypt(&padded, &mut plain).ok()?.len();
        plain.truncate(len);
        Some(plain)
    }

    /// The 32 bytes that stand for what `wrapped` does not hold.
    pub(in crate::format) fn substitute(&self, wrapped: &[u8]) -> Zeroizing<[u8; 32]> {
        self.substitutes.of(wrapped)
    }
}

impl RsaPublicKey {
    /// Takes a public key of 2048 to 8192 bits in the DER form of X.509 (`SubjectPublicKeyInfo`).
    ///
    /// # Errors
    /// [`Error::InvalidKey`] when the bytes are no such key.
    pub fn from_spki_der(der: &[u8]) -> Result<Self, Error> {
        Self::of(PublicEncryptingKey::from_der(der).ok())
    }

    /// The public half of a private key.
    ///
    /// # Errors
    /// [`Error::InvalidKey`] when the key cannot be used so.
    pub fn of_private(key: &RsaMasterKey) -> Result<Self, Error> {
        Self::of(Some(key.public.clone()))
    }

    fn of(key: Option<PublicEncryptingKey>) -> Result<Self, Error> {
        let invalid = Error::InvalidKey { problem: "an RSA public key is X.509 in DER, of 2048 to 8192 bits" };
        key.and_then(|key| OaepPublicEncryptingKey::new(key).ok()).map(Self).ok_or(invalid)
    }
}

/// The commitment and the content key of format V3.
pub(super) fn derived(key: &AesKey, message_id: &[u8; 28]) -> Result<([u8; 28], AesKey), Error> {
    let key: &[u8; 32] = key.bytes().try_into().map_err(|_| Error::Unwrap)?;
    let derived = |purpose: &[u8]| cipher::derive(key, message_id, &[&[0x00, 0x73], purpose]);
    // 28 and 32 bytes of HKDF-SHA-512 are the beginning of one HMAC, so the shorter is the longer one cut.
    let commitment = *derived(b"COMMITKEY").first_chunk::<28>().ok_or(Error::Internal)?;
    Ok((commitment, AesKey::new(derived(b"DERIVEKEY").as_slice()).ok_or(Error::Internal)?))
}

/// The content key of format V3, once the data key has proved to be the one the object commits to.
pub(super) fn committed(key: &AesKey, commitment: &Commitment) -> Result<AesKey, Error> {
    let (found, content_key) = derived(key, &commitment.message_id)?;
    if !bool::from(found.ct_eq(&commitment.commitment)) {
        return Err(Error::Commitment);
    }
    Ok(content_key)
}

impl fmt::Debug for AesMasterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AesMasterKey")
    }
}

impl fmt::Debug for RsaPublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RsaPublicKey")
    }
}

impl fmt::Debug for RsaMasterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RsaMasterKey")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_published_answers_of_the_derivation_hold() {
        let file = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/vectors/s3ec/kat-v3-hkdf.json"));
        let file: serde_json::Value = serde_json::from_str(file).unwrap();
        let rows = file["rows"].as_array().unwrap();
        assert_eq!(rows.len(), 2);
        for row in rows {
            let bytes = |field: &str| hex::decode(row[field].as_str().unwrap()).unwrap();
            let key = AesKey::new(&bytes("data_key_hex")).unwrap();
            let mut commitment = Commitment {
                message_id: bytes("message_id_hex").try_into().unwrap(),
                commitment: bytes("commitment_hex").try_into().unwrap(),
            };
            assert_eq!(committed(&key, &commitment).ok().unwrap().bytes(), bytes("encryption_key_hex"));
            commitment.commitment[27] ^= 1;
            assert_eq!(committed(&key, &commitment).err(), Some(Error::Commitment));
        }
    }

    #[test]
    fn substitutes_depend_on_the_key_and_the_wrapped_bytes_alone() {
        let of = |secret: &[u8], wrapped: &[u8]| *Substitutes::new(secret).unwrap().of(wrapped);
        assert_eq!(of(b"key", b"wrapped"), of(b"key", b"wrapped"));
        assert_ne!(of(b"key", b"wrapped"), of(b"key", b"wrappee"));
        assert_ne!(of(b"key", b"wrapped"), of(b"kex", b"wrapped"));
    }

    #[test]
    fn a_committed_key_has_32_bytes() {
        let commitment = Commitment { message_id: [1; 28], commitment: [0; 28] };
        assert_eq!(committed(&AesKey::new(&[1; 16]).unwrap(), &commitment).err(), Some(Error::Unwrap));
    }

    #[test]
    fn what_is_no_key_is_refused() {
        for len in [0, 15, 17, 31, 33] {
            assert!(AesMasterKey::from_bytes(&vec![1; len]).is_err());
        }
        assert!(AesMasterKey::from_bytes(&[0; 32]).is_err());
        assert!(RsaMasterKey::from_pkcs8_der(b"key").is_err());
        assert!(RsaPublicKey::from_spki_der(b"key").is_err());
    }
}
