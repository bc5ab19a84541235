//! What must hold for every object that was uploaded in parts, whatever its parts are.
//!
//! Parts here are shorter than S3 allows, so that there are many borders between them; the format does not mind.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::collections::BTreeMap;
use std::ops::Range;

use bytes::BytesMut;
use envelope::{
    ChecksumName, ChecksumType, DataKey, DigestSet, Digests, Error, ObjectKeys, PartMap, Segment, SegmentSealer,
    SegmentsOpener, Summary, checksum, layout, seal_footer,
};
use proptest::prelude::*;

const CHUNK: usize = 65_536;

/// Lengths of parts: empty, tiny, around the ends of chunks, and whole chunks.
fn part_len() -> impl Strategy<Value = usize> {
    prop_oneof![
        Just(0),
        1_usize..40,
        (1_usize..3, 0_usize..4).prop_map(|(chunks, more)| chunks * CHUNK + more - 2),
        Just(CHUNK)
    ]
}

fn layouts() -> impl Strategy<Value = Vec<usize>> {
    prop::collection::vec(part_len(), 1..7)
}

fn composite() -> impl Strategy<Value = ChecksumType> {
    prop_oneof![Just(ChecksumType::Composite), Just(ChecksumType::FullObject)]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn any_parts_open_to_their_content(lens in layouts(), kind in composite(), piece in 1_usize..200_000) {
        let object = Object::new(&lens, kind);
        let (released, verdict) = object.open(0..object.plain.len(), piece);
        prop_assert_eq!(verdict, Ok(()));
        prop_assert!(released == object.plain);
    }

    #[test]
    fn any_range_is_the_slice(lens in layouts(), ends in (0.0..1.0, 0.0..1.0), piece in 1_usize..200_000) {
        let object = Object::new(&lens, ChecksumType::FullObject);
        prop_assume!(!object.plain.is_empty());
        let want = range(object.plain.len(), ends);
        let (released, verdict) = object.open(want.clone(), piece);
        prop_assert_eq!(verdict, Ok(()));
        prop_assert!(released == object.plain[want]);
    }

    #[test]
    fn the_length_tells_the_content_or_nothing(lens in layouts()) {
        let object = Object::new(&lens, ChecksumType::FullObject);
        let found = layout::plain_len(object.stored.len() as u64);
        let table_len = object.summary().unwrap().table_len;
        let regular = lens[..lens.len() - 1].iter().all(|len| len % CHUNK == 0) && lens.len() == 1;
        prop_assert_eq!(found, regular.then_some(object.plain.len() as u64));
        prop_assert!(table_len <= layout::MAX_TABLE_LEN);
    }

    #[test]
    fn a_flipped_byte_is_refused_or_says_nothing(lens in layouts(), kind in composite(), at in 0.0..1.0, bit in 0..8) {
        let mut object = Object::new(&lens, kind);
        let at = index(object.stored.len(), at);
        object.stored[at] ^= 1_u8 << bit;
        let (released, verdict) = object.open(0..object.plain.len(), CHUNK);
        prop_assert_eq!(verdict.is_ok(), object.says_nothing().contains(&at));
        prop_assert!(object.plain.starts_with(&released));
        prop_assert!(verdict.is_ok() || object.plain.is_empty() || released.len() < object.plain.len());
    }

    #[test]
    fn a_flipped_byte_of_the_footer_is_refused(lens in layouts(), at in 0.0..1.0, bit in 0..8) {
        let mut object = Object::new(&lens, ChecksumType::FullObject);
        let said = object.says_nothing();
        let footer: Vec<_> = (object.body_len()..object.stored.len()).filter(|at| !said.contains(at)).collect();
        let at = footer[index(footer.len(), at)];
        object.stored[at] ^= 1_u8 << bit;
        prop_assert!(object.map().is_err());
    }

    #[test]
    fn a_cut_or_lengthened_object_is_refused(lens in layouts(), at in 0.0..1.0, more in 1_usize..400) {
        let object = Object::new(&lens, ChecksumType::FullObject);
        let cut = Object { stored: object.stored[..index(object.stored.len(), at)].to_vec(), ..object.clone() };
        prop_assert!(cut.map().is_err());
        let mut longer = object.clone();
        longer.stored.splice(0..0, vec![0; more]);
        prop_assert!(longer.map().is_err());
        let mut behind = object;
        behind.stored.extend(vec![0; more]);
        prop_assert!(behind.map().is_err());
    }

    #[test]
    fn exchanged_segments_are_refused(mut lens in layouts(), len in 1_usize..70_000) {
        lens.insert(0, len);
        lens.push(len);
        let mut object = Object::new(&lens, ChecksumType::FullObject);
        let map = object.map().unwrap();
        let (one, other) = (sealed(&map, 0), sealed(&map, lens.len() - 1));
        let held = object.stored[one.clone()].to_vec();
        object.stored.copy_within(other.clone(), one.start);
        object.stored[other].copy_from_slice(&held);
        let (released, verdict) = object.open(0..object.plain.len(), CHUNK);
        prop_assert_eq!((released.len(), verdict), (0, Err(Error::PartChunk { part: 1, index: 0 })));
    }

    #[test]
    fn a_stream_that_ends_early_or_late_is_refused(lens in layouts(), ends in (0.0..1.0, 0.0..1.0), missing in 1_usize..50) {
        let object = Object::new(&lens, ChecksumType::FullObject);
        prop_assume!(!object.plain.is_empty());
        let want = range(object.plain.len(), ends);
        let map = object.map().unwrap();
        let fetch = as_usize(&map.span(as_u64(&want)).unwrap());
        let short = &object.stored[fetch.start..fetch.end.saturating_sub(missing).max(fetch.start)];
        let truncated = matches!(feed(&map, &want, short, CHUNK).1, Err(Error::Truncated { .. }));
        prop_assert!(truncated);
        let long = &object.stored[fetch.start..fetch.end + missing];
        prop_assert_eq!(feed(&map, &want, long, CHUNK).1, Err(Error::TrailingBytes));
    }

    #[test]
    fn the_parts_lie_behind_each_other(lens in layouts()) {
        let map = Object::new(&lens, ChecksumType::FullObject).map().unwrap();
        let mut end = 0;
        for (at, len) in lens.iter().enumerate() {
            prop_assert_eq!(map.part_range(at), Some(end..end + *len as u64));
            end += *len as u64;
        }
        prop_assert_eq!((map.plain_len(), map.part_range(lens.len())), (end, None));
    }

    #[test]
    fn parts_of_whole_chunks_are_as_long_as_one_request(
        lens in prop::collection::vec(80_u64..2_000, 0..40), last in 0_u64..1 << 33
    ) {
        let mut segments = segments(lens.iter().map(|chunks| chunks * 65_536));
        segments.push(Segment { part: 10_000, plain_len: last, salt: [9; 24] });
        let (plain_len, body_len) = lens_of(&segments);
        let footer_len = footer(&segments).unwrap().len() as u64;
        prop_assert_eq!(Some(body_len + footer_len), layout::sealed_len(plain_len));
        prop_assert_eq!(layout::plain_len(body_len + footer_len), Some(plain_len));
    }

    #[test]
    fn a_footer_without_its_body_opens_for_its_length_alone(
        lens in prop::collection::vec(0_u64..1 << 40, 1..40), other in 1_u64..200_000
    ) {
        let segments = segments(lens.into_iter());
        let (plain_len, body_len) = lens_of(&segments);
        let footer = footer(&segments).unwrap();
        let sealed_len = body_len + footer.len() as u64;
        prop_assert!(layout::plain_len(sealed_len).is_none_or(|found| found == plain_len));
        let map = open_footer(&footer, sealed_len).unwrap();
        prop_assert_eq!(map.parts(), &segments[..]);
        for wrong in [sealed_len + other, sealed_len.saturating_sub(other), 0, u64::MAX] {
            prop_assert_eq!(open_footer(&footer, wrong).map(|_| ()), Err(Error::LengthDisagrees));
        }
    }
}

