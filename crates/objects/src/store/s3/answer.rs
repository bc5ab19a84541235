//! Answers of the store: what belongs to the connection is taken off, bodies are timed, errors are read.
//!
//! Only error answers are ever looked into, and only their first bytes; what was read is put back. The room does
//! not decide what an error means.

use std::future::Future as _;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use futures::{StreamExt as _, stream};
use http::header::{
    CONNECTION, CONTENT_ENCODING, DATE, HeaderMap, HeaderName, RETRY_AFTER, TE, TRAILER, TRANSFER_ENCODING, UPGRADE,
};
use http::{HeaderValue, Response, StatusCode};
use http_body::{Body as _, Frame, SizeHint};
use http_body_util::{BodyExt as _, StreamBody};
use hyper::body::Incoming;
use time::PrimitiveDateTime;
use time::format_description::BorrowedFormatItem;
use time::macros::format_description;
use tokio::time::{Sleep, sleep};

use crate::store::{Body, BoxError, Phase, StoreError};

/// Error documents are a few hundred bytes.
const MAX_PEEK: usize = 64 * 1024;

const HTTP_DATE: &[BorrowedFormatItem<'_>] =
    format_description!("[weekday repr:short], [day] [month repr:short] [year] [hour]:[minute]:[second] GMT");

/// An answer fit to leave this client.
pub(super) fn accept(response: Response<Incoming>, idle: Duration) -> Response<Body> {
    let (mut parts, body) = response.into_parts();
    strip_hop_by_hop(&mut parts.headers);
    strip_transport(&mut parts.headers);
    parts.extensions.clear();
    let body = Timed { inner: body, limit: idle, alarm: None, ended: false };
    Response::from_parts(parts, body.boxed_unsync())
}

/// Takes off what concerns one connection only.
pub(super) fn strip_hop_by_hop(headers: &mut HeaderMap) {
    let named: Vec<HeaderName> = headers
        .get_all(CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|name| name.trim().parse().ok())
        .collect();
    for name in named {
        headers.remove(name);
    }
    for name in [CONNECTION, TE, TRAILER, TRANSFER_ENCODING, UPGRADE] {
        headers.remove(name);
    }
    for name in ["keep-alive", "proxy-connection", "proxy-authenticate", "proxy-authorization"] {
        headers.remove(name);
    }
}

/// Takes off how an upload was once sent: some stores keep that as an encoding of the object.
fn strip_transport(headers: &mut HeaderMap) {
    let Some(all) = headers.get(CONTENT_ENCODING).and_then(|value| value.to_str().ok()) else { return };
    let is_own = |encoding: &&str| !encoding.eq_ignore_ascii_case("aws-chunked");
    let own: Vec<&str> = all.split(',').map(str::trim).filter(is_own).collect();
    match HeaderValue::try_from(own.join(",")) {
        Ok(own) if !own.is_empty() => drop(headers.insert(CONTENT_ENCODING, own)),
        _ => drop(headers.remove(CONTENT_ENCODING)),
    }
}

/// The store's clock.
pub(super) fn date(headers: &HeaderMap) -> Option<SystemTime> {
    parse_date(headers.get(DATE)?.to_str().ok()?)
}

/// How long the store wants to be left alone: seconds, or a date by its own clock.
pub(super) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let when = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    let seconds = when.parse().ok().map(Duration::from_secs);
    seconds.or_else(|| parse_date(when)?.duration_since(date(headers)?).ok())
}

fn parse_date(text: &str) -> Option<SystemTime> {
    Some(PrimitiveDateTime::parse(text, HTTP_DATE).ok()?.assume_utc().into())
}

/// What an error document says.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct ErrorDocument {
    pub(super) code: Option<String>,
    pub(super) region: Option<String>,
    pub(super) message: Option<String>,
}

impl ErrorDocument {
    /// Whether an upload was refused because it came without a digest. Services agree on no code for it.
    pub(super) fn wants_digest(&self) -> bool {
        self.code.as_deref() == Some("MissingContentMD5")
            || self.message.as_deref().is_some_and(|message| message.to_ascii_lowercase().contains("content-md5"))
    }
}

/// Whether the status leaves open what the error is.
pub(super) fn needs_reading(status: StatusCode) -> bool {
    matches!(status, StatusCode::BAD_REQUEST | StatusCode::FORBIDDEN)
}

/// Reads the error document, and puts its bytes back.
pub(super) async fn read_error(response: Response<Body>) -> (ErrorDocument, Response<Body>) {
    let (parts, mut body) = response.into_parts();
    let mut seen = Vec::new();
    let mut frames = Vec::new();
    while seen.len() < MAX_PEEK {
        let Some(frame) = body.frame().await else {
            break;
        };
        if let Some(data) = frame.as_ref().ok().and_then(Frame::data_ref) {
            seen.extend_from_slice(data);
        }
        let failed = frame.is_err();
        frames.push(frame);
        if failed {
            break;
        }
    }
    let text = String::from_utf8_lossy(&seen);
    let [code, region, message] = ["Code", "Region", "Message"].map(|name| element(&text, name));
    let document = ErrorDocument { code, region, message };
    (document, Response::from_parts(parts, put_back(frames, body)))
}

