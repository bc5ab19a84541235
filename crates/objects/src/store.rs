//! Where sealed bytes live: the seam between sealed objects and an S3 store.
//!
//! An unsigned S3 request goes in, an answer comes out, bodies stream both ways. This room knows nothing of
//! sealing, keys or clients; whoever implements [`Store`] decides where the store is and how it is spoken to.
//!
//! # What a sender owes the store
//!
//! * The URI is relative and path style: `/bucket/percent%2Dencoded/key?query`. The bucket comes first, whatever
//!   addressing the store uses on the wire. Keys and query parameters are already percent-encoded, once; a store may
//!   spell them as S3 signs them, but never changes what they name.
//! * There is no signature, and no `Host` is needed. `Authorization` and `x-amz-date` are the store's to write.
//! * `Content-Length` is set whenever there is a body, and the body yields exactly that many bytes. A body that
//!   ends early, goes on too long or fails never becomes an object: the connection is broken before its last byte.
//!
//! # What the sender gets
//!
//! Every answer the store gave, errors included, once its head has arrived; the body streams behind it. A store
//! retries what it can on its own, so the caller need not try again. [`StoreError`] is for requests that got no
//! answer.

pub mod s3;

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use async_trait::async_trait;
use bytes::Bytes;
use futures::{Stream, StreamExt as _};
use http_body::{Frame, SizeHint};
use http_body_util::{BodyExt as _, Empty, Full, StreamBody};

/// Any error, when its exact type is somebody else's business.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// A body on its way to or from a store.
pub type Body = http_body_util::combinators::UnsyncBoxBody<Bytes, BoxError>;

/// Where ciphertext lives: an unsigned S3 request in, an answer out, bodies stream.
///
/// The [module documentation](self) says what a request must look like.
#[async_trait]
pub trait Store: Send + Sync + 'static {
    /// Sends `request` and waits for the head of the answer.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when there is no answer to hand on. An answer with an error status is an answer.
    async fn send(&self, request: http::Request<Body>) -> Result<http::Response<Body>, StoreError>;
}

/// Why a request got no answer. Messages name no endpoint, key, signature or credential.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The settings cannot work. The operator must change them.
    #[error("store settings: {0}")]
    Settings(String),
    /// The request breaks the rules of the seam. The fault is in this program.
    #[error("malformed request for the store: {0}")]
    Request(String),
    /// The store could not be reached, or hung up before it answered.
    #[error("the store cannot be reached: {message}")]
    Unreachable {
        /// What went wrong, without naming the endpoint.
        message: String,
        /// The error underneath.
        #[source]
        source: Option<BoxError>,
    },
    /// The store took too long.
    #[error("the store took too long to {phase}")]
    Timeout {
        /// What it was asked to do at the time.
        phase: Phase,
    },
    /// The store's certificate or its TLS handshake was not acceptable.
    #[error("the store's TLS handshake failed")]
    Tls(#[source] BoxError),
    /// There are no credentials to sign with, or they cannot be used. The operator must provide some.
    #[error("no usable credentials for the store")]
    Credentials(#[source] BoxError),
    /// The body of the request failed. Its sender knows why: the error is the one the body yielded.
    #[error("the request body failed")]
    RequestBody(#[source] BoxError),
    /// The store spoke, but not HTTP as we understand it.
    #[error("the store's answer makes no sense: {message}")]
    Protocol {
        /// What was wrong with it.
        message: String,
        /// The error underneath.
        #[source]
        source: Option<BoxError>,
    },
}

/// What a store was doing when its time ran out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Phase {
    /// Accepting a connection, TLS included.
    Connect,
    /// Taking the next piece of a request's body.
    Upload,
    /// Answering a request it had received in full.
    Answer,
    /// Sending the next piece of an answer's body.
    Body,
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Connect => "accept a connection",
            Self::Upload => "take the request",
            Self::Answer => "answer",
            Self::Body => "send the rest of its answer",
        })
    }
}

/// A body whose length does not agree with what was promised.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LengthMismatch {
    /// The body ended early.
    #[error("the body ended after {got} of {declared} bytes")]
    Short {
        /// The promised length.
        declared: u64,
        /// The bytes that came.
        got: u64,
    },
    /// The body went on.
    #[error("the body is longer than the declared {declared} bytes")]
    Long {
        /// The promised length.
        declared: u64,
    },
}

/// No body at all.
pub fn empty() -> Body {
    Empty::new().map_err(|never| match never {}).boxed_unsync()
}

/// A body that is already in memory.
pub fn full(bytes: impl Into<Bytes>) -> Body {
    Full::new(bytes.into()).map_err(|never| match never {}).boxed_unsync()
}

/// A body of unknown length. Polling it after its end is harmless.
pub fn stream(pieces: impl Stream<Item = Result<Bytes, BoxError>> + Send + 'static) -> Body {
    StreamBody::new(pieces.fuse().map(|piece| piece.map(Frame::data))).boxed_unsync()
}

