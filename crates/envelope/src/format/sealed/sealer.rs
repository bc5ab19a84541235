//! Seals the content of an object that is uploaded in one request.
//!
//! The length is announced, since storage wants the sealed length before the first byte. The last chunk waits for
//! [`Sealer::finish`], so an upload that fails on the way can never look complete.

use std::fmt;

use bytes::{BufMut, BytesMut};

use super::segment::SegmentSealer;
use crate::cipher::NONCE;
use crate::keys::PUT_SALT;
use crate::{Computed, Error, Facts, ObjectKeys, footer, layout};

/// Seals one object.
pub struct Sealer {
    keys: ObjectKeys,
    plain_len: u64,
    sealed_len: u64,
    segment: SegmentSealer,
}

impl Sealer {
    /// Begins an object of `plain_len` bytes. `keys` must come from a data key that seals nothing else.
    ///
    /// # Errors
    /// [`Error::TooLarge`] when the sealed length does not fit 64 bits.
    pub fn new(keys: ObjectKeys, plain_len: u64) -> Result<Self, Error> {
        let sealed_len = layout::sealed_len(plain_len).ok_or(Error::TooLarge { plain_len })?;
        let segment = SegmentSealer::new(&keys, PUT_SALT, plain_len)?;
        Ok(Self { keys, plain_len, sealed_len, segment })
    }

    /// Length of the stored object.
    pub fn sealed_len(&self) -> u64 {
        self.sealed_len
    }

    /// Takes any number of bytes of content and appends the chunks they complete, except the last.
    ///
    /// # Errors
    /// [`Error::WrongPlainLen`] when more bytes come than were announced.
    pub fn push(&mut self, plain: &[u8], out: &mut BytesMut) -> Result<(), Error> {
        self.segment.push(plain, out)
    }

    /// Appends the last chunk, the table and the summary.
    ///
    /// `facts` are the digests to remember. `summary_nonce` must be random. `fill` gives the random bytes that stand
    /// where a multipart upload lists its parts.
    ///
    /// # Errors
    /// [`Error::WrongPlainLen`] when fewer bytes came than were announced, [`Error::FactsTooLong`] when the digests do
    /// not fit. Nothing is appended then, so what was sent cannot be completed.
    pub fn finish(
        self,
        facts: Computed,
        summary_nonce: [u8; NONCE],
        fill: &mut dyn FnMut(&mut [u8]),
        out: &mut BytesMut,
    ) -> Result<(), Error> {
        self.segment.check_complete()?;
        let (mut summary, table_len) = (BytesMut::new(), layout::table_len(self.plain_len));
        footer::seal(&self.keys, summary_nonce, &Facts::new(self.plain_len, facts), table_len, &mut summary)?;
        let table_len = usize::try_from(table_len).map_err(|_| Error::Internal)?;
        let behind = table_len.saturating_add(summary.len());
        out.reserve(self.segment.held_sealed_len().saturating_add(behind));
        self.segment.finish(out)?;
        let table_start = out.len();
        out.put_bytes(0, table_len);
        fill(out.get_mut(table_start..).ok_or(Error::Internal)?);
        out.put_slice(&summary);
        Ok(())
    }
}

impl fmt::Debug for Sealer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sealer")
            .field("plain_len", &self.plain_len)
            .field("missing", &self.segment.missing())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::DataKey;

    fn sealer(plain_len: u64) -> Sealer {
        Sealer::new(ObjectKeys::derive(&DataKey::from_bytes([1; 32])), plain_len).unwrap()
    }

    fn finish(sealer: Sealer, out: &mut BytesMut) -> Result<(), Error> {
        sealer.finish(Computed::default(), [0; NONCE], &mut |bytes| bytes.fill(b'r'), out)
    }

    #[test]
    fn the_announced_length_comes_out() {
        for plain_len in [0_usize, 1, 65_535, 65_536, 65_537, 131_072, 5_242_880] {
            let (mut sealer, mut out) = (sealer(plain_len as u64), BytesMut::new());
            let expected = sealer.sealed_len();
            sealer.push(&vec![7; plain_len], &mut out).unwrap();
            finish(sealer, &mut out).unwrap();
            assert_eq!(out.len() as u64, expected);
        }
    }

    #[test]
    fn the_last_chunk_waits_for_the_end() {
        let (mut sealer, mut out) = (sealer(131_072), BytesMut::new());
        sealer.push(&vec![7; 131_072], &mut out).unwrap();
        assert_eq!(out.len(), 65_552);
    }

    #[test]
    fn more_than_announced_is_refused() {
        let (mut sealer, mut out) = (sealer(3), BytesMut::new());
        assert_eq!(sealer.push(b"four", &mut out), Err(Error::WrongPlainLen { announced: 3 }));
    }

    #[test]
    fn less_than_announced_is_never_completed() {
        let (mut sealer, mut out) = (sealer(3), BytesMut::new());
        sealer.push(b"tw", &mut out).unwrap();
        assert_eq!(finish(sealer, &mut out), Err(Error::WrongPlainLen { announced: 3 }));
        assert!(out.is_empty());
    }

    #[test]
    fn the_table_is_filled_from_the_random_source() {
        let (mut sealer, mut out) = (sealer(5_242_880), BytesMut::new());
        sealer.push(&vec![7; 5_242_880], &mut out).unwrap();
        finish(sealer, &mut out).unwrap();
        assert_eq!(&out[out.len() - 256 - 64..out.len() - 256], [b'r'; 64]);
    }

    #[test]
    fn a_length_beyond_64_bits_is_refused() {
        let keys = ObjectKeys::derive(&DataKey::from_bytes([1; 32]));
        assert_eq!(Sealer::new(keys, u64::MAX).unwrap_err(), Error::TooLarge { plain_len: u64::MAX });
    }
}
