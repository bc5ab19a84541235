//! Headers that belong to an object: which of a PUT's are kept, which are refused, and how GET and HEAD return them.

use std::collections::BTreeMap;

use http::{HeaderMap, HeaderName, HeaderValue};
use s3s::{S3Result, s3_error};

use crate::conditions::http_date;
use crate::record::Record;
use crate::tagging;

/// What S3 calls system metadata.
const KEPT: [&str; 8] = [
    "cache-control",
    "content-disposition",
    "content-encoding",
    "content-language",
    "content-type",
    "expires",
    "x-amz-storage-class",
    "x-amz-website-redirect-location",
];
const METADATA_PREFIX: &str = "x-amz-meta-";
const DEFAULT_CONTENT_TYPE: &str = "binary/octet-stream";

/// Promises this store cannot keep. Better refused than silently dropped.
const REFUSED: [&str; 7] = [
    "x-amz-grant-",
    "x-amz-object-lock-",
    "x-amz-server-side-encryption",
    "x-amz-write-offset-bytes",
    "x-amz-copy-source-server-side-encryption",
    "x-amz-rename-source",
    "x-amz-annotation",
];
/// Grants nothing to anybody but the owner, who is all there is here.
const HARMLESS_ACLS: [&str; 3] = ["private", "bucket-owner-read", "bucket-owner-full-control"];

/// Refuses a PUT that asks for something this store does not do.
pub(crate) fn refuse_unsupported(headers: &HeaderMap) -> S3Result<()> {
    for name in headers.keys() {
        if REFUSED.iter().any(|refused| name.as_str().starts_with(refused)) {
            return Err(s3_error!(NotImplemented, "The directory store does not support {name}."));
        }
    }
    match headers.get("x-amz-acl").map(HeaderValue::as_bytes) {
        Some(acl) if !HARMLESS_ACLS.iter().any(|harmless| harmless.as_bytes() == acl) => {
            Err(s3_error!(NotImplemented, "The directory store has no access control lists."))
        }
        _ => Ok(()),
    }
}

/// Everything of a PUT that is kept with the object, except its content.
#[derive(Debug, Clone)]
pub(crate) struct Properties {
    pub(crate) system: BTreeMap<String, String>,
    pub(crate) user: BTreeMap<String, String>,
    pub(crate) tags: BTreeMap<String, String>,
}

/// The properties of a PUT, or of a request that begins an upload. Refuses what cannot be kept.
pub(crate) fn properties(headers: &HeaderMap) -> S3Result<Properties> {
    refuse_unsupported(headers)?;
    Ok(Properties { system: system(headers)?, user: user(headers)?, tags: tagging::from_headers(headers)? })
}

/// What a copy never takes from its source, and what is a change by itself when an object is copied onto itself.
const NOT_COPIED: [&str; 2] = ["x-amz-storage-class", "x-amz-website-redirect-location"];

/// The system metadata of a copy that keeps its source's: all but what only the request can ask for.
pub(crate) fn carried_over(
    old: &BTreeMap<String, String>,
    mut asked: BTreeMap<String, String>,
) -> BTreeMap<String, String> {
    asked.retain(|name, _| NOT_COPIED.contains(&name.as_str()));
    let kept = old.iter().filter(|(name, _)| !NOT_COPIED.contains(&name.as_str()));
    asked.extend(kept.map(|(name, value)| (name.clone(), value.clone())));
    asked
}

/// Whether a copy changes something although it keeps its source's metadata.
pub(crate) fn changes_by_itself(headers: &HeaderMap) -> bool {
    NOT_COPIED.iter().any(|name| headers.contains_key(*name))
}

/// The system metadata of a PUT.
pub(crate) fn system(headers: &HeaderMap) -> S3Result<BTreeMap<String, String>> {
    let mut kept = BTreeMap::new();
    for name in KEPT {
        if let Some(value) = headers.get(name) {
            kept.insert(name.to_owned(), text(name, value)?);
        }
    }
    kept.entry("content-type".to_owned()).or_insert_with(|| DEFAULT_CONTENT_TYPE.to_owned());
    // How the body travelled is no property of the object.
    if let Some(encoding) = kept.remove("content-encoding").and_then(|value| without_transfer(&value)) {
        kept.insert("content-encoding".to_owned(), encoding);
    }
    // S3 does not name the class it uses by default.
    if kept.get("x-amz-storage-class").is_some_and(|class| class == "STANDARD") {
        kept.remove("x-amz-storage-class");
    }
    Ok(kept)
}

