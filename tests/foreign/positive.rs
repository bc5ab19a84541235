//! What opens: every answer about an object speaks of its plaintext, and all of them agree.

use crate::scene::{Scene, holds};
use sealgate_tests::foreign::vector::Vector;

/// Reads a vector in every way there is.
pub(crate) fn reads(scene: &Scene, vector: &Vector) {
    for rule in ["all", "quick"] {
        let bucket = scene.placed(vector, rule, &vector.id);
        every_answer(scene, vector, &bucket);
    }
    let only = scene.placed(vector, &format!("only-{}", vector.format), &vector.id);
    if vector.format == "v3" || vector.instruction_file.is_none() {
        every_answer(scene, vector, &only);
    }
}

pub(crate) fn every_answer(scene: &Scene, vector: &Vector, bucket: &str) {
    let (plain, key) = (vector.plain(), vector.id.as_str());
    // Before anything was read: what a listing shows is not learnt from a read.
    let (size, listed_etag) = scene.listed(bucket, key).unwrap();
    assert_eq!(size, plain.len(), "listed");
    let whole = scene.object("GET", bucket, key).send();
    holds(&whole, &plain);
    assert_eq!((whole.must("content-type"), whole.must("x-amz-meta-colour")), ("text/x-vector", "red"));
    let envelope = whole.headers.iter().find(|(name, _)| name.starts_with("x-amz-meta-x-amz-"));
    assert_eq!(envelope, None, "an envelope is nobody's metadata");
    assert!(whole.etag() == listed_etag && whole.etag().contains('-'), "{whole:?}");
    let head = scene.object("HEAD", bucket, key).send().expect(200);
    for name in ["content-length", "etag", "content-type", "x-amz-meta-colour", "accept-ranges", "last-modified"] {
        assert_eq!(head.must(name), whole.must(name), "{name}");
    }
    ranges(scene, vector, bucket, &plain);
    conditions(scene, bucket, key, whole.etag());
    let attributes = scene.object("GET", bucket, key).query("attributes", "");
    let attributes = attributes.header("x-amz-object-attributes", "ObjectSize,ETag").send().expect(200);
    assert_eq!(attributes.text("ObjectSize").unwrap(), plain.len().to_string());
    assert_eq!(attributes.text("ETag").unwrap(), whole.etag().trim_matches('"'));
}

fn ranges(scene: &Scene, vector: &Vector, bucket: &str, plain: &[u8]) {
    let len = plain.len();
    let ask = |range: &str| scene.object("GET", bucket, &vector.id).header("range", range).send();
    for (first, last, bytes) in &vector.ranges {
        let answer = ask(&format!("bytes={first}-{last}")).expect(206);
        assert_eq!(answer.must("content-range"), format!("bytes {first}-{last}/{len}"));
        assert!(answer.body == *bytes, "{first}-{last}: {answer:?}");
    }
    let beyond = ask(&format!("bytes={len}-"));
    beyond.refused(416, "InvalidRange");
    assert_eq!(beyond.must("content-range"), format!("bytes */{len}"));
    if len > 20 {
        for (range, first) in [("bytes=-7".to_owned(), len - 7), (format!("bytes={}-", len - 3), len - 3)] {
            let answer = ask(&range).expect(206);
            assert_eq!(answer.must("content-range"), format!("bytes {first}-{}/{len}", len - 1));
            assert!(answer.body == plain[first..], "{range}: {answer:?}");
        }
        let all = ask(&format!("bytes=0-{}", len + 100)).expect(206);
        assert!(all.must("content-range") == format!("bytes 0-{}/{len}", len - 1) && all.body == plain);
        let head = scene.object("HEAD", bucket, &vector.id).header("range", "bytes=5-9").send().expect(206);
        assert_eq!((head.must("content-length"), head.must("content-range")), ("5", &*format!("bytes 5-9/{len}")));
    }
}

fn conditions(scene: &Scene, bucket: &str, key: &str, etag: &str) {
    let get = || scene.object("GET", bucket, key);
    get().header("if-match", etag).send().check(200);
    get().header("if-none-match", etag).send().check(304);
    get().header("if-match", "\"other\"").send().refused(412, "PreconditionFailed");
    let changed = get().header("if-range", "\"other\"").header("range", "bytes=0-0").send();
    changed.check(200);
}
