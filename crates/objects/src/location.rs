//! Where an object is, and how that is written in a request to a store: path style, encoded once, nothing normalised.

use http::Uri;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::Error;

/// What SigV4 leaves unencoded in a path: unreserved characters and the slash.
const PATH: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b'/');

/// An object's address at the store.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ObjectRef {
    /// The bucket's name.
    pub bucket: String,
    /// The object's key, decoded.
    pub key: String,
    /// The version meant; the newest when `None`.
    pub version: Option<String>,
}

impl ObjectRef {
    /// The request URI of the object.
    ///
    /// # Errors
    /// [`Error::BadName`] when the name cannot be written as a URI.
    pub fn uri(&self) -> Result<Uri, Error> {
        self.uri_with("")
    }

    /// The request URI of the object with an already encoded `query` (without `?`) beside the version.
    ///
    /// # Errors
    /// [`Error::BadName`] when the name cannot be written as a URI.
    pub fn uri_with(&self, query: &str) -> Result<Uri, Error> {
        let path = format!("/{}/{}", encode_key(&self.bucket), encode_key(&self.key));
        let version = self.version.as_deref().map(|version| format!("versionId={}", encode_value(version)));
        let parts: Vec<&str> =
            [query, version.as_deref().unwrap_or_default()].into_iter().filter(|part| !part.is_empty()).collect();
        parse(with_query(path, &parts.join("&")))
    }
}

/// The request URI of `bucket` with an already encoded `query` (without `?`; may be empty).
///
/// # Errors
/// [`Error::BadName`] when the name cannot be written as a URI.
pub fn bucket_uri(bucket: &str, query: &str) -> Result<Uri, Error> {
    parse(with_query(format!("/{}", encode_key(bucket)), query))
}

/// The request URI of the store itself, for `ListBuckets`.
///
/// # Errors
/// [`Error::BadName`] when the query cannot be written as a URI.
pub fn service_uri(query: &str) -> Result<Uri, Error> {
    parse(with_query("/".to_owned(), query))
}

/// Percent-encodes a key as S3 signs it.
#[must_use]
pub fn encode_key(key: &str) -> String {
    utf8_percent_encode(key, PATH).to_string()
}

/// Percent-encodes a query's name or value as S3 signs it.
#[must_use]
pub fn encode_value(value: &str) -> String {
    encode_key(value).replace('/', "%2F")
}

fn with_query(path: String, query: &str) -> String {
    if query.is_empty() { path } else { format!("{path}?{query}") }
}

fn parse(uri: String) -> Result<Uri, Error> {
    Uri::try_from(uri).map_err(|_| Error::BadName)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn odd_keys_are_encoded_once_and_not_normalised() {
        let at = ObjectRef { bucket: "b".into(), key: "/a//../ü+%20?#\u{1}/".into(), version: None };
        assert_eq!(at.uri().unwrap().to_string(), "/b//a//../%C3%BC%2B%2520%3F%23%01/");
    }
}
