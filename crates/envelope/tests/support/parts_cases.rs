//! The vectors about objects of multipart uploads.
//!
//! Parts here may be shorter than S3 allows; the format does not mind, and the vectors stay small.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use envelope::{ChecksumName, ChecksumType, DigestSet};

use crate::cases::Case;
use crate::forge::{Object, draw, every_digest};
use crate::parts::{Parts, last_segment};
use crate::vector::{Piece, Vector};

/// Every vector about parts.
pub(crate) fn all() -> Vec<Case> {
    let groups = [opened(), segments(), tables(), entries(), lengths(), facts(), digests()];
    groups.into_iter().flatten().collect()
}

fn opened() -> Vec<Case> {
    let made = |parts: &[(u16, usize)], rule: &str| Parts::new(rule, parts).opens(rule);
    let summed =
        |kind, rule: &str| Parts::summed(rule, &[(1, 20), (2, 0), (7, 65_537)], &every_digest(), kind).opens(rule);
    let crc = DigestSet { md5: true, checksums: [ChecksumName::Crc64Nvme].into() };
    let regular = [(1, 5_242_880), (5, 5_242_880), (10_000, 100)];
    let three = Parts::three().object().stored;
    let last = three.len() - 257;
    vec![
        ("parts-one", made(&[(1, 21)], "one part is one segment, listed in the summary only")),
        ("parts-one-empty", made(&[(1, 0)], "an empty part has no chunk")),
        ("parts-one-with-table", made(&[(2, 5_242_880)], "a table that would list nothing is random bytes")),
        ("parts-three", Parts::three().opens("an object whose entries do not fit the table is lengthened")),
        (
            "parts-regular",
            Parts::summed("regular parts", &regular, &crc, ChecksumType::FullObject)
                .opens("an object of parts of whole chunks is as long as one of one request; numbers may have gaps"),
        ),
        ("parts-last-byte", Parts::regular().opens("the last part may have one byte")),
        ("parts-last-empty", made(&[(1, 5_242_880), (2, 0)], "the last part may be empty")),
        ("parts-first-empty", made(&[(1, 0), (2, 21)], "any part may be empty")),
        ("parts-all-empty", made(&[(3, 0), (9, 0)], "parts of an empty object are listed")),
        (
            "parts-unaligned",
            made(&[(1, 5_242_881), (2, 100)], "a part that ends within a chunk makes the object irregular"),
        ),
        (
            "parts-unaligned-same-length",
            made(
                &[(1, 5_282_880), (2, 40_000)],
                "it does so even where the lengths happen to be those of a regular object",
            ),
        ),
        ("parts-filler", patched(last, &[three[last] ^ 1]).opens("what lengthens the table says nothing")),
        ("parts-full-object", summed(ChecksumType::FullObject, "checksums may be those of the content")),
        ("parts-composite", summed(ChecksumType::Composite, "checksums may be those of the parts' checksums")),
        ("parts-metadata", {
            let mut parts = Parts::new("parts with metadata", &[(1, 21)]);
            parts.object = parts.object.with_metadata(&[("title", "Été")]);
            parts.opens("user metadata is sealed when the upload begins")
        }),
    ]
}

/// The object of three parts with these bytes at this place.
fn patched(at: usize, bytes: &[u8]) -> Object {
    let mut object = Parts::three().object();
    let (end, len) = (at + bytes.len(), object.stored.len());
    object.stored[at..end].copy_from_slice(bytes);
    let kept = |from, to| Piece::Of { vector: "parts-three".into(), from, to };
    object.pieces = Some(vec![kept(0, at), Piece::Base64(STANDARD.encode(bytes)), kept(end, len)]);
    object
}

