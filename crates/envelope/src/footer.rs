//! The summary: the last 256 bytes of an object, which say what its content is.
//!
//! It is written after the content, so it can hold digests. It says nothing about keys or names, and an object whose
//! summary disagrees with its content is not opened.

use std::collections::BTreeMap;

use bytes::{BufMut, BytesMut};
use minicbor::{Decoder, Encoder};

use crate::cbor::{self, Encoded};
use crate::checksum::ChecksumType;
use crate::cipher::{NONCE, TAG};
use crate::segment::SALT;
use crate::{ChecksumName, Computed, Error, ObjectKeys, Segment, Upload, table};

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
    /// The last segment of a multipart upload.
    pub last_segment: Option<Segment>,
    /// How many segments the table lists, when a multipart upload has more than one.
    pub segments_in_table: Option<u32>,
    /// MD5 of the content, or of the parts' MD5s in a multipart upload, unless the writer left it out.
    pub md5: Option<[u8; 16]>,
    /// Checksums this program knows: raw, big-endian.
    pub checksums: BTreeMap<ChecksumName, Vec<u8>>,
    /// Checksums by names this program does not know, which a newer writer may leave.
    pub unknown_checksums: BTreeMap<String, Vec<u8>>,
    /// What the checksums were computed over, when there are any.
    pub checksum_type: Option<ChecksumType>,
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
    /// The facts of content that was just sealed in one request.
    #[must_use]
    pub fn new(plain_len: u64, computed: Computed) -> Self {
        let Computed { md5, checksums } = computed;
        let checksum_type = (!checksums.is_empty()).then_some(ChecksumType::FullObject);
        let (last_segment, segments_in_table, unknown_checksums) = (None, None, BTreeMap::new());
        Self { plain_len, last_segment, segments_in_table, md5, checksums, unknown_checksums, checksum_type }
    }

    /// How the object was uploaded.
    pub fn upload(&self) -> Upload {
        if self.last_segment.is_some() { Upload::Multipart } else { Upload::Put }
    }

    /// Number of segments, and so of parts of a multipart upload.
    pub fn segment_count(&self) -> u32 {
        self.segments_in_table.unwrap_or(0).saturating_add(1)
    }

    /// Compares with digests that were computed from the content. A digest only one side has proves nothing, and
    /// neither do digests that were computed over those of parts.
    ///
    /// # Errors
    /// [`Error::DigestDisagrees`] with the first digest that differs.
    pub fn check(&self, computed: &Computed) -> Result<(), Error> {
        if let (Some(said), Some(found)) = (self.md5, computed.md5)
            && self.upload() == Upload::Put
            && said != found
        {
            return Err(Error::DigestDisagrees { digest: "MD5" });
        }
        if self.checksum_type == Some(ChecksumType::Composite) { Ok(()) } else { self.check_values(computed) }
    }

    /// Compares checksums that were computed over the same as those of the summary.
    pub(crate) fn check_values(&self, computed: &Computed) -> Result<(), Error> {
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
    /// [`Error::UploadDisagrees`] when they list segments and the envelope did not say so, or the other way round.
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
        let facts = decode(&plain)?;
        if keys.upload().is_some_and(|upload| upload != facts.upload()) {
            return Err(Error::UploadDisagrees);
        }
        Ok(Self { facts, table_len: u64::from_be_bytes(*table_len) })
    }

    /// Checks that an object of this length is the one the summary speaks of, as far as that can be told without the
    /// table of a multipart upload. The table then has a length worth fetching.
    ///
    /// # Errors
    /// [`Error::LengthDisagrees`] when it is not.
    pub fn check_sealed_len(&self, sealed_len: u64) -> Result<(), Error> {
        if table::fits(&self.facts, self.table_len, sealed_len) { Ok(()) } else { Err(Error::LengthDisagrees) }
    }
}

