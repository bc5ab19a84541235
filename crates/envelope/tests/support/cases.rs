//! Every test vector: what opens, and for each rule an object that breaks it and nothing else.
//!
//! A rule of the format without a case here is a rule nobody checks.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use envelope::{BindingMode, ChecksumName, DigestSet, WrapAlgorithm};

use crate::forge::{Object, draw, every_digest};
use crate::parts_cases;
use crate::vector::{Piece, Vector, pattern};

pub(crate) type Case = (&'static str, Vector);

/// Every vector with the name of its file.
pub(crate) fn all() -> Vec<Case> {
    let parts = [
        opened(),
        envelopes(),
        keys(),
        services(),
        halves(),
        metadata(),
        lengths(),
        chunks(),
        summaries(),
        facts(),
        digests(),
    ];
    parts.into_iter().flatten().chain(parts_cases::all()).collect()
}

fn opened() -> Vec<Case> {
    let sized = |name: &'static str, len: usize| Object::new(name, pattern(len));
    let described = |name: &'static str, len: usize, table: usize| {
        let mut object = sized(name, len);
        object.describe(len, table);
        object
    };
    let with = |name: &'static str, set: &DigestSet| Object::bound(name, b"digests".to_vec(), set, BindingMode::Object);
    let bound = |mode| Object::bound("bound", b"bound".to_vec(), &DigestSet::default(), mode);
    let metadata = [("title", "Été"), ("b", ""), ("aa", "two")];
    vec![
        ("hello", Object::hello().opens("a short object opens")),
        ("empty", Object::new("empty", vec![]).opens("an empty object has no chunk, only a summary")),
        ("one-byte", sized("one byte", 1).opens("one byte is one chunk")),
        ("one-chunk", sized("one chunk", 65_536).opens("65,536 bytes fill one chunk and begin no other")),
        ("chunk-and-a-byte", sized("chunk and a byte", 65_537).opens("the last chunk may hold one byte")),
        ("three-chunks", Object::three_chunks().opens("chunks are counted from 0 and the last one is marked")),
        ("below-a-table", described("below a table", 5_242_879, 0).opens("below 5 MiB there is no table")),
        ("table", described("table", 5_242_880, 64).opens("from 5 MiB on, 64 bytes for each 5 MiB stand before the summary; an object of one request has random bytes there")),
        ("second-table-entry", described("second entry", 10_485_761, 128).opens("the table grows with each whole 5 MiB")),
        ("all-digests", with("all digests", &every_digest()).opens("a summary holds MD5 and any checksums")),
        ("no-digests", with("no digests", &DigestSet::default()).opens("a summary may hold no digest at all")),
        ("md5-only", with("MD5 only", &DigestSet { md5: true, ..DigestSet::default() }).opens("the checksum map is absent when empty")),
        ("unknown-checksum", {
            let object = with("unknown", &DigestSet::default());
            object.with_facts(b"\xa2\x01\x07\x05\xa1\x69XXHASH128\x42ab").opens("a checksum by an unknown name is ignored")
        }),
        ("bound-to-bucket-and-key", bound(BindingMode::Object).opens("mode o binds the wrap to bucket and key")),
        ("bound-to-key", Object { bucket: "elsewhere".into(), ..bound(BindingMode::Key) }.opens("mode k opens in any bucket")),
        ("bound-to-nothing", Object { bucket: "elsewhere".into(), name: "other".into(), ..bound(BindingMode::None) }.opens("mode n opens under any name")),
        ("metadata", Object::hello().with_metadata(&metadata).opens("user metadata is a sealed map, shorter names first")),
        ("empty-metadata", Object::hello().with_metadata(&[]).opens("an empty map of user metadata opens")),
    ]
}

