//! Bytes to send and to expect, of any length and without the memory for it: one block of noise, over and over.
//!
//! The block's length is odd, so that no two chunks of an object are alike and a misplaced one shows.

use std::convert::Infallible;
use std::ops::Range;
use std::pin::Pin;
use std::sync::LazyLock;
use std::task::{Context, Poll};

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use sealgate_tests::bytes::noise;

const BLOCK_LEN: usize = 1_052_675;

static BLOCK: LazyLock<Bytes> = LazyLock::new(|| noise(1, BLOCK_LEN).into());

/// A run of the endless content that begins at byte 0 of the block.
#[derive(Clone, Debug)]
pub(crate) struct Content(Range<u64>);

impl Content {
    /// The content of every object of this length.
    pub(crate) fn of(plain_len: u64) -> Self {
        Self(0..plain_len)
    }

    /// A part of it.
    pub(crate) fn part(range: Range<u64>) -> Self {
        Self(range)
    }

    /// How many bytes are left.
    pub(crate) fn plain_len(&self) -> u64 {
        self.0.end - self.0.start
    }

    /// Whether `bytes` come next; they are taken off.
    pub(crate) fn take(&mut self, bytes: &[u8]) -> bool {
        let mut rest = bytes;
        while !rest.is_empty() {
            let Some(piece) = self.next_piece(rest.len()) else { return false };
            let (head, tail) = rest.split_at(piece.len());
            if piece != head {
                return false;
            }
            rest = tail;
        }
        true
    }

    /// Takes off bytes without looking at them.
    pub(crate) fn skip(&mut self, len: usize) -> bool {
        let is_enough = self.plain_len() >= len as u64;
        self.0.start = self.0.end.min(self.0.start + len as u64);
        is_enough
    }

    fn next_piece(&mut self, limit: usize) -> Option<Bytes> {
        let at = usize::try_from(self.0.start % BLOCK_LEN as u64).ok()?;
        let left = usize::try_from(self.plain_len()).unwrap_or(usize::MAX);
        let len = limit.min(left).min(BLOCK_LEN - at);
        self.0.start += len as u64;
        (len > 0).then(|| BLOCK.slice(at..at + len))
    }
}

impl Body for Content {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Ready(self.next_piece(BLOCK_LEN).map(|piece| Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.plain_len())
    }
}
