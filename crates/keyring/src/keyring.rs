//! One key to write with, and every key still needed to read.
//!
//! The envelope names its key, so exactly one key is ever asked, and its refusal is final. Several keyrings may hold one
//! key, with whatever it remembers.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use envelope::{Binding, BindingMode, DataKey, EncryptedDataKey, Envelope, KeyCheck, KeyId, ObjectKeys, Upload};

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

    /// By what the key is recognised, where it is at hand; both halves of a key have the same.
    fn check_value(&self) -> Option<KeyCheck> {
        None
    }

    /// Wraps something of no use, by which the key is recognised later: where it has no check value.
    async fn canary(&self) -> Result<Option<Canary>, Error> {
        Ok(None)
    }

    /// Whether this key wrapped a canary.
    async fn knows(&self, _canary: &Canary) -> Result<bool, Error> {
        Ok(false)
    }

    /// Tries whether the key wraps and, where it can, unwraps the same again.
    async fn check(&self) -> Result<(), Error> {
        let refused = || Error::Refused { key_id: self.id().clone() };
        let key = DataKey::from_bytes([0x5e; 32]);
        let binding = Binding::new(BindingMode::Key, "", "sealgate:check").map_err(|_| refused())?;
        let edk = self.wrap(&key, &binding).await?;
        if !self.unwraps() {
            return Ok(());
        }
        let unwrapped = self.unwrap(&edk, &binding).await?;
        let envelope = Envelope::new(Upload::Put, BindingMode::Key, edk, &ObjectKeys::derive(&key));
        envelope.unlock(&unwrapped).map(drop).map_err(|_| refused())
    }
}

/// Random bytes that a key wrapped only to be recognised by. No secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Canary {
    /// What the key made of them.
    pub wrapped: Vec<u8>,
    /// The check value that they have when they are unwrapped.
    pub check: KeyCheck,
}

impl Canary {
    /// What was wrapped, in base64.
    pub fn text(&self) -> String {
        STANDARD.encode(&self.wrapped)
    }

    /// Reads that back; `None` when it is no base64.
    pub fn from_text(text: &str, check: KeyCheck) -> Option<Self> {
        STANDARD.decode(text).ok().map(|wrapped| Self { wrapped, check })
    }
}

/// The wrapping keys of one policy. The default one holds none.
#[derive(Default)]
pub struct Keyring {
    primary: Option<Arc<dyn WrappingKey>>,
    readers: Vec<Arc<dyn WrappingKey>>,
    uploads: Option<Arc<dyn WrappingKey>>,
    withheld: BTreeSet<KeyId>,
}

impl Keyring {
    /// Joins the key that wraps with those that only unwrap.
    ///
    /// # Errors
    /// [`Error::DuplicateKey`] when two keys have one name.
    pub fn new(primary: Arc<dyn WrappingKey>, readers: Vec<Arc<dyn WrappingKey>>) -> Result<Self, Error> {
        Self { primary: Some(primary), readers, ..Self::default() }.distinct()
    }

    /// Keys that only unwrap.
    ///
    /// # Errors
    /// [`Error::DuplicateKey`] when two keys have one name.
    pub fn reading(readers: Vec<Arc<dyn WrappingKey>>) -> Result<Self, Error> {
        Self { readers, ..Self::default() }.distinct()
    }

    /// The same with a key that wraps the data keys of uploads under way, for themselves and only while they are, where
    /// the primary key cannot unwrap them. It may be one of the others.
    ///
    /// # Errors
    /// [`Error::DuplicateKey`] when another key has its name.
    pub fn with_upload_key(self, key: Arc<dyn WrappingKey>) -> Result<Self, Error> {
        Self { uploads: Some(key), ..self }.distinct()
    }

    /// The same, knowing of keys that are there and not for this policy: whoever asks for one is told so.
    #[must_use]
    pub fn withholding(self, keys: impl IntoIterator<Item = KeyId>) -> Self {
        Self { withheld: keys.into_iter().collect(), ..self }
    }

