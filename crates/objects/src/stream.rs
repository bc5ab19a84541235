//! The only driver of the format's machines: pulls one body, pushes it through, and is itself a body.
//!
//! It works at the pace of whoever reads it and holds about one batch, so memory does not depend on an object's size.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};

use bytes::{Bytes, BytesMut};
use http_body::{Body as _, Frame, SizeHint};
use http_body_util::BodyExt as _;

use crate::store::{Body, BoxError};

/// Bytes gathered before they are handed on; small writes cost more than the cipher does.
const BATCH_LEN: usize = 256 * 1024;

/// What the driver drives.
pub(crate) trait Machine: Send + Unpin + 'static {
    /// Takes some input and appends what is ready.
    fn push(&mut self, input: &[u8], out: &mut BytesMut) -> Result<(), BoxError>;
    /// Takes the end of the input and appends the rest.
    fn finish(self, out: &mut BytesMut) -> Result<(), BoxError>;
}

/// Where the reason is left when a body fails while somebody else is sending it.
#[derive(Clone, Default)]
pub(crate) struct FailureSlot(Arc<Mutex<Option<BoxError>>>);

impl FailureSlot {
    pub(crate) fn take(&self) -> Option<BoxError> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    fn leave(&self, error: BoxError) -> BoxError {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
        Box::new(BodyFailed)
    }
}

/// Stands in a stream for an error that was left in a [`FailureSlot`].
#[derive(Debug, thiserror::Error)]
#[error("the body failed")]
struct BodyFailed;

/// A body that is the output of a machine over another body.
pub(crate) struct Driver<M> {
    input: Body,
    machine: Option<M>,
    out: BytesMut,
    output_len: u64,
    failures: Option<FailureSlot>,
}

impl<M: Machine> Driver<M> {
    /// Drives `machine` over `input`; `output_len` is what will come out in all, in bytes.
    pub(crate) fn new(input: Body, machine: M, output_len: u64) -> Self {
        Self { input, machine: Some(machine), out: BytesMut::new(), output_len, failures: None }
    }

    /// Where the reason will be found should this body fail while somebody else is sending it.
    pub(crate) fn failures(&mut self) -> FailureSlot {
        self.failures.get_or_insert_default().clone()
    }

    /// Runs until the first output is there, so that what is wrong from the start is known before anything is answered.
    ///
    /// # Errors
    /// What the machine or the input says.
    pub(crate) async fn primed(mut self) -> Result<Body, BoxError> {
        let frame = std::future::poll_fn(|cx| Pin::new(&mut self).poll_frame(cx)).await;
        let first = match frame {
            None => Bytes::new(),
            Some(Ok(frame)) => frame.into_data().unwrap_or_default(),
            Some(Err(error)) => return Err(self.failures.and_then(|slot| slot.take()).unwrap_or(error)),
        };
        Ok(Primed { first, rest: self }.boxed_unsync())
    }

    /// Pulls input until there is a batch, the input pauses, or all is done.
    fn fill(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        while self.out.len() < BATCH_LEN {
            let Some(machine) = &mut self.machine else { break };
            match Pin::new(&mut self.input).poll_frame(cx) {
                Poll::Pending if self.out.is_empty() => return Poll::Pending,
                Poll::Pending => break,
                Poll::Ready(Some(Ok(frame))) => {
                    if let Ok(data) = frame.into_data() {
                        machine.push(&data, &mut self.out)?;
                    }
                }
                Poll::Ready(Some(Err(error))) => return Poll::Ready(Err(error)),
                Poll::Ready(None) => {
                    if let Some(machine) = self.machine.take() {
                        machine.finish(&mut self.out)?;
                    }
                }
            }
        }
        Poll::Ready(Ok(()))
    }
}

impl<M: Machine> http_body::Body for Driver<M> {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let this = &mut *self;
        if let Err(error) = ready!(this.fill(cx)) {
            this.machine = None;
            this.out.clear();
            let error = match &this.failures {
                Some(slot) => slot.leave(error),
                None => error,
            };
            return Poll::Ready(Some(Err(error)));
        }
        if this.out.is_empty() {
            return Poll::Ready(None);
        }
        let bytes = this.out.split().freeze();
        this.output_len = this.output_len.saturating_sub(bytes.len() as u64);
        Poll::Ready(Some(Ok(Frame::data(bytes))))
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.output_len)
    }
}

/// A driver whose first output was already pulled.
struct Primed<M> {
    first: Bytes,
    rest: Driver<M>,
}

impl<M: Machine> http_body::Body for Primed<M> {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        if self.first.is_empty() {
            return Pin::new(&mut self.rest).poll_frame(cx);
        }
        Poll::Ready(Some(Ok(Frame::data(std::mem::take(&mut self.first)))))
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.rest.output_len + self.first.len() as u64)
    }
}

/// Reads a body of at most `limit` bytes.
///
/// # Errors
/// The body's own, or [`TooLong`].
pub async fn collect(mut body: Body, limit: usize) -> Result<Bytes, BoxError> {
    let mut bytes = BytesMut::new();
    while let Some(frame) = body.frame().await {
        if let Ok(data) = frame?.into_data() {
            if bytes.len() + data.len() > limit {
                return Err(Box::new(TooLong { limit }));
            }
            bytes.extend_from_slice(&data);
        }
    }
    Ok(bytes.freeze())
}

/// A body was longer than it may be.
#[derive(Debug, thiserror::Error)]
#[error("the body is longer than {limit} bytes")]
pub struct TooLong {
    limit: usize,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store;

    /// Doubles every byte and refuses a zero.
    struct Doubler;

    impl Machine for Doubler {
        fn push(&mut self, input: &[u8], out: &mut BytesMut) -> Result<(), BoxError> {
            if input.contains(&0) {
                return Err("zero".into());
            }
            for byte in input {
                out.extend_from_slice(&[*byte, *byte]);
            }
            Ok(())
        }

        fn finish(self, out: &mut BytesMut) -> Result<(), BoxError> {
            out.extend_from_slice(b"!");
            Ok(())
        }
    }

    fn pieces(pieces: Vec<&'static [u8]>) -> Body {
        store::stream(futures::stream::iter(pieces.into_iter().map(|piece| Ok(Bytes::from_static(piece)))))
    }

    #[tokio::test]
    async fn everything_comes_out_in_order() {
        let driver = Driver::new(pieces(vec![b"ab", b"", b"c"]), Doubler, 7);
        assert_eq!(driver.size_hint().exact(), Some(7));
        assert_eq!(collect(driver.boxed_unsync(), 100).await.unwrap(), "aabbcc!");
    }

    #[tokio::test]
    async fn a_failure_ends_the_body_and_leaves_its_reason() {
        let mut driver = Driver::new(pieces(vec![b"ab", b"\0"]), Doubler, 7);
        let failures = driver.failures();
        assert!(collect(driver.boxed_unsync(), 100).await.is_err());
        assert_eq!(failures.take().unwrap().to_string(), "zero");
    }

    #[tokio::test]
    async fn priming_meets_an_early_failure() {
        assert_eq!(Driver::new(pieces(vec![b"\0"]), Doubler, 1).primed().await.unwrap_err().to_string(), "zero");
        let body = Driver::new(pieces(vec![b"ab"]), Doubler, 5).primed().await.unwrap();
        assert_eq!(body.size_hint().exact(), Some(5));
        assert_eq!(collect(body, 100).await.unwrap(), "aabb!");
    }

    #[tokio::test]
    async fn a_long_body_is_not_collected() {
        assert!(collect(pieces(vec![b"abc", b"def"]), 5).await.is_err());
    }
}
