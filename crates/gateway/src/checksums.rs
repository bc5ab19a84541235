//! What a client says about its body, and whether the body agrees.
//!
//! Client checksums cover the plaintext: they are checked while streaming and never reach the store of a sealed object.

use std::collections::{BTreeMap, BTreeSet};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, HeaderName, HeaderValue};
use objects::{ChecksumName, ChecksumType, Computed, DigestSet, Facts};
use s3s::{S3ErrorCode, TrailingHeaders};

use crate::error::Fault;

/// The checksums and lengths a client promised.
#[derive(Debug, Default)]
pub(crate) struct Expectations {
    md5: Option<[u8; 16]>,
    checksums: BTreeMap<ChecksumName, Vec<u8>>,
    /// Named in `x-amz-trailer`; their values come after the body.
    trailers: BTreeSet<ChecksumName>,
    /// Asked for by name only.
    wanted: Option<ChecksumName>,
    trailing: Option<TrailingHeaders>,
}

impl Expectations {
    /// Reads the promises among a request's headers.
    ///
    /// # Errors
    /// A malformed value, an unknown algorithm, or two values for one.
    pub(crate) fn read(headers: &HeaderMap, trailing: Option<TrailingHeaders>) -> Result<Self, Fault> {
        let mut expectations = Self { md5: content_md5(headers)?, trailing, ..Self::default() };
        for (name, value) in headers {
            if let Some(checksum) = checksum_of(name)? {
                expectations.checksums.insert(checksum, raw_value(checksum, value)?);
            }
        }
        for name in headers
            .get_all("x-amz-trailer")
            .iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(','))
        {
            let name =
                HeaderName::try_from(name.trim()).map_err(|_| malformed_trailer("x-amz-trailer names no header"))?;
            expectations.trailers.extend(checksum_of(&name)?);
        }
        if let Some(name) = headers.get("x-amz-sdk-checksum-algorithm").and_then(|value| value.to_str().ok()) {
            expectations.wanted = Some(algorithm(name)?);
        }
        Ok(expectations)
    }

    /// What has to be computed while the body passes. An object is never without a checksum.
    pub(crate) fn digests(&self) -> DigestSet {
        let mut checksums: BTreeSet<ChecksumName> = self.checksums.keys().copied().collect();
        checksums.extend(&self.trailers);
        checksums.extend(self.wanted);
        if checksums.is_empty() {
            checksums.insert(ChecksumName::Crc64Nvme);
        }
        DigestSet { md5: self.md5.is_some(), checksums }
    }

    /// Whether the body was what the client said. Trailers are read now, so the body must have ended.
    ///
    /// # Errors
    /// What did not match.
    pub(crate) fn judge(self, computed: &Computed) -> Result<(), Fault> {
        if self.md5.is_some() && self.md5 != computed.md5 {
            return Err(Fault::new(
                S3ErrorCode::BadDigest,
                "The Content-MD5 you specified did not match what we received.",
            ));
        }
        let mut promised = self.checksums;
        let trailers = self.trailing.and_then(|trailing| trailing.take()).unwrap_or_default();
        for name in self.trailers {
            let value = trailers
                .get(name.header())
                .ok_or_else(|| malformed_trailer("a trailer named in x-amz-trailer did not come"))?;
            promised.insert(name, raw_value(name, value)?);
        }
        for (name, value) in promised {
            if computed.checksums.get(&name) != Some(&value) {
                let name = name.as_str();
                return Err(Fault::new(
                    S3ErrorCode::BadDigest,
                    format!("The {name} you specified did not match the calculated checksum."),
                ));
            }
        }
        Ok(())
    }
}

/// Writes an object's checksums as S3 answers them.
pub(crate) fn write(facts: &Facts, headers: &mut HeaderMap) {
    let kind = facts.checksum_type.unwrap_or(ChecksumType::FullObject);
    let parts = facts.segments_in_table.map_or(1, |others| others.saturating_add(1));
    for (name, value) in &facts.checksums {
        if let Ok(value) = HeaderValue::try_from(shown(value, kind, usize::try_from(parts).unwrap_or(usize::MAX))) {
            headers.insert(HeaderName::from_static(name.header()), value);
        }
    }
    if !facts.checksums.is_empty() {
        headers.insert("x-amz-checksum-type", HeaderValue::from_static(kind_name(kind)));
    }
}

/// S3's name for a checksum's type.
pub(crate) fn kind_name(kind: ChecksumType) -> &'static str {
    match kind {
        ChecksumType::Composite => "COMPOSITE",
        ChecksumType::FullObject => "FULL_OBJECT",
    }
}

/// Writes computed checksums as S3 answers them.
pub(crate) fn write_all(checksums: &BTreeMap<ChecksumName, Vec<u8>>, headers: &mut HeaderMap) {
    for (name, value) in checksums {
        if let Ok(value) = HeaderValue::try_from(STANDARD.encode(value)) {
            headers.insert(HeaderName::from_static(name.header()), value);
        }
    }
    if !checksums.is_empty() {
        headers.insert("x-amz-checksum-type", HeaderValue::from_static("FULL_OBJECT"));
    }
}

