//! Object tags: as the `x-amz-tagging` header writes them, as XML lists them, and what S3 demands of them.
//!
//! Where tags are kept is not known here.

use std::collections::BTreeMap;

use http::HeaderMap;
use s3s::dto::{Tag, TagSet};
use s3s::{S3Error, S3ErrorCode, S3Result, s3_error};

use crate::headers::text;

/// The tags of one object by their keys.
pub(crate) type Tags = BTreeMap<String, String>;

const TAG_LIMIT: usize = 10;
/// In characters, as UTF-16 counts them.
const KEY_LIMIT: usize = 128;
const VALUE_LIMIT: usize = 256;
const HEADER: &str = "x-amz-tagging";

/// The tags in the header of a PUT; none without it.
pub(crate) fn from_headers(headers: &HeaderMap) -> S3Result<Tags> {
    let Some(value) = headers.get(HEADER) else { return Ok(Tags::new()) };
    let mut tags = Tags::new();
    for pair in text(HEADER, value)?.split('&').filter(|pair| !pair.is_empty()) {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        let (Some(key), Some(value)) = (decode(key), decode(value)) else { return Err(malformed()) };
        if tags.insert(key, value).is_some() {
            return Err(malformed());
        }
    }
    checked(tags)
}

/// The tags of a `PutObjectTagging`.
pub(crate) fn from_dto(set: TagSet) -> S3Result<Tags> {
    let mut tags = Tags::new();
    for tag in set {
        let key = tag.key.ok_or_else(|| s3_error!(MalformedXML))?;
        if tags.insert(key, tag.value.unwrap_or_default()).is_some() {
            return Err(s3_error!(InvalidTag, "Cannot provide multiple Tags with the same key"));
        }
    }
    checked(tags)
}

/// For the answer of `GetObjectTagging`.
pub(crate) fn to_dto(tags: Tags) -> TagSet {
    tags.into_iter().map(|(key, value)| Tag { key: Some(key), value: Some(value) }).collect()
}

fn checked(tags: Tags) -> S3Result<Tags> {
    if tags.len() > TAG_LIMIT {
        return Err(too_many());
    }
    for (key, value) in &tags {
        if key.is_empty() || length(key) > KEY_LIMIT || !key.chars().all(is_allowed) {
            return Err(s3_error!(InvalidTag, "The TagKey you have provided is invalid"));
        }
        if length(value) > VALUE_LIMIT || !value.chars().all(is_allowed) {
            return Err(s3_error!(InvalidTag, "The TagValue you have provided is invalid"));
        }
    }
    Ok(tags)
}

fn length(text: &str) -> usize {
    text.encode_utf16().count()
}

fn is_allowed(character: char) -> bool {
    character.is_alphanumeric() || character == ' ' || "_.:/=+-@".contains(character)
}

fn too_many() -> S3Error {
    let code = S3ErrorCode::Custom("BadRequest".into());
    let mut error = S3Error::with_message(code, "Object tags cannot be greater than 10");
    error.set_status_code(http::StatusCode::BAD_REQUEST);
    error
}

fn malformed() -> S3Error {
    s3_error!(
        InvalidArgument,
        "The header 'x-amz-tagging' shall be encoded as UTF-8 then URLEncoded URL query parameters without tag name \
         duplicates."
    )
}

/// Undoes URL encoding as queries have it, where a plus is a space.
fn decode(encoded: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(encoded.len());
    let mut rest = encoded.as_bytes();
    while let Some((byte, behind)) = rest.split_first() {
        rest = behind;
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => {
                let (digits, behind) = rest.split_at_checked(2)?;
                rest = behind;
                *hex::decode(digits).ok()?.first()?
            }
            other => *other,
        });
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn parse(header: &str) -> S3Result<Tags> {
        from_headers(&HeaderMap::from_iter([(
            http::HeaderName::from_static(HEADER),
            HeaderValue::try_from(header).unwrap(),
        )]))
    }

    fn code<T>(result: S3Result<T>) -> String {
        result.err().map(|error| error.code().as_str().to_owned()).unwrap_or_default()
    }

    #[test]
    fn a_header_is_a_query() {
        let tags = parse("a=1&b+c=%C3%BC%2F&d").unwrap();
        let expected = [("a", "1"), ("b c", "ü/"), ("d", "")].map(|(key, value)| (key.to_owned(), value.to_owned()));
        assert_eq!(tags, Tags::from(expected));
        assert!(parse("").unwrap().is_empty());
        for wrong in ["a=1&a=2", "a=%", "a=%zz", "a=%ff"] {
            assert_eq!(code(parse(wrong)), "InvalidArgument", "{wrong}");
        }
    }

    #[test]
    fn limits_are_those_of_s3() {
        let many = |count: usize| (0..count).map(|n| format!("k{n}=v")).collect::<Vec<_>>().join("&");
        assert_eq!(code(parse(&many(10))), "");
        assert_eq!(code(parse(&many(11))), "BadRequest");
        assert_eq!(code(parse(&"k".repeat(128))), "");
        assert_eq!(code(parse(&"k".repeat(129))), "InvalidTag");
        assert_eq!(code(parse(&format!("k={}", "v".repeat(257)))), "InvalidTag");
        assert_eq!(code(parse("=v")), "InvalidTag");
        assert_eq!(code(parse("k=%01")), "InvalidTag");
    }

    #[test]
    fn a_set_names_each_key_once() {
        let tag = || Tag { key: Some("k".to_owned()), value: Some("v".to_owned()) };
        assert_eq!(code(from_dto(vec![tag(), tag()])), "InvalidTag");
        assert_eq!(to_dto(from_dto(vec![tag()]).unwrap()), [tag()]);
    }
}
