//! The facts of a summary as bytes: a map in deterministic CBOR, padded with zeros.
//!
//! There is one spelling of each, and every other one is refused. How they are sealed is not known here.

use std::collections::BTreeMap;

use minicbor::{Decoder, Encoder};

use super::{FACTS, Facts, malformed};
use crate::cbor::{self, Encoded};
use crate::checksum::ChecksumType;
use crate::segment::SALT;
use crate::{ChecksumName, Error, Segment};

/// Keys of the map of facts. 2, 3 and 6 belong to multipart uploads.
mod key {
    pub(super) const PLAIN_LEN: u64 = 1;
    pub(super) const LAST_SEGMENT: u64 = 2;
    pub(super) const SEGMENTS: u64 = 3;
    pub(super) const MD5: u64 = 4;
    pub(super) const CHECKSUMS: u64 = 5;
    pub(super) const CHECKSUM_TYPE: u64 = 6;
}

pub(super) fn encode(facts: &Facts) -> Result<Vec<u8>, Error> {
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

pub(super) fn decode(plain: &[u8]) -> Result<Facts, Error> {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{DigestSet, Digests};

    fn facts() -> Facts {
        let mut digests = Digests::new(&DigestSet { md5: true, checksums: ChecksumName::ALL.into() });
        digests.update(b"hello");
        Facts::new(5, digests.finish())
    }

    fn padded(facts: &[u8]) -> Vec<u8> {
        let mut plain = facts.to_vec();
        plain.resize(FACTS, 0);
        plain
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
}
