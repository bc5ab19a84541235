//! The one machine a plan hands out, whichever it is.

use bytes::BytesMut;

use super::gcm::GcmOpener;
use super::range::UnverifiedOpener;
use crate::{Error, Transform};

/// Decrypts what a plan asked to fetch.
#[derive(Debug)]
pub enum Opener {
    /// The whole of content that authenticates at its end.
    Whole(Box<GcmOpener>),
    /// Content that nothing vouches for.
    Unverified(Box<UnverifiedOpener>),
}

impl Transform for Opener {
    type Summary = ();

    fn push(&mut self, input: &[u8], out: &mut BytesMut) -> Result<(), Error> {
        match self {
            Self::Whole(opener) => opener.push(input, out),
            Self::Unverified(opener) => opener.push(input, out),
        }
    }

    fn finish(self, out: &mut BytesMut) -> Result<(), Error> {
        match self {
            Self::Whole(opener) => opener.finish(out),
            Self::Unverified(opener) => opener.finish(out),
        }
    }
}
