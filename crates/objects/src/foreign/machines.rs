//! The machines of foreign formats behind one face, and how they are driven over stored bytes on their way.
//!
//! Knows nothing of any format.

use std::sync::Arc;

use bytes::{Buf as _, BytesMut};
use envelope::Transform;
use envelope::s3ec;

use super::verified::Verified;
use crate::store::BoxError;
use crate::stream::Machine;

/// [`Transform`] as a thing that can be boxed.
pub(crate) trait Opener: Send {
    /// Takes some stored bytes and appends what is ready.
    fn push(&mut self, input: &[u8], out: &mut BytesMut) -> Result<(), envelope::Error>;
    /// Takes the end and appends the rest.
    fn finish(self: Box<Self>, out: &mut BytesMut) -> Result<(), envelope::Error>;
}

impl<T: Transform<Summary = ()> + Send> Opener for T {
    fn push(&mut self, input: &[u8], out: &mut BytesMut) -> Result<(), envelope::Error> {
        Transform::push(self, input, out)
    }

    fn finish(self: Box<Self>, out: &mut BytesMut) -> Result<(), envelope::Error> {
        Transform::finish(*self, out)
    }
}

/// A stretch of what comes: so many bytes are dropped, so many taken, and the rest dropped.
pub(super) struct Stretch {
    skip: u64,
    left: u64,
}

impl Stretch {
    pub(super) fn new(skip: u64, left: u64) -> Self {
        Self { skip, left }
    }

    pub(super) fn of<'a>(&mut self, input: &'a [u8]) -> &'a [u8] {
        let take = |left: &mut u64, len: usize| {
            let count = usize::try_from(*left).unwrap_or(usize::MAX).min(len);
            *left -= count as u64;
            count
        };
        let (_, rest) = input.split_at(take(&mut self.skip, input.len()));
        let count = take(&mut self.left, rest.len());
        &rest[..count]
    }
}

/// Opens a stretch of what the store sends as it comes.
pub(super) struct Direct {
    pub(super) opener: Box<dyn Opener>,
    pub(super) stretch: Stretch,
}

impl Machine for Direct {
    fn push(&mut self, input: &[u8], out: &mut BytesMut) -> Result<(), BoxError> {
        Ok(self.opener.push(self.stretch.of(input), out)?)
    }

    fn finish(self, out: &mut BytesMut) -> Result<(), BoxError> {
        Ok(self.opener.finish(out)?)
    }
}

/// Opens a stretch of an object that was verified before, once each of its pieces proved to be the one that was.
pub(super) struct Checked {
    pub(super) opener: Box<dyn Opener>,
    /// The pieces among what comes.
    pub(super) lead: Stretch,
    /// What is wanted among the pieces.
    pub(super) stretch: Stretch,
    pub(super) verified: Arc<Verified>,
    /// The next piece, and where the pieces wanted end.
    pub(super) pieces: std::ops::Range<usize>,
    pub(super) pending: BytesMut,
}

impl Machine for Checked {
    fn push(&mut self, input: &[u8], out: &mut BytesMut) -> Result<(), BoxError> {
        self.pending.extend_from_slice(self.lead.of(input));
        while let Some(len) = self.pieces.clone().next().and_then(|piece| self.verified.piece_len(piece)) {
            let Some(piece) = self.pending.get(..len) else { return Ok(()) };
            if !self.verified.is_piece(self.pieces.start, piece) {
                return Err(envelope::Error::from(s3ec::Error::Content).into());
            }
            self.opener.push(self.stretch.of(piece), out)?;
            self.pending.advance(len);
            self.pieces.start += 1;
        }
        Ok(())
    }

    fn finish(self, out: &mut BytesMut) -> Result<(), BoxError> {
        if !self.pieces.is_empty() {
            return Err(envelope::Error::from(s3ec::Error::Content).into());
        }
        Ok(self.opener.finish(out)?)
    }
}
