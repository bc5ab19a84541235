//! What a first reading of a large object proved, so that a second one may release plaintext as it comes.
//!
//! Content that is only authentic as a whole cannot be verified piece by piece. So the whole is read once and verified,
//! and a digest of every piece of ciphertext is kept; later readings release a piece only when it is the one that was
//! verified. The digests are remembered for each version under its envelope, so that many ranges cost one first reading.

use std::ops::Range;
use std::sync::Arc;

use bytes::BytesMut;
use envelope::s3ec::Extent;
use http_body_util::BodyExt as _;
use quick_cache::Weighter;
use quick_cache::sync::Cache;
use sha2::{Digest as _, Sha256};

use super::machines::Opener;
use crate::Error;
use crate::facts::GistKey;
use crate::store::Body;

/// Bytes of ciphertext that one digest speaks of, and that a later reading holds at a time.
pub(super) const PIECE: u64 = 1024 * 1024;

/// Digests kept: those of 1 TiB of objects, in 32 MiB.
const CAPACITY: u64 = 1024 * 1024;

/// The digests of an object whose whole was verified.
pub(crate) struct Verified {
    extent: Extent,
    digests: Vec<[u8; 32]>,
}

/// A version, under one envelope.
type Key = (GistKey, [u8; 32]);

/// The digests of objects that were verified of late.
pub(crate) struct VerifiedCache(Cache<Key, Arc<Verified>, Pieces>);

#[derive(Clone)]
struct Pieces;

impl Weighter<Key, Arc<Verified>> for Pieces {
    fn weight(&self, _: &Key, verified: &Arc<Verified>) -> u64 {
        (verified.digests.len() as u64).max(1)
    }
}

impl VerifiedCache {
    pub(crate) fn new() -> Self {
        Self(Cache::with_weighter(1024, CAPACITY, Pieces))
    }

    /// What is known of a version, or what `read` finds; of many who ask at a time only one reads.
    pub(super) async fn get(
        &self,
        key: Key,
        read: impl Future<Output = Result<Arc<Verified>, Error>>,
    ) -> Result<Arc<Verified>, Error> {
        self.0.get_or_insert_async(&key, read).await
    }

    /// What is known of a version.
    pub(super) fn peek(&self, key: &Key) -> Option<Arc<Verified>> {
        self.0.get(key)
    }
}

impl Verified {
    /// Whether this is what was verified.
    pub(super) fn is_of(&self, extent: Extent) -> bool {
        self.extent == extent
    }

    /// The pieces around a stretch of stored bytes.
    pub(super) fn pieces(&self, fetch: &Range<u64>) -> Range<usize> {
        let index = |offset: u64| usize::try_from(offset).unwrap_or(usize::MAX);
        index(fetch.start / PIECE)..index(fetch.end.div_ceil(PIECE)).min(self.digests.len())
    }

    /// The stored bytes of some pieces.
    pub(super) fn bytes(&self, pieces: &Range<usize>) -> Range<u64> {
        let offset = |piece: usize| (piece as u64).saturating_mul(PIECE).min(self.extent.stored_len());
        offset(pieces.start)..offset(pieces.end)
    }

    pub(super) fn piece_len(&self, piece: usize) -> Option<usize> {
        let bytes = self.bytes(&(piece..piece + 1));
        usize::try_from(bytes.end - bytes.start).ok()
    }

    /// Whether these bytes are the piece that was verified.
    pub(super) fn is_piece(&self, piece: usize, bytes: &[u8]) -> bool {
        self.digests.get(piece).is_some_and(|digest| *digest == <[u8; 32]>::from(Sha256::digest(bytes)))
    }
}

/// Reads all of an object, verifies it, and gives out nothing but digests.
pub(super) async fn verify(mut body: Body, mut verifier: Box<dyn Opener>, extent: Extent) -> Result<Verified, Error> {
    let wrong = |error: envelope::Error| Error::Integrity(error.to_string());
    let (mut digests, mut nothing) = (Digests::default(), BytesMut::new());
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(crate::reader::blame)?;
        if let Ok(data) = frame.into_data() {
            verifier.push(&data, &mut nothing).map_err(wrong)?;
            digests.push(&data);
        }
    }
    verifier.finish(&mut nothing).map_err(wrong)?;
    Ok(Verified { extent, digests: digests.finish() })
}

/// Digests of pieces as bytes come.
#[derive(Default)]
struct Digests {
    done: Vec<[u8; 32]>,
    current: Sha256,
    len: u64,
}

impl Digests {
    fn push(&mut self, mut input: &[u8]) {
        while !input.is_empty() {
            let room = usize::try_from(PIECE - self.len).unwrap_or(usize::MAX);
            let (now, rest) = input.split_at(room.min(input.len()));
            self.current.update(now);
            self.len += now.len() as u64;
            if self.len == PIECE {
                self.done.push(self.current.finalize_reset().into());
                self.len = 0;
            }
            input = rest;
        }
    }

    fn finish(mut self) -> Vec<[u8; 32]> {
        if self.len > 0 {
            self.done.push(self.current.finalize().into());
        }
        self.done
    }
}
