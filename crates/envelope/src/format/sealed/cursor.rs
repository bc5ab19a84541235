//! Which chunk comes next, how long it is, and under which nonce it is sealed.
//!
//! Knows the shape of a segment and nothing of its bytes.

use crate::cipher::{NONCE, TAG};
use crate::layout::CHUNK_LEN;

/// Plaintext bytes of every chunk but the last.
pub(super) const CHUNK: usize = 65_536;

/// Stored bytes of every chunk but the last.
pub(super) const SEALED_CHUNK: usize = CHUNK + TAG;

/// A place between two chunks of a segment.
pub(super) struct Cursor {
    index: u64,
    count: u64,
    last_plain: usize,
}

impl Cursor {
    /// Before chunk `index` of a segment of `plain_len` bytes.
    pub(super) fn new(plain_len: u64, index: u64) -> Self {
        let [.., high, low] = plain_len.saturating_sub(1).to_be_bytes();
        let last_plain = usize::from(u16::from_be_bytes([high, low])).saturating_add(1);
        Self { index, count: plain_len.div_ceil(CHUNK_LEN), last_plain }
    }

    pub(super) fn index(&self) -> u64 {
        self.index
    }

    pub(super) fn is_done(&self) -> bool {
        self.index >= self.count
    }

    pub(super) fn is_at_last(&self) -> bool {
        self.index.checked_add(1) == Some(self.count)
    }

    /// Plaintext bytes of the next chunk.
    pub(super) fn plain_len(&self) -> usize {
        if self.is_at_last() { self.last_plain } else { CHUNK }
    }

    /// Stored bytes of the next chunk.
    pub(super) fn sealed_len(&self) -> usize {
        self.plain_len().saturating_add(TAG)
    }

    /// `u32be(1 if last else 0) || u64be(index)`: unique in the segment, and a segment cannot be cut short.
    pub(super) fn nonce(&self) -> [u8; NONCE] {
        let mut nonce = [0; NONCE];
        let (flag, index) = nonce.split_at_mut(4);
        flag.copy_from_slice(&u32::from(self.is_at_last()).to_be_bytes());
        index.copy_from_slice(&self.index.to_be_bytes());
        nonce
    }

    pub(super) fn advance(&mut self) {
        self.index = self.index.saturating_add(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_chunk_has_what_is_left() {
        for (plain_len, last) in [(1, 1), (65_535, 65_535), (65_536, 65_536), (65_537, 1), (131_072, 65_536)] {
            let cursor = Cursor::new(plain_len, plain_len.div_ceil(CHUNK_LEN) - 1);
            assert!(cursor.is_at_last());
            assert_eq!(cursor.plain_len(), last, "{plain_len}");
        }
    }

    #[test]
    fn an_empty_segment_has_no_chunk() {
        assert!(Cursor::new(0, 0).is_done());
        assert!(!Cursor::new(0, 0).is_at_last());
    }

    #[test]
    fn the_nonce_marks_the_last_chunk_and_counts() {
        assert_eq!(Cursor::new(200_000, 2).nonce(), [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2]);
        assert_eq!(Cursor::new(200_000, 3).nonce(), [0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 3]);
    }
}
