//! One file per operation, and what they share: the call they get and how a store's answer is passed on.

mod abort_multipart_upload;
mod complete_multipart_upload;
mod copy_object;
mod create_multipart_upload;
mod delete_bucket;
mod delete_object;
mod delete_objects;
mod get_object;
mod get_object_attributes;
mod head_object;
mod list_buckets;
mod list_multipart_uploads;
mod list_objects;
mod list_parts;
mod pass;
mod put_object;
mod upload_part;
mod upload_part_copy;

use http::header::CONTENT_LENGTH;
use http::{HeaderMap, Method, Request, Response, StatusCode, Uri};
use objects::{Body, ObjectRef, OpenRequest, RangeSpec, SealedObjects, store};
use s3s::{S3ErrorCode, TrailingHeaders};

use crate::error::Fault;
use crate::headers;
use crate::identity::Client;
use crate::operations::{Operation, Row, Verdict};
use crate::target::Target;

/// An error answer of a store longer than this is not passed on.
const ERROR_LIMIT: usize = 64 * 1024;

/// A verified request.
pub(crate) struct Call<'a> {
    pub(crate) client: &'a Client,
    pub(crate) target: Target,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Body,
    pub(crate) trailing: Option<TrailingHeaders>,
}

impl Call<'_> {
    fn object(&self) -> ObjectRef {
        ObjectRef {
            bucket: self.target.bucket.clone(),
            key: self.target.key.clone(),
            version: self.target.param("versionId").map(str::to_owned),
        }
    }

    /// The headers that the store is to see, with its own ETags in their conditions.
    fn store_headers<'a>(
        &self,
        objects: &'a SealedObjects,
    ) -> impl Future<Output = Result<HeaderMap, Fault>> + Send + use<'a> {
        let (at, headers) = (self.object(), headers::for_store(&self.headers));
        async move { Ok(objects.with_store_etags(&at, headers).await?) }
    }

    /// What is to be read; the conditions still speak of the ETags clients know.
    fn open_request(&self) -> Result<OpenRequest, Fault> {
        let range = self.headers.get(http::header::RANGE).and_then(|range| RangeSpec::parse(range.to_str().ok()?));
        let checksums = self
            .headers
            .get("x-amz-checksum-mode")
            .is_some_and(|mode| mode.as_bytes().eq_ignore_ascii_case(b"enabled"));
        let part = self.target.param("partNumber").map(upload_part::part_number);
        let part = part.transpose()?.map(u32::from);
        Ok(OpenRequest { at: self.object(), want: range, part, headers: headers::for_store(&self.headers), checksums })
    }
}

/// Serves a call as its row says.
pub(crate) async fn serve(objects: &SealedObjects, row: &Row, call: Call<'_>) -> Result<Response<Body>, Fault> {
    refuse_reserved(objects, row, &call.target.key)?;
    match row.verdict {
        Verdict::Served => serve_here(objects, row, call).await,
        Verdict::Passed => pass::serve(objects, row, call).await,
        Verdict::Refused(reason) => Err(Fault::not_implemented(format!("{}: {reason}", row.name))),
    }
}

async fn serve_here(objects: &SealedObjects, row: &Row, call: Call<'_>) -> Result<Response<Body>, Fault> {
    match row.operation {
        Operation::AbortMultipartUpload => abort_multipart_upload::serve(objects, call).await,
        Operation::CompleteMultipartUpload => complete_multipart_upload::serve(objects, call).await,
        Operation::CopyObject => copy_object::serve(objects, call).await,
        Operation::CreateMultipartUpload => create_multipart_upload::serve(objects, call).await,
        Operation::DeleteBucket => delete_bucket::serve(objects, call).await,
        Operation::DeleteObject => delete_object::serve(objects, call).await,
        Operation::DeleteObjects => delete_objects::serve(objects, call).await,
        Operation::GetObject => get_object::serve(objects, call).await,
        Operation::GetObjectAttributes => get_object_attributes::serve(objects, call).await,
        Operation::HeadObject => head_object::serve(objects, call).await,
        Operation::ListBuckets => list_buckets::serve(objects, call).await,
        Operation::ListObjects | Operation::ListObjectsV2 | Operation::ListObjectVersions => {
            list_objects::serve(objects, call).await
        }
        Operation::ListMultipartUploads => list_multipart_uploads::serve(objects, call).await,
        Operation::ListParts => list_parts::serve(objects, call).await,
        Operation::PutObject => put_object::serve(objects, call).await,
        Operation::UploadPart => upload_part::serve(objects, call).await,
        Operation::UploadPartCopy => upload_part_copy::serve(objects, call).await,
        _ => {
            tracing::error!(operation = row.name, "a row says served and nothing serves it");
            Err(Fault::not_implemented(format!("{} is not served", row.name)))
        }
    }
}

