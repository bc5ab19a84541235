//! Opens a range of a stored object: the chunks of a span, cut to what was asked for.
//!
//! Every chunk proves its place, so a range is as trustworthy as a whole read, except that nobody has looked at the
//! summary.

use std::fmt;

use bytes::BytesMut;

use super::cursor::{CHUNK, Cursor, SEALED_CHUNK};
use super::gather::Gather;
use crate::cipher::Gcm;
use crate::keys::PUT_SALT;
use crate::layout::CipherSpan;
use crate::{Error, ObjectKeys, Transform};

/// Opens the chunks of one span.
pub struct RangeOpener {
    key: Gcm,
    missing: u64,
    skip: usize,
    take: u64,
    cursor: Cursor,
    gather: Gather,
    broken: Option<Error>,
}

impl RangeOpener {
    /// Begins a span of an object with `plain_len` bytes of content, made by [`layout::span`](crate::layout::span) for
    /// the same object.
    #[expect(clippy::needless_pass_by_value, reason = "the keys of an object go with its reader")]
    pub fn new(keys: ObjectKeys, plain_len: u64, span: &CipherSpan) -> Self {
        Self {
            key: keys.segments().key(&PUT_SALT),
            missing: span.fetch.end.saturating_sub(span.fetch.start),
            skip: usize::try_from(span.skip).unwrap_or(usize::MAX),
            take: span.take,
            cursor: Cursor::new(plain_len, span.first_chunk),
            gather: Gather::default(),
            broken: None,
        }
    }

    /// Takes any number of the fetched bytes and appends what is wanted of the chunks they complete.
    ///
    /// # Errors
    /// [`Error::Chunk`] when a chunk is not authentic, [`Error::TrailingBytes`] when more bytes come than the span
    /// has. No call succeeds after that.
    pub fn push(&mut self, sealed: &[u8], out: &mut BytesMut) -> Result<(), Error> {
        if let Some(error) = &self.broken {
            return Err(error.clone());
        }
        self.take(sealed, out).inspect_err(|error| self.broken = Some(error.clone()))
    }

    /// Ends the span.
    ///
    /// # Errors
    /// [`Error::Truncated`] when bytes are missing, or the first error of [`RangeOpener::push`] if there was one.
    pub fn finish(self, _out: &mut BytesMut) -> Result<(), Error> {
        match self.broken {
            Some(error) => Err(error),
            None if self.missing != 0 => Err(Error::Truncated { missing: self.missing }),
            // All stored bytes came and yet not all content: the span belongs to another object.
            None if self.take != 0 => Err(Error::LengthDisagrees),
            None => Ok(()),
        }
    }

    fn take(&mut self, sealed: &[u8], out: &mut BytesMut) -> Result<(), Error> {
        let came = u64::try_from(sealed.len()).map_err(|_| Error::TrailingBytes)?;
        self.missing = self.missing.checked_sub(came).ok_or(Error::TrailingBytes)?;
        out.reserve(self.gather.completed_by(sealed, SEALED_CHUNK).saturating_mul(CHUNK));
        let mut input = sealed;
        while !input.is_empty() {
            if self.cursor.is_done() {
                return Err(Error::LengthDisagrees);
            }
            self.open_next(&mut input, out)?;
        }
        Ok(())
    }

    fn open_next(&mut self, input: &mut &[u8], out: &mut BytesMut) -> Result<(), Error> {
        let (key, nonce, index) = (&self.key, self.cursor.nonce(), self.cursor.index());
        let (skip, wanted, start) = (self.skip, self.take, out.len());
        let opened = self.gather.next(self.cursor.sealed_len(), input, |chunk| {
            key.decrypt(nonce, b"", chunk, out).map_err(|_| Error::Chunk { index })
        })?;
        if opened {
            let kept = cut(out, start, skip, wanted);
            self.skip = 0;
            self.take = self.take.saturating_sub(kept);
            self.cursor.advance();
        }
        Ok(())
    }
}

/// Cuts what follows `start` to at most `wanted` bytes behind the first `skip`, and says how many are left.
pub(super) fn cut(out: &mut BytesMut, start: usize, skip: usize, wanted: u64) -> u64 {
    let fresh = out.get_mut(start..).unwrap_or_default();
    let skip = skip.min(fresh.len());
    let kept = fresh.len().saturating_sub(skip).min(usize::try_from(wanted).unwrap_or(usize::MAX));
    if skip > 0 {
        fresh.copy_within(skip.., 0);
    }
    out.truncate(start.saturating_add(kept));
    u64::try_from(kept).unwrap_or(u64::MAX)
}

impl Transform for RangeOpener {
    type Summary = ();

    fn push(&mut self, input: &[u8], out: &mut BytesMut) -> Result<(), Error> {
        RangeOpener::push(self, input, out)
    }

    fn finish(self, out: &mut BytesMut) -> Result<(), Error> {
        RangeOpener::finish(self, out)
    }
}

impl fmt::Debug for RangeOpener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RangeOpener").field("missing", &self.missing).field("take", &self.take).finish_non_exhaustive()
    }
}
