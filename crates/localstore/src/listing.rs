//! LIST as clients ask for it: parameters, continuation tokens, URL encoding, and the two answers.
//!
//! The walk itself is the index's; here is only how its pages are requested and shown.

use s3s::dto::{
    CommonPrefix, EncodingType, ListObjectsInput, ListObjectsOutput, ListObjectsV2Input, ListObjectsV2Output, Object,
    Owner,
};
use s3s::{S3Result, s3_error};

use crate::bucket::Bucket;
use crate::index::{Item, Page, Position, Query};

/// S3 shows no more at once, whatever is asked for.
const PAGE_LIMIT: i32 = 1000;

/// The only owner there is.
pub(crate) fn owner() -> Owner {
    Owner { id: Some("directory-store".to_owned()), display_name: Some("directory-store".to_owned()) }
}

/// Answers `ListObjects`.
pub(crate) fn list_v1(bucket: &Bucket, input: ListObjectsInput) -> S3Result<ListObjectsOutput> {
    let view = View::new(input.encoding_type.as_ref(), true)?;
    let prefix = input.prefix.unwrap_or_default();
    let delimiter = input.delimiter.filter(|delimiter| !delimiter.is_empty());
    let marker = input.marker.unwrap_or_default();
    let limit = page_limit("max-keys", input.max_keys)?;
    let from = marker_position(&marker, &prefix, delimiter.as_deref());
    let page =
        bucket.page(&Query { prefix: &prefix, delimiter: delimiter.as_deref(), from: &from, limit: to_usize(limit) });
    // S3 names the next marker only together with a delimiter; else the last key is it.
    let next_marker = delimiter.as_ref().and_then(|_| page.next()).map(|next| match next {
        Position::AfterKey(name) | Position::AfterPrefix(name) => view.show(&name),
        Position::Start => String::new(),
    });
    let is_truncated = page.truncated;
    let (contents, common_prefixes) = view.split(page);
    Ok(ListObjectsOutput {
        name: Some(input.bucket),
        prefix: Some(view.show(&prefix)),
        marker: Some(view.show(&marker)),
        max_keys: Some(limit),
        is_truncated: Some(is_truncated),
        contents: Some(contents),
        common_prefixes: Some(common_prefixes),
        delimiter: delimiter.map(|delimiter| view.show(&delimiter)),
        next_marker,
        encoding_type: view.encoding_type(),
        ..Default::default()
    })
}

/// Answers `ListObjectsV2`.
pub(crate) fn list_v2(bucket: &Bucket, input: ListObjectsV2Input) -> S3Result<ListObjectsV2Output> {
    let view = View::new(input.encoding_type.as_ref(), input.fetch_owner.unwrap_or(false))?;
    let prefix = input.prefix.unwrap_or_default();
    let delimiter = input.delimiter.filter(|delimiter| !delimiter.is_empty());
    let limit = page_limit("max-keys", input.max_keys)?;
    let from = match (&input.continuation_token, &input.start_after) {
        (Some(token), _) => from_token(token)?,
        (None, Some(key)) if !key.is_empty() => Position::AfterKey(key.clone()),
        _ => Position::Start,
    };
    let page =
        bucket.page(&Query { prefix: &prefix, delimiter: delimiter.as_deref(), from: &from, limit: to_usize(limit) });
    let next_continuation_token = page.next().map(|next| to_token(&next));
    let key_count = i32::try_from(page.items.len()).unwrap_or(PAGE_LIMIT);
    let is_truncated = page.truncated;
    let (contents, common_prefixes) = view.split(page);
    Ok(ListObjectsV2Output {
        name: Some(input.bucket),
        prefix: Some(view.show(&prefix)),
        max_keys: Some(limit),
        key_count: Some(key_count),
        continuation_token: input.continuation_token,
        is_truncated: Some(is_truncated),
        next_continuation_token,
        contents: Some(contents),
        common_prefixes: Some(common_prefixes),
        delimiter: delimiter.map(|delimiter| view.show(&delimiter)),
        encoding_type: view.encoding_type(),
        start_after: input.start_after.map(|key| view.show(&key)),
        ..Default::default()
    })
}

/// How much a page shows, by the parameter that asks for it.
pub(crate) fn page_limit(parameter: &'static str, asked: Option<i32>) -> S3Result<i32> {
    match asked {
        Some(asked) if asked < 0 => Err(s3_error!(InvalidArgument, "{parameter} must not be negative")),
        asked => Ok(asked.unwrap_or(PAGE_LIMIT).min(PAGE_LIMIT)),
    }
}

pub(crate) fn to_usize(limit: i32) -> usize {
    usize::try_from(limit).unwrap_or(0)
}

