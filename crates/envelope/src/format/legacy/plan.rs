//! What to fetch, and the machine that opens it.
//!
//! Knows of the formats only that each has one machine.

use std::ops::Range;

use bytes::BytesMut;

use super::super::s3ec::{Release, UnverifiedOpener};
use super::Error;
use super::rclone_crypt::BlockOpener;
use crate::Transform;

/// What to fetch, and what to make of it.
#[derive(Debug)]
pub struct OpenPlan {
    /// Stored bytes to push before all others: the beginning of the object, when the range does not include it.
    pub head: Option<Range<u64>>,
    /// The stored bytes to fetch and push.
    pub fetch: Range<u64>,
    /// When what comes out may be believed.
    pub release: Release,
    /// The machine to push them into.
    pub opener: Opener,
}

/// Decrypts what a plan asked to fetch.
#[derive(Debug)]
pub enum Opener {
    /// Content that nothing vouches for.
    Unverified(Box<UnverifiedOpener>),
    /// Content that verifies block by block.
    Blocks(Box<BlockOpener>),
}

impl Transform for Opener {
    type Summary = ();

    fn push(&mut self, input: &[u8], out: &mut BytesMut) -> Result<(), crate::Error> {
        match self {
            Self::Unverified(opener) => opener.push(input, out),
            Self::Blocks(opener) => opener.push(input, out),
        }
    }

    fn finish(self, out: &mut BytesMut) -> Result<(), crate::Error> {
        match self {
            Self::Unverified(opener) => opener.finish(out),
            Self::Blocks(opener) => opener.finish(out),
        }
    }
}

/// The range that is wanted of `plain_len` bytes, which is all of them if none is named.
pub(super) fn wanted(plain_len: u64, want: Option<Range<u64>>) -> Result<Range<u64>, Error> {
    match want {
        None => Ok(0..plain_len),
        Some(want) if want.start < want.end && want.end <= plain_len => Ok(want),
        Some(_) => Err(Error::InvalidRange),
    }
}