fn envelopes() -> Vec<Case> {
    let refused = |from: &str, to: &str, check: &str, rule: &str| Object::hello().edit(from, to).refused(check, rule);
    let envelope = Object::hello().envelope;
    let (start, commitment) = envelope.rsplit_once(";c=").unwrap();
    let ending = |commitment: &str, rule: &str| {
        Object { envelope: format!("{start};c={commitment}"), ..Object::hello() }.refused("envelope", rule)
    };
    vec![
        ("envelope-version", refused("v=1", "v=2", "version", "an unknown version is refused")),
        ("envelope-wrap", refused("w=A256KW", "w=A128KW", "wrap", "an unknown wrap algorithm is refused")),
        ("envelope-upload", refused("l=p", "l=x", "envelope", "an unknown kind of upload is refused")),
        (
            "envelope-multipart",
            refused("l=p", "l=m", "multipart", "an object of one request is not an object of a multipart upload"),
        ),
        ("envelope-mode", refused("b=o", "b=x", "envelope", "an unknown binding mode is refused")),
        (
            "envelope-key-id",
            refused("k=main", "k=ma in", "envelope", "a key id has only letters, digits, '.', '_' and '-'"),
        ),
        ("envelope-key-id-empty", refused("k=main", "k=", "envelope", "a key id is not empty")),
        ("envelope-missing-field", refused("b=o;", "", "envelope", "a missing field is refused")),
        ("envelope-repeated-field", refused("b=o;", "b=o;b=o;", "envelope", "a repeated field is refused")),
        ("envelope-unknown-field", refused("b=o;", "b=o;x=1;", "envelope", "an unknown field is refused")),
        ("envelope-order", refused("l=p;b=o", "b=o;l=p", "envelope", "the fields have one order")),
        ("envelope-space", refused("l=p;", "l=p; ", "envelope", "there are no spaces")),
        ("envelope-trailing-semicolon", ending(&format!("{commitment};"), "nothing follows the commitment")),
        ("envelope-padding", ending(&format!("{commitment}="), "base64url has no padding")),
        ("envelope-spare-bits", ending(&spare_bits(commitment), "the spare bits of base64url are zero")),
        ("envelope-short-commitment", ending(&commitment[..42], "a commitment has 32 bytes")),
        (
            "envelope-short-wrapped-key",
            Object { envelope: short_wrapped(&envelope), ..Object::hello() }
                .refused("envelope", "a wrapped key has 40 bytes"),
        ),
    ]
}

/// Keys that a service keeps: what the service wrapped stands before the wrapped data key.
fn services() -> Vec<Case> {
    let (blob, ciphertext) = (draw::<32>("blob").repeat(5), b"vault:v1:c2VhbGdhdGUgdmVjdG9y");
    let kms = || Object::hello().under_service(WrapAlgorithm::AwsKms, &blob, BindingMode::Object);
    let vault = |mode| Object::hello().under_service(WrapAlgorithm::VaultTransit, ciphertext, mode);
    vec![
        ("service-aws-kms", kms().opens("under a key of AWS KMS, `key` is what it decrypts the blob of 160 bytes to")),
        (
            "service-vault-transit",
            Object { bucket: "elsewhere".into(), ..vault(BindingMode::Key) }
                .opens("under a key of a transit engine the blob is its text"),
        ),
        (
            "service-other-intermediate-key",
            Object { key: draw("another"), ..kms() }.refused("unwrap", "another intermediate key is refused"),
        ),
        (
            "service-other-name",
            Object { name: "other".into(), ..kms() }
                .refused("unwrap", "the intermediate key is no way around the name"),
        ),
        (
            "service-blob-length",
            rewrapped(kms(), |wrapped| wrapped[1] += 1).refused("unwrap", "the length of the blob leaves 40 bytes"),
        ),
        (
            "service-empty-blob",
            rewrapped(kms(), |wrapped| drop(wrapped.splice(..162, [0, 0])))
                .refused("envelope", "the blob is not empty"),
        ),
        (
            "service-as-local",
            kms()
                .edit("w=AWS-KMS", "w=A256KW")
                .refused("envelope", "what a service wrapped is not wrapped by a key at hand"),
        ),
    ]
}

