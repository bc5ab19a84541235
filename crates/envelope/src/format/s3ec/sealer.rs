//! Seals a whole object in pieces of any size. The tag comes out last, when the machine is told that this is all.

use std::fmt;

use bytes::{BufMut, BytesMut};

use super::blocks::Blocks;
use super::envelope::MAX_GCM_PLAIN;
use super::gcm::Gcm;
use super::{BLOCK, Error};
use crate::Transform;

/// Encrypts and authenticates one object.
pub struct GcmSealer {
    gcm: Gcm,
    blocks: Blocks,
    /// Whole blocks that went out.
    done: u64,
    /// Bytes that may still come.
    room: u64,
    /// Whether as many have to.
    is_exact: bool,
    broken: Option<Error>,
}

impl GcmSealer {
    pub(super) fn new(gcm: Gcm, plain_len: Option<u64>) -> Result<Self, Error> {
        let room = plain_len.unwrap_or(MAX_GCM_PLAIN);
        if room > MAX_GCM_PLAIN {
            return Err(Error::TooLong);
        }
        Ok(Self { gcm, blocks: Blocks::default(), done: 0, room, is_exact: plain_len.is_some(), broken: None })
    }

    fn take(&mut self, input: &[u8], out: &mut BytesMut) -> Result<(), Error> {
        let beyond = if self.is_exact { Error::WrongLength } else { Error::TooLong };
        let came = u64::try_from(input.len()).map_err(|_| Error::TooLong)?;
        self.room = self.room.checked_sub(came).ok_or(beyond)?;
        let (gcm, done) = (&mut self.gcm, &mut self.done);
        self.blocks.push(input, |run| {
            encrypt(gcm, *done, run, out)?;
            *done = done.saturating_add(u64::try_from(run.len() / BLOCK).map_err(|_| Error::Internal)?);
            Ok(())
        })
    }

    fn end(mut self, out: &mut BytesMut) -> Result<(), Error> {
        if let Some(error) = self.broken {
            return Err(error);
        }
        if self.is_exact && self.room > 0 {
            return Err(Error::WrongLength);
        }
        encrypt(&mut self.gcm, self.done, &self.blocks.take_rest(), out)?;
        out.put_slice(&self.gcm.tag()?.0);
        Ok(())
    }
}

fn encrypt(gcm: &mut Gcm, first: u64, plain: &[u8], out: &mut BytesMut) -> Result<(), Error> {
    let start = out.len();
    out.put_slice(plain);
    gcm.encrypt(first, out.get_mut(start..).ok_or(Error::Internal)?)
}

impl Transform for GcmSealer {
    type Summary = ();

    fn push(&mut self, input: &[u8], out: &mut BytesMut) -> Result<(), crate::Error> {
        if let Some(error) = &self.broken {
            return Err(error.clone().into());
        }
        Ok(self.take(input, out).inspect_err(|error| self.broken = Some(error.clone()))?)
    }

    fn finish(self, out: &mut BytesMut) -> Result<(), crate::Error> {
        Ok(self.end(out)?)
    }
}

impl fmt::Debug for GcmSealer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GcmSealer").field("room", &self.room).finish_non_exhaustive()
    }
}
