//! Opens a whole stored object, from its first byte to its last.
//!
//! Every chunk is authentic before it is released, and the last one is held back until the summary has agreed with
//! everything that came. Of the digests, the CRCs are computed anew, since they cost nothing next to the cipher.

use std::fmt;

use bytes::BytesMut;

use super::cursor::{CHUNK, Cursor, SEALED_CHUNK};
use super::gather::Gather;
use crate::cipher::{Gcm, TAG};
use crate::keys::PUT_SALT;
use crate::{ChecksumName, DigestSet, Digests, Error, Facts, ObjectKeys, Summary, Transform, layout};

const SUMMARY: usize = 256;

/// Opens one object.
pub struct Opener {
    keys: ObjectKeys,
    key: Gcm,
    plain_len: u64,
    sealed_len: u64,
    missing: u64,
    table_missing: u64,
    cursor: Cursor,
    gather: Gather,
    crcs: Digests,
    summary: Vec<u8>,
    broken: Option<Error>,
}

impl Opener {
    /// Begins an object of `sealed_len` stored bytes.
    ///
    /// # Errors
    /// [`Error::ImpossibleLength`] when no object has this length.
    pub fn new(keys: ObjectKeys, sealed_len: u64) -> Result<Self, Error> {
        let plain_len = layout::plain_len(sealed_len).ok_or(Error::ImpossibleLength { sealed_len })?;
        let crcs = [ChecksumName::Crc32, ChecksumName::Crc32c, ChecksumName::Crc64Nvme];
        Ok(Self {
            key: keys.segments().key(&PUT_SALT),
            keys,
            plain_len,
            sealed_len,
            missing: sealed_len,
            table_missing: layout::table_len(plain_len),
            cursor: Cursor::new(plain_len, 0),
            gather: Gather::default(),
            crcs: Digests::new(&DigestSet { md5: false, checksums: crcs.into() }),
            summary: Vec::with_capacity(SUMMARY),
            broken: None,
        })
    }

    /// Length of the content.
    pub fn plain_len(&self) -> u64 {
        self.plain_len
    }

    /// Takes any number of stored bytes and appends the content of the chunks they complete, except the last.
    ///
    /// # Errors
    /// [`Error::Chunk`] when a chunk is not authentic, [`Error::TrailingBytes`] when more bytes come than the object
    /// has. No call succeeds after that.
    pub fn push(&mut self, sealed: &[u8], out: &mut BytesMut) -> Result<(), Error> {
        if let Some(error) = &self.broken {
            return Err(error.clone());
        }
        self.take(sealed, out).inspect_err(|error| self.broken = Some(error.clone()))
    }

    /// Appends the last chunk, when summary, lengths and CRCs agree with it and everything before.
    ///
    /// # Errors
    /// [`Error::Truncated`] when bytes are missing, the first error of [`Opener::push`] if there was one, and whatever
    /// is wrong with summary or last chunk. The last chunk is not released then.
    pub fn finish(mut self, out: &mut BytesMut) -> Result<Facts, Error> {
        if let Some(error) = self.broken {
            return Err(error);
        }
        if self.missing != 0 {
            return Err(Error::Truncated { missing: self.missing });
        }
        let summary = Summary::open(&self.keys, &self.summary)?;
        if summary.facts.last_segment.is_some() {
            return Err(Error::UploadDisagrees);
        }
        summary.check_sealed_len(self.sealed_len)?;
        let held_back = out.len();
        self.open_last(out)?;
        let agreed = summary.facts.check(&self.crcs.finish());
        if let Err(error) = agreed {
            out.truncate(held_back);
            return Err(error);
        }
        Ok(summary.facts)
    }

    fn take(&mut self, sealed: &[u8], out: &mut BytesMut) -> Result<(), Error> {
        let came = u64::try_from(sealed.len()).map_err(|_| Error::TrailingBytes)?;
        self.missing = self.missing.checked_sub(came).ok_or(Error::TrailingBytes)?;
        out.reserve(self.gather.completed_by(sealed, SEALED_CHUNK).saturating_mul(CHUNK));
        let mut input = sealed;
        while !input.is_empty() && !self.cursor.is_done() && !self.cursor.is_at_last() {
            self.open_next(&mut input, out)?;
        }
        if self.cursor.is_at_last() {
            self.gather.keep(self.cursor.sealed_len(), &mut input);
        }
        let skipped = usize::try_from(self.table_missing).unwrap_or(usize::MAX).min(input.len());
        let (table, rest) = input.split_at_checked(skipped).ok_or(Error::Internal)?;
        self.table_missing = self.table_missing.saturating_sub(u64::try_from(table.len()).unwrap_or(u64::MAX));
        self.summary.extend_from_slice(rest);
        Ok(())
    }

