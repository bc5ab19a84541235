//! `inspect` and `get`: what one object is, and its content.

use sealgate_tests::bytes::noise;
use sealgate_tests::daemon::KEY_ID;
use sealgate_tests::world::PLAIN_LEN;

use crate::scene::{beside, command, run, upload, world};

#[test]
fn a_sealed_object_is_described_without_its_content() {
    let world = world("");
    world.seal("first", "a/ü +%", 1);
    let found = run(&world, &["inspect", "--json", "s3://first/a/ü +%"]).expect(0).json();
    assert_eq!(found["format"], "sealed");
    assert_eq!(found["key_id"], KEY_ID);
    assert_eq!(found["wrap"], "A256KW");
    assert_eq!(found["binding"], "object");
    assert_eq!(found["wrapped_as_new_objects"], true);
    assert_eq!(found["plain_len"], PLAIN_LEN);
    assert_eq!(found["stored_len"], world.stored("first", "a/ü +%").bytes.len());
    assert_eq!(found["metadata_names"][0], "seed");
    assert_eq!(found["digests"][0], "CRC64NVME");
    for check in ["envelope", "data key", "metadata", "summary"] {
        assert_eq!(found["checks"][check], "ok", "{found}");
    }
    let text = run(&world, &["inspect", "s3://first/a/ü +%"]).expect(0).out;
    assert!(text.contains("sealed") && text.contains(KEY_ID), "{text}");
}

#[test]
fn an_object_in_parts_shows_its_parts() {
    let world = world("");
    let len = 5 * 1024 * 1024;
    upload(&world.front, "parts", &[noise(1, len), noise(2, 10)]);
    let found = run(&world, &["inspect", "--json", "s3://first/parts"]).expect(0).json();
    assert_eq!(found["format"], "sealed-in-parts");
    assert_eq!(found["plain_len"], len + 10);
    let parts: Vec<_> =
        found["parts"].as_array().unwrap().iter().map(|part| (&part["number"], &part["plain_len"])).collect();
    assert_eq!(parts, [(&1.into(), &len.into()), (&2.into(), &10.into())]);
}

#[test]
fn what_is_wrong_with_an_object_is_said_and_is_a_failure() {
    let world = world("");
    world.seal("first", "moved", 1);
    world.replace("second", "moved", &world.stored("first", "moved"));
    let found = run(&world, &["inspect", "--json", "s3://second/moved"]).expect(1).json();
    assert!(found["checks"]["data key"].as_str().unwrap().contains(KEY_ID), "{found}");

    let mut cut = world.stored("first", "moved");
    cut.bytes.pop();
    world.replace("first", "moved", &cut);
    let found = run(&world, &["inspect", "--json", "s3://first/moved"]).expect(1).json();
    assert_eq!(found["checks"]["data key"], "ok");
    assert_ne!(found["checks"]["summary"], "ok", "{found}");

    cut.metadata.clear();
    world.replace("first", "moved", &cut);
    let found = run(&world, &["inspect", "--json", "s3://first/moved"]).expect(1).json();
    assert_eq!(found["format"], "unsealed");
    assert!(found["checks"]["allowed by its rule"].as_str().unwrap().contains("contents = \"mixed\""), "{found}");

    let absent = run(&world, &["inspect", "s3://first/absent"]).expect(1);
    assert!(absent.err.contains("there is no object s3://first/absent"), "{absent:?}");
}

#[test]
fn an_object_is_got_whole_or_not_at_all() {
    let world = world("");
    world.seal("first", "a", 7);
    let file = beside(&world, "a.bin");
    assert_eq!(run(&world, &["get", "s3://first/a", "a.bin"]).expect(0).out, "");
    assert!(std::fs::read(&file).unwrap() == noise(7, PLAIN_LEN));
    let (status, bytes) = command(&world, &["get", "s3://first/a"]).bytes();
    assert!(status == 0 && bytes == noise(7, PLAIN_LEN));

    let again = run(&world, &["get", "s3://first/a", "a.bin"]).expect(64);
    assert!(again.err.contains("exists"), "{again:?}");

    let mut spoilt = world.stored("first", "a");
    spoilt.bytes[150_000] ^= 1;
    world.replace("first", "a", &spoilt);
    let refused = run(&world, &["get", "s3://first/a", "b.bin"]).expect(1);
    assert!(refused.err.contains("chunk 2 is not authentic"), "{refused:?}");
    assert!(!beside(&world, "b.bin").exists());
    let (status, bytes) = command(&world, &["get", "s3://first/a"]).bytes();
    assert!(status == 1 && noise(7, PLAIN_LEN).starts_with(&bytes) && bytes.len() < PLAIN_LEN);
    assert!(run(&world, &["get", "s3://first/b"]).expect(1).err.contains("404"));
}
