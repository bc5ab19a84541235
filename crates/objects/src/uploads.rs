//! What has to be remembered of an unfinished multipart upload: a small record for each part, and perhaps a held last part.
//!
//! Everything in it is sealed under the upload's own keys before it comes here; whoever keeps it learns part numbers and times.
//! Losing it loses unfinished uploads and nothing else: their clients are told `NoSuchUpload` and begin again.

mod local;

use std::fmt::Write as _;

use async_trait::async_trait;
use bytes::Bytes;
use sha2::{Digest as _, Sha256};

pub use local::LocalUploads;

use crate::ObjectRef;

/// The state could not be kept or read.
#[derive(Debug, thiserror::Error)]
#[error("the state of uploads cannot be used: {0}")]
pub struct StateError(pub String);

/// Names an upload: derived from the object and the store's own upload id.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct UploadName(String);

impl UploadName {
    pub(crate) fn new(at: &ObjectRef, store_id: &str) -> Self {
        let mut hash = Sha256::new();
        for part in [&at.bucket, &at.key, store_id] {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part);
        }
        let digest = hash.finalize();
        let mut digits = String::with_capacity(digest.len() * 2);
        for byte in digest {
            // Writing to a string cannot fail.
            let _ = write!(digits, "{byte:02x}");
        }
        Self(digits)
    }

    /// 64 hexadecimal digits.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

/// An upload that was begun and neither completed nor aborted.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct BegunUpload {
    /// The bucket.
    pub bucket: String,
    /// The key.
    pub key: String,
    /// The store's upload id.
    pub store_id: String,
    /// The id the client was given.
    pub token: String,
}

/// Where the state of unfinished uploads is kept.
#[async_trait]
pub trait UploadState: Send + Sync + 'static {
    /// Notes that an upload began.
    async fn begin(&self, name: &UploadName, upload: &BegunUpload) -> Result<(), StateError>;
    /// The upload, if it is known.
    async fn find(&self, name: &UploadName) -> Result<Option<BegunUpload>, StateError>;
    /// Keeps a part's record, and its sealed bytes when it is held; what was there for this part is replaced.
    async fn keep(&self, name: &UploadName, part: u16, record: Vec<u8>, held: Option<Bytes>) -> Result<(), StateError>;
    /// All records by ascending part number.
    async fn records(&self, name: &UploadName) -> Result<Vec<(u16, Vec<u8>)>, StateError>;
    /// The sealed bytes of a held part.
    async fn held(&self, name: &UploadName, part: u16) -> Result<Option<Bytes>, StateError>;
    /// Forgets all about an upload.
    async fn forget(&self, name: &UploadName) -> Result<(), StateError>;
}