/// Keys of two halves. The wraps were made by another implementation, which has the public halves.
fn halves() -> Vec<Case> {
    let rsa = || Object::hello().for_private_key(WrapAlgorithm::RsaOaep256, RSA, RSA_WRAPPED);
    let x25519 = || Object::hello().for_private_key(WrapAlgorithm::HpkeX25519, X25519, X25519_WRAPPED);
    let flipped = |object: Object, at: usize| rewrapped(object, |wrapped| wrapped[at] ^= 1);
    vec![
        ("rsa", rsa().opens("an RSA key unwraps with OAEP, `key` is its private half in DER")),
        ("rsa-other-name", Object { name: "other".into(), ..rsa() }.refused("unwrap", "the name is the label of OAEP")),
        ("rsa-flipped", flipped(rsa(), 100).refused("unwrap", "a changed wrap is refused")),
        (
            "rsa-short",
            rewrapped(rsa(), |wrapped| wrapped.truncate(wrapped.len() - 1))
                .refused("envelope", "a wrap is as long as the modulus, at least 256 bytes"),
        ),
        ("x25519", x25519().opens("an X25519 key unwraps with HPKE, `key` is its private half in DER")),
        (
            "x25519-other-bucket",
            Object { bucket: "other".into(), ..x25519() }.refused("unwrap", "the name is the associated data of HPKE"),
        ),
        ("x25519-encapsulated-flipped", flipped(x25519(), 0).refused("unwrap", "another encapsulated key is refused")),
        ("x25519-sealed-flipped", flipped(x25519(), 40).refused("unwrap", "a changed wrap is refused")),
        (
            "x25519-long",
            rewrapped(x25519(), |wrapped| wrapped.push(0)).refused("envelope", "a wrap of HPKE has 80 bytes"),
        ),
    ]
}

const RSA: &str = include_str!("../../../keyring/tests/keys/rsa-1.pem");
const RSA_WRAPPED: &str = "Tw3i7SfcgB43KlHGLN18v5piK8lJO55FH-hfK5anJ7TcTN0Z0RQ6Pdjy5h_sYQ_2G-OXdagDn_9Do_G_syb4WnwVhHQjSiiGKZWh1vHN2CVH_KMFt1TqB4idY91sDLhb5_bHIsGjldQzIpV6uVcJpUI3eq4GUydGMjTWWjlKhcVv2QNY8fP1qczBn8zfLMQvTbZrWiSKvDJwS9FdkNCZERYUIVfKPI2ak9gPAarohRxlwfBysWYo7iZdGCkHXXXeW35e7CWNlWU1vUYw2A2Z-ekF2K7apRw9XffJWE9J1IP0_MDb2TKshA2c3SsqlUGrFx5h-irUPJ15kwgEDHA0vQ";
const X25519: &str = include_str!("../../../keyring/tests/keys/x25519-1.pem");
const X25519_WRAPPED: &str =
    "43_b0FxS2-axQ0B7ZvNarb-1jLJt22kJDAKvV_hianW6pKA_TgB2XYRjkj5Tv3uI8SqwpPwBAMKJEF1hflGR_5XjvvrM-O5W1fv0c7CzXo0";

/// The same with changes in the wrapped key.
fn rewrapped(object: Object, change: impl FnOnce(&mut Vec<u8>)) -> Object {
    let (start, rest) = object.envelope.split_once(";e=").unwrap();
    let (wrapped, commitment) = rest.split_once(";c=").unwrap();
    let mut wrapped = URL_SAFE_NO_PAD.decode(wrapped).unwrap();
    change(&mut wrapped);
    Object { envelope: format!("{start};e={};c={commitment}", URL_SAFE_NO_PAD.encode(wrapped)), ..object }
}

/// The same 32 bytes with a spare bit set: the last of 43 characters carries two bits that mean nothing.
fn spare_bits(commitment: &str) -> String {
    const ALPHABET: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let (start, last) = commitment.split_at(42);
    let at = ALPHABET.find(last).unwrap();
    format!("{start}{}", &ALPHABET[at + 1..at + 2])
}

fn short_wrapped(envelope: &str) -> String {
    let (start, rest) = envelope.split_once(";e=").unwrap();
    let (wrapped, commitment) = rest.split_once(";c=").unwrap();
    format!("{start};e={};c={commitment}", &wrapped[..43])
}

