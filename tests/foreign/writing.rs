//! What the daemon writes in Amazon's formats, opened by other means than its own: the primitives of a library and this text.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sealgate_tests::bytes::noise;
use sealgate_tests::command::Run;
use sealgate_tests::stack::Stack;
use sealgate_tests::world::daemon;
use tempfile::TempDir;

use crate::cases;
use crate::scene::{PROGRAM, Scene, holds};
use sealgate_tests::foreign::vector::named;

cases![
    an_object_is_opened_by_other_means_and_reads_as_it_was_written,
    parts_out_of_order_are_one_message,
    a_body_that_breaks_its_promise_leaves_what_was_there,
    instruction_files_are_written_and_go_with_their_objects,
    a_copy_into_a_rule_that_writes_the_format_is_written_in_it,
    an_rsa_key_wraps_too,
    a_public_half_writes_what_only_the_private_one_reads,
];

const FIVE: usize = 5 * 1024 * 1024;

fn gcm(key: &[u8], nonce: &[u8], aad: &[u8], sealed: &[u8]) -> Vec<u8> {
    let key = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, key).unwrap());
    let mut bytes = sealed.to_vec();
    let nonce = Nonce::try_assume_unique_for_key(nonce).unwrap();
    key.open_in_place(nonce, Aad::from(aad), &mut bytes).unwrap().to_vec()
}

/// HKDF of one block: extract, and expand with this purpose.
fn derived(key: &[u8], message_id: &[u8], purpose: &str) -> Vec<u8> {
    let sign = |key: &[u8], data: &[u8]| hmac::sign(&hmac::Key::new(hmac::HMAC_SHA512, key), data).as_ref().to_vec();
    let extracted = sign(message_id, key);
    sign(&extracted, &[b"\x00\x73", purpose.as_bytes(), b"\x01"].concat())
}

/// Opens an object whose data key is wrapped under the AES key of the scene.
fn opened(scene: &Scene, bucket: &str, key: &str) -> Vec<u8> {
    let stored = scene.world.stored(bucket, key);
    let mut fields: BTreeMap<String, String> = stored
        .metadata
        .iter()
        .map(|(name, value)| (name.trim_start_matches("x-amz-meta-").to_owned(), value.clone()))
        .collect();
    if bucket == "write-files" {
        let file = scene.world.stored(bucket, &format!("{key}.instruction"));
        assert!(!file.bytes.contains(&b' '));
        fields.extend(serde_json::from_slice::<BTreeMap<String, String>>(&file.bytes).unwrap());
    }
    let bytes = |name: &str| STANDARD.decode(&fields[name]).unwrap();
    let master = hex::decode(named("v1-aes-java-short").master_key["hex"].as_str().unwrap()).unwrap();
    if bucket == "write-v2" {
        let said =
            ["x-amz-cek-alg", "x-amz-wrap-alg", "x-amz-tag-len", "x-amz-matdesc"].map(|name| fields[name].as_str());
        assert_eq!(said, ["AES/GCM/NoPadding", "AES/GCM", "128", "{}"]);
        let wrapped = bytes("x-amz-key-v2");
        let data_key = gcm(&master, &wrapped[..12], b"AES/GCM/NoPadding", &wrapped[12..]);
        return gcm(&data_key, &bytes("x-amz-iv"), b"", &stored.bytes);
    }
    assert_eq!((fields["x-amz-c"].as_str(), fields["x-amz-w"].as_str()), ("115", "02"));
    let wrapped = bytes("x-amz-3");
    let data_key = gcm(&master, &wrapped[..12], b"115", &wrapped[12..]);
    assert_eq!(derived(&data_key, &bytes("x-amz-i"), "COMMITKEY")[..28], bytes("x-amz-d"));
    let content_key = derived(&data_key, &bytes("x-amz-i"), "DERIVEKEY");
    gcm(&content_key[..32], &[1; 12], b"\x00\x73", &stored.bytes)
}

fn put(scene: &Scene, bucket: &str, key: &str, body: &[u8]) {
    let put = scene.object("PUT", bucket, key).header("x-amz-meta-colour", "red").body(body);
    put.header("content-type", "text/x-written").send().check(200);
}

