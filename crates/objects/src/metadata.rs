//! User metadata between the client's headers, the sealed form and the store's headers.

use std::collections::BTreeMap;

use envelope::{ENVELOPE_NAME, Envelope, METADATA_NAME, ObjectKeys};
use http::{HeaderMap, HeaderName, HeaderValue};

use crate::Error;
use crate::policy::Rule;

/// What S3 puts before the name of a client's own metadata.
pub const USER_METADATA_PREFIX: &str = "x-amz-meta-";

/// Metadata names that begin so belong to the envelope; clients may not send them and never see them.
pub const RESERVED_METADATA_PREFIX: &str = "x-amz-meta-sealgate";

/// S3's ceiling for user metadata: the bytes of all names (without the prefix) and values.
const METADATA_LIMIT: usize = 2_048;

/// The client's metadata among `headers`: names without the prefix, in lower case.
///
/// Where `rule` reads formats of other programs, the names of their envelopes are theirs.
///
/// # Errors
/// [`Error::BadMetadata`] for a reserved name or a value that is not UTF-8 text.
pub(crate) fn from_client(headers: &HeaderMap, rule: &Rule) -> Result<BTreeMap<String, String>, Error> {
    let mut metadata = BTreeMap::new();
    for name in headers.keys() {
        let Some(short) = name.as_str().strip_prefix(USER_METADATA_PREFIX) else { continue };
        if name.as_str().starts_with(RESERVED_METADATA_PREFIX) {
            return Err(Error::BadMetadata(format!(
                "metadata names beginning with `{RESERVED_METADATA_PREFIX}` are reserved"
            )));
        }
        if rule.foreign.as_ref().is_some_and(|policy| policy.is_reserved_name(short)) {
            let why = format!("`{name}` belongs to the envelope of a format that the rule `{}` reads", rule.buckets);
            return Err(Error::BadMetadata(format!("{why}; it cannot be metadata of an object here")));
        }
        let mut values = Vec::new();
        for value in headers.get_all(name) {
            let value = std::str::from_utf8(value.as_bytes());
            values.push(value.map_err(|_| Error::BadMetadata(format!("the value of `{name}` is not UTF-8")))?);
        }
        metadata.insert(short.to_owned(), values.join(","));
    }
    Ok(metadata)
}

/// Writes `metadata` as headers.
pub(crate) fn into_headers(metadata: &BTreeMap<String, String>, headers: &mut HeaderMap) -> Result<(), Error> {
    for (name, value) in metadata {
        let bad = || Error::BadMetadata(format!("`{name}` cannot be written as a header"));
        let name = HeaderName::try_from(format!("{USER_METADATA_PREFIX}{name}")).map_err(|_| bad())?;
        let value = HeaderValue::from_bytes(value.as_bytes()).map_err(|_| bad())?;
        headers.insert(name, value);
    }
    Ok(())
}

/// Refuses metadata that the store would refuse after the whole body was sent.
pub(crate) fn check_size(headers: &HeaderMap) -> Result<(), Error> {
    let size = |(name, value): (&HeaderName, &HeaderValue)| {
        name.as_str().strip_prefix(USER_METADATA_PREFIX).map_or(0, |short| short.len() + value.len())
    };
    let used = headers.iter().map(size).sum();
    if used > METADATA_LIMIT { Err(Error::MetadataTooLarge { used, limit: METADATA_LIMIT }) } else { Ok(()) }
}

/// The envelope among a store's answer headers, if the object has one.
pub(crate) fn envelope(headers: &HeaderMap) -> Result<Option<Envelope>, Error> {
    let name = format!("{USER_METADATA_PREFIX}{ENVELOPE_NAME}");
    let mut values = headers.get_all(&name).iter();
    let Some(value) = values.next() else { return Ok(None) };
    if values.next().is_some() {
        return Err(Error::Integrity("the envelope is there twice".into()));
    }
    let text = value.to_str().map_err(|_| Error::Integrity("the envelope is not text".into()))?;
    Envelope::parse(text).map(Some).map_err(|error| Error::Integrity(error.to_string()))
}

/// The client's metadata of a sealed object: what stands clear beside the envelope and what was sealed.
pub(crate) fn opened(headers: &HeaderMap, keys: &ObjectKeys) -> Result<BTreeMap<String, String>, Error> {
    let mut metadata = clear(headers);
    if let Some(value) = headers.get(format!("{USER_METADATA_PREFIX}{METADATA_NAME}")) {
        let text = value.to_str().map_err(|_| Error::Integrity("the sealed metadata is not text".into()))?;
        let sealed = keys.open_metadata(text).map_err(|error| Error::Integrity(error.to_string()))?;
        metadata.extend(sealed);
    }
    Ok(metadata)
}

/// The client's metadata that stands readable among a store's answer headers.
pub(crate) fn clear(headers: &HeaderMap) -> BTreeMap<String, String> {
    let entry = |(name, value): (&HeaderName, &HeaderValue)| {
        let name = name.as_str();
        let short = name.strip_prefix(USER_METADATA_PREFIX).filter(|_| !name.starts_with(RESERVED_METADATA_PREFIX))?;
        Some((short.to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned()))
    };
    headers.iter().filter_map(entry).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        let pair = |(name, value): &(&'static str, &str)| {
            (HeaderName::from_static(name), HeaderValue::from_bytes(value.as_bytes()).unwrap())
        };
        pairs.iter().map(pair).collect()
    }

    #[test]
    fn only_the_clients_own_names_are_taken() {
        let metadata = from_client(
            &headers(&[("x-amz-meta-a", "1"), ("content-type", "x"), ("x-amz-meta-ü".trim_end_matches('ü'), "2")]),
            &Rule::sealed("b", std::sync::Arc::default()),
        )
        .unwrap();
        assert_eq!(metadata.get("a").unwrap(), "1");
        assert_eq!(metadata.len(), 2);
    }

    #[test]
    fn reserved_names_are_refused() {
        let error =
            from_client(&headers(&[("x-amz-meta-sealgate", "v=1")]), &Rule::sealed("b", std::sync::Arc::default()))
                .unwrap_err();
        assert!(matches!(error, Error::BadMetadata(message) if message.contains("reserved")));
        assert!(
            from_client(&headers(&[("x-amz-meta-sealgate-m", "x")]), &Rule::sealed("b", std::sync::Arc::default()))
                .is_err()
        );
    }

    #[test]
    fn metadata_over_the_limit_is_refused_before_anything_is_sent() {
        let value = "v".repeat(2_047);
        assert!(check_size(&headers(&[("x-amz-meta-a", &value)])).is_ok());
        assert!(matches!(
            check_size(&headers(&[("x-amz-meta-ab", &value)])),
            Err(Error::MetadataTooLarge { used: 2_049, .. })
        ));
    }

    #[test]
    fn the_envelope_must_be_there_once() {
        let mut twice = HeaderMap::new();
        twice.append("x-amz-meta-sealgate", HeaderValue::from_static("v=1"));
        twice.append("x-amz-meta-sealgate", HeaderValue::from_static("v=1"));
        assert!(matches!(envelope(&twice), Err(Error::Integrity(_))));
        assert!(envelope(&HeaderMap::new()).unwrap().is_none());
    }
}
