//! Wrapping keys of two halves: the public one wraps, the private one unwraps.
//!
//! A host that has the public half alone writes what it cannot read.

use async_trait::async_trait;
use envelope::wrap::{RsaWrappingKey, X25519WrappingKey};
use envelope::{Binding, DataKey, EncryptedDataKey, KeyCheck, KeyId, WrapAlgorithm};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{PrivateKeyDer, SubjectPublicKeyInfoDer};
use zeroize::Zeroize;

use crate::{Error, WrappingKey, rsa_file};

/// An RSA or X25519 key, or the public half of one.
#[derive(Debug)]
pub struct PublicKey {
    id: KeyId,
    key: Kind,
}

#[derive(Debug)]
enum Kind {
    Rsa(RsaWrappingKey),
    X25519(X25519WrappingKey),
}

impl PublicKey {
    /// Reads an RSA key in PEM: private (PKCS #8, PKCS #1) or public.
    ///
    /// # Errors
    /// [`Error::InvalidKeyFile`] when there is none.
    pub fn rsa(id: KeyId, contents: &[u8]) -> Result<Self, Error> {
        let invalid = |_| rsa_file::invalid("the key is not one of RSA with 2048 to 8192 bits");
        let key = match halves(contents)? {
            Halves::Public(der) => RsaWrappingKey::from_public_der(&der),
            Halves::Private(mut key) => {
                let read = match &key {
                    PrivateKeyDer::Pkcs8(der) => RsaWrappingKey::from_pkcs8_der(der.secret_pkcs8_der()),
                    PrivateKeyDer::Pkcs1(der) => RsaWrappingKey::from_pkcs1_der(der.secret_pkcs1_der()),
                    _ => Err(envelope::Error::InvalidKey),
                };
                key.zeroize();
                read
            }
        };
        Ok(Self { id, key: Kind::Rsa(key.map_err(invalid)?) })
    }

    /// Reads an X25519 key in PEM: private (PKCS #8) or public.
    ///
    /// # Errors
    /// [`Error::InvalidKeyFile`] when there is none.
    pub fn x25519(id: KeyId, contents: &[u8]) -> Result<Self, Error> {
        let invalid = |_| rsa_file::invalid("the key is not one of X25519");
        let key = match halves(contents)? {
            Halves::Public(der) => X25519WrappingKey::from_public_der(&der),
            Halves::Private(mut key) => {
                let read = match &key {
                    PrivateKeyDer::Pkcs8(der) => X25519WrappingKey::from_pkcs8_der(der.secret_pkcs8_der()),
                    _ => Err(envelope::Error::InvalidKey),
                };
                key.zeroize();
                read
            }
        };
        Ok(Self { id, key: Kind::X25519(key.map_err(invalid)?) })
    }

    /// Whether the private half is here, so that it unwraps.
    pub fn has_private_half(&self) -> bool {
        match &self.key {
            Kind::Rsa(key) => key.has_private_half(),
            Kind::X25519(key) => key.has_private_half(),
        }
    }

    fn algorithm(&self) -> WrapAlgorithm {
        match &self.key {
            Kind::Rsa(_) => WrapAlgorithm::RsaOaep256,
            Kind::X25519(_) => WrapAlgorithm::HpkeX25519,
        }
    }
}

enum Halves {
    Public(Vec<u8>),
    Private(PrivateKeyDer<'static>),
}

/// What is in a PEM file, the private half first.
fn halves(contents: &[u8]) -> Result<Halves, Error> {
    rsa_file::check_unlocked(contents)?;
    // What the parser met is not repeated: it may be part of the key.
    if let Ok(key) = PrivateKeyDer::from_pem_slice(contents) {
        return Ok(Halves::Private(key));
    }
    let public = SubjectPublicKeyInfoDer::from_pem_slice(contents);
    let public = public.map_err(|_| rsa_file::invalid("neither a private nor a public key in PEM form"))?;
    Ok(Halves::Public(public.to_vec()))
}

#[async_trait]
impl WrappingKey for PublicKey {
    fn id(&self) -> &KeyId {
        &self.id
    }

    fn check_value(&self) -> Option<KeyCheck> {
        Some(match &self.key {
            Kind::Rsa(key) => key.check_value(),
            Kind::X25519(key) => key.check_value(),
        })
    }

    fn accepts(&self, edk: &EncryptedDataKey) -> bool {
        edk.key_id == self.id && edk.algorithm == self.algorithm()
    }

    fn unwraps(&self) -> bool {
        self.has_private_half()
    }

    async fn wrap(&self, key: &DataKey, binding: &Binding) -> Result<EncryptedDataKey, Error> {
        let wrapped = match &self.key {
            Kind::Rsa(rsa) => rsa.wrap(key, binding),
            Kind::X25519(x25519) => x25519.wrap(key, binding),
        };
        let wrapped = wrapped.map_err(|source| Error::Wrap { key_id: self.id.clone(), source })?;
        Ok(EncryptedDataKey { key_id: self.id.clone(), algorithm: self.algorithm(), wrapped })
    }

    async fn unwrap(&self, edk: &EncryptedDataKey, binding: &Binding) -> Result<DataKey, Error> {
        if !self.accepts(edk) {
            return Err(Error::Refused { key_id: self.id.clone() });
        }
        let key = match &self.key {
            Kind::Rsa(rsa) => rsa.unwrap(&edk.wrapped, binding),
            Kind::X25519(x25519) => x25519.unwrap(&edk.wrapped, binding),
        };
        key.map_err(|error| match error {
            envelope::Error::NoPrivateKey => Error::NoPrivateKey { key_id: self.id.clone() },
            _ => Error::Refused { key_id: self.id.clone() },
        })
    }
}