/// Rules about which segments there are, and where.
fn segments() -> Vec<Case> {
    let changed = |change: &dyn Fn(&mut Parts), check: &str, rule: &str| {
        let mut parts = Parts::three();
        change(&mut parts);
        parts.refused(check, rule)
    };
    let retried = |parts: &mut Parts| parts.segments[1].0.salt = draw("another attempt");
    let other = Parts::new("other parts", &[(1, 20), (2, 20), (3, 20)]);
    let foreign = patched(36, &other.object().stored[36..72]);
    let flipped = patched(40, &[Parts::three().object().stored[40] ^ 1]);
    vec![
        ("parts-swapped", changed(&|parts| parts.segments.swap(0, 1), "chunk", "segments have an order")),
        (
            "parts-swapped-with-last",
            changed(&|parts| parts.segments.swap(0, 2), "chunk", "the last segment has its place"),
        ),
        (
            "parts-repeated",
            changed(&|parts| parts.segments[1] = parts.segments[0].clone(), "chunk", "a segment has one place"),
        ),
        ("parts-dropped", changed(&|parts| drop(parts.segments.drain(1..2)), "summary", "no segment may be missing")),
        (
            "parts-last-dropped",
            changed(&|parts| parts.segments.truncate(2), "summary", "the last segment may not be missing"),
        ),
        (
            "parts-added",
            changed(&|parts| parts.segments.push(parts.segments[0].clone()), "summary", "no segment may be added"),
        ),
        ("parts-mixed-attempts", changed(&retried, "chunk", "a segment is of the attempt that was completed")),
        ("parts-segment-of-another", foreign.refused("chunk", "a segment of another object is refused")),
        ("parts-segment-flipped", flipped.refused("chunk", "a changed segment is refused")),
    ]
}

/// Rules about table and summary as wholes.
fn tables() -> Vec<Case> {
    let changed = |change: &dyn Fn(&mut Parts), check: &str, rule: &str| {
        let mut parts = Parts::three();
        change(&mut parts);
        parts.refused(check, rule)
    };
    let other = Parts::new("other parts", &[(1, 20), (2, 20), (3, 20)]);
    let as_put = |parts: &[(u16, usize)]| {
        let relabelled = Parts::new("one part", parts).object().edit("l=m", "l=p");
        relabelled.refused("multipart", "an object of a multipart upload is not one of one request")
    };
    let hello = Object::hello();
    vec![
        ("parts-table-flipped", changed(&|parts| parts.table[20] ^= 1, "table", "a changed table is refused")),
        ("parts-table-nonce-flipped", changed(&|parts| parts.table[0] ^= 1, "table", "a changed nonce is refused")),
        (
            "parts-table-tag-flipped",
            changed(&|parts| *parts.table.last_mut().unwrap() ^= 1, "table", "a changed tag is refused"),
        ),
        (
            "parts-table-of-another",
            changed(&|parts| parts.table.clone_from(&other.table), "table", "a table of another object is refused"),
        ),
        (
            "parts-summary-of-another",
            changed(
                &|parts| parts.summary.clone_from(&other.summary),
                "summary",
                "a summary of another object is refused",
            ),
        ),
        ("parts-summary-flipped", changed(&|parts| parts.summary[12] ^= 1, "summary", "a changed summary is refused")),
        (
            "parts-summary-of-a-put",
            hello.edit("l=p", "l=m").refused("multipart", "the summary of a multipart upload has a last segment"),
        ),
        ("parts-as-put", as_put(&[(1, 21)])),
        ("parts-empty-as-put", as_put(&[(1, 0)])),
    ]
}

/// Rules about entries, on tables that are authentic.
fn entries() -> Vec<Case> {
    type Entries = Vec<(u16, u64, [u8; 24])>;
    let listed = |change: &dyn Fn(&mut Entries), check: &str, rule: &str| {
        let parts = Parts::three();
        let mut entries = parts.entries();
        change(&mut entries);
        parts.with_entries(&entries).refused(check, rule)
    };
    let regular = Parts::regular();
    let mut padding = regular.entries();
    padding.push((0, 0, [1; 24]));
    let padding = regular.clone().with_entries(&padding);
    let last = regular.facts(b"", 0);
    let counted = |count: u8| {
        let mut facts = last.clone();
        *facts.last_mut().unwrap() = count;
        regular.clone().with_facts(&facts)
    };
    vec![
        ("parts-entry-zero", listed(&|entries| entries[0].0 = 0, "table", "parts are numbered from 1")),
        ("parts-entry-repeated", listed(&|entries| entries[1].0 = 1, "table", "no two parts have one number")),
        ("parts-entries-unsorted", listed(&|entries| entries.swap(0, 1), "table", "part numbers rise")),
        (
            "parts-entry-beyond-last",
            listed(&|entries| entries[1].0 = 3, "table", "the last part has the highest number"),
        ),
        (
            "parts-entry-longer",
            listed(&|entries| entries[1].1 = 21, "table", "the segments are together as long as the object"),
        ),
        (
            "parts-entry-huge",
            listed(&|entries| entries[1].1 = (1 << 48) - 1, "table", "no segment is longer than the object"),
        ),
        (
            "parts-entries-shifted",
            listed(
                &|entries| (entries[0].1, entries[1].1) = (19, 21),
                "chunk",
                "the border between two segments is where it was sealed",
            ),
        ),
        (
            "parts-entry-without-chunk",
            listed(
                &|entries| (entries[0].1, entries[1].1) = (0, 40),
                "summary",
                "the segments listed are as long as the stored object",
            ),
        ),
        ("parts-entry-salt", listed(&|entries| entries[0].2 = [9; 24], "chunk", "the salt is that of the segment")),
        ("parts-table-padding", padding.refused("table", "what follows the entries is zero")),
        ("parts-count-short", counted(1).refused("table", "the table has no more entries than the summary counts")),
    ]
}