fn keys() -> Vec<Case> {
    let hello = Object::hello;
    let other = Object::new("another object", b"another".to_vec());
    let commitment = other.envelope.rsplit_once(";c=").unwrap().1;
    let own = hello();
    let own_commitment = own.envelope.rsplit_once(";c=").unwrap().1;
    let wrapped = |of: &Object| of.envelope.split_once(";e=").unwrap().1.split_once(';').unwrap().0.to_owned();
    vec![
        (
            "other-key",
            Object { key: draw("another wrapping key"), ..hello() }
                .refused("unwrap", "another wrapping key is refused"),
        ),
        ("zero-key", Object { key: [0; 32], ..hello() }.refused("unwrap", "an all-zero wrapping key is refused")),
        (
            "other-bucket",
            Object { bucket: "other".into(), ..hello() }.refused("unwrap", "an object does not open in another bucket"),
        ),
        (
            "other-name",
            Object { name: "other".into(), ..hello() }.refused("unwrap", "an object does not open under another name"),
        ),
        (
            "shifted-name",
            Object { bucket: "photo".into(), name: "s2026/été.jpg".into(), ..hello() }
                .refused("unwrap", "bucket and name are bound with their lengths"),
        ),
        ("other-mode", hello().edit("b=o", "b=k").refused("unwrap", "the binding mode is bound")),
        (
            "wrapped-key-flipped",
            hello()
                .edit(";e=", ";e=A")
                .edit(&wrapped(&own)[..], &wrapped(&own)[1..])
                .refused("unwrap", "a changed wrapped key is refused"),
        ),
        (
            "commitment-of-another",
            hello()
                .edit(own_commitment, commitment)
                .refused("commitment", "the data key is the one the envelope commits to"),
        ),
        (
            "wrapped-key-of-another",
            hello()
                .edit(&wrapped(&own), &wrapped(&other))
                .refused("commitment", "another object's data key does not fit the commitment"),
        ),
    ]
}

fn metadata() -> Vec<Case> {
    let raw = |plain: &[u8], rule: &str| Object::hello().with_raw_metadata(plain).refused("metadata", rule);
    let other = Object::new("another object", b"another".to_vec()).with_metadata(&[("a", "1")]);
    let moved = Object { sealed_metadata: other.sealed_metadata, ..Object::hello() };
    let good = Object::hello().with_metadata(&[("a", "1")]);
    let value = good.sealed_metadata.clone().unwrap();
    let changed =
        |value: String, rule: &str| Object { sealed_metadata: Some(value), ..good.clone() }.refused("metadata", rule);
    vec![
        ("metadata-of-another", moved.refused("metadata", "user metadata of another object is refused")),
        ("metadata-padded", changed(format!("{value}="), "base64url has no padding")),
        ("metadata-cut", changed(value[..value.len() - 4].to_owned(), "cut user metadata is refused")),
        ("metadata-short", changed("AAAA".into(), "sealed user metadata has at least nonce and tag")),
        ("metadata-unsorted", raw(b"\xa2\x61b\x612\x61a\x611", "names are sorted")),
        ("metadata-long-name-first", raw(b"\xa2\x62aa\x612\x61b\x611", "shorter names come first")),
        ("metadata-repeated", raw(b"\xa2\x61a\x611\x61a\x611", "names are not repeated")),
        ("metadata-indefinite", raw(b"\xbf\x61a\x611\xff", "lengths are definite")),
        ("metadata-long-length", raw(b"\xa1\x78\x01a\x611", "lengths are written in the shortest way")),
        ("metadata-bytes", raw(b"\xa1\x61a\x41\x31", "values are text")),
        ("metadata-trailing", raw(b"\xa1\x61a\x611\x00", "nothing follows the map")),
    ]
}

