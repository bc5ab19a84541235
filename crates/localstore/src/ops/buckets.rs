//! Buckets as they are listed.

use std::sync::Arc;

use s3s::dto::{Bucket as BucketEntry, ListBucketsInput, ListBucketsOutput};

use crate::bucket::Bucket;
use crate::listing;
use crate::store::DirectoryStore;

/// S3 shows no more buckets at once.
const BUCKET_LIMIT: i32 = 10_000;

impl DirectoryStore {
    pub(crate) fn bucket_page(&self, input: ListBucketsInput) -> ListBucketsOutput {
        let limit = usize::try_from(input.max_buckets.unwrap_or(BUCKET_LIMIT).clamp(1, BUCKET_LIMIT)).unwrap_or(1);
        let prefix = input.prefix.clone().unwrap_or_default();
        let after = input.continuation_token.unwrap_or_default();
        let buckets = self.buckets();
        let mut found = buckets.iter().filter(|(name, _)| name.starts_with(&prefix) && name.as_str() > after.as_str());
        let page: Vec<_> = found.by_ref().take(limit).collect();
        let next = found.next().and_then(|_| page.last()).map(|(name, _)| (*name).clone());
        let show = |(name, bucket): (&String, &Arc<Bucket>)| BucketEntry {
            name: Some(name.clone()),
            creation_date: Some(bucket.created().to_dto()),
            ..Default::default()
        };
        ListBucketsOutput {
            buckets: Some(page.into_iter().map(show).collect()),
            continuation_token: next,
            owner: Some(listing::owner()),
            prefix: input.prefix,
        }
    }
}
