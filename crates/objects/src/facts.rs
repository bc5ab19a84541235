//! A bounded memory of what was already learnt about stored objects, so that it costs a request at most once.
//!
//! Entries are immutable facts about one stored version (the ETag is part of the key), so they never go stale under one way of
//! reading; losing them
//! costs a request and nothing else. What listings need outlives the process, when there is a [`FactsFile`].

mod file;

use std::sync::Arc;

use envelope::{Facts, PartMap, Upload};
use quick_cache::sync::Cache;
use sha2::{Digest as _, Sha256};

pub use file::FactsFile;

use crate::ObjectRef;

/// Summaries kept; at a few hundred bytes each this stays within a few MiB.
const CAPACITY: usize = 16_384;

/// Gists kept in memory, of about 100 bytes each.
const GIST_CAPACITY: usize = 65_536;

/// Part maps kept: one may take 400 KB.
const MAP_CAPACITY: usize = 64;

/// An object and the store's ETag of the version meant.
type Version = (ObjectRef, String);

/// What listings and ETags tell of an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Gist {
    /// The plaintext length.
    pub(crate) plain_len: u64,
    /// Whether the object is one of ours.
    pub(crate) sealed: bool,
    /// Whether its summary was read: otherwise MD5 and parts may be missing.
    pub(crate) complete: bool,
    /// The MD5 of the plaintext, when it was kept; of uploads in parts that of the parts' MD5s.
    pub(crate) md5: Option<[u8; 16]>,
    /// The number of parts of an upload in parts.
    pub(crate) parts: Option<u32>,
}

impl Gist {
    /// An object that is not ours.
    pub(crate) fn plain(plain_len: u64) -> Self {
        Self { plain_len, sealed: false, complete: true, md5: None, parts: None }
    }

    /// An object of another program, which keeps no MD5.
    pub(crate) fn foreign(plain_len: u64) -> Self {
        Self { plain_len, sealed: true, complete: true, md5: None, parts: None }
    }
}

impl From<&Facts> for Gist {
    fn from(facts: &Facts) -> Self {
        let parts = (facts.upload() == Upload::Multipart).then(|| facts.segment_count());
        Self { plain_len: facts.plain_len, sealed: true, complete: true, md5: facts.md5, parts }
    }
}

/// Names a version in 32 bytes: the digest of its bucket, key and store ETag, and of how the rule reads what other programs wrote.
/// What is plaintext under one rule is an object of another program under the next one, and has another length there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct GistKey([u8; 32]);

impl GistKey {
    /// `reading` is that of the rule ([`crate::policy::Rule::reading`]).
    pub(crate) fn new(bucket: &str, key: &str, etag: &str, reading: &str) -> Self {
        let mut hash = Sha256::new();
        // Nothing where nothing is read: such versions keep the names they had before there was a fourth part.
        for part in [bucket, key, etag].into_iter().chain(Some(reading).filter(|reading| !reading.is_empty())) {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part);
        }
        Self(hash.finalize().into())
    }
}

/// Summaries, gists and part maps by object and store ETag.
pub(crate) struct FactsCache {
    summaries: Cache<Version, Arc<Facts>>,
    gists: Cache<GistKey, Gist>,
    maps: Cache<Version, Arc<PartMap>>,
    file: Option<FactsFile>,
}

impl FactsCache {
    pub(crate) fn new(file: Option<FactsFile>) -> Self {
        let (summaries, gists, maps) = (Cache::new(CAPACITY), Cache::new(GIST_CAPACITY), Cache::new(MAP_CAPACITY));
        Self { summaries, gists, maps, file }
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

    /// What is known of each version, in order: from memory, else from the file.
    pub(crate) async fn gists(&self, keys: &[GistKey]) -> Vec<Option<Gist>> {
        let mut found: Vec<Option<Gist>> = keys.iter().map(|key| self.gists.get(key)).collect();
        let missing: Vec<GistKey> =
            keys.iter().zip(&found).filter(|(_, gist)| gist.is_none()).map(|(key, _)| *key).collect();
        let Some(file) = self.file.as_ref().filter(|_| !missing.is_empty()) else { return found };
        let mut filed = missing.iter().zip(file.find(missing.clone()).await);
        for slot in found.iter_mut().filter(|slot| slot.is_none()) {
            let Some((key, gist)) = filed.next() else { break };
            if let Some(gist) = gist {
                self.gists.insert(*key, gist);
            }
            *slot = gist;
        }
        found
    }

    /// Remembers for listings, here and in the file.
    pub(crate) fn keep(&self, key: GistKey, gist: Gist) {
        self.gists.insert(key, gist);
        if let Some(file) = &self.file {
            file.note(key, gist);
        }
    }
}
