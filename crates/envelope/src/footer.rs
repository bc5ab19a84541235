//! The summary: the last 256 bytes of an object, which say what its content is.
//!
//! It is written after the content, so it can hold digests. It says nothing about keys or names, and an object whose
//! summary disagrees with its content is not opened.

use std::collections::BTreeMap;

use bytes::{BufMut, BytesMut};
use minicbor::{Decoder, Encoder};

use crate::cbor::{self, Encoded};
use crate::cipher::{NONCE, TAG};
use crate::{ChecksumName, Computed, Error, ObjectKeys, layout};

const AAD: &[u8] = b"sealgate/1 summary";
const MAGIC: &[u8; 8] = b"SEALGATE";
const SUMMARY: usize = 256;
const TRAILER: usize = 16;

/// Bytes of facts in every summary, padding included.
const FACTS: usize = SUMMARY - NONCE - TAG - TRAILER;

/// What a summary says about the content.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Facts {
    /// Length of the content.
    pub plain_len: u64,
    /// MD5 of the content, unless the writer left it out.
    pub md5: Option<[u8; 16]>,
    /// Checksums this program knows: raw, big-endian.
    pub checksums: BTreeMap<ChecksumName, Vec<u8>>,
    /// Checksums by names this program does not know, which a newer writer may leave.
    pub unknown_checksums: BTreeMap<String, Vec<u8>>,
}

/// The summary of an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary {
    /// What it says about the content.
    pub facts: Facts,
    /// Length of the table before it.
    pub table_len: u64,
}

impl Facts {
    /// The facts of content that was just sealed.
    #[must_use]
    pub fn new(plain_len: u64, computed: Computed) -> Self {
        let Computed { md5, checksums } = computed;
        Self { plain_len, md5, checksums, unknown_checksums: BTreeMap::new() }
    }

    /// Compares with digests that were computed from the content. A digest only one side has proves nothing.
    ///
    /// # Errors
    /// [`Error::DigestDisagrees`] with the first digest that differs.
    pub fn check(&self, computed: &Computed) -> Result<(), Error> {
        if let (Some(said), Some(found)) = (self.md5, computed.md5)
            && said != found
        {
            return Err(Error::DigestDisagrees { digest: "MD5" });
        }
        for (name, found) in &computed.checksums {
            if self.checksums.get(name).is_some_and(|said| said != found) {
                return Err(Error::DigestDisagrees { digest: name.as_str() });
            }
        }
        Ok(())
    }
}

impl Summary {
    /// Opens the last 256 bytes of an object.
    ///
    /// The caller still has to compare with the object they came from: see [`Summary::check_sealed_len`].
    ///
    /// # Errors
    /// [`Error::Summary`] when they are not authentic, [`Error::MalformedSummary`] when they are but break the format,
    /// [`Error::MultipartUnsupported`] when they list segments.
    pub fn open(keys: &ObjectKeys, bytes: &[u8]) -> Result<Self, Error> {
        let bytes: &[u8; SUMMARY] = bytes.try_into().map_err(|_| malformed("not 256 bytes"))?;
        let (sealed, trailer) = bytes.split_last_chunk::<TRAILER>().ok_or(Error::Internal)?;
        let (table_len, magic) = trailer.split_first_chunk().ok_or(Error::Internal)?;
        if magic != MAGIC {
            return Err(malformed("it does not end in SEALGATE"));
        }
        let (nonce, sealed) = sealed.split_first_chunk::<NONCE>().ok_or(Error::Internal)?;
        let mut plain = BytesMut::with_capacity(SUMMARY);
        keys.footer().decrypt(*nonce, AAD, sealed, &mut plain).map_err(|_| Error::Summary)?;
        Ok(Self { facts: decode(&plain)?, table_len: u64::from_be_bytes(*table_len) })
    }

    /// Checks that an object of this length is the one the summary speaks of.
    ///
    /// # Errors
    /// [`Error::LengthDisagrees`] when it is not.
    pub fn check_sealed_len(&self, sealed_len: u64) -> Result<(), Error> {
        let plain_len = self.facts.plain_len;
        if layout::sealed_len(plain_len) != Some(sealed_len) || layout::table_len(plain_len) != self.table_len {
            return Err(Error::LengthDisagrees);
        }
        Ok(())
    }
}

