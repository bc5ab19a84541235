//! Opens every object that another tool wrote in one of Amazon's formats, and asks the policy about each.
//!
//! What must not open is in `refusals.rs`.

use std::sync::LazyLock;

use bytes::BytesMut;
use envelope::s3ec::{CommitmentPolicy, InstructionFiles, PlainLen, ReadPolicy, Release, Rule, detect};
use envelope::{Error, Transform, s3ec};

use crate::vector as support;
use crate::vector::{Master, Vector, generous, open};

/// An object with its bytes, which take long to make.
struct Sample {
    vector: Vector,
    plain: Vec<u8>,
    stored: Vec<u8>,
}

static SAMPLES: LazyLock<Vec<Sample>> = LazyLock::new(|| {
    let bytes = |vector: Vector| Sample { plain: vector.plain(), stored: vector.stored(), vector };
    positive().into_iter().map(bytes).collect()
});

fn positive() -> Vec<Vector> {
    let mut vectors = support::all();
    vectors.retain(|vector| vector.expect == "ok");
    vectors
}

#[test]
fn the_vectors_are_all_there() {
    let count = |start: &str| positive().iter().filter(|vector| vector.id.starts_with(start)).count();
    assert_eq!([count("v1-"), count("v2-"), count("v3-")], [33, 45, 13]);
}

#[test]
fn every_object_opens_whole() {
    for Sample { vector, plain, stored } in &*SAMPLES {
        assert!(vector.open(stored, &generous(), 65_536).unwrap() == *plain, "{}", vector.id);
    }
}

#[test]
fn any_split_of_the_input_opens_alike() {
    for Sample { vector, plain, stored } in &*SAMPLES {
        let content = vector.unlock(&generous()).unwrap();
        let sizes: &[usize] = if stored.len() < 1000 { &[1, 2, 7, 15, 16, 17, 31, 33, 999] } else { &[4099, 1 << 24] };
        for piece in sizes {
            assert!(open(&content, stored, None, *piece).unwrap() == *plain, "{} {piece}", vector.id);
        }
    }
}

#[test]
fn every_range_is_the_slice_its_writer_expects() {
    for Sample { vector, plain, stored } in &*SAMPLES {
        let content = vector.unlock(&generous()).unwrap();
        for (want, expected) in vector.ranges() {
            for piece in [1, 16, 4099] {
                assert_eq!(open(&content, stored, Some(want.clone()), piece).unwrap(), expected, "{}", vector.id);
            }
            assert_eq!(support::slice(plain, &want), expected, "{}", vector.id);
        }
        for want in [0..0, 5..5, 0..plain.len() as u64 + 1, u64::MAX - 1..u64::MAX] {
            let refused = open(&content, stored, Some(want), 1).unwrap_err();
            assert_eq!(refused, Error::S3Ec(s3ec::Error::InvalidRange), "{}", vector.id);
        }
    }
}

#[test]
fn lengths_are_told_without_a_key() {
    for vector in positive() {
        let (len, envelope) = (vector.plaintext.as_ref().unwrap().length as u64, vector.envelope().unwrap());
        match envelope.plain_len(vector.ciphertext.length as u64).unwrap() {
            PlainLen::Exact(found) => assert_eq!(found, len, "{}", vector.id),
            PlainLen::Between(range) => assert!(range.contains(&len) && !vector.is_gcm(), "{}", vector.id),
        }
        assert!(envelope.length_hint().is_none_or(|hint| hint == len), "{}", vector.id);
    }
}

#[test]
fn the_plan_says_when_bytes_may_be_believed() {
    let early = ReadPolicy { early_release: true, ..generous() };
    for Sample { vector, stored, .. } in &*SAMPLES {
        let content = vector.unlock(&generous()).unwrap();
        let extent = support::extent(&content, stored).unwrap();
        let release = |want| content.open(extent, want).unwrap().release;
        assert_eq!(release(None), if vector.is_gcm() { Release::AtEnd } else { Release::Never }, "{}", vector.id);
        if extent.plain_len() > 1 {
            assert_eq!(release(Some(1..2)), Release::Never, "{}", vector.id);
            assert_eq!(release(Some(0..extent.plain_len())), release(None), "{}", vector.id);
        }
        let whole = vector.unlock(&early).unwrap().open(extent, None).unwrap();
        assert_eq!(whole.release, if vector.is_gcm() { Release::Early } else { Release::Never }, "{}", vector.id);
    }
}

#[test]
fn nothing_comes_out_before_the_tag_of_a_small_object() {
    let vector = support::named("v3-aes-java-short");
    let (plain, stored, content) = (vector.plain(), vector.stored(), vector.unlock(&generous()).unwrap());
    let mut opener = content.open(support::extent(&content, &stored).unwrap(), None).unwrap().opener;
    let mut out = BytesMut::new();
    opener.push(&stored, &mut out).unwrap();
    assert_eq!(out, plain[..32], "the last block is held back");
    opener.finish(&mut out).unwrap();
    assert_eq!(out, plain);
}

#[test]
fn the_verifier_agrees_with_the_opener_and_gives_out_nothing() {
    for Sample { vector, stored, .. } in &*SAMPLES {
        let (mut stored, content) = (stored.clone(), vector.unlock(&generous()).unwrap());
        let extent = support::extent(&content, &stored).unwrap();
        let verify = |stored: &[u8]| {
            let mut verifier = content.verifier(extent).unwrap()?;
            let mut out = BytesMut::new();
            stored.chunks(4099).for_each(|piece| verifier.push(piece, &mut out).unwrap());
            let verdict = verifier.finish(&mut out);
            assert!(out.is_empty());
            Some(verdict)
        };
        assert_eq!(verify(&stored), vector.is_gcm().then_some(Ok(())), "{}", vector.id);
        stored[0] ^= 1;
        let content_error = Err(Error::S3Ec(s3ec::Error::Content));
        assert_eq!(verify(&stored), vector.is_gcm().then_some(content_error), "{}", vector.id);
    }
}