fn lengths() -> Vec<Case> {
    let cut = |to: usize, check: &str, rule: &str| {
        let mut object = Object::hello();
        object.stored.truncate(to);
        object.refused(check, rule)
    };
    let appended = |bytes: &[u8], rule: &str| {
        let mut object = Object::hello();
        object.stored.extend_from_slice(bytes);
        object.refused("summary", rule)
    };
    let mut tag_only = Object::new("empty", vec![]).with_facts(b"\xa1\x01\x00");
    tag_only.stored.splice(0..0, [0; 16]);
    let mut bare = Object::new("table", pattern(5_242_880));
    let whole = bare.stored.clone();
    bare.stored = [&whole[..whole.len() - 320], &whole[whole.len() - 256..]].concat();
    bare.pieces = Some(vec![
        Piece::Of { vector: "table".into(), from: 0, to: whole.len() - 320 },
        Piece::Of { vector: "table".into(), from: whole.len() - 256, to: whole.len() },
    ]);
    vec![
        ("stored-nothing", cut(0, "length", "an object has at least a summary")),
        ("stored-short", cut(255, "length", "an object has at least a summary of 256 bytes")),
        ("stored-without-summary", cut(37, "length", "an object without its summary is refused")),
        ("cut-by-one", cut(292, "summary", "the last byte may not be missing")),
        ("appended-byte", appended(b"\0", "nothing follows the summary")),
        ("appended-summary", appended(&Object::hello().stored[37..], "a second summary makes another object")),
        ("tag-only-chunk", tag_only.refused("length", "no chunk is empty")),
        ("no-table", bare.refused("length", "the table belongs to the object even when it lists nothing")),
    ]
}

fn chunks() -> Vec<Case> {
    const FIRST: (usize, usize) = (0, 65_552);
    const SECOND: (usize, usize) = (65_552, 131_104);
    const LAST: (usize, usize) = (131_104, 131_121);
    const SUMMARY: (usize, usize) = (131_121, 131_377);
    let rearranged =
        |slices: &[(usize, usize)], check: &str, rule: &str| Object::rearranged(slices).refused(check, rule);
    let two = || Object::new("two chunks", pattern(65_537));
    let mut foreign = Object::hello();
    let other = Object::new("another object", foreign.plain.clone());
    foreign.stored.splice(0..37, other.stored[0..37].iter().copied());
    vec![
        ("chunk-flipped", Object::hello().flip(0).refused("chunk", "a changed chunk is refused")),
        ("tag-flipped", Object::hello().flip(36).refused("chunk", "a changed tag is refused")),
        ("chunk-of-another", foreign.refused("chunk", "a chunk of another object is refused")),
        ("chunks-swapped", rearranged(&[SECOND, FIRST, LAST, SUMMARY], "chunk", "chunks have an order")),
        ("chunk-repeated", rearranged(&[FIRST, FIRST, LAST, SUMMARY], "chunk", "a chunk has one place")),
        ("chunk-dropped", rearranged(&[SECOND, LAST, SUMMARY], "chunk", "no chunk may be missing at the front")),
        ("last-chunk-dropped", rearranged(&[FIRST, SECOND, SUMMARY], "summary", "no chunk may be missing at the end")),
        ("chunk-added", rearranged(&[FIRST, SECOND, LAST, LAST, SUMMARY], "summary", "no chunk may be added")),
        (
            "last-chunk-unmarked",
            two().with_chunks(&[(0, 0), (0, 1)]).refused("chunk", "the last chunk is marked in its nonce"),
        ),
        ("first-chunk-marked", two().with_chunks(&[(1, 0), (1, 1)]).refused("chunk", "only the last chunk is marked")),
        ("chunks-from-one", Object::hello().with_chunks(&[(1, 1)]).refused("chunk", "chunks are counted from 0")),
    ]
}

fn summaries() -> Vec<Case> {
    let other = Object::new("another object", Object::hello().plain);
    let mut foreign = Object::hello();
    foreign.stored.splice(37.., other.stored[37..].iter().copied());
    let padded = |facts: &[u8]| {
        let mut padded = facts.to_vec();
        padded.resize(212, 0);
        padded
    };
    let large = Object::new("table", pattern(5_242_880));
    let body = large.stored.len() - 256;
    let mut no_table_len = large.with_summary(&padded(b"\xa1\x01\x1a\x00\x50\x00\x00"), 0);
    let summary = no_table_len.stored[body..].to_vec();
    no_table_len.describe(5_242_880, 64);
    assert_eq!(summary.len(), 256);
    vec![
        ("summary-flipped", Object::hello().flip(37 + 12).refused("summary", "a changed summary is refused")),
        ("summary-nonce-flipped", Object::hello().flip(37).refused("summary", "a changed nonce is refused")),
        ("summary-magic", Object::hello().flip(292).refused("summary", "a summary ends in SEALGATE")),
        (
            "summary-table-len",
            Object::hello().flip(284).refused("summary", "the trailer says the length the table has"),
        ),
        (
            "summary-table-len-zero",
            no_table_len.refused("summary", "the trailer does not say 0 where there is a table"),
        ),
        ("summary-of-another", foreign.refused("summary", "a summary of another object is refused")),
        (
            "summary-longer",
            Object::hello().with_facts(b"\xa1\x01\x16").refused("summary", "the summary has the length of the content"),
        ),
        (
            "summary-shorter",
            Object::hello().with_facts(b"\xa1\x01\x14").refused("summary", "the summary has the length of the content"),
        ),
    ]
}

