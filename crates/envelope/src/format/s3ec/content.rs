//! Unlocked content: which stored bytes a reading needs, and the machine that opens them.
//!
//! It exists only after policy, unwrapping and key commitment have had their say.

use std::fmt;
use std::ops::Range;

use super::cbc::Cbc;
use super::envelope::{Envelope, Parameters, PlainLen};
use super::gcm::{GcmOpener, GcmVerifier};
use super::keys::{self, AesKey};
use super::keystream::Keystream;
use super::opener::Opener;
use super::policy::{ReadPolicy, Release};
use super::range::{Cipher, UnverifiedOpener};
use super::{BLOCK, Error, Rule};

/// Bytes of an AES block, as lengths are counted.
const BLOCK_LEN: u64 = 16;

/// The content of one object with its key.
pub struct Content {
    envelope: Envelope,
    key: ContentKey,
    unverified_ranges: bool,
    early_release: bool,
}

enum ContentKey {
    Cbc { key: AesKey, iv: [u8; BLOCK] },
    Gcm { key: AesKey, iv: [u8; 12], aad: &'static [u8] },
}

/// How long an object is, stored and opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Extent {
    stored_len: u64,
    plain_len: u64,
}

/// What is known of the length of an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Measure {
    /// Everything.
    Known(Extent),
    /// The padding decides: these stored bytes have to be given to [`Content::extent_from_tail`].
    NeedsTail(Range<u64>),
}

/// What to fetch, and what to make of it.
#[derive(Debug)]
pub struct OpenPlan {
    /// The stored bytes to fetch and push.
    pub fetch: Range<u64>,
    /// When what comes out may be believed.
    pub release: Release,
    /// The machine to push them into.
    pub opener: Opener,
}

impl Content {
    /// Checks the key commitment where the format has one.
    pub(super) fn unlock(envelope: &Envelope, policy: &ReadPolicy, key: AesKey) -> Result<Self, Error> {
        let key = match &envelope.parameters {
            Parameters::Cbc { iv } => ContentKey::Cbc { key, iv: *iv },
            Parameters::Gcm { iv } => ContentKey::Gcm { key, iv: *iv, aad: b"" },
            Parameters::Committing(commitment) => {
                ContentKey::Gcm { key: keys::committed(&key, commitment)?, iv: [1; 12], aad: &[0x00, 0x73] }
            }
        };
        let ReadPolicy { unverified_ranges, early_release, .. } = *policy;
        Ok(Self { envelope: envelope.clone(), key, unverified_ranges, early_release })
    }

    /// What is known of an object of `stored_len` bytes.
    ///
    /// # Errors
    /// [`Error::Content`] when no object has that length.
    pub fn measure(&self, stored_len: u64) -> Result<Measure, Error> {
        Ok(match self.envelope.plain_len(stored_len)? {
            PlainLen::Exact(plain_len) => Measure::Known(Extent { stored_len, plain_len }),
            // The last block, and the one before it, which it was chained to.
            PlainLen::Between(_) => Measure::NeedsTail(stored_len.saturating_sub(2 * BLOCK_LEN)..stored_len),
        })
    }

    /// The length of an object of `stored_len` bytes that ends in `tail`, the bytes [`Measure::NeedsTail`] asked for.
    ///
    /// This is the only look at the padding, and comes before anything is released.
    ///
    /// # Errors
    /// [`Error::Content`] for wrong padding, lengths and keys alike.
    pub fn extent_from_tail(&self, stored_len: u64, tail: &[u8]) -> Result<Extent, Error> {
        let (fetch, key, iv) = match (self.measure(stored_len)?, &self.key) {
            (Measure::Known(extent), _) => return Ok(extent),
            (Measure::NeedsTail(fetch), ContentKey::Cbc { key, iv }) => (fetch, key, iv),
            (Measure::NeedsTail(_), ContentKey::Gcm { .. }) => return Err(Error::Internal),
        };
        let fetched = fetch.end.saturating_sub(fetch.start);
        if u64::try_from(tail.len()).ok() != Some(fetched) {
            return Err(Error::Content);
        }
        let (before, last) = tail.split_last_chunk::<BLOCK>().ok_or(Error::Content)?;
        let before = before.last_chunk::<BLOCK>().unwrap_or(iv);
        let padding = Cbc::new(key)?.padding(*before, *last)?;
        Ok(Extent { stored_len, plain_len: stored_len.checked_sub(padding).ok_or(Error::Content)? })
    }

