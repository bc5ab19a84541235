//! What a rule changes: format, contents, binding and metadata.

use std::path::Path;

use sealgate_tests::answer::text;
use sealgate_tests::bytes::noise;
use sealgate_tests::world::{PLAIN_LEN, Stored, World};

fn world(rules: &str) -> World {
    World::new(Path::new(crate::PROGRAM), rules)
}

#[test]
fn where_no_rule_matches_nothing_is_read_or_written() {
    let world = world("[[rules]]\nbucket = \"first\"\nprefix = \"in/\"\n");
    world.seal("first", "in/a", 1);
    world.get("first", "in/a").send().check(200);
    world.behind.object("PUT", "first", "out").body(b"plain").send().check(200);
    for (bucket, key) in [("first", "out"), ("second", "a")] {
        let read = world.get(bucket, key).send();
        assert!(read.status >= 400 && read.status < 500, "{read:?}");
        let write = world.front.object("PUT", bucket, key).body(b"x").send();
        assert!(write.status >= 400 && write.status < 500, "{write:?}");
    }
    assert_eq!(world.stored("first", "out").bytes, b"plain");
}

#[test]
fn format_none_stores_what_came() {
    let world = world("[[rules]]\nbucket = \"first\"\nformat = \"none\"\n[[rules]]\nbucket = \"*\"\n");
    let put = world.front.object("PUT", "first", "a").header("x-amz-meta-colour", "red").body(b"as it came");
    put.send().check(200);
    assert_eq!(world.stored("first", "a").bytes, b"as it came");
    let answer = world.get("first", "a").send().expect(200);
    assert_eq!((answer.must("x-amz-meta-colour"), answer.body.as_slice()), ("red", &b"as it came"[..]));
    let range = world.get("first", "a").header("range", "bytes=3-4").send().expect(206);
    assert_eq!((range.body.as_slice(), range.must("content-range")), (&b"it"[..], "bytes 3-4/10"));
    let listed = world.front.request("GET", "/first").query("list-type", "2").send().expect(200);
    assert_eq!(listed.text("Size").unwrap(), "10");
    world.seal("second", "a", 1);
    assert!(world.stored("second", "a").bytes.len() > PLAIN_LEN);
}

#[test]
fn format_refused_lets_nothing_new_in_and_reads_on() {
    let world =
        world("[[rules]]\nbucket = \"first\"\nformat = \"refused\"\n[[rules]]\nbucket = \"*\"\nbinding = \"none\"\n");
    world.seal("second", "a", 1);
    world.replace("first", "a", &world.stored("second", "a"));
    assert!(world.get("first", "a").send().expect(200).body == noise(1, PLAIN_LEN));
    world.front.object("PUT", "first", "b").body(b"x").send().refused(403, "AccessDenied");
    world.front.object("POST", "first", "b").query("uploads", "").send().refused(403, "AccessDenied");
    let copy = world.front.object("PUT", "first", "b").header("x-amz-copy-source", "/second/a").send();
    assert!(copy.body.windows(12).any(|text| text == b"AccessDenied"), "{copy:?}");
    let begun = world.behind.object("POST", "first", "b").query("uploads", "").send().expect(200);
    let part = world.front.object("PUT", "first", "b").query("partNumber", "1");
    part.query("uploadId", &begun.text("UploadId").unwrap()).body(b"x").send().refused(404, "NoSuchUpload");
    world.front.object("HEAD", "first", "b").send().check(404);
    world.front.object("DELETE", "first", "a").send().check(204);
    world.get("first", "a").send().check(404);
}

#[test]
fn the_longest_prefix_decides() {
    let world =
        world("[[rules]]\nbucket = \"*\"\n[[rules]]\nbucket = \"first\"\nprefix = \"open/\"\nformat = \"none\"\n");
    world.front.object("PUT", "first", "open/a").body(b"x").send().check(200);
    world.front.object("PUT", "first", "opened").body(b"x").send().check(200);
    assert_eq!(world.stored("first", "open/a").bytes, b"x");
    assert_eq!(world.stored("first", "opened").bytes.len(), 1 + 16 + 256);
}

#[test]
fn a_mixed_bucket_reads_both_and_lists_true_sizes() {
    let world = world("[[rules]]\nbucket = \"*\"\ncontents = \"mixed\"\nreads = [\"plaintext\"]\n");
    world.seal("first", "sealed", 1);
    // The length of a sealed object too, so that arithmetic alone would be wrong.
    let plain = noise(9, 1 + 16 + 256);
    world.replace("first", "plain", &Stored { bytes: plain.clone(), metadata: Vec::new() });
    assert!(world.get("first", "sealed").send().expect(200).body == noise(1, PLAIN_LEN));
    assert!(world.get("first", "plain").send().expect(200).body == plain);
    for (key, whole) in [("sealed", &noise(1, PLAIN_LEN)), ("plain", &plain)] {
        let range = world.get("first", key).header("range", "bytes=200-250").send().expect(206);
        assert_eq!(range.must("content-range"), format!("bytes 200-250/{}", whole.len()));
        assert!(range.body == whole[200..=250], "{key}");
        let end = world.get("first", key).header("range", "bytes=-5").send().expect(206);
        assert!(end.body == whole[whole.len() - 5..], "{key}");
        world.get("first", key).header("range", "bytes=300000-").send().refused(416, "InvalidRange");
    }
    let listed = world.front.request("GET", "/first").query("list-type", "2").send().expect(200);
    let sizes: Vec<String> = listed.all("Contents").iter().map(|entry| text(entry, "Size").unwrap()).collect();
    assert_eq!(sizes, [plain.len().to_string(), PLAIN_LEN.to_string()]);
}

#[test]
fn clear_metadata_can_be_read_at_the_store() {
    let world = world("[[rules]]\nbucket = \"first\"\nmetadata = \"clear\"\n[[rules]]\nbucket = \"*\"\n");
    world.seal("first", "a", 7);
    let stored = world.stored("first", "a");
    assert!(stored.metadata.contains(&("x-amz-meta-seed".to_owned(), "7".to_owned())));
    assert_eq!(world.get("first", "a").send().expect(200).must("x-amz-meta-seed"), "7");
    world.seal("second", "a", 7);
    assert!(world.stored("second", "a").metadata.iter().all(|(name, _)| name.starts_with("x-amz-meta-sealgate")));
}

#[test]
fn a_binding_says_where_ciphertext_may_move() {
    let opens = |binding: &str, bucket: &str, key: &str| {
        let world = world(&format!("[[rules]]\nbucket = \"*\"\nbinding = \"{binding}\"\n"));
        world.seal("first", "a", 1);
        world.replace(bucket, key, &world.stored("first", "a"));
        world.get(bucket, key).send().status == 200
    };
    let places = [("first", "a"), ("second", "a"), ("first", "b")];
    let outcome = |binding: &str| places.map(|(bucket, key)| opens(binding, bucket, key));
    assert_eq!(outcome("object"), [true, false, false]);
    assert_eq!(outcome("key"), [true, true, false]);
    assert_eq!(outcome("none"), [true, true, true]);
}

#[test]
fn a_bucket_identity_lets_a_replica_read() {
    let world = world("[[rules]]\nbucket = \"*\"\nbucket_identity = \"backups\"\n");
    world.seal("first", "a", 1);
    world.replace("second", "a", &world.stored("first", "a"));
    assert!(world.get("second", "a").send().expect(200).body == noise(1, PLAIN_LEN));
}
