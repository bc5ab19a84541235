//! The only map from what went wrong to what S3 says, and the only place that writes S3 error XML.

use http::header::{CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderName, HeaderValue, Response, StatusCode};
use objects::{Body, BoxError, Error, StoreError, WrongLength, store};
use quick_xml::escape::escape;
use s3s::S3ErrorCode;
use s3s::stream::aws_chunked_stream::AwsChunkedStreamError;
use s3s::stream::upload_stream::UploadStreamError;

/// Says that an error comes from the proxy, not from the store behind it.
pub(crate) const ORIGIN: HeaderName = HeaderName::from_static("x-sealgate-error");

/// The one text for every failure of verification: which one it was is for the log.
const INTEGRITY: &str = "The stored object failed verification and was not returned.";

/// What a client is told.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{code:?}: {message}")]
pub(crate) struct Fault {
    code: S3ErrorCode,
    status: StatusCode,
    message: String,
    headers: Vec<(HeaderName, HeaderValue)>,
}

impl Fault {
    pub(crate) fn new(code: S3ErrorCode, message: impl Into<String>) -> Self {
        let status = code.status_code().unwrap_or(StatusCode::BAD_REQUEST);
        Self { code, status, message: message.into(), headers: Vec::new() }
    }

    /// An S3 code that s3s has no name for.
    pub(crate) fn custom(code: &'static str, status: StatusCode, message: impl Into<String>) -> Self {
        Self { status, ..Self::new(S3ErrorCode::Custom(code.into()), message) }
    }

    /// A code that a store gave.
    pub(crate) fn named(code: &str, message: String) -> Self {
        Self::new(S3ErrorCode::from_bytes(code.as_bytes()).unwrap_or(S3ErrorCode::InternalError), message)
    }

    pub(crate) fn not_implemented(message: impl Into<String>) -> Self {
        Self::new(S3ErrorCode::NotImplemented, message)
    }

    pub(crate) fn internal(message: impl Into<String>) -> Self {
        Self::new(S3ErrorCode::InternalError, message)
    }

    /// A body that ended early, went on too long, or broke off.
    pub(crate) fn incomplete() -> Self {
        Self::new(
            S3ErrorCode::IncompleteBody,
            "You did not provide the number of bytes specified by the Content-Length HTTP header.",
        )
    }

    pub(crate) fn with_header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.push((name, value));
        self
    }

    /// A fault as s3s wrote it: its status and its XML.
    pub(crate) fn from_answer(status: StatusCode, xml: &[u8]) -> Self {
        let (code, message) = objects::error_code(xml).unwrap_or_else(|| ("InternalError".into(), String::new()));
        let code = S3ErrorCode::from_bytes(code.as_bytes()).unwrap_or(S3ErrorCode::InternalError);
        let message = if message.is_empty() { default_message(&code).to_owned() } else { message };
        Self { code, status, message, headers: Vec::new() }
    }

    pub(crate) fn status(&self) -> StatusCode {
        self.status
    }

    pub(crate) fn message(&self) -> &str {
        &self.message
    }

    pub(crate) fn code(&self) -> &str {
        self.code.as_str()
    }

    /// The answer a client gets, in S3's form.
    pub(crate) fn render(self, resource: &str, request_id: &str, host_id: &str) -> Response<Body> {
        let xml = format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>{}</Code><Message>{}</Message><Resource>{}</Resource>\
             <RequestId>{request_id}</RequestId><HostId>{host_id}</HostId></Error>",
            escape(self.code.as_str()),
            escape(&self.message),
            escape(resource),
        );
        let mut response = Response::new(store::full(xml));
        *response.status_mut() = self.status;
        response.headers_mut().extend(self.headers);
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/xml"));
        response.headers_mut().insert(ORIGIN, HeaderValue::from_static("sealgate"));
        response
    }
}

