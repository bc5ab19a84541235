//! Copies of foreign objects: sealed where the target's rule seals, as they are where it reads the same.

use crate::cases;
use crate::scene::{Scene, bucket_of, holds};
use sealgate_tests::foreign::vector::{Vector, named};

cases![
    a_copy_among_rules_that_read_alike_stays_at_the_store,
    replaced_metadata_keeps_the_envelope,
    an_instruction_file_goes_along,
    a_copy_to_where_the_format_is_not_read_is_opened,
    parts_are_copied_from_foreign_objects,
    an_envelope_cannot_be_sent_as_metadata,
];

/// Copies a vector into a sealed bucket.
pub(crate) fn copied(scene: &Scene, vector: &Vector) {
    let key = format!("copied/{}", vector.id);
    let from = scene.placed(vector, "all", &key);
    let plain = vector.plain();
    copy(scene, &from, &key, "sealed", &key);
    let read = scene.object("GET", "sealed", &key).send();
    holds(&read, &plain);
    assert_eq!((read.must("content-type"), read.must("x-amz-meta-colour")), ("text/x-vector", "red"));
    let stored = scene.world.stored("sealed", &key);
    assert!(stored.metadata.iter().all(|(name, _)| name.starts_with("x-amz-meta-sealgate")), "{:?}", stored.metadata);
}

fn copy(scene: &Scene, from: &str, key: &str, to: &str, to_key: &str) {
    let copy = scene.object("PUT", to, to_key).header("x-amz-copy-source", &format!("/{from}/{key}")).send();
    assert!(copy.status == 200 && copy.xml().contains("<CopyObjectResult"), "{copy:?}");
    let etag = copy.text("ETag").unwrap();
    assert_eq!(scene.object("HEAD", to, to_key).send().expect(200).etag(), etag);
}

fn a_copy_among_rules_that_read_alike_stays_at_the_store(scene: &Scene) {
    for id in ["v1-rsa-java-short", "v2-aes-java-large", "v3-aes-java-short"] {
        let vector = named(id);
        let from = scene.placed(&vector, "keep", id);
        let to = bucket_of(&vector, "other-keep");
        copy(scene, &from, id, &to, "copy");
        assert!(scene.world.stored(&to, "copy").bytes == vector.stored(), "{id}: the content was not touched");
        let read = scene.object("GET", &to, "copy").send();
        holds(&read, &vector.plain());
        assert_eq!((read.must("content-type"), read.must("x-amz-meta-colour")), ("text/x-vector", "red"));
    }
}

fn replaced_metadata_keeps_the_envelope(scene: &Scene) {
    let vector = named("v3-aes-java-short");
    let bucket = scene.placed(&vector, "keep", "touched");
    let touch = scene.object("PUT", &bucket, "touched").header("x-amz-copy-source", &format!("/{bucket}/touched"));
    let touch = touch.header("x-amz-metadata-directive", "REPLACE").header("x-amz-meta-shape", "round");
    let answer = touch.header("content-type", "text/plain").send();
    assert!(answer.xml().contains("<CopyObjectResult"), "{answer:?}");
    let read = scene.object("GET", &bucket, "touched").send();
    holds(&read, &vector.plain());
    assert_eq!((read.must("content-type"), read.must("x-amz-meta-shape")), ("text/plain", "round"));
    assert_eq!(read.header("x-amz-meta-colour"), None);
    let touch = scene.object("PUT", &bucket, "touched").header("x-amz-copy-source", &format!("/{bucket}/touched"));
    let touch = touch.header("x-amz-metadata-directive", "REPLACE").header("x-amz-meta-x-amz-key", "AAAA").send();
    touch.refused(400, "InvalidArgument");
}

fn an_instruction_file_goes_along(scene: &Scene) {
    let vector = named("v2-aes-ruby-short-instruction");
    let from = scene.placed(&vector, "keep", "beside");
    let to = bucket_of(&vector, "other-keep");
    copy(scene, &from, "beside", &to, "beside-copy");
    holds(&scene.object("GET", &to, "beside-copy").send(), &vector.plain());
    let file = scene.world.stored(&to, "beside-copy.instruction");
    assert_eq!(file.bytes, vector.instruction_file.unwrap().into_bytes());
}

fn a_copy_to_where_the_format_is_not_read_is_opened(scene: &Scene) {
    let vector = named("v1-aes-java-large");
    let from = scene.placed(&vector, "all", "opened");
    copy(scene, &from, "opened", "sealed", "opened");
    holds(&scene.object("GET", "sealed", "opened").send(), &vector.plain());
    copy(scene, &from, "opened", "plain", "opened");
    assert!(
        scene.world.stored("plain", "opened").bytes == vector.plain(),
        "where nothing is read, plaintext is stored"
    );
    let refused = bucket_of(&vector, "only-v1");
    let copy = scene.object("PUT", &refused, "new").header("x-amz-copy-source", &format!("/{from}/opened")).send();
    assert!(copy.xml().contains("<Code>AccessDenied</Code>"), "nothing new may be written there: {copy:?}");
}

fn parts_are_copied_from_foreign_objects(scene: &Scene) {
    let vector = named("v2-aes-java-large");
    let plain = vector.plain();
    let from = scene.placed(&vector, "all", "source");
    let begun = scene.object("POST", "sealed", "joined").query("uploads", "").send().expect(200);
    let id = begun.text("UploadId").unwrap();
    let part = scene.object("PUT", "sealed", "joined").query("partNumber", "1").query("uploadId", &id);
    let part = part.header("x-amz-copy-source", &format!("/{from}/source"));
    let part = part.header("x-amz-copy-source-range", "bytes=17-500016").send().expect(200);
    let etag = part.text("ETag").unwrap();
    let list = format!(
        "<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>{etag}</ETag></Part></CompleteMultipartUpload>"
    );
    let complete = scene.object("POST", "sealed", "joined").query("uploadId", &id).body(list.as_bytes()).send();
    assert!(complete.xml().contains("<CompleteMultipartUploadResult"), "{complete:?}");
    holds(&scene.object("GET", "sealed", "joined").send(), &plain[17..=500_016]);
}

fn an_envelope_cannot_be_sent_as_metadata(scene: &Scene) {
    let bucket = "aes32-all";
    for name in
        ["x-amz-key", "x-amz-3", "X-Amz-Matdesc", "x-amz-unencrypted-content-md5", "x-amz-unencrypted-content-length"]
    {
        let header = format!("x-amz-meta-{name}");
        let put = scene.object("PUT", bucket, "spoofed").header(&header, "AAAA").body(b"x").send();
        put.refused(400, "InvalidArgument");
        assert!(put.text("Message").unwrap().contains(&header.to_lowercase()), "{put:?}");
        let begin = scene.object("POST", bucket, "spoofed").query("uploads", "").header(&header, "AAAA");
        begin.send().refused(400, "InvalidArgument");
    }
    scene.object("HEAD", bucket, "spoofed").send().check(404);
    // Where no such format is read, another program may encrypt what is then sealed once more.
    let put = scene.object("PUT", "sealed", "on-top").header("x-amz-meta-x-amz-key-v2", "AAAA").body(b"x").send();
    put.check(200);
    assert_eq!(scene.object("GET", "sealed", "on-top").send().must("x-amz-meta-x-amz-key-v2"), "AAAA");
}