    /// Plans to open the whole object, or the range `want` of its plaintext. A range that is the whole object is opened
    /// as such.
    ///
    /// # Errors
    /// [`Error::InvalidRange`] when the range is empty or not inside the object; [`Error::Refused`] when it cannot be
    /// verified and the policy demands that.
    pub fn open(&self, extent: Extent, want: Option<Range<u64>>) -> Result<OpenPlan, Error> {
        let whole = 0..extent.plain_len;
        let want = match want {
            None => whole.clone(),
            Some(want) if want.start < want.end && want.end <= extent.plain_len => want,
            Some(_) => return Err(Error::InvalidRange),
        };
        match &self.key {
            ContentKey::Gcm { key, iv, aad } if want == whole => {
                let opener = GcmOpener::new(key, *iv, aad, extent.plain_len)?;
                let release = if self.early_release { Release::Early } else { Release::AtEnd };
                Ok(OpenPlan { fetch: 0..extent.stored_len, release, opener: Opener::Whole(Box::new(opener)) })
            }
            ContentKey::Gcm { .. } if !self.unverified_ranges => Err(Error::Refused(Rule::UnverifiedRanges)),
            ContentKey::Gcm { key, iv, .. } => {
                let first = want.start / BLOCK_LEN;
                let fetch = first.saturating_mul(BLOCK_LEN)..want.end;
                let skip = usize::try_from(want.start.saturating_sub(fetch.start)).map_err(|_| Error::Internal)?;
                Ok(unverified(Cipher::Ctr(Keystream::new(key, *iv)?, first), fetch, skip, &want))
            }
            ContentKey::Cbc { key, iv } => {
                let first = want.start / BLOCK_LEN;
                let end = want.end.div_ceil(BLOCK_LEN).saturating_mul(BLOCK_LEN);
                let skip = want.start.saturating_sub(first.saturating_mul(BLOCK_LEN));
                let skip = usize::try_from(skip).map_err(|_| Error::Internal)?;
                // The block before the first one wanted is its initialisation vector.
                let (before, start) = match first.checked_sub(1) {
                    Some(block) => (None, block.saturating_mul(BLOCK_LEN)),
                    None => (Some(*iv), 0),
                };
                Ok(unverified(Cipher::Cbc(Cbc::new(key)?, before), start..end, skip, &want))
            }
        }
    }

    /// The machine for the first of two readings: it verifies the whole object and gives out nothing. `None` for
    /// content that nothing verifies.
    ///
    /// # Errors
    /// [`Error::Internal`] when a primitive fails.
    pub fn verifier(&self, extent: Extent) -> Result<Option<GcmVerifier>, Error> {
        match &self.key {
            ContentKey::Gcm { key, iv, aad } => GcmVerifier::new(key, *iv, aad, extent.plain_len).map(Some),
            ContentKey::Cbc { .. } => Ok(None),
        }
    }
}

fn unverified(cipher: Cipher, fetch: Range<u64>, skip: usize, want: &Range<u64>) -> OpenPlan {
    let (missing, take) = (fetch.end.saturating_sub(fetch.start), want.end.saturating_sub(want.start));
    let opener = Opener::Unverified(Box::new(UnverifiedOpener::new(cipher, missing, skip, take)));
    OpenPlan { fetch, release: Release::Never, opener }
}

impl Extent {
    pub(in crate::format) fn new(stored_len: u64, plain_len: u64) -> Self {
        Self { stored_len, plain_len }
    }

    /// The lengths of an object that was opened as a whole, which no machine of this crate is asked about.
    pub fn of_whole(stored_len: u64, plain_len: u64) -> Self {
        Self::new(stored_len, plain_len)
    }

    /// Bytes of the stored object.
    pub fn stored_len(&self) -> u64 {
        self.stored_len
    }

    /// Bytes of the plaintext.
    pub fn plain_len(&self) -> u64 {
        self.plain_len
    }
}

impl fmt::Debug for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Content")
    }
}
