//! Data keys wrapped for an X25519 key by HPKE (RFC 9180): whoever has the public half wraps, only the private half
//! unwraps.
//!
//! Base mode with DHKEM(X25519, HKDF-SHA256), HKDF-SHA256 and AES-256-GCM, as rustls has it on aws-lc-rs; it is part of
//! every build already. The ephemeral key is the library's own.

use std::fmt;

use aws_lc_rs::agreement::{PrivateKey, X25519};
use rustls::crypto::aws_lc_rs::hpke::DH_KEM_X25519_HKDF_SHA256_AES_256 as SUITE;
use rustls::crypto::hpke::{EncapsulatedSecret, Hpke, HpkePrivateKey, HpkePublicKey};
use zeroize::Zeroizing;

use super::Binding;
use crate::{DataKey, Error, KeyCheck};

/// An encapsulated key of 32 bytes, 32 bytes of key and 16 of tag.
pub(super) const WRAPPED_LEN: usize = ENCAPSULATED + 32 + 16;

const ENCAPSULATED: usize = 32;
const INFO: &[u8] = b"sealgate/1 wrap";

/// RFC 8410: what stands before the 32 bytes of a key in its DER forms.
const PKCS8: &[u8] = b"\x30\x2e\x02\x01\x00\x30\x05\x06\x03\x2b\x65\x6e\x04\x22\x04\x20";
const SPKI: &[u8] = b"\x30\x2a\x30\x05\x06\x03\x2b\x65\x6e\x03\x21\x00";

/// An X25519 key, or its public half.
pub struct X25519WrappingKey {
    public: HpkePublicKey,
    private: Option<Zeroizing<[u8; 32]>>,
}

impl X25519WrappingKey {
    /// Takes a public key in the DER form of X.509 (`SubjectPublicKeyInfo`, RFC 8410).
    ///
    /// # Errors
    /// [`Error::InvalidKey`] when it is none.
    pub fn from_public_der(der: &[u8]) -> Result<Self, Error> {
        let key: [u8; 32] = behind(SPKI, der)?;
        Ok(Self { public: HpkePublicKey(key.to_vec()), private: None })
    }

    /// Takes a private key in the DER form of PKCS #8 (RFC 8410).
    ///
    /// # Errors
    /// [`Error::InvalidKey`] when it is none.
    pub fn from_pkcs8_der(der: &[u8]) -> Result<Self, Error> {
        Self::from_private_bytes(&Zeroizing::new(behind(PKCS8, der)?))
    }

    /// Takes the 32 bytes of a private key.
    ///
    /// # Errors
    /// [`Error::InvalidKey`] when they are none.
    pub fn from_private_bytes(bytes: &[u8; 32]) -> Result<Self, Error> {
        let key = PrivateKey::from_private_key(&X25519, bytes).map_err(|_| Error::InvalidKey)?;
        let public = key.compute_public_key().map_err(|_| Error::InvalidKey)?;
        Ok(Self { public: HpkePublicKey(public.as_ref().to_vec()), private: Some(Zeroizing::new(*bytes)) })
    }

    /// Whether it unwraps, too.
    pub fn has_private_half(&self) -> bool {
        self.private.is_some()
    }

    /// The public half in the DER form of X.509.
    pub fn public_der(&self) -> Vec<u8> {
        [SPKI, &self.public.0].concat()
    }

    /// By what both halves are recognised.
    pub fn check_value(&self) -> KeyCheck {
        KeyCheck::of(&self.public_der())
    }

    /// The private half in the DER form of PKCS #8, if it is here.
    pub fn pkcs8_der(&self) -> Option<Zeroizing<Vec<u8>>> {
        self.private.as_ref().map(|private| Zeroizing::new([PKCS8, private.as_slice()].concat()))
    }

    /// Wraps a data key for the name in `binding`.
    ///
    /// # Errors
    /// [`Error::ZeroKey`] when the data key is all zero bytes, [`Error::InvalidKey`] when the public key is no point
    /// that keeps secrets.
    pub fn wrap(&self, key: &DataKey, binding: &Binding) -> Result<Vec<u8>, Error> {
        if key.is_zero() {
            return Err(Error::ZeroKey);
        }
        let sealed = SUITE.seal(INFO, &binding.bound()?, key.bytes(), &self.public);
        let (EncapsulatedSecret(mut wrapped), sealed) = sealed.map_err(|_| Error::InvalidKey)?;
        wrapped.extend_from_slice(&sealed);
        Ok(wrapped)
    }

    /// Unwraps a data key that was wrapped for the name in `binding`.
    ///
    /// # Errors
    /// [`Error::NoPrivateKey`] when only the public half is here, [`Error::Unwrap`] when key, name or bytes are not
    /// those of the wrap.
    pub fn unwrap(&self, wrapped: &[u8], binding: &Binding) -> Result<DataKey, Error> {
        let private = self.private.as_ref().ok_or(Error::NoPrivateKey)?;
        if wrapped.len() != WRAPPED_LEN {
            return Err(Error::Unwrap);
        }
        let (encapsulated, sealed) = wrapped.split_at_checked(ENCAPSULATED).ok_or(Error::Unwrap)?;
        let (encapsulated, private) =
            (EncapsulatedSecret(encapsulated.to_vec()), HpkePrivateKey::from(private.to_vec()));
        let key = SUITE.open(&encapsulated, INFO, &binding.bound()?, sealed, &private);
        let key = Zeroizing::new(key.map_err(|_| Error::Unwrap)?);
        let key = <[u8; 32]>::try_from(key.as_slice()).map(Zeroizing::new).map_err(|_| Error::Unwrap)?;
        Ok(DataKey::from_bytes(*key))
    }
}

fn behind(prefix: &[u8], der: &[u8]) -> Result<[u8; 32], Error> {
    der.strip_prefix(prefix).and_then(|key| key.try_into().ok()).ok_or(Error::InvalidKey)
}

impl fmt::Debug for X25519WrappingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("X25519WrappingKey").field("private", &self.private.is_some()).finish_non_exhaustive()
    }
}
