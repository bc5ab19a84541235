//! Data keys wrapped for an RSA key: whoever has the public half wraps, only the private half unwraps.
//!
//! RSAES-OAEP with SHA-256 twice; what it binds is the label. The randomness of the padding is aws-lc's own: it takes
//! none from outside.

use std::fmt;

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der, PublicKeyX509Der};
use aws_lc_rs::rsa::{
    KeyPair, OAEP_SHA256_MGF1SHA256, OaepPrivateDecryptingKey, OaepPublicEncryptingKey, PrivateDecryptingKey,
    PublicEncryptingKey,
};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::Binding;
use crate::{DataKey, Error, KeyCheck};

/// Lengths of a wrapped key, that of an RSA modulus of 2048 to 8192 bits.
pub(super) const LENS: std::ops::RangeInclusive<usize> = 256..=1_024;

/// An RSA key of 2048 to 8192 bits, or its public half.
pub struct RsaWrappingKey {
    public: OaepPublicEncryptingKey,
    private: Option<OaepPrivateDecryptingKey>,
    check: KeyCheck,
}

impl RsaWrappingKey {
    /// Takes a public key in the DER form of X.509 (`SubjectPublicKeyInfo`).
    ///
    /// # Errors
    /// [`Error::InvalidKey`] when it is none, or of another length.
    pub fn from_public_der(der: &[u8]) -> Result<Self, Error> {
        let key = PublicEncryptingKey::from_der(der).map_err(|_| Error::InvalidKey)?;
        let check = check_value(&key)?;
        Ok(Self { public: public(key)?, private: None, check })
    }

    /// Takes a private key in the DER form of PKCS #8.
    ///
    /// # Errors
    /// [`Error::InvalidKey`] when it is none, or of another length.
    pub fn from_pkcs8_der(der: &[u8]) -> Result<Self, Error> {
        let key = PrivateDecryptingKey::from_pkcs8(der).map_err(|_| Error::InvalidKey)?;
        let check = check_value(&key.public_key())?;
        let public = public(key.public_key())?;
        let private = OaepPrivateDecryptingKey::new(key).map_err(|_| Error::InvalidKey)?;
        Ok(Self { public, private: Some(private), check })
    }

    /// Takes a private key in the DER form of PKCS #1.
    ///
    /// # Errors
    /// [`Error::InvalidKey`] when it is none, or of another length.
    pub fn from_pkcs1_der(der: &[u8]) -> Result<Self, Error> {
        let key = KeyPair::from_der(der).map_err(|_| Error::InvalidKey)?;
        let wrapped: Pkcs8V1Der<'static> = key.as_der().map_err(|_| Error::InvalidKey)?;
        Self::from_pkcs8_der(wrapped.as_ref())
    }

    /// By what both halves are recognised.
    pub fn check_value(&self) -> KeyCheck {
        self.check
    }

    /// Whether it unwraps, too.
    pub fn has_private_half(&self) -> bool {
        self.private.is_some()
    }

    /// Wraps a data key for the name in `binding`.
    ///
    /// # Errors
    /// [`Error::ZeroKey`] when the data key is all zero bytes.
    pub fn wrap(&self, key: &DataKey, binding: &Binding) -> Result<Vec<u8>, Error> {
        if key.is_zero() {
            return Err(Error::ZeroKey);
        }
        let mut wrapped = vec![0; self.public.ciphertext_size()];
        let label = label(binding)?;
        let written = self.public.encrypt(&OAEP_SHA256_MGF1SHA256, key.bytes(), &mut wrapped, Some(&label));
        let written = written.map_err(|_| Error::Internal)?.len();
        wrapped.truncate(written);
        Ok(wrapped)
    }

    /// Unwraps a data key that was wrapped for the name in `binding`.
    ///
    /// # Errors
    /// [`Error::NoPrivateKey`] when only the public half is here, [`Error::Unwrap`] when key, name or bytes are not
    /// those of the wrap.
    pub fn unwrap(&self, wrapped: &[u8], binding: &Binding) -> Result<DataKey, Error> {
        let private = self.private.as_ref().ok_or(Error::NoPrivateKey)?;
        if wrapped.len() != private.key_size_bytes() {
            return Err(Error::Unwrap);
        }
        let mut plain = Zeroizing::new(vec![0; private.min_output_size()]);
        let label = label(binding)?;
        let plain = private.decrypt(&OAEP_SHA256_MGF1SHA256, wrapped, &mut plain, Some(&label));
        let key = <[u8; 32]>::try_from(&*plain.map_err(|_| Error::Unwrap)?).map(Zeroizing::new);
        Ok(DataKey::from_bytes(*key.map_err(|_| Error::Unwrap)?))
    }
}

fn public(key: PublicEncryptingKey) -> Result<OaepPublicEncryptingKey, Error> {
    let key = OaepPublicEncryptingKey::new(key).map_err(|_| Error::InvalidKey)?;
    if LENS.contains(&key.ciphertext_size()) { Ok(key) } else { Err(Error::InvalidKey) }
}

/// That of the public half, in the one form that DER leaves to it.
fn check_value(key: &PublicEncryptingKey) -> Result<KeyCheck, Error> {
    let der: PublicKeyX509Der<'static> = key.as_der().map_err(|_| Error::InvalidKey)?;
    Ok(KeyCheck::of(der.as_ref()))
}

/// `SHA-256(mode letter || context)`
fn label(binding: &Binding) -> Result<[u8; 32], Error> {
    Ok(Sha256::digest(binding.bound()?).into())
}

impl fmt::Debug for RsaWrappingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RsaWrappingKey").field("private", &self.private.is_some()).finish_non_exhaustive()
    }
}
