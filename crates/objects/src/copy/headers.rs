//! The headers of a copy: what is asked about its source, and what the store is told about its target.

use http::header::{
    CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_ENCODING, CONTENT_LANGUAGE, CONTENT_TYPE, ETAG, EXPIRES,
};
use http::{HeaderMap, HeaderName, HeaderValue};

use super::{CopyRequest, metadata_names};
use crate::Error;
use crate::store::{BoxError, StoreError};

/// Names the source of a copy.
pub(crate) const COPY_SOURCE: HeaderName = HeaderName::from_static("x-amz-copy-source");

const PREFIX: &str = "x-amz-copy-source-";
const DIRECTIVE: HeaderName = HeaderName::from_static("x-amz-metadata-directive");
const PINNED: HeaderName = HeaderName::from_static("x-amz-copy-source-if-match");

/// What S3 keeps beside user metadata, and what a copy takes along with it.
const SYSTEM: [HeaderName; 6] =
    [CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_ENCODING, CONTENT_LANGUAGE, CONTENT_TYPE, EXPIRES];

/// The headers of a request that looks at or reads the source: its conditions and what is needed to see it.
pub(super) fn of_source(client: &HeaderMap) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in client {
        let text = name.as_str();
        let name = match (text, text.strip_prefix(PREFIX)) {
            ("x-amz-request-payer", _) => Ok(name.clone()),
            ("x-amz-source-expected-bucket-owner", _) => Ok(HeaderName::from_static("x-amz-expected-bucket-owner")),
            (_, Some(rest)) if rest.starts_with("if-") => HeaderName::try_from(rest),
            (_, Some(rest)) if rest.starts_with("server-side-") => HeaderName::try_from(format!("x-amz-{rest}")),
            _ => continue,
        };
        if let Ok(name) = name {
            headers.append(name, value.clone());
        }
    }
    headers
}

/// What is needed to see the source, without the client's conditions.
pub(super) fn access_to_source(client: &HeaderMap) -> HeaderMap {
    let mut headers = of_source(client);
    for condition in ["if-match", "if-none-match", "if-modified-since", "if-unmodified-since"] {
        headers.remove(condition);
    }
    headers
}

/// The client's headers with its conditions on the source, which were judged, replaced by the version they were judged by.
pub(super) fn pinned(client: &HeaderMap, source: &HeaderMap) -> HeaderMap {
    let judged = |name: &HeaderName| name.as_str().strip_prefix(PREFIX).is_some_and(|rest| rest.starts_with("if-"));
    let mut headers = without(client, judged);
    headers.extend(source.get(ETAG).map(|etag| (PINNED, etag.clone())));
    headers
}

/// The headers of a copy at the store that keeps all metadata, without what speaks of plaintext.
pub(crate) fn drop_digests(client: &HeaderMap, source: &HeaderMap) -> HeaderMap {
    without(&pinned(client, source), tells_of_plaintext)
}

/// The headers of a copy at the store that writes all metadata anew; the user metadata itself is left to be added.
pub(crate) fn rewritten(request: &CopyRequest, source: &HeaderMap) -> HeaderMap {
    let mut headers = pinned(&target_fields(request, source), source);
    headers.insert(DIRECTIVE, HeaderValue::from_static("REPLACE"));
    // Checksums speak of plaintext: they stay in the object's own summary.
    without(&headers, |name| tells_of_plaintext(name) || metadata_names(&headers).contains(name))
}

/// The headers of an upload that stands for a copy: nothing about the source is left, and no user metadata.
pub(super) fn of_upload(request: &CopyRequest, source: &HeaderMap) -> HeaderMap {
    let headers = target_fields(request, source);
    without(&headers, |name| {
        let text = name.as_str();
        text.starts_with("x-amz-copy-source")
            || text == "x-amz-source-expected-bucket-owner"
            || text.ends_with("-directive")
            || tells_of_plaintext(name)
            || metadata_names(&headers).contains(name)
    })
}

/// The client's headers with the system headers of the object they are meant for.
fn target_fields(request: &CopyRequest, source: &HeaderMap) -> HeaderMap {
    if request.replace_metadata {
        return request.headers.clone();
    }
    let mut headers = without(&request.headers, |name| SYSTEM.contains(name));
    for name in SYSTEM {
        headers.extend(source.get(&name).map(|value| (name, value.clone())));
    }
    headers
}

fn tells_of_plaintext(name: &HeaderName) -> bool {
    const PREFIXES: [&str; 3] = ["x-amz-checksum-", "x-amz-sdk-", "content-md5"];
    PREFIXES.iter().any(|prefix| name.as_str().starts_with(prefix))
}

fn without(headers: &HeaderMap, gone: impl Fn(&HeaderName) -> bool) -> HeaderMap {
    let kept = headers.iter().filter(|(name, _)| !gone(name));
    kept.map(|(name, value)| (name.clone(), value.clone())).collect()
}

/// Tells a stored object that is wrong from a store that broke off.
pub(super) fn broken(error: BoxError) -> Error {
    match error.downcast::<envelope::Error>() {
        Ok(error) => Error::Integrity(error.to_string()),
        Err(error) => match error.downcast::<StoreError>() {
            Ok(error) => Error::Store(*error),
            Err(error) => Error::BadAnswer(format!("its body broke off: {error}")),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value))).collect()
    }

    #[test]
    fn what_speaks_of_the_source_is_asked_of_the_source() {
        let client = map(&[
            ("x-amz-copy-source", "/b/k"),
            ("x-amz-copy-source-if-match", "\"a\""),
            ("x-amz-copy-source-server-side-encryption-customer-key", "key"),
            ("x-amz-server-side-encryption", "AES256"),
            ("x-amz-source-expected-bucket-owner", "1"),
            ("if-none-match", "*"),
        ]);
        let key = ("x-amz-server-side-encryption-customer-key", "key");
        let owner = ("x-amz-expected-bucket-owner", "1");
        assert_eq!(of_source(&client), map(&[("if-match", "\"a\""), key, owner]));
        assert_eq!(access_to_source(&client), map(&[key, owner]));
    }

    #[test]
    fn judged_conditions_become_a_pin() {
        let client = map(&[
            ("x-amz-copy-source-if-none-match", "\"a\""),
            ("x-amz-copy-source-if-modified-since", "x"),
            ("if-none-match", "*"),
        ]);
        let pinned = pinned(&client, &map(&[("etag", "\"b\"")]));
        assert_eq!(pinned, map(&[("if-none-match", "*"), ("x-amz-copy-source-if-match", "\"b\"")]));
    }
}
