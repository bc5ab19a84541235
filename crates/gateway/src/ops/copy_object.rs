//! `CopyObject`: a copy under another name, or the same object with other metadata.
//!
//! A client needs to be able to read the source as well as to write the copy. A store may take minutes; the client is kept
//! waiting as it is for a multipart upload.

use http::header::{CONTENT_TYPE, ETAG};
use http::{HeaderMap, HeaderValue, Response};
use objects::{Body, ChecksumName, Copied, CopiedObject, CopyRequest, Facts, ObjectRef, SealedObjects};
use percent_encoding::percent_decode_str;
use quick_xml::escape::escape;
use s3s::S3ErrorCode;
use time::OffsetDateTime;
use time::macros::format_description;

use super::complete_multipart_upload::{DECLARATION, kept_alive};
use super::{Call, pass_on, refuse_own_credentials};
use crate::checksums;
use crate::error::Fault;
use crate::identity::Need;
use crate::target::{Level, Target};
use crate::{headers, small_body};

/// What a copy onto itself may change instead of the metadata.
const CHANGES: [&str; 3] = ["x-amz-storage-class", "x-amz-website-redirect-location", "x-amz-server-side-encryption"];

pub(super) async fn serve(objects: &SealedObjects, call: Call<'_>) -> Result<Response<Body>, Fault> {
    let from = source(&call)?;
    let to = call.object();
    let replace_metadata = replaces(&call.headers, "metadata")?;
    replaces(&call.headers, "tagging")?;
    let changes = replace_metadata || CHANGES.iter().any(|name| call.headers.contains_key(*name));
    if from == to && !changes {
        return Err(unchanged());
    }
    let headers = store_headers(objects, &call, &from).await?;
    small_body::read(call.body, &call.headers, call.trailing).await?;
    let request = CopyRequest { from, to, headers, replace_metadata };
    kept_alive(tokio::spawn(copy(objects.clone(), request))).await
}

async fn copy(objects: SealedObjects, request: CopyRequest) -> Result<Response<Body>, Fault> {
    match objects.copy(request).await? {
        Copied::Object(object) => Ok(answer(&object)),
        Copied::Answer(response) => pass_on(response).await,
        Copied::Failed(xml) => Err(late_failure(&xml)),
        Copied::ConditionFailed => Err(condition_failed()),
        Copied::DeleteMarker => Err(delete_marker()),
        Copied::TooLarge => Err(too_large()),
    }
}

/// The object that `x-amz-copy-source` names, which the client must be allowed to read.
pub(super) fn source(call: &Call<'_>) -> Result<ObjectRef, Fault> {
    let header = call.headers.get("x-amz-copy-source").and_then(|value| value.to_str().ok());
    let from = parse_source(header.unwrap_or_default())?;
    call.client.check(Some(&from.bucket), Need::Read)?;
    Ok(from)
}

/// Reads `/bucket/key?versionId=id`, with or without the first slash, percent-encoded in whole or in part.
fn parse_source(text: &str) -> Result<ObjectRef, Fault> {
    let invalid = || {
        let message = "Copy Source must mention the source bucket and key: sourcebucket/sourcekey";
        Fault::new(S3ErrorCode::InvalidArgument, message)
    };
    let (path, version) = match text.rsplit_once("?versionId=") {
        Some((path, version)) => (path, Some(decode(version).ok_or_else(invalid)?)),
        None => (text, None),
    };
    let path = decode(path).ok_or_else(invalid)?;
    let (bucket, key) = path.strip_prefix('/').unwrap_or(&path).split_once('/').ok_or_else(invalid)?;
    let from = ObjectRef { bucket: bucket.to_owned(), key: key.to_owned(), version };
    // The same checks as for any other name of an object.
    match Target::parse(&from.uri()?)?.level {
        Level::Object => Ok(from),
        _ => Err(invalid()),
    }
}

/// S3 reads a plus sign here as a space, as in a query.
fn decode(text: &str) -> Option<String> {
    let text = text.replace('+', " ");
    percent_decode_str(&text).decode_utf8().ok().map(std::borrow::Cow::into_owned)
}

/// Whether `x-amz-…-directive` says to replace rather than to copy.
fn replaces(client: &HeaderMap, what: &str) -> Result<bool, Fault> {
    match client.get(format!("x-amz-{what}-directive")).map(HeaderValue::as_bytes) {
        None | Some(b"COPY") => Ok(false),
        Some(b"REPLACE") => Ok(true),
        Some(_) => Err(Fault::new(S3ErrorCode::InvalidArgument, format!("Unknown {what} directive."))),
    }
}

/// The client's headers that the store is to see, with the store's ETags in the conditions on both ends.
pub(super) fn store_headers<'a>(
    objects: &'a SealedObjects,
    call: &Call<'_>,
    from: &ObjectRef,
) -> impl Future<Output = Result<HeaderMap, Fault>> + Send + use<'a> {
    let (headers, from) = (call.store_headers(objects), from.clone());
    async move { Ok(objects.with_source_etags(&from, headers.await?).await?) }
}

fn answer(object: &CopiedObject) -> Response<Body> {
    let sums = object.facts.as_ref().map(|facts| checksum_elements(facts)).unwrap_or_default();
    let last_modified = object.last_modified.clone().unwrap_or_else(now);
    let document = format!(
        "{DECLARATION}<CopyObjectResult xmlns=\"{}\"><LastModified>{}</LastModified><ETag>{}</ETag>{sums}</CopyObjectResult>",
        super::NAMESPACE,
        escape(&last_modified),
        escape(&object.etag),
    );
    let mut answer = super::xml(document);
    let mut fields = headers::for_client(&object.headers, true);
    fields.remove(CONTENT_TYPE);
    fields.remove(ETAG);
    answer.headers_mut().extend(fields);
    answer
}

