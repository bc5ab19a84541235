//! What is written: the vectors byte for byte where all that is random is given, and what our own reader makes of the rest.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::BytesMut;
use envelope::s3ec::{
    AesMasterKey, ContentKeys, Context, Detection, Draft, Envelope, Error, Format, MasterKey, PartHash, ReadPolicy,
    RsaPublicKey, WriteFormat, Written, detect,
};
use envelope::{DataKey, ObjectKeys, Transform};
use proptest::prelude::*;

use crate::vector::{self, Master, Vector, generous};

const MOST: u64 = (1 << 36) - 32;

fn seal(keys: &ContentKeys, plain: &[u8], piece: usize) -> Vec<u8> {
    let (mut sealer, mut out) = (keys.sealer(Some(plain.len() as u64)).unwrap(), BytesMut::new());
    for piece in plain.chunks(piece) {
        sealer.push(piece, &mut out).unwrap();
    }
    sealer.finish(&mut out).unwrap();
    out.to_vec()
}

/// Parts that end at these places, sealed last to first.
fn seal_parts(keys: &ContentKeys, plain: &[u8], ends: &[usize], piece: usize) -> Vec<u8> {
    let starts = std::iter::once(0).chain(ends.iter().copied());
    let parts: Vec<_> = starts.zip(ends.iter().copied().chain([plain.len()])).collect();
    let mut done: Vec<(Vec<u8>, PartHash)> = Vec::new();
    for (start, end) in parts.into_iter().rev() {
        let (mut sealer, mut out) = (keys.part_sealer(start as u64, (end - start) as u64).unwrap(), BytesMut::new());
        for piece in plain[start..end].chunks(piece) {
            sealer.push(piece, &mut out).unwrap();
        }
        let hash = sealer.finish(&mut out).unwrap();
        done.push((out.to_vec(), PartHash::from_bytes(&hash.to_bytes()).unwrap()));
    }
    done.reverse();
    let tag = keys.tag(done.iter().map(|(_, hash)| hash)).unwrap();
    done.into_iter().flat_map(|(bytes, _)| bytes).chain(tag).collect()
}

/// What the draft of a vector was, and its wrap if that can be made again.
fn again(vector: &Vector) -> (ContentKeys, Option<Written>) {
    let format = if vector.format == "v3" { WriteFormat::V3 } else { WriteFormat::V2 };
    let field = |name: &str| vector.metadata.get(name).map(|text| STANDARD.decode(text).unwrap());
    let mut nonce = [0; 28];
    let given = field("x-amz-i").or(field("x-amz-iv")).unwrap();
    nonce[..given.len()].copy_from_slice(&given);
    let draft = Draft::new(format, vector.data_key(), nonce).unwrap();
    let map = ["x-amz-matdesc", "x-amz-m"].iter().find_map(|name| vector.metadata.get(*name));
    let description: Context = map.map(|json| serde_json::from_str(json).unwrap()).unwrap_or_default();
    let wrapped = field("x-amz-3").or(field("x-amz-key-v2")).unwrap();
    let written = match &vector.master_key {
        Master::Aes { hex } => {
            let key = AesMasterKey::from_bytes(&hex::decode(hex).unwrap()).unwrap();
            Some(draft.wrap_aes(&key, wrapped[..12].try_into().unwrap(), &description).unwrap())
        }
        Master::Kms { .. } => Some(draft.kms(&Context::new()).unwrap().wrapped(&wrapped).unwrap()),
        Master::Rsa { .. } => None,
    };
    (draft.content_keys().unwrap(), written)
}

fn writable() -> Vec<Vector> {
    let mut vectors = vector::all();
    let modern = ["v2-aes-", "v2-kms-", "v2-rsa-", "v3-aes-", "v3-kms-python", "v3-rsa-"];
    vectors
        .retain(|vector| modern.iter().any(|start| vector.id.starts_with(start)) && vector.instruction_file.is_none());
    assert_eq!(vectors.len(), 33);
    vectors
}