#[test]
fn ten_thousand_parts_of_one_byte_open() {
    let object = Object::new(&vec![1; 10_000], ChecksumType::Composite);
    let (released, verdict) = object.open(0..10_000, 1_000);
    assert_eq!(verdict, Ok(()));
    assert!(released == object.plain);
    assert_eq!(object.open(9_998..9_999, 10).0, &object.plain[9_998..9_999]);
}

#[test]
fn parts_that_make_no_object_are_not_sealed() {
    let of = |parts: &[u16]| {
        let segment = |part: &u16| Segment { part: *part, plain_len: 1, salt: [1; 24] };
        footer(&parts.iter().map(segment).collect::<Vec<_>>()).map(|_| ())
    };
    assert_eq!(of(&[1, 2, 10_000]), Ok(()));
    for bad in [&[][..], &[0], &[10_001], &[2, 1], &[1, 1]] {
        assert!(matches!(of(bad), Err(Error::InvalidParts { .. })), "{bad:?}");
    }
    let huge =
        |plain_len| vec![Segment { part: 1, plain_len, salt: [1; 24] }, Segment { part: 2, plain_len, salt: [1; 24] }];
    for plain_len in [1 << 48, u64::MAX] {
        assert!(matches!(footer(&huge(plain_len)), Err(Error::TooLarge { .. })), "{plain_len}");
    }
}

