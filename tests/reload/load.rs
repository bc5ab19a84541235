//! Everything exchanged again and again while clients of every kind are at work, none of whom may see a single error.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use sealgate_tests::bytes::noise;
use sealgate_tests::stack::Stack;
use sealgate_tests::wire::Wire;

use crate::scene::{BUCKETS, KEY_ID, Scene, client, guest, key, key_file, shown};

/// For each way to ask for it.
const ROUNDS: u8 = 10;

#[test]
fn twenty_exchanges_of_everything_and_nobody_notices() {
    let scene = Scene::new("off", |_| format!("[keyring]\nprimary = \"{KEY_ID}\"\n"));
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        let stacks = [&scene.http, &scene.https];
        let objects = stacks.map(|stack| scope.spawn(|| at_work(&over, |round| whole(stack, round))));
        let uploads = stacks.map(|stack| scope.spawn(|| at_work(&over, |round| in_parts(stack, round))));
        // However it ends, the clients are let go.
        let exchanged = thread::scope(|inner| inner.spawn(|| exchange_all(&scene)).join());
        over.store(true, Ordering::Relaxed);
        let rounds: Vec<u32> = objects.into_iter().chain(uploads).map(|client| client.join().unwrap()).collect();
        exchanged.unwrap();
        assert!(rounds.iter().all(|rounds| *rounds > u32::from(ROUNDS)), "{rounds:?}");
    });
    assert!(!scene.daemon.log().contains("\"ERROR\""), "{}", scene.daemon.log());
}

/// Twenty rounds, with a connection that is kept from the first to the last.
fn exchange_all(scene: &Scene) {
    let mut kept = Wire::open(&scene.https.address).unwrap();
    for round in 1..=2 * ROUNDS {
        let by_signal = round <= ROUNDS;
        // The last signal says that from then on files count.
        let watch = if round < ROUNDS { "off" } else { "100ms" };
        exchange(scene, round, watch, by_signal);
        let mut head = scene.https.object("HEAD", BUCKETS[0], "nothing").prepare();
        head.set("connection", "keep-alive");
        kept.write_all(&head.head()).unwrap();
        kept.answer("HEAD").check(404);
    }
}

/// Another primary key, another certificate, another client, another rule.
fn exchange(scene: &Scene, round: u8, watch: &str, by_signal: bool) {
    let (cert, cert_key) = scene.authority.renewed();
    let (id, name) = (format!("key-{round}"), format!("guest-{round}"));
    let word = format!("the secret of {name}");
    scene.publish(&[("tls.crt", &cert), ("tls.key", &cert_key), (&id, &key_file(round)), (&name, &word)]);
    scene.write(watch, &settings(scene.folder.path(), round));
    if by_signal {
        scene.daemon.signal("HUP");
    }
    // By files it may be two reloads: the secrets and the configuration are two changes.
    let changed = scene.changed_this(&format!("+{id}"));
    for part in [format!("keyring.primary {id}"), format!("+{name}"), "second/".into()] {
        assert!(changed.contains(&part), "{part} in {changed}");
    }
    assert_eq!(scene.shown(), shown(&cert));
    let key = format!("round-{round}");
    scene.put(&key, b"content");
    assert_eq!(scene.key_of(&key), id);
    let asks = |name: &str, word: &str| scene.http.object("GET", BUCKETS[0], &key).by(guest(name, word)).send();
    assert_eq!(asks(&name, &word).expect(200).body, b"content");
    let former = format!("guest-{}", round - 1);
    asks(&former, &format!("the secret of {former}")).refused(403, "InvalidAccessKeyId");
    let write = scene.http.object("PUT", BUCKETS[1], "a").body(b"a").send();
    assert_eq!(write.status, if refuses(round) { 403 } else { 200 }, "{write:?}");
}

fn refuses(round: u8) -> bool {
    round % 2 == 1
}

fn settings(folder: &Path, round: u8) -> String {
    let mut text =
        format!("[keyring]\nprimary = \"key-{round}\"\n[[rules]]\nbucket = \"*\"\n[[rules]]\nbucket = \"second\"\n");
    writeln!(text, "format = \"{}\"", if refuses(round) { "refused" } else { "sealed" }).unwrap();
    text.extend((1..=round).map(|number| key(folder, &format!("key-{number}"))));
    text + &client(folder, &format!("guest-{round}"))
}

/// Works until it is over, and counts.
fn at_work(over: &AtomicBool, mut work: impl FnMut(u32)) -> u32 {
    let mut rounds = 0;
    while !over.load(Ordering::Relaxed) {
        work(rounds);
        rounds += 1;
    }
    rounds
}

/// Writes, reads, looks and lists.
fn whole(stack: &Stack, round: u32) {
    let key = format!("{}/{round}", stack.address.socket.port());
    let body = noise(u64::from(round), 70_000);
    stack.object("PUT", BUCKETS[0], &key).body(&body).send().check(200);
    assert!(stack.object("GET", BUCKETS[0], &key).send().expect(200).body == body);
    assert_eq!(stack.object("HEAD", BUCKETS[0], &key).send().expect(200).must("content-length"), "70000");
    let list = stack.request("GET", &format!("/{}", BUCKETS[0])).query("list-type", "2").query("prefix", &key);
    assert_eq!(list.send().expect(200).text("Size").unwrap(), "70000");
}

/// Uploads in parts.
fn in_parts(stack: &Stack, round: u32) {
    let key = format!("parts-{}", stack.address.socket.port());
    let object = |method: &str| stack.object(method, BUCKETS[0], &key);
    let body = noise(u64::from(round), 100_000);
    let id = object("POST").query("uploads", "").send().expect(200).text("UploadId").unwrap();
    let part = object("PUT").query("partNumber", "1").query("uploadId", &id).body(&body).send().expect(200);
    let list = format!("<Part><PartNumber>1</PartNumber><ETag>{}</ETag></Part>", part.etag());
    let document = format!("<CompleteMultipartUpload>{list}</CompleteMultipartUpload>");
    object("POST").query("uploadId", &id).body(document.as_bytes()).send().check(200);
    assert!(object("GET").send().expect(200).body == body);
}
