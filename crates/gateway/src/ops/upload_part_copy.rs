//! `UploadPartCopy`: a part that is a stretch of another object, at any plaintext offset.

use std::ops::Range;

use http::header::CONTENT_RANGE;
use http::{HeaderMap, HeaderName, HeaderValue, Response};
use objects::{Body, ChecksumName, ChecksumType, Computed, PartCopied, PartCopyRequest, SealedObjects};
use quick_xml::escape::escape;
use s3s::S3ErrorCode;

use super::complete_multipart_upload::{DECLARATION, kept_alive};
use super::copy_object::{condition_failed, delete_marker, now, source, store_headers, too_large};
use super::upload_part::part_number;
use super::{Call, pass_on};
use crate::checksums;
use crate::error::Fault;
use crate::small_body;

pub(super) async fn serve(objects: &SealedObjects, call: Call<'_>) -> Result<Response<Body>, Fault> {
    let from = source(&call)?;
    let headers = store_headers(objects, &call, &from).await?;
    let request = PartCopyRequest {
        from,
        range: range(&call.headers)?,
        to: call.object(),
        upload_id: call.target.param("uploadId").unwrap_or_default().to_owned(),
        number: part_number(call.target.param("partNumber").unwrap_or_default())?,
        headers,
    };
    small_body::read(call.body, &call.headers, call.trailing).await?;
    kept_alive(tokio::spawn(copy(objects.clone(), request))).await
}

async fn copy(objects: SealedObjects, request: PartCopyRequest) -> Result<Response<Body>, Fault> {
    match objects.copy_part(request).await? {
        PartCopied::Part { etag, computed, version } => Ok(answer(&etag, &computed, version)),
        PartCopied::Answer(response) => pass_on(response).await,
        PartCopied::ConditionFailed => Err(condition_failed()),
        PartCopied::DeleteMarker => Err(delete_marker()),
        PartCopied::TooLarge => Err(too_large()),
        PartCopied::OutsideSource { plain_len } => Err(outside(plain_len)),
    }
}

/// The bytes that `x-amz-copy-source-range` names; unlike `Range` it has one form and is never ignored.
fn range(client: &HeaderMap) -> Result<Option<Range<u64>>, Fault> {
    let Some(value) = client.get("x-amz-copy-source-range") else { return Ok(None) };
    let invalid = || {
        let message = "The x-amz-copy-source-range value must be of the form bytes=first-last where first and last are the \
                       zero-based offsets of the first and last bytes to copy";
        Fault::new(S3ErrorCode::InvalidArgument, message)
    };
    let (first, last) = bounds(value.to_str().unwrap_or_default()).ok_or_else(invalid)?;
    Ok(Some(first..last.saturating_add(1)))
}

fn bounds(text: &str) -> Option<(u64, u64)> {
    let (first, last) = text.strip_prefix("bytes=")?.split_once('-')?;
    let number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten();
    let (first, last) = (number(first)?, number(last)?);
    (first <= last).then_some((first, last))
}

fn outside(plain_len: u64) -> Fault {
    let fault = Fault::new(S3ErrorCode::InvalidRange, "The requested range is not satisfiable");
    match HeaderValue::try_from(format!("bytes */{plain_len}")) {
        Ok(value) => fault.with_header(CONTENT_RANGE, value),
        Err(_) => fault,
    }
}

fn answer(etag: &str, computed: &Computed, version: Option<HeaderValue>) -> Response<Body> {
    let sum = |(name, value): (&ChecksumName, &Vec<u8>)| {
        format!("<Checksum{0}>{1}</Checksum{0}>", name.as_str(), checksums::shown(value, ChecksumType::FullObject, 1))
    };
    let sums: String = computed.checksums.iter().map(sum).collect();
    let document = format!(
        "{DECLARATION}<CopyPartResult xmlns=\"{}\"><LastModified>{}</LastModified><ETag>{}</ETag>{sums}</CopyPartResult>",
        super::NAMESPACE,
        now(),
        escape(etag),
    );
    let mut answer = super::xml(document);
    let name = HeaderName::from_static("x-amz-copy-source-version-id");
    answer.headers_mut().extend(version.map(|version| (name, version)));
    answer
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &'static str) -> Result<Option<Range<u64>>, String> {
        let name = HeaderName::from_static("x-amz-copy-source-range");
        let headers = HeaderMap::from_iter([(name, HeaderValue::from_static(text))]);
        range(&headers).map_err(|fault| fault.code().to_owned())
    }

    #[test]
    fn a_range_has_one_form() {
        assert_eq!(range(&HeaderMap::new()).unwrap(), None);
        assert_eq!(parsed("bytes=0-0"), Ok(Some(0..1)));
        assert_eq!(parsed("bytes=5-18446744073709551615"), Ok(Some(5..u64::MAX)));
        for text in ["", "0-1", "bytes=1-", "bytes=-1", "bytes=2-1", "bytes=a-b", "bytes=0-1,2-3", "bytes=+0-1"] {
            assert_eq!(parsed(text), Err("InvalidArgument".into()), "{text}");
        }
    }
}
