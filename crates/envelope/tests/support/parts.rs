//! Makes objects of multipart uploads for test vectors: well-formed ones with this crate, broken footers by hand.
//!
//! The content is the pattern, cut into parts, so that no vector has to write it down.

use std::collections::BTreeMap;
use std::ops::Range;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::BytesMut;
use envelope::{
    BindingMode, ChecksumType, Computed, DataKey, DigestSet, Digests, ObjectKeys, Segment, SegmentSealer, checksum,
    seal_footer,
};
use minicbor::Encoder;

use crate::forge::{self, Object, draw, gcm, hkdf};
use crate::vector::{Piece, Vector, pattern};

/// Pieces longer than this are described instead of written down.
const LONG: usize = 1_000;

/// An object of a multipart upload on its way to becoming a vector.
#[derive(Clone)]
pub(crate) struct Parts {
    pub(crate) object: Object,
    /// Each segment, and which bytes of the pattern it holds.
    pub(crate) segments: Vec<(Segment, Range<usize>)>,
    /// The sealed part of the table.
    pub(crate) table: Vec<u8>,
    /// Bytes of the table that say nothing.
    pub(crate) filler: usize,
    pub(crate) summary: Vec<u8>,
}

impl Parts {
    /// A well-formed object of parts with these numbers and lengths, without digests.
    pub(crate) fn new(label: &str, parts: &[(u16, usize)]) -> Self {
        Self::summed(label, parts, &DigestSet::default(), ChecksumType::FullObject)
    }

    /// A well-formed object with digests.
    pub(crate) fn summed(label: &str, parts: &[(u16, usize)], set: &DigestSet, kind: ChecksumType) -> Self {
        let plain = pattern(parts.iter().map(|(_, len)| len).sum());
        let mut start = 0;
        let place = |(part, len): &(u16, usize)| {
            let plain_len = u64::try_from(*len).unwrap();
            let segment = Segment { part: *part, plain_len, salt: draw(&format!("{label}: salt of part {part}")) };
            start += len;
            (segment, start - len..start)
        };
        let segments: Vec<_> = parts.iter().map(place).collect();
        let mut object =
            Object::bound(label, Vec::new(), &DigestSet::default(), BindingMode::Object).edit("l=p", "l=m");
        object.computed = computed(&plain, &segments, set, kind);
        object.composite = kind == ChecksumType::Composite && !object.computed.checksums.is_empty();
        object.parts = segments.iter().map(|(segment, _)| (segment.part, segment.plain_len)).collect();
        object.plain = plain;
        let made = Self { object, segments, table: Vec::new(), filler: 0, summary: Vec::new() };
        made.with_footer(label, kind)
    }

    fn with_footer(mut self, label: &str, kind: ChecksumType) -> Self {
        let listed: Vec<_> = self.segments.iter().map(|(segment, _)| segment.clone()).collect();
        let nonces = ["table", "summary"].map(|of| draw(&format!("{label}: {of} nonce")));
        let (Computed { md5, checksums }, mut filler) = (&self.object.computed, 0);
        let mut fill = |bytes: &mut [u8]| {
            filler = bytes.len();
            bytes.copy_from_slice(&pattern(bytes.len()));
        };
        let keys = ObjectKeys::derive(&DataKey::from_bytes(self.object.data_key));
        let footer = seal_footer(&keys, &listed, *md5, checksums, kind, nonces, &mut fill).unwrap();
        let (table, summary) = footer.split_at(footer.len() - 256);
        self.table = table[..table.len() - filler].to_vec();
        (self.filler, self.summary) = (filler, summary.to_vec());
        self
    }

    /// Three parts of 20 bytes, on which most rules are shown.
    pub(crate) fn three() -> Self {
        Self::new("three parts", &[(1, 20), (2, 20), (3, 20)])
    }

    /// Three regular parts.
    pub(crate) fn regular() -> Self {
        Self::new("regular parts", &[(1, 5_242_880), (2, 5_242_880), (3, 1)])
    }

    fn key(&self, info: &str) -> [u8; 32] {
        hkdf(&self.object.data_key, b"", info.as_bytes())
    }

    /// Replaces the table by one with hand-made padded entries.
    pub(crate) fn with_raw_table(mut self, entries: &[u8]) -> Self {
        let nonce: [u8; 12] = draw("forged table nonce");
        self.table = [&nonce[..], &gcm(&self.key("sealgate/1 footer"), nonce, b"sealgate/1 table", entries)].concat();
        self
    }

    /// Replaces the table by one with these entries, padded to the length it had.
    pub(crate) fn with_entries(self, entries: &[(u16, u64, [u8; 24])]) -> Self {
        let mut raw = Vec::new();
        for (part, plain_len, salt) in entries {
            raw.extend_from_slice(&part.to_be_bytes());
            raw.extend_from_slice(&plain_len.to_be_bytes()[2..]);
            raw.extend_from_slice(salt);
        }
        let len = self.table.len() - 28;
        assert!(raw.len() <= len);
        raw.resize(len, 0);
        self.with_raw_table(&raw)
    }

    /// The entries the table has.
    pub(crate) fn entries(&self) -> Vec<(u16, u64, [u8; 24])> {
        let listed = &self.segments[..self.segments.len() - 1];
        listed.iter().map(|(segment, _)| (segment.part, segment.plain_len, segment.salt)).collect()
    }

