//! Opens a run of blocks, each verified as it becomes whole.
//!
//! Knows which blocks come, not where they were fetched.

use std::fmt;
use std::ops::Range;

use bytes::{BufMut, BytesMut};
use crypto_secretbox::aead::AeadInPlace;
use crypto_secretbox::{Nonce, Tag, XSalsa20Poly1305};

use super::{BLOCK_PLAIN, BLOCK_STORED, Error, HEADER, HEADER_LEN, MAGIC};
use crate::Transform;

/// Verifies and decrypts the header and a run of blocks, and gives out the wanted bytes.
pub struct BlockOpener {
    cipher: XSalsa20Poly1305,
    /// Of block 0, once the header has come.
    nonce: Option<[u8; 24]>,
    /// The number of the next block.
    next: u64,
    /// What has come of the header or of the next block.
    pending: Vec<u8>,
    missing: u64,
    skip: u64,
    take: u64,
    broken: Option<crate::Error>,
}

impl BlockOpener {
    /// The header will come and then `body_len` stored bytes from block `first` on; `want` is of the whole content.
    pub(super) fn new(cipher: XSalsa20Poly1305, first: u64, body_len: u64, want: &Range<u64>) -> Result<Self, Error> {
        let skip = want.start.checked_sub(first.saturating_mul(BLOCK_PLAIN)).ok_or(Error::Internal)?;
        Ok(Self {
            cipher,
            nonce: None,
            next: first,
            pending: Vec::new(),
            missing: body_len.checked_add(HEADER_LEN).ok_or(Error::Internal)?,
            skip,
            take: want.end.saturating_sub(want.start),
            broken: None,
        })
    }

    fn take_in(&mut self, mut input: &[u8], out: &mut BytesMut) -> Result<(), Error> {
        let came = u64::try_from(input.len()).map_err(|_| Error::TrailingBytes)?;
        self.missing = self.missing.checked_sub(came).ok_or(Error::TrailingBytes)?;
        while !input.is_empty() {
            let unit = if self.nonce.is_some() { BLOCK_STORED } else { HEADER_LEN };
            let unit = usize::try_from(unit).map_err(|_| Error::Internal)?;
            let (begin, rest) = input.split_at(unit.saturating_sub(self.pending.len()).min(input.len()));
            self.pending.extend_from_slice(begin);
            input = rest;
            let is_last = input.is_empty() && self.missing == 0;
            if self.pending.len() < unit && !is_last {
                return Ok(());
            }
            match self.nonce {
                None => self.read_header()?,
                Some(nonce) => self.open_block(nonce, out)?,
            }
            self.pending.clear();
        }
        Ok(())
    }

    fn read_header(&mut self) -> Result<(), Error> {
        let header: &[u8; HEADER] = self.pending.as_slice().try_into().map_err(|_| Error::Content)?;
        let nonce = header.strip_prefix(MAGIC).ok_or(Error::Content)?;
        self.nonce = Some(nonce.try_into().map_err(|_| Error::Internal)?);
        Ok(())
    }

    fn open_block(&mut self, nonce: [u8; 24], out: &mut BytesMut) -> Result<(), Error> {
        let (tag, body) = self.pending.split_first_chunk_mut::<16>().ok_or(Error::Content)?;
        let nonce = Nonce::from(nonce_of(nonce, self.next));
        let opened = self.cipher.decrypt_in_place_detached(&nonce, b"", body, &Tag::from(*tag));
        opened.map_err(|_| Error::Content)?;
        let skip = usize::try_from(self.skip).unwrap_or(usize::MAX).min(body.len());
        let body = body.get(skip..).ok_or(Error::Internal)?;
        let kept = usize::try_from(self.take).unwrap_or(usize::MAX).min(body.len());
        out.put_slice(body.get(..kept).ok_or(Error::Internal)?);
        self.skip = self.skip.saturating_sub(u64::try_from(skip).map_err(|_| Error::Internal)?);
        self.take = self.take.saturating_sub(u64::try_from(kept).map_err(|_| Error::Internal)?);
        self.next = self.next.checked_add(1).ok_or(Error::Internal)?;
        Ok(())
    }
}

/// The nonce of block `index`: the first one plus that, little-endian, starting over after the last.
fn nonce_of(first: [u8; 24], index: u64) -> [u8; 24] {
    let (mut nonce, mut carry) = (first, u128::from(index));
    for byte in &mut nonce {
        let [sum, ..] = carry.wrapping_add(u128::from(*byte)).to_le_bytes();
        carry = carry.wrapping_add(u128::from(*byte)) >> 8;
        *byte = sum;
    }
    nonce
}

impl Transform for BlockOpener {
    type Summary = ();

    fn push(&mut self, input: &[u8], out: &mut BytesMut) -> Result<(), crate::Error> {
        if let Some(error) = &self.broken {
            return Err(error.clone());
        }
        let before = out.len();
        self.take_in(input, out).map_err(|error| {
            out.truncate(before);
            self.broken.insert(error.into()).clone()
        })
    }

    fn finish(self, _: &mut BytesMut) -> Result<(), crate::Error> {
        match self.broken {
            Some(error) => Err(error),
            None if self.missing != 0 => Err(Error::Truncated { missing: self.missing }.into()),
            None => Ok(()),
        }
    }
}

impl fmt::Debug for BlockOpener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("BlockOpener");
        shown.field("missing", &self.missing).field("take", &self.take).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nonces_count_little_endian_and_start_over() {
        let mut nonce = [0; 24];
        nonce[0] = 0xff;
        assert_eq!(nonce_of(nonce, 1)[..3], [0, 1, 0]);
        assert_eq!(nonce_of(nonce, 0x1_0000_0001)[..6], [0, 1, 0, 0, 1, 0]);
        assert_eq!(nonce_of([0xff; 24], 1), [0; 24]);
        assert_eq!(nonce_of([0xff; 24], u64::MAX)[..9], [0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0]);
    }
}
