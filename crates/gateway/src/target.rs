//! What a request's line speaks of: the service, a bucket or an object, and its query, decoded once and not normalised.

use percent_encoding::percent_decode_str;
use s3s::S3ErrorCode;

use crate::error::Fault;

/// S3's limit for keys, in bytes of UTF-8.
const KEY_LIMIT: usize = 1_024;

/// The thing a request is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    /// `/`
    Service,
    /// `/bucket` or `/bucket/`
    Bucket,
    /// `/bucket/key`
    Object,
}

/// A decoded request line.
#[derive(Debug, Clone)]
pub(crate) struct Target {
    pub(crate) level: Level,
    pub(crate) bucket: String,
    pub(crate) key: String,
    /// Decoded names and values in the order they came.
    pub(crate) query: Vec<(String, String)>,
}

impl Target {
    /// Decodes a path-style request line.
    pub(crate) fn parse(uri: &http::Uri) -> Result<Self, Fault> {
        let path = uri.path().strip_prefix('/').unwrap_or(uri.path());
        let (bucket, key) = path.split_once('/').unwrap_or((path, ""));
        Self::new(decode(bucket)?, decode(key)?, uri.query().map_or(Ok(Vec::new()), parse_query)?)
    }

    /// Decodes a request line whose bucket stands in the host.
    pub(crate) fn parse_in(bucket: String, uri: &http::Uri) -> Result<Self, Fault> {
        let key = decode(uri.path().strip_prefix('/').unwrap_or(uri.path()))?;
        Self::new(bucket, key, uri.query().map_or(Ok(Vec::new()), parse_query)?)
    }

    /// An object that no request line names.
    pub(crate) fn object(bucket: &str, key: &str) -> Result<Self, Fault> {
        match Self::new(bucket.to_owned(), key.to_owned(), Vec::new())? {
            target if target.level == Level::Object => Ok(target),
            _ => Err(Fault::new(S3ErrorCode::InvalidArgument, "An object needs a bucket and a key.")),
        }
    }

    fn new(bucket: String, key: String, query: Vec<(String, String)>) -> Result<Self, Fault> {
        let level = match (bucket.is_empty(), key.is_empty()) {
            (true, true) => Level::Service,
            (true, false) => return Err(invalid_bucket()),
            (false, true) => Level::Bucket,
            (false, false) => Level::Object,
        };
        if level != Level::Service && !is_bucket_name(&bucket) {
            return Err(invalid_bucket());
        }
        if key.len() > KEY_LIMIT {
            return Err(Fault::new(S3ErrorCode::KeyTooLongError, "Your key is too long; it may have 1024 bytes."));
        }
        Ok(Self { level, bucket, key, query })
    }

    pub(crate) fn param(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(have, _)| have == name).map(|(_, value)| value.as_str())
    }

    /// The query that goes on to the store: everything but credentials, hints and what was a header.
    pub(crate) fn store_query(&self) -> String {
        let kept = self.query.iter().filter(|(name, _)| !is_ours(name));
        kept.map(|(name, value)| format!("{}={}", objects::encode_value(name), objects::encode_value(value)))
            .collect::<Vec<_>>()
            .join("&")
    }
}

/// Whether a query parameter is about signing or a hint of an SDK, and never selects what is done.
pub(crate) fn is_ours(name: &str) -> bool {
    const SIGV2: [&str; 3] = ["AWSAccessKeyId", "Expires", "Signature"];
    name == "x-id" || SIGV2.contains(&name) || is_signing(name)
}

/// Whether a parameter is a part of a presigned SigV4 signature.
pub(crate) fn is_signing(name: &str) -> bool {
    const SIGV4: [&str; 7] = [
        "X-Amz-Algorithm",
        "X-Amz-Credential",
        "X-Amz-Date",
        "X-Amz-Expires",
        "X-Amz-Security-Token",
        "X-Amz-Signature",
        "X-Amz-SignedHeaders",
    ];
    SIGV4.contains(&name)
}

/// Whether a parameter is named like an `x-amz-*` header.
pub(crate) fn is_amz(name: &str) -> bool {
    name.get(..6).is_some_and(|start| start.eq_ignore_ascii_case("x-amz-"))
}

fn parse_query(query: &str) -> Result<Vec<(String, String)>, Fault> {
    let pair = |pair: &str| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        Ok((decode(&name.replace('+', " "))?, decode(&value.replace('+', " "))?))
    };
    query.split('&').filter(|part| !part.is_empty()).map(pair).collect()
}

fn decode(text: &str) -> Result<String, Fault> {
    let decoded = percent_decode_str(text).decode_utf8();
    decoded
        .map(std::borrow::Cow::into_owned)
        .map_err(|_| Fault::new(S3ErrorCode::InvalidURI, "The request's path or query is not UTF-8."))
}

/// Looser than today's rules, because old buckets have other names; strict enough that no name is a path.
fn is_bucket_name(name: &str) -> bool {
    let legal = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
    (3..=255).contains(&name.len()) && name.bytes().all(legal) && !name.starts_with('.') && !name.contains("..")
}

fn invalid_bucket() -> Fault {
    Fault::new(S3ErrorCode::InvalidBucketName, "The specified bucket is not valid.")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(uri: &str) -> Target {
        Target::parse(&uri.parse().unwrap()).unwrap()
    }

    #[test]
    fn keys_are_decoded_once_and_kept_as_they_are() {
        let target = parse("/bucket//a/../%2B+%2520%00/");
        assert_eq!(
            (target.level, target.bucket.as_str(), target.key.as_str()),
            (Level::Object, "bucket", "/a/../++%20\0/")
        );
        assert_eq!(parse("/bucket/").level, Level::Bucket);
        assert_eq!(parse("/").level, Level::Service);
    }

    #[test]
    fn the_bucket_may_stand_in_the_host() {
        let target = |uri: &str| Target::parse_in("bucket".into(), &uri.parse().unwrap()).unwrap();
        let object = target("/a/b%20c?versionId=1");
        assert_eq!((object.level, object.bucket.as_str(), object.key.as_str()), (Level::Object, "bucket", "a/b c"));
        assert_eq!((target("/").level, target("//").key.as_str()), (Level::Bucket, "/"));
        assert!(Target::parse_in("..".into(), &"/a".parse().unwrap()).is_err());
        assert!(Target::object("bucket", "").is_err());
    }

    #[test]
    fn what_is_no_bucket_is_refused() {
        for uri in ["//key", "/..%2F/x", "/a/b", "/.hidden/x", "/b%ff/x"] {
            assert!(Target::parse(&uri.parse().unwrap()).is_err(), "{uri}");
        }
        assert!(Target::parse(&format!("/bucket/{}", "k".repeat(1_025)).parse().unwrap()).is_err());
    }

    #[test]
    fn the_store_never_sees_a_clients_signature() {
        let target = parse("/bucket?list-type=2&prefix=a%2Fb+c&X-Amz-Signature=s&x-id=List&Signature=t&delimiter");
        assert_eq!(target.store_query(), "list-type=2&prefix=a%2Fb%20c&delimiter=");
    }
}