/// What S3 says when nobody said more.
fn default_message(code: &S3ErrorCode) -> &'static str {
    match code {
        S3ErrorCode::AccessDenied => "Access Denied",
        S3ErrorCode::SignatureDoesNotMatch => {
            "The request signature we calculated does not match the signature you provided. Check your key and signing method."
        }
        S3ErrorCode::InvalidURI => "The request's path or query cannot be decoded.",
        S3ErrorCode::MissingContentLength => "You must provide the Content-Length HTTP header.",
        S3ErrorCode::NotImplemented => "A header or query you provided implies functionality that is not implemented.",
        S3ErrorCode::InternalError => "We encountered an internal error. Please try again.",
        _ => "The request cannot be served.",
    }
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        match error {
            Error::Body(source) => blame_body(&source),
            Error::BadMetadata(_) | Error::BadName | Error::BadPart(_) | Error::NamesInstructionFile { .. } => {
                Self::new(S3ErrorCode::InvalidArgument, error.to_string())
            }
            Error::MetadataTooLarge { .. } => Self::new(S3ErrorCode::MetadataTooLarge, error.to_string()),
            Error::TooLarge { .. } => Self::new(S3ErrorCode::EntityTooLarge, error.to_string()),
            Error::NoRule { .. }
            | Error::UnknownKey { .. }
            | Error::KeyWithheld { .. }
            | Error::NoPrimary { .. }
            | Error::NoForeignKey { .. }
            | Error::NoPrivateKey { .. }
            | Error::Reserved
            | Error::WritesRefused { .. } => Self::new(S3ErrorCode::AccessDenied, error.to_string()),
            Error::NotSealed { .. }
            | Error::NotRead { .. }
            | Error::Forbidden { .. }
            | Error::MessageTooLarge { .. } => Self::new(S3ErrorCode::InvalidObjectState, error.to_string()),
            Error::Busy(_) => {
                tracing::warn!(cause = %error, "an upload was put off");
                Self::new(S3ErrorCode::SlowDown, error.to_string())
                    .with_header(RETRY_AFTER, HeaderValue::from_static("2"))
            }
            Error::TooManyFailures => Self::new(S3ErrorCode::SlowDown, error.to_string())
                .with_header(RETRY_AFTER, HeaderValue::from_static("60")),
            Error::NoUploadState | Error::SharedUploads | Error::CustomerKey => {
                Self::not_implemented(error.to_string())
            }
            Error::NoSuchUpload => Self::new(S3ErrorCode::NoSuchUpload, error.to_string()),
            Error::PartOrder => Self::new(S3ErrorCode::InvalidPartOrder, error.to_string()),
            Error::NoSuchPart { .. } | Error::UnequalParts(_) => Self::new(S3ErrorCode::InvalidPart, error.to_string()),
            Error::PartTooSmall { .. } => Self::new(S3ErrorCode::EntityTooSmall, error.to_string()),
            Error::ChecksumDisagrees { .. } => Self::new(S3ErrorCode::BadDigest, error.to_string()),
            Error::NoSuchPartNumber { .. } => {
                Self::custom("InvalidPartNumber", StatusCode::RANGE_NOT_SATISFIABLE, error.to_string())
            }
            Error::ListingTooSlow => Self::new(S3ErrorCode::SlowDown, error.to_string())
                .with_header(RETRY_AFTER, HeaderValue::from_static("1")),
            Error::KeyUnavailable { ref why, .. } => {
                tracing::error!(cause = %error, why, "a key cannot be used");
                Self::new(S3ErrorCode::ServiceUnavailable, error.to_string())
                    .with_header(RETRY_AFTER, HeaderValue::from_static("10"))
            }
            Error::Replaced => Self::new(S3ErrorCode::ServiceUnavailable, error.to_string()),
            Error::Integrity(_) | Error::KeyRefused { .. } => {
                tracing::error!(cause = %error, "a stored object failed verification");
                Self::internal(INTEGRITY)
            }
            Error::Store(error) => store_fault(&error),
            other => {
                tracing::error!(cause = %other, "a request failed on our side");
                Self::internal(default_message(&S3ErrorCode::InternalError))
            }
        }
    }
}

