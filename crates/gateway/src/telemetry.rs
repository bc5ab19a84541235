//! One span per request, and one line when its last byte is out. Keys, queries, headers and secrets never appear.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Instant;

use bytes::Bytes;
use http::{HeaderMap, Method, Response};
use http_body::{Body as _, Frame, SizeHint};
use http_body_util::BodyExt as _;
use objects::{Body, BoxError};
use tracing::Span;
use tracing::field::Empty;

/// Opens the span of a request.
pub(crate) fn span(request_id: &str, method: &Method) -> Span {
    tracing::info_span!("request", id = request_id, %method, operation = Empty, bucket = Empty, client = Empty)
}

/// Notes what a request turned out to be.
pub(crate) fn note(operation: &str, bucket: &str, client: &str) {
    let span = Span::current();
    span.record("operation", operation);
    span.record("client", client);
    if !bucket.is_empty() {
        span.record("bucket", bucket);
    }
}

/// The declared length of a request's body.
pub(crate) fn declared_len(headers: &HeaderMap) -> u64 {
    headers.get(http::header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok()).unwrap_or(0)
}

/// Has the answer write its line when it is over, however it ends.
pub(crate) fn watched(response: Response<Body>, span: Span, started: Instant, bytes_in: u64) -> Response<Body> {
    let status = response.status().as_u16();
    response.map(|body| Watched { body, span, started, status, bytes_in, bytes_out: 0, ended: false }.boxed_unsync())
}

/// A body that counts and reports.
struct Watched {
    body: Body,
    span: Span,
    started: Instant,
    status: u16,
    bytes_in: u64,
    bytes_out: u64,
    ended: bool,
}

impl http_body::Body for Watched {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let polled = Pin::new(&mut self.body).poll_frame(cx);
        match &polled {
            Poll::Ready(Some(Ok(frame))) => self.bytes_out += frame.data_ref().map_or(0, |data| data.len() as u64),
            Poll::Ready(Some(Err(error))) => self.report_failure(error),
            Poll::Ready(None) => self.ended = true,
            Poll::Pending => {}
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Watched {
    /// Says why the connection is about to be broken: the client only sees that it was.
    fn report_failure(&self, error: &BoxError) {
        let _entered = self.span.enter();
        if error.is::<envelope::Error>() {
            tracing::error!(cause = %error, bytes_out = self.bytes_out, "a stored object failed verification in mid-stream");
        } else {
            tracing::warn!(cause = %error, bytes_out = self.bytes_out, "an answer broke off");
        }
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        let _entered = self.span.enter();
        let complete = self.ended || self.body.is_end_stream() || self.body.size_hint().exact() == Some(0);
        let duration_ms = u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX);
        tracing::info!(
            status = self.status,
            bytes_in = self.bytes_in,
            bytes_out = self.bytes_out,
            duration_ms,
            complete,
            "done"
        );
    }
}