/// The user metadata of a PUT, as it came over the wire.
pub(crate) fn user(headers: &HeaderMap) -> S3Result<BTreeMap<String, String>> {
    let mut metadata = BTreeMap::new();
    for (name, value) in headers {
        if let Some(name) = name.as_str().strip_prefix(METADATA_PREFIX).filter(|name| !name.is_empty()) {
            metadata.insert(name.to_owned(), text(name, value)?);
        }
    }
    Ok(metadata)
}

pub(crate) fn text(name: &str, value: &HeaderValue) -> S3Result<String> {
    let text = std::str::from_utf8(value.as_bytes());
    text.map(str::to_owned).map_err(|_| s3_error!(InvalidArgument, "The header {name} is not UTF-8."))
}

fn without_transfer(encoding: &str) -> Option<String> {
    let kept: Vec<_> =
        encoding.split(',').map(str::trim).filter(|token| *token != "aws-chunked" && !token.is_empty()).collect();
    (!kept.is_empty()).then(|| kept.join(","))
}

/// The `response-*` parameters of a GET or HEAD.
#[derive(Debug, Default)]
pub(crate) struct Overrides {
    pub(crate) cache_control: Option<String>,
    pub(crate) content_disposition: Option<String>,
    pub(crate) content_encoding: Option<String>,
    pub(crate) content_language: Option<String>,
    pub(crate) content_type: Option<String>,
    pub(crate) expires: Option<s3s::dto::Timestamp>,
}

/// The headers of an answer about an object.
pub(crate) fn answer(record: &Record, overrides: Overrides) -> S3Result<HeaderMap> {
    let mut headers = HeaderMap::new();
    for (name, value) in &record.headers {
        add(&mut headers, name, value)?;
    }
    for (name, value) in &record.metadata {
        add(&mut headers, &format!("{METADATA_PREFIX}{name}"), value)?;
    }
    let overridden = [
        ("cache-control", overrides.cache_control),
        ("content-disposition", overrides.content_disposition),
        ("content-encoding", overrides.content_encoding),
        ("content-language", overrides.content_language),
        ("content-type", overrides.content_type),
        ("expires", overrides.expires.as_ref().map(http_date)),
    ];
    if !record.tags.is_empty() {
        headers.insert("x-amz-tagging-count", HeaderValue::from(record.tags.len()));
    }
    for (name, value) in overridden {
        if let Some(value) = value {
            add(&mut headers, name, &value)?;
        }
    }
    Ok(headers)
}

fn add(headers: &mut HeaderMap, name: &str, value: &str) -> S3Result<()> {
    let name = HeaderName::from_bytes(name.as_bytes());
    let value = HeaderValue::from_bytes(value.as_bytes());
    let (Ok(name), Ok(value)) = (name, value) else {
        return Err(s3_error!(InvalidArgument, "A header of this object cannot be sent."));
    };
    headers.insert(name, value);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value))).collect()
    }

    #[test]
    fn a_missing_content_type_is_binary() {
        assert_eq!(system(&HeaderMap::new()).unwrap()["content-type"], "binary/octet-stream");
    }

    #[test]
    fn how_the_body_travelled_is_not_kept() {
        assert!(!system(&headers(&[("content-encoding", "aws-chunked")])).unwrap().contains_key("content-encoding"));
        let kept = system(&headers(&[("content-encoding", "gzip, aws-chunked")])).unwrap();
        assert_eq!(kept["content-encoding"], "gzip");
    }

    #[test]
    fn the_default_storage_class_is_not_named() {
        assert!(!system(&headers(&[("x-amz-storage-class", "STANDARD")])).unwrap().contains_key("x-amz-storage-class"));
        assert_eq!(system(&headers(&[("x-amz-storage-class", "GLACIER")])).unwrap()["x-amz-storage-class"], "GLACIER");
    }

    #[test]
    fn metadata_is_kept_as_it_came() {
        let kept = user(&headers(&[("x-amz-meta-a", "=?UTF-8?Q?x?="), ("x-amz-date", "no")])).unwrap();
        assert_eq!(kept, BTreeMap::from([("a".to_owned(), "=?UTF-8?Q?x?=".to_owned())]));
    }

    #[test]
    fn a_promise_that_cannot_be_kept_is_refused() {
        for name in ["x-amz-server-side-encryption-customer-key", "x-amz-object-lock-mode"] {
            assert!(refuse_unsupported(&headers(&[(name, "x")])).is_err(), "{name}");
        }
        assert!(refuse_unsupported(&headers(&[("x-amz-acl", "public-read")])).is_err());
        assert!(refuse_unsupported(&headers(&[("x-amz-acl", "private"), ("x-amz-checksum-crc32", "x")])).is_ok());
    }
}
