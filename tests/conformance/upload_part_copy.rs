//! `UploadPartCopy`: any stretch of any object can be a part, and objects made of parts can be copied.

use sealgate_tests::answer::Answer;
use sealgate_tests::bytes::noise;
use sealgate_tests::request::Request;
use sealgate_tests::sign;
use sealgate_tests::stack::Room;

crate::cases![
    stretches_of_an_object_make_another,
    a_whole_object_can_be_a_part,
    an_object_of_parts_can_be_copied_by_parts,
    an_object_of_parts_can_be_copied_at_once,
    conditions_on_the_source_hold,
    a_range_must_lie_within_the_source,
    a_malformed_range_is_refused,
    a_missing_source_is_named,
    an_unknown_upload_is_refused,
];

const MIB: usize = 1024 * 1024;
const FIVE: usize = 5 * MIB;

fn source(room: &Room<'_>, name: &str) -> String {
    format!("/{}/{}", room.bucket, sign::encode_path(&format!("{}{name}", room.prefix)))
}

/// An upload in progress.
struct Upload<'a> {
    room: &'a Room<'a>,
    name: &'static str,
    id: String,
    done: Vec<(u16, String)>,
}

impl<'a> Upload<'a> {
    fn begin(room: &'a Room<'a>, name: &'static str) -> Self {
        let create = room.object("POST", name).query("uploads", "").header("x-amz-meta-colour", "red").send();
        Self { room, name, id: create.expect(200).text("UploadId").unwrap(), done: Vec::new() }
    }

    fn request(&self, number: u16, from: &str) -> Request {
        let put = self.room.object("PUT", self.name).header("x-amz-copy-source", &source(self.room, from));
        put.query("partNumber", &number.to_string()).query("uploadId", &self.id)
    }

    fn copy(&mut self, number: u16, from: &str, bytes: &str) -> Answer {
        let answer = self.request(number, from).header("x-amz-copy-source-range", bytes).send().expect(200);
        self.done.push((number, answer.text("ETag").unwrap()));
        answer
    }

    fn complete(&self) {
        let part = |(number, etag): &(u16, String)| {
            format!("<Part><PartNumber>{number}</PartNumber><ETag>{etag}</ETag></Part>")
        };
        let parts: String = self.done.iter().map(part).collect();
        let document = format!("<CompleteMultipartUpload>{parts}</CompleteMultipartUpload>");
        let complete = self.room.object("POST", self.name).query("uploadId", &self.id).body(document.as_bytes());
        assert!(complete.send().expect(200).text("ETag").is_some());
    }

    fn abort(self) {
        self.room.object("DELETE", self.name).query("uploadId", &self.id).send().check(204);
    }
}

fn bytes(first: usize, end: usize) -> String {
    format!("bytes={first}-{}", end - 1)
}

fn stretches_of_an_object_make_another(room: &Room<'_>) {
    let whole = noise(1, 12 * MIB);
    room.store("a", &whole);
    let mut upload = Upload::begin(room, "b");
    let (one, two) = (12_345..12_345 + FIVE, 7 * MIB + 1..7 * MIB + 2);
    let answer = upload.copy(1, "a", &bytes(one.start, one.end));
    assert!(answer.xml().contains("<CopyPartResult"), "{answer:?}");
    assert!(answer.text("LastModified").unwrap().ends_with('Z'));
    upload.copy(2, "a", &bytes(two.start, two.end));
    upload.complete();
    room.holds("b", &[&whole[one], &whole[two]].concat());
    assert_eq!(room.head("b").send().must("x-amz-meta-colour"), "red");
    room.holds("a", &whole);
}

fn a_whole_object_can_be_a_part(room: &Room<'_>) {
    room.store("a", &noise(2, 100_000));
    let mut upload = Upload::begin(room, "b");
    let answer = upload.request(1, "a").send().expect(200);
    upload.done.push((1, answer.text("ETag").unwrap()));
    upload.complete();
    room.holds("b", &noise(2, 100_000));
}

