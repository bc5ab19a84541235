//! The sweep: state of uploads that the store no longer knows is forgotten.
//!
//! An upload may end without us: completed or aborted at the store, expired by a lifecycle rule, or finished here by a process that
//! died before it could forget. The store is asked about everything old, and only what it denies is removed.

use std::time::Duration;

use futures::StreamExt as _;
use http::{HeaderMap, Method, StatusCode};

use crate::multipart::answers;
use crate::uploads::{BegunUpload, Leftover, now};
use crate::{Error, SealedObjects, encode_value, stream};

/// Questions that are open at the same time: the sweep is in no hurry.
const FAN_OUT: usize = 4;

/// A list of all buckets stays below this.
const BUCKETS_LIMIT: usize = 16 * 1024 * 1024;

/// What a sweep did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Swept {
    /// Uploads and litter that were old enough to be looked at.
    pub looked_at: usize,
    /// How many of them are forgotten now.
    pub forgotten: usize,
}

impl SealedObjects {
    /// Asks the store about every unfinished upload that is older than `age`, and forgets those that are no more.
    ///
    /// # Errors
    /// When the state cannot be read. What goes wrong with one upload is logged, and the others are swept.
    pub async fn sweep_uploads(&self, age: Duration) -> Result<Swept, Error> {
        let Some(uploads) = &self.uploads else { return Ok(Swept::default()) };
        let moment = now().saturating_sub(u64::try_from(age.as_millis()).unwrap_or(u64::MAX));
        let buckets = if uploads.is_in_buckets() { self.sealed_buckets().await? } else { Vec::new() };
        let leftovers = uploads.leftovers(&buckets, moment).await?;
        let mut swept = Swept { looked_at: leftovers.len(), forgotten: 0 };
        let questions: Vec<_> = leftovers.into_iter().map(|leftover| self.sweep(leftover)).collect();
        let mut answers = futures::stream::iter(questions).buffer_unordered(FAN_OUT);
        while let Some(answer) = answers.next().await {
            match answer {
                Ok(forgotten) => swept.forgotten += usize::from(forgotten),
                Err(error) => tracing::warn!(%error, "an old upload could not be looked at"),
            }
        }
        Ok(swept)
    }

    /// Whether it is forgotten now.
    async fn sweep(&self, leftover: Leftover) -> Result<bool, Error> {
        let name = match leftover {
            Leftover::Litter(name) => name,
            Leftover::Upload(upload) if self.is_over(&upload).await? => upload.name(),
            Leftover::Upload(_) => return Ok(false),
        };
        self.windows.forget(&name);
        self.uploads()?.forget(&name).await?;
        Ok(true)
    }

    /// Whether the store says that there is no such upload.
    async fn is_over(&self, upload: &BegunUpload) -> Result<bool, Error> {
        let query = format!("max-parts=1&uploadId={}", encode_value(&upload.store_id));
        let response = self.ask(Method::GET, upload.at().uri_with(&query)?, HeaderMap::new()).await?;
        if response.status() != StatusCode::NOT_FOUND {
            return Ok(false);
        }
        let document = stream::collect(response.into_body(), super::ANSWER_LIMIT).await.map_err(super::unreadable)?;
        let code = crate::error_code(&document).map(|(code, _)| code).unwrap_or_default();
        Ok(code == "NoSuchUpload" || code == "NoSuchBucket")
    }

    /// The store's buckets in which something is sealed.
    async fn sealed_buckets(&self) -> Result<Vec<String>, Error> {
        let response = self.ask(Method::GET, crate::service_uri("")?, HeaderMap::new()).await?;
        if !response.status().is_success() {
            let named = self.policies.named_sealed_buckets();
            tracing::info!(
                status = response.status().as_u16(),
                "the store does not list its buckets; only those that rules name are searched for the state of old uploads"
            );
            return Ok(named);
        }
        let page = stream::collect(response.into_body(), BUCKETS_LIMIT).await.map_err(super::unreadable)?;
        let mut buckets = answers::elements(&page, &["ListAllMyBucketsResult", "Buckets", "Bucket", "Name"])?;
        buckets.retain(|bucket| self.policies.seals_in(bucket));
        Ok(buckets)
    }
}