fn checksum_elements(facts: &Facts) -> String {
    let Some(kind) = facts.checksum_type else { return String::new() };
    let parts = usize::try_from(facts.segment_count()).unwrap_or(usize::MAX);
    let element = |(name, value): (&ChecksumName, &Vec<u8>)| {
        format!("<Checksum{0}>{1}</Checksum{0}>", name.as_str(), checksums::shown(value, kind, parts))
    };
    let elements: String = facts.checksums.iter().map(element).collect();
    format!("{elements}<ChecksumType>{}</ChecksumType>", checksums::kind_name(kind))
}

/// The time as S3 writes it in documents.
pub(super) fn now() -> String {
    let format = format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].000Z");
    OffsetDateTime::now_utc().format(&format).unwrap_or_default()
}

/// What a store says that began with a success and then failed.
fn late_failure(xml: &[u8]) -> Fault {
    let (code, message) = objects::error_code(xml).unwrap_or_default();
    let fault = Fault::named(&code, message);
    refuse_own_credentials(fault.status(), xml).err().unwrap_or(fault)
}

pub(super) fn condition_failed() -> Fault {
    let message = "At least one of the pre-conditions you specified did not hold";
    Fault::new(S3ErrorCode::PreconditionFailed, message)
}

pub(super) fn delete_marker() -> Fault {
    let message = "The source of a copy request may not specifically refer to a delete marker by version id.";
    Fault::new(S3ErrorCode::InvalidRequest, message)
}

pub(super) fn too_large() -> Fault {
    let limit = objects::COPY_LIMIT;
    let message =
        format!("The specified copy source is larger than the maximum allowable size for a copy source: {limit}");
    Fault::new(S3ErrorCode::InvalidRequest, message)
}

fn unchanged() -> Fault {
    Fault::new(
        S3ErrorCode::InvalidRequest,
        "This copy request is illegal because it is trying to copy an object to itself without changing the object's \
         metadata, storage class, website redirect location or encryption attributes.",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Result<(String, String, Option<String>), String> {
        let from = parse_source(text).map_err(|fault| fault.code().to_owned())?;
        Ok((from.bucket, from.key, from.version))
    }

    fn named(key: &str, version: Option<&str>) -> (String, String, Option<String>) {
        ("bucket".into(), key.into(), version.map(str::to_owned))
    }

    #[test]
    fn every_spelling_of_a_source_is_read() {
        for text in ["/bucket/a/b", "bucket/a/b", "bucket%2Fa%2Fb", "%2Fbucket/a%2fb"] {
            assert_eq!(parsed(text), Ok(named("a/b", None)), "{text}");
        }
        assert_eq!(parsed("bucket//a"), Ok(named("/a", None)));
        assert_eq!(parsed("bucket/a%2Bb%25+c%3Fd"), Ok(named("a+b% c?d", None)));
        assert_eq!(parsed("bucket/a?versionId=x%2By"), Ok(named("a", Some("x+y"))));
        assert_eq!(parsed("bucket/a%3FversionId=b"), Ok(named("a?versionId=b", None)));
    }

    #[test]
    fn what_names_no_object_is_refused() {
        for text in ["", "/", "bucket", "/bucket", "bucket/", "/bucket/?versionId=a", "bucket/%FF"] {
            assert_eq!(parsed(text), Err("InvalidArgument".into()), "{text}");
        }
        assert_eq!(parsed("../a"), Err("InvalidBucketName".into()));
        assert_eq!(parsed("arn:aws:s3:::bucket/key"), Err("InvalidBucketName".into()));
        assert_eq!(parsed(&format!("bucket/{}", "k".repeat(1_025))), Err("KeyTooLongError".into()));
    }

    #[test]
    fn a_client_must_be_allowed_to_read_the_source() {
        use crate::identity::{Client, Permission};
        let attempt = |permission, from: &'static str| {
            let (access_key, secret) = ("a".to_owned(), s3s::auth::SecretKey::from("s"));
            let client = Client { access_key, secret, buckets: vec!["mine-*".into()], permission };
            let name = http::HeaderName::from_static("x-amz-copy-source");
            let headers = HeaderMap::from_iter([(name, HeaderValue::from_static(from))]);
            let target = Target::parse(&http::Uri::from_static("/mine-1/key")).unwrap();
            let call = Call { client: &client, target, headers, body: objects::store::empty(), trailing: None };
            source(&call).map(|from| from.bucket).map_err(|fault| fault.code().to_owned())
        };
        assert_eq!(attempt(Permission::ReadWrite, "mine-2/key"), Ok("mine-2".into()));
        assert_eq!(attempt(Permission::Write, "mine-2/key"), Err("AccessDenied".into()));
        assert_eq!(attempt(Permission::ReadWrite, "theirs/key"), Err("AccessDenied".into()));
    }

    #[test]
    fn directives_are_two() {
        let directive = |value: &'static str| {
            let name = http::HeaderName::from_static("x-amz-metadata-directive");
            replaces(&HeaderMap::from_iter([(name, HeaderValue::from_static(value))]), "metadata")
        };
        assert!(!replaces(&HeaderMap::new(), "metadata").unwrap());
        assert!(!directive("COPY").unwrap());
        assert!(directive("REPLACE").unwrap());
        assert_eq!(directive("replace").unwrap_err().code(), "InvalidArgument");
    }
}
