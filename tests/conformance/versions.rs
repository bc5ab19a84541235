//! Versions: every one is there with its own content, size and ETag, until it is deleted by name.

use sealgate_tests::answer::Answer;
use sealgate_tests::bytes::noise;
use sealgate_tests::request::Request;
use sealgate_tests::sign;
use sealgate_tests::stack::Room;

crate::cases![
    every_version_reads_back,
    versions_are_listed_as_they_read,
    a_delete_marker_hides_and_goes,
    a_version_is_deleted_by_name,
    a_range_of_an_old_version_is_of_that_version,
    versions_have_their_own_metadata_and_tags,
    tags_are_set_and_deleted_version_by_version,
    what_is_kept_is_told,
    a_version_that_is_gone_is_named,
    what_cannot_be_a_version_is_refused,
    a_locked_version_stays,
];

/// A bucket that keeps versions.
pub(crate) struct Versioned<'a> {
    pub(crate) room: &'a Room<'a>,
    pub(crate) bucket: String,
}

impl<'a> Versioned<'a> {
    pub(crate) fn new(room: &'a Room<'a>) -> Self {
        let bucket = Self { room, bucket: room.stack.new_bucket("versions") };
        bucket.set("Enabled");
        bucket
    }

    /// Decides what becomes of objects that are replaced or deleted.
    pub(crate) fn set(&self, status: &str) {
        let document = format!("<VersioningConfiguration><Status>{status}</Status></VersioningConfiguration>");
        self.request("PUT").query("versioning", "").body(document.as_bytes()).send().check(200);
    }

    pub(crate) fn request(&self, method: &str) -> Request {
        self.room.stack.request(method, &format!("/{}", self.bucket))
    }

    pub(crate) fn object(&self, method: &str, key: &str) -> Request {
        self.room.stack.object(method, &self.bucket, key)
    }

    /// Stores a version and names it.
    pub(crate) fn store(&self, key: &str, body: &[u8]) -> (String, Answer) {
        let answer = self.object("PUT", key).body(body).send().expect(200);
        (answer.must("x-amz-version-id").to_owned(), answer)
    }

    /// Deletes an object and names the mark.
    pub(crate) fn mark(&self, key: &str) -> String {
        let answer = self.object("DELETE", key).send().expect(204);
        assert_eq!(answer.header("x-amz-delete-marker"), Some("true"), "{answer:?}");
        answer.must("x-amz-version-id").to_owned()
    }

    pub(crate) fn version(&self, method: &str, key: &str, version: &str) -> Request {
        self.object(method, key).query("versionId", version)
    }

    /// Checks that a version is exactly `body`, whole and by its head.
    #[track_caller]
    pub(crate) fn holds(&self, key: &str, version: &str, body: &[u8]) {
        let answer = self.version("GET", key, version).send().expect(200);
        assert!(answer.body == body, "the version differs: {answer:?}");
        assert_eq!(answer.must("x-amz-version-id"), version);
        let head = self.version("HEAD", key, version).send().expect(200);
        assert_eq!((head.must("content-length"), head.etag()), (body.len().to_string().as_str(), answer.etag()));
    }

    /// The header of a copy that names a version.
    pub(crate) fn source(&self, key: &str, version: &str) -> String {
        format!("/{}/{}?versionId={version}", self.bucket, sign::encode_path(key))
    }

    pub(crate) fn list(&self) -> Answer {
        self.request("GET").query("versions", "").send().expect(200)
    }
}

fn every_version_reads_back(room: &Room<'_>) {
    let bucket = Versioned::new(room);
    let (old, new) = (noise(1, 70_000), noise(2, 10));
    let (first, put) = bucket.store("a", &old);
    let (second, _) = bucket.store("a", &new);
    assert_ne!(first, second);
    let answer = bucket.version("GET", "a", &first).send().expect(200);
    assert!(answer.body == old);
    assert_eq!((answer.must("x-amz-version-id"), answer.etag()), (first.as_str(), put.etag()));
    assert_eq!(bucket.version("HEAD", "a", &first).send().expect(200).must("content-length"), "70000");
    assert!(bucket.object("GET", "a").send().expect(200).body == new);
    let missing = bucket.version("GET", "a", "00000000000000000000000000000000").send();
    assert!(matches!(missing.status, 400 | 404), "{missing:?}");
}

fn versions_are_listed_as_they_read(room: &Room<'_>) {
    let bucket = Versioned::new(room);
    for len in [0, 1, 65_536, 70_000] {
        bucket.store("a b/c", &noise(len, usize::try_from(len).unwrap()));
    }
    let page = bucket.list();
    let (ids, sizes, etags) = (page.all("VersionId"), page.all("Size"), page.all("ETag"));
    assert_eq!((ids.len(), sizes.len(), etags.len()), (4, 4, 4), "{page:?}");
    for ((id, size), etag) in ids.iter().zip(&sizes).zip(&etags) {
        let head = bucket.version("HEAD", "a b/c", id).send().expect(200);
        assert_eq!((head.must("content-length"), head.etag()), (size.as_str(), etag.replace("&quot;", "\"").as_str()));
        assert_eq!(bucket.version("GET", "a b/c", id).send().expect(200).body.len().to_string(), *size);
    }
}

fn a_delete_marker_hides_and_goes(room: &Room<'_>) {
    let bucket = Versioned::new(room);
    bucket.store("a", b"kept");
    let answer = bucket.object("DELETE", "a").send().expect(204);
    assert_eq!(answer.header("x-amz-delete-marker"), Some("true"));
    let marker = answer.must("x-amz-version-id").to_owned();
    bucket.object("GET", "a").send().check(404);
    let page = bucket.list();
    assert!(page.xml().contains("<DeleteMarker>"), "{page:?}");
    assert_eq!(page.all("Size"), ["4"]);
    bucket.version("DELETE", "a", &marker).send().check(204);
    assert_eq!(bucket.object("GET", "a").send().expect(200).body, b"kept");
}

