//! What belongs to an object beside content, metadata and tags, and is lost when the object is written anew unless it is said again.

use http::header::{CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_ENCODING, CONTENT_LANGUAGE, CONTENT_TYPE, EXPIRES};
use http::{HeaderMap, HeaderName};

use crate::USER_METADATA_PREFIX;

/// What S3 keeps beside user metadata and shows to everybody who reads.
const SYSTEM: [HeaderName; 6] =
    [CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_ENCODING, CONTENT_LANGUAGE, CONTENT_TYPE, EXPIRES];

/// What the store does with the object, in the words in which an answer says it and a request asks for it.
const SETTINGS: [&str; 8] = [
    "x-amz-object-lock-legal-hold",
    "x-amz-object-lock-mode",
    "x-amz-object-lock-retain-until-date",
    "x-amz-server-side-encryption",
    "x-amz-server-side-encryption-aws-kms-key-id",
    "x-amz-server-side-encryption-bucket-key-enabled",
    "x-amz-storage-class",
    "x-amz-website-redirect-location",
];

/// The headers that ask for what the store does with the object of an answer.
pub(crate) fn settings(answer: &HeaderMap) -> HeaderMap {
    let names = SETTINGS.iter().map(|name| HeaderName::from_static(name));
    names.filter_map(|name| answer.get(&name).cloned().map(|value| (name, value))).collect()
}

/// The system headers of the object of an answer.
pub(crate) fn system(answer: &HeaderMap) -> HeaderMap {
    SYSTEM.iter().filter_map(|name| answer.get(name).cloned().map(|value| (name.clone(), value))).collect()
}

/// The same with its system headers and all its user metadata, as they are stored.
pub(crate) fn everything(answer: &HeaderMap) -> HeaderMap {
    let mut headers = settings(answer);
    headers.extend(system(answer));
    let kept = answer.iter().filter(|(name, _)| name.as_str().starts_with(USER_METADATA_PREFIX));
    headers.extend(kept.map(|(name, value)| (name.clone(), value.clone())));
    headers
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn what_speaks_of_the_answer_stays_behind() {
        let map = |pairs: &[(&'static str, &'static str)]| -> HeaderMap {
            let pair = |(name, value): &(&'static str, &'static str)| {
                (HeaderName::from_static(name), HeaderValue::from_static(value))
            };
            pairs.iter().map(pair).collect()
        };
        let class = ("x-amz-storage-class", "STANDARD_IA");
        let (kind, meta) = (("content-type", "text/plain"), ("x-amz-meta-a", "1"));
        let answer = map(&[class, kind, meta, ("etag", "e"), ("content-length", "1"), ("x-amz-version-id", "v")]);
        assert_eq!(settings(&answer), map(&[class]));
        assert_eq!(everything(&answer), map(&[class, kind, meta]));
    }
}
