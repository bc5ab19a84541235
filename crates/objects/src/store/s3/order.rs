//! A request as the caller gave it, taken apart so that it can be sent more than once.

use http::header::{AUTHORIZATION, CONTENT_LENGTH, DATE, EXPECT, HOST, HeaderMap, HeaderName, IF_MATCH, IF_NONE_MATCH};
use http::{HeaderValue, Method, Request};
use http_body::Body as _;
use http_body_util::BodyExt as _;

use super::answer::strip_hop_by_hop;
use super::digest::{self, Outgoing, Vouched};
use super::replay::AttemptBody;
use super::url::{Place, Target};
use crate::store::{Body, LengthMismatch, StoreError};

/// Headers only the signing client may write, besides the standard ones.
const OURS: [&str; 3] = ["x-amz-date", "x-amz-content-sha256", "x-amz-security-token"];

/// With these, carrying a request out twice is not the same as once: the second time the condition no longer
/// holds, and success would look like a failed condition.
const CONDITIONS: [HeaderName; 5] = [
    IF_MATCH,
    IF_NONE_MATCH,
    HeaderName::from_static("x-amz-if-match-last-modified-time"),
    HeaderName::from_static("x-amz-if-match-size"),
    HeaderName::from_static("x-amz-write-offset-bytes"),
];

/// What the store is asked to do.
pub(super) struct Order {
    pub(super) method: Method,
    pub(super) place: Place,
    /// Whether doing it twice could report a failure for a success.
    pub(super) is_once_only: bool,
    upload: Upload,
    declared: u64,
    headers: HeaderMap,
}

/// What an order uploads, for which a store may want a digest.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Upload {
    /// Nothing, or it has its digest already.
    Nothing,
    /// An object or a part.
    Content,
    /// Parts to come.
    Beginning,
}

impl Order {
    /// Checks a request, and parts it from its body. The number is the body's length.
    pub(super) async fn parse(request: Request<Body>) -> Result<(Self, Body, u64), StoreError> {
        let (parts, body) = request.into_parts();
        let mut headers = parts.headers;
        strip_hop_by_hop(&mut headers);
        for name in [HOST, AUTHORIZATION, EXPECT, DATE] {
            headers.remove(name);
        }
        for name in OURS {
            headers.remove(name);
        }
        let place = Place::parse(&parts.uri)?;
        let declared = declared_len(&headers, &body)?;
        headers.remove(CONTENT_LENGTH);
        if declared > 0 || matches!(parts.method, Method::PUT | Method::POST) {
            headers.insert(CONTENT_LENGTH, HeaderValue::from(declared));
        }
        let body = if declared == 0 { ended(body).await? } else { body };
        let is_write = !matches!(parts.method, Method::GET | Method::HEAD);
        let is_once_only = is_write && CONDITIONS.iter().any(|name| headers.contains_key(name));
        let upload = upload(&parts.method, &place, &headers, declared);
        Ok((Self { method: parts.method, place, is_once_only, upload, declared, headers }, body, declared))
    }

    /// Whether it is one of those uploads for which a store may want a digest.
    pub(super) fn may_be_vouched(&self) -> bool {
        self.upload != Upload::Nothing
    }

    /// The request for one attempt, still unsigned.
    pub(super) fn request(&self, target: Target, body: AttemptBody, vouched: bool) -> Request<Outgoing> {
        let mut headers = self.headers.clone();
        let body = match self.upload {
            Upload::Content if vouched => {
                digest::announce(&mut headers, self.declared);
                Outgoing::Vouched(Vouched::new(body, self.declared))
            }
            Upload::Beginning if vouched => {
                digest::announce_parts(&mut headers);
                Outgoing::Plain(body)
            }
            _ => Outgoing::Plain(body),
        };
        let mut request = Request::new(body);
        *request.method_mut() = self.method.clone();
        *request.uri_mut() = target.uri;
        *request.headers_mut() = headers;
        request.headers_mut().insert(HOST, target.host);
        request
    }
}

fn upload(method: &Method, place: &Place, headers: &HeaderMap, declared: u64) -> Upload {
    let is_vouched = |name: &HeaderName| name == "content-md5" || name.as_str().starts_with("x-amz-checksum-");
    if place.key_path.len() < 2 || headers.keys().any(is_vouched) {
        return Upload::Nothing;
    }
    let query = place.query.as_deref().unwrap_or_default();
    match *method {
        Method::PUT if declared > 0 && (query.is_empty() || query.contains("uploadId=")) => Upload::Content,
        Method::POST if query == "uploads" || query == "uploads=" => Upload::Beginning,
        _ => Upload::Nothing,
    }
}

