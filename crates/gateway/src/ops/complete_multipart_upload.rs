//! `CompleteMultipartUpload`: the parts become one object, at once or not at all.
//!
//! A store may take minutes. The client is kept waiting with white space behind a status that is already sent, as S3 does;
//! what went wrong then stands in the document.

use std::collections::BTreeMap;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use futures::stream::{self, StreamExt as _};
use http::{HeaderMap, HeaderValue, Method, Response};
use objects::{
    Body, BoxError, ChecksumName, CompleteRequest, Completed, NamedPart, ObjectRef, SealedObjects, UploadOutcome, store,
};
use quick_xml::escape::escape;
use s3s::S3ErrorCode;
use serde::Deserialize;

use super::{Call, forward, pass_on};
use crate::error::Fault;
use crate::{checksums, headers, small_body};

/// How long an answer may take before the status is sent ahead of it, and how often white space follows.
const PATIENCE: Duration = Duration::from_secs(5);

pub(super) async fn serve(objects: &SealedObjects, mut call: Call<'_>) -> Result<Response<Body>, Fault> {
    let (at, upload_id) = (call.object(), call.target.param("uploadId").unwrap_or_default().to_owned());
    let said = checksums::named(&call.headers)?;
    let plain_len = call.headers.get("x-amz-mp-object-size").and_then(|value| value.to_str().ok()?.parse().ok());
    let store_headers = objects.with_store_etags(&at, conditions(&call.headers)).await?;
    // These speak of the object; the document has none of its own.
    for name in said.keys() {
        call.headers.remove(name.header());
    }
    let document = small_body::read(call.body, &call.headers, call.trailing).await?;
    let parts = parts(&document)?;
    let request =
        CompleteRequest { at: at.clone(), upload_id, parts, headers: store_headers, checksums: said, plain_len };
    let work = tokio::spawn(complete(objects.clone(), request, document, headers::for_store(&call.headers)));
    kept_alive(work).await
}

/// Completes an upload of ours, or passes on one of the store's.
async fn complete(
    objects: SealedObjects,
    request: CompleteRequest,
    document: Bytes,
    client: HeaderMap,
) -> Result<Response<Body>, Fault> {
    let (at, upload_id) = (request.at.clone(), request.upload_id.clone());
    match objects.complete_upload(request).await? {
        Some(UploadOutcome::Done(completed)) => Ok(answer(&at, &completed)),
        Some(UploadOutcome::Answer(answer)) => refused(pass_on(answer).await?).await,
        None => {
            let uri = at.uri_with(&format!("uploadId={}", objects::encode_value(&upload_id)))?;
            forward(&objects, Method::POST, uri, client, document).await
        }
    }
}

/// A store may say 200 and mean an error.
async fn refused(response: Response<Body>) -> Result<Response<Body>, Fault> {
    if !response.status().is_success() {
        return Ok(response);
    }
    let body = objects::collect(response.into_body(), 64 * 1024).await.unwrap_or_default();
    match objects::error_code(&body) {
        Some((code, message)) => Err(Fault::named(&code, message)),
        None => Err(Fault::internal("The store's answer makes no sense.")),
    }
}

/// The answer when it comes soon; otherwise its status now, white space while it is awaited, and then its document.
pub(super) async fn kept_alive(
    mut work: tokio::task::JoinHandle<Result<Response<Body>, Fault>>,
) -> Result<Response<Body>, Fault> {
    if let Ok(outcome) = tokio::time::timeout(PATIENCE, &mut work).await {
        return outcome.unwrap_or_else(|_| Err(panicked()));
    }
    let head = stream::iter([Ok::<_, BoxError>(Bytes::from_static(DECLARATION.as_bytes()))]);
    let rest = stream::unfold(Some(work), |work| async {
        let mut work = work?;
        match tokio::time::timeout(PATIENCE, &mut work).await {
            Err(_) => Some((Ok(Bytes::from_static(b" ")), Some(work))),
            Ok(outcome) => Some((Ok(late(outcome.unwrap_or_else(|_| Err(panicked()))).await), None)),
        }
    });
    Ok(super::xml_body(store::stream(head.chain(rest))))
}

/// What S3 documents begin with; it is sent ahead of a late answer.
pub(super) const DECLARATION: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n";

/// An answer as the rest of a document that has begun.
async fn late(outcome: Result<Response<Body>, Fault>) -> Bytes {
    let response = match outcome {
        Ok(response) => response,
        Err(fault) => fault.render("", "", ""),
    };
    let document = objects::collect(response.into_body(), 1024 * 1024).await.unwrap_or_default();
    match document.strip_prefix(DECLARATION.as_bytes()) {
        Some(rest) => Bytes::copy_from_slice(rest),
        None => document,
    }
}

fn panicked() -> Fault {
    tracing::error!("completing an upload panicked");
    Fault::internal("We encountered an internal error. Please try again.")
}

