//! Opens a range of an object that was uploaded in parts, from chunk to chunk and from part to part.
//!
//! The footer has agreed with the length of the object before the first chunk, and every chunk proves its part and its
//! place. A range that is the whole content holds its last chunk back until the CRCs agree as well.

use std::fmt;
use std::ops::Range;

use bytes::BytesMut;

use super::crcs::Crcs;
use super::cursor::{CHUNK, Cursor, SEALED_CHUNK};
use super::gather::Gather;
use super::range::cut;
use crate::cipher::Gcm;
use crate::keys::SegmentKeys;
use crate::layout::CHUNK_LEN;
use crate::{Error, ObjectKeys, PartMap, Transform};

/// Opens the chunks of one range.
pub struct SegmentsOpener {
    keys: SegmentKeys,
    map: PartMap,
    /// The segment whose chunks come next; none behind the last one with content.
    open: Option<Open>,
    missing: u64,
    skip: usize,
    take: u64,
    gather: Gather,
    /// Only when the range is the whole content.
    crcs: Option<Crcs>,
    broken: Option<Error>,
}

/// A segment under way.
struct Open {
    /// Its place in the map.
    index: usize,
    ends_object: bool,
    part: u16,
    key: Gcm,
    cursor: Cursor,
}

impl SegmentsOpener {
    /// Begins a range of content; what [`PartMap::span`] says has to be pushed. An empty range takes no bytes.
    ///
    /// # Errors
    /// [`Error::InvalidRange`] when the range reaches beyond the object.
    pub fn new(keys: &ObjectKeys, map: &PartMap, want: Range<u64>) -> Result<Self, Error> {
        let take = want.end.checked_sub(want.start).ok_or(Error::InvalidRange)?;
        if want.end > map.plain_len() {
            return Err(Error::InvalidRange);
        }
        let fetch = map.span(want.clone()).unwrap_or_default();
        let mut opener = Self {
            keys: keys.segments().clone(),
            map: map.clone(),
            open: None,
            missing: fetch.end.saturating_sub(fetch.start),
            skip: 0,
            take,
            gather: Gather::default(),
            crcs: (take == map.plain_len()).then(|| Crcs::of(map.facts())),
            broken: None,
        };
        opener.begin(want.start);
        Ok(opener)
    }

    /// Takes any number of the fetched bytes and appends what is wanted of the chunks they complete.
    ///
    /// # Errors
    /// [`Error::PartChunk`] when a chunk is not authentic, [`Error::TrailingBytes`] when more bytes come than the range
    /// has. No call succeeds after that.
    pub fn push(&mut self, sealed: &[u8], out: &mut BytesMut) -> Result<(), Error> {
        if let Some(error) = &self.broken {
            return Err(error.clone());
        }
        self.take(sealed, out).inspect_err(|error| self.broken = Some(error.clone()))
    }

    /// Ends the range, and appends the last chunk of a whole object when the CRCs agree.
    ///
    /// # Errors
    /// [`Error::Truncated`] when bytes are missing, the first error of [`SegmentsOpener::push`] if there was one,
    /// [`Error::DigestDisagrees`] when the content is not what the summary says, and then without the last chunk.
    pub fn finish(mut self, out: &mut BytesMut) -> Result<(), Error> {
        if let Some(error) = self.broken {
            return Err(error);
        }
        if self.missing != 0 {
            return Err(Error::Truncated { missing: self.missing });
        }
        let held_back = out.len();
        if !self.gather.held().is_empty() {
            // The last chunk is whole, since nothing is missing; without input it is the held bytes that are opened.
            self.open_next(&mut &[][..], out)?;
        }
        let agreed = self.crcs.map_or(Ok(()), |crcs| crcs.agree_with(self.map.facts()));
        agreed.inspect_err(|_| out.truncate(held_back))
    }

    fn take(&mut self, sealed: &[u8], out: &mut BytesMut) -> Result<(), Error> {
        let came = u64::try_from(sealed.len()).map_err(|_| Error::TrailingBytes)?;
        self.missing = self.missing.checked_sub(came).ok_or(Error::TrailingBytes)?;
        out.reserve(self.gather.completed_by(sealed, SEALED_CHUNK).saturating_mul(CHUNK));
        let mut input = sealed;
        while !input.is_empty() {
            match &self.open {
                Some(open) if self.crcs.is_some() && open.ends_object && open.cursor.is_at_last() => {
                    self.gather.keep(open.cursor.sealed_len(), &mut input);
                }
                Some(_) => self.open_next(&mut input, out)?,
                // The span of the map ends with the last segment.
                None => return Err(Error::Internal),
            }
        }
        Ok(())
    }

    fn open_next(&mut self, input: &mut &[u8], out: &mut BytesMut) -> Result<(), Error> {
        let Some(Open { part, key, cursor, .. }) = &mut self.open else { return Err(Error::Internal) };
        let (part, nonce, index, start) = (*part, cursor.nonce(), cursor.index(), out.len());
        let opened = self.gather.next(cursor.sealed_len(), input, |chunk| {
            key.decrypt(nonce, b"", chunk, out).map_err(|_| Error::PartChunk { part, index })
        })?;
        if opened {
            cursor.advance();
            let ended = cursor.is_done();
            if let Some(crcs) = &mut self.crcs {
                crcs.update(out.get(start..).unwrap_or_default());
            }
            self.take = self.take.saturating_sub(cut(out, start, self.skip, self.take));
            self.skip = 0;
            if ended {
                self.go_on();
            }
        }
        Ok(())
    }

    /// Opens the segment that holds this byte of content, and skips to it.
    fn begin(&mut self, plain: u64) {
        let (index, offset) = match self.map.at(plain) {
            // A whole object begins with its first segment, even when that is empty: its CRC counts.
            Some((index, place)) if self.crcs.is_none() => (index, plain.saturating_sub(place.plain.start)),
            _ => (0, 0),
        };
        self.skip = usize::try_from(offset.rem_euclid(CHUNK_LEN)).unwrap_or(usize::MAX);
        self.open = self.segment(index, offset.div_euclid(CHUNK_LEN));
    }

    /// Leaves the segment that has ended.
    fn go_on(&mut self) {
        if let Some(crcs) = &mut self.crcs {
            crcs.end_segment();
        }
        let next = self.open.take().and_then(|open| open.index.checked_add(1));
        self.open = next.and_then(|next| self.segment(next, 0));
    }

    /// The first segment with content from here on.
    fn segment(&mut self, mut index: usize, chunk: u64) -> Option<Open> {
        loop {
            let segment = self.map.parts().get(index)?;
            if segment.plain_len > 0 {
                let cursor = Cursor::new(segment.plain_len, chunk);
                let ends_object = self.map.part_range(index)?.end == self.map.plain_len();
                return Some(Open {
                    index,
                    ends_object,
                    part: segment.part,
                    key: self.keys.key(&segment.salt),
                    cursor,
                });
            }
            if let Some(crcs) = &mut self.crcs {
                crcs.end_segment();
            }
            index = index.checked_add(1)?;
        }
    }
}

impl Transform for SegmentsOpener {
    type Summary = ();

    fn push(&mut self, input: &[u8], out: &mut BytesMut) -> Result<(), Error> {
        SegmentsOpener::push(self, input, out)
    }

    fn finish(self, out: &mut BytesMut) -> Result<(), Error> {
        SegmentsOpener::finish(self, out)
    }
}

impl fmt::Debug for SegmentsOpener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SegmentsOpener")
            .field("missing", &self.missing)
            .field("take", &self.take)
            .finish_non_exhaustive()
    }
}