    fn open_next(&mut self, input: &mut &[u8], out: &mut BytesMut) -> Result<(), Error> {
        let (key, nonce, index) = (&self.key, self.cursor.nonce(), self.cursor.index());
        let start = out.len();
        let opened = self.gather.next(self.cursor.sealed_len(), input, |chunk| {
            key.decrypt(nonce, b"", chunk, out).map_err(|_| Error::Chunk { index })
        })?;
        if opened {
            self.crcs.update(out.get(start..).unwrap_or_default());
            self.cursor.advance();
        }
        Ok(())
    }

    fn open_last(&mut self, out: &mut BytesMut) -> Result<(), Error> {
        if self.cursor.is_done() {
            return Ok(());
        }
        let (start, index, sealed) = (out.len(), self.cursor.index(), self.gather.held());
        out.reserve(sealed.len().saturating_sub(TAG));
        self.key.decrypt(self.cursor.nonce(), b"", sealed, out).map_err(|_| Error::Chunk { index })?;
        self.crcs.update(out.get(start..).unwrap_or_default());
        Ok(())
    }
}

impl Transform for Opener {
    type Summary = Facts;

    fn push(&mut self, input: &[u8], out: &mut BytesMut) -> Result<(), Error> {
        Opener::push(self, input, out)
    }

    fn finish(self, out: &mut BytesMut) -> Result<Facts, Error> {
        Opener::finish(self, out)
    }
}

impl fmt::Debug for Opener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Opener")
            .field("plain_len", &self.plain_len)
            .field("missing", &self.missing)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::{Computed, DataKey, Sealer};

    fn keys() -> ObjectKeys {
        ObjectKeys::derive(&DataKey::from_bytes([1; 32]))
    }

    fn sealed(plain: &[u8], facts: Computed) -> BytesMut {
        let (mut sealer, mut out) = (Sealer::new(keys(), plain.len() as u64).unwrap(), BytesMut::new());
        sealer.push(plain, &mut out).unwrap();
        sealer.finish(facts, [2; 12], &mut |table| table.fill(0), &mut out).unwrap();
        out
    }

    #[test]
    fn a_wrong_checksum_keeps_the_last_chunk_back() {
        for name in [ChecksumName::Crc32, ChecksumName::Crc32c, ChecksumName::Crc64Nvme] {
            let wrong = Computed { md5: None, checksums: BTreeMap::from([(name, vec![0xee; name.raw_len()])]) };
            let stored = sealed(&vec![7; 65_537], wrong);
            let (mut opener, mut out) = (Opener::new(keys(), stored.len() as u64).unwrap(), BytesMut::new());
            opener.push(&stored, &mut out).unwrap();
            assert_eq!(opener.finish(&mut out), Err(Error::DigestDisagrees { digest: name.as_str() }));
            assert_eq!(out.len(), 65_536);
        }
    }

    #[test]
    fn nothing_of_a_small_object_comes_before_the_end() {
        let stored = sealed(b"small", Computed::default());
        let (mut opener, mut out) = (Opener::new(keys(), stored.len() as u64).unwrap(), BytesMut::new());
        opener.push(&stored, &mut out).unwrap();
        assert!(out.is_empty());
        assert_eq!(opener.finish(&mut out).unwrap().plain_len, 5);
        assert_eq!(out, "small");
    }

    #[test]
    fn the_table_of_a_large_object_is_passed_over() {
        let stored = sealed(&vec![7; 5_242_880], Computed::default());
        let (mut opener, mut out) = (Opener::new(keys(), stored.len() as u64).unwrap(), BytesMut::new());
        stored.chunks(10_000).for_each(|piece| opener.push(piece, &mut out).unwrap());
        assert_eq!(opener.finish(&mut out).unwrap().plain_len, 5_242_880);
    }
}