fn answer(at: &ObjectRef, completed: &Completed) -> Response<Body> {
    let sums: String =
        completed.checksums.iter().map(|(name, value)| checksum_element(*name, value, completed)).collect();
    let document = format!(
        "{DECLARATION}<CompleteMultipartUploadResult xmlns=\"{}\"><Location>/{}/{}</Location><Bucket>{}</Bucket><Key>{}</Key>\
         <ETag>{}</ETag>{sums}<ChecksumType>{}</ChecksumType></CompleteMultipartUploadResult>",
        super::NAMESPACE,
        escape(&at.bucket),
        escape(objects::encode_key(&at.key)),
        escape(&at.bucket),
        escape(&at.key),
        escape(&completed.etag),
        checksums::kind_name(completed.checksum_type),
    );
    let mut answer = super::xml(document);
    let mut fields = headers::for_client(&completed.headers, true);
    fields.remove(http::header::CONTENT_TYPE);
    answer.headers_mut().extend(fields.into_iter().filter_map(|(name, value)| Some((name?, value))));
    answer
}

fn checksum_element(name: ChecksumName, value: &[u8], completed: &Completed) -> String {
    let value = checksums::shown(value, completed.checksum_type, completed.parts);
    format!("<Checksum{0}>{value}</Checksum{0}>", name.as_str())
}

fn conditions(client: &HeaderMap) -> HeaderMap {
    let names = [http::header::IF_MATCH, http::header::IF_NONE_MATCH];
    let kept = headers::for_store(client);
    names
        .into_iter()
        .filter_map(|name| kept.get(&name).map(|value: &HeaderValue| (name.clone(), value.clone())))
        .collect()
}

#[derive(Deserialize)]
struct Document {
    #[serde(rename = "Part", default)]
    parts: Vec<DocumentPart>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct DocumentPart {
    part_number: u32,
    #[serde(rename = "ETag")]
    etag: String,
    #[serde(rename = "ChecksumCRC32")]
    crc32: Option<String>,
    #[serde(rename = "ChecksumCRC32C")]
    crc32c: Option<String>,
    #[serde(rename = "ChecksumCRC64NVME")]
    crc64nvme: Option<String>,
    #[serde(rename = "ChecksumSHA1")]
    sha1: Option<String>,
    #[serde(rename = "ChecksumSHA256")]
    sha256: Option<String>,
}

/// The client's list of parts.
fn parts(document: &[u8]) -> Result<Vec<NamedPart>, Fault> {
    let malformed = || {
        Fault::new(
            S3ErrorCode::MalformedXML,
            "The XML you provided was not well-formed or did not validate against our published schema",
        )
    };
    let text = std::str::from_utf8(document).map_err(|_| malformed())?;
    let document: Document = quick_xml::de::from_str(text).map_err(|_| malformed())?;
    if document.parts.is_empty() {
        return Err(malformed());
    }
    document.parts.into_iter().map(|part| named(part).ok_or_else(malformed)).collect()
}

fn named(part: DocumentPart) -> Option<NamedPart> {
    let sums = [
        (ChecksumName::Crc32, part.crc32),
        (ChecksumName::Crc32c, part.crc32c),
        (ChecksumName::Crc64Nvme, part.crc64nvme),
        (ChecksumName::Sha1, part.sha1),
        (ChecksumName::Sha256, part.sha256),
    ];
    let mut checksums = BTreeMap::new();
    for (name, value) in sums {
        if let Some(value) = value {
            checksums.insert(name, STANDARD.decode(value).ok()?);
        }
    }
    let number = u16::try_from(part.part_number).ok().filter(|number| (1..=10_000).contains(number))?;
    Some(NamedPart { number, etag: part.etag, checksums })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_of_parts_is_read() {
        let document = b"<CompleteMultipartUpload xmlns=\"x\"><Part><PartNumber>1</PartNumber><ETag>&quot;a-0&quot;</ETag>\
            <ChecksumCRC32>NSRBwg==</ChecksumCRC32></Part><Part><ETag>b</ETag><PartNumber>7</PartNumber></Part></CompleteMultipartUpload>";
        let parts = parts(document).unwrap();
        assert_eq!((parts[0].number, parts[0].etag.as_str(), parts[0].checksums.len()), (1, "\"a-0\"", 1));
        assert_eq!((parts[1].number, parts[1].etag.as_str()), (7, "b"));
    }

    #[test]
    fn what_is_no_list_is_refused() {
        for document in [
            &b""[..],
            b"<CompleteMultipartUpload/>",
            b"<a><Part><PartNumber>0</PartNumber><ETag>a</ETag></Part></a>",
            b"<a><Part><PartNumber>1</PartNumber></Part></a>",
        ] {
            assert_eq!(parts(document).unwrap_err().code(), "MalformedXML");
        }
    }
}
