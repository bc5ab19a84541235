//! What must not open: tampered objects of Amazon's formats and envelopes nobody writes.
//!
//! The rows of `refused-envelopes.json` are changes to envelopes of other vectors, for readers in any language.

use std::collections::BTreeMap;
use std::fs;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::BytesMut;
use envelope::Transform;
use envelope::s3ec::{CommitmentPolicy, Error, ReadPolicy, Rule};
use serde::Deserialize;

use crate::vector as support;
use crate::vector::{Vector, generous, named};

fn refusal(vector: &Vector, stored: &[u8]) -> Error {
    match vector.open(stored, &generous(), 16) {
        Err(envelope::Error::S3Ec(error)) => error,
        other => panic!("{}: {other:?}", vector.id),
    }
}

#[test]
fn every_negative_vector_is_refused_for_its_reason() {
    let mut seen = 0;
    for vector in support::all().iter().filter(|vector| vector.expect == "fail") {
        let expected = match vector.id.as_str() {
            "neg-v3-ciphertext-flipped" | "neg-v3-tag-flipped" | "neg-v3-truncated" => Error::Content,
            "neg-v3-commitment-flipped" | "neg-v3-message-id-flipped" => Error::Commitment,
            "neg-v3-mixed-v2-key" | "neg-v3-instr-v2-keys" => Error::MixedFormats,
            "neg-v3-instr-commitment-moved" | "neg-v3-instr-duplicate-commitment" => {
                Error::InstructionFile { problem: "the key commitment belongs into the object's metadata" }
            }
            "neg-v2-under-require-decrypt" => {
                let strict = ReadPolicy { commitment: CommitmentPolicy::RequireEncryptRequireDecrypt, ..generous() };
                let refused = vector.open(&vector.stored(), &strict, 16).unwrap_err();
                assert_eq!(refused, Error::Refused(Rule::CommitmentPolicy).into());
                assert!(vector.open(&vector.stored(), &generous(), 16).is_ok());
                seen += 1;
                continue;
            }
            other => panic!("{other} is new"),
        };
        assert_eq!(refusal(vector, &vector.stored()), expected, "{}", vector.id);
        seen += 1;
    }
    assert_eq!(seen, 10);
}

/// Changes to the envelope of a vector that opens; `null` takes a field away.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    name: String,
    of: String,
    metadata: BTreeMap<String, Option<String>>,
    instruction_file: Option<String>,
    error: String,
}

#[derive(Deserialize)]
struct Rows {
    rows: Vec<Row>,
}

#[test]
fn every_envelope_nobody_writes_is_refused_by_name() {
    let file = fs::read(support::directory().join("refused-envelopes.json")).unwrap();
    let rows = serde_json::from_slice::<Rows>(&file).unwrap().rows;
    assert!(rows.len() > 30);
    for row in rows {
        let mut vector = named(&row.of);
        for (name, value) in row.metadata {
            match value {
                Some(value) => vector.metadata.insert(name, value),
                None => vector.metadata.remove(&name),
            };
        }
        if let (Some(body), Some(file)) = (row.instruction_file, vector.instruction_file.as_mut()) {
            file.body = body;
        }
        assert_eq!(name_of(&refusal(&vector, &vector.stored())), row.error, "{}", row.name);
    }
}

fn name_of(error: &Error) -> String {
    match error {
        Error::Repeated { field } => format!("repeated {field}"),
        Error::MixedFormats => "mixed".to_owned(),
        Error::Incomplete { field } => format!("missing {field}"),
        Error::InvalidField { field, .. } => format!("invalid {field}"),
        Error::UnknownAlgorithm { field } => format!("unknown {field}"),
        Error::ForbiddenPair => "pair".to_owned(),
        Error::InstructionFile { .. } => "instruction file".to_owned(),
        Error::StoredContext { .. } => "context".to_owned(),
        Error::Unwrap => "unwrap".to_owned(),
        Error::Commitment => "commitment".to_owned(),
        Error::Content => "content".to_owned(),
        other => panic!("no row provokes {other:?}"),
    }
}