fn a_version_is_deleted_by_name(room: &Room<'_>) {
    let bucket = Versioned::new(room);
    let (first, _) = bucket.store("a", b"first");
    let (second, _) = bucket.store("a", b"second");
    bucket.version("DELETE", "a", &second).send().check(204);
    assert_eq!(bucket.object("GET", "a").send().expect(200).body, b"first");
    assert_eq!(bucket.list().all("VersionId"), [first]);
}

fn a_range_of_an_old_version_is_of_that_version(room: &Room<'_>) {
    let bucket = Versioned::new(room);
    let (first, _) = bucket.store("a", &noise(1, 200_000));
    bucket.store("a", &noise(2, 100));
    let answer = bucket.version("GET", "a", &first).header("range", "bytes=65530-131080").send().expect(206);
    assert!(answer.body == noise(1, 200_000)[65_530..=131_080]);
    assert_eq!(answer.must("content-range"), "bytes 65530-131080/200000");
}

fn versions_have_their_own_metadata_and_tags(room: &Room<'_>) {
    let bucket = Versioned::new(room);
    let put = bucket.object("PUT", "a").header("x-amz-meta-n", "1").header("x-amz-tagging", "n=1").body(b"1");
    let first = put.send().expect(200).must("x-amz-version-id").to_owned();
    bucket.object("PUT", "a").header("x-amz-meta-n", "2").body(b"2").send().check(200);
    assert_eq!(bucket.version("HEAD", "a", &first).send().expect(200).header("x-amz-meta-n"), Some("1"));
    assert_eq!(bucket.object("HEAD", "a").send().expect(200).header("x-amz-meta-n"), Some("2"));
    assert_eq!(bucket.version("GET", "a", &first).query("tagging", "").send().expect(200).all("Value"), ["1"]);
    assert!(bucket.object("GET", "a").query("tagging", "").send().expect(200).all("Value").is_empty());
}

fn tags_are_set_and_deleted_version_by_version(room: &Room<'_>) {
    let bucket = Versioned::new(room);
    let (first, second) = (bucket.store("a", b"1").0, bucket.store("a", b"2").0);
    let set = |version: &str, value: &str| {
        let document = format!("<Tagging><TagSet><Tag><Key>n</Key><Value>{value}</Value></Tag></TagSet></Tagging>");
        bucket.version("PUT", "a", version).query("tagging", "").body(document.as_bytes()).send().check(200);
    };
    let told = |version: &str| bucket.version("GET", "a", version).query("tagging", "").send().expect(200).all("Value");
    set(&first, "one");
    set(&second, "two");
    assert_eq!((told(&first), told(&second)), (vec!["one".to_owned()], vec!["two".to_owned()]));
    assert_eq!(bucket.version("HEAD", "a", &first).send().expect(200).header("x-amz-tagging-count"), Some("1"));
    bucket.version("DELETE", "a", &second).query("tagging", "").send().check(204);
    assert_eq!((told(&first), told(&second)), (vec!["one".to_owned()], vec![]));
    bucket.holds("a", &first, b"1");
}

fn what_is_kept_is_told(room: &Room<'_>) {
    let bucket = Versioned { room, bucket: room.stack.new_bucket("versions") };
    let told = || bucket.request("GET").query("versioning", "").send().expect(200).text("Status");
    assert_eq!(told(), None);
    for status in ["Enabled", "Suspended"] {
        bucket.set(status);
        assert_eq!(told().as_deref(), Some(status));
    }
}

fn a_version_that_is_gone_is_named(room: &Room<'_>) {
    let bucket = Versioned::new(room);
    let (gone, _) = bucket.store("a", b"gone");
    bucket.store("a", b"there");
    bucket.version("DELETE", "a", &gone).send().check(204);
    bucket.version("GET", "a", &gone).send().refused(404, "NoSuchVersion");
    assert_eq!(bucket.version("HEAD", "a", &gone).send().status, 404);
    bucket.version("GET", "none", &gone).send().refused(404, "NoSuchVersion");
}

fn what_cannot_be_a_version_is_refused(room: &Room<'_>) {
    let bucket = Versioned::new(room);
    bucket.store("a", b"there");
    for wrong in ["no version", "0", "null "] {
        bucket.version("GET", "a", wrong).send().refused(400, "InvalidArgument");
        bucket.version("DELETE", "a", wrong).send().refused(400, "InvalidArgument");
    }
    assert_eq!(bucket.object("GET", "a").send().expect(200).body, b"there");
}

/// Legal hold and retention go to the store as they are, and the store's refusal comes back.
fn a_locked_version_stays(room: &Room<'_>) {
    let bucket = sealgate_tests::bytes::unique("locked");
    let make = room.stack.request("PUT", &format!("/{bucket}")).header("x-amz-bucket-object-lock-enabled", "true");
    make.send().check(200);
    let bucket = Versioned { room, bucket };
    let (version, _) = bucket.store("a", b"held");
    let hold = |on: &str| {
        let document = format!("<LegalHold><Status>{on}</Status></LegalHold>");
        let request = bucket.version("PUT", "a", &version).query("legal-hold", "");
        request.body(document.as_bytes()).send().check(200);
    };
    hold("ON");
    let head = bucket.version("HEAD", "a", &version).send().expect(200);
    assert_eq!(head.header("x-amz-object-lock-legal-hold"), Some("ON"));
    bucket.version("DELETE", "a", &version).send().refused(403, "AccessDenied");
    hold("OFF");
    bucket.version("DELETE", "a", &version).send().check(204);
}
