//! Versions made of others: copies, what is brought back, and uploads in parts.

use sealgate_tests::answer::Answer;
use sealgate_tests::bytes::noise;
use sealgate_tests::request::Request;
use sealgate_tests::stack::Room;

use crate::versions::Versioned;

crate::cases![
    an_old_version_is_copied,
    a_copy_names_the_version_it_was_made_of,
    an_old_version_is_brought_back,
    a_marker_is_no_source,
    a_marker_named_as_source_is_refused_as_such,
    an_upload_in_parts_is_a_version,
    odd_parts_are_listed_with_their_sizes,
    a_version_of_parts_is_copied,
    a_part_is_copied_from_an_old_version,
    attributes_are_those_of_the_version,
];

const FIVE: usize = 5 << 20;

impl Versioned<'_> {
    fn copy(&self, from: (&str, &str), to: &str) -> Request {
        self.object("PUT", to).header("x-amz-copy-source", &self.source(from.0, from.1))
    }

    /// Begins an upload in parts.
    fn begin(&self, key: &str) -> String {
        self.object("POST", key).query("uploads", "").send().expect(200).text("UploadId").unwrap()
    }

    fn part(&self, key: &str, upload: &str, number: usize) -> Request {
        self.object("PUT", key).query("partNumber", &number.to_string()).query("uploadId", upload)
    }

    fn complete(&self, key: &str, upload: &str, etags: &[String]) -> Answer {
        let part = |(number, etag)| format!("<Part><PartNumber>{number}</PartNumber><ETag>{etag}</ETag></Part>");
        let parts: String = (1..).zip(etags).map(part).collect();
        let document = format!("<CompleteMultipartUpload>{parts}</CompleteMultipartUpload>");
        self.object("POST", key).query("uploadId", upload).body(document.as_bytes()).send().expect(200)
    }

    /// Stores a version in parts, names it, and says what it is.
    fn upload(&self, key: &str, lens: &[usize]) -> (String, Vec<u8>) {
        let (upload, mut etags, mut whole) = (self.begin(key), Vec::new(), Vec::new());
        for (number, len) in (1..).zip(lens) {
            let body = noise(u64::try_from(number).unwrap(), *len);
            etags.push(self.part(key, &upload, number).body(&body).send().expect(200).etag().to_owned());
            whole.extend(body);
        }
        let version = self.complete(key, &upload, &etags).must("x-amz-version-id").to_owned();
        (version, whole)
    }
}

fn an_old_version_is_copied(room: &Room<'_>) {
    let (bucket, content) = (Versioned::new(room), noise(1, 200_000));
    let put = bucket.object("PUT", "a").header("x-amz-meta-n", "1").body(&content).send().expect(200);
    let old = put.must("x-amz-version-id").to_owned();
    bucket.store("a", b"new");
    let copied = bucket.copy(("a", &old), "b").send().expect(200);
    bucket.holds("b", copied.must("x-amz-version-id"), &content);
    assert_eq!(bucket.object("HEAD", "b").send().expect(200).header("x-amz-meta-n"), Some("1"));
    let latest = bucket.copy(("a", &old), "b").header("x-amz-copy-source-if-match", put.etag()).send().expect(200);
    assert_ne!(latest.must("x-amz-version-id"), copied.must("x-amz-version-id"));
    let refused = bucket.copy(("a", &old), "b").header("x-amz-copy-source-if-none-match", put.etag()).send();
    refused.refused(412, "PreconditionFailed");
}

fn a_copy_names_the_version_it_was_made_of(room: &Room<'_>) {
    let bucket = Versioned::new(room);
    let (old, new) = (bucket.store("a", b"old").0, bucket.store("a", b"new").0);
    let copied = bucket.copy(("a", &old), "b").send().expect(200);
    assert_eq!(copied.must("x-amz-copy-source-version-id"), old);
    let latest = bucket.object("PUT", "b").header("x-amz-copy-source", &format!("{}/a", bucket.bucket)).send();
    assert_eq!(latest.expect(200).must("x-amz-copy-source-version-id"), new);
}

fn an_old_version_is_brought_back(room: &Room<'_>) {
    let (bucket, content) = (Versioned::new(room), noise(1, 70_000));
    let put = bucket.object("PUT", "a").header("x-amz-meta-n", "1").body(&content).send().expect(200);
    let old = put.must("x-amz-version-id").to_owned();
    let (new, _) = bucket.store("a", b"new");
    let restored = bucket.copy(("a", &old), "a").send().expect(200).must("x-amz-version-id").to_owned();
    let latest = bucket.object("GET", "a").send().expect(200);
    assert!(latest.body == content);
    assert_eq!((latest.must("x-amz-version-id"), latest.header("x-amz-meta-n")), (restored.as_str(), Some("1")));
    assert_eq!(bucket.list().all("VersionId"), [restored.as_str(), &new, &old]);
    bucket.holds("a", &new, b"new");
    bucket.holds("a", &old, &content);
}

fn a_marker_is_no_source(room: &Room<'_>) {
    let bucket = Versioned::new(room);
    let (version, marker) = (bucket.store("a", b"x").0, bucket.mark("a"));
    let named = bucket.copy(("a", &marker), "b").send();
    assert!(matches!(named.status, 400 | 404), "{named:?}");
    let latest = bucket.object("PUT", "b").header("x-amz-copy-source", &format!("/{}/a", bucket.bucket));
    latest.send().refused(404, "NoSuchKey");
    bucket.object("GET", "b").send().check(404);
    bucket.copy(("a", &version), "b").send().check(200);
    assert_eq!(bucket.object("GET", "b").send().expect(200).body, b"x");
}

