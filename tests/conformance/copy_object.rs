//! `CopyObject`: a copy is the object again under another name, or itself with other metadata.

use sealgate_tests::answer::Answer;
use sealgate_tests::bytes::noise;
use sealgate_tests::request::Request;
use sealgate_tests::sign;
use sealgate_tests::stack::Room;

crate::cases![
    a_copy_is_the_object_again,
    an_empty_object_can_be_copied,
    a_copy_is_listed_with_its_size,
    metadata_comes_along,
    metadata_can_be_replaced,
    a_touch_changes_only_the_metadata,
    a_copy_onto_itself_must_change_something,
    a_copy_of_a_copy_reads_back,
    a_copy_between_buckets_reads_back,
    odd_names_can_be_copied,
    the_copy_outlives_its_source,
    checksums_come_along,
    conditions_on_the_source_hold,
    dates_of_the_source_hold,
    conditions_on_the_target_hold,
    a_missing_source_is_named,
    what_is_no_source_is_refused,
    unknown_directives_are_refused,
    the_result_names_the_etag_of_the_copy,
];

const SYSTEM: &[(&str, &str)] = &[
    ("cache-control", "max-age=60"),
    ("content-disposition", "attachment"),
    ("content-language", "en"),
    ("content-type", "text/x-test"),
];

fn source(room: &Room<'_>, name: &str) -> String {
    format!("/{}/{}", room.bucket, sign::encode_path(&format!("{}{name}", room.prefix)))
}

fn copy(room: &Room<'_>, from: &str, to: &str) -> Request {
    room.object("PUT", to).header("x-amz-copy-source", &source(room, from))
}

/// A PUT with metadata of every kind.
fn described(room: &Room<'_>, name: &str, body: &[u8]) -> Answer {
    let put = SYSTEM.iter().fold(room.put(name, body), |put, (name, value)| put.header(name, value));
    put.header("x-amz-meta-colour", "red").header("x-amz-meta-mtime", "1").send().expect(200)
}

fn is_described(answer: &Answer) {
    for (name, value) in SYSTEM {
        assert_eq!(answer.header(name), Some(*value), "{name}");
    }
    assert_eq!((answer.must("x-amz-meta-colour"), answer.must("x-amz-meta-mtime")), ("red", "1"));
}

fn a_copy_is_the_object_again(room: &Room<'_>) {
    for len in [1, 65_536, 65_537, 3_000_000] {
        room.store("a", &noise(len as u64, len));
        copy(room, "a", "b").send().check(200);
        room.holds("b", &noise(len as u64, len));
        room.holds("a", &noise(len as u64, len));
    }
    let part = room.get("b").header("range", "bytes=65530-65540").send().expect(206);
    assert_eq!(part.body, noise(3_000_000, 3_000_000)[65_530..65_541]);
}

fn an_empty_object_can_be_copied(room: &Room<'_>) {
    room.store("a", b"");
    copy(room, "a", "b").send().check(200);
    room.holds("b", b"");
}

fn a_copy_is_listed_with_its_size(room: &Room<'_>) {
    room.store("a", &noise(1, 100_000));
    let result = copy(room, "a", "b").send().expect(200);
    let page = room.list().send().expect(200);
    assert_eq!(page.all("Size"), ["100000", "100000"]);
    assert_eq!(page.all("ETag").len(), 2);
    let listed = sealgate_tests::answer::text(&page.all("Contents")[1], "ETag");
    assert_eq!(listed, result.text("ETag"));
}

fn metadata_comes_along(room: &Room<'_>) {
    described(room, "a", b"x");
    let ignored = copy(room, "a", "b").header("x-amz-meta-colour", "blue").header("content-type", "a/b");
    ignored.send().check(200);
    is_described(&room.head("b").send().expect(200));
    copy(room, "a", "c").header("x-amz-metadata-directive", "COPY").send().check(200);
    is_described(&room.get("c").send().expect(200));
}

fn metadata_can_be_replaced(room: &Room<'_>) {
    described(room, "a", b"x");
    let replace = copy(room, "a", "b").header("x-amz-metadata-directive", "REPLACE");
    replace.header("x-amz-meta-shape", "round").header("content-type", "a/b").send().check(200);
    let head = room.head("b").send().expect(200);
    assert_eq!((head.must("x-amz-meta-shape"), head.must("content-type")), ("round", "a/b"));
    assert_eq!((head.header("x-amz-meta-colour"), head.header("cache-control")), (None, None));
    is_described(&room.head("a").send().expect(200));
}

fn a_touch_changes_only_the_metadata(room: &Room<'_>) {
    let body = noise(9, 300_000);
    described(room, "a", &body);
    for time in ["2", "3"] {
        let touch = copy(room, "a", "a").header("x-amz-metadata-directive", "REPLACE");
        touch.header("x-amz-meta-mtime", time).send().check(200);
        let get = room.get("a").send().expect(200);
        assert_eq!((get.must("x-amz-meta-mtime"), get.header("x-amz-meta-colour")), (time, None));
        assert!(get.body == body);
    }
}

fn a_copy_onto_itself_must_change_something(room: &Room<'_>) {
    room.store("a", b"x");
    copy(room, "a", "a").send().refused(400, "InvalidRequest");
    room.holds("a", b"x");
}