/// The checksums named among `headers`, as they are.
///
/// # Errors
/// A malformed value or an unknown algorithm.
pub(crate) fn named(headers: &HeaderMap) -> Result<BTreeMap<ChecksumName, Vec<u8>>, Fault> {
    let mut named = BTreeMap::new();
    for (header, value) in headers {
        if let Some(name) = checksum_of(header)? {
            // A composite checksum is followed by the number of its parts.
            let text = value.to_str().unwrap_or_default();
            let text = text.split_once('-').map_or(text, |(value, _)| value);
            let value = HeaderValue::try_from(text)
                .map_err(|_| Fault::new(S3ErrorCode::InvalidRequest, "A checksum is invalid."))?;
            named.insert(name, raw_value(name, &value)?);
        }
    }
    Ok(named)
}

/// A checksum as S3 writes it: a composite one with the number of its parts.
pub(crate) fn shown(value: &[u8], kind: ChecksumType, parts: usize) -> String {
    let value = STANDARD.encode(value);
    match kind {
        ChecksumType::Composite => format!("{value}-{parts}"),
        ChecksumType::FullObject => value,
    }
}

fn content_md5(headers: &HeaderMap) -> Result<Option<[u8; 16]>, Fault> {
    let Some(value) = headers.get("content-md5") else { return Ok(None) };
    let digest = STANDARD.decode(value.as_bytes()).ok().and_then(|digest| digest.try_into().ok());
    digest
        .map(Some)
        .ok_or_else(|| Fault::new(S3ErrorCode::InvalidDigest, "The Content-MD5 you specified is not valid."))
}

/// The checksum that a header is about, if it is about one.
fn checksum_of(name: &HeaderName) -> Result<Option<ChecksumName>, Fault> {
    match name.as_str().strip_prefix("x-amz-checksum-") {
        None | Some("mode" | "type" | "algorithm") => Ok(None),
        Some(short) => algorithm(short).map(Some),
    }
}

fn algorithm(name: &str) -> Result<ChecksumName, Fault> {
    name.parse().map_err(|_| {
        Fault::new(
            S3ErrorCode::InvalidRequest,
            "The checksum algorithm is not one of CRC32, CRC32C, CRC64NVME, SHA1, SHA256.",
        )
    })
}

fn raw_value(name: ChecksumName, value: &HeaderValue) -> Result<Vec<u8>, Fault> {
    let raw = STANDARD.decode(value.as_bytes()).ok().filter(|raw| raw.len() == name.raw_len());
    raw.ok_or_else(|| Fault::new(S3ErrorCode::InvalidRequest, format!("Value for {} is invalid.", name.header())))
}

fn malformed_trailer(message: &str) -> Fault {
    Fault::custom("MalformedTrailerError", http::StatusCode::BAD_REQUEST, message)
}

#[cfg(test)]
mod tests {
    use objects::DigestSet;

    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value))).collect()
    }

    fn computed(set: &DigestSet, body: &[u8]) -> Computed {
        let mut digests = envelope::Digests::new(set);
        digests.update(body);
        digests.finish()
    }

    fn verdict(pairs: &[(&'static str, &'static str)], body: &[u8]) -> Result<(), String> {
        let expectations = Expectations::read(&headers(pairs), None).map_err(|fault| fault.code().to_owned())?;
        let computed = computed(&expectations.digests(), body);
        expectations.judge(&computed).map_err(|fault| fault.code().to_owned())
    }

    #[test]
    fn true_promises_are_kept() {
        assert_eq!(verdict(&[("content-md5", "kAFQmDzST7DWlj99KOF/cg==")], b"abc"), Ok(()));
        assert_eq!(verdict(&[("x-amz-checksum-crc32", "NSRBwg==")], b"abc"), Ok(()));
        assert_eq!(
            verdict(&[("x-amz-checksum-sha256", "ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=")], b"abc"),
            Ok(())
        );
        assert_eq!(verdict(&[], b"abc"), Ok(()));
    }

    #[test]
    fn broken_promises_are_named() {
        assert_eq!(verdict(&[("content-md5", "kAFQmDzST7DWlj99KOF/cg==")], b"abd"), Err("BadDigest".into()));
        assert_eq!(verdict(&[("content-md5", "abc")], b""), Err("InvalidDigest".into()));
        assert_eq!(verdict(&[("x-amz-checksum-crc32", "NSRBwg==")], b"abd"), Err("BadDigest".into()));
        assert_eq!(verdict(&[("x-amz-checksum-crc32", "NSRB")], b"abc"), Err("InvalidRequest".into()));
        assert_eq!(verdict(&[("x-amz-checksum-xxhash64", "NSRBwg==")], b"abc"), Err("InvalidRequest".into()));
        assert_eq!(verdict(&[("x-amz-trailer", "x-amz-checksum-crc32")], b"abc"), Err("MalformedTrailerError".into()));
    }

    #[test]
    fn an_object_is_never_without_a_checksum() {
        let none = Expectations::read(&HeaderMap::new(), None).unwrap();
        assert_eq!(none.digests().checksums, BTreeSet::from([ChecksumName::Crc64Nvme]));
        let named = Expectations::read(&headers(&[("x-amz-sdk-checksum-algorithm", "SHA1")]), None).unwrap();
        assert_eq!(named.digests().checksums, BTreeSet::from([ChecksumName::Sha1]));
    }
}
