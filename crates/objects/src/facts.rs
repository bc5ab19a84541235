//! A bounded memory of what was already learnt about stored objects, so that it costs a request at most once.
//!
//! Entries are immutable facts about one stored version (the ETag is part of the key), so they never go stale; losing them
//! costs a request and nothing else.

use std::sync::Arc;

use envelope::{Facts, PartMap};
use quick_cache::sync::Cache;

use crate::ObjectRef;

/// Entries kept of each kind; at a few hundred bytes each this stays within a few MiB.
const CAPACITY: usize = 16_384;

/// Part maps kept: one may take 400 KB.
const MAP_CAPACITY: usize = 64;

/// An object and the store's ETag of the version meant.
type Version = (ObjectRef, String);

/// Summaries and lengths by object and store ETag.
pub(crate) struct FactsCache {
    summaries: Cache<Version, Arc<Facts>>,
    plain_lens: Cache<Version, u64>,
    maps: Cache<Version, Arc<PartMap>>,
}

impl FactsCache {
    pub(crate) fn new() -> Self {
        Self { summaries: Cache::new(CAPACITY), plain_lens: Cache::new(CAPACITY), maps: Cache::new(MAP_CAPACITY) }
    }

    pub(crate) fn find(&self, at: &ObjectRef, etag: &str) -> Option<Arc<Facts>> {
        self.summaries.get(&(at.clone(), etag.to_owned()))
    }

    pub(crate) fn remember(&self, at: &ObjectRef, etag: &str, facts: Arc<Facts>) {
        self.summaries.insert((at.clone(), etag.to_owned()), facts);
    }

    pub(crate) fn find_map(&self, at: &ObjectRef, etag: &str) -> Option<Arc<PartMap>> {
        self.maps.get(&(at.clone(), etag.to_owned()))
    }

    pub(crate) fn remember_map(&self, at: &ObjectRef, etag: &str, map: Arc<PartMap>) {
        self.maps.insert((at.clone(), etag.to_owned()), map);
    }

    /// The plaintext length of an object in a mixed bucket, sealed or not.
    pub(crate) fn find_len(&self, at: &ObjectRef, etag: &str) -> Option<u64> {
        self.plain_lens.get(&(at.clone(), etag.to_owned()))
    }

    pub(crate) fn remember_len(&self, at: &ObjectRef, etag: &str, plain_len: u64) {
        self.plain_lens.insert((at.clone(), etag.to_owned()), plain_len);
    }
}
