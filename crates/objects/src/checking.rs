//! Plaintext on its way to a store: digested as it passes, and judged before its last bytes go out.

use std::sync::{Arc, Mutex, PoisonError};

use bytes::BytesMut;
use envelope::{Computed, DigestSet, Digests};

use crate::Error;
use crate::store::{Body, BoxError};
use crate::stream::{Driver, FailureSlot, Machine};

/// The last word before an object is stored: called with the digests of all the plaintext, before its last bytes go out.
pub type Verdict = Box<dyn FnOnce(&Computed) -> Result<(), BoxError> + Send>;

/// Starts a machine, and waits for its first output before the store hears of the object.
///
/// So a body of one chunk is judged before anything is sent, and a longer one that is refused later breaks off in the middle:
/// there are stores that take a request that ends before its first byte for an empty object.
pub(crate) async fn drive<M: Machine>(
    body: Body,
    machine: M,
    output_len: u64,
) -> Result<((Body, u64), FailureSlot), Error> {
    let mut driver = Driver::new(body, machine, output_len);
    let failures = driver.failures();
    let body = driver.primed().await.map_err(Error::Body)?;
    Ok(((body, output_len), failures))
}

/// Where the digests are left once all plaintext was read.
#[derive(Clone, Default)]
pub(crate) struct ComputedSlot(Arc<Mutex<Option<Computed>>>);

impl ComputedSlot {
    pub(crate) fn take(&self) -> Option<Computed> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    fn leave(&self, computed: Computed) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(computed);
    }
}

/// Digests what passes and asks the verdict at the end.
pub(crate) struct Checker {
    digests: Digests,
    verdict: Verdict,
    computed: ComputedSlot,
}

impl Checker {
    pub(crate) fn new(digests: &DigestSet, verdict: Verdict, computed: &ComputedSlot) -> Self {
        Self { digests: Digests::new(digests), verdict, computed: computed.clone() }
    }

    pub(crate) fn update(&mut self, plain: &[u8]) {
        self.digests.update(plain);
    }

    pub(crate) fn finish(self) -> Result<Computed, BoxError> {
        let computed = self.digests.finish();
        (self.verdict)(&computed)?;
        self.computed.leave(computed.clone());
        Ok(computed)
    }
}

/// Passes plaintext on as it is, one byte behind, so that the store never has all of it before the verdict.
pub(crate) struct PassMachine {
    checker: Checker,
    held: Option<u8>,
    left: u64,
}

impl PassMachine {
    pub(crate) fn new(checker: Checker, plain_len: u64) -> Self {
        Self { checker, held: None, left: plain_len }
    }
}

impl Machine for PassMachine {
    fn push(&mut self, input: &[u8], out: &mut BytesMut) -> Result<(), BoxError> {
        let Some((last, rest)) = input.split_last() else { return Ok(()) };
        self.left = self.left.checked_sub(input.len() as u64).ok_or(WrongLength)?;
        self.checker.update(input);
        out.extend(self.held.replace(*last));
        out.extend_from_slice(rest);
        Ok(())
    }

    fn finish(self, out: &mut BytesMut) -> Result<(), BoxError> {
        if self.left > 0 {
            return Err(WrongLength.into());
        }
        self.checker.finish()?;
        out.extend(self.held);
        Ok(())
    }
}

/// A body had more or fewer bytes than declared.
#[derive(Debug, thiserror::Error)]
#[error("the body does not have the declared length")]
pub struct WrongLength;
