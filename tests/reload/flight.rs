//! What is under way when settings are exchanged ends with what it began with.

use std::io::Write as _;

use sealgate_tests::bytes::noise;
use sealgate_tests::request::Payload;
use sealgate_tests::wire::Wire;

use crate::scene::{BUCKETS, KEY_ID, Scene, client, guest, key, key_file};

/// A daemon with a client that can be taken away, and a key that is not used yet.
fn scene() -> Scene {
    let scene = Scene::new("off", |folder| {
        std::fs::create_dir_all(folder.join("secrets")).unwrap();
        format!("[keyring]\nprimary = \"{KEY_ID}\"\n")
    });
    scene.publish(&[("next", &key_file(7)), ("guest", "a word")]);
    let folder = scene.folder.path();
    scene.write("off", &format!("[keyring]\nprimary = \"{KEY_ID}\"\n{}", client(folder, "guest")));
    assert_eq!(scene.hang_up(1), "clients +guest");
    scene
}

/// Another primary key, and the client is gone.
fn exchange(scene: &Scene) {
    let folder = scene.folder.path();
    scene.write("off", &format!("[keyring]\nprimary = \"next\"\n{}", key(folder, "next")));
    assert_eq!(scene.hang_up(2), "keys +next; keyring.primary next; clients -guest");
}

#[test]
fn a_download_in_flight_ends_whole_although_its_client_is_gone() {
    let scene = scene();
    // More than socket buffers hold, so that it is still being sent when settings are exchanged.
    let body = noise(1, 24 * 1024 * 1024);
    scene.put("a", &body);
    let get = || scene.https.object("GET", BUCKETS[0], "a").by(guest("guest", "a word")).prepare();
    let mut wire = Wire::open(&get().address).unwrap();
    wire.write_all(&get().head()).unwrap();
    let answer = wire.read_head("GET").unwrap();
    exchange(&scene);
    let answer = wire.read_body(answer, "GET").expect(200);
    assert!(answer.body == body);
    get().send().refused(403, "InvalidAccessKeyId");
}

#[test]
fn an_upload_in_flight_ends_whole_and_under_the_key_it_began_with() {
    let scene = scene();
    let body = noise(2, 1_000_000);
    let put = scene.https.object("PUT", BUCKETS[0], "a").by(guest("guest", "a word")).body(&body);
    let put = put.payload(Payload::Unsigned).expect_continue().prepare();
    let mut wire = Wire::open(&put.address).unwrap();
    wire.write_all(&put.head()).unwrap();
    assert_eq!(wire.read_head("PUT").unwrap().status, 100);
    wire.write_all(&put.body[..500_000]).unwrap();
    exchange(&scene);
    wire.write_all(&put.body[500_000..]).unwrap();
    wire.answer("PUT").check(200);
    assert_eq!(scene.key_of("a"), KEY_ID);
    assert!(scene.get("a") == body);
    scene.put("b", b"b");
    assert_eq!(scene.key_of("b"), "next");
}

#[test]
fn an_upload_in_parts_goes_on_under_other_settings() {
    let scene = scene();
    let object = |method: &str| scene.http.object(method, BUCKETS[0], "a");
    let parts = [noise(3, 5 * 1024 * 1024), noise(4, 6 * 1024 * 1024), noise(5, 100_000)];
    let id = object("POST").query("uploads", "").send().expect(200).text("UploadId").unwrap();
    let send = |number: usize| {
        let put = object("PUT").query("partNumber", &number.to_string()).query("uploadId", &id);
        let etag = put.body(&parts[number - 1]).send().expect(200).must("etag").to_owned();
        format!("<Part><PartNumber>{number}</PartNumber><ETag>{etag}</ETag></Part>")
    };
    // The last part is one that waits here.
    let (first, last) = (send(1), send(3));
    exchange(&scene);
    let there = object("GET").query("uploadId", &id).send().expect(200);
    assert_eq!(there.all("PartNumber"), ["1", "3"]);
    let document = format!("<CompleteMultipartUpload>{first}{}{last}</CompleteMultipartUpload>", send(2));
    object("POST").query("uploadId", &id).body(document.as_bytes()).send().check(200);
    assert!(scene.get("a") == parts.concat());
    assert_eq!(scene.key_of("a"), KEY_ID);
}
