//! What is called `null`: objects from before versions were kept, and those written while they are not.

use sealgate_tests::bytes::noise;
use sealgate_tests::stack::Room;

use crate::versions::Versioned;

crate::cases![
    what_was_there_before_is_null,
    a_suspended_bucket_replaces_only_what_is_null,
    a_null_version_is_listed_in_its_place,
    a_deletion_in_a_suspended_bucket_is_null_too,
    a_null_marker_goes_as_others_do,
    the_null_version_is_copied_and_tagged,
];

/// A bucket where versions are yet to be kept.
fn plain<'a>(room: &'a Room<'a>) -> Versioned<'a> {
    Versioned { room, bucket: room.stack.new_bucket("versions") }
}

fn what_was_there_before_is_null(room: &Room<'_>) {
    let (bucket, before) = (plain(room), noise(1, 70_000));
    let put = bucket.object("PUT", "a").body(&before).send().expect(200);
    assert_eq!(put.header("x-amz-version-id"), None);
    bucket.set("Enabled");
    let (after, _) = bucket.store("a", b"after");
    bucket.holds("a", "null", &before);
    assert_eq!(bucket.list().all("VersionId"), [after.as_str(), "null"]);
    assert_eq!(bucket.list().all("Size"), ["5", "70000"]);
    bucket.version("DELETE", "a", &after).send().check(204);
    assert!(bucket.object("GET", "a").send().expect(200).body == before);
    bucket.version("DELETE", "a", "null").send().check(204);
    bucket.object("GET", "a").send().refused(404, "NoSuchKey");
    assert!(bucket.list().all("VersionId").is_empty());
}

fn a_suspended_bucket_replaces_only_what_is_null(room: &Room<'_>) {
    let bucket = Versioned::new(room);
    let (named, _) = bucket.store("a", &noise(1, 70_000));
    bucket.set("Suspended");
    for seed in [2, 3] {
        bucket.object("PUT", "a").body(&noise(seed, 1_000)).send().check(200);
        assert!(bucket.object("GET", "a").send().expect(200).body == noise(seed, 1_000));
    }
    bucket.holds("a", "null", &noise(3, 1_000));
    bucket.holds("a", &named, &noise(1, 70_000));
    let page = bucket.list();
    let mut shown: Vec<_> = page.all("VersionId").into_iter().zip(page.all("Size")).collect();
    shown.sort();
    let mut expected = vec![("null".to_owned(), "1000".to_owned()), (named, "70000".to_owned())];
    expected.sort();
    assert_eq!(shown, expected);
    bucket.set("Enabled");
    let (newest, _) = bucket.store("a", b"newest");
    bucket.holds("a", &newest, b"newest");
    bucket.holds("a", "null", &noise(3, 1_000));
}

fn a_null_version_is_listed_in_its_place(room: &Room<'_>) {
    let bucket = Versioned::new(room);
    let (first, _) = bucket.store("a", b"first");
    bucket.set("Suspended");
    bucket.object("PUT", "a").body(b"second").send().check(200);
    assert_eq!(bucket.list().all("VersionId"), ["null", &first]);
    bucket.set("Enabled");
    let (third, _) = bucket.store("a", b"third");
    assert_eq!(bucket.list().all("VersionId"), [third.as_str(), "null", &first]);
    assert_eq!(bucket.list().all("Size"), ["5", "6", "5"]);
}

fn a_deletion_in_a_suspended_bucket_is_null_too(room: &Room<'_>) {
    let bucket = Versioned::new(room);
    let (named, _) = bucket.store("a", b"named");
    bucket.set("Suspended");
    bucket.object("PUT", "a").body(b"null").send().check(200);
    assert_eq!(bucket.mark("a"), "null");
    bucket.object("GET", "a").send().refused(404, "NoSuchKey");
    assert!(matches!(bucket.version("GET", "a", "null").send().status, 404 | 405));
    assert_eq!(bucket.list().all("Size"), ["5"]);
    bucket.holds("a", &named, b"named");
    bucket.object("PUT", "a").body(b"again").send().check(200);
    bucket.holds("a", "null", b"again");
    assert_eq!(bucket.list().all("VersionId").len(), 2);
}

fn a_null_marker_goes_as_others_do(room: &Room<'_>) {
    let bucket = Versioned::new(room);
    let (named, _) = bucket.store("a", b"named");
    bucket.set("Suspended");
    assert_eq!(bucket.mark("a"), "null");
    let removed = bucket.version("DELETE", "a", "null").send().expect(204);
    assert_eq!((removed.header("x-amz-delete-marker"), removed.must("x-amz-version-id")), (Some("true"), "null"));
    assert_eq!(bucket.object("GET", "a").send().expect(200).must("x-amz-version-id"), named);
}

fn the_null_version_is_copied_and_tagged(room: &Room<'_>) {
    let (bucket, before) = (plain(room), noise(1, 70_000));
    bucket.object("PUT", "a").header("x-amz-tagging", "n=1").body(&before).send().check(200);
    bucket.set("Enabled");
    bucket.store("a", b"after");
    assert_eq!(bucket.version("GET", "a", "null").query("tagging", "").send().expect(200).all("Value"), ["1"]);
    let copy = bucket.object("PUT", "b").header("x-amz-copy-source", &bucket.source("a", "null")).send().expect(200);
    bucket.holds("b", copy.must("x-amz-version-id"), &before);
}