fn large(room: &Room<'_>, name: &'static str) -> Vec<u8> {
    room.store("piece", &noise(3, 6 * MIB));
    let mut upload = Upload::begin(room, name);
    upload.copy(1, "piece", &bytes(0, FIVE + 1));
    upload.copy(2, "piece", &bytes(5, 6 * MIB));
    upload.copy(3, "piece", &bytes(0, 10));
    upload.complete();
    let piece = noise(3, 6 * MIB);
    [&piece[..=FIVE], &piece[5..], &piece[..10]].concat()
}

fn an_object_of_parts_can_be_copied_by_parts(room: &Room<'_>) {
    let whole = large(room, "a");
    let mut upload = Upload::begin(room, "b");
    // Borders that are none in the source.
    upload.copy(1, "a", &bytes(0, FIVE));
    upload.copy(2, "a", &bytes(FIVE, 2 * FIVE + 99));
    upload.copy(3, "a", &bytes(2 * FIVE + 99, whole.len()));
    upload.complete();
    room.holds("b", &whole);
}

fn an_object_of_parts_can_be_copied_at_once(room: &Room<'_>) {
    let whole = large(room, "a");
    room.object("PUT", "b").header("x-amz-copy-source", &source(room, "a")).send().check(200);
    room.holds("b", &whole);
    assert_eq!(room.head("b").send().must("x-amz-meta-colour"), "red");
    let part = room.get("b").header("range", &bytes(FIVE - 10, FIVE + 10)).send().expect(206);
    assert_eq!(part.body, whole[FIVE - 10..FIVE + 10]);
    let touch = room.object("PUT", "a").header("x-amz-copy-source", &source(room, "a"));
    touch.header("x-amz-metadata-directive", "REPLACE").header("x-amz-meta-colour", "blue").send().check(200);
    room.holds("a", &whole);
    assert_eq!(room.head("a").send().must("x-amz-meta-colour"), "blue");
}

fn conditions_on_the_source_hold(room: &Room<'_>) {
    let etag = room.store("a", b"x").etag().to_owned();
    let upload = Upload::begin(room, "b");
    let when = |name: &str, value: &str| upload.request(1, "a").header(name, value).send();
    when("x-amz-copy-source-if-match", "\"0123\"").refused(412, "PreconditionFailed");
    when("x-amz-copy-source-if-none-match", &etag).refused(412, "PreconditionFailed");
    when("x-amz-copy-source-if-match", &etag).check(200);
    upload.abort();
}

fn a_range_must_lie_within_the_source(room: &Room<'_>) {
    room.store("a", &noise(4, 100));
    let upload = Upload::begin(room, "b");
    for range in ["bytes=0-100", "bytes=100-100", "bytes=5000000-6000000"] {
        let answer = upload.request(1, "a").header("x-amz-copy-source-range", range).send();
        answer.refused(416, "InvalidRange");
    }
    upload.abort();
}

fn a_malformed_range_is_refused(room: &Room<'_>) {
    room.store("a", &noise(4, 100));
    let upload = Upload::begin(room, "b");
    for range in ["0-9", "bytes=5-", "bytes=-5", "bytes=9-5"] {
        let answer = upload.request(1, "a").header("x-amz-copy-source-range", range).send();
        answer.refused(400, "InvalidArgument");
    }
    upload.abort();
}

fn a_missing_source_is_named(room: &Room<'_>) {
    let upload = Upload::begin(room, "b");
    upload.request(1, "missing").send().refused(404, "NoSuchKey");
    upload.abort();
}

fn an_unknown_upload_is_refused(room: &Room<'_>) {
    room.store("a", b"x");
    let mut upload = Upload::begin(room, "b");
    let known = std::mem::replace(&mut upload.id, "unknown".into());
    upload.request(1, "a").send().refused(404, "NoSuchUpload");
    upload.id = known;
    upload.abort();
}