fn facts() -> Vec<Case> {
    let facts = |facts: &[u8], rule: &str| Object::hello().with_facts(facts).refused("summary", rule);
    let mut end = vec![0; 212];
    end[..3].copy_from_slice(b"\xa1\x01\x15");
    end[211] = 1;
    vec![
        ("facts-no-length", facts(b"\xa0", "the length is always there")),
        ("facts-not-a-map", facts(b"\x15", "facts are a map")),
        ("facts-indefinite", facts(b"\xbf\x01\x15\xff", "lengths are definite")),
        ("facts-long-integer", facts(b"\xa1\x01\x18\x15", "integers are written in the shortest way")),
        ("facts-long-key", facts(b"\xa1\x18\x01\x15", "keys are written in the shortest way")),
        ("facts-repeated", facts(b"\xa2\x01\x15\x01\x15", "keys are not repeated")),
        ("facts-unsorted", facts(b"\xa2\x05\xa1\x61x\x41\x00\x01\x15", "keys are sorted")),
        ("facts-unknown", facts(b"\xa2\x01\x15\x07\x00", "an unknown fact is refused")),
        (
            "facts-segments",
            Object::hello()
                .with_facts(&[b"\xa2\x01\x15\x02\x83\x01\x15\x58\x18", &[7; 24][..]].concat())
                .refused("multipart", "an object of one request lists no segments"),
        ),
        ("facts-short-md5", facts(b"\xa2\x01\x15\x04\x41\x00", "an MD5 has 16 bytes")),
        (
            "facts-short-checksum",
            facts(b"\xa2\x01\x15\x05\xa1\x65CRC32\x41\x00", "a checksum has the length of its algorithm"),
        ),
        ("facts-empty-checksums", facts(b"\xa2\x01\x15\x05\xa0", "an empty map of checksums is left out")),
        (
            "facts-checksums-unsorted",
            facts(b"\xa2\x01\x15\x05\xa2\x62bb\x40\x61a\x40", "checksum names are sorted, shorter ones first"),
        ),
        ("facts-padding", facts(b"\xa1\x01\x15\x00\x01", "the padding is zero")),
        (
            "facts-padding-end",
            Object::hello().with_summary(&end, 0).refused("summary", "the padding is zero to its end"),
        ),
    ]
}

fn digests() -> Vec<Case> {
    let lie = |name: ChecksumName| {
        let mut facts = b"\xa2\x01\x15\x05\xa1".to_vec();
        facts.push(0x60 | u8::try_from(name.as_str().len()).unwrap());
        facts.extend_from_slice(name.as_str().as_bytes());
        match u8::try_from(name.raw_len()).unwrap() {
            short @ ..24 => facts.push(0x40 | short),
            long => facts.extend([0x58, long]),
        }
        facts.resize(facts.len() + name.raw_len(), 0xee);
        Object::hello().with_facts(&facts).refused("digest", &format!("the {name} is that of the content"))
    };
    let mut md5 = b"\xa2\x01\x15\x04\x50".to_vec();
    md5.resize(5 + 16, 0xee);
    vec![
        ("digest-crc32", lie(ChecksumName::Crc32)),
        ("digest-crc32c", lie(ChecksumName::Crc32c)),
        ("digest-crc64nvme", lie(ChecksumName::Crc64Nvme)),
        ("digest-sha1", lie(ChecksumName::Sha1)),
        ("digest-sha256", lie(ChecksumName::Sha256)),
        ("digest-md5", Object::hello().with_facts(&md5).refused("digest", "the MD5 is that of the content")),
    ]
}