/// A marker may be a key or, when the last page ended with one, a common prefix.
pub(crate) fn marker_position(marker: &str, prefix: &str, delimiter: Option<&str>) -> Position {
    let query = Query { prefix, delimiter, from: &Position::Start, limit: 0 };
    if marker.is_empty() {
        Position::Start
    } else if query.common_prefix(marker) == Some(marker) {
        Position::AfterPrefix(marker.to_owned())
    } else {
        Position::AfterKey(marker.to_owned())
    }
}

/// Hexadecimal, so that it survives every client's idea of URL encoding.
fn to_token(position: &Position) -> String {
    match position {
        Position::Start => String::new(),
        Position::AfterKey(key) => format!("k{}", hex::encode(key)),
        Position::AfterPrefix(prefix) => format!("p{}", hex::encode(prefix)),
    }
}

fn from_token(token: &str) -> S3Result<Position> {
    let decode = |digits: &str| hex::decode(digits).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    let position = match token.split_at_checked(1) {
        Some(("k", digits)) => decode(digits).map(Position::AfterKey),
        Some(("p", digits)) => decode(digits).map(Position::AfterPrefix),
        _ => None,
    };
    position.ok_or_else(|| s3_error!(InvalidArgument, "The continuation token provided is incorrect"))
}

/// How names and objects are shown.
pub(crate) struct View {
    encoded: bool,
    owners: bool,
}

impl View {
    pub(crate) fn new(encoding: Option<&EncodingType>, owners: bool) -> S3Result<Self> {
        match encoding.map(EncodingType::as_str) {
            None | Some("") => Ok(Self { encoded: false, owners }),
            Some(EncodingType::URL) => Ok(Self { encoded: true, owners }),
            Some(_) => Err(s3_error!(InvalidArgument, "Invalid Encoding Method specified in Request")),
        }
    }

    pub(crate) fn encoding_type(&self) -> Option<EncodingType> {
        self.encoded.then(|| EncodingType::from_static(EncodingType::URL))
    }

    pub(crate) fn show(&self, name: &str) -> String {
        if self.encoded { url_encode(name) } else { name.to_owned() }
    }

    fn split(&self, page: Page) -> (Vec<Object>, Vec<CommonPrefix>) {
        let mut objects = Vec::new();
        let mut prefixes = Vec::new();
        for item in page.items {
            match item {
                Item::Prefix(prefix) => prefixes.push(CommonPrefix { prefix: Some(self.show(&prefix)) }),
                Item::Object(key, entry) => objects.push(Object {
                    key: Some(self.show(&key)),
                    e_tag: Some(entry.etag.to_dto()),
                    last_modified: Some(entry.modified.to_dto()),
                    size: i64::try_from(entry.content_len).ok(),
                    storage_class: Some(entry.storage_class.as_deref().unwrap_or("STANDARD").to_owned().into()),
                    owner: self.owners.then(owner),
                    ..Default::default()
                }),
            }
        }
        (objects, prefixes)
    }
}

/// Percent-encodes everything but RFC 3986's unreserved characters and the slash. A space becomes `%20`, never `+`: every
/// client decodes that alike.
fn url_encode(name: &str) -> String {
    const HEX: [char; 16] = ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'A', 'B', 'C', 'D', 'E', 'F'];
    let mut encoded = String::with_capacity(name.len());
    for byte in name.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => {
                encoded.push(char::from(byte));
            }
            _ => encoded.extend(['%', HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 15)]]),
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_leads_back_to_its_position() {
        for position in [Position::AfterKey("a/ü\u{1}".to_owned()), Position::AfterPrefix("a/".to_owned())] {
            assert_eq!(from_token(&to_token(&position)).unwrap(), position);
        }
        for forged in ["", "k0", "x00", "kff", "ü"] {
            assert!(from_token(forged).is_err(), "{forged}");
        }
    }

    #[test]
    fn names_are_encoded_so_that_every_client_decodes_them_alike() {
        assert_eq!(url_encode("a b+c/d~%\u{1}ü"), "a%20b%2Bc/d~%25%01%C3%BC");
    }

    #[test]
    fn a_marker_that_is_a_common_prefix_means_all_below_it() {
        let prefix = |marker| marker_position(marker, "a/", Some("/"));
        assert_eq!(prefix("a/b/"), Position::AfterPrefix("a/b/".to_owned()));
        assert_eq!(prefix("a/b/c"), Position::AfterKey("a/b/c".to_owned()));
        assert_eq!(prefix("a/"), Position::AfterKey("a/".to_owned()));
        assert_eq!(marker_position("a/b/", "", None), Position::AfterKey("a/b/".to_owned()));
    }
}