/// What each vector needs of the policy, by its own description and not by what the crate makes of it.
fn needs(vector: &Vector) -> Vec<Rule> {
    let file = vector.instruction_file.as_ref().map_or("", |file| &file.body);
    let says = |text: &str| vector.metadata.values().any(|value| value == text) || file.contains(text);
    let v1 = vector.format == "v1";
    let legacy_wrap = v1 || says("AESWrap") || vector.id.contains("kmscbc") || vector.id.contains("kmsgcm");
    let legacy_wrap = legacy_wrap || vector.id.starts_with("v1-kms") || vector.id.starts_with("v2-rsaoaep256");
    let mut needs = Vec::new();
    needs.extend((vector.format != "v3").then_some(Rule::CommitmentPolicy));
    needs.extend(vector.instruction_file.is_some().then_some(Rule::InstructionFiles));
    needs.extend(legacy_wrap.then_some(Rule::LegacyWraps));
    needs.extend((!vector.is_gcm()).then_some(Rule::LegacyContent));
    needs
}

#[test]
fn each_switch_refuses_exactly_what_needs_it() {
    let strict = |rule| match rule {
        Rule::CommitmentPolicy => {
            ReadPolicy { commitment: CommitmentPolicy::RequireEncryptRequireDecrypt, ..generous() }
        }
        Rule::InstructionFiles => ReadPolicy { instruction_files: InstructionFiles::Refused, ..generous() },
        Rule::LegacyWraps => ReadPolicy { legacy_wraps: false, ..generous() },
        _ => ReadPolicy { legacy_content: false, ..generous() },
    };
    for vector in positive() {
        let needs = needs(&vector);
        for rule in [Rule::CommitmentPolicy, Rule::InstructionFiles, Rule::LegacyWraps, Rule::LegacyContent] {
            let refused = vector.envelope().unwrap().admit(&strict(rule)).err();
            let expected = needs.contains(&rule).then_some(s3ec::Error::Refused(rule));
            assert_eq!(refused, expected, "{}", vector.id);
        }
        let default = vector.envelope().unwrap().admit(&ReadPolicy::default());
        assert_eq!(default.is_ok(), needs.is_empty(), "{}", vector.id);
        let committed = ReadPolicy { instruction_files: InstructionFiles::Committed, ..generous() };
        let expected = vector.instruction_file.is_none() || vector.format == "v3";
        assert_eq!(vector.envelope().unwrap().admit(&committed).is_ok(), expected, "{}", vector.id);
    }
}

#[test]
fn ranges_of_gcm_need_their_switch_and_whole_objects_do_not() {
    let policy = ReadPolicy { unverified_ranges: false, ..generous() };
    for vector in positive().iter().filter(|vector| vector.ciphertext.length < 1000) {
        let (stored, content) = (vector.stored(), vector.unlock(&policy).unwrap());
        let len = vector.plain().len() as u64;
        if len > 1 {
            let range = open(&content, &stored, Some(0..1), 16);
            let refused = vector.is_gcm().then_some(Error::S3Ec(s3ec::Error::Refused(Rule::UnverifiedRanges)));
            assert_eq!(range.err(), refused, "{}", vector.id);
            assert!(open(&content, &stored, Some(0..len), 16).is_ok(), "{}", vector.id);
        }
    }
}

#[test]
fn names_come_back_in_any_case() {
    for vector in positive() {
        let shouted: Vec<_> = vector.metadata.iter().map(|(name, value)| (name.to_uppercase(), value)).collect();
        let metadata = |names: &[(String, &String)]| {
            detect(names.iter().map(|(name, value)| (name.as_str(), value.as_str())), 0).unwrap()
        };
        let plain: Vec<_> = vector.metadata.iter().map(|(name, value)| (name.clone(), value)).collect();
        assert_eq!(metadata(&shouted), metadata(&plain), "{}", vector.id);
    }
}

#[test]
fn the_description_selects_the_key() {
    for vector in positive().iter().filter(|vector| vector.id.ends_with("-matdesc")) {
        let context = vector.envelope().unwrap().context().clone();
        assert_eq!(context.get("key-name").map(String::as_str), Some("mk-2"), "{}", vector.id);
        assert!(!matches!(vector.master_key, Master::Kms { .. }));
    }
}

#[test]
fn double_encoded_headers_are_read_as_they_were_written() {
    let file = std::fs::read(support::directory().join("metadata-double-encoding.json")).unwrap();
    let file: serde_json::Value = serde_json::from_slice(&file).unwrap();
    let base = support::named("v2-aes-java-short").metadata;
    let mut read = 0;
    for row in file["rows"].as_array().unwrap() {
        let original = serde_json::from_str(row["original_json"].as_str().unwrap()).unwrap();
        for form in ["header_B", "header_Q", "header_raw_latin1", "header_plain"] {
            let Some(value) = row[form].as_str() else { continue };
            let mut vector = support::named("v2-aes-java-short");
            vector.metadata = base.clone();
            vector.metadata.insert("x-amz-matdesc".to_owned(), value.to_owned());
            assert_eq!(*vector.envelope().unwrap().context(), original, "{value}");
            read += 1;
        }
    }
    assert_eq!(read, 10);
}
