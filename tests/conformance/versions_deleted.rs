//! Delete markers: what they answer, how they are made and removed in bulk, and what conditions see of them.

use sealgate_tests::answer::Answer;
use sealgate_tests::bytes::noise;
use sealgate_tests::stack::Room;

use crate::versions::Versioned;

crate::cases![
    a_marker_is_no_object,
    a_marker_is_named_in_refusals,
    markers_pile_up_and_go_one_by_one,
    many_deletions_make_and_remove_markers,
    many_deletions_name_what_went,
    a_write_after_a_marker_is_a_first_write,
    copies_and_uploads_after_a_marker_are_first_writes,
    a_write_cannot_match_what_a_marker_hides,
    a_bucket_of_versions_is_not_empty,
    a_bucket_of_markers_is_not_empty,
];

fn a_marker_is_no_object(room: &Room<'_>) {
    let bucket = Versioned::new(room);
    let (version, _) = bucket.store("a", &noise(1, 70_000));
    let marker = bucket.mark("a");
    bucket.object("GET", "a").send().refused(404, "NoSuchKey");
    bucket.object("HEAD", "a").send().check(404);
    for method in ["GET", "HEAD"] {
        let named = bucket.version(method, "a", &marker).send();
        assert!(matches!(named.status, 404 | 405), "{named:?}");
    }
    bucket.holds("a", &version, &noise(1, 70_000));
}

/// What S3 says beside the refusal.
fn a_marker_is_named_in_refusals(room: &Room<'_>) {
    let bucket = Versioned::new(room);
    bucket.store("a", b"x");
    let marker = bucket.mark("a");
    let named = |answer: &Answer| {
        let header = |name: &str| answer.header(name).map(str::to_owned);
        assert_eq!(header("x-amz-delete-marker").as_deref(), Some("true"), "{answer:?}");
        assert_eq!(header("x-amz-version-id").as_ref(), Some(&marker), "{answer:?}");
    };
    for method in ["GET", "HEAD"] {
        named(&bucket.object(method, "a").send().expect(404));
        let answer = bucket.version(method, "a", &marker).send().expect(405);
        named(&answer);
        assert_eq!(answer.header("allow"), Some("DELETE"));
        assert!(answer.must("last-modified").ends_with("GMT"));
    }
    bucket.version("GET", "a", &marker).send().refused(405, "MethodNotAllowed");
    let attributes = bucket.object("GET", "a").query("attributes", "").header("x-amz-object-attributes", "ObjectSize");
    attributes.send().refused(404, "NoSuchKey");
}

fn markers_pile_up_and_go_one_by_one(room: &Room<'_>) {
    let bucket = Versioned::new(room);
    let (version, _) = bucket.store("a", b"kept");
    let markers = [bucket.mark("a"), bucket.mark("a")];
    for marker in &markers {
        bucket.object("GET", "a").send().check(404);
        let answer = bucket.version("DELETE", "a", marker).send().expect(204);
        assert_eq!(
            (answer.header("x-amz-delete-marker"), answer.must("x-amz-version-id")),
            (Some("true"), marker.as_str())
        );
    }
    let answer = bucket.object("GET", "a").send().expect(200);
    assert_eq!((answer.body.as_slice(), answer.must("x-amz-version-id")), (b"kept".as_slice(), version.as_str()));
}

/// Entries of a list of deletions.
fn entries(named: &[(&str, &str)]) -> String {
    let entry = |(key, version): &(&str, &str)| {
        let version = if version.is_empty() { String::new() } else { format!("<VersionId>{version}</VersionId>") };
        format!("<Object><Key>{key}</Key>{version}</Object>")
    };
    named.iter().map(entry).collect()
}

impl Versioned<'_> {
    fn delete(&self, named: &[(&str, &str)]) -> Answer {
        let document = format!("<Delete>{}</Delete>", entries(named));
        let answer = self.request("POST").query("delete", "").body(document.as_bytes()).send().expect(200);
        assert!(answer.all("Code").is_empty(), "{answer:?}");
        answer
    }
}

fn many_deletions_make_and_remove_markers(room: &Room<'_>) {
    let bucket = Versioned::new(room);
    let (old, new) = (bucket.store("a", b"old").0, bucket.store("a", b"new").0);
    let (other, marker) = (bucket.store("b", &noise(1, 70_000)).0, bucket.mark("b"));
    bucket.delete(&[("a", &old), ("b", &marker)]);
    bucket.version("GET", "a", &old).send().check(404);
    bucket.holds("a", &new, b"new");
    assert_eq!(bucket.object("HEAD", "b").send().expect(200).must("x-amz-version-id"), other);
    let answer = bucket.delete(&[("a", ""), ("b", "")]);
    assert_eq!(answer.all("DeleteMarker"), ["true", "true"], "{answer:?}");
    let markers = answer.all("DeleteMarkerVersionId");
    bucket.object("GET", "a").send().refused(404, "NoSuchKey");
    bucket.holds("a", &new, b"new");
    bucket.delete(&[("a", &markers[0]), ("b", &markers[1])]);
    assert_eq!(bucket.object("GET", "a").send().expect(200).body, b"new");
    assert_eq!(bucket.list().all("VersionId").len(), 2);
}