/// JSON values as maps, because clients space them differently.
fn comparable(metadata: impl IntoIterator<Item = (String, String)>) -> Vec<(String, serde_json::Value)> {
    let value = |text: String| match serde_json::from_str(&text) {
        Ok(serde_json::Value::Object(map)) => serde_json::Value::Object(map),
        _ => serde_json::Value::String(text),
    };
    let mut fields: Vec<_> = metadata.into_iter().map(|(name, text)| (name, value(text))).collect();
    // What tells no reader anything, and the caller's own.
    fields.retain(|(name, _)| name != "x-amz-unencrypted-content-length" && name.starts_with("x-amz-"));
    fields.sort_by(|one, other| one.0.cmp(&other.0));
    fields
}

#[test]
fn the_objects_of_other_writers_are_written_byte_for_byte() {
    for vector in writable() {
        let (keys, written) = again(&vector);
        let (plain, stored) = (vector.plain(), vector.stored());
        assert!(seal(&keys, &plain, 70_001) == stored, "{}", vector.id);
        let ends: Vec<usize> =
            [1, 3, 4].iter().map(|part| plain.len() * part / 5 + 1).filter(|end| *end < plain.len()).collect();
        assert!(seal_parts(&keys, &plain, &ends, 70_001) == stored, "{}", vector.id);
        if let Some(written) = written {
            let ours = written.into_metadata().into_iter().map(|(name, value)| (name.to_owned(), value));
            assert_eq!(comparable(ours), comparable(vector.metadata.clone()), "{}", vector.id);
        }
        assert!(keys.are_of(&vector.envelope().unwrap()), "{}", vector.id);
    }
}

#[derive(Debug, Clone, Copy)]
enum Kind {
    Aes(usize),
    Rsa,
    Kms,
}

fn private_key() -> String {
    match vector::named("v3-rsa-java-short").master_key {
        Master::Rsa { private_pem } => private_pem,
        other => panic!("{other:?}"),
    }
}

fn written(format: WriteFormat, kind: Kind, map: &Context) -> (ContentKeys, Written) {
    let draft = Draft::new(format, [5; 32], [6; 28]).unwrap();
    let written = match kind {
        Kind::Aes(len) => draft.wrap_aes(&AesMasterKey::from_bytes(&vec![7; len]).unwrap(), [8; 12], map),
        Kind::Rsa => draft.wrap_rsa(&RsaPublicKey::of_private(&vector::rsa(&private_key())).unwrap(), map),
        Kind::Kms => {
            let ask = draft.kms(map).unwrap();
            assert_eq!(ask.plaintext(), [5; 32]);
            ask.wrapped(b"blob")
        }
    };
    (draft.content_keys().unwrap(), written.unwrap())
}

/// Opens as a reader with the right key does.
fn open(envelope: Envelope, kind: Kind, map: &Context, policy: &ReadPolicy, stored: &[u8]) -> Vec<u8> {
    let admitted = envelope.admit(policy).unwrap();
    let content = match kind {
        Kind::Aes(len) => admitted.unlock(&MasterKey::Aes(AesMasterKey::from_bytes(&vec![7; len]).unwrap())),
        Kind::Rsa => admitted.unlock(&MasterKey::Rsa(vector::rsa(&private_key()))),
        Kind::Kms => {
            let ask = admitted.kms(map).unwrap();
            assert_eq!(ask.blob(), b"blob");
            ask.unlock(&[5; 32])
        }
    };
    vector::open(&content.unwrap(), stored, None, 4099).unwrap()
}