fn an_object_is_opened_by_other_means_and_reads_as_it_was_written(scene: &Scene) {
    for bucket in ["write-v3", "write-v2"] {
        for len in [0, 1, 15, 16, 70_000, 900_001] {
            let (key, plain) = (format!("object-{len}"), noise(len as u64, len));
            put(scene, bucket, &key, &plain);
            let stored = scene.world.stored(bucket, &key);
            assert_eq!(stored.bytes.len(), len + 16);
            assert!(stored.metadata.contains(&("x-amz-meta-colour".to_owned(), "red".to_owned())));
            assert!(opened(scene, bucket, &key) == plain, "{bucket} {len}");
            let read = scene.object("GET", bucket, &key).send();
            holds(&read, &plain);
            assert_eq!((read.must("content-type"), read.must("x-amz-meta-colour")), ("text/x-written", "red"));
            assert!(read.headers.iter().all(|(name, _)| !name.contains("x-amz-meta-x-amz")));
            let head = scene.object("HEAD", bucket, &key).send().expect(200);
            assert_eq!((head.must("content-length"), head.etag()), (len.to_string().as_str(), read.etag()));
            assert_eq!(scene.listed(bucket, &key), Some((len, read.etag().to_owned())));
        }
        let range = scene.object("GET", bucket, "object-70000").header("range", "bytes=100-299").send().expect(206);
        assert!(range.body == noise(70_000, 70_000)[100..300]);
    }
}

/// Uploads parts in the order of `order`.
fn upload(scene: &Scene, bucket: &str, key: &str, parts: &[Vec<u8>], order: &[usize]) {
    upload_through(&scene.world.front, bucket, key, parts, order);
}

fn upload_through(front: &Stack, bucket: &str, key: &str, parts: &[Vec<u8>], order: &[usize]) {
    let begun = front.object("POST", bucket, key).query("uploads", "").header("x-amz-meta-colour", "red").send();
    let id = begun.expect(200).text("UploadId").unwrap();
    let mut etags = BTreeMap::new();
    for number in order {
        let part = front.object("PUT", bucket, key).query("partNumber", &number.to_string()).query("uploadId", &id);
        let part = part.body(&parts[number - 1]).send().expect(200);
        etags.insert(*number, part.etag().to_owned());
    }
    let listed = front.object("GET", bucket, key).query("uploadId", &id).send().expect(200);
    let sizes: Vec<String> = listed.all("Size");
    assert_eq!(sizes, parts.iter().map(|part| part.len().to_string()).collect::<Vec<_>>());
    let mut list = "<CompleteMultipartUpload>".to_owned();
    for (number, etag) in &etags {
        write!(list, "<Part><PartNumber>{number}</PartNumber><ETag>{etag}</ETag></Part>").unwrap();
    }
    list += "</CompleteMultipartUpload>";
    let complete = front.object("POST", bucket, key).query("uploadId", &id).body(list.as_bytes()).send();
    assert!(complete.xml().contains("<CompleteMultipartUploadResult"), "{complete:?}");
}

fn parts_out_of_order_are_one_message(scene: &Scene) {
    let parts = [noise(1, FIVE + 7), noise(2, FIVE), noise(3, FIVE + 11), noise(4, 99)];
    for (bucket, order) in [("write-v3", [3, 1, 4, 2]), ("write-v2", [4, 3, 2, 1]), ("write-files", [2, 1, 3, 4])] {
        upload(scene, bucket, "in-parts", &parts, &order);
        assert!(opened(scene, bucket, "in-parts") == parts.concat(), "{bucket}");
        holds(&scene.object("GET", bucket, "in-parts").send(), &parts.concat());
    }
}

fn a_body_that_breaks_its_promise_leaves_what_was_there(scene: &Scene) {
    for len in [10, 600_000] {
        put(scene, "write-v3", "promised", b"before");
        let put = scene.object("PUT", "write-v3", "promised").header("content-md5", "1B2M2Y8AsgTpgAmY7PhCfg==");
        put.body(&noise(1, len)).send().refused(400, "BadDigest");
        holds(&scene.object("GET", "write-v3", "promised").send(), b"before");
    }
}