fn declared_len(headers: &HeaderMap, body: &Body) -> Result<u64, StoreError> {
    let mut given = headers.get_all(CONTENT_LENGTH).iter();
    let Some(len) = given.next() else {
        let known = if body.is_end_stream() { Some(0) } else { body.size_hint().exact() };
        return known.ok_or_else(|| StoreError::Request("a body needs a Content-Length".to_owned()));
    };
    let len = len.to_str().ok().and_then(|len| len.parse().ok());
    len.filter(|_| given.next().is_none())
        .ok_or_else(|| StoreError::Request("the Content-Length is malformed".to_owned()))
}

/// A body that should be empty is never sent, so whether it is must be seen here.
async fn ended(mut body: Body) -> Result<Body, StoreError> {
    while !body.is_end_stream() {
        match body.frame().await {
            None => break,
            Some(Err(error)) => return Err(StoreError::RequestBody(error)),
            Some(Ok(frame)) if frame.data_ref().is_some_and(|data| !data.is_empty()) => {
                return Err(StoreError::RequestBody(LengthMismatch::Long { declared: 0 }.into()));
            }
            Some(Ok(_)) => {}
        }
    }
    Ok(crate::store::empty())
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use futures::stream::iter;

    use super::*;
    use crate::store;

    fn request(method: &str, headers: &[(&str, &str)], body: Body) -> Request<Body> {
        let mut request = Request::builder().method(method).uri("/bucket/key");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.body(body).expect("request")
    }

    async fn order(method: &str, headers: &[(&str, &str)], body: Body) -> Result<(Order, u64), StoreError> {
        Order::parse(request(method, headers, body)).await.map(|(order, _, len)| (order, len))
    }

    #[tokio::test]
    async fn a_stream_needs_a_length() {
        let body = || store::stream(iter([Ok(Bytes::from_static(b"abc"))]));
        assert!(matches!(order("PUT", &[], body()).await, Err(StoreError::Request(_))));
        assert!(matches!(order("PUT", &[("content-length", "x")], body()).await, Err(StoreError::Request(_))));
        assert_eq!(order("PUT", &[("content-length", "3")], body()).await.expect("fine").1, 3);
        assert_eq!(order("PUT", &[], store::full("abc")).await.expect("fine").1, 3);
    }

    #[tokio::test]
    async fn a_body_declared_empty_must_be_empty() {
        let body = store::stream(iter([Ok(Bytes::new()), Ok(Bytes::from_static(b"abc"))]));
        let error = order("PUT", &[("content-length", "0")], body).await.err().expect("refused");
        assert!(matches!(error, StoreError::RequestBody(_)));
    }

    #[tokio::test]
    async fn what_only_the_client_may_write_is_dropped() {
        let given = [("authorization", "a"), ("x-amz-date", "d"), ("host", "h"), ("x-amz-meta-a", "kept")];
        let (order, _) = order("PUT", &given, store::empty()).await.expect("fine");
        let names: Vec<_> = order.headers.keys().map(HeaderName::as_str).collect();
        assert_eq!(names, ["x-amz-meta-a", "content-length"]);
    }

    #[tokio::test]
    async fn only_uploads_without_a_digest_can_be_vouched_for() {
        let can = async |method: &str, uri: &str, headers: &[(&str, &str)], body: &'static str| {
            let mut request = request(method, headers, store::full(body));
            *request.uri_mut() = uri.parse().expect("a uri");
            Order::parse(request).await.expect("fine").0.may_be_vouched()
        };
        assert!(can("PUT", "/bucket/key", &[], "x").await);
        assert!(can("PUT", "/bucket/key?partNumber=1&uploadId=u", &[], "x").await);
        assert!(can("POST", "/bucket/key?uploads=", &[], "").await);
        for (method, uri) in [("PUT", "/bucket/key?tagging="), ("POST", "/bucket/key?uploadId=u"), ("PUT", "/bucket")] {
            assert!(!can(method, uri, &[], "x").await, "{method} {uri}");
        }
        assert!(!can("PUT", "/bucket/key", &[("content-md5", "m")], "x").await);
        assert!(!can("PUT", "/bucket/key", &[("x-amz-copy-source", "/b/k")], "").await);
    }

    #[tokio::test]
    async fn only_conditional_writes_are_once_only() {
        let is_once_only = |order: Result<(Order, u64), StoreError>| order.expect("fine").0.is_once_only;
        assert!(is_once_only(order("PUT", &[("if-none-match", "*")], store::empty()).await));
        assert!(is_once_only(order("DELETE", &[("if-match", "e")], store::empty()).await));
        assert!(!is_once_only(order("GET", &[("if-match", "e")], store::empty()).await));
        assert!(!is_once_only(order("PUT", &[], store::empty()).await));
    }
}