/// Rules about lengths.
fn lengths() -> Vec<Case> {
    let three = Parts::three();
    let lengthened = |parts: &Parts, by: usize, rule: &str| {
        let parts = Parts { filler: parts.filler + by, ..parts.clone() };
        parts.clone().with_facts(&parts.facts(b"", 0)).refused("summary", rule)
    };
    let edited = |edit: &dyn Fn(&mut Vec<u8>), check: &str, rule: &str| {
        let mut object = Parts::new("one part", &[(1, 21)]).object();
        edit(&mut object.stored);
        object.pieces = None;
        object.refused(check, rule)
    };
    let bare = Parts { filler: 0, ..three.clone() };
    let table_len =
        |len: u64, rule: &str| three.clone().with_summary(&three.facts(b"", 0), len).refused("summary", rule);
    let three_len = u64::try_from(three.table.len() + three.filler).unwrap();
    vec![
        (
            "parts-filler-missing",
            bare.clone()
                .with_facts(&bare.facts(b"", 0))
                .refused("summary", "an irregular object has a length without solution"),
        ),
        ("parts-filler-longer", lengthened(&three, 1, "a table is lengthened by as little as possible")),
        ("parts-filler-two-chunks", lengthened(&three, 65_552, "a table is lengthened by at most 65,552 bytes")),
        ("parts-regular-lengthened", lengthened(&Parts::regular(), 1, "a regular object's table is not lengthened")),
        ("parts-table-len-zero", table_len(0, "the trailer says the length the table has")),
        ("parts-table-len-less", table_len(three_len - 16, "the table is not shorter than it should be")),
        ("parts-table-len-huge", table_len(u64::MAX, "the table is not longer than the object")),
        (
            "parts-cut-by-one",
            edited(&|stored| stored.truncate(stored.len() - 1), "summary", "the last byte may not be missing"),
        ),
        (
            "parts-cut-in-front",
            edited(&|stored| drop(stored.drain(..1)), "summary", "the first byte may not be missing"),
        ),
        ("parts-appended-byte", edited(&|stored| stored.push(0), "summary", "nothing follows the summary")),
        (
            "parts-byte-between",
            edited(&|stored| stored.insert(37, 0), "summary", "nothing stands between body and footer"),
        ),
    ]
}