fn pairs<'a>(metadata: &'a [(&'static str, String)]) -> Vec<(&'static str, &'a str)> {
    metadata.iter().map(|(name, value)| (*name, value.as_str())).collect()
}

#[test]
fn what_is_written_opens_with_every_kind_of_key_also_with_an_instruction_file() {
    let described = Context::from([("name".to_owned(), "clé €".to_owned())]);
    for format in [WriteFormat::V3, WriteFormat::V2] {
        for kind in [Kind::Aes(16), Kind::Aes(24), Kind::Aes(32), Kind::Rsa, Kind::Kms] {
            for map in [&Context::new(), &described] {
                let (keys, fields) = written(format, kind, map);
                let stored = seal(&keys, b"the plaintext", 5);
                let policy = if format == WriteFormat::V3 { ReadPolicy::default() } else { generous() };
                let metadata = fields.clone().into_metadata();
                assert!(metadata.iter().all(|(_, value)| value.bytes().all(|byte| (b' '..=b'~').contains(&byte))));
                let Detection::Complete(envelope) = detect(pairs(&metadata), 0).unwrap() else { panic!() };
                assert_eq!(envelope.format(), if format == WriteFormat::V3 { Format::V3 } else { Format::V2 });
                assert!(!envelope.wrap().is_legacy() && keys.are_of(&envelope));
                assert_eq!(open(*envelope, kind, map, &policy, &stored), b"the plaintext", "{format:?} {kind:?}");

                let (metadata, body) = fields.into_instruction_file().unwrap();
                assert!(!body.contains(char::is_whitespace) || !map.is_empty());
                let partial = match detect(pairs(&metadata), 0).unwrap() {
                    Detection::NeedsInstructionFile(partial) => partial,
                    Detection::NoEnvelope(partial) if format == WriteFormat::V2 => partial,
                    other => panic!("{other:?}"),
                };
                let envelope = partial.with_instruction_file(body.as_bytes()).unwrap();
                assert_eq!(open(envelope, kind, map, &generous(), &stored), b"the plaintext", "{format:?} {kind:?}");
            }
        }
    }
}

#[test]
fn a_public_key_wraps_as_its_private_key_does() {
    let der = {
        use aws_lc_rs::encoding::{AsDer, PublicKeyX509Der};
        use aws_lc_rs::rsa::PrivateDecryptingKey;
        let text: String = private_key().lines().filter(|line| !line.starts_with("-----")).collect();
        let key = PrivateDecryptingKey::from_pkcs8(&STANDARD.decode(text).unwrap()).unwrap().public_key();
        let der: PublicKeyX509Der<'_> = key.as_der().unwrap();
        der.as_ref().to_vec()
    };
    let draft = Draft::new(WriteFormat::V3, [5; 32], [6; 28]).unwrap();
    let written = draft.wrap_rsa(&RsaPublicKey::from_spki_der(&der).unwrap(), &Context::new()).unwrap();
    let stored = seal(&draft.content_keys().unwrap(), b"plain", 5);
    let metadata = written.into_metadata();
    let Detection::Complete(envelope) = detect(pairs(&metadata), 0).unwrap() else { panic!() };
    assert_eq!(open(*envelope, Kind::Rsa, &Context::new(), &ReadPolicy::default(), &stored), b"plain");
}

#[test]
fn what_cannot_be_written_is_refused() {
    let draft = Draft::new(WriteFormat::V3, [5; 32], [6; 28]).unwrap();
    let reserved = Context::from([("aws:x-amz-cek-alg".to_owned(), "115".to_owned())]);
    assert!(matches!(draft.kms(&reserved), Err(Error::ExpectedContext { .. })));
    let long = Context::from([("name".to_owned(), "v".repeat(70_000))]);
    let key = AesMasterKey::from_bytes(&[7; 32]).unwrap();
    assert_eq!(draft.wrap_aes(&key, [8; 12], &long).unwrap_err(), Error::Description);
    assert!(draft.kms(&Context::new()).unwrap().wrapped(b"").is_err());
    assert!(draft.kms(&Context::new()).unwrap().wrapped(&[1; 1025]).is_err());
    assert!(Draft::new(WriteFormat::V3, [0; 32], [6; 28]).is_err());
    assert!(Draft::new(WriteFormat::V2, [5; 32], [0; 28]).is_err());
}

#[test]
fn lengths_are_kept_to_and_bounded_before_anything_is_sealed() {
    let keys = Draft::new(WriteFormat::V3, [5; 32], [6; 28]).unwrap().content_keys().unwrap();
    let out = &mut BytesMut::new();
    assert_eq!(ContentKeys::stored_len(MOST), Ok(MOST + 16));
    assert_eq!(ContentKeys::stored_len(MOST + 1), Err(Error::TooLong));
    assert!(keys.sealer(Some(MOST)).is_ok() && keys.sealer(Some(MOST + 1)).is_err());
    assert!(keys.part_sealer(MOST - 5, 5).is_ok() && keys.part_sealer(MOST - 5, 6).is_err());
    assert!(keys.part_sealer(u64::MAX, 1).is_err());

    let mut sealer = keys.sealer(Some(3)).unwrap();
    let error = envelope::Error::S3Ec(Error::WrongLength);
    assert_eq!(sealer.push(b"four", out).unwrap_err(), error);
    assert_eq!(sealer.push(b"", out).unwrap_err(), error, "a machine is spent after an error");
    assert_eq!(sealer.finish(out).unwrap_err(), error);
    assert_eq!(keys.sealer(Some(3)).unwrap().finish(out).unwrap_err(), error);
    assert!(keys.sealer(None).unwrap().finish(out).is_ok());
    let mut part = keys.part_sealer(7, 3).unwrap();
    assert_eq!(part.push(b"four", out).unwrap_err(), error);
    assert_eq!(keys.part_sealer(7, 3).unwrap().finish(out).unwrap_err(), error);
}

#[test]
fn parts_that_do_not_follow_each_other_have_no_tag() {
    let keys = Draft::new(WriteFormat::V3, [5; 32], [6; 28]).unwrap().content_keys().unwrap();
    let hash = |offset, len: usize| {
        let (mut sealer, mut out) = (keys.part_sealer(offset, len as u64).unwrap(), BytesMut::new());
        sealer.push(&vec![1; len], &mut out).unwrap();
        sealer.finish(&mut out).unwrap()
    };
    assert!(keys.tag([&hash(0, 20), &hash(20, 5)]).is_ok() && keys.tag([]).is_ok());
    for parts in [[hash(0, 20), hash(21, 5)], [hash(0, 20), hash(19, 5)], [hash(20, 5), hash(0, 20)]] {
        assert_eq!(keys.tag(&parts), Err(Error::PartsApart));
    }
}

#[test]
fn keys_are_kept_under_those_of_the_upload_and_for_one_place() {
    let upload = |byte| ObjectKeys::derive(&DataKey::from_bytes([byte; 32]));
    for format in [WriteFormat::V3, WriteFormat::V2] {
        let keys = Draft::new(format, [5; 32], [6; 28]).unwrap().content_keys().unwrap();
        let kept = keys.keep(&upload(1), [9; 12], b"here").unwrap();
        let again = ContentKeys::kept(&upload(1), b"here", &kept).unwrap();
        assert_eq!(seal(&again, b"plain", 5), seal(&keys, b"plain", 5));
        assert!(ContentKeys::kept(&upload(2), b"here", &kept).is_err());
        assert!(ContentKeys::kept(&upload(1), b"there", &kept).is_err());
        let other = upload(1).seal_record([9; 12], b"here", b"something else").unwrap();
        assert!(ContentKeys::kept(&upload(1), b"here", &other).is_err());
    }
}

proptest! {
    #[test]
    fn any_split_and_any_parts_seal_alike(
        plain in prop::collection::vec(any::<u8>(), 0..400),
        ends in prop::collection::btree_set(0_usize..400, 0..6),
        piece in 1_usize..70,
        v3: bool,
    ) {
        let format = if v3 { WriteFormat::V3 } else { WriteFormat::V2 };
        let keys = Draft::new(format, [5; 32], [6; 28]).unwrap().content_keys().unwrap();
        let stored = seal(&keys, &plain, 4096);
        prop_assert_eq!(&seal(&keys, &plain, piece), &stored);
        let ends: Vec<usize> = ends.into_iter().filter(|end| *end <= plain.len()).collect();
        prop_assert_eq!(&seal_parts(&keys, &plain, &ends, piece), &stored);
        let (kind, map) = (Kind::Kms, Context::new());
        let metadata = written(format, kind, &map).1.into_metadata();
        let Detection::Complete(envelope) = detect(pairs(&metadata), 0).unwrap() else { panic!() };
        prop_assert_eq!(open(*envelope, kind, &map, &generous(), &stored), plain);
    }
}
