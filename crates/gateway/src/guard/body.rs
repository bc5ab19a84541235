//! The body as it comes from the wire, watched for two things that s3s does not look after.
//!
//! A signed aws-chunked body must end with its final chunk: s3s is content once the declared bytes came. And a body that
//! nobody wants must still be read a little, or the refusal is lost in a connection reset.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::HeaderMap;
use http::header::EXPECT;
use http_body::{Body, Frame, SizeHint};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use objects::BoxError;

use crate::error::Fault;

/// How much of an unwanted body is read after the answer, and for how long.
const LINGER_BYTES: usize = 1024 * 1024;
const LINGER_TIME: Duration = Duration::from_secs(10);

/// Long enough for `0;chunk-signature=`, 64 digits and the line ends around them.
const TAIL_LEN: usize = 128;

/// A request body on its way to s3s.
pub(crate) struct Watched<B: Body<Data = Bytes> + Send + Unpin + 'static = Incoming> {
    body: Option<B>,
    tail: Option<Tail>,
    /// Reading on would ask the client for a body that it has not begun to send.
    waits: bool,
}

impl<B> Watched<B>
where
    B: Body<Data = Bytes> + Send + Unpin + 'static,
    B::Error: Into<BoxError> + Send,
{
    pub(crate) fn new(body: B, headers: &HeaderMap) -> Self {
        let signed =
            headers.get("x-amz-content-sha256").is_some_and(|value| value == "STREAMING-AWS4-HMAC-SHA256-PAYLOAD");
        Self { body: Some(body), tail: signed.then(Tail::default), waits: headers.contains_key(EXPECT) }
    }
}

impl<B> Body for Watched<B>
where
    B: Body<Data = Bytes> + Send + Unpin + 'static,
    B::Error: Into<BoxError> + Send,
{
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let this = &mut *self;
        this.waits = false;
        let Some(body) = &mut this.body else { return Poll::Ready(None) };
        let frame = std::task::ready!(Pin::new(body).poll_frame(cx));
        if let (Some(Ok(frame)), Some(tail)) = (&frame, &mut this.tail) {
            frame.data_ref().into_iter().for_each(|data| tail.push(data));
        }
        if let Some(frame) = frame {
            return Poll::Ready(Some(frame.map_err(Into::into)));
        }
        this.body = None;
        let cut = this.tail.take().is_some_and(|tail| !tail.is_final());
        Poll::Ready(cut.then(|| Err(Fault::incomplete().into())))
    }

    fn size_hint(&self) -> SizeHint {
        self.body.as_ref().map_or_else(|| SizeHint::with_exact(0), Body::size_hint)
    }
}

impl<B: Body<Data = Bytes> + Send + Unpin + 'static> Drop for Watched<B> {
    fn drop(&mut self) {
        let unread = self.body.take().filter(|body| !self.waits && !body.is_end_stream());
        if let (Some(body), Ok(runtime)) = (unread, tokio::runtime::Handle::try_current()) {
            runtime.spawn(tokio::time::timeout(LINGER_TIME, linger(body)));
        }
    }
}

/// Reads what the client is still sending, so that it gets to see the answer.
async fn linger<B: Body<Data = Bytes> + Unpin>(mut body: B) {
    let mut left = LINGER_BYTES;
    while let Some(Ok(frame)) = body.frame().await {
        let len = frame.data_ref().map_or(0, Bytes::len);
        match left.checked_sub(len) {
            Some(rest) => left = rest,
            None => return,
        }
    }
}

/// The last bytes of a body.
#[derive(Default)]
struct Tail(Vec<u8>);

impl Tail {
    fn push(&mut self, data: &[u8]) {
        self.0.extend_from_slice(&data[data.len().saturating_sub(TAIL_LEN)..]);
        let surplus = self.0.len().saturating_sub(TAIL_LEN);
        self.0.drain(..surplus);
    }

    /// Whether these bytes end with the final, empty chunk (its signature is s3s's business).
    fn is_final(&self) -> bool {
        let text = String::from_utf8_lossy(&self.0);
        let text = text.trim_end_matches("\r\n");
        let Some((before, signature)) = text.rsplit_once(";chunk-signature=") else { return false };
        let first_chunk = before.len() + ";chunk-signature=".len() + signature.len() < TAIL_LEN - 4;
        let only = before == "0" && first_chunk;
        signature.len() == 64 && (only || before.ends_with("\r\n0"))
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::{Full, StreamBody};

    use super::*;

    fn headers(mode: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(
            http::HeaderName::from_static("x-amz-content-sha256"),
            http::HeaderValue::from_static(mode),
        )])
    }

    async fn outcome(raw: &str) -> Result<Bytes, BoxError> {
        let headers = headers("STREAMING-AWS4-HMAC-SHA256-PAYLOAD");
        let pieces: Vec<_> = raw
            .as_bytes()
            .chunks(7)
            .map(|piece| Ok::<_, BoxError>(Frame::data(Bytes::copy_from_slice(piece))))
            .collect();
        let body = Watched::new(StreamBody::new(futures::stream::iter(pieces)), &headers);
        body.collect().await.map(http_body_util::Collected::to_bytes)
    }

    #[tokio::test]
    async fn a_signed_body_must_have_its_final_chunk() {
        let signature = "a".repeat(64);
        let data = format!("3;chunk-signature={signature}\r\nabc\r\n");
        let last = format!("0;chunk-signature={signature}\r\n\r\n");
        assert!(outcome(&format!("{data}{last}")).await.is_ok());
        assert!(outcome(&last).await.is_ok());
        assert!(outcome(&data).await.is_err());
        assert!(outcome(&format!("10;chunk-signature={signature}\r\n0123456789abcdef\r\n")).await.is_err());
        assert!(outcome("").await.is_err());
    }

    #[tokio::test]
    async fn other_bodies_end_as_they_like() {
        let body = Watched::new(Full::new(Bytes::from_static(b"abc")), &headers("UNSIGNED-PAYLOAD"));
        assert_eq!(body.collect().await.unwrap().to_bytes(), "abc");
    }

    #[tokio::test]
    async fn an_unwanted_body_is_read_to_a_bound() {
        let (sender, receiver) = tokio::sync::mpsc::channel::<Result<Frame<Bytes>, BoxError>>(1);
        let stream = futures::stream::unfold(receiver, async |mut receiver| Some((receiver.recv().await?, receiver)));
        let mut body = Watched::new(Box::pin(StreamBody::new(stream)), &headers("UNSIGNED-PAYLOAD"));
        sender.send(Ok(Frame::data(Bytes::from_static(b"first")))).await.unwrap();
        body.frame().await.unwrap().unwrap();
        drop(body);
        let mut sent = 0;
        while sender.send(Ok(Frame::data(Bytes::from(vec![0; 64 * 1024])))).await.is_ok() {
            sent += 64 * 1024;
        }
        assert!((LINGER_BYTES..LINGER_BYTES + 256 * 1024).contains(&sent), "{sent}");
    }
}