fn a_marker_named_as_source_is_refused_as_such(room: &Room<'_>) {
    let bucket = Versioned::new(room);
    let marker = bucket.mark("a");
    bucket.copy(("a", &marker), "b").send().refused(400, "InvalidRequest");
    let upload = bucket.begin("b");
    let part = bucket.part("b", &upload, 1).header("x-amz-copy-source", &bucket.source("a", &marker));
    part.send().refused(400, "InvalidRequest");
}

fn an_upload_in_parts_is_a_version(room: &Room<'_>) {
    let bucket = Versioned::new(room);
    let (before, _) = bucket.store("a", b"before");
    let (version, whole) = bucket.upload("a", &[FIVE, FIVE, 100]);
    let (after, _) = bucket.store("a", b"after");
    bucket.holds("a", &version, &whole);
    bucket.holds("a", &before, b"before");
    assert_eq!(bucket.list().all("VersionId"), [after.as_str(), &version, &before]);
    assert_eq!(bucket.list().all("Size"), ["5", &whole.len().to_string(), "6"]);
    let range = bucket.version("GET", "a", &version).header("range", "bytes=5242870-5242890").send().expect(206);
    assert!(range.body == whole[5_242_870..=5_242_890]);
    let suffix = bucket.version("GET", "a", &version).header("range", "bytes=-110").send().expect(206);
    assert!(suffix.body == whole[whole.len() - 110..]);
    let part = bucket.version("GET", "a", &version).query("partNumber", "2").send().expect(206);
    assert!(part.body == whole[FIVE..2 * FIVE]);
    assert_eq!(part.must("x-amz-mp-parts-count"), "3");
    bucket.version("DELETE", "a", &after).send().check(204);
    let latest = bucket.object("HEAD", "a").send().expect(200);
    assert_eq!(
        (latest.must("x-amz-version-id"), latest.must("content-length")),
        (version.as_str(), whole.len().to_string().as_str())
    );
}

fn odd_parts_are_listed_with_their_sizes(room: &Room<'_>) {
    let bucket = Versioned::new(room);
    let (old, whole) = bucket.upload("a", &[FIVE + 65_537, FIVE, 3]);
    let (older, _) = bucket.store("a", b"new");
    let page = bucket.list();
    assert_eq!(page.all("VersionId"), [older, old.clone()]);
    assert_eq!(page.all("Size"), ["3", &whole.len().to_string()]);
    let etags: Vec<_> = page.all("ETag").iter().map(|etag| etag.replace("&quot;", "\"")).collect();
    assert_eq!(etags[1], bucket.version("HEAD", "a", &old).send().expect(200).etag());
    bucket.holds("a", &old, &whole);
}

fn a_version_of_parts_is_copied(room: &Room<'_>) {
    let bucket = Versioned::new(room);
    let (old, whole) = bucket.upload("a", &[FIVE, 100]);
    bucket.store("a", b"new");
    let copied = bucket.copy(("a", &old), "a").send().expect(200).must("x-amz-version-id").to_owned();
    bucket.holds("a", &copied, &whole);
    let range = bucket.object("GET", "a").header("range", "bytes=5242870-5242890").send().expect(206);
    assert!(range.body == whole[5_242_870..=5_242_890]);
}

fn a_part_is_copied_from_an_old_version(room: &Room<'_>) {
    let bucket = Versioned::new(room);
    let (old, whole) = bucket.upload("a", &[FIVE, FIVE]);
    bucket.store("a", b"new");
    let upload = bucket.begin("b");
    let from = |part: Request| part.header("x-amz-copy-source", &bucket.source("a", &old));
    let stretch = from(bucket.part("b", &upload, 1)).header("x-amz-copy-source-range", "bytes=1000-6291455");
    let stretch = stretch.send().expect(200);
    assert_eq!(stretch.must("x-amz-copy-source-version-id"), old);
    let rest = from(bucket.part("b", &upload, 2)).header("x-amz-copy-source-range", "bytes=6291456-6291555");
    let etags = [stretch, rest.send().expect(200)].map(|copied| copied.text("ETag").unwrap());
    let version = bucket.complete("b", &upload, &etags).must("x-amz-version-id").to_owned();
    bucket.holds("b", &version, &whole[1_000..6_291_556]);
}

fn attributes_are_those_of_the_version(room: &Room<'_>) {
    let bucket = Versioned::new(room);
    let (old, whole) = bucket.upload("a", &[FIVE, 100]);
    let (_, put) = bucket.store("a", b"new");
    let told = |request: Request| {
        let names = "ETag,ObjectSize,ObjectParts";
        request.query("attributes", "").header("x-amz-object-attributes", names).send().expect(200)
    };
    let attributes = told(bucket.version("GET", "a", &old));
    assert_eq!(attributes.text("ObjectSize").unwrap(), whole.len().to_string());
    assert_eq!(attributes.text("PartsCount").as_deref(), Some("2"), "{attributes:?}");
    assert_eq!(attributes.must("x-amz-version-id"), old);
    let head = bucket.version("HEAD", "a", &old).send().expect(200);
    assert_eq!(attributes.text("ETag").unwrap(), head.etag().trim_matches('"'));
    let latest = told(bucket.object("GET", "a"));
    assert_eq!(latest.text("ObjectSize").as_deref(), Some("3"));
    assert_eq!(latest.text("ETag").unwrap(), put.etag().trim_matches('"'));
}
