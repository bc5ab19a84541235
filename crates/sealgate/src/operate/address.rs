//! `s3://bucket/key` as people write it.

use std::fmt;
use std::str::FromStr;

use objects::ObjectRef;

/// A bucket, and a key or the beginning of keys in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Address {
    /// The bucket's name.
    pub(crate) bucket: String,
    /// Everything behind the slash, as it is: nothing is decoded or normalised. May be empty.
    pub(crate) key: String,
}

/// Text that is no address.
#[derive(Debug)]
pub(crate) struct NoAddress;

impl fmt::Display for NoAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("wants s3://BUCKET or s3://BUCKET/KEY")
    }
}

impl std::error::Error for NoAddress {}

impl FromStr for Address {
    type Err = NoAddress;

    fn from_str(text: &str) -> Result<Self, NoAddress> {
        let rest = text.strip_prefix("s3://").ok_or(NoAddress)?;
        let (bucket, key) = rest.split_once('/').unwrap_or((rest, ""));
        let good = !bucket.is_empty() && bucket.chars().all(|c| c.is_ascii_alphanumeric() || ".-_".contains(c));
        if good { Ok(Self { bucket: bucket.to_owned(), key: key.to_owned() }) } else { Err(NoAddress) }
    }
}

impl Address {
    /// The object of this name, if it names one.
    pub(crate) fn object(&self, version: Option<String>) -> Option<ObjectRef> {
        let (bucket, key) = (self.bucket.clone(), self.key.clone());
        (!key.is_empty()).then_some(ObjectRef { bucket, key, version })
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "s3://{}/{}", self.bucket, self.key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_taken_as_they_are() {
        for (text, bucket, key) in
            [("s3://b", "b", ""), ("s3://b/", "b", ""), ("s3://b-1.x//a%20/../ü", "b-1.x", "/a%20/../ü")]
        {
            assert_eq!(text.parse::<Address>().unwrap(), Address { bucket: bucket.into(), key: key.into() }, "{text}");
        }
    }

    #[test]
    fn anything_else_is_refused() {
        for text in ["", "b/k", "s3:/b/k", "s3://", "s3:///k", "S3://b/k", "s3://b?x/k", "https://b/k"] {
            assert!(text.parse::<Address>().is_err(), "{text}");
        }
    }
}