/// Appends the summary of `facts` to `out`.
pub(crate) fn seal(keys: &ObjectKeys, nonce: [u8; NONCE], facts: &Facts, out: &mut BytesMut) -> Result<(), Error> {
    let mut plain = encode(facts)?;
    if plain.len() > FACTS {
        return Err(Error::FactsTooLong);
    }
    plain.resize(FACTS, 0);
    out.put_slice(&nonce);
    keys.footer().encrypt(nonce, AAD, &plain, out).map_err(|_| Error::Internal)?;
    out.put_u64(layout::table_len(facts.plain_len));
    out.put_slice(MAGIC);
    Ok(())
}

/// Keys of the map of facts. 2, 3 and 6 belong to multipart uploads.
mod key {
    pub(super) const PLAIN_LEN: u64 = 1;
    pub(super) const LAST_SEGMENT: u64 = 2;
    pub(super) const SEGMENTS: u64 = 3;
    pub(super) const MD5: u64 = 4;
    pub(super) const CHECKSUMS: u64 = 5;
    pub(super) const CHECKSUM_TYPE: u64 = 6;
}

fn encode(facts: &Facts) -> Result<Vec<u8>, Error> {
    let mut out = Encoder::new(Vec::with_capacity(FACTS));
    encode_to(facts, &mut out).map_err(|_| Error::Internal)?;
    Ok(out.into_writer())
}

fn encode_to(facts: &Facts, out: &mut Encoder<Vec<u8>>) -> Encoded {
    let mut checksums = facts.unknown_checksums.clone();
    checksums.extend(facts.checksums.iter().map(|(name, value)| (name.as_str().to_owned(), value.clone())));
    let absent = [facts.md5.is_none(), checksums.is_empty()].into_iter().filter(|absent| *absent).count();
    out.map(3_u64.saturating_sub(u64::try_from(absent).unwrap_or(0)))?;
    out.u64(key::PLAIN_LEN)?.u64(facts.plain_len)?;
    if let Some(md5) = facts.md5 {
        out.u64(key::MD5)?.bytes(&md5)?;
    }
    if !checksums.is_empty() {
        out.u64(key::CHECKSUMS)?;
        cbor::text_map(out, &checksums, |out, value| out.bytes(value)?.ok())?;
    }
    Ok(())
}

fn decode(plain: &[u8]) -> Result<Facts, Error> {
    let mut input = Decoder::new(plain);
    let facts = read_facts(&mut input)?;
    let (spelling, padding) = plain.split_at_checked(input.position()).ok_or(Error::Internal)?;
    if encode(&facts)? != spelling {
        return Err(malformed("the facts are not in deterministic CBOR"));
    }
    if padding.iter().any(|byte| *byte != 0) {
        return Err(malformed("the padding is not zero"));
    }
    Ok(facts)
}

fn read_facts(input: &mut Decoder<'_>) -> Result<Facts, Error> {
    let broken = |_| malformed("the facts are not the CBOR they should be");
    let entries = input.map().map_err(broken)?.ok_or(malformed("a length is indefinite"))?;
    let (mut plain_len, mut md5, mut named) = (None, None, BTreeMap::new());
    for _ in 0..entries {
        match input.u64().map_err(broken)? {
            key::PLAIN_LEN => plain_len = Some(input.u64().map_err(broken)?),
            key::MD5 => md5 = Some(read_md5(input.bytes().map_err(broken)?)?),
            key::CHECKSUMS => {
                named = cbor::read_text_map(input, |value| value.bytes().map(<[u8]>::to_vec)).map_err(broken)?;
            }
            key::LAST_SEGMENT | key::SEGMENTS | key::CHECKSUM_TYPE => {
                return Err(Error::MultipartUnsupported);
            }
            _ => return Err(malformed("there is a fact of an unknown kind")),
        }
    }
    let (checksums, unknown_checksums) = split_names(named)?;
    let plain_len = plain_len.ok_or(malformed("the length is missing"))?;
    Ok(Facts { plain_len, md5, checksums, unknown_checksums })
}

fn read_md5(bytes: &[u8]) -> Result<[u8; 16], Error> {
    bytes.try_into().map_err(|_| malformed("an MD5 has 16 bytes"))
}

type Known = BTreeMap<ChecksumName, Vec<u8>>;
type Unknown = BTreeMap<String, Vec<u8>>;

