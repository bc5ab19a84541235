//! An AES-256 wrapping key held in memory.
//!
//! Its bytes stay inside a [`WrappingSecret`]; where they came from is not known here.

use std::fmt;

use async_trait::async_trait;
use envelope::wrap::PassphraseParameters;
use envelope::{Binding, DataKey, EncryptedDataKey, KeyCheck, KeyId, WrapAlgorithm, WrappingSecret, wrap};

use crate::{Error, WrappingKey, key_file};

/// A local AES-256 key.
pub struct AesKey {
    id: KeyId,
    secret: WrappingSecret,
}

impl AesKey {
    /// Names a secret. An all-zero secret neither wraps nor unwraps.
    pub fn new(id: KeyId, secret: WrappingSecret) -> Self {
        Self { id, secret }
    }

    /// Reads the contents of a key file.
    ///
    /// # Errors
    /// [`Error::InvalidKeyFile`] when they hold no key, one that has not 32 bytes, or an all-zero one.
    pub fn from_key_file_contents(id: KeyId, contents: &[u8]) -> Result<Self, Error> {
        let key = key_file::decode_256(contents)?;
        Ok(Self::new(id, WrappingSecret::from_bytes(*key)))
    }

    /// Makes the key from words, which takes some time and memory.
    ///
    /// # Errors
    /// [`Error::InvalidSecret`] when there are none.
    pub fn from_passphrase(id: KeyId, words: &str, parameters: &PassphraseParameters) -> Result<Self, Error> {
        let no_key = |_| Error::InvalidSecret { problem: "the passphrase makes no key" };
        Ok(Self::new(id, parameters.derive(words).map_err(no_key)?))
    }
}

#[async_trait]
impl WrappingKey for AesKey {
    fn id(&self) -> &KeyId {
        &self.id
    }

    fn check_value(&self) -> Option<KeyCheck> {
        Some(self.secret.check_value())
    }

    fn accepts(&self, edk: &EncryptedDataKey) -> bool {
        edk.key_id == self.id && edk.algorithm == WrapAlgorithm::A256Kw
    }

    async fn wrap(&self, key: &DataKey, binding: &Binding) -> Result<EncryptedDataKey, Error> {
        let wrapped = wrap::wrap_a256kw(&self.secret, key, binding)
            .map_err(|source| Error::Wrap { key_id: self.id.clone(), source })?;
        Ok(EncryptedDataKey { key_id: self.id.clone(), algorithm: WrapAlgorithm::A256Kw, wrapped })
    }

    async fn unwrap(&self, edk: &EncryptedDataKey, binding: &Binding) -> Result<DataKey, Error> {
        let refused = || Error::Refused { key_id: self.id.clone() };
        if !self.accepts(edk) {
            return Err(refused());
        }
        wrap::unwrap_a256kw(&self.secret, &edk.wrapped, binding).map_err(|_| refused())
    }
}

impl fmt::Debug for AesKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AesKey").field("id", &self.id.as_str()).finish_non_exhaustive()
    }
}
