//! Seals one segment: the whole content of an object, or one part of a multipart upload.
//!
//! The last chunk waits for [`SegmentSealer::finish`], so a part that fails on the way can never look complete.

use std::fmt;

use bytes::BytesMut;

use super::cursor::{CHUNK, Cursor, SEALED_CHUNK};
use super::gather::Gather;
use crate::cipher::{Gcm, TAG};
use crate::segment::SALT;
use crate::{Error, ObjectKeys, layout};

/// Seals one segment.
pub struct SegmentSealer {
    key: Gcm,
    plain_len: u64,
    sealed_len: u64,
    missing: u64,
    cursor: Cursor,
    gather: Gather,
}

impl SegmentSealer {
    /// Begins a segment of `plain_len` bytes. `salt` must be random for each attempt to upload a part.
    ///
    /// # Errors
    /// [`Error::TooLarge`] when the sealed length does not fit 64 bits.
    pub fn new(keys: &ObjectKeys, salt: [u8; SALT], plain_len: u64) -> Result<Self, Error> {
        let sealed_len = layout::segment_len(plain_len).ok_or(Error::TooLarge { plain_len })?;
        let (key, cursor) = (keys.segments().key(&salt), Cursor::new(plain_len, 0));
        Ok(Self { key, plain_len, sealed_len, missing: plain_len, cursor, gather: Gather::default() })
    }

    /// Length of the stored segment.
    pub fn sealed_len(&self) -> u64 {
        self.sealed_len
    }

    /// Takes any number of bytes of content and appends the chunks they complete, except the last.
    ///
    /// # Errors
    /// [`Error::WrongPlainLen`] when more bytes come than were announced.
    pub fn push(&mut self, plain: &[u8], out: &mut BytesMut) -> Result<(), Error> {
        let excess = Error::WrongPlainLen { announced: self.plain_len };
        let came = u64::try_from(plain.len()).map_err(|_| excess.clone())?;
        self.missing = self.missing.checked_sub(came).ok_or(excess)?;
        out.reserve(self.gather.completed_by(plain, CHUNK).saturating_mul(SEALED_CHUNK));
        let mut input = plain;
        while !input.is_empty() && !self.cursor.is_at_last() {
            let (key, nonce) = (&self.key, self.cursor.nonce());
            let sealed = self
                .gather
                .next(CHUNK, &mut input, |chunk| key.encrypt(nonce, b"", chunk, out).map_err(|_| Error::Internal))?;
            if sealed {
                self.cursor.advance();
            }
        }
        self.gather.keep(CHUNK, &mut input);
        Ok(())
    }

    /// Appends the last chunk; an empty segment has none.
    ///
    /// # Errors
    /// [`Error::WrongPlainLen`] when fewer bytes came than were announced. Nothing is appended then.
    pub fn finish(self, out: &mut BytesMut) -> Result<(), Error> {
        self.check_complete()?;
        if self.cursor.is_done() {
            return Ok(());
        }
        out.reserve(self.held_sealed_len());
        self.key.encrypt(self.cursor.nonce(), b"", self.gather.held(), out).map_err(|_| Error::Internal)
    }

    pub(super) fn check_complete(&self) -> Result<(), Error> {
        if self.missing != 0 {
            return Err(Error::WrongPlainLen { announced: self.plain_len });
        }
        Ok(())
    }

    pub(super) fn missing(&self) -> u64 {
        self.missing
    }

    /// Stored bytes of what waits for the end.
    pub(super) fn held_sealed_len(&self) -> usize {
        self.gather.held().len().saturating_add(TAG)
    }
}

impl fmt::Debug for SegmentSealer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SegmentSealer")
            .field("plain_len", &self.plain_len)
            .field("missing", &self.missing)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::DataKey;

    fn sealed(salt: [u8; SALT], plain: &[u8]) -> BytesMut {
        let keys = ObjectKeys::derive(&DataKey::from_bytes([1; 32]));
        let mut sealer = SegmentSealer::new(&keys, salt, plain.len() as u64).unwrap();
        let (mut out, expected) = (BytesMut::new(), sealer.sealed_len());
        sealer.push(plain, &mut out).unwrap();
        sealer.finish(&mut out).unwrap();
        assert_eq!(out.len() as u64, expected);
        out
    }

    #[test]
    fn an_empty_segment_has_no_bytes() {
        assert!(sealed([1; SALT], b"").is_empty());
    }

    #[test]
    fn two_attempts_at_one_part_share_no_bytes() {
        let (one, other) = (sealed([1; SALT], &[7; 100]), sealed([2; SALT], &[7; 100]));
        assert!(one.windows(8).zip(other.windows(8)).all(|(one, other)| one != other));
    }

    #[test]
    fn a_part_that_is_too_short_is_never_completed() {
        let keys = ObjectKeys::derive(&DataKey::from_bytes([1; 32]));
        let (mut sealer, mut out) = (SegmentSealer::new(&keys, [1; SALT], 3).unwrap(), BytesMut::new());
        sealer.push(b"tw", &mut out).unwrap();
        assert_eq!(sealer.finish(&mut out), Err(Error::WrongPlainLen { announced: 3 }));
        assert!(out.is_empty());
    }
}
