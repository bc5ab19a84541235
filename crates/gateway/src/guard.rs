//! What stands in front of s3s: s3s never sees what is refused here.
//!
//! It looks at the request line and headers only, costs no cryptography, and knows nothing of objects.

mod body;

use http::HeaderName;
use http::header::{AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE, HOST, TRANSFER_ENCODING};
use http::request::Parts;
use s3s::S3ErrorCode;

use crate::error::Fault;
use crate::form::is_form;

pub(crate) use body::Watched;

/// Headers that must not come twice: a request that means two things is refused.
const ONCE: [HeaderName; 4] = [AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE, HOST];

/// How Signature Version 4A begins, in the header and in the query.
const ASYMMETRIC: &str = "AWS4-ECDSA-";

/// Refuses what s3s would take although S3, or we, do not.
///
/// # Errors
/// What is wrong with the request.
pub(crate) fn check(request: &Parts) -> Result<(), Fault> {
    check_framing(request)?;
    check_credentials(request)?;
    check_form(request)
}

fn check_framing(request: &Parts) -> Result<(), Fault> {
    if let Some(name) = ONCE.iter().find(|name| request.headers.get_all(*name).iter().nth(1).is_some()) {
        return Err(Fault::new(S3ErrorCode::InvalidRequest, format!("the header `{name}` came more than once")));
    }
    if request.headers.contains_key(TRANSFER_ENCODING) && request.headers.contains_key(CONTENT_LENGTH) {
        return Err(Fault::new(
            S3ErrorCode::InvalidRequest,
            "Content-Length and Transfer-Encoding must not come together",
        ));
    }
    Ok(())
}

fn check_credentials(request: &Parts) -> Result<(), Fault> {
    let query = request.uri.query().unwrap_or_default();
    let has = |name: &str| query.split('&').any(|pair| pair.split('=').next() == Some(name));
    let authorization = request.headers.get(AUTHORIZATION).map(http::HeaderValue::as_bytes);
    let forms = [authorization.is_some(), has("X-Amz-Signature"), has("Signature")];
    if forms.iter().filter(|form| **form).count() > 1 {
        return Err(Fault::new(
            S3ErrorCode::InvalidArgument,
            "Only one authentication mechanism is allowed: a header or a signed query.",
        ));
    }
    // Presigned V2 is still minted by widespread clients; the header form has no such excuse.
    if authorization.is_some_and(|value| value.starts_with(b"AWS ")) {
        return Err(Fault::new(
            S3ErrorCode::AccessDenied,
            "Signature Version 2 in the Authorization header is not accepted; use Signature Version 4.",
        ));
    }
    // Keys derived from our clients' secrets could verify it, but nobody here knows elliptic curves; every client can do without.
    if authorization.is_some_and(|value| value.starts_with(ASYMMETRIC.as_bytes()))
        || query
            .split('&')
            .any(|pair| pair.strip_prefix("X-Amz-Algorithm=").is_some_and(|name| name.starts_with(ASYMMETRIC)))
    {
        return Err(Fault::new(
            S3ErrorCode::InvalidRequest,
            "The authorization mechanism you have provided is not supported. Please use AWS4-HMAC-SHA256.",
        ));
    }
    if request.headers.contains_key("x-amz-security-token") || has("X-Amz-Security-Token") {
        return Err(Fault::new(
            S3ErrorCode::InvalidToken,
            "This endpoint's credentials have no session token; remove it from the client's configuration.",
        ));
    }
    Ok(())
}

/// A form says everything in its fields, and its length, so that the file in it need not be held to be measured.
fn check_form(request: &Parts) -> Result<(), Fault> {
    if !is_form(&request.method, &request.headers) {
        return Ok(());
    }
    if request.uri.query().is_some_and(|query| !query.is_empty()) {
        return Err(Fault::not_implemented("an upload by POST form has no query"));
    }
    if !request.headers.contains_key(CONTENT_LENGTH) {
        let message = "You must provide the Content-Length HTTP header.";
        return Err(Fault::new(S3ErrorCode::MissingContentLength, message));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;

    fn refusal(request: http::request::Builder) -> Option<String> {
        let (parts, ()) = request.body(()).unwrap().into_parts();
        check(&parts).err().map(|fault| fault.code().to_owned())
    }

    #[test]
    fn an_ordinary_request_passes() {
        assert_eq!(refusal(Request::get("/b/k?X-Amz-Signature=x").header(HOST, "h")), None);
        assert_eq!(refusal(Request::get("/b/k?Signature=x&Expires=1&AWSAccessKeyId=a")), None);
    }

    #[test]
    fn ambiguous_requests_are_refused() {
        assert_eq!(
            refusal(Request::put("/b/k").header(CONTENT_LENGTH, "1").header(CONTENT_LENGTH, "2")),
            Some("InvalidRequest".into())
        );
        assert_eq!(
            refusal(Request::put("/b/k").header(CONTENT_LENGTH, "1").header(TRANSFER_ENCODING, "chunked")),
            Some("InvalidRequest".into())
        );
        assert_eq!(
            refusal(Request::get("/b/k?Signature=x").header(AUTHORIZATION, "AWS4-HMAC-SHA256 x")),
            Some("InvalidArgument".into())
        );
        assert_eq!(refusal(Request::get("/b/k?Signature=x&X-Amz-Signature=y")), Some("InvalidArgument".into()));
    }

    #[test]
    fn old_and_foreign_credentials_are_refused() {
        assert_eq!(refusal(Request::get("/b/k").header(AUTHORIZATION, "AWS a:b")), Some("AccessDenied".into()));
        assert_eq!(refusal(Request::get("/b/k").header("x-amz-security-token", "t")), Some("InvalidToken".into()));
        let asymmetric = "AWS4-ECDSA-P256-SHA256";
        let header = Request::get("/b/k").header(AUTHORIZATION, format!("{asymmetric} Credential=a, Signature=s"));
        assert_eq!(refusal(header), Some("InvalidRequest".into()));
        let query = format!("/b/k?X-Amz-Algorithm={asymmetric}&X-Amz-Signature=s");
        assert_eq!(refusal(Request::get(query)), Some("InvalidRequest".into()));
    }

    #[test]
    fn a_form_has_a_length_and_no_query() {
        let form = |uri: &str| Request::post(uri).header(CONTENT_TYPE, "Multipart/Form-Data; boundary=x");
        assert_eq!(refusal(form("/b").header(CONTENT_LENGTH, "9")), None);
        assert_eq!(refusal(form("/b")), Some("MissingContentLength".into()));
        assert_eq!(refusal(form("/b?delete").header(CONTENT_LENGTH, "9")), Some("NotImplemented".into()));
    }
}
