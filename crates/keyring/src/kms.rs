//! A service that wraps small secrets under keys it never gives away.
//!
//! One trait for all of them; who they are, how they are reached and when they are asked again is each one's own
//! business. What a context means is the caller's.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use envelope::s3ec::Context;
use zeroize::Zeroizing;

/// A key management service.
#[async_trait]
pub trait Kms: Send + Sync + 'static {
    /// Encrypts at most 4,096 bytes under `key`; only the same `context` decrypts them.
    async fn encrypt(&self, key: &str, plaintext: &[u8], context: &Context) -> Result<Vec<u8>, KmsError>;

    /// Decrypts what was encrypted under `key`. Without a key the service may take any that it has: for tools that
    /// never said which.
    async fn decrypt(&self, key: Option<&str>, blob: &[u8], context: &Context) -> Result<Zeroizing<Vec<u8>>, KmsError>;
}

#[async_trait]
impl<K: Kms + ?Sized> Kms for Arc<K> {
    async fn encrypt(&self, key: &str, plaintext: &[u8], context: &Context) -> Result<Vec<u8>, KmsError> {
        self.as_ref().encrypt(key, plaintext, context).await
    }

    async fn decrypt(&self, key: Option<&str>, blob: &[u8], context: &Context) -> Result<Zeroizing<Vec<u8>>, KmsError> {
        self.as_ref().decrypt(key, blob, context).await
    }
}

/// Why a key management service did not do it. Never holds what was to be encrypted or decrypted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KmsError {
    /// Another key, another context, or bytes that were changed.
    #[error("the ciphertext was refused")]
    Refused,
    /// The service knows us and does not let us, or the key is disabled, deleted or of another kind: for an operator.
    #[error("not allowed: {0}")]
    Denied(String),
    /// No answer, or none that helps: to be tried again.
    #[error("not available: {0}")]
    Unavailable(String),
}

/// One key of a service.
#[derive(Clone)]
pub struct KmsKey {
    kms: Arc<dyn Kms>,
    name: String,
}

impl KmsKey {
    /// The key that `kms` knows as `name`.
    pub fn new(kms: Arc<dyn Kms>, name: String) -> Self {
        Self { kms, name }
    }

    /// What the service calls it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Encrypts under this key.
    ///
    /// # Errors
    /// Why the service did not.
    pub async fn encrypt(&self, plaintext: &[u8], context: &Context) -> Result<Vec<u8>, KmsError> {
        self.kms.encrypt(&self.name, plaintext, context).await
    }

    /// Decrypts with this key and no other.
    ///
    /// # Errors
    /// Why the service did not.
    pub async fn decrypt(&self, blob: &[u8], context: &Context) -> Result<Zeroizing<Vec<u8>>, KmsError> {
        self.kms.decrypt(Some(&self.name), blob, context).await
    }
}

impl fmt::Debug for KmsKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KmsKey").field("name", &self.name).finish_non_exhaustive()
    }
}
