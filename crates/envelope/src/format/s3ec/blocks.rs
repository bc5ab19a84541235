//! Cuts a stream into runs of whole cipher blocks.
//!
//! Knows nothing of what is done with them.

use super::{BLOCK, Error};

/// The beginning of a block whose end has not come yet.
#[derive(Default)]
pub(super) struct Blocks {
    pending: Vec<u8>,
}

impl Blocks {
    /// Hands on every whole block that `input` completes, as few runs as possible.
    pub(super) fn push(&mut self, input: &[u8], mut take: impl FnMut(&[u8]) -> Result<(), Error>) -> Result<(), Error> {
        let mut input = input;
        if !self.pending.is_empty() {
            let wanted = BLOCK.saturating_sub(self.pending.len()).min(input.len());
            let (begin, rest) = input.split_at_checked(wanted).ok_or(Error::Internal)?;
            self.pending.extend_from_slice(begin);
            input = rest;
            if self.pending.len() < BLOCK {
                return Ok(());
            }
            take(&self.pending)?;
            self.pending.clear();
        }
        let rest = input.len() % BLOCK;
        let (whole, rest) = input.split_at_checked(input.len().saturating_sub(rest)).ok_or(Error::Internal)?;
        self.pending.extend_from_slice(rest);
        if whole.is_empty() { Ok(()) } else { take(whole) }
    }

    /// Hands out the bytes of the block that never became whole.
    pub(super) fn take_rest(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.pending)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_split_gives_the_same_blocks() {
        let input: Vec<u8> = (0..100).collect();
        for size in 1..100 {
            let (mut blocks, mut out) = (Blocks::default(), Vec::new());
            for piece in input.chunks(size) {
                blocks
                    .push(piece, |run| {
                        assert!(!run.is_empty() && run.len() % BLOCK == 0);
                        out.extend_from_slice(run);
                        Ok(())
                    })
                    .unwrap();
            }
            assert_eq!(out, input[..96]);
            assert_eq!(blocks.take_rest(), input[96..]);
        }
    }
}
