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

    /// Tries whether the key would wrap and unwrap, where that is not certain.
    async fn check(&self) -> Result<(), Error> {
        Ok(())
    }
}

/// The wrapping keys of one policy.
pub struct Keyring {
    primary: Box<dyn WrappingKey>,
    retired: Vec<Box<dyn WrappingKey>>,
}

impl Keyring {
    /// Joins the key that wraps with those that only unwrap.
    ///
    /// # Errors
    /// [`Error::DuplicateKey`] when two keys have one name.
    pub fn new(primary: Box<dyn WrappingKey>, retired: Vec<Box<dyn WrappingKey>>) -> Result<Self, Error> {
        let keyring = Self { primary, retired };
        let mut seen = BTreeSet::new();
        if let Some(twin) = keyring.keys().find(|key| !seen.insert(key.id().clone())) {
            return Err(Error::DuplicateKey { key_id: twin.id().clone() });
        }
        Ok(keyring)
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
        std::iter::once(&self.primary).chain(&self.retired).map(Box::as_ref)
    }
}

impl fmt::Debug for Keyring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.keys().map(|key| key.id().as_str())).finish()
    }
}
