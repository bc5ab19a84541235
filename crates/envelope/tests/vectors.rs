//! Runs the test vectors of the sealed format, which readers in other languages run too.
//!
//! The files are the interface: this suite knows how to read an object, not what any vector is about.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::collections::BTreeSet;
use std::fs;
use std::ops::Range;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::BytesMut;
use envelope::{
    Binding, ChecksumName, ChecksumType, Computed, DataKey, DigestSet, Digests, Envelope, Error, Facts, ObjectKeys,
    Opener, PartMap, SegmentsOpener, Summary, Upload, WrapAlgorithm, WrappingSecret, checksum,
    wrap::{self, RsaWrappingKey, ServiceWrap, X25519WrappingKey},
};
use sha2::{Digest, Sha256};

use crate::vector::{Expect, Opened, Piece, Vector};

#[path = "support/cases.rs"]
mod cases;
#[path = "support/forge.rs"]
mod forge;
#[path = "support/parts.rs"]
mod parts;
#[path = "support/parts_cases.rs"]
mod parts_cases;
#[path = "support/vector.rs"]
mod vector;

#[test]
fn every_vector_is_opened_or_refused_as_it_says() {
    for name in names() {
        let vector = read(&name);
        let stored = stored(&vector);
        assert_eq!(hex::encode(Sha256::digest(&stored)), vector.stored_sha256, "{name}");
        assert_eq!(stored.len() as u64, vector.stored_len, "{name}");
        match (&vector.expect, open(&vector, &stored)) {
            (Expect::Opened(expected), Ok(found)) => assert_eq!(&found, &**expected, "{name}"),
            (Expect::Refused(check), Err(error)) => assert_eq!(check_of(&error), check, "{name}: {error}"),
            (expected, found) => panic!("{name}: expected {expected:?}, found {found:?}"),
        }
    }
}

#[test]
fn the_files_are_what_the_generator_writes() {
    let cases = cases::all();
    let generated: BTreeSet<_> = cases.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(generated.len(), cases.len(), "two vectors have one name");
    assert_eq!(generated, names().into_iter().collect(), "run the example named vectors");
    for (name, vector) in cases {
        let file = fs::read_to_string(vector::directory().join(format!("{name}.json"))).unwrap();
        assert!(file == vector::render(&vector), "{name} is stale: run the example named vectors");
    }
}

#[test]
fn most_vectors_are_about_refusing() {
    let refused = names().iter().filter(|name| matches!(read(name).expect, Expect::Refused(_))).count();
    assert!(refused * 2 > names().len());
}

#[test]
fn the_worked_example_is_a_vector() {
    let text = fs::read_to_string(format!("{}/../../FORMAT.md", env!("CARGO_MANIFEST_DIR"))).unwrap();
    let vector = read("metadata");
    let envelope = Envelope::parse(&vector.envelope).unwrap();
    let data_key = data_key(&vector, &envelope);
    let derived = |purpose: &str| forge::hkdf(&data_key, b"", format!("sealgate/1 {purpose}").as_bytes());
    let mut shown: Vec<_> = ["commit", "footer", "metadata"].map(|purpose| hex::encode(derived(purpose))).into();
    shown.push(hex::encode(forge::hkdf(&data_key, &[0; 24], b"sealgate/1 segment")));
    shown.push(hex::encode(binding(&vector, &envelope).context()));
    shown.push(hex::encode(&envelope.encrypted_data_key().wrapped));
    shown.push(hex::encode(&stored(&vector)[..37]));
    shown.push(hex::encode(&stored(&vector)[37..49]));
    shown.extend([hex::encode(data_key), vector.envelope, vector.sealed_metadata.unwrap(), vector.key]);
    for value in shown {
        assert!(text.contains(&value), "{value}");
    }
}

#[test]
fn the_worked_example_in_parts_is_a_vector() {
    let text = fs::read_to_string(format!("{}/../../FORMAT.md", env!("CARGO_MANIFEST_DIR"))).unwrap();
    let vector = read("parts-three");
    let envelope = Envelope::parse(&vector.envelope).unwrap();
    let (keys, data_key, stored) = (unlock(&vector, &envelope).unwrap(), data_key(&vector, &envelope), stored(&vector));
    let (rest, summary) = stored.split_last_chunk::<256>().unwrap();
    let opened = Summary::open(&keys, summary).unwrap();
    let map = PartMap::open(&keys, &opened, &rest[108..], stored.len() as u64).unwrap();
    let mut shown = vec![hex::encode(data_key), hex::encode(forge::hkdf(&data_key, b"", b"sealgate/1 footer"))];
    for (segment, sealed) in map.parts().iter().zip(rest.chunks(36)) {
        shown.push(hex::encode(forge::hkdf(&data_key, &segment.salt, b"sealgate/1 segment")));
        shown.extend([hex::encode(segment.salt), hex::encode(sealed)]);
    }
    shown.extend([&rest[108..120], &summary[..12], &summary[240..248]].map(hex::encode));
    for value in shown {
        assert!(text.contains(&value), "{value}");
    }
}

