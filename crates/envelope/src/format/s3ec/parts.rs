//! Seals one GCM message in parts, in any order, each at its place. The tag is made of what was hashed of each.
//!
//! Nobody may seal two contents at one place under one key; that is the caller's to keep. FORMAT.md, 18.6.

use std::fmt;

use bytes::{BufMut, BytesMut};
use ghash::GHash;
use ghash::universal_hash::UniversalHash;

use super::blocks::Blocks;
use super::envelope::MAX_GCM_PLAIN;
use super::keystream::Keystream;
use super::part_hash::{BLOCK_LEN, PartHash};
use super::{BLOCK, Error};
use crate::Transform;

/// Encrypts a part of the content that begins at a known place.
pub struct PartSealer {
    keystream: Keystream,
    hash: GHash,
    blocks: Blocks,
    offset: u64,
    plain_len: u64,
    missing: u64,
    /// How many bytes belong to a block that began before the part, and those that came of them, encrypted.
    head_len: usize,
    head: Vec<u8>,
    /// Whole blocks of the part that went out.
    done: u64,
    broken: Option<Error>,
}

impl PartSealer {
    pub(super) fn new(keystream: Keystream, offset: u64, plain_len: u64) -> Result<Self, Error> {
        let end = offset.checked_add(plain_len).filter(|end| *end <= MAX_GCM_PLAIN);
        end.ok_or(Error::TooLong)?;
        let hash = GHash::new((&*keystream.hash_key()?).into());
        let to_boundary = BLOCK_LEN.saturating_sub(offset % BLOCK_LEN) % BLOCK_LEN;
        let head_len = usize::try_from(to_boundary.min(plain_len)).map_err(|_| Error::Internal)?;
        let (blocks, head, missing) = (Blocks::default(), Vec::new(), plain_len);
        Ok(Self { keystream, hash, blocks, offset, plain_len, missing, head_len, head, done: 0, broken: None })
    }

    fn take(&mut self, input: &[u8], out: &mut BytesMut) -> Result<(), Error> {
        let came = u64::try_from(input.len()).map_err(|_| Error::TooLong)?;
        self.missing = self.missing.checked_sub(came).ok_or(Error::WrongLength)?;
        let of_head = self.head_len.saturating_sub(self.head.len()).min(input.len());
        let (head, rest) = input.split_at_checked(of_head).ok_or(Error::Internal)?;
        self.take_head(head, out)?;
        let first = self.offset.div_ceil(BLOCK_LEN);
        let (keystream, hash, done) = (&self.keystream, &mut self.hash, &mut self.done);
        self.blocks.push(rest, |run| {
            let start = out.len();
            out.put_slice(run);
            let fresh = out.get_mut(start..).ok_or(Error::Internal)?;
            keystream.crypt(first.saturating_add(*done), fresh)?;
            hash.update_padded(fresh);
            *done = done.saturating_add(u64::try_from(run.len() / BLOCK).map_err(|_| Error::Internal)?);
            Ok(())
        })
    }

    /// Bytes from within the block in which the part begins.
    fn take_head(&mut self, plain: &[u8], out: &mut BytesMut) -> Result<(), Error> {
        if plain.is_empty() {
            return Ok(());
        }
        let within = usize::try_from(self.offset % BLOCK_LEN).map_err(|_| Error::Internal)?;
        let skip = within.saturating_add(self.head.len());
        let mut block = [vec![0; skip].as_slice(), plain].concat();
        self.keystream.crypt(self.offset / BLOCK_LEN, &mut block)?;
        let sealed = block.get(skip..).ok_or(Error::Internal)?;
        self.head.extend_from_slice(sealed);
        out.put_slice(sealed);
        Ok(())
    }

    fn end(mut self, out: &mut BytesMut) -> Result<PartHash, Error> {
        if let Some(error) = self.broken {
            return Err(error);
        }
        if self.missing > 0 {
            return Err(Error::WrongLength);
        }
        let mut tail = self.blocks.take_rest();
        self.keystream.crypt(self.offset.div_ceil(BLOCK_LEN).saturating_add(self.done), &mut tail)?;
        out.put_slice(&tail);
        let (offset, plain_len) = (self.offset, self.plain_len);
        Ok(PartHash { offset, plain_len, head: self.head, hash: self.hash.finalize().into(), tail })
    }
}

impl Transform for PartSealer {
    type Summary = PartHash;

    fn push(&mut self, input: &[u8], out: &mut BytesMut) -> Result<(), crate::Error> {
        if let Some(error) = &self.broken {
            return Err(error.clone().into());
        }
        Ok(self.take(input, out).inspect_err(|error| self.broken = Some(error.clone()))?)
    }

    fn finish(self, out: &mut BytesMut) -> Result<PartHash, crate::Error> {
        Ok(self.end(out)?)
    }
}

impl fmt::Debug for PartSealer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("PartSealer");
        shown.field("offset", &self.offset).field("missing", &self.missing).finish_non_exhaustive()
    }
}
