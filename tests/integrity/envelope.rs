//! Objects that were moved, and envelopes that were changed.

use sealgate_tests::bytes::noise;

use sealgate_tests::world::{BUCKETS, PLAIN_LEN, Stored};

use crate::refusal::refused;

const FIRST: &str = BUCKETS[0];
const SECOND: &str = BUCKETS[1];

fn set(stored: &mut Stored, name: &str, value: Option<String>) {
    stored.metadata.retain(|(found, _)| found != name);
    stored.metadata.extend(value.map(|value| (name.to_owned(), value)));
}

fn envelope(stored: &Stored) -> String {
    stored.metadata.iter().find(|(name, _)| name == "x-amz-meta-sealgate").unwrap().1.clone()
}

#[test]
fn an_object_under_another_name_does_not_open() {
    let world = crate::world();
    world.seal(FIRST, "a", 1);
    world.seal(FIRST, "b", 2);
    let stored = world.stored(FIRST, "a");
    for (bucket, key) in [(FIRST, "b"), (FIRST, "a/"), (FIRST, "A"), (SECOND, "a")] {
        world.replace(bucket, key, &stored);
        refused(&world.get(bucket, key).send(), &noise(1, PLAIN_LEN), key);
    }
    assert!(world.get(FIRST, "a").send().expect(200).body == noise(1, PLAIN_LEN));
}

#[test]
fn bytes_and_envelopes_of_two_objects_do_not_mix() {
    let world = crate::world();
    world.seal(FIRST, "a", 1);
    world.seal(FIRST, "b", 2);
    let (a, b) = (world.stored(FIRST, "a"), world.stored(FIRST, "b"));
    world.replace(FIRST, "a", &Stored { bytes: b.bytes.clone(), metadata: a.metadata.clone() });
    refused(&world.get(FIRST, "a").send(), &noise(1, PLAIN_LEN), "other bytes");
    world.replace(FIRST, "a", &Stored { bytes: a.bytes, metadata: b.metadata });
    refused(&world.get(FIRST, "a").send(), &noise(1, PLAIN_LEN), "another envelope");
}

#[test]
fn every_change_of_the_envelope_is_refused() {
    let world = crate::world();
    world.seal(FIRST, "a", 1);
    let stored = world.stored(FIRST, "a");
    let text = envelope(&stored);
    let fields: Vec<&str> = text.split(';').collect();
    let mut changes = vec![
        text.replace("v=1", "v=2"),
        text.replace("l=p", "l=m"),
        text.replace("b=o", "b=k"),
        text.replace("b=o", "b=n"),
        text.replace("w=A256KW", "w=A128KW"),
        format!("{text};z=1"),
        format!("{text};v=1"),
        text.to_uppercase(),
        String::from("v=1"),
        String::new(),
    ];
    changes.extend((0..fields.len()).map(|gone| {
        let left: Vec<&str> =
            fields.iter().enumerate().filter(|(at, _)| *at != gone).map(|(_, field)| *field).collect();
        left.join(";")
    }));
    for change in changes {
        assert_ne!(change, text);
        let mut other = stored.clone();
        set(&mut other, "x-amz-meta-sealgate", Some(change.clone()));
        world.replace(FIRST, "a", &other);
        refused(&world.get(FIRST, "a").send(), &noise(1, PLAIN_LEN), &change);
        let head = world.get(FIRST, "a").header("range", "bytes=0-0").send();
        assert!(head.status >= 400, "{change}: {head:?}");
    }
}

#[test]
fn a_key_nobody_has_is_named() {
    let world = crate::world();
    world.seal(FIRST, "a", 1);
    let mut stored = world.stored(FIRST, "a");
    let other = envelope(&stored).replace("k=test-1", "k=lost-2019");
    set(&mut stored, "x-amz-meta-sealgate", Some(other));
    world.replace(FIRST, "a", &stored);
    let answer = world.get(FIRST, "a").send();
    refused(&answer, &[], "a lost key");
    assert!(answer.xml().contains("lost-2019") || world.daemon.log().contains("lost-2019"), "{answer:?}");
}

#[test]
fn sealed_metadata_is_checked() {
    let world = crate::world();
    world.seal(FIRST, "a", 1);
    world.seal(FIRST, "b", 2);
    let (a, b) = (world.stored(FIRST, "a"), world.stored(FIRST, "b"));
    let sealed = |stored: &Stored| {
        stored
            .metadata
            .iter()
            .find(|(name, _)| name == "x-amz-meta-sealgate-m")
            .map(|(_, value)| value.clone())
            .unwrap()
    };
    for value in [sealed(&b), format!("A{}", sealed(&a)), "AAAA".to_owned(), "not base64!".to_owned()] {
        let mut other = a.clone();
        set(&mut other, "x-amz-meta-sealgate-m", Some(value.clone()));
        world.replace(FIRST, "a", &other);
        refused(&world.get(FIRST, "a").send(), &noise(1, PLAIN_LEN), &value);
    }
}

#[test]
fn plaintext_in_a_sealed_bucket_is_never_served() {
    let world = crate::world();
    world.seal(FIRST, "a", 1);
    let plain = Stored { bytes: b"slipped in by the store".to_vec(), metadata: Vec::new() };
    world.replace(FIRST, "a", &plain);
    let answer = world.get(FIRST, "a").send();
    assert!(answer.status >= 400 && !answer.xml().contains("slipped"), "{answer:?}");
    let mut stripped = world.stored(FIRST, "a");
    stripped.metadata.clear();
    world.replace(FIRST, "a", &stripped);
    assert!(world.get(FIRST, "a").send().status >= 400);
}
