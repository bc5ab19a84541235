//! Uploads that a store wants vouched for: the bytes go out as one `aws-chunked` chunk, and their checksum behind them.
//!
//! S3 wants a digest with every upload that is locked against deletion, and the digest of a body that is produced while it
//! is sent is only known at its end. Other uploads go plain, because not every store decodes this. The room knows neither
//! locks nor which uploads those are.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use envelope::{ChecksumName, DigestSet, Digests};
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH, HeaderMap, HeaderValue};
use http_body::{Frame, SizeHint};

use super::replay::AttemptBody;
use crate::store::BoxError;

/// S3's own choice where nobody makes one, and the only one that parts need not repeat when they are put together.
const CHECKSUM: ChecksumName = ChecksumName::Crc64Nvme;
/// Its eight bytes in base64.
const VALUE_LEN: usize = 12;
const LINE_END: &str = "\r\n";

/// The body of one attempt.
pub(super) enum Outgoing {
    /// As it is.
    Plain(AttemptBody),
    /// Followed by its checksum.
    Vouched(Vouched),
}

/// A body as one chunk and a trailer.
pub(super) struct Vouched {
    inner: AttemptBody,
    digests: Option<Digests>,
    /// What goes out before the next piece of the body.
    head: Option<Bytes>,
    ended: bool,
}

impl Vouched {
    /// For a body of `declared` bytes, at least one.
    pub(super) fn new(inner: AttemptBody, declared: u64) -> Self {
        let digests = Digests::new(&DigestSet { md5: false, checksums: [CHECKSUM].into() });
        Self { inner, digests: Some(digests), head: Some(chunk_head(declared).into()), ended: false }
    }

    fn tail(&mut self) -> Option<Bytes> {
        self.ended = true;
        let mut computed = self.digests.take()?.finish();
        let value = STANDARD.encode(computed.checksums.remove(&CHECKSUM)?);
        Some(tail(&value).into())
    }
}

fn chunk_head(declared: u64) -> String {
    format!("{declared:x}{LINE_END}")
}

fn tail(value: &str) -> String {
    format!("{LINE_END}0{LINE_END}{}:{value}{LINE_END}{LINE_END}", CHECKSUM.header())
}

/// Makes `headers` those of a vouched body of `declared` bytes.
pub(super) fn announce(headers: &mut HeaderMap, declared: u64) {
    let framing = chunk_head(declared).len() + tail(&"=".repeat(VALUE_LEN)).len();
    headers.insert(CONTENT_LENGTH, HeaderValue::from(declared + framing as u64));
    headers.insert("x-amz-decoded-content-length", HeaderValue::from(declared));
    headers.insert("x-amz-trailer", HeaderValue::from_static(CHECKSUM.header()));
    // The object's own encoding comes after the one of its transport.
    let own = headers.get(CONTENT_ENCODING).and_then(|own| own.to_str().ok()).map(|own| format!("aws-chunked,{own}"));
    let both = own.and_then(|both| HeaderValue::try_from(both).ok());
    headers.insert(CONTENT_ENCODING, both.unwrap_or(HeaderValue::from_static("aws-chunked")));
}

/// Says of an upload in parts which checksum each part will have.
pub(super) fn announce_parts(headers: &mut HeaderMap) {
    headers.insert("x-amz-checksum-algorithm", HeaderValue::from_static(CHECKSUM.as_str()));
    headers.insert("x-amz-checksum-type", HeaderValue::from_static("FULL_OBJECT"));
}

impl http_body::Body for Outgoing {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        match self.get_mut() {
            Self::Plain(body) => Pin::new(body).poll_frame(context),
            Self::Vouched(body) => Pin::new(body).poll_frame(context),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Plain(body) => body.is_end_stream(),
            Self::Vouched(body) => body.ended,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Plain(body) => body.size_hint(),
            // The head of the request says it.
            Self::Vouched(_) => SizeHint::default(),
        }
    }
}

impl http_body::Body for Vouched {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let this = self.get_mut();
        if this.ended {
            return Poll::Ready(None);
        }
        if let Some(head) = this.head.take() {
            return Poll::Ready(Some(Ok(Frame::data(head))));
        }
        if this.inner.is_end_stream() {
            return Poll::Ready(this.tail().map(|tail| Ok(Frame::data(tail))));
        }
        let Some(frame) = ready!(Pin::new(&mut this.inner).poll_frame(context)) else {
            return Poll::Ready(this.tail().map(|tail| Ok(Frame::data(tail))));
        };
        if let (Ok(frame), Some(digests)) = (&frame, &mut this.digests)
            && let Some(data) = frame.data_ref()
        {
            digests.update(data);
        }
        this.ended = frame.is_err();
        Poll::Ready(Some(frame))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_announced_length_is_that_of_the_framing() {
        let mut headers = HeaderMap::from_iter([(CONTENT_ENCODING, HeaderValue::from_static("gzip"))]);
        announce(&mut headers, 65_808);
        let framed = format!("10110\r\n{}\r\n0\r\nx-amz-checksum-crc64nvme:AAAAAAAAAAA=\r\n\r\n", "x".repeat(65_808));
        assert_eq!(headers[CONTENT_LENGTH], framed.len().to_string());
        assert_eq!(headers[CONTENT_ENCODING], "aws-chunked,gzip");
    }
}