/// Appends the summary of `facts` to `out`.
pub(crate) fn seal(
    keys: &ObjectKeys,
    nonce: [u8; NONCE],
    facts: &Facts,
    table_len: u64,
    out: &mut BytesMut,
) -> Result<(), Error> {
    let mut plain = encode(facts)?;
    if plain.len() > FACTS {
        return Err(Error::FactsTooLong);
    }
    plain.resize(FACTS, 0);
    out.put_slice(&nonce);
    keys.footer().encrypt(nonce, AAD, &plain, out).map_err(|_| Error::Internal)?;
    out.put_u64(table_len);
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
    let composite = facts.checksum_type == Some(ChecksumType::Composite);
    let (segments, md5) = (facts.segments_in_table, facts.md5);
    let present =
        [true, facts.last_segment.is_some(), segments.is_some(), md5.is_some(), !checksums.is_empty(), composite];
    out.map(present.into_iter().map(u64::from).sum())?;
    out.u64(key::PLAIN_LEN)?.u64(facts.plain_len)?;
    if let Some(Segment { part, plain_len, salt }) = &facts.last_segment {
        out.u64(key::LAST_SEGMENT)?.array(3)?.u16(*part)?.u64(*plain_len)?.bytes(salt)?;
    }
    if let Some(segments) = segments {
        out.u64(key::SEGMENTS)?.u32(segments)?;
    }
    if let Some(md5) = facts.md5 {
        out.u64(key::MD5)?.bytes(&md5)?;
    }
    if !checksums.is_empty() {
        out.u64(key::CHECKSUMS)?;
        cbor::text_map(out, &checksums, |out, value| out.bytes(value)?.ok())?;
    }
    if composite {
        out.u64(key::CHECKSUM_TYPE)?.str(ChecksumType::Composite.as_str())?;
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
    check_segments(&facts)?;
    Ok(facts)
}

/// What the facts about segments must have to do with each other.
fn check_segments(facts: &Facts) -> Result<(), Error> {
    let Some(last) = &facts.last_segment else {
        let alone = facts.segments_in_table.is_none() && facts.checksum_type != Some(ChecksumType::Composite);
        return if alone { Ok(()) } else { Err(malformed("there is no last segment")) };
    };
    if !last.has_valid_number() {
        return Err(malformed("a part has an impossible number"));
    }
    if last.plain_len > facts.plain_len {
        return Err(malformed("the last segment is longer than the object"));
    }
    // Parts have different numbers, so the last number bounds how many there are.
    if facts.segments_in_table == Some(0) || facts.segment_count() > u32::from(last.part) {
        return Err(malformed("the number of segments is impossible"));
    }
    if facts.segments_in_table.is_none() && last.plain_len != facts.plain_len {
        return Err(malformed("the only segment is not the whole object"));
    }
    Ok(())
}

fn read_facts(input: &mut Decoder<'_>) -> Result<Facts, Error> {
    let broken = |_| malformed("the facts are not the CBOR they should be");
    let entries = input.map().map_err(broken)?.ok_or(malformed("a length is indefinite"))?;
    let (mut plain_len, mut md5, mut named) = (None, None, BTreeMap::new());
    let (mut last_segment, mut segments_in_table, mut composite) = (None, None, false);
    for _ in 0..entries {
        match input.u64().map_err(broken)? {
            key::PLAIN_LEN => plain_len = Some(input.u64().map_err(broken)?),
            key::MD5 => md5 = Some(read_md5(input.bytes().map_err(broken)?)?),
            key::CHECKSUMS => {
                named = cbor::read_text_map(input, |value| value.bytes().map(<[u8]>::to_vec)).map_err(broken)?;
            }
            key::LAST_SEGMENT => last_segment = Some(read_segment(input).map_err(broken)?),
            key::SEGMENTS => segments_in_table = Some(input.u32().map_err(broken)?),
            key::CHECKSUM_TYPE => composite = input.str().map_err(broken)? == ChecksumType::Composite.as_str(),
            _ => return Err(malformed("there is a fact of an unknown kind")),
        }
    }
    let (checksums, unknown_checksums) = split_names(named)?;
    let plain_len = plain_len.ok_or(malformed("the length is missing"))?;
    let summed = !checksums.is_empty() || !unknown_checksums.is_empty();
    let kind = if composite { ChecksumType::Composite } else { ChecksumType::FullObject };
    let checksum_type = summed.then_some(kind);
    Ok(Facts { plain_len, last_segment, segments_in_table, md5, checksums, unknown_checksums, checksum_type })
}

fn read_segment(input: &mut Decoder<'_>) -> Result<Segment, minicbor::decode::Error> {
    let wrong = |_| minicbor::decode::Error::message("not a segment");
    // Another length of the array shows when the facts are encoded again.
    input.array()?;
    let (part, plain_len) = (input.u16()?, input.u64()?);
    let salt: [u8; SALT] = input.bytes()?.try_into().map_err(wrong)?;
    Ok(Segment { part, plain_len, salt })
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
        seal(&keys(), [3; NONCE], facts, 0, &mut out).unwrap();
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
        assert_eq!(seal(&keys(), [3; NONCE], &large, 0, &mut BytesMut::new()), Err(Error::FactsTooLong));
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
        let last = Segment { part: 9, plain_len: 5, salt: [4; SALT] };
        let parts = Facts { last_segment: Some(last), checksum_type: Some(ChecksumType::Composite), ..facts() };
        assert_eq!(parts.upload(), Upload::Multipart);
        assert_eq!(Summary::open(&keys(), &sealed(&parts)).unwrap().facts, parts);
        for (upload, other) in [(Upload::Put, &parts), (Upload::Multipart, &facts())] {
            let keys = ObjectKeys::derive_for(&DataKey::from_bytes([1; 32]), Some(upload));
            assert_eq!(Summary::open(&keys, &sealed(other)), Err(Error::UploadDisagrees));
        }
    }

    #[test]
    fn facts_about_segments_belong_together() {
        let last = |part, plain_len| Some(Segment { part, plain_len, salt: [4; SALT] });
        let multipart = || Facts { last_segment: last(3, 2), segments_in_table: Some(2), ..facts() };
        assert_eq!(decode(&padded(&encode(&multipart()).unwrap())), Ok(multipart()));
        let bad = [
            Facts { last_segment: None, ..multipart() },
            Facts {
                last_segment: None,
                segments_in_table: None,
                checksum_type: Some(ChecksumType::Composite),
                ..facts()
            },
            Facts { last_segment: last(0, 2), ..multipart() },
            Facts { last_segment: last(10_001, 2), ..multipart() },
            Facts { last_segment: last(3, 6), ..multipart() },
            Facts { segments_in_table: Some(0), ..multipart() },
            Facts { segments_in_table: Some(3), ..multipart() },
            Facts { segments_in_table: None, ..multipart() },
        ];
        for facts in bad {
            let verdict = decode(&padded(&encode(&facts).unwrap()));
            assert!(matches!(verdict, Err(Error::MalformedSummary { .. })), "{facts:?}");
        }
    }

    #[test]
    fn digests_that_differ_are_named() {
        let other = Digests::new(&DigestSet { md5: false, checksums: [ChecksumName::Sha1].into() }).finish();
        assert_eq!(facts().check(&other), Err(Error::DigestDisagrees { digest: "SHA1" }));
        assert_eq!(facts().check(&Computed::default()), Ok(()));
    }
}
