//! Drawing a new RSA key.
//!
//! aws-lc takes its randomness from the system itself, here as for the padding of what it wraps: primes cannot be handed
//! to it.

use std::fmt;

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der, PublicKeyX509Der};
use aws_lc_rs::rsa::{KeySize, PrivateDecryptingKey};
use zeroize::Zeroizing;

use crate::Error;

/// How long a new key is, in bits of its modulus.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum RsaLen {
    /// 2048: the least that is read anywhere.
    Bits2048,
    /// 3072: as strong as AES-128 is taken to be (NIST SP 800-57, 5.6.1).
    #[default]
    Bits3072,
    /// 4096: unwrapping takes twice as long again.
    Bits4096,
}

/// A new RSA key in its DER forms.
pub struct RsaKeyPair {
    private: Zeroizing<Vec<u8>>,
    public: Vec<u8>,
}

impl RsaKeyPair {
    /// Draws a key, which takes up to some seconds.
    ///
    /// # Errors
    /// [`Error::Internal`] when the library could not.
    pub fn generate(len: RsaLen) -> Result<Self, Error> {
        let size = match len {
            RsaLen::Bits2048 => KeySize::Rsa2048,
            RsaLen::Bits3072 => KeySize::Rsa3072,
            RsaLen::Bits4096 => KeySize::Rsa4096,
        };
        let key = PrivateDecryptingKey::generate(size).map_err(|_| Error::Internal)?;
        // The library wipes its own buffer.
        let private: Pkcs8V1Der<'static> = key.as_der().map_err(|_| Error::Internal)?;
        let public: PublicKeyX509Der<'static> = key.public_key().as_der().map_err(|_| Error::Internal)?;
        Ok(Self { private: Zeroizing::new(private.as_ref().to_vec()), public: public.as_ref().to_vec() })
    }

    /// Both halves, in the DER form of PKCS #8.
    pub fn pkcs8_der(&self) -> &[u8] {
        &self.private
    }

    /// The public half, in the DER form of X.509 (`SubjectPublicKeyInfo`).
    pub fn public_der(&self) -> &[u8] {
        &self.public
    }
}

impl fmt::Debug for RsaKeyPair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RsaKeyPair")
    }
}