#[test]
#[expect(clippy::reversed_empty_ranges, reason = "a client may ask for one")]
fn ranges_beyond_the_object_have_no_span() {
    let object = Object::new(&[20, 0, 20], ChecksumType::FullObject);
    let map = object.map().unwrap();
    for want in [0..0, 40..40, 6..5, 0..41, 40..41, 0..u64::MAX] {
        assert_eq!(map.span(want), None);
    }
    for want in [6..5, 0..41, 41..41] {
        assert_eq!(SegmentsOpener::new(&keys(), &map, want).map(|_| ()), Err(Error::InvalidRange));
    }
    assert_eq!(object.open(5..5, 10), (Vec::new(), Ok(())));
}

#[test]
fn a_wrong_checksum_keeps_the_last_chunk_back() {
    for kind in [ChecksumType::FullObject, ChecksumType::Composite] {
        let mut object = Object::new(&[CHUNK, 10], kind);
        let wrong = BTreeMap::from([(ChecksumName::Crc32, vec![0xee; 4])]);
        let map = object.map().unwrap();
        let nonces = [[1; 12], [2; 12]];
        let footer = seal_footer(&keys(), map.parts(), None, &wrong, kind, nonces, &mut |bytes| bytes.fill(0)).unwrap();
        object.stored.splice(object.body_len().., footer);
        let (released, verdict) = object.open(0..CHUNK + 10, 1_000);
        assert_eq!((released.len(), verdict), (CHUNK, Err(Error::DigestDisagrees { digest: "CRC32" })));
        // A range cannot tell, and must not wait for what it does not read.
        assert_eq!(object.open(1..CHUNK + 10, 1_000).1, Ok(()));
    }
}

#[test]
fn a_machine_that_refused_keeps_refusing() {
    let object = Object::new(&[3 * CHUNK, 10], ChecksumType::FullObject);
    let map = object.map().unwrap();
    let mut opener = SegmentsOpener::new(&keys(), &map, 0..map.plain_len()).unwrap();
    let (mut out, refused) = (BytesMut::new(), Err(Error::PartChunk { part: 1, index: 0 }));
    assert_eq!(opener.push(&vec![0; 65_552], &mut out), refused);
    assert_eq!(opener.push(&object.stored[65_552..66_000], &mut out), refused);
    assert_eq!(opener.finish(&mut out), refused);
    assert!(out.is_empty());
}

#[test]
fn the_footer_of_another_object_is_refused() {
    let object = Object::new(&[20, 20], ChecksumType::FullObject);
    let other = ObjectKeys::derive(&DataKey::from_bytes([43; 32]));
    let footer = &object.stored[object.body_len()..];
    let (table, summary) = footer.split_at(footer.len() - 256);
    assert_eq!(Summary::open(&other, summary), Err(Error::Summary));
    let summary = Summary::open(&keys(), summary).unwrap();
    let verdict = PartMap::open(&other, &summary, table, object.stored.len() as u64);
    assert_eq!(verdict.map(|_| ()), Err(Error::Table));
}

#[derive(Clone)]
struct Object {
    plain: Vec<u8>,
    stored: Vec<u8>,
    lens: Vec<usize>,
}

impl Object {
    fn new(lens: &[usize], kind: ChecksumType) -> Self {
        let len: usize = lens.iter().sum();
        let plain = (0..=250).collect::<Vec<u8>>().repeat(len / 251 + 1)[..len].to_vec();
        let segments = segments(lens.iter().map(|len| *len as u64));
        let (mut stored, mut start, mut crcs) = (BytesMut::new(), 0, Vec::new());
        for (segment, len) in segments.iter().zip(lens) {
            let part = &plain[start..start + len];
            let mut sealer = SegmentSealer::new(&keys(), segment.salt, segment.plain_len).unwrap();
            sealer.push(part, &mut stored).unwrap();
            sealer.finish(&mut stored).unwrap();
            crcs.push((crc(part), segment.plain_len));
            start += len;
        }
        let value = match kind {
            ChecksumType::Composite => checksum::composite(ChecksumName::Crc32c, crcs.iter().map(|(crc, _)| crc)),
            ChecksumType::FullObject => crcs
                .into_iter()
                .fold(crc(b""), |all, (crc, len)| checksum::combine(ChecksumName::Crc32c, &all, &crc, len).unwrap()),
        };
        let checksums = BTreeMap::from([(ChecksumName::Crc32c, value)]);
        let footer =
            seal_footer(&keys(), &segments, Some([5; 16]), &checksums, kind, [[1; 12], [2; 12]], &mut |bytes| {
                bytes.fill(b'r');
            });
        stored.extend(footer.unwrap());
        Self { plain, stored: stored.to_vec(), lens: lens.to_vec() }
    }