#[test]
fn every_flipped_bit_of_authenticated_content_is_refused() {
    for id in ["v3-aes-java-short", "v3-kms-python-empty", "v2-rsa-java-short", "v2-aeswrap-gcm-s3encfork-short"] {
        let vector = named(id);
        let stored = vector.stored();
        let content = vector.unlock(&generous()).unwrap();
        for bit in 0..stored.len() * 8 {
            let mut flipped = stored.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(support::open(&content, &flipped, None, 16), Err(Error::Content.into()), "{id} {bit}");
        }
        for len in 0..stored.len() {
            assert_eq!(support::open(&content, &stored[..len], None, 16), Err(Error::Content.into()), "{id} {len}");
        }
        let longer = [&*stored, b"x"].concat();
        assert_eq!(support::open(&content, &longer, None, 16), Err(Error::Content.into()), "{id}");
    }
}

#[test]
fn every_flipped_bit_of_an_authenticated_envelope_is_refused() {
    for (id, fields) in [
        ("v3-aes-java-short", &["x-amz-3", "x-amz-d", "x-amz-i"][..]),
        ("v3-kms-python-short", &["x-amz-3", "x-amz-d", "x-amz-i"]),
        ("v2-aes-java-short", &["x-amz-key-v2", "x-amz-iv"]),
        ("v2-aes16-ruby-short", &["x-amz-key-v2", "x-amz-iv"]),
        ("v2-aeswrap-java-short", &["x-amz-key-v2", "x-amz-iv"]),
    ] {
        for field in fields {
            let vector = named(id);
            let (bytes, stored) = (STANDARD.decode(&vector.metadata[*field]).unwrap(), vector.stored());
            for bit in 0..bytes.len() * 8 {
                let (mut flipped, mut bytes) = (vector.clone(), bytes.clone());
                bytes[bit / 8] ^= 1 << (bit % 8);
                flipped.metadata.insert((*field).to_owned(), STANDARD.encode(bytes));
                let error = refusal_or_kms(&flipped, &stored);
                assert!(error.is_decryption_failure(), "{id} {field} {bit}: {error}");
            }
        }
    }
}

/// The test KMS refuses blobs it does not know, which the crate never sees.
fn refusal_or_kms(vector: &Vector, stored: &[u8]) -> Error {
    match vector.open(stored, &generous(), 16).unwrap_err() {
        envelope::Error::S3Ec(error) => error,
        envelope::Error::Unwrap => Error::Unwrap,
        other => panic!("{}: {other:?}", vector.id),
    }
}

#[test]
fn a_few_flipped_bits_of_a_key_wrapped_by_rsa_are_refused() {
    for (id, field) in [("v3-rsa-java-short", "x-amz-3"), ("v2-rsa-ruby-short", "x-amz-key-v2")] {
        let vector = named(id);
        let bytes = STANDARD.decode(&vector.metadata[field]).unwrap();
        for at in [1, 100, 255] {
            let (mut flipped, mut bytes) = (vector.clone(), bytes.clone());
            bytes[at] ^= 1;
            flipped.metadata.insert(field.to_owned(), STANDARD.encode(&bytes));
            assert_eq!(refusal(&flipped, &vector.stored()), Error::Unwrap, "{id} {at}");
            flipped.metadata.insert(field.to_owned(), STANDARD.encode(&bytes[1..]));
            assert_eq!(refusal(&flipped, &vector.stored()), Error::Unwrap, "{id} {at}");
        }
    }
}

/// Whoever can write the bucket must not learn whether the padding of an RSA or ECB wrap was right.
#[test]
fn a_wrong_wrap_of_format_v1_shows_only_as_content() {
    for (id, last) in [("v1-aes-java-short", 47), ("v1-aes16-s3encryption-short", 31), ("v1-rsa-java-short", 255)] {
        let (vector, stored) = (named(id), named(id).stored());
        let bytes = STANDARD.decode(&vector.metadata["x-amz-key"]).unwrap();
        for at in [1, 15, last - 1, last] {
            let (mut flipped, mut bytes) = (vector.clone(), bytes.clone());
            bytes[at] ^= 1;
            flipped.metadata.insert("x-amz-key".to_owned(), STANDARD.encode(bytes));
            assert!(flipped.unlock(&generous()).is_ok(), "{id} {at}");
            for _ in 0..2 {
                assert_eq!(refusal(&flipped, &stored), Error::Content, "{id} {at}");
            }
        }
    }
}