fn a_copy_of_a_copy_reads_back(room: &Room<'_>) {
    described(room, "a", &noise(4, 70_000));
    copy(room, "a", "b").send().check(200);
    copy(room, "b", "c").send().check(200);
    copy(room, "c", "a").send().check(200);
    for name in ["a", "b", "c"] {
        room.holds(name, &noise(4, 70_000));
        is_described(&room.head(name).send().expect(200));
    }
}

fn a_copy_between_buckets_reads_back(room: &Room<'_>) {
    let other = room.stack.new_bucket("copies");
    described(room, "a", &noise(5, 70_000));
    let there = room.stack.object("PUT", &other, "there").header("x-amz-copy-source", &source(room, "a"));
    there.send().check(200);
    let get = room.stack.object("GET", &other, "there").send().expect(200);
    is_described(&get);
    assert!(get.body == noise(5, 70_000));
    let back = room.object("PUT", "back").header("x-amz-copy-source", &format!("{other}/there"));
    back.send().check(200);
    room.holds("back", &noise(5, 70_000));
    room.stack.object("DELETE", &other, "there").send().check(204);
    room.stack.request("DELETE", &format!("/{other}")).send().check(204);
}

fn odd_names_can_be_copied(room: &Room<'_>) {
    for (index, name) in ["a b+c", "ü/日本", "100%", "q?x=1&y", "a%2Fb"].into_iter().enumerate() {
        let body = noise(index as u64, 10);
        room.store(name, &body);
        copy(room, name, &format!("{name} copy")).send().check(200);
        room.holds(&format!("{name} copy"), &body);
        let escaped = source(room, name).trim_start_matches('/').replace('/', "%2F");
        room.object("PUT", "again").header("x-amz-copy-source", &escaped).send().check(200);
        room.holds("again", &body);
    }
}

fn the_copy_outlives_its_source(room: &Room<'_>) {
    room.store("a", &noise(6, 10_000));
    copy(room, "a", "b").send().check(200);
    room.delete("a").send().check(204);
    room.holds("b", &noise(6, 10_000));
    room.store("a", b"another");
    room.holds("b", &noise(6, 10_000));
}

fn checksums_come_along(room: &Room<'_>) {
    let put = room.put("a", b"abc").header("x-amz-checksum-crc32", "NSRBwg==");
    put.send().check(200);
    copy(room, "a", "b").send().check(200);
    let head = room.head("b").header("x-amz-checksum-mode", "ENABLED").send().expect(200);
    assert_eq!(head.must("x-amz-checksum-crc32"), "NSRBwg==");
}

fn conditions_on_the_source_hold(room: &Room<'_>) {
    let etag = room.store("a", b"x").etag().to_owned();
    let when = |name: &str, value: &str| copy(room, "a", "b").header(name, value).send();
    when("x-amz-copy-source-if-match", "\"0123\"").refused(412, "PreconditionFailed");
    when("x-amz-copy-source-if-none-match", &etag).refused(412, "PreconditionFailed");
    room.lacks("b");
    when("x-amz-copy-source-if-match", &etag).check(200);
    when("x-amz-copy-source-if-none-match", "\"0123\"").check(200);
    room.holds("b", b"x");
}

fn dates_of_the_source_hold(room: &Room<'_>) {
    const PAST: &str = "Sat, 01 Jan 2000 00:00:00 GMT";
    room.store("a", b"x");
    let when = |name: &str| copy(room, "a", "b").header(name, PAST).send();
    when("x-amz-copy-source-if-unmodified-since").refused(412, "PreconditionFailed");
    room.lacks("b");
    when("x-amz-copy-source-if-modified-since").check(200);
    room.holds("b", b"x");
}

fn conditions_on_the_target_hold(room: &Room<'_>) {
    room.store("a", b"new");
    let etag = room.store("taken", b"old").etag().to_owned();
    copy(room, "a", "taken").header("if-none-match", "*").send().refused(412, "PreconditionFailed");
    copy(room, "a", "taken").header("if-match", "\"0123\"").send().refused(412, "PreconditionFailed");
    room.holds("taken", b"old");
    copy(room, "a", "free").header("if-none-match", "*").send().check(200);
    copy(room, "a", "taken").header("if-match", &etag).send().check(200);
    room.holds("taken", b"new");
}

fn a_missing_source_is_named(room: &Room<'_>) {
    copy(room, "missing", "b").send().refused(404, "NoSuchKey");
    let missing = format!("{}/a", sealgate_tests::bytes::unique("missing"));
    room.object("PUT", "b").header("x-amz-copy-source", &missing).send().refused(404, "NoSuchBucket");
    room.lacks("b");
}

fn what_is_no_source_is_refused(room: &Room<'_>) {
    for text in ["/", "bucket", "bucket/"] {
        room.object("PUT", "b").header("x-amz-copy-source", text).send().refused(400, "InvalidArgument");
    }
}

fn unknown_directives_are_refused(room: &Room<'_>) {
    room.store("a", b"x");
    for name in ["x-amz-metadata-directive", "x-amz-tagging-directive"] {
        copy(room, "a", "b").header(name, "MERGE").send().refused(400, "InvalidArgument");
    }
    room.lacks("b");
}

fn the_result_names_the_etag_of_the_copy(room: &Room<'_>) {
    room.store("a", b"x");
    let result = copy(room, "a", "b").send().expect(200);
    let head = room.head("b").send().expect(200);
    assert_eq!(result.text("ETag").unwrap(), head.etag());
    assert!(result.text("LastModified").unwrap().ends_with('Z'));
    assert!(result.xml().contains("<CopyObjectResult"), "{result:?}");
}
