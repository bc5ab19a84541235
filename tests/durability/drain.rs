//! An orderly end: what is in flight is finished, nothing new begins.

use std::io::{ErrorKind, Read as _, Write as _};
use std::thread;

use sealgate_tests::bytes::noise;
use sealgate_tests::request::Payload;
use sealgate_tests::wire::Wire;

use crate::scene::Scene;

#[test]
fn a_download_in_flight_is_finished() {
    let mut scene = Scene::new();
    // More than socket buffers hold, so that it is still being sent when the signal comes.
    let body = noise(1, 24 * 1024 * 1024);
    scene.store("a", &body);
    let get = scene.object("GET", "a").prepare();
    let mut wire = Wire::open(&get.address).unwrap();
    wire.write_all(&get.head()).unwrap();
    let answer = wire.read_head("GET").unwrap();
    scene.daemon.terminate();
    await_refusal(&scene);
    let answer = wire.read_body(answer, "GET").expect(200);
    assert!(answer.body == body);
    assert!(scene.daemon.wait().success());
}

#[test]
fn an_upload_in_flight_is_finished() {
    let mut scene = Scene::new();
    let body = noise(2, 1_000_000);
    let put = scene.object("PUT", "a").body(&body).payload(Payload::Unsigned).expect_continue().prepare();
    let mut wire = Wire::open(&put.address).unwrap();
    wire.write_all(&put.head()).unwrap();
    assert_eq!(wire.read_head("PUT").unwrap().status, 100);
    wire.write_all(&put.body[..500_000]).unwrap();
    scene.daemon.terminate();
    await_refusal(&scene);
    wire.write_all(&put.body[500_000..]).unwrap();
    wire.answer("PUT").check(200);
    assert!(scene.daemon.wait().success());
    scene.restart();
    assert!(scene.read("a") == body);
}

#[test]
fn an_idle_connection_holds_nothing_up() {
    let mut scene = Scene::new();
    let head = scene.object("HEAD", "nothing").prepare();
    let mut kept = head.clone();
    kept.set("connection", "keep-alive");
    let mut wire = Wire::open(&kept.address).unwrap();
    wire.write_all(&kept.head()).unwrap();
    assert_eq!(wire.answer("HEAD").status, 404);
    scene.daemon.terminate();
    assert!(scene.daemon.wait().success());
    // The connection was closed, not cut.
    assert!(matches!(wire.read(&mut [0; 1]), Ok(0)), "more came");
}

#[test]
fn health_and_readiness_are_told_apart() {
    let scene = Scene::new();
    assert_eq!(scene.daemon.admin_status("/-/healthy"), 200);
    assert_eq!(scene.daemon.admin_status("/-/ready"), 200);
    assert_eq!(scene.daemon.admin_status("/nothing"), 404);
}

/// Returns when new connections are no longer taken, which is when the signal has been heard.
fn await_refusal(scene: &Scene) {
    loop {
        match Wire::open(&scene.stack.address) {
            Err(error) if error.kind() == ErrorKind::ConnectionRefused => return,
            _ => thread::yield_now(),
        }
    }
}