#[test]
fn all_that_can_be_wrong_with_cbc_is_one_error() {
    let vector = named("v1-aes-java-short");
    let (stored, content) = (vector.stored(), vector.unlock(&generous()).unwrap());
    let len = stored.len() as u64;
    assert_eq!(content.measure(len - 1), Err(Error::Content));
    assert_eq!(content.measure(0), Err(Error::Content));
    assert_eq!(content.extent_from_tail(len, &stored[1..]), Err(Error::Content));
    assert_eq!(content.extent_from_tail(len, b""), Err(Error::Content));
    let mut wrong = stored[stored.len() - 32..].to_vec();
    wrong[15] ^= 0x80;
    assert_eq!(content.extent_from_tail(len, &wrong), Err(Error::Content));
    assert!(content.extent_from_tail(len, &stored[stored.len() - 32..]).is_ok());
}

/// The padding is looked at once: a second reading with other bytes tells nothing.
#[test]
fn cbc_content_never_fails_once_its_length_is_known() {
    let vector = named("v1-aes-java-short");
    let (stored, content) = (vector.stored(), vector.unlock(&generous()).unwrap());
    let extent = support::extent(&content, &stored).unwrap();
    for byte in 0..=255 {
        let (mut changed, mut out) = (stored.clone(), BytesMut::new());
        *changed.last_mut().unwrap() = byte;
        let mut opener = content.open(extent, None).unwrap().opener;
        opener.push(&changed, &mut out).unwrap();
        opener.finish(&mut out).unwrap();
        assert_eq!(out.len() as u64, extent.plain_len());
    }
}

#[test]
fn a_machine_takes_what_it_asked_for_and_keeps_its_error() {
    for (id, want) in [("v3-aes-java-short", None), ("v3-aes-java-short", Some(5..20)), ("v1-aes-java-short", None)] {
        let (vector, stored) = (named(id), named(id).stored());
        let content = vector.unlock(&generous()).unwrap();
        let plan = || content.open(support::extent(&content, &stored).unwrap(), want.clone()).unwrap();
        let fetched = support::slice(&stored, &plan().fetch);
        let (mut opener, mut out) = (plan().opener, BytesMut::new());
        opener.push(&fetched[1..], &mut out).unwrap();
        assert_eq!(opener.finish(&mut out), Err(Error::Truncated { missing: 1 }.into()), "{id}");
        let (mut opener, mut out) = (plan().opener, BytesMut::new());
        opener.push(fetched, &mut out).unwrap();
        for _ in 0..2 {
            assert_eq!(opener.push(b"x", &mut out), Err(Error::TrailingBytes.into()), "{id}");
        }
        assert_eq!(opener.push(b"", &mut out), Err(Error::TrailingBytes.into()), "{id}");
        assert_eq!(opener.finish(&mut out), Err(Error::TrailingBytes.into()), "{id}");
    }
}

#[test]
fn a_range_does_not_skip_the_commitment() {
    let vector = named("neg-v3-commitment-flipped");
    assert_eq!(vector.unlock(&generous()).unwrap_err(), Error::Commitment.into());
}

#[test]
fn the_oaep_of_the_jdk_refuses_what_was_changed() {
    let vector = named("v2-rsaoaep256-java-short");
    let key = STANDARD.decode(&vector.metadata["x-amz-key-v2"]).unwrap();
    let unlocked = |key: &[u8]| {
        let mut changed = vector.clone();
        changed.metadata.insert("x-amz-key-v2".to_owned(), STANDARD.encode(key));
        changed.unlock(&generous())
    };
    assert!(unlocked(&key).is_ok());
    for at in [0, 1, key.len() / 2, key.len() - 1] {
        let mut key = key.clone();
        key[at] ^= 1;
        assert_eq!(unlocked(&key).unwrap_err(), Error::Unwrap.into(), "byte {at}");
    }
    for odd in [&key[1..], &[&key[..], &[0]].concat(), &vec![0; key.len()], &vec![255; key.len()]] {
        assert_eq!(unlocked(odd).unwrap_err(), Error::Unwrap.into());
    }
}
