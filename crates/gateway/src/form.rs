//! Uploads by HTML form: s3s reads the fields, verifies the signature and enforces the policy; the file is then sealed on the
//! same way as any other object.
//!
//! A form has a length, so its file has one too and streams: nothing of it is held in memory.

use http::header::CONTENT_LENGTH;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Response};
use objects::{Body, SealedObjects, store};
use s3s::dto::{ETag, ETagCondition, PostObjectInput, PostObjectOutput, Timestamp, TimestampFormat};
use s3s::stream::ByteStream as _;
use s3s::{S3ErrorCode, S3Request, S3Response, S3Result};

use crate::error::Fault;
use crate::identity::{Clients, Need};
use crate::operations;
use crate::ops::{self, Call};
use crate::route::Answered;
use crate::target::Target;
use crate::telemetry;

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
        // Only Signature Version 4 names a service.
        let credentials = request.credentials.as_ref().filter(|_| request.service.is_some());
        let client = credentials.and_then(|credentials| self.clients.find(&credentials.access_key));
        let client = client.ok_or_else(|| {
            Fault::new(S3ErrorCode::AccessDenied, "A form needs a policy that is signed with Signature Version 4.")
        })?;
        let mut form = request.input;
        let target = Target::object(&form.bucket, &form.key)?;
        telemetry::note("PostObject", &target.bucket, &client.access_key);
        client.check(Some(&target.bucket), Need::Write)?;
        check_redirect(&form)?;
        let mut headers = fields(&form)?;
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

/// The fields of a form as the headers they stand for.
fn fields(form: &PostObjectInput) -> Result<HeaderMap, Fault> {
    let mut headers = HeaderMap::new();
    for (name, value) in known(form)? {
        let Some(value) = value else { continue };
        let bad = || Fault::new(S3ErrorCode::InvalidArgument, format!("the field `{name}` cannot be a header"));
        headers.insert(HeaderName::from_static(name), HeaderValue::try_from(value).map_err(|_| bad())?);
    }
    for (name, value) in form.metadata.iter().flatten() {
        let bad = || Fault::new(S3ErrorCode::InvalidArgument, "a field x-amz-meta-… cannot be a header");
        let name = HeaderName::try_from(format!("{}{name}", objects::USER_METADATA_PREFIX)).map_err(|_| bad())?;
        headers.insert(name, HeaderValue::from_bytes(value.as_bytes()).map_err(|_| bad())?);
    }
    Ok(headers)
}

type Field = (&'static str, Option<String>);

fn known(form: &PostObjectInput) -> Result<Vec<Field>, Fault> {
    let text = |value: &Option<String>| value.clone();
    let mut fields = vec![
        ("cache-control", text(&form.cache_control)),
        ("content-disposition", text(&form.content_disposition)),
        ("content-encoding", text(&form.content_encoding)),
        ("content-language", text(&form.content_language)),
        ("content-md5", text(&form.content_md5)),
        ("content-type", text(&form.content_type)),
        ("expires", text(&form.expires)),
        ("if-match", form.if_match.as_ref().map(condition)),
        ("if-none-match", form.if_none_match.as_ref().map(condition)),
        ("x-amz-acl", form.acl.as_ref().map(|acl| acl.as_str().to_owned())),
        ("x-amz-checksum-crc32", text(&form.checksum_crc32)),
        ("x-amz-checksum-crc32c", text(&form.checksum_crc32c)),
        ("x-amz-checksum-crc64nvme", text(&form.checksum_crc64nvme)),
        ("x-amz-checksum-sha1", text(&form.checksum_sha1)),
        ("x-amz-checksum-sha256", text(&form.checksum_sha256)),
        ("x-amz-expected-bucket-owner", text(&form.expected_bucket_owner)),
        ("x-amz-storage-class", form.storage_class.as_ref().map(|class| class.as_str().to_owned())),
        ("x-amz-tagging", text(&form.tagging)),
        ("x-amz-website-redirect-location", text(&form.website_redirect_location)),
        ("x-amz-write-offset-bytes", form.write_offset_bytes.map(|offset| offset.to_string())),
    ];
    fields.extend(encryption(form));
    fields.extend(lock(form)?);
    Ok(fields)
}

fn encryption(form: &PostObjectInput) -> [Field; 7] {
    [
        ("x-amz-server-side-encryption", form.server_side_encryption.as_ref().map(|name| name.as_str().to_owned())),
        ("x-amz-server-side-encryption-aws-kms-key-id", form.ssekms_key_id.clone()),
        ("x-amz-server-side-encryption-bucket-key-enabled", form.bucket_key_enabled.map(|on| on.to_string())),
        ("x-amz-server-side-encryption-context", form.ssekms_encryption_context.clone()),
        ("x-amz-server-side-encryption-customer-algorithm", form.sse_customer_algorithm.clone()),
        ("x-amz-server-side-encryption-customer-key", form.sse_customer_key.clone()),
        ("x-amz-server-side-encryption-customer-key-md5", form.sse_customer_key_md5.clone()),
    ]
}

fn lock(form: &PostObjectInput) -> Result<[Field; 3], Fault> {
    let until = form.object_lock_retain_until_date.as_ref().map(date).transpose()?;
    Ok([
        ("x-amz-object-lock-legal-hold", form.object_lock_legal_hold_status.as_ref().map(|on| on.as_str().to_owned())),
        ("x-amz-object-lock-mode", form.object_lock_mode.as_ref().map(|mode| mode.as_str().to_owned())),
        ("x-amz-object-lock-retain-until-date", until),
    ])
}

fn date(date: &Timestamp) -> Result<String, Fault> {
    let mut text = Vec::new();
    let bad = || Fault::new(S3ErrorCode::InvalidArgument, "x-amz-object-lock-retain-until-date is not a date");
    date.format(TimestampFormat::DateTime, &mut text).map_err(|_| bad())?;
    String::from_utf8(text).map_err(|_| bad())
}

fn condition(condition: &ETagCondition) -> String {
    match condition {
        ETagCondition::Any => "*".to_owned(),
        ETagCondition::ETag(etag) => format!("\"{}\"", etag.value()),
    }
}
