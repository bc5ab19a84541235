//! What has to be remembered of an unfinished multipart upload: a small record for each attempt at a part, and sealed bytes
//! that are held back until the upload is completed.
//!
//! Records and held bytes are sealed under the upload's own keys before they come here; whoever keeps them learns part numbers,
//! lengths and times. Losing them loses unfinished uploads and nothing else: their clients are told `NoSuchUpload` and begin again.
//!
//! Every attempt at a part has a record of its own, and held bytes that only this record names. So two attempts that race never
//! mix, in one process or in several, and a crash between the two writes leaves litter, never a record without its bytes.

mod attempt;
mod bucket;
mod local;
mod spool;
mod state_objects;

use std::fmt::Write as _;
use std::ops::Range;

use async_trait::async_trait;
use sha2::{Digest as _, Sha256};

pub use attempt::Attempt;
pub use bucket::BucketUploads;
pub use local::LocalUploads;

use crate::ObjectRef;
use crate::store::{Body, StoreError};

/// The state could not be kept or read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StateError {
    /// What keeps it does not work, or does not hold what it should.
    #[error("the state of unfinished uploads cannot be used: {0}")]
    Failed(String),
    /// What keeps it has failed before and must be opened again.
    #[error("the state of unfinished uploads is closed after a failure of the disk")]
    Closed,
    /// There is no room for more.
    #[error("{0}")]
    Full(String),
    /// The store that keeps it gave no answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl StateError {
    pub(crate) fn failed(error: impl std::fmt::Display) -> Self {
        Self::Failed(error.to_string())
    }
}

/// Names an upload: derived from the object and the store's own upload id.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct UploadName {
    bucket: String,
    digits: String,
}

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
        Self { bucket: at.bucket.clone(), digits }
    }

    /// A name that was read back; `None` when it cannot be one.
    pub(crate) fn read(bucket: &str, digits: &str) -> Option<Self> {
        let good = digits.len() == 64 && digits.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        good.then(|| Self { bucket: bucket.to_owned(), digits: digits.to_owned() })
    }

    /// 64 hexadecimal digits.
    pub(crate) fn as_str(&self) -> &str {
        &self.digits
    }

    /// The bucket that the object will be in.
    pub(crate) fn bucket(&self) -> &str {
        &self.bucket
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
    /// When it began, in milliseconds since 1970.
    pub begun: u64,
}

impl BegunUpload {
    pub(crate) fn at(&self) -> ObjectRef {
        ObjectRef { bucket: self.bucket.clone(), key: self.key.clone(), version: None }
    }

    pub(crate) fn name(&self) -> UploadName {
        UploadName::new(&self.at(), &self.store_id)
    }
}

/// State that has been there for long.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Leftover {
    /// Of an upload that may still be under way: the store knows.
    Upload(BegunUpload),
    /// Of none: what a crash left behind.
    Litter(UploadName),
}

/// Where the state of unfinished uploads is kept.
#[async_trait]
pub trait UploadState: Send + Sync + 'static {
    /// Whether it lies in the clients' buckets, under names that clients must neither see nor touch.
    fn is_in_buckets(&self) -> bool;
    /// Notes that an upload began.
    async fn begin(&self, upload: &BegunUpload) -> Result<(), StateError>;
    /// The upload, if it is known.
    async fn find(&self, name: &UploadName) -> Result<Option<BegunUpload>, StateError>;
    /// Keeps the sealed bytes of an attempt that is held back; [`Self::keep`] follows. Nothing stays when `sealed` fails.
    async fn hold(&self, name: &UploadName, attempt: &Attempt, sealed: Body, sealed_len: u64)
    -> Result<(), StateError>;
    /// Keeps an attempt's record. When the upload is no longer known nothing is kept, nor what was held, and the answer is `false`.
    async fn keep(&self, name: &UploadName, attempt: &Attempt, record: Vec<u8>) -> Result<bool, StateError>;
    /// The records of up to `parts` parts with numbers above `after`, ascending; several where attempts at a part raced, the
    /// latest of them last.
    async fn records(&self, name: &UploadName, after: u16, parts: usize)
    -> Result<Vec<(Attempt, Vec<u8>)>, StateError>;
    /// Some of the sealed bytes of a held attempt; `None` when they are not there.
    async fn held(&self, name: &UploadName, attempt: &Attempt, range: Range<u64>) -> Result<Option<Body>, StateError>;
    /// Forgets all about an upload.
    async fn forget(&self, name: &UploadName) -> Result<(), StateError>;
    /// Removes all that lies in a bucket, if nothing else is in it; whether there was anything to remove.
    async fn clear(&self, bucket: &str) -> Result<bool, StateError>;
    /// What has been here since before `moment` (milliseconds since 1970), as far as it lies in `buckets` if it lies in buckets.
    async fn leftovers(&self, buckets: &[String], moment: u64) -> Result<Vec<Leftover>, StateError>;
    /// The same state, if one process alone has it and can give every part a place that never changes.
    fn placing(&self) -> Option<&dyn PlacingUploads> {
        None
    }
}

/// What uploads need whose parts are stretches of one message, each sealed once at one place.
#[async_trait]
pub trait PlacingUploads: Send + Sync {
    /// Asks whether there is room for a part that waits for others before it; part of the room is kept for those.
    ///
    /// # Errors
    /// [`StateError::Full`] when there is not.
    fn check_room_to_wait(&self, sealed_len: u64) -> Result<(), StateError>;
    /// Removes the held bytes of an attempt; its record stays.
    async fn release(&self, name: &UploadName, attempt: &Attempt) -> Result<(), StateError>;
    /// What was noted of the upload as a whole.
    async fn note(&self, name: &UploadName) -> Result<Option<Vec<u8>>, StateError>;
    /// Notes something of the upload as a whole, in the place of what was noted before; `false` when it is not known.
    async fn keep_note(&self, name: &UploadName, note: Vec<u8>) -> Result<bool, StateError>;
}

/// Milliseconds since 1970.
pub(crate) fn now() -> u64 {
    now_micros() / 1_000
}

/// Microseconds since 1970.
pub(crate) fn now_micros() -> u64 {
    u64::try_from(time::OffsetDateTime::now_utc().unix_timestamp_nanos() / 1_000).unwrap_or(0)
}
