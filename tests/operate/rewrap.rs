//! `rewrap`: the key changes and nothing else does, at a cost that has nothing to do with the size of objects.

use sealgate_tests::bytes::noise;
use sealgate_tests::command::Ended;
use sealgate_tests::daemon::KEY_ID;
use sealgate_tests::stack::Stack;
use sealgate_tests::world::{PLAIN_LEN, World, daemon};
use tempfile::TempDir;

use crate::meter::Meter;
use crate::scene::{NEXT_KEY, command_after, key_of, next_key, program, upload, world};

fn rewrap(world: &World, arguments: &[&str]) -> Ended {
    command_after(world, &[&["rewrap"], arguments].concat(), |settings| settings).run()
}

/// A daemon after the change of keys.
fn after_the_change(world: &World) -> (sealgate_tests::daemon::Daemon, Stack, TempDir) {
    let folder = TempDir::new().unwrap();
    let next = next_key(world);
    let (daemon, front) = daemon(program(), folder.path(), world.behind.url(), &next);
    (daemon, front, folder)
}

#[test]
fn nothing_is_written_without_apply() {
    let world = world("");
    world.seal("first", "a", 1);
    let before = world.behind.object("HEAD", "first", "a").send().expect(200).must("etag").to_owned();
    let dry = rewrap(&world, &["s3://first"]).expect(0);
    assert_eq!(
        dry.outcome("a"),
        serde_json::json!({
            "event": "object", "bucket": "first", "key": "a", "outcome": "pending", "from": KEY_ID, "to": NEXT_KEY,
        })
    );
    assert!(dry.summary()["note"].as_str().unwrap().contains("--apply"));
    assert_eq!(world.behind.object("HEAD", "first", "a").send().expect(200).must("etag"), before);
    assert_eq!(key_of(&world, "first", "a"), KEY_ID);
}

#[test]
fn the_key_changes_and_everything_else_stays() {
    let world = world("");
    let put =
        world.front.object("PUT", "first", "a/ü +").body(&noise(1, PLAIN_LEN)).header("x-amz-meta-colour", "blue");
    let put = put
        .header("content-type", "text/x-odd")
        .header("cache-control", "max-age=7")
        .header("x-amz-tagging", "a=1&b=2");
    put.header("x-amz-storage-class", "STANDARD_IA").send().check(200);
    let stored = world.stored("first", "a/ü +");

    let done = rewrap(&world, &["--apply", "s3://first"]).expect(0);
    assert_eq!(done.outcome("a/ü +")["outcome"], "rewrapped");
    assert_eq!(key_of(&world, "first", "a/ü +"), NEXT_KEY);
    let now = world.stored("first", "a/ü +");
    assert!(now.bytes == stored.bytes, "the content is the same");
    let sealed = |stored: &sealgate_tests::world::Stored| {
        stored.metadata.iter().find(|(name, _)| name == "x-amz-meta-sealgate-m").cloned()
    };
    assert_eq!(sealed(&now), sealed(&stored));

    let (_daemon, front, _folder) = after_the_change(&world);
    let read = front.object("GET", "first", "a/ü +").send().expect(200);
    assert!(read.body == noise(1, PLAIN_LEN));
    for (name, value) in [
        ("x-amz-meta-colour", "blue"),
        ("content-type", "text/x-odd"),
        ("cache-control", "max-age=7"),
        ("x-amz-storage-class", "STANDARD_IA"),
        ("x-amz-tagging-count", "2"),
    ] {
        assert_eq!(read.must(name), value);
    }
    assert_eq!(rewrap(&world, &["--apply", "s3://first"]).expect(0).outcome("a/ü +")["outcome"], "current");
}