fn instruction_files_are_written_and_go_with_their_objects(scene: &Scene) {
    let bucket = "write-files";
    for key in ["one", "two", "three"] {
        put(scene, bucket, key, key.as_bytes());
        assert_eq!(opened(scene, bucket, key), key.as_bytes());
        assert!(scene.world.stored(bucket, key).metadata.iter().all(|(name, _)| !name.ends_with("x-amz-3")));
        holds(&scene.object("GET", bucket, key).send(), key.as_bytes());
    }
    scene.object("PUT", bucket, "four.instruction").body(b"x").send().refused(400, "InvalidArgument");
    let copy = scene.object("PUT", bucket, "copied").header("x-amz-copy-source", &format!("/{bucket}/one")).send();
    assert!(copy.xml().contains("<CopyObjectResult"), "{copy:?}");
    assert_eq!(opened(scene, bucket, "copied"), b"one");

    let there = |key: &str| scene.world.behind.object("HEAD", bucket, key).send().status == 200;
    scene.object("DELETE", bucket, "one").send().check(204);
    assert!(!there("one") && !there("one.instruction") && there("copied.instruction"));
    let list = "<Delete><Quiet>true</Quiet><Object><Key>two</Key></Object><Object><Key>three</Key><ETag>\"other\"</ETag></Object></Delete>";
    let delete = scene.world.front.request("POST", &format!("/{bucket}")).query("delete", "").body(list.as_bytes());
    let delete = delete.send().expect(200);
    assert!(!there("two") && !there("two.instruction"), "{delete:?}");
    assert!(there("three") && there("three.instruction"), "what the store kept keeps its file: {delete:?}");
    holds(&scene.object("GET", bucket, "three").send(), b"three");
}

fn a_copy_into_a_rule_that_writes_the_format_is_written_in_it(scene: &Scene) {
    put(scene, "sealed", "to-copy", b"content");
    put(scene, "write-v2", "to-copy", b"content");
    for from in ["sealed", "write-v2"] {
        let copy = scene.object("PUT", "write-v3", "copied").header("x-amz-copy-source", &format!("/{from}/to-copy"));
        let copy = copy.send();
        assert!(copy.xml().contains("<CopyObjectResult"), "{copy:?}");
        assert_eq!(opened(scene, "write-v3", "copied"), b"content");
        assert_eq!(scene.object("GET", "write-v3", "copied").send().must("x-amz-meta-colour"), "red");
    }
}

fn an_rsa_key_wraps_too(scene: &Scene) {
    put(scene, "write-rsa", "object", b"content");
    let fields = scene.world.stored("write-rsa", "object").metadata;
    assert!(fields.contains(&("x-amz-meta-x-amz-w".to_owned(), "22".to_owned())), "{fields:?}");
    holds(&scene.object("GET", "write-rsa", "object").send(), b"content");
}

fn a_public_half_writes_what_only_the_private_one_reads(scene: &Scene) {
    let folder = TempDir::new().unwrap();
    Run::new(Path::new(PROGRAM), folder.path(), &["keygen", "--kind", "rsa", "--bits", "2048", "--id", "pair"])
        .run()
        .check(0);
    let with = |half: &str, ending: &str| {
        let file = folder.path().join(format!("pair.{ending}"));
        let rules = ["v3", "v2"].map(|format| {
            format!("[[rules]]\nbucket = \"write-{format}\"\nprefix = \"half/\"\nformat = \"s3ec-{format}\"\nkeys = [\"pair\"]\n")
        });
        let policy = "commitment = \"forbid-encrypt-allow-decrypt\"\n";
        let key = format!("[[keys]]\nid = \"pair\"\nkind = \"rsa\"\n{half} = \"file:{}\"\n", file.display());
        format!("{key}[keyring]\nprimary = \"pair\"\n{}{}{policy}", rules[0], rules[1])
    };
    let url = scene.world.behind.url();
    let (home, other) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let (_writer, writes) = daemon(Path::new(PROGRAM), home.path(), url.clone(), &with("public", "pub"));
    let (_reader, reads) = daemon(Path::new(PROGRAM), other.path(), url, &with("secret", "pem"));
    let parts = [noise(1, FIVE + 7), noise(2, FIVE), noise(3, 99)];
    for bucket in ["write-v3", "write-v2"] {
        writes.object("PUT", bucket, "half/whole").body(b"content").send().check(200);
        upload_through(&writes, bucket, "half/parts", &parts, &[3, 1, 2]);
        for (key, plain) in [("half/whole", b"content".to_vec()), ("half/parts", parts.concat())] {
            let fields = scene.world.stored(bucket, key).metadata;
            assert!(fields.iter().any(|(_, value)| value == "22" || value == "RSA-OAEP-SHA1"), "{fields:?}");
            let refused = writes.object("GET", bucket, key).send();
            assert!(refused.status == 403 && refused.xml().contains("private half of key `pair`"), "{refused:?}");
            let head = writes.object("HEAD", bucket, key).send().expect(200);
            assert_eq!(head.must("content-length"), plain.len().to_string());
            holds(&reads.object("GET", bucket, key).send(), &plain);
        }
    }
}
