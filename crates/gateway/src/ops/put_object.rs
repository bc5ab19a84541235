//! `PutObject`: an object in one request, believed only when everything the client said about it held.

use http::{HeaderMap, Response};
use http_body::Body as _;
use objects::{Body, SealRequest, SealedObjects, store};
use s3s::S3ErrorCode;

use super::{Call, pass_on};
use crate::checksums::{self, Expectations};
use crate::error::Fault;
use crate::headers;

pub(super) async fn serve(objects: &SealedObjects, call: Call<'_>) -> Result<Response<Body>, Fault> {
    let plain_len = plain_len(&call.headers, &call.body)?;
    let at = call.object();
    let store_headers = call.store_headers(objects).await?;
    let expectations = Expectations::read(&call.headers, call.trailing)?;
    let request = SealRequest {
        at,
        plain_len,
        headers: store_headers,
        digests: expectations.digests(),
        verdict: Box::new(move |computed| expectations.judge(computed).map_err(Into::into)),
        body: call.body,
    };
    let outcome = objects.seal(request).await?;
    if !outcome.response.status().is_success() {
        return pass_on(outcome.response).await;
    }
    let mut answer = Response::new(store::empty());
    *answer.headers_mut() = headers::for_client(outcome.response.headers(), true);
    headers::show_etag(answer.headers_mut(), outcome.etag.as_deref());
    answer.headers_mut().remove(http::header::CONTENT_TYPE);
    if let Some(computed) = outcome.computed {
        checksums::write_all(&computed.checksums, answer.headers_mut());
    }
    Ok(answer)
}

/// How many bytes of object the client is sending. Without a length nothing could be sent to the store.
pub(super) fn plain_len(headers: &HeaderMap, body: &Body) -> Result<u64, Fault> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let streaming = text("x-amz-content-sha256").is_some_and(|value| value.starts_with("STREAMING-"));
    let declared = text(if streaming { "x-amz-decoded-content-length" } else { "content-length" });
    if let Some(length) = declared {
        return length
            .parse()
            .map_err(|_| Fault::new(S3ErrorCode::InvalidArgument, "The length of the body is not a number."));
    }
    let missing = || Fault::new(S3ErrorCode::MissingContentLength, "You must provide the Content-Length HTTP header.");
    body.size_hint().exact().ok_or_else(missing)
}

#[cfg(test)]
mod tests {
    use http::{HeaderName, HeaderValue};

    use super::*;

    fn length(pairs: &[(&'static str, &'static str)], body: &Body) -> Result<u64, String> {
        let headers = pairs
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)))
            .collect();
        plain_len(&headers, body).map_err(|fault| fault.code().to_owned())
    }

    #[test]
    fn the_decoded_length_counts_for_chunked_bodies() {
        let chunked = [
            ("x-amz-content-sha256", "STREAMING-UNSIGNED-PAYLOAD-TRAILER"),
            ("content-length", "99"),
            ("x-amz-decoded-content-length", "5"),
        ];
        assert_eq!(length(&chunked, &store::empty()), Ok(5));
        assert_eq!(length(&[("content-length", "7"), ("x-amz-decoded-content-length", "5")], &store::empty()), Ok(7));
    }

    #[test]
    fn an_unknown_length_is_refused() {
        let endless = store::stream(futures::stream::pending());
        assert_eq!(length(&[], &endless), Err("MissingContentLength".into()));
        assert_eq!(length(&[], &store::empty()), Ok(0));
        assert_eq!(length(&[("content-length", "x")], &endless), Err("InvalidArgument".into()));
    }
}