/// Rules about the facts of a multipart upload.
fn facts() -> Vec<Case> {
    let one = Parts::new("one part", &[(1, 21)]);
    let salt = one.segments[0].0.salt;
    let refused = |facts: &[u8], rule: &str| one.clone().with_facts(facts).refused("summary", rule);
    let last = |part: u64, plain_len: u64, listed: Option<u64>, rule: &str| {
        refused(&one.facts_with(&last_segment(part, plain_len, &salt), listed, b"", 0), rule)
    };
    let more = |more: &[u8], count: u64, rule: &str| refused(&one.facts(more, count), rule);
    let of_two = [&b"\x02\x82\x01\x15"[..]].concat();
    let of_four = [&b"\x02\x84\x01\x15\x58\x18"[..], &salt, b"\x00"].concat();
    let named = |text: &str| {
        [b"\x05\xa1\x61x\x41\x00\x06", &[0x60 | u8::try_from(text.len()).unwrap()][..], text.as_bytes()].concat()
    };
    vec![
        ("parts-facts-part-zero", last(0, 21, None, "the last part is not numbered 0")),
        ("parts-facts-part-10001", last(10_001, 21, None, "the last part is numbered at most 10,000")),
        ("parts-facts-part-65537", last(65_537, 21, None, "a part number has 16 bits")),
        ("parts-facts-last-longer", last(1, 22, None, "the last segment is not longer than the object")),
        ("parts-facts-last-shorter", last(1, 20, None, "an only segment is the whole object")),
        ("parts-facts-count-zero", last(2, 21, Some(0), "a count of no segments is left out")),
        ("parts-facts-count-beyond", last(2, 21, Some(2), "there are not more parts than the last number allows")),
        ("parts-facts-count-huge", last(10_000, 21, Some(10_000), "a table lists at most 9,999 segments")),
        (
            "parts-facts-count-without-last",
            refused(&one.facts_with(b"", Some(1), b"", 0), "a count comes with a last segment"),
        ),
        ("parts-facts-last-of-two", refused(&one.facts_with(&of_two, None, b"", 0), "a segment is three values")),
        (
            "parts-facts-last-of-four",
            refused(&one.facts_with(&of_four, None, b"", 0), "a segment is no more than three values"),
        ),
        (
            "parts-facts-short-salt",
            refused(&one.facts_with(&last_segment(1, 21, &salt[..23]), None, b"", 0), "a salt has 24 bytes"),
        ),
        ("parts-facts-type-alone", more(b"\x06\x69COMPOSITE", 1, "a checksum type comes with checksums")),
        ("parts-facts-type-full", more(&named("FULL_OBJECT"), 2, "the usual checksum type is left out")),
        ("parts-facts-type-unknown", more(&named("TREE"), 2, "an unknown checksum type is refused")),
        (
            "facts-composite",
            Object::hello()
                .with_facts(&[&b"\xa3\x01\x15"[..], &named("COMPOSITE")].concat())
                .refused("summary", "an object of one request has no composite checksum"),
        ),
    ]
}

fn digests() -> Vec<Case> {
    let lie = |parts: &Parts, name: &str, composite: bool, len: usize, rule: &str| {
        let mut more = match name {
            "MD5" => b"\x04".to_vec(),
            _ => [&[5, 0xa1, 0x60 | u8::try_from(name.len()).unwrap()], name.as_bytes()].concat(),
        };
        match u8::try_from(len).unwrap() {
            short @ ..24 => more.push(0x40 | short),
            long => more.extend([0x58, long]),
        }
        more.resize(more.len() + len, 0xee);
        if composite {
            more.extend_from_slice(b"\x06\x69COMPOSITE");
        }
        parts.clone().with_facts(&parts.facts(&more, 1 + u64::from(composite))).refused("digest", rule)
    };
    let one = Parts::new("one part", &[(1, 21)]);
    let full = |name: ChecksumName| -> Vector {
        lie(&one, name.as_str(), false, name.raw_len(), &format!("the {name} is that of the content"))
    };
    let composite = |name: ChecksumName| -> Vector {
        lie(&one, name.as_str(), true, name.raw_len(), &format!("the {name} is that of the parts' values"))
    };
    let usual = DigestSet { md5: false, checksums: [ChecksumName::Crc32].into() };
    let of_content = Parts::summed("one part", &[(1, 21)], &usual, ChecksumType::FullObject);
    let value = &of_content.object.computed.checksums[&ChecksumName::Crc32];
    let mislabelled = [&b"\x05\xa1\x65CRC32\x44"[..], value, b"\x06\x69COMPOSITE"].concat();
    vec![
        ("parts-digest-md5", lie(&one, "MD5", false, 16, "the MD5 is that of the parts' MD5s")),
        ("parts-digest-crc32", full(ChecksumName::Crc32)),
        ("parts-digest-crc64nvme", full(ChecksumName::Crc64Nvme)),
        ("parts-digest-sha256", full(ChecksumName::Sha256)),
        ("parts-composite-crc32", composite(ChecksumName::Crc32)),
        ("parts-composite-crc32c", composite(ChecksumName::Crc32c)),
        ("parts-composite-sha1", composite(ChecksumName::Sha1)),
        (
            "parts-composite-of-content",
            one.clone()
                .with_facts(&one.facts(&mislabelled, 2))
                .refused("digest", "a composite is not the value of the content"),
        ),
    ]
}