/// Names what was wrong with a client's body.
fn blame_body(error: &BoxError) -> Fault {
    if let Some(fault) = error.downcast_ref::<Fault>() {
        return fault.clone();
    }
    if let Some(error) = error.downcast_ref::<UploadStreamError>() {
        return match error {
            UploadStreamError::Sha256Mismatch => sha256_mismatch(),
            UploadStreamError::Underlying(source) => blame_body(source),
            other => from_stream(other.to_s3_error_code()),
        };
    }
    if let Some(error) = error.downcast_ref::<AwsChunkedStreamError>() {
        return match error {
            AwsChunkedStreamError::Underlying(source) => blame_body(source),
            other => from_stream(other.to_s3_error_code()),
        };
    }
    if error.is::<envelope::Error>() || error.is::<WrongLength>() || error.is::<hyper::Error>() {
        return Fault::incomplete();
    }
    tracing::debug!(cause = %error, "a request body broke off");
    Fault::incomplete()
}

fn from_stream(code: S3ErrorCode) -> Fault {
    let message = match code {
        S3ErrorCode::SignatureDoesNotMatch => "A chunk's or the trailer's signature does not match the bytes received.",
        S3ErrorCode::EntityTooLarge => "A signed chunk is larger than this endpoint buffers; send smaller chunks.",
        _ => return Fault::incomplete(),
    };
    Fault::new(code, message)
}

fn sha256_mismatch() -> Fault {
    let message = "The provided 'x-amz-content-sha256' header does not match what was computed.";
    Fault::custom("XAmzContentSHA256Mismatch", StatusCode::BAD_REQUEST, message)
}

/// Names what was wrong between us and the store.
fn store_fault(error: &StoreError) -> Fault {
    match error {
        StoreError::Unreachable { .. } | StoreError::Timeout { .. } => {
            tracing::warn!(cause = %error, "the store does not answer");
            Fault::new(
                S3ErrorCode::ServiceUnavailable,
                "The store behind this endpoint does not answer. Please try again.",
            )
            .with_header(RETRY_AFTER, HeaderValue::from_static("2"))
        }
        StoreError::RequestBody(source) => blame_body(source),
        other => {
            tracing::error!(cause = %other, "the store cannot be used");
            Fault::internal("The store behind this endpoint cannot be used; its operator finds the reason in the log.")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_failed_verification_looks_the_same() {
        let causes = [Error::Integrity("chunk 3".into()), Error::Integrity("commitment".into())];
        for cause in causes {
            let fault = Fault::from(cause);
            assert_eq!(
                (fault.code(), fault.status().as_u16(), fault.message.as_str()),
                ("InternalError", 500, INTEGRITY)
            );
        }
    }

    #[test]
    fn what_is_put_off_says_why_and_when_to_come_again() {
        let fault = Fault::from(Error::Busy("so many uploads are unfinished".into()));
        assert_eq!((fault.code(), fault.status().as_u16()), ("SlowDown", 503));
        assert_eq!(fault.message, "so many uploads are unfinished");
        assert!(fault.headers.iter().any(|(name, _)| name == RETRY_AFTER));
    }

    #[test]
    fn a_body_is_blamed_precisely() {
        let fault = |error: BoxError| Fault::from(Error::Body(error)).code().to_owned();
        assert_eq!(fault(Box::new(UploadStreamError::Sha256Mismatch)), "XAmzContentSHA256Mismatch");
        assert_eq!(fault(Box::new(AwsChunkedStreamError::SignatureMismatch)), "SignatureDoesNotMatch");
        assert_eq!(fault(Box::new(AwsChunkedStreamError::Incomplete)), "IncompleteBody");
        assert_eq!(fault(Box::new(WrongLength)), "IncompleteBody");
        assert_eq!(fault(Box::new(Fault::new(S3ErrorCode::BadDigest, "x"))), "BadDigest");
    }

    #[tokio::test]
    async fn an_error_names_its_resource_and_request() {
        use http_body_util::BodyExt as _;
        let response = Fault::new(S3ErrorCode::NoSuchKey, "a < b").render("/b/k", "ID1", "H");
        assert_eq!(response.status(), 404);
        let xml = response.into_body().collect().await.unwrap().to_bytes();
        let xml = std::str::from_utf8(&xml).unwrap();
        assert!(
            xml.contains("<Message>a &lt; b</Message><Resource>/b/k</Resource><RequestId>ID1</RequestId>"),
            "{xml}"
        );
    }
}