/// Refuses what is about an object that is kept for the state of uploads: to readers it is not there, and nobody may change it.
fn refuse_reserved(objects: &SealedObjects, row: &Row, key: &str) -> Result<(), Fault> {
    match row.method {
        _ if !objects.is_reserved(key) => Ok(()),
        "GET" | "HEAD" => Err(Fault::new(S3ErrorCode::NoSuchKey, "The specified key does not exist.")),
        _ => Err(objects::Error::Reserved.into()),
    }
}

/// Sends a request that sealing does not concern and passes the answer on.
async fn forward(
    objects: &SealedObjects,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: bytes::Bytes,
) -> Result<Response<Body>, Fault> {
    let mut request = Request::new(store::full(body.clone()));
    *request.method_mut() = method.clone();
    *request.uri_mut() = uri;
    *request.headers_mut() = headers;
    if !body.is_empty() || matches!(method, Method::PUT | Method::POST) {
        request.headers_mut().insert(CONTENT_LENGTH, body.len().into());
    }
    pass_on(objects.forward(request).await?).await
}

/// Passes an answer on. A refusal's ETag stays here: it would be the store's.
async fn pass_on(response: Response<Body>) -> Result<Response<Body>, Fault> {
    let (parts, body) = response.into_parts();
    let mut headers = headers::for_client(&parts.headers, false);
    let failed = parts.status.is_client_error() || parts.status.is_server_error();
    if failed {
        headers.remove(http::header::ETAG);
    }
    let body = if failed {
        let bytes = objects::collect(body, ERROR_LIMIT).await.unwrap_or_default();
        refuse_own_credentials(parts.status, &bytes)?;
        store::full(bytes)
    } else {
        let length = parts.headers.get(CONTENT_LENGTH).filter(|_| parts.status != StatusCode::NOT_MODIFIED);
        headers.extend(length.map(|length| (CONTENT_LENGTH, length.clone())));
        body
    };
    let mut response = Response::new(body);
    *response.status_mut() = parts.status;
    *response.headers_mut() = headers;
    Ok(response)
}

/// A store that refuses our credentials must not look like one that refuses the client's.
fn refuse_own_credentials(status: StatusCode, xml: &[u8]) -> Result<(), Fault> {
    const OURS: [&str; 6] = [
        "AuthorizationHeaderMalformed",
        "ExpiredToken",
        "InvalidAccessKeyId",
        "InvalidToken",
        "RequestTimeTooSkewed",
        "SignatureDoesNotMatch",
    ];
    match objects::error_code(xml) {
        Some((code, _)) if status.is_client_error() && OURS.contains(&code.as_str()) => {
            tracing::error!(code, "the store refuses the credentials it was given; check [store]");
            Err(Fault::internal(
                "The store behind this endpoint refused its credentials; its operator finds the reason in the log.",
            ))
        }
        _ => Ok(()),
    }
}

/// The name space of S3's documents.
const NAMESPACE: &str = "http://s3.amazonaws.com/doc/2006-03-01/";

/// An answer that is a document.
fn xml(document: String) -> Response<Body> {
    xml_body(store::full(document))
}

/// An answer whose document comes bit by bit.
fn xml_body(body: Body) -> Response<Body> {
    let mut answer = Response::new(body);
    answer.headers_mut().insert(http::header::CONTENT_TYPE, http::HeaderValue::from_static("application/xml"));
    answer
}
