//! Decrypts what nothing vouches for: ranges of GCM content, CBC content and bare CTR content.
//!
//! Whoever can write the bucket decides what comes out. The read policy has allowed that, or no such machine is made.

use std::fmt;

use aws_lc_rs::cipher::{DecryptingKey, DecryptionContext};
use aws_lc_rs::iv::FixedLength;
use bytes::{BufMut, BytesMut};

use super::blocks::Blocks;
use super::cbc::Cbc;
use super::keys::AesKey;
use super::keystream::Keystream;
use super::{BLOCK, Error};
use crate::Transform;

/// Decrypts a run of stored bytes and gives out the wanted ones.
pub struct UnverifiedOpener {
    cipher: Cipher,
    blocks: Blocks,
    missing: u64,
    skip: usize,
    take: u64,
    broken: Option<Error>,
}

pub(in crate::format) enum Cipher {
    /// The keystream and the next block's number.
    Ctr(Keystream, u64),
    /// The stored block before the next; when there is none yet, the first that comes is it.
    Cbc(Cbc, Option<[u8; BLOCK]>),
    /// A keystream of whole blocks that count up.
    Counter(Counter),
}

/// AES-CTR with a counter of 128 bits that starts over after its last value. The first block that comes is the counter
/// of the content's first block.
pub(in crate::format) struct Counter {
    key: DecryptingKey,
    /// Set once the first block has come.
    next: Option<u128>,
    first: u64,
}

impl UnverifiedOpener {
    /// `missing` stored bytes will come; of what they decrypt to, `skip` bytes are dropped and `take` given out.
    pub(in crate::format) fn new(cipher: Cipher, missing: u64, skip: usize, take: u64) -> Self {
        Self { cipher, blocks: Blocks::default(), missing, skip, take, broken: None }
    }

    fn take(&mut self, input: &[u8], out: &mut BytesMut) -> Result<(), Error> {
        let came = u64::try_from(input.len()).map_err(|_| Error::TrailingBytes)?;
        self.missing = self.missing.checked_sub(came).ok_or(Error::TrailingBytes)?;
        let mut trim = Trim { skip: &mut self.skip, take: &mut self.take };
        let cipher = &mut self.cipher;
        self.blocks.push(input, |run| trim.append(cipher, run, out))?;
        if self.missing == 0 {
            // Only a keystream ends within a block; what CBC fetches is whole blocks.
            trim.append(cipher, &self.blocks.take_rest(), out)?;
        }
        Ok(())
    }
}

/// Where in the decrypted bytes the wanted ones lie.
struct Trim<'a> {
    skip: &'a mut usize,
    take: &'a mut u64,
}

impl Trim<'_> {
    fn append(&mut self, cipher: &mut Cipher, sealed: &[u8], out: &mut BytesMut) -> Result<(), Error> {
        let start = out.len();
        cipher.append(sealed, out)?;
        let fresh = out.get_mut(start..).ok_or(Error::Internal)?;
        let skip = fresh.len().min(*self.skip);
        fresh.copy_within(skip.., 0);
        let kept = fresh.len().saturating_sub(skip).min(usize::try_from(*self.take).unwrap_or(usize::MAX));
        *self.skip = self.skip.saturating_sub(skip);
        *self.take = self.take.saturating_sub(u64::try_from(kept).map_err(|_| Error::Internal)?);
        out.truncate(start.saturating_add(kept));
        Ok(())
    }
}

impl Cipher {
    fn append(&mut self, sealed: &[u8], out: &mut BytesMut) -> Result<(), Error> {
        let start = out.len();
        match self {
            Self::Ctr(keystream, next) => {
                out.put_slice(sealed);
                keystream.crypt(*next, out.get_mut(start..).ok_or(Error::Internal)?)?;
                let blocks = u64::try_from(sealed.len().div_ceil(BLOCK)).map_err(|_| Error::Internal)?;
                *next = next.checked_add(blocks).ok_or(Error::Internal)?;
            }
            Self::Cbc(cbc, previous) => {
                let Some(last) = sealed.last_chunk::<BLOCK>() else { return Ok(()) };
                let (before, body) = match *previous {
                    Some(before) => (before, sealed),
                    None => sealed.split_first_chunk::<BLOCK>().map(|(iv, body)| (*iv, body)).ok_or(Error::Internal)?,
                };
                out.put_slice(body);
                cbc.decrypt(before, out.get_mut(start..).ok_or(Error::Internal)?)?;
                *previous = Some(*last);
            }
            Self::Counter(counter) => {
                let body = counter.start(sealed)?;
                out.put_slice(body);
                counter.decrypt(out.get_mut(start..).ok_or(Error::Internal)?)?;
            }
        }
        Ok(())
    }
}

impl Counter {
    /// `first` is the number of the content's block that follows the counter.
    pub(in crate::format) fn new(key: &AesKey, first: u64) -> Result<Self, Error> {
        Ok(Self { key: key.in_mode(DecryptingKey::ctr)?, next: None, first })
    }

    /// Takes the counter off the front if it is still to come.
    fn start<'a>(&mut self, sealed: &'a [u8]) -> Result<&'a [u8], Error> {
        if self.next.is_some() || sealed.is_empty() {
            return Ok(sealed);
        }
        let (counter, body) = sealed.split_first_chunk::<BLOCK>().ok_or(Error::Internal)?;
        self.next = Some(u128::from_be_bytes(*counter).wrapping_add(u128::from(self.first)));
        Ok(body)
    }

    fn decrypt(&mut self, bytes: &mut [u8]) -> Result<(), Error> {
        let Some(next) = self.next.filter(|_| !bytes.is_empty()) else { return Ok(()) };
        let context = DecryptionContext::Iv128(FixedLength::from(next.to_be_bytes()));
        self.key.decrypt(bytes, context).map_err(|_| Error::Internal)?;
        let blocks = u64::try_from(bytes.len().div_ceil(BLOCK)).map_err(|_| Error::Internal)?;
        self.next = Some(next.wrapping_add(u128::from(blocks)));
        Ok(())
    }
}

impl Transform for UnverifiedOpener {
    type Summary = ();

    fn push(&mut self, input: &[u8], out: &mut BytesMut) -> Result<(), crate::Error> {
        if let Some(error) = &self.broken {
            return Err(error.clone().into());
        }
        Ok(self.take(input, out).inspect_err(|error| self.broken = Some(error.clone()))?)
    }

    fn finish(self, _: &mut BytesMut) -> Result<(), crate::Error> {
        match self.broken {
            Some(error) => Err(error.into()),
            None if self.missing != 0 => Err(Error::Truncated { missing: self.missing }.into()),
            None => Ok(()),
        }
    }
}

impl fmt::Debug for UnverifiedOpener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("UnverifiedOpener");
        shown.field("missing", &self.missing).field("take", &self.take).finish_non_exhaustive()
    }
}