fn split_names(named: BTreeMap<String, Vec<u8>>) -> Result<(Known, Unknown), Error> {
    let (mut known, mut unknown) = (Known::new(), Unknown::new());
    for (text, value) in named {
        // Only S3's own spelling is a known name; another letter case would not encode to the same bytes.
        match text.parse::<ChecksumName>() {
            Ok(name) if name.as_str() == text && name.raw_len() != value.len() => {
                return Err(malformed("a checksum has the wrong length"));
            }
            Ok(name) if name.as_str() == text => drop(known.insert(name, value)),
            _ => drop(unknown.insert(text, value)),
        }
    }
    Ok((known, unknown))
}

fn malformed(problem: &'static str) -> Error {
    Error::MalformedSummary { problem }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{DataKey, DigestSet, Digests};

    fn keys() -> ObjectKeys {
        ObjectKeys::derive(&DataKey::from_bytes([1; 32]))
    }

    fn facts() -> Facts {
        let mut digests = Digests::new(&DigestSet { md5: true, checksums: ChecksumName::ALL.into() });
        digests.update(b"hello");
        Facts::new(5, digests.finish())
    }

    fn sealed(facts: &Facts) -> BytesMut {
        let mut out = BytesMut::new();
        seal(&keys(), [3; NONCE], facts, &mut out).unwrap();
        out
    }

    fn padded(facts: &[u8]) -> Vec<u8> {
        let mut plain = facts.to_vec();
        plain.resize(FACTS, 0);
        plain
    }

    #[test]
    fn a_sealed_summary_opens_with_every_digest() {
        let bytes = sealed(&facts());
        assert_eq!(bytes.len(), SUMMARY);
        assert_eq!(Summary::open(&keys(), &bytes), Ok(Summary { facts: facts(), table_len: 0 }));
    }

    #[test]
    fn every_changed_byte_is_refused() {
        let bytes = sealed(&facts());
        for at in 0..SUMMARY {
            let mut changed = bytes.clone();
            changed[at] ^= 1;
            let verdict = Summary::open(&keys(), &changed).and_then(|summary| summary.check_sealed_len(277));
            assert!(verdict.is_err(), "byte {at}");
        }
    }

    #[test]
    fn a_checksum_by_an_unknown_name_is_kept_aside() {
        let mut newer = facts();
        newer.unknown_checksums.insert("XXHASH128".to_owned(), vec![9; 16]);
        assert_eq!(Summary::open(&keys(), &sealed(&newer)).unwrap().facts, newer);
    }

    #[test]
    fn facts_that_do_not_fit_are_not_sealed() {
        let mut large = facts();
        large.unknown_checksums.insert("X".to_owned(), vec![0; 100]);
        assert_eq!(seal(&keys(), [3; NONCE], &large, &mut BytesMut::new()), Err(Error::FactsTooLong));
    }

    #[test]
    fn only_the_deterministic_spelling_is_read() {
        assert_eq!(decode(&padded(b"\xa1\x01\x05")).unwrap().plain_len, 5);
        let bad: [&[u8]; 9] = [
            b"\xa0",                          // no length
            b"\xbf\x01\x05\xff",              // indefinite map
            b"\xa1\x18\x01\x05",              // long integer
            b"\xa2\x01\x05\x01\x05",          // repeated
            b"\xa2\x05\xa1\x61x\x40\x01\x05", // unsorted
            b"\xa2\x01\x05\x05\xa0",          // empty checksums
            b"\xa2\x01\x05\x07\x00",          // unknown fact
            b"\xa2\x01\x05\x04\x41\x00",      // short MD5
            b"\xa1\x01\x05\x00\x01",          // padding
        ];
        for plain in bad {
            assert!(matches!(decode(&padded(plain)), Err(Error::MalformedSummary { .. })), "{plain:x?}");
        }
    }

    #[test]
    fn segments_mean_a_multipart_upload() {
        assert_eq!(decode(&padded(b"\xa2\x01\x05\x03\x01")), Err(Error::MultipartUnsupported));
    }

    #[test]
    fn digests_that_differ_are_named() {
        let other = Digests::new(&DigestSet { md5: false, checksums: [ChecksumName::Sha1].into() }).finish();
        assert_eq!(facts().check(&other), Err(Error::DigestDisagrees { digest: "SHA1" }));
        assert_eq!(facts().check(&Computed::default()), Ok(()));
    }
}
