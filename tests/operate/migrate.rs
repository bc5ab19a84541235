//! `migrate`: plaintext becomes sealed where it lies, or elsewhere, and comes out again, with all that belongs to it.

use sealgate_tests::bytes::{find, noise};
use sealgate_tests::command::Ended;
use sealgate_tests::request::Request;
use sealgate_tests::world::World;

use crate::scene::{command_with, run, upload, world};

/// `first` is being sealed, `second` is plaintext.
const RULES: &str = "[[rules]]\nbucket = \"*\"\n[[rules]]\nbucket = \"first\"\ncontents = \"mixed\"\nreads = [\"plaintext\"]\n\
    [[rules]]\nbucket = \"second\"\nformat = \"none\"\n";

/// `first` is being opened again.
const BACK: &str = "[[rules]]\nbucket = \"first\"\nformat = \"none\"\ncontents = \"mixed\"\nreads = [\"plaintext\"]\n";

fn dressed(put: Request) -> Request {
    let put = put.header("x-amz-meta-colour", "blue").header("content-type", "text/x-odd");
    let put = put.header("cache-control", "max-age=7").header("content-encoding", "gzip");
    put.header("x-amz-tagging", "a=1&b=%20").header("x-amz-storage-class", "STANDARD_IA")
}

/// What a client sees of an object that was dressed.
fn check_dress(world: &World, bucket: &str, key: &str, content: &[u8]) {
    let read = world.get(bucket, key).send().expect(200);
    assert!(read.body == content, "{bucket}/{key}");
    for (name, value) in [
        ("x-amz-meta-colour", "blue"),
        ("content-type", "text/x-odd"),
        ("cache-control", "max-age=7"),
        ("content-encoding", "gzip"),
        ("x-amz-storage-class", "STANDARD_IA"),
        ("x-amz-tagging-count", "2"),
    ] {
        assert_eq!(read.must(name), value, "{bucket}/{key}");
    }
}

fn migrate(world: &World, arguments: &[&str]) -> Ended {
    run(world, &[&["migrate"], arguments].concat())
}

#[test]
fn plaintext_is_sealed_where_it_lies() {
    let world = world(RULES);
    let contents = [noise(1, 0), noise(2, 10), noise(3, 300_000)];
    for (number, content) in contents.iter().enumerate() {
        dressed(world.behind.object("PUT", "first", &format!("a/{number}"))).body(content).send().check(200);
    }
    world.seal("first", "a/sealed", 9);
    let before = world.stored("first", "a/sealed");

    let dry = migrate(&world, &["s3://first/a/"]).expect(0);
    assert_eq!(dry.summary()["counts"], serde_json::json!({ "already": 1, "pending": 3 }));
    assert!(world.stored("first", "a/2").bytes == contents[2], "nothing was written");

    let done = migrate(&world, &["--apply", "s3://first/a/"]).expect(0);
    assert_eq!(done.summary()["counts"], serde_json::json!({ "already": 1, "sealed": 3 }), "{done:?}");
    for (number, content) in contents.iter().enumerate() {
        let key = format!("a/{number}");
        check_dress(&world, "first", &key, content);
        let stored = world.stored("first", &key);
        assert!(stored.metadata.iter().any(|(name, _)| name == "x-amz-meta-sealgate"));
        assert!(content.is_empty() || find(&stored.bytes, content).is_none());
    }
    assert!(world.stored("first", "a/sealed").bytes == before.bytes);
    let verified = run(&world, &["verify", "--depth", "full", "s3://first"]).expect(0);
    assert_eq!(verified.summary()["counts"]["verified"], 4);
}

#[test]
fn what_goes_elsewhere_leaves_the_source_and_replaces_nothing() {
    let world = world(RULES);
    let content = noise(1, 200_000);
    for key in ["p/a", "p/b"] {
        dressed(world.behind.object("PUT", "second", key)).body(&content).send().check(200);
    }
    let arguments = ["--apply", "s3://second/p/", "s3://first/q/"];
    assert_eq!(migrate(&world, &arguments).expect(0).summary()["counts"]["sealed"], 2);
    for key in ["q/a", "q/b"] {
        check_dress(&world, "first", key, &content);
    }
    assert!(world.stored("second", "p/a").bytes == content);
    assert_eq!(migrate(&world, &arguments).expect(0).summary()["counts"], serde_json::json!({ "already": 2 }));

    world.front.object("PUT", "first", "q/a").body(b"of a client").send().check(200);
    let taken = migrate(&world, &arguments).expect(1);
    assert!(taken.outcome("p/a")["why"].as_str().unwrap().contains("another object is there"), "{taken:?}");
    assert_eq!(world.get("first", "q/a").send().expect(200).body, b"of a client");
}

#[test]
fn out_again_only_when_it_is_said() {
    let world = world(RULES);
    let content = noise(1, 200_000);
    dressed(world.front.object("PUT", "first", "a")).body(&content).send().check(200);
    let arguments = ["--apply", "s3://first/a", "s3://second/a"];
    let refused = migrate(&world, &arguments).expect(1);
    assert!(refused.outcome("a")["why"].as_str().unwrap().contains("--unseal"), "{refused:?}");
    world.behind.object("HEAD", "second", "a").send().check(404);

    let done = migrate(&world, &[&["--unseal"], arguments.as_slice()].concat()).expect(0);
    assert_eq!(done.outcome("a")["outcome"], "unsealed");
    let out = world.stored("second", "a");
    assert!(out.bytes == content);
    assert_eq!(out.metadata, [("x-amz-meta-colour".to_owned(), "blue".to_owned())]);
    check_dress(&world, "second", "a", &content);

    let back = |settings: String| settings.replace(RULES, BACK);
    command_with(&world, &["migrate", "--apply", "--unseal", "s3://first"], back).run().check(0);
    assert!(world.stored("first", "a").bytes == content);
}

#[test]
fn what_is_too_large_for_one_request_goes_in_parts() {
    let world = world(RULES);
    let parts = [noise(1, 5_242_880), noise(2, 5_242_880), noise(3, 3_000_000)];
    upload(&world.behind, "large", &parts);
    let limit = ["migrate", "--apply", "--unseal", "--part-above", "5242880"];
    run(&world, &[&limit, ["s3://first"].as_slice()].concat()).check(0);
    let read = world.get("first", "large").send().expect(200);
    assert!(read.body == parts.concat());
    assert_eq!(read.must("x-amz-tagging-count"), "1");
    let found = run(&world, &["inspect", "--json", "s3://first/large"]).expect(0).json();
    assert_eq!(found["format"], "sealed-in-parts");

    run(&world, &[&limit, ["s3://first", "s3://second"].as_slice()].concat()).check(0);
    assert!(world.stored("second", "large").bytes == parts.concat());
    let unfinished = world.behind.request("GET", "/second").query("uploads", "").send().expect(200);
    assert!(unfinished.all("UploadId").is_empty());
}

#[test]
fn what_does_not_verify_is_not_carried_on() {
    let world = world(RULES);
    world.seal("first", "a", 1);
    let mut spoilt = world.stored("first", "a");
    spoilt.bytes[150_000] ^= 1;
    world.replace("first", "a", &spoilt);
    let failed = migrate(&world, &["--apply", "--unseal", "s3://first", "s3://second"]).expect(1);
    assert!(failed.outcome("a")["why"].as_str().unwrap().contains("verification"), "{failed:?}");
    world.behind.object("HEAD", "second", "a").send().check(404);
}