    fn body_len(&self) -> usize {
        self.lens.iter().map(|len| len + 16 * len.div_ceil(CHUNK)).sum()
    }

    /// The bytes that lengthen the table.
    fn says_nothing(&self) -> Range<usize> {
        let listed = self.lens.len() - 1;
        let table = if listed == 0 { 0 } else { 28 + 32 * listed };
        self.body_len() + table..self.stored.len() - 256
    }

    fn summary(&self) -> Result<Summary, Error> {
        Summary::open(&keys(), self.stored.last_chunk::<256>().ok_or(Error::Internal)?)
    }

    fn map(&self) -> Result<PartMap, Error> {
        let (summary, sealed_len) = (self.summary()?, self.stored.len() as u64);
        summary.check_sealed_len(sealed_len)?;
        let end = self.stored.len() - 256;
        let table = end - usize::try_from(summary.table_len).unwrap()..end;
        PartMap::open(&keys(), &summary, &self.stored[table], sealed_len)
    }

    /// Opens a range, fed in pieces of this length, and gives what was released whatever the verdict.
    fn open(&self, want: Range<usize>, piece: usize) -> (Vec<u8>, Result<(), Error>) {
        match self.map() {
            Ok(map) => {
                let fetch = map.span(as_u64(&want)).map(|fetch| as_usize(&fetch)).unwrap_or_default();
                feed(&map, &want, &self.stored[fetch], piece)
            }
            Err(error) => (Vec::new(), Err(error)),
        }
    }
}

fn feed(map: &PartMap, want: &Range<usize>, sealed: &[u8], piece: usize) -> (Vec<u8>, Result<(), Error>) {
    let (mut opener, mut out) = (SegmentsOpener::new(&keys(), map, as_u64(want)).unwrap(), BytesMut::new());
    let pushed = sealed.chunks(piece).try_for_each(|piece| opener.push(piece, &mut out));
    let verdict = pushed.and_then(|()| opener.finish(&mut out));
    (out.to_vec(), verdict)
}

/// Where a segment is stored.
fn sealed(map: &PartMap, index: usize) -> Range<usize> {
    as_usize(&map.span(map.part_range(index).unwrap()).unwrap())
}

fn segments(lens: impl Iterator<Item = u64>) -> Vec<Segment> {
    let salt = |part: u16| std::array::from_fn(|at| part.to_be_bytes()[at % 2]);
    (1..).zip(lens).map(|(part, plain_len)| Segment { part, plain_len, salt: salt(part) }).collect()
}

fn footer(segments: &[Segment]) -> Result<Vec<u8>, Error> {
    let (none, nonces) = (BTreeMap::new(), [[1; 12], [2; 12]]);
    seal_footer(&keys(), segments, None, &none, ChecksumType::FullObject, nonces, &mut |bytes| bytes.fill(b'r'))
}

fn open_footer(footer: &[u8], sealed_len: u64) -> Result<PartMap, Error> {
    let (table, summary) = footer.split_at(footer.len() - 256);
    PartMap::open(&keys(), &Summary::open(&keys(), summary)?, table, sealed_len)
}

fn lens_of(segments: &[Segment]) -> (u64, u64) {
    let plain_len = segments.iter().map(|segment| segment.plain_len).sum();
    (plain_len, segments.iter().map(|segment| layout::segment_len(segment.plain_len).unwrap()).sum())
}

fn crc(content: &[u8]) -> Vec<u8> {
    let mut digests = Digests::new(&DigestSet { md5: false, checksums: [ChecksumName::Crc32c].into() });
    digests.update(content);
    digests.finish().checksums.remove(&ChecksumName::Crc32c).unwrap()
}

fn keys() -> ObjectKeys {
    ObjectKeys::derive(&DataKey::from_bytes([42; 32]))
}

/// A non-empty range of content.
fn range(plain_len: usize, (one, other): (f64, f64)) -> Range<usize> {
    let (one, other) = (index(plain_len, one), index(plain_len, other));
    one.min(other)..one.max(other) + 1
}

fn as_u64(range: &Range<usize>) -> Range<u64> {
    range.start as u64..range.end as u64
}

fn as_usize(range: &Range<u64>) -> Range<usize> {
    usize::try_from(range.start).unwrap()..usize::try_from(range.end).unwrap()
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "any place within the bytes will do"
)]
fn index(len: usize, fraction: f64) -> usize {
    ((len as f64 * fraction) as usize).min(len.saturating_sub(1))
}
