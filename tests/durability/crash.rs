//! kill -9 at every stage of an upload.

use std::io::Write as _;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use sealgate_tests::bytes::noise;
use sealgate_tests::request::Payload;
use sealgate_tests::wire::Wire;

use crate::scene::{BUCKET, Scene};

#[test]
fn killed_before_the_last_byte_the_old_object_is_there() {
    let mut scene = Scene::new();
    let (old, new) = (noise(1, 300_000), noise(2, 3_000_000));
    scene.store("a", &old);
    for sent in [0, 1, 65_535, 65_536, 1_500_000, 2_999_999] {
        let put = scene.object("PUT", "a").body(&new).payload(Payload::Unsigned).prepare();
        let fresh = scene.object("PUT", "b").body(&new).payload(Payload::Unsigned).prepare();
        let wires = [put, fresh].map(|prepared| {
            let mut wire = Wire::open(&prepared.address).unwrap();
            wire.write_all(&prepared.head()).unwrap();
            wire.write_all(&prepared.body[..sent]).unwrap();
            wire
        });
        // Proves that it has read something since, so that it is in the middle of these.
        scene.object("HEAD", "a").send().check(200);
        scene.restart();
        drop(wires);
        assert!(scene.read("a") == old, "after {sent} bytes");
        scene.object("HEAD", "b").send().check(404);
        assert_eq!(listed(&scene), ["a"]);
    }
}

#[test]
fn killed_with_everything_sent_it_is_the_old_object_or_the_new_one() {
    let mut scene = Scene::new();
    for round in 0..6 {
        let (old, new) = (noise(round, 200_000), noise(round + 100, 2_000_000));
        scene.store("a", &old);
        let prepared = scene.object("PUT", "a").body(&new).payload(Payload::Unsigned).prepare();
        let mut wire = Wire::open(&prepared.address).unwrap();
        wire.write_all(&prepared.head()).unwrap();
        wire.write_all(&prepared.body).unwrap();
        wire.flush().unwrap();
        scene.restart();
        let left = scene.read("a");
        assert!(left == old || left == new, "a mixture of {} bytes", left.len());
    }
}

/// A writer overwrites one key as fast as it can, and the power goes.
#[test]
fn what_was_acknowledged_is_there_after_a_crash() {
    let mut scene = Scene::new();
    for round in 1..=4 {
        let acknowledged = AtomicU64::new(0);
        let version =
            |number: u64| noise(round * 1000 + number, 40_000 + usize::try_from(number % 7).unwrap() * 30_000);
        scene.store("hot", &version(0));
        let Scene { daemon, stack, .. } = &mut scene;
        let stack = &*stack;
        thread::scope(|scope| {
            scope.spawn(|| {
                for number in 1.. {
                    let put = stack.object("PUT", BUCKET, "hot").body(&version(number)).prepare();
                    let Ok(mut wire) = Wire::open(&put.address) else { break };
                    let sent = wire.write_all(&put.head()).and_then(|()| wire.write_all(&put.body));
                    if sent.is_err() || wire.answer("PUT").status != 200 {
                        break;
                    }
                    acknowledged.store(number, Ordering::SeqCst);
                }
            });
            while acknowledged.load(Ordering::SeqCst) < 5 * round {
                thread::yield_now();
            }
            daemon.kill();
        });
        scene.restart();
        let (left, last) = (scene.read("hot"), acknowledged.load(Ordering::SeqCst));
        assert!(
            left == version(last) || left == version(last + 1),
            "neither version {last} nor the next: {}",
            left.len()
        );
    }
}

#[test]
fn many_objects_and_their_metadata_survive_a_crash() {
    let mut scene = Scene::new();
    for number in 0..40_u64 {
        let put = scene.object("PUT", &format!("k/{number:02}")).header("x-amz-meta-number", &number.to_string());
        put.body(&noise(number, 5000)).send().check(200);
    }
    for number in 0..10 {
        scene.object("DELETE", &format!("k/{number:02}")).send().check(204);
    }
    scene.restart();
    assert_eq!(listed(&scene).len(), 30);
    for number in 10..40_u64 {
        let answer = scene.object("GET", &format!("k/{number:02}")).send().expect(200);
        assert!(answer.body == noise(number, 5000));
        assert_eq!(answer.must("x-amz-meta-number"), number.to_string());
    }
}

fn listed(scene: &Scene) -> Vec<String> {
    scene.stack.request("GET", &format!("/{BUCKET}")).query("list-type", "2").send().expect(200).all("Key")
}