fn names() -> Vec<String> {
    let files = fs::read_dir(vector::directory()).unwrap().map(|file| file.unwrap().path());
    files.map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned()).collect()
}

fn read(name: &str) -> Vector {
    let file = fs::read(vector::directory().join(format!("{name}.json"))).unwrap();
    serde_json::from_slice(&file).unwrap()
}

fn stored(vector: &Vector) -> Vec<u8> {
    vector.stored.iter().flat_map(|piece| bytes_of(piece, vector)).collect()
}

fn bytes_of(piece: &Piece, vector: &Vector) -> Vec<u8> {
    match piece {
        Piece::Base64(text) => STANDARD.decode(text).unwrap(),
        Piece::Of { vector, from, to } => stored(&read(vector))[*from..*to].to_vec(),
        Piece::Pattern(len) => vector::pattern(*len),
        Piece::SealedPattern(len) => sealed_segment(vector, &[0; 24], &vector::pattern(*len)),
        Piece::SealedPart { salt, from, to } => {
            sealed_segment(vector, &hex::decode(salt).unwrap(), &vector::pattern(*to)[*from..])
        }
    }
}

fn sealed_segment(vector: &Vector, salt: &[u8], plain: &[u8]) -> Vec<u8> {
    let envelope = Envelope::parse(&vector.envelope).unwrap();
    forge::segment(&data_key(vector, &envelope), salt, plain)
}

/// The bytes of a data key, which the crate never shows: unwrapped by hand.
fn data_key(vector: &Vector, envelope: &Envelope) -> [u8; 32] {
    if matches!(envelope.encrypted_data_key().algorithm, WrapAlgorithm::RsaOaep256 | WrapAlgorithm::HpkeX25519) {
        return committed_key(vector, envelope);
    }
    let binding = binding(vector, envelope);
    let mode = u8::try_from(binding.mode().letter()).unwrap();
    let info = [&b"sealgate/1 wrap"[..], &[mode], &binding.context()].concat();
    let derived = forge::hkdf(&hex_key(&vector.key), b"", &info);
    let mut key = [0; 32];
    let cipher: aes_kw::KwAes256 = aes_kw::KeyInit::new((&derived).into());
    // Whatever stands before the last 40 bytes is for a service.
    cipher.unwrap_key(envelope.encrypted_data_key().wrapped.last_chunk::<40>().unwrap(), &mut key).unwrap();
    key
}

/// What the vector says is the data key; the envelope's commitment tells whether it is.
fn committed_key(vector: &Vector, envelope: &Envelope) -> [u8; 32] {
    let Expect::Opened(opened) = &vector.expect else { panic!("{}", vector.rule) };
    let key = hex_key(&opened.data_key);
    envelope.unlock(&DataKey::from_bytes(key)).unwrap();
    key
}

fn open(vector: &Vector, stored: &[u8]) -> Result<Opened, Error> {
    let envelope = Envelope::parse(&vector.envelope)?;
    let keys = unlock(vector, &envelope)?;
    let metadata = vector.sealed_metadata.as_ref().map(|value| keys.open_metadata(value)).transpose()?;
    let (plain, facts, parts) = match envelope.upload() {
        Upload::Put => open_put(keys, stored)?,
        Upload::Multipart => open_parts(&keys, stored)?,
    };
    let Facts { md5, checksums, .. } = facts;
    Ok(Opened {
        data_key: hex::encode(data_key(vector, &envelope)),
        plain_len: facts.plain_len,
        plain_sha256: hex::encode(Sha256::digest(&plain)),
        plain: (plain.len() < 100).then(|| hex::encode(&plain)),
        metadata,
        md5: md5.map(hex::encode),
        checksums: checksums.iter().map(|(name, value)| (name.to_string(), hex::encode(value))).collect(),
        composite: facts.checksum_type == Some(ChecksumType::Composite),
        parts,
    })
}

type Content = (BytesMut, Facts, Vec<(u16, u64)>);

fn open_put(keys: ObjectKeys, stored: &[u8]) -> Result<Content, Error> {
    let (mut opener, mut plain) = (Opener::new(keys, stored.len() as u64)?, BytesMut::new());
    opener.push(stored, &mut plain)?;
    let facts = opener.finish(&mut plain)?;
    facts.check(&digests_of(&plain, &forge::every_digest()))?;
    Ok((plain, facts, Vec::new()))
}

