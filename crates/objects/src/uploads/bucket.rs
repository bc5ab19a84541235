//! Upload state in the bucket itself, under a reserved prefix, so that any number of processes share an upload.
//!
//! `.sealgate/uploads/<upload>/begun` says that the upload exists, `part-<attempt>` is the record of an attempt at a part, and
//! `held-<attempt>` its sealed bytes when they are held back. Nothing is ever overwritten, so processes need no agreement: held
//! bytes are written before the record that names them, and the upload is removed before its records, which whoever comes late
//! notices. What a crash leaves is found by the sweep.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use async_trait::async_trait;
use futures::{StreamExt as _, TryStreamExt as _};

use super::attempt::{first_parts, live};
use super::state_objects::{Entry, FAN_OUT, StateObjects};
use super::{Attempt, BegunUpload, Leftover, StateError, UploadName, UploadState};
use crate::reserved;
use crate::store::{self, Body, Store};

/// A token and a key, with room to spare.
const UPLOAD_LIMIT: usize = 32 * 1024;

/// A record with every digest takes less than a kilobyte.
const RECORD_LIMIT: usize = 16 * 1024;

/// Ten attempts at each of 10,000 parts: more are nobody's upload.
const ATTEMPTS: usize = 100_000;

/// Uploads of a bucket that one sweep looks at; the next one goes on, because what is over is gone by then.
const SWEPT: usize = 100_000;

/// Upload state in the buckets of a store.
pub struct BucketUploads {
    objects: StateObjects,
}

impl BucketUploads {
    /// State beside the objects on `store`.
    #[must_use]
    pub fn new(store: Arc<dyn Store>) -> Self {
        Self { objects: StateObjects::new(store) }
    }

    async fn attempts(&self, name: &UploadName, after: u16, parts: usize) -> Result<Vec<Attempt>, StateError> {
        let prefix = key(name, RECORD);
        let behind = format!("{prefix}{after:05}~");
        let mut found: Vec<Attempt> = Vec::new();
        let visit = |page: Vec<Entry>| {
            found.extend(page.iter().filter_map(|entry| Attempt::parse(entry.key.strip_prefix(&prefix)?)));
            // Enough when a part beyond the last one wanted has been seen.
            found.len() < ATTEMPTS && first_parts(found.clone(), parts).len() == found.len()
        };
        self.objects.list(name.bucket(), &prefix, &behind, visit).await?;
        Ok(first_parts(live(found), parts))
    }

    /// Removes what is left of an attempt.
    async fn discard(&self, name: &UploadName, attempt: &Attempt) -> Result<(), StateError> {
        for key in [record(name, attempt), held(name, attempt)] {
            self.objects.remove_all(name.bucket(), &key, &key).await?;
        }
        Ok(())
    }

    /// What lies in a bucket, by upload: whether it says that it exists, and the times of its oldest and its newest object.
    async fn kept_in(&self, bucket: &str) -> Result<BTreeMap<String, Kept>, StateError> {
        let mut uploads: BTreeMap<String, Kept> = BTreeMap::new();
        let visit = |page: Vec<Entry>| {
            for Entry { key, modified } in page {
                let name = key.strip_prefix(reserved::UPLOADS).and_then(|rest| rest.split_once('/'));
                let Some((digits, rest)) = name else { continue };
                let kept = uploads.entry(digits.to_owned()).or_default();
                kept.newest = kept.newest.max(modified);
                if rest == BEGUN {
                    kept.begun = Some(modified);
                }
            }
            uploads.len() < SWEPT
        };
        self.objects.list(bucket, reserved::UPLOADS, "", visit).await?;
        Ok(uploads)
    }
}

/// What lies under an upload's name.
#[derive(Default)]
struct Kept {
    /// When it was noted that the upload exists.
    begun: Option<u64>,
    newest: u64,
}

#[async_trait]
impl UploadState for BucketUploads {
    fn is_in_buckets(&self) -> bool {
        true
    }

    async fn begin(&self, upload: &BegunUpload) -> Result<(), StateError> {
        let (name, value) = (upload.name(), serde_json::to_vec(upload).map_err(StateError::failed)?);
        let len = value.len() as u64;
        self.objects.put(name.bucket(), &key(&name, BEGUN), store::full(value), len).await
    }

