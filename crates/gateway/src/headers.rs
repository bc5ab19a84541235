//! Which of a client's headers the store sees, and which of the store's a client sees.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::{
    ACCEPT_RANGES, CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_ENCODING, CONTENT_LANGUAGE, CONTENT_LENGTH,
    CONTENT_RANGE, CONTENT_TYPE, ETAG, EXPIRES, IF_MATCH, IF_MODIFIED_SINCE, IF_NONE_MATCH, IF_RANGE,
    IF_UNMODIFIED_SINCE,
};
use http::{HeaderMap, HeaderName, HeaderValue};
use md5::{Digest as _, Md5};
use objects::{OpenedObject, USER_METADATA_PREFIX, is_store_only};

use crate::error::Fault;
use crate::target::{Target, is_amz, is_signing};

/// Headers of an object that S3 keeps and gives back.
const SYSTEM: [HeaderName; 6] =
    [CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_ENCODING, CONTENT_LANGUAGE, CONTENT_TYPE, EXPIRES];

/// Conditions; those with ETags still speak of the ETags clients know.
const CONDITIONS: [HeaderName; 5] = [IF_MATCH, IF_NONE_MATCH, IF_RANGE, IF_MODIFIED_SINCE, IF_UNMODIFIED_SINCE];

/// `x-amz-*` headers that concern only the client and us.
const OURS: [&str; 8] = [
    "x-amz-content-sha256",
    "x-amz-date",
    "x-amz-decoded-content-length",
    "x-amz-security-token",
    "x-amz-trailer",
    "x-amz-user-agent",
    "x-amz-checksum-mode",
    "x-amz-request-id",
];

/// The headers of a client that go on to the store: conditions, system headers, and every `x-amz-*` that is not about us.
pub(crate) fn for_store(client: &HeaderMap) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in client {
        let wanted = SYSTEM.contains(name)
            || CONDITIONS.contains(name)
            || name.as_str() == "content-md5"
            || is_for_store(name.as_str());
        if wanted {
            headers.append(name.clone(), value.clone());
        }
    }
    strip_aws_chunked(&mut headers);
    headers
}

/// The same for a request whose body is a document: its digest is computed anew, because the document may have been amended.
pub(crate) fn for_document(client: &HeaderMap, document: &[u8]) -> HeaderMap {
    let mut headers: HeaderMap =
        for_store(client).into_iter().filter_map(|(name, value)| Some((name?, value))).collect();
    let digests: Vec<HeaderName> = headers
        .keys()
        .filter(|name| name.as_str().starts_with("x-amz-checksum-") || name.as_str().starts_with("x-amz-sdk-"))
        .cloned()
        .collect();
    for name in digests {
        headers.remove(name);
    }
    headers.remove("content-md5");
    if !document.is_empty() {
        headers.extend(
            HeaderValue::try_from(STANDARD.encode(Md5::digest(document)))
                .ok()
                .map(|value| (HeaderName::from_static("content-md5"), value)),
        );
    }
    headers
}

fn is_for_store(name: &str) -> bool {
    name.starts_with("x-amz-") && !OURS.contains(&name)
}

/// A checksum in the query of a presigned request was computed when the URL was made, by many signers over a body that was not
/// there yet. S3 ignores it, so whoever uploads with such a URL relies on that.
fn is_presigned_checksum(name: &str) -> bool {
    name == "x-amz-sdk-checksum-algorithm" || (name.starts_with("x-amz-checksum-") && name != "x-amz-checksum-mode")
}

/// Presigned requests may carry `x-amz-*` headers in their query, where SigV4 covers them: they count as headers.
pub(crate) fn hoist_query(target: &mut Target, headers: &mut HeaderMap) -> Result<(), Fault> {
    if target.param("X-Amz-Signature").is_none() {
        return Ok(());
    }
    let hoisted: Vec<_> = target.query.extract_if(.., |(name, _)| is_amz(name) && !is_signing(name)).collect();
    for (name, value) in hoisted {
        let name = name.to_ascii_lowercase();
        if headers.contains_key(&name) || is_presigned_checksum(&name) {
            continue;
        }
        let bad = || Fault::new(s3s::S3ErrorCode::InvalidArgument, format!("`{name}` in the query cannot be a header"));
        let header = HeaderName::try_from(&name).map_err(|_| bad())?;
        headers.insert(header, HeaderValue::try_from(value).map_err(|_| bad())?);
    }
    Ok(())
}

