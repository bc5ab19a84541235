//! Makes whole chunks out of a stream that is cut anywhere.
//!
//! A chunk that arrives whole is used where it lies; only pieces are kept, and at most one chunk of them.

use crate::Error;

#[derive(Default)]
pub(super) struct Gather {
    held: Vec<u8>,
}

impl Gather {
    /// Hands the next `wanted` bytes to `use_chunk` if they have all come; says whether they had.
    pub(super) fn next(
        &mut self,
        wanted: usize,
        input: &mut &[u8],
        use_chunk: impl FnOnce(&[u8]) -> Result<(), Error>,
    ) -> Result<bool, Error> {
        if self.held.is_empty()
            && let Some((whole, rest)) = input.split_at_checked(wanted)
        {
            *input = rest;
            return use_chunk(whole).map(|()| true);
        }
        self.keep(wanted, input);
        if self.held.len() < wanted {
            return Ok(false);
        }
        use_chunk(&self.held)?;
        self.held.clear();
        Ok(true)
    }

    /// Keeps bytes of `input` until `wanted` are held.
    pub(super) fn keep(&mut self, wanted: usize, input: &mut &[u8]) {
        let missing = wanted.saturating_sub(self.held.len());
        let (now, rest) = input.split_at_checked(missing).unwrap_or((input, &[]));
        if self.held.is_empty() && !now.is_empty() {
            self.held.reserve_exact(wanted);
        }
        self.held.extend_from_slice(now);
        *input = rest;
    }

    /// How many chunks of `chunk_len` bytes are whole once `input` has come.
    pub(super) fn completed_by(&self, input: &[u8], chunk_len: usize) -> usize {
        self.held.len().saturating_add(input.len()).checked_div(chunk_len).unwrap_or(0)
    }

    /// What is held.
    pub(super) fn held(&self) -> &[u8] {
        &self.held
    }
}