    async fn find(&self, name: &UploadName) -> Result<Option<BegunUpload>, StateError> {
        let Some(value) = self.objects.get(name.bucket(), &key(name, BEGUN), UPLOAD_LIMIT).await? else {
            return Ok(None);
        };
        // The store may show what it likes: only an upload of this very name is believed to be one.
        let upload = serde_json::from_slice(&value).ok().filter(|upload: &BegunUpload| upload.name() == *name);
        Ok(upload)
    }

    async fn hold(
        &self,
        name: &UploadName,
        attempt: &Attempt,
        sealed: Body,
        sealed_len: u64,
    ) -> Result<(), StateError> {
        self.objects.put(name.bucket(), &held(name, attempt), sealed, sealed_len).await
    }

    async fn keep(&self, name: &UploadName, attempt: &Attempt, value: Vec<u8>) -> Result<bool, StateError> {
        let len = value.len() as u64;
        self.objects.put(name.bucket(), &record(name, attempt), store::full(value), len).await?;
        // Whoever ends an upload removes this first. If it is still here, the record will be seen and removed with the rest.
        let known = self.objects.is_there(name.bucket(), &key(name, BEGUN)).await?;
        if !known {
            self.discard(name, attempt).await?;
        }
        Ok(known)
    }

    async fn records(
        &self,
        name: &UploadName,
        after: u16,
        parts: usize,
    ) -> Result<Vec<(Attempt, Vec<u8>)>, StateError> {
        let attempts = self.attempts(name, after, parts).await?;
        let read = async |attempt: Attempt| {
            let value = self.objects.get(name.bucket(), &record(name, &attempt), RECORD_LIMIT).await?;
            Ok::<_, StateError>(value.map(|value| (attempt, value.to_vec())))
        };
        let reads: Vec<_> = attempts.into_iter().map(read).collect();
        let records: Vec<_> = futures::stream::iter(reads).buffered(FAN_OUT).try_collect().await?;
        Ok(records.into_iter().flatten().collect())
    }

    async fn held(&self, name: &UploadName, attempt: &Attempt, range: Range<u64>) -> Result<Option<Body>, StateError> {
        if range.is_empty() {
            return Ok(Some(store::empty()));
        }
        self.objects.range(name.bucket(), &held(name, attempt), range).await
    }

    async fn forget(&self, name: &UploadName) -> Result<(), StateError> {
        self.objects.remove_all(name.bucket(), &key(name, ""), &key(name, BEGUN)).await
    }

    async fn clear(&self, bucket: &str) -> Result<bool, StateError> {
        if !self.objects.is_all_under(bucket, reserved::UPLOADS).await? {
            return Ok(false);
        }
        self.objects.remove_all(bucket, reserved::UPLOADS, "").await?;
        Ok(true)
    }

    async fn leftovers(&self, buckets: &[String], moment: u64) -> Result<Vec<Leftover>, StateError> {
        let mut leftovers = Vec::new();
        for bucket in buckets {
            let kept = match self.kept_in(bucket).await {
                Ok(kept) => kept,
                Err(error) => {
                    tracing::warn!(bucket, %error, "a bucket could not be searched for the state of old uploads");
                    continue;
                }
            };
            for (digits, Kept { begun, newest }) in kept {
                let Some(name) = UploadName::read(bucket, &digits) else { continue };
                if begun.is_some_and(|begun| begun > moment) || (begun.is_none() && newest > moment) {
                    continue;
                }
                let upload = if begun.is_some() { self.find(&name).await? } else { None };
                leftovers.push(upload.map_or(Leftover::Litter(name), Leftover::Upload));
            }
        }
        Ok(leftovers)
    }
}

/// The object that says that an upload exists. It comes first in every listing, so that it is the first to go.
const BEGUN: &str = "begun";
/// What names of records begin with.
const RECORD: &str = "part-";

fn key(name: &UploadName, rest: &str) -> String {
    format!("{}{}/{rest}", reserved::UPLOADS, name.as_str())
}

fn record(name: &UploadName, attempt: &Attempt) -> String {
    key(name, &format!("{RECORD}{attempt}"))
}

fn held(name: &UploadName, attempt: &Attempt) -> String {
    key(name, &format!("held-{}", attempt.held_name()))
}