fn many_deletions_name_what_went(room: &Room<'_>) {
    let bucket = Versioned::new(room);
    let (version, marker) = (bucket.store("a", b"x").0, bucket.mark("a"));
    let answer = bucket.delete(&[("a", &version), ("a", &marker)]);
    assert_eq!(answer.all("VersionId"), [version.as_str(), &marker]);
    assert_eq!(
        (answer.all("DeleteMarker"), answer.all("DeleteMarkerVersionId")),
        (vec!["true".to_owned()], vec![marker])
    );
}

fn a_write_after_a_marker_is_a_first_write(room: &Room<'_>) {
    let bucket = Versioned::new(room);
    let put = |body: &[u8]| bucket.object("PUT", "a").header("if-none-match", "*").body(body).send();
    put(b"one").check(200);
    put(b"two").refused(412, "PreconditionFailed");
    bucket.mark("a");
    put(b"three").check(200);
    put(b"four").refused(412, "PreconditionFailed");
    assert_eq!(bucket.object("GET", "a").send().expect(200).body, b"three");
}

fn copies_and_uploads_after_a_marker_are_first_writes(room: &Room<'_>) {
    let bucket = Versioned::new(room);
    bucket.store("source", b"copied");
    let copy = || {
        let source = format!("/{}/source", bucket.bucket);
        bucket.object("PUT", "a").header("x-amz-copy-source", &source).header("if-none-match", "*").send()
    };
    let complete = || {
        let upload = bucket.object("POST", "a").query("uploads", "").send().expect(200).text("UploadId").unwrap();
        let part = bucket.object("PUT", "a").query("partNumber", "1").query("uploadId", &upload).body(b"uploaded");
        let etag = part.send().expect(200).etag().to_owned();
        let document = format!("<Part><PartNumber>1</PartNumber><ETag>{etag}</ETag></Part>");
        let document = format!("<CompleteMultipartUpload>{document}</CompleteMultipartUpload>");
        let complete = bucket.object("POST", "a").query("uploadId", &upload).header("if-none-match", "*");
        complete.body(document.as_bytes()).send()
    };
    bucket.store("a", b"x");
    complete().refused(412, "PreconditionFailed");
    copy().refused(412, "PreconditionFailed");
    bucket.mark("a");
    complete().check(200);
    assert_eq!(bucket.object("GET", "a").send().expect(200).body, b"uploaded");
    bucket.mark("a");
    copy().check(200);
    assert_eq!(bucket.object("GET", "a").send().expect(200).body, b"copied");
}

fn a_write_cannot_match_what_a_marker_hides(room: &Room<'_>) {
    let bucket = Versioned::new(room);
    let (version, put) = bucket.store("a", b"one");
    let (etag, marker) = (put.etag().to_owned(), bucket.mark("a"));
    let refused = bucket.object("PUT", "a").header("if-match", &etag).body(b"two").send();
    assert!(matches!(refused.status, 404 | 412), "{refused:?}");
    bucket.version("DELETE", "a", &marker).send().check(204);
    bucket.holds("a", &version, b"one");
    bucket.object("PUT", "a").header("if-match", &etag).body(b"two").send().check(200);
    bucket.object("PUT", "a").header("if-match", &etag).body(b"three").send().refused(412, "PreconditionFailed");
    assert_eq!(bucket.object("GET", "a").send().expect(200).body, b"two");
}

fn a_bucket_of_versions_is_not_empty(room: &Room<'_>) {
    let bucket = Versioned::new(room);
    let versions = [bucket.store("a", b"x").0, bucket.store("a", b"y").0];
    bucket.request("DELETE").send().refused(409, "BucketNotEmpty");
    for version in versions {
        bucket.version("DELETE", "a", &version).send().check(204);
    }
    bucket.request("DELETE").send().check(204);
}

fn a_bucket_of_markers_is_not_empty(room: &Room<'_>) {
    let bucket = Versioned::new(room);
    for version in [bucket.store("a", b"x").0, bucket.mark("a")] {
        bucket.request("DELETE").send().refused(409, "BucketNotEmpty");
        bucket.version("DELETE", "a", &version).send().check(204);
    }
    bucket.request("DELETE").send().check(204);
}