#[test]
fn the_cost_has_nothing_to_do_with_the_size() {
    let world = world("");
    let meter = Meter::before(world.behind.address.socket);
    let through = |key: &str| {
        let endpoint = |settings: String| settings.replace(&world.behind.url(), &format!("http://{}", meter.socket));
        let prefix = format!("s3://first/{key}");
        let run = command_after(&world, &["rewrap", "--apply", "--copy-limit", "5242880", &prefix], endpoint);
        assert_eq!(run.run().expect(0).outcome(key)["outcome"], "rewrapped");
        meter.take()
    };
    for (key, len) in [("small", 10), ("large", 4_900_000)] {
        world.front.object("PUT", "first", key).body(&noise(1, len)).send().check(200);
    }
    upload(&world.front, "parts", &[noise(1, 6_000_000), noise(2, 6_000_000), noise(3, 100)]);
    let (small, large, parts) = (through("small"), through("large"), through("parts"));
    assert!(small.abs_diff(large) < 200, "{small} bytes for 10, and {large} for 4.9 million");
    assert!(parts < 20_000, "{parts} bytes for twelve million in three parts");
}

#[test]
fn what_is_too_large_for_one_copy_keeps_its_parts() {
    let world = world("");
    let parts = [noise(1, 5_242_880), noise(2, 7_000_000), noise(3, 5_242_880), noise(4, 1000)];
    upload(&world.front, "parts", &parts);
    let etag = || world.behind.object("HEAD", "first", "parts").send().expect(200).must("etag").to_owned();
    let suffix = |etag: String| etag.rsplit_once('-').unwrap().1.to_owned();
    let before = suffix(etag());
    let stored = world.stored("first", "parts");
    rewrap(&world, &["--apply", "--copy-limit", "8000000", "s3://first"]).check(0);
    assert_eq!(key_of(&world, "first", "parts"), NEXT_KEY);
    assert_eq!(suffix(etag()), before, "as many parts at the store");
    assert!(world.stored("first", "parts").bytes == stored.bytes);
    let (_daemon, front, _folder) = after_the_change(&world);
    let read = front.object("GET", "first", "parts").send().expect(200);
    assert!(read.body == parts.concat());
    assert_eq!(read.must("x-amz-tagging-count"), "1");
    let unfinished = world.behind.request("GET", "/first").query("uploads", "").send().expect(200);
    assert!(unfinished.all("UploadId").is_empty());

    // Parts that are larger than the limit are cut.
    let world = self::world("");
    upload(&world.front, "parts", &parts);
    rewrap(&world, &["--apply", "--copy-limit", "5242880", "s3://first"]).check(0);
    assert_eq!(key_of(&world, "first", "parts"), NEXT_KEY);
    assert!(world.stored("first", "parts").bytes.len() == stored.bytes.len());
}

#[test]
fn what_cannot_be_unwrapped_is_listed_and_left() {
    let world = world("");
    world.seal("first", "good", 1);
    world.replace("first", "moved", &world.stored("first", "good"));
    world.behind.object("PUT", "first", "plain").body(b"plain").send().check(200);
    let done = rewrap(&world, &["--apply", "s3://first"]).expect(1);
    assert_eq!(done.outcome("good")["outcome"], "rewrapped");
    for (key, why) in [("moved", "does not unwrap"), ("plain", "is not sealed")] {
        assert!(done.outcome(key)["why"].as_str().unwrap().contains(why), "{done:?}");
    }
    assert_eq!(key_of(&world, "first", "moved"), KEY_ID);
    assert_eq!(world.stored("first", "plain").bytes, b"plain");
}

#[test]
fn versions_are_told_apart_and_the_replaced_one_can_go() {
    let world = world("");
    let on = "<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>";
    world.behind.request("PUT", "/first").query("versioning", "").body(on.as_bytes()).send().check(200);
    for number in 0..3 {
        world.seal("first", "a", number);
    }
    let versions = || {
        let list = world.behind.request("GET", "/first").query("versions", "").send().expect(200);
        list.all("VersionId").len()
    };
    let done = rewrap(&world, &["--apply", "--versions", "--delete-replaced", "s3://first"]).expect(0);
    let counts = &done.summary()["counts"];
    assert_eq!((&counts["rewrapped"], &counts["left"]), (&1.into(), &2.into()), "{done:?}");
    assert_eq!(versions(), 3);
    assert_eq!(key_of(&world, "first", "a"), NEXT_KEY);
    assert!(world.get("first", "a").send().status != 200, "the daemon does not know the new key");
    let again = rewrap(&world, &["--apply", "--versions", "s3://first"]).expect(0);
    assert_eq!(again.summary()["counts"], serde_json::json!({ "current": 1, "left": 2 }));
}