    /// Replaces the summary by one with hand-made facts and the length the table has now.
    pub(crate) fn with_facts(self, facts: &[u8]) -> Self {
        let table_len = u64::try_from(self.table.len() + self.filler).unwrap();
        self.with_summary(facts, table_len)
    }

    /// Replaces the summary by one with hand-made facts and table length.
    pub(crate) fn with_summary(mut self, facts: &[u8], table_len: u64) -> Self {
        let nonce: [u8; 12] = draw("forged summary nonce");
        let mut padded = facts.to_vec();
        padded.resize(212, 0);
        let sealed = gcm(&self.key("sealgate/1 footer"), nonce, b"sealgate/1 summary", &padded);
        self.summary = [&nonce[..], &sealed, &table_len.to_be_bytes(), b"SEALGATE"].concat();
        self
    }

    /// The facts about lengths and segments as they should be, with `more` facts behind them.
    pub(crate) fn facts(&self, more: &[u8], count: u64) -> Vec<u8> {
        let (last, _) = self.segments.last().unwrap();
        let listed = u64::try_from(self.segments.len() - 1).unwrap();
        let last = last_segment(u64::from(last.part), last.plain_len, &last.salt);
        self.facts_with(&last, (listed > 0).then_some(listed), more, count)
    }

    /// Facts with a hand-made last segment and number of segments; `count` facts are in `more`.
    pub(crate) fn facts_with(&self, last: &[u8], listed: Option<u64>, more: &[u8], count: u64) -> Vec<u8> {
        let mut facts = Encoder::new(Vec::new());
        let entries = 1 + u64::from(!last.is_empty()) + u64::from(listed.is_some()) + count;
        facts.map(entries).unwrap().u8(1).unwrap().u64(self.object.plain.len() as u64).unwrap();
        let mut facts = facts.into_writer();
        facts.extend_from_slice(last);
        if let Some(listed) = listed {
            let mut number = Encoder::new(Vec::new());
            number.u8(3).unwrap().u64(listed).unwrap();
            facts.extend(number.into_writer());
        }
        facts.extend_from_slice(more);
        facts
    }

    /// The object as it is stored now.
    pub(crate) fn object(&self) -> Object {
        let mut object = self.object.clone();
        let mut pieces = Vec::new();
        object.stored.clear();
        for (segment, range) in &self.segments {
            let sealed = self.sealed(segment, range);
            let salt = hex::encode(segment.salt);
            let described = Piece::SealedPart { salt, from: range.start, to: range.end };
            pieces.push(if range.len() > LONG { described } else { written(&sealed) });
            object.stored.extend(sealed);
        }
        object.stored.extend([&self.table[..], &pattern(self.filler), &self.summary].concat());
        pieces.extend([written(&self.table), Piece::Pattern(self.filler), written(&self.summary)]);
        pieces.retain(|piece| !matches!(piece, Piece::Pattern(0)) && *piece != written(b""));
        object.pieces = Some(pieces);
        object
    }

    fn sealed(&self, segment: &Segment, range: &Range<usize>) -> Vec<u8> {
        let plain = &self.object.plain[range.clone()];
        let keys = ObjectKeys::derive(&DataKey::from_bytes(self.object.data_key));
        let mut sealer = SegmentSealer::new(&keys, segment.salt, plain.len() as u64).unwrap();
        let mut out = BytesMut::new();
        sealer.push(plain, &mut out).unwrap();
        sealer.finish(&mut out).unwrap();
        assert!(out == forge::segment(&self.object.data_key, &segment.salt, plain));
        out.to_vec()
    }

    pub(crate) fn opens(&self, rule: &str) -> Vector {
        self.object().opens(rule)
    }

    pub(crate) fn refused(&self, check: &str, rule: &str) -> Vector {
        self.object().refused(check, rule)
    }
}

/// Fact 2, written by hand.
pub(crate) fn last_segment(part: u64, plain_len: u64, salt: &[u8]) -> Vec<u8> {
    let mut fact = Encoder::new(Vec::new());
    fact.u8(2).unwrap().array(3).unwrap().u64(part).unwrap().u64(plain_len).unwrap().bytes(salt).unwrap();
    fact.into_writer()
}

fn written(bytes: &[u8]) -> Piece {
    Piece::Base64(STANDARD.encode(bytes))
}

/// The digests S3 gives an object of these parts.
fn computed(plain: &[u8], segments: &[(Segment, Range<usize>)], set: &DigestSet, kind: ChecksumType) -> Computed {
    let digests = |plain: &[u8]| {
        let mut digests = Digests::new(set);
        digests.update(plain);
        digests.finish()
    };
    let parts: Vec<_> = segments.iter().map(|(_, range)| digests(&plain[range.clone()])).collect();
    let md5 = set.md5.then(|| checksum::md5_of_md5s(parts.iter().map(|part| part.md5.unwrap())));
    if kind == ChecksumType::FullObject {
        return Computed { md5, checksums: digests(plain).checksums };
    }
    let composite = |name| checksum::composite(name, parts.iter().map(|part| &part.checksums[&name]));
    let checksums: BTreeMap<_, _> = set.checksums.iter().map(|name| (*name, composite(*name))).collect();
    Computed { md5, checksums }
}
