//! One key to write with, and every key still needed to read.
//!
//! The envelope names its key, so exactly one key is ever asked, and its refusal is final.

use std::collections::BTreeSet;
use std::fmt;

use async_trait::async_trait;
use envelope::{Binding, DataKey, EncryptedDataKey, KeyId};

use crate::Error;

/// A key that wraps data keys, wherever it lives.
#[async_trait]
pub trait WrappingKey: Send + Sync + 'static {
    /// The name envelopes know it by.
    fn id(&self) -> &KeyId;

    /// Whether this key wrapped the data key, going by what the envelope says. Proves nothing.
    fn accepts(&self, edk: &EncryptedDataKey) -> bool;

    /// Wraps a data key for the name in `binding`.
    async fn wrap(&self, key: &DataKey, binding: &Binding) -> Result<EncryptedDataKey, Error>;

    /// Unwraps a data key that was wrapped for the name in `binding`.
    async fn unwrap(&self, edk: &EncryptedDataKey, binding: &Binding) -> Result<DataKey, Error>;

    /// Whether it unwraps what it wraps: half a key does not.
    fn unwraps(&self) -> bool {
        true
    }

    /// Tries whether the key would wrap and unwrap, where that is not certain.
    async fn check(&self) -> Result<(), Error> {
        Ok(())
    }
}

/// The wrapping keys of one policy.
pub struct Keyring {
    primary: Box<dyn WrappingKey>,
    retired: Vec<Box<dyn WrappingKey>>,
    uploads: Option<Box<dyn WrappingKey>>,
}

impl Keyring {
    /// Joins the key that wraps with those that only unwrap.
    ///
    /// # Errors
    /// [`Error::DuplicateKey`] when two keys have one name.
    pub fn new(primary: Box<dyn WrappingKey>, retired: Vec<Box<dyn WrappingKey>>) -> Result<Self, Error> {
        Self { primary, retired, uploads: None }.distinct()
    }

    /// The same with a key that wraps the data keys of uploads under way, for themselves and only while they are, where
    /// the primary key cannot unwrap them.
    ///
    /// # Errors
    /// [`Error::DuplicateKey`] when another key has its name.
    pub fn with_upload_key(self, key: Box<dyn WrappingKey>) -> Result<Self, Error> {
        Self { uploads: Some(key), ..self }.distinct()
    }

    fn distinct(self) -> Result<Self, Error> {
        let mut seen = BTreeSet::new();
        let twin = self.keys().map(WrappingKey::id).find(|id| !seen.insert((*id).clone())).cloned();
        twin.map_or(Ok(self), |key_id| Err(Error::DuplicateKey { key_id }))
    }

    /// Whether the primary key unwraps what it wraps.
    pub fn reads_what_it_writes(&self) -> bool {
        self.primary.unwraps()
    }

    /// Wraps the data key of an upload once more, for the time it is under way; `None` when the primary key's wrap will
    /// do.
    ///
    /// # Errors
    /// [`Error::NoPrivateKey`] when there is no key that would unwrap it.
    pub async fn wrap_for_upload(&self, key: &DataKey, binding: &Binding) -> Result<Option<EncryptedDataKey>, Error> {
        match &self.uploads {
            _ if self.primary.unwraps() => Ok(None),
            Some(uploads) => uploads.wrap(key, binding).await.map(Some),
            None => Err(Error::NoPrivateKey { key_id: self.primary.id().clone() }),
        }
    }

    /// The name of the key that wraps.
    pub fn primary_id(&self) -> &KeyId {
        self.primary.id()
    }

    /// Tries whether the primary key would wrap and unwrap.
    ///
    /// # Errors
    /// Why it would not.
    pub async fn check(&self) -> Result<(), Error> {
        self.primary.check().await
    }

    /// Wraps a data key with the primary key.
    ///
    /// # Errors
    /// Whatever the primary key says.
    pub async fn wrap(&self, key: &DataKey, binding: &Binding) -> Result<EncryptedDataKey, Error> {
        self.primary.wrap(key, binding).await
    }

    /// Unwraps a data key with the key that wrapped it.
    ///
    /// # Errors
    /// [`Error::UnknownKey`] when no key accepts it, otherwise whatever the one that does says.
    pub async fn unwrap(&self, edk: &EncryptedDataKey, binding: &Binding) -> Result<DataKey, Error> {
        match self.keys().find(|key| key.accepts(edk)) {
            Some(key) => key.unwrap(edk, binding).await,
            None => Err(Error::UnknownKey { key_id: edk.key_id.clone() }),
        }
    }

    fn keys(&self) -> impl Iterator<Item = &dyn WrappingKey> {
        std::iter::once(&self.primary).chain(&self.retired).chain(&self.uploads).map(Box::as_ref)
    }
}

impl fmt::Debug for Keyring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.keys().map(|key| key.id().as_str())).finish()
    }
}
