//! Uploads by HTML form: s3s reads the fields, verifies the signature and enforces the policy; the file is then sealed on the
//! same way as any other object.
//!
//! A form has a length, so its file has one too and streams: nothing of it is held in memory.

mod fields;

use http::header::CONTENT_LENGTH;
use http::{HeaderMap, HeaderValue, Method, Response};
use objects::{Body, SealedObjects, store};
use s3s::dto::{ETag, PostObjectInput, PostObjectOutput};
use s3s::stream::ByteStream as _;
use s3s::{S3ErrorCode, S3Request, S3Response, S3Result};

use crate::error::Fault;
use crate::identity::{Clients, Need};
use crate::operations;
use crate::ops::{self, Call};
use crate::route::Answered;
use crate::target::Target;
use crate::telemetry;

pub(crate) use fields::Beginning;

/// S3's limit for a file in a form.
pub(crate) const FILE_LIMIT: u64 = 5 * 1024 * 1024 * 1024;

/// What is not the file: the fields of a form, each and together.
pub(crate) const FIELD_LIMIT: usize = 64 * 1024;

/// Longer error answers of a store are not read.
const ERROR_LIMIT: usize = 64 * 1024;

/// The part of s3s's interface that does not come through the route, because s3s reads the form.
pub(crate) struct Forms {
    objects: SealedObjects,
    clients: Clients,
}

/// Whether s3s would read a request as a form. Wider than its own test, so that no form ever gets to the route.
pub(crate) fn is_form(method: &Method, headers: &HeaderMap) -> bool {
    let content_type = headers.get(http::header::CONTENT_TYPE).map(|value| value.as_bytes().to_ascii_lowercase());
    method == Method::POST
        && content_type.is_some_and(|value| value.windows(19).any(|part| part == b"multipart/form-data"))
}

impl Forms {
    pub(crate) fn new(objects: SealedObjects, clients: Clients) -> Self {
        Self { objects, clients }
    }

    async fn answer(&self, request: S3Request<PostObjectInput>) -> Result<Response<Body>, Fault> {
        let client = request.credentials.as_ref().and_then(|credentials| self.clients.find(&credentials.access_key));
        let client = client.ok_or_else(|| {
            Fault::new(S3ErrorCode::AccessDenied, "A form needs a policy that is signed with Signature Version 4.")
        })?;
        let beginning = request.extensions.get::<Beginning>().cloned().unwrap_or_default();
        let mut form = request.input;
        let target = Target::object(&form.bucket, &form.key)?;
        telemetry::note("PostObject", &target.bucket, &client.access_key);
        client.check(Some(&target.bucket), Need::Write)?;
        check_redirect(&form)?;
        let mut headers = beginning.headers().await?;
        let file = form.body.take().ok_or_else(Fault::incomplete)?;
        let len = file.remaining_length().exact().ok_or_else(Fault::incomplete)?;
        headers.insert(CONTENT_LENGTH, HeaderValue::from(len));
        let row = operations::resolve(&Method::PUT, &target, &headers)?;
        let call = Call { client, target, headers, body: store::stream(file), trailing: None };
        let answer = ops::serve(&self.objects, row, call).await?;
        if answer.status().is_success() { Ok(answer) } else { Err(refusal(answer).await) }
    }
}

#[async_trait::async_trait]
impl s3s::S3 for Forms {
    async fn post_object(&self, request: S3Request<PostObjectInput>) -> S3Result<S3Response<PostObjectOutput>> {
        let mut response = S3Response::new(PostObjectOutput::default());
        match self.answer(request).await {
            Ok(answer) => {
                response.headers = answer.headers().clone();
                response.headers.remove(CONTENT_LENGTH);
                let etag = answer.headers().get(http::header::ETAG);
                response.output.e_tag = etag.and_then(|etag| ETag::parse_http_header(etag.as_bytes()).ok());
                response.extensions.insert(Answered);
            }
            Err(fault) => {
                response.extensions.insert(fault);
            }
        }
        Ok(response)
    }
}

/// s3s finds out that a redirect is no URL when the object is already stored.
fn check_redirect(form: &PostObjectInput) -> Result<(), Fault> {
    let bad = || Fault::new(S3ErrorCode::InvalidArgument, "success_action_redirect is not a URL");
    let Some(url) = &form.success_action_redirect else { return Ok(()) };
    let uri: http::Uri = url.parse().map_err(|_| bad())?;
    if uri.scheme().is_some() && uri.authority().is_some() { Ok(()) } else { Err(bad()) }
}

async fn refusal(answer: Response<Body>) -> Fault {
    let (parts, body) = answer.into_parts();
    let xml = objects::collect(body, ERROR_LIMIT).await.unwrap_or_default();
    Fault::from_answer(parts.status, &xml)
}

/// What s3s calls a bad policy although it is a form that its policy does not allow.
const DISOBEDIENT: [&str; 3] = ["Policy condition ", "Bucket in form field ", "does not match policy"];

/// S3 has another word for a form that breaks its policy than for a policy that cannot be read.
pub(crate) fn in_words_of_s3(fault: Fault) -> Fault {
    let is_broken = DISOBEDIENT.iter().any(|words| fault.message().contains(words));
    if fault.code() != S3ErrorCode::InvalidPolicyDocument.as_str() || !is_broken {
        return fault;
    }
    Fault::new(S3ErrorCode::AccessDenied, format!("Invalid according to Policy: {}", fault.message()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn breaking_a_policy_is_not_the_same_as_writing_a_bad_one() {
        let fault = |message: &str| in_words_of_s3(Fault::new(S3ErrorCode::InvalidPolicyDocument, message));
        let denied = fault("Policy condition 'eq' for field 'key' failed: expected 'a', got 'b'");
        assert_eq!((denied.code(), denied.status().as_u16()), ("AccessDenied", 403));
        assert!(denied.message().starts_with("Invalid according to Policy: "), "{}", denied.message());
        assert_eq!(fault("x-amz-date does not match policy").code(), "AccessDenied");
        assert_eq!(fault("failed to parse POST policy").code(), "InvalidPolicyDocument");
    }
}