/// A body of exactly `declared` bytes. One that is shorter or longer fails with [`LengthMismatch`].
pub fn sized(declared: u64, pieces: impl Stream<Item = Result<Bytes, BoxError>> + Send + 'static) -> Body {
    Exact::new(declared, stream(pieces)).boxed_unsync()
}

/// Holds a body to its declared length, and its last byte back until the body has ended there.
pub(crate) struct Exact {
    inner: Body,
    declared: u64,
    got: u64,
    /// The piece that completes the length. It leaves only once the body has proved that nothing follows.
    held: Option<Bytes>,
    done: bool,
}

impl Exact {
    pub(crate) fn new(declared: u64, inner: Body) -> Self {
        Self { inner, declared, got: 0, held: None, done: false }
    }

    fn accept(&mut self, data: Bytes) -> Result<Option<Bytes>, LengthMismatch> {
        if data.is_empty() {
            return Ok(None);
        }
        self.got = self.got.saturating_add(data.len() as u64);
        if self.got > self.declared {
            return Err(LengthMismatch::Long { declared: self.declared });
        }
        if self.got == self.declared {
            self.held = Some(data);
            return Ok(None);
        }
        Ok(Some(data))
    }

    fn end(&mut self) -> Option<Result<Frame<Bytes>, BoxError>> {
        self.done = true;
        if self.got < self.declared {
            let short = LengthMismatch::Short { declared: self.declared, got: self.got };
            return Some(Err(short.into()));
        }
        self.held.take().map(|data| Ok(Frame::data(data)))
    }
}

impl http_body::Body for Exact {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let this = &mut *self;
        loop {
            if this.done {
                return Poll::Ready(None);
            }
            let Some(frame) = std::task::ready!(Pin::new(&mut this.inner).poll_frame(context)) else {
                return Poll::Ready(this.end());
            };
            // Trailers have no place in a body that is sent with its length.
            let accepted = match frame.map(Frame::into_data) {
                Ok(Ok(data)) => this.accept(data).map_err(BoxError::from),
                Ok(Err(_trailers)) => Ok(None),
                Err(error) => Err(error),
            };
            match accepted {
                Ok(None) => {}
                Ok(Some(data)) => return Poll::Ready(Some(Ok(Frame::data(data)))),
                Err(error) => {
                    this.done = true;
                    this.held = None;
                    return Poll::Ready(Some(Err(error)));
                }
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.done && self.held.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(if self.done { 0 } else { self.declared - self.got.min(self.declared) + self.held_len() })
    }
}

impl Exact {
    fn held_len(&self) -> u64 {
        self.held.as_ref().map_or(0, |held| held.len() as u64)
    }
}

#[cfg(test)]
mod tests {
    use futures::stream::iter;

    use super::*;

    fn pieces(all: &[&'static str]) -> impl Stream<Item = Result<Bytes, BoxError>> + Send + 'static + use<> {
        let all: Vec<_> = all.iter().map(|piece| Ok(Bytes::from_static(piece.as_bytes()))).collect();
        iter(all)
    }

    async fn read(mut body: Body) -> (Vec<u8>, Option<BoxError>) {
        let mut out = Vec::new();
        while let Some(frame) = body.frame().await {
            match frame {
                Ok(frame) => out.extend_from_slice(frame.data_ref().expect("data")),
                Err(error) => return (out, Some(error)),
            }
        }
        (out, None)
    }

    fn mismatch(error: Option<&BoxError>) -> LengthMismatch {
        *error.expect("an error").downcast_ref().expect("a length mismatch")
    }

    #[tokio::test]
    async fn a_sized_body_passes_when_its_length_is_right() {
        let body = sized(6, pieces(&["ab", "", "cdef"]));
        assert_eq!(http_body::Body::size_hint(&body).exact(), Some(6));
        let (bytes, error) = read(body).await;
        assert_eq!(bytes, b"abcdef");
        assert!(error.is_none());
    }

    #[tokio::test]
    async fn a_short_body_fails_at_its_end() {
        let (bytes, error) = read(sized(7, pieces(&["ab", "cdef"]))).await;
        assert_eq!(bytes, b"abcdef");
        assert_eq!(mismatch(error.as_ref()), LengthMismatch::Short { declared: 7, got: 6 });
    }

    #[tokio::test]
    async fn a_long_body_never_releases_its_last_piece() {
        let (bytes, error) = read(sized(6, pieces(&["ab", "cdef", "g"]))).await;
        assert_eq!(bytes, b"ab");
        assert_eq!(mismatch(error.as_ref()), LengthMismatch::Long { declared: 6 });
    }

    #[tokio::test]
    async fn an_empty_sized_body_is_empty() {
        let (bytes, error) = read(sized(0, pieces(&[]))).await;
        assert!(bytes.is_empty());
        assert!(error.is_none());
    }
}