    fn distinct(self) -> Result<Self, Error> {
        let mut seen = BTreeSet::new();
        let twin = self.keys().find(|key| !seen.insert(key.id().clone())).map(|key| key.id().clone());
        let uploads = self.uploads.as_ref();
        let stranger = uploads
            .filter(|uploads| self.keys().any(|key| key.id() == uploads.id() && !Arc::ptr_eq(key, uploads)))
            .map(|uploads| uploads.id().clone());
        twin.or(stranger).map_or(Ok(self), |key_id| Err(Error::DuplicateKey { key_id }))
    }

    /// Whether the primary key unwraps what it wraps.
    pub fn reads_what_it_writes(&self) -> bool {
        self.primary.as_ref().is_none_or(|primary| primary.unwraps())
    }

    /// Wraps the data key of an upload once more, for the time it is under way; `None` when the primary key's wrap will
    /// do.
    ///
    /// # Errors
    /// [`Error::NoPrivateKey`] when there is no key that would unwrap it, [`Error::NoPrimary`] when nothing is wrapped.
    pub async fn wrap_for_upload(&self, key: &DataKey, binding: &Binding) -> Result<Option<EncryptedDataKey>, Error> {
        let primary = self.primary()?;
        match &self.uploads {
            _ if primary.unwraps() => Ok(None),
            Some(uploads) => uploads.wrap(key, binding).await.map(Some),
            None => Err(Error::NoPrivateKey { key_id: primary.id().clone() }),
        }
    }

    /// Unwraps the data key of an upload under way.
    ///
    /// # Errors
    /// As for [`Self::unwrap`].
    pub async fn unwrap_for_upload(&self, edk: &EncryptedDataKey, binding: &Binding) -> Result<DataKey, Error> {
        match self.uploads.as_ref().filter(|uploads| uploads.accepts(edk)) {
            Some(uploads) => uploads.unwrap(edk, binding).await,
            None => self.unwrap(edk, binding).await,
        }
    }

    /// The key that wraps.
    ///
    /// # Errors
    /// [`Error::NoPrimary`] when there is none.
    pub fn primary(&self) -> Result<&Arc<dyn WrappingKey>, Error> {
        self.primary.as_ref().ok_or(Error::NoPrimary)
    }

    /// The name of the key that wraps, if one does.
    pub fn primary_id(&self) -> Option<&KeyId> {
        self.primary.as_ref().map(|primary| primary.id())
    }

    /// Wraps a data key with the primary key.
    ///
    /// # Errors
    /// [`Error::NoPrimary`], and whatever the primary key says.
    pub async fn wrap(&self, key: &DataKey, binding: &Binding) -> Result<EncryptedDataKey, Error> {
        self.primary()?.wrap(key, binding).await
    }

    /// Unwraps a data key with the key that wrapped it.
    ///
    /// # Errors
    /// [`Error::UnknownKey`] when no key accepts it, [`Error::Withheld`] when the one that would is not for this policy,
    /// otherwise whatever the one that does says.
    pub async fn unwrap(&self, edk: &EncryptedDataKey, binding: &Binding) -> Result<DataKey, Error> {
        let key_id = edk.key_id.clone();
        match self.keys().find(|key| key.accepts(edk)) {
            Some(key) => key.unwrap(edk, binding).await,
            None if self.withheld.contains(&key_id) => Err(Error::Withheld { key_id }),
            None => Err(Error::UnknownKey { key_id }),
        }
    }

    /// The keys of objects; that of uploads is no such key.
    fn keys(&self) -> impl Iterator<Item = &Arc<dyn WrappingKey>> {
        self.primary.iter().chain(&self.readers)
    }
}

impl fmt::Debug for Keyring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.keys().map(|key| key.id().as_str())).finish()
    }
}