fn open_parts(keys: &ObjectKeys, stored: &[u8]) -> Result<Content, Error> {
    let sealed_len = stored.len() as u64;
    let (rest, summary) = stored.split_last_chunk::<256>().ok_or(Error::ImpossibleLength { sealed_len })?;
    let summary = Summary::open(keys, summary)?;
    summary.check_sealed_len(sealed_len)?;
    let body_len = rest.len() - usize::try_from(summary.table_len).unwrap();
    let (body, table) = rest.split_at(body_len);
    let map = PartMap::open(keys, &summary, table, sealed_len)?;
    let (mut opener, mut plain) = (SegmentsOpener::new(keys, &map, 0..map.plain_len())?, BytesMut::new());
    opener.push(body, &mut plain)?;
    opener.finish(&mut plain)?;
    check_digests(&plain, &map)?;
    let parts = map.parts().iter().map(|segment| (segment.part, segment.plain_len)).collect();
    Ok((plain, map.facts().clone(), parts))
}

/// Compares what the crate does not compute again: MD5 and SHA, over the content or over the parts' digests.
fn check_digests(plain: &[u8], map: &PartMap) -> Result<(), Error> {
    let range = |range: Range<u64>| usize::try_from(range.start).unwrap()..usize::try_from(range.end).unwrap();
    let parts: Vec<_> = (0..map.parts().len()).map(|index| &plain[range(map.part_range(index).unwrap())]).collect();
    let facts = map.facts();
    let set = DigestSet { md5: facts.md5.is_some(), checksums: facts.checksums.keys().copied().collect() };
    let digests: Vec<_> = parts.iter().map(|part| digests_of(part, &set)).collect();
    facts.check(&digests_of(plain, &set))?;
    let md5 = checksum::md5_of_md5s(digests.iter().filter_map(|part| part.md5));
    if facts.md5.is_some_and(|said| said != md5) {
        return Err(Error::DigestDisagrees { digest: "MD5" });
    }
    for (name, said) in facts.checksums.iter().filter(|_| facts.checksum_type == Some(ChecksumType::Composite)) {
        let found = checksum::composite(*name, digests.iter().map(|part| &part.checksums[name]));
        if *said != found {
            return Err(Error::DigestDisagrees { digest: ChecksumName::as_str(*name) });
        }
    }
    Ok(())
}

fn unlock(vector: &Vector, envelope: &Envelope) -> Result<ObjectKeys, Error> {
    let secret = || WrappingSecret::from_bytes(hex_key(&vector.key));
    let der = || hex::decode(&vector.key).unwrap();
    let (edk, binding) = (envelope.encrypted_data_key(), binding(vector, envelope));
    let key: DataKey = match edk.algorithm {
        WrapAlgorithm::AwsKms | WrapAlgorithm::VaultTransit => {
            ServiceWrap::parse(&edk.wrapped)?.unwrap(&secret(), &binding)?
        }
        WrapAlgorithm::RsaOaep256 => RsaWrappingKey::from_pkcs8_der(&der()).unwrap().unwrap(&edk.wrapped, &binding)?,
        WrapAlgorithm::HpkeX25519 => {
            X25519WrappingKey::from_pkcs8_der(&der()).unwrap().unwrap(&edk.wrapped, &binding)?
        }
        _ => wrap::unwrap_a256kw(&secret(), &edk.wrapped, &binding)?,
    };
    envelope.unlock(&key)
}

fn binding(vector: &Vector, envelope: &Envelope) -> Binding {
    Binding::new(envelope.binding_mode(), &vector.bucket, &vector.name).unwrap()
}

fn hex_key(text: &str) -> [u8; 32] {
    hex::decode(text).unwrap().try_into().unwrap()
}

fn digests_of(plain: &[u8], set: &DigestSet) -> Computed {
    let mut digests = Digests::new(set);
    digests.update(plain);
    digests.finish()
}

/// The check of the format an error belongs to, as the vectors name it.
fn check_of(error: &Error) -> &'static str {
    match error {
        Error::MalformedEnvelope { .. } => "envelope",
        Error::UnsupportedVersion => "version",
        Error::UnsupportedWrap => "wrap",
        Error::Unwrap | Error::ZeroKey => "unwrap",
        Error::Commitment => "commitment",
        Error::Metadata | Error::MalformedMetadata => "metadata",
        Error::ImpossibleLength { .. } => "length",
        Error::Chunk { .. } | Error::PartChunk { .. } => "chunk",
        Error::Summary | Error::MalformedSummary { .. } | Error::LengthDisagrees => "summary",
        Error::DigestDisagrees { .. } => "digest",
        Error::UploadDisagrees => "multipart",
        Error::Table | Error::MalformedTable { .. } => "table",
        other => panic!("no vector provokes {other:?}"),
    }
}
