//! The content of rclone's `crypt` remotes: a header with a nonce, then blocks that each authenticate.
//!
//! Names are no business of this: they are taken as they stand in the bucket. Every block is verified before it comes
//! out, and blocks cannot change places; but an object cut behind a block looks like a shorter one. FORMAT.md, 19.5.

mod blocks;
mod key;

pub use blocks::BlockOpener;
pub use key::{Key, reveal};

use std::ops::Range;

use super::super::s3ec::{Extent, Release};
use super::Error;
use super::plan::{OpenPlan, Opener, wanted};

/// What every object begins with.
const MAGIC: &[u8; 8] = b"RCLONE\0\0";

/// Bytes of the magic and the nonce.
const HEADER: usize = 32;

/// Bytes of the header, as lengths are counted.
const HEADER_LEN: u64 = 32;

/// Bytes of a block's content, but the last one's.
const BLOCK_PLAIN: u64 = 65_536;

/// Bytes that a block stores in front of its content.
const TAG: u64 = 16;

/// Bytes of a stored block but the last.
const BLOCK_STORED: u64 = BLOCK_PLAIN + TAG;

/// How many bytes the object of `stored_len` bytes holds.
///
/// # Errors
/// [`Error::Content`] when no object has that length.
pub fn plain_len(stored_len: u64) -> Result<u64, Error> {
    let body = stored_len.checked_sub(HEADER_LEN).ok_or(Error::Content)?;
    let (blocks, rest) = (body / BLOCK_STORED, body % BLOCK_STORED);
    let last = match rest {
        0 => 0,
        // A last block without content is never written.
        _ => rest.checked_sub(TAG).filter(|last| *last > 0).ok_or(Error::Content)?,
    };
    Ok(blocks.saturating_mul(BLOCK_PLAIN).saturating_add(last))
}

impl Key {
    /// The lengths of an object of `stored_len` bytes.
    ///
    /// # Errors
    /// As [`plain_len`].
    pub fn measure(&self, stored_len: u64) -> Result<Extent, Error> {
        Ok(Extent::new(stored_len, plain_len(stored_len)?))
    }

    /// Plans to open the whole object, or the range `want` of its content.
    ///
    /// # Errors
    /// [`Error::InvalidRange`] when the range is empty or not inside the object.
    pub fn open(&self, extent: Extent, want: Option<Range<u64>>) -> Result<OpenPlan, Error> {
        let want = wanted(extent.plain_len(), want)?;
        let (first, blocks) = (want.start / BLOCK_PLAIN, want.end.div_ceil(BLOCK_PLAIN));
        let stored = |block: u64| block.saturating_mul(BLOCK_STORED).saturating_add(HEADER_LEN);
        let end = stored(blocks).min(extent.stored_len());
        let (head, fetch) = match first {
            0 => (None, 0..end),
            _ => (Some(0..HEADER_LEN), stored(first)..end),
        };
        let body_len = end.saturating_sub(stored(first));
        let opener = BlockOpener::new(self.cipher(), first, body_len, &want)?;
        Ok(OpenPlan { head, fetch, release: Release::PerChunk, opener: Opener::Blocks(Box::new(opener)) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_count_header_and_blocks() {
        for (stored_len, len) in [
            (32, Ok(0)),
            (31, Err(Error::Content)),
            (33, Err(Error::Content)),
            (48, Err(Error::Content)),
            (49, Ok(1)),
            (32 + 65_552, Ok(65_536)),
            (32 + 65_552 + 16, Err(Error::Content)),
            (32 + 65_552 + 17, Ok(65_537)),
            (32 + 3 * 65_552, Ok(3 * 65_536)),
            (0, Err(Error::Content)),
        ] {
            assert_eq!(plain_len(stored_len), len, "{stored_len}");
        }
        assert!(plain_len(u64::MAX).is_ok_and(|len| len < u64::MAX));
    }
}
