//! Rotation while clients go on: killed twice, taken up again, nothing lost, and nothing under the old key.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use sealgate_tests::bytes::noise;
use sealgate_tests::daemon::KEY_ID;
use sealgate_tests::stack::Stack;
use sealgate_tests::world::{World, daemon};
use tempfile::TempDir;

use crate::scene::{NEXT_KEY, beside, command_after, next_key, program, world};

/// Objects that are rotated.
const OBJECTS: usize = 10_000;

/// What clients wrote last, by key: the seed of the content.
type Written = Mutex<BTreeMap<String, u64>>;

fn key(number: usize) -> String {
    format!("o/{number:05}")
}

fn content(seed: u64) -> Vec<u8> {
    noise(seed, 100 + usize::try_from(seed % 400).unwrap())
}

fn put(stack: &Stack, key: &str, seed: u64) {
    stack.object("PUT", "first", key).body(&content(seed)).send().check(200);
}

fn fill(stack: &Stack) {
    let next = AtomicUsize::new(0);
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= OBJECTS {
                        break;
                    }
                    put(stack, &key(number), number as u64);
                }
            });
        }
    });
}

/// Overwrites objects here and there, each time with what nobody has written before, and reads others, until told to stop.
fn use_meanwhile(stack: &Stack, stop: &AtomicBool, written: &Written) {
    let mut round = OBJECTS as u64;
    while !stop.load(Ordering::Relaxed) {
        round += 1;
        let number = usize::try_from(round * 7919 % OBJECTS as u64).unwrap();
        put(stack, &key(number), round);
        written.lock().unwrap().insert(key(number), round);
        let other = usize::try_from(round * 104_729 % OBJECTS as u64).unwrap();
        let seed = written.lock().unwrap().get(&key(other)).copied().unwrap_or(other as u64);
        let read = stack.object("GET", "first", &key(other)).send().expect(200);
        assert!(read.body == content(seed), "{} is not what was written last", key(other));
    }
}

/// Rotates until so many objects were looked at, and then kills it.
fn rotate_and_kill(world: &World, lines: usize) -> usize {
    let arguments = ["rewrap", "--apply", "--checkpoint", "rotation.json", "s3://first"];
    let mut child = command_after(world, &arguments, |settings| settings).start();
    let said = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
    let seen = said.take(lines).filter(|line| line.contains("\"rewrapped\"")).count();
    child.kill().unwrap();
    assert!(!child.wait().unwrap().success(), "it was killed in the middle");
    seen
}

#[test]
fn ten_thousand_objects_change_their_key_under_the_hands_of_clients() {
    let world = world("");
    fill(&world.front);
    // The daemon that clients use from now on seals with the new key.
    let folder = TempDir::new().unwrap();
    let (_daemon, front) = daemon(program(), folder.path(), world.behind.url(), &next_key(&world));
    let (stop, written) = (AtomicBool::new(false), Written::default());
    thread::scope(|scope| {
        let clients = scope.spawn(|| use_meanwhile(&front, &stop, &written));
        for killed_after in [OBJECTS / 5, OBJECTS / 4] {
            assert!(rotate_and_kill(&world, killed_after) > 0);
            assert!(beside(&world, "rotation.json").exists(), "there is something to go on from");
        }
        let arguments = ["rewrap", "--apply", "--checkpoint", "rotation.json", "s3://first"];
        let ended = command_after(&world, &arguments, |settings| settings).run();
        stop.store(true, Ordering::Relaxed);
        clients.join().unwrap();
        let summary = ended.expect(0).summary();
        assert!(summary["counts"]["rewrapped"].as_u64().unwrap() < OBJECTS as u64, "it went on: {summary}");
    });
    assert!(!beside(&world, "rotation.json").exists(), "all is done");

    let written = written.into_inner().unwrap();
    assert!(written.len() > 10, "clients wrote in the meantime");
    let old = format!("k={KEY_ID};");
    let next = AtomicUsize::new(0);
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= OBJECTS {
                        break;
                    }
                    let head = world.behind.object("HEAD", "first", &key(number)).send().expect(200);
                    let envelope = head.must("x-amz-meta-sealgate");
                    assert!(!envelope.contains(&old) && envelope.contains(NEXT_KEY), "{envelope}");
                }
            });
        }
    });
    let everywhere = (0..OBJECTS).step_by(97).map(key).chain(written.keys().cloned());
    for name in everywhere {
        let number: u64 = name[2..].parse().unwrap();
        let seed = written.get(&name).copied().unwrap_or(number);
        let read = front.object("GET", "first", &name).send().expect(200);
        assert!(read.body == content(seed), "{name} is lost");
    }
}
