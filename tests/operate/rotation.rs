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

/// What clients did last, by key: the seed of the content that they wrote, or `None` when they deleted it.
type Written = Mutex<BTreeMap<String, Option<u64>>>;

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

/// Overwrites, deletes and makes objects here and there, each time with what nobody has written before, and reads others,
/// until told to stop.
fn use_meanwhile(stack: &Stack, stop: &AtomicBool, written: &Written) {
    let mut round = OBJECTS as u64;
    while !stop.load(Ordering::Relaxed) {
        round += 1;
        let number = usize::try_from(round * 7919 % OBJECTS as u64).unwrap();
        let name = if round.is_multiple_of(7) { format!("n/{round}") } else { key(number) };
        let seed = if round.is_multiple_of(5) { None } else { Some(round) };
        match seed {
            Some(seed) => put(stack, &name, seed),
            None => stack.object("DELETE", "first", &name).send().check(204),
        }
        written.lock().unwrap().insert(name, seed);
        let other = usize::try_from(round * 104_729 % OBJECTS as u64).unwrap();
        let last = written.lock().unwrap().get(&key(other)).copied();
        is_what_was_written(stack, &key(other), last.unwrap_or(Some(other as u64)));
    }
}

fn is_what_was_written(stack: &Stack, key: &str, seed: Option<u64>) {
    let read = stack.object("GET", "first", key).send();
    match seed {
        Some(seed) => assert!(read.expect(200).body == content(seed), "{key} is not what was written last"),
        None => assert_eq!(read.status, 404, "{key} was deleted"),
    }
}

/// Every key there is at the store.
fn listed(behind: &Stack) -> Vec<String> {
    let mut all: Vec<String> = Vec::new();
    loop {
        let after = all.last().cloned().unwrap_or_default();
        let page = behind.request("GET", "/first").query("list-type", "2").query("start-after", &after);
        let page = page.send().expect(200).all("Key");
        if page.is_empty() {
            return all;
        }
        all.extend(page);
    }
}

/// Every object is under the new key, and what was written last.
fn nothing_is_lost(world: &World, front: &Stack, written: &BTreeMap<String, Option<u64>>) {
    let mut expected: BTreeMap<String, Option<u64>> = (0..OBJECTS).map(|at| (key(at), Some(at as u64))).collect();
    expected.extend(written.clone());
    let there: Vec<&String> = expected.iter().filter(|(_, seed)| seed.is_some()).map(|(key, _)| key).collect();
    assert!(listed(&world.behind).iter().eq(there), "others are there than were written and not deleted");
    let (everything, next) = (expected.iter().collect::<Vec<_>>(), AtomicUsize::new(0));
    let old = format!("k={KEY_ID};");
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                while let Some((key, seed)) = everything.get(next.fetch_add(1, Ordering::Relaxed)) {
                    is_what_was_written(front, key, **seed);
                    if seed.is_some() {
                        let head = world.behind.object("HEAD", "first", key).send().expect(200);
                        let envelope = head.must("x-amz-meta-sealgate");
                        assert!(!envelope.contains(&old) && envelope.contains(NEXT_KEY), "{envelope}");
                    }
                }
            });
        }
    });
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
    assert!(written.len() > 10 && written.values().any(Option::is_none), "clients wrote and deleted in the meantime");
    nothing_is_lost(&world, &front, &written);
}