/// `aws-chunked` names how the client sent the body, not how the object is encoded; the rest stays.
fn strip_aws_chunked(headers: &mut HeaderMap) {
    let Some(value) = headers.get(CONTENT_ENCODING).and_then(|value| value.to_str().ok()) else { return };
    let kept: Vec<&str> = value
        .split(',')
        .map(str::trim)
        .filter(|token| !token.is_empty() && !token.eq_ignore_ascii_case("aws-chunked"))
        .collect();
    let kept = kept.join(",");
    headers.remove(CONTENT_ENCODING);
    if let (false, Ok(value)) = (kept.is_empty(), HeaderValue::try_from(kept)) {
        headers.insert(CONTENT_ENCODING, value);
    }
}

/// The headers of a store's answer that a client sees, apart from lengths and what the store says about origins.
pub(crate) fn for_client(store: &HeaderMap, sealed: bool) -> HeaderMap {
    store
        .iter()
        .filter(|(name, _)| !is_store_only(name, sealed) && !name.as_str().starts_with("access-control-"))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect()
}

/// Replaces the store's ETag by the one that clients are shown.
pub(crate) fn show_etag(headers: &mut HeaderMap, etag: Option<&str>) {
    headers.remove(ETAG);
    headers.extend(etag.and_then(|etag| HeaderValue::try_from(etag).ok()).map(|value| (ETAG, value)));
}

/// The headers of an object as S3 answers GET and HEAD.
pub(crate) fn of_object(object: &OpenedObject, checksums: bool) -> HeaderMap {
    let mut headers = for_client(&object.headers, object.sealed);
    show_etag(&mut headers, object.etag.as_deref());
    let metadata: Vec<HeaderName> =
        headers.keys().filter(|name| name.as_str().starts_with(USER_METADATA_PREFIX)).cloned().collect();
    for name in metadata {
        headers.remove(name);
    }
    for (name, value) in &object.metadata {
        let name = HeaderName::try_from(format!("{USER_METADATA_PREFIX}{name}"));
        if let (Ok(name), Ok(value)) = (name, HeaderValue::from_bytes(value.as_bytes())) {
            headers.insert(name, value);
        }
    }
    headers.insert(ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    let length = object.range.as_ref().map_or(object.plain_len, |range| range.end - range.start);
    headers.insert(CONTENT_LENGTH, HeaderValue::from(length));
    if let Some(range) = &object.range {
        // A part of a foreign object may hold nothing but the end of its encryption; there is no way to write such a range.
        let last = range.end.checked_sub(1).filter(|last| *last >= range.start);
        let value = last.map(|last| format!("bytes {}-{last}/{}", range.start, object.plain_len));
        headers.extend(value.and_then(|value| HeaderValue::try_from(value).ok()).map(|value| (CONTENT_RANGE, value)));
    }
    if let Some(parts) = object.parts_count {
        headers.insert("x-amz-mp-parts-count", HeaderValue::from(parts));
    }
    if let (true, None, Some(facts)) = (checksums, &object.range, &object.facts) {
        crate::checksums::write(facts, &mut headers);
    }
    headers
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value))).collect()
    }

    #[test]
    fn credentials_and_connection_headers_stay_here() {
        let client = map(&[
            ("authorization", "AWS4 secret"),
            ("x-amz-date", "now"),
            ("host", "h"),
            ("accept-encoding", "gzip"),
            ("cookie", "c"),
            ("x-amz-acl", "private"),
            ("content-type", "t"),
        ]);
        let store = for_store(&client);
        assert_eq!(store, map(&[("x-amz-acl", "private"), ("content-type", "t")]));
    }

    #[test]
    fn aws_chunked_goes_and_gzip_stays() {
        assert_eq!(for_store(&map(&[("content-encoding", "aws-chunked,gzip")])), map(&[("content-encoding", "gzip")]));
        assert_eq!(for_store(&map(&[("content-encoding", "aws-chunked")])), HeaderMap::new());
    }

    #[test]
    fn signed_query_parameters_are_headers() {
        let mut target = Target::parse(
            &"/bucket/key?X-Amz-Signature=s&X-Amz-Expires=1&x-amz-checksum-mode=ENABLED&x-amz-acl=private&x-amz-checksum-crc32=AAAAAA%3D%3D&x-amz-sdk-checksum-algorithm=CRC32"
                .parse()
                .unwrap(),
        )
        .unwrap();
        let mut headers = map(&[("x-amz-acl", "public-read")]);
        hoist_query(&mut target, &mut headers).unwrap();
        assert_eq!(headers, map(&[("x-amz-acl", "public-read"), ("x-amz-checksum-mode", "ENABLED")]));
        assert!(target.param("x-amz-acl").is_none(), "a header now, and no sub-resource");
        let mut unsigned = Target::parse(&"/bucket/key?x-amz-acl=private".parse().unwrap()).unwrap();
        let mut headers = HeaderMap::new();
        hoist_query(&mut unsigned, &mut headers).unwrap();
        assert!(headers.is_empty());
    }
}