fn put_back(frames: Vec<Result<Frame<Bytes>, BoxError>>, rest: Body) -> Body {
    if rest.is_end_stream() && frames.is_empty() {
        return rest;
    }
    let frames = stream::iter(frames).chain(http_body_util::BodyStream::new(rest)).fuse();
    StreamBody::new(frames).boxed_unsync()
}

/// The text of the first element of that name. Error documents are flat and carry no attributes.
fn element(document: &str, name: &str) -> Option<String> {
    let (_, rest) = document.split_once(&format!("<{name}>"))?;
    let (text, _) = rest.split_once(&format!("</{name}>"))?;
    Some(text.trim().to_owned())
}

/// An answer's body, which fails once it has been silent for too long while somebody waited.
struct Timed {
    inner: Incoming,
    limit: Duration,
    alarm: Option<Pin<Box<Sleep>>>,
    ended: bool,
}

impl Timed {
    fn poll_alarm(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let limit = self.limit;
        let alarm = self.alarm.get_or_insert_with(|| Box::pin(sleep(limit)));
        alarm.as_mut().poll(context)
    }
}

impl http_body::Body for Timed {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let this = self.get_mut();
        if this.ended {
            return Poll::Ready(None);
        }
        let frame = match Pin::new(&mut this.inner).poll_frame(context) {
            Poll::Ready(frame) => frame,
            Poll::Pending => {
                std::task::ready!(this.poll_alarm(context));
                this.ended = true;
                return Poll::Ready(Some(Err(StoreError::Timeout { phase: Phase::Body }.into())));
            }
        };
        this.alarm = None;
        this.ended = !matches!(frame, Some(Ok(_)));
        Poll::Ready(frame.map(|frame| frame.map_err(|error| broken(error).into())))
    }

    fn is_end_stream(&self) -> bool {
        self.ended || self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

fn broken(error: hyper::Error) -> StoreError {
    StoreError::Unreachable { message: "the connection broke amid an answer".to_owned(), source: Some(error.into()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store;

    #[test]
    fn what_belongs_to_the_connection_is_taken_off() {
        let mut headers = HeaderMap::new();
        for (name, value) in [
            ("connection", "close, X-Private"),
            ("x-private", "1"),
            ("keep-alive", "timeout=5"),
            ("transfer-encoding", "chunked"),
            ("etag", "\"e\""),
        ] {
            headers.insert(name, HeaderValue::from_static(value));
        }
        strip_hop_by_hop(&mut headers);
        assert_eq!(headers.keys().map(HeaderName::as_str).collect::<Vec<_>>(), ["etag"]);
    }

    #[test]
    fn how_an_upload_was_sent_is_no_encoding() {
        let stripped = |value: &'static str| {
            let mut headers = HeaderMap::from_iter([(CONTENT_ENCODING, HeaderValue::from_static(value))]);
            strip_transport(&mut headers);
            headers.get(CONTENT_ENCODING).map(|value| value.to_str().expect("text").to_owned())
        };
        assert_eq!(stripped("aws-chunked"), None);
        assert_eq!(stripped("aws-chunked,gzip").as_deref(), Some("gzip"));
        assert_eq!(stripped("gzip").as_deref(), Some("gzip"));
    }

    #[test]
    fn the_date_header_is_read() {
        let mut headers = HeaderMap::new();
        headers.insert(DATE, HeaderValue::from_static("Sun, 06 Nov 1994 08:49:37 GMT"));
        let seconds = date(&headers).expect("a date").duration_since(SystemTime::UNIX_EPOCH).expect("after");
        assert_eq!(seconds.as_secs(), 784_111_777);
    }

    #[test]
    fn a_store_says_when_to_come_back() {
        let after = |value: &'static str| {
            let date = HeaderValue::from_static("Sun, 06 Nov 1994 08:49:37 GMT");
            retry_after(&HeaderMap::from_iter([(DATE, date), (RETRY_AFTER, HeaderValue::from_static(value))]))
        };
        assert_eq!(after("3"), Some(Duration::from_secs(3)));
        assert_eq!(after("Sun, 06 Nov 1994 08:49:40 GMT"), Some(Duration::from_secs(3)));
        assert_eq!((after("soon"), after("-1"), after("Sun, 06 Nov 1994 08:49:30 GMT")), (None, None, None));
    }

    #[tokio::test]
    async fn reading_an_error_leaves_it_readable() {
        let text = "<?xml version=\"1.0\"?>\n<Error><Code>AuthorizationHeaderMalformed</Code><Region>eu-west-1</Region></Error>";
        let body = store::stream(stream::iter(text.as_bytes().chunks(7).map(|chunk| Ok(Bytes::from_static(chunk)))));
        let (document, response) = read_error(Response::new(body)).await;
        assert_eq!(document.code.as_deref(), Some("AuthorizationHeaderMalformed"));
        assert_eq!(document.region.as_deref(), Some("eu-west-1"));
        assert_eq!(response.into_body().collect().await.expect("whole").to_bytes(), text);
    }

    #[tokio::test]
    async fn a_huge_error_is_not_gathered_in_memory() {
        let piece = Bytes::from(vec![b'x'; MAX_PEEK]);
        let pieces = stream::iter((0..4).map(move |_| Ok(piece.clone())));
        let (document, response) = read_error(Response::new(store::stream(pieces))).await;
        assert_eq!(document, ErrorDocument::default());
        let whole = response.into_body().collect().await.expect("whole").to_bytes();
        assert_eq!(whole.len(), 4 * MAX_PEEK);
    }
}
