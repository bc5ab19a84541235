//! Stored bytes that were changed.

use sealgate_tests::bytes::noise;

use sealgate_tests::world::{BUCKETS, PLAIN_LEN, World};

use crate::refusal::{SEALED_CHUNK, refused};

const BUCKET: &str = BUCKETS[0];

/// Seals an object, lets `change` change its stored bytes, and checks that no whole read of it succeeds.
fn changed(world: &World, what: &str, change: impl FnOnce(&mut Vec<u8>)) {
    world.seal(BUCKET, "a", 1);
    let mut stored = world.stored(BUCKET, "a");
    let before = stored.bytes.clone();
    change(&mut stored.bytes);
    assert!(stored.bytes != before, "{what} changes nothing");
    world.replace(BUCKET, "a", &stored);
    refused(&world.get(BUCKET, "a").send(), &noise(1, PLAIN_LEN), what);
}

#[test]
fn a_flipped_bit_anywhere_is_noticed() {
    let world = crate::world();
    let end = SEALED_CHUNK * 3 + (PLAIN_LEN - 3 * 65_536) + 16 + 256;
    let borders = [0, 1, SEALED_CHUNK - 17, SEALED_CHUNK - 1, SEALED_CHUNK, 3 * SEALED_CHUNK - 1, 3 * SEALED_CHUNK];
    let summary = [end - 257, end - 256, end - 245, end - 100, end - 32, end - 17, end - 16, end - 8, end - 1];
    for at in borders.into_iter().chain(summary) {
        changed(&world, &format!("a bit at {at}"), |bytes| bytes[at] ^= 0x40);
    }
}

#[test]
fn a_failed_read_never_shows_bytes_of_the_bad_chunk() {
    let world = crate::world();
    let truth = noise(1, PLAIN_LEN);
    for chunk in 0..4 {
        world.seal(BUCKET, "a", 1);
        let mut stored = world.stored(BUCKET, "a");
        stored.bytes[chunk * SEALED_CHUNK + 9] ^= 1;
        world.replace(BUCKET, "a", &stored);
        let answer = world.get(BUCKET, "a").send();
        refused(&answer, &truth, "a bad chunk");
        assert!(answer.status >= 400 || answer.body.len() <= chunk * 65_536, "chunk {chunk}: {answer:?}");
    }
}

#[test]
fn cut_and_lengthened_objects_are_noticed() {
    let world = crate::world();
    changed(&world, "the last byte cut", |bytes| bytes.truncate(bytes.len() - 1));
    changed(&world, "the first byte cut", |bytes| drop(bytes.drain(..1)));
    changed(&world, "a byte added", |bytes| bytes.push(0));
    changed(&world, "the summary cut", |bytes| bytes.truncate(bytes.len() - 256));
    changed(&world, "everything cut", Vec::clear);
    changed(&world, "all but the summary cut", |bytes| drop(bytes.drain(..bytes.len() - 256)));
    changed(&world, "the object twice", |bytes| bytes.extend_from_within(..));
}

#[test]
fn dropped_swapped_and_repeated_chunks_are_noticed() {
    let world = crate::world();
    for chunk in 0..3 {
        let span = chunk * SEALED_CHUNK..(chunk + 1) * SEALED_CHUNK;
        changed(&world, "a chunk dropped", |bytes| drop(bytes.drain(span.clone())));
        changed(&world, "a chunk repeated", |bytes| {
            let copy = bytes[span.clone()].to_vec();
            bytes.splice(span.end..span.end, copy);
        });
    }
    changed(&world, "two chunks swapped", |bytes| {
        let (first, second) = bytes.split_at_mut(SEALED_CHUNK);
        first.swap_with_slice(&mut second[..SEALED_CHUNK]);
    });
    changed(&world, "the last chunk cut with its tag", |bytes| {
        let len = bytes.len();
        drop(bytes.drain(3 * SEALED_CHUNK..len - 256));
    });
}

#[test]
fn chunks_of_another_version_are_noticed() {
    let world = crate::world();
    world.seal(BUCKET, "a", 1);
    let old = world.stored(BUCKET, "a");
    changed(&world, "a chunk of an older version", |bytes| {
        bytes[..SEALED_CHUNK].copy_from_slice(&old.bytes[..SEALED_CHUNK]);
    });
    changed(&world, "the summary of an older version", |bytes| {
        let start = bytes.len() - 256;
        bytes[start..].copy_from_slice(&old.bytes[start..]);
    });
}

#[test]
fn ranges_are_checked_chunk_by_chunk() {
    let world = crate::world();
    let truth = noise(1, PLAIN_LEN);
    world.seal(BUCKET, "a", 1);
    let mut stored = world.stored(BUCKET, "a");
    stored.bytes[2 * SEALED_CHUNK + 5] ^= 1;
    world.replace(BUCKET, "a", &stored);
    let get = |range: &str| world.get(BUCKET, "a").header("range", range).send();
    for range in ["bytes=131072-131072", "bytes=140000-150000", "bytes=-70000", "bytes=131000-131100", "bytes=0-"] {
        let first = range.trim_start_matches("bytes=").split('-').next().unwrap().parse().unwrap_or(PLAIN_LEN - 70_000);
        refused(&get(range), &truth[first..], range);
    }
    let untouched = get("bytes=10-131071").expect(206);
    assert!(untouched.body == truth[10..131_072]);
}

#[test]
fn a_bad_object_is_logged_and_others_are_served() {
    let world = crate::world();
    world.seal(BUCKET, "good", 2);
    changed(&world, "a bit", |bytes| bytes[7] ^= 1);
    let good = world.get(BUCKET, "good").send().expect(200);
    assert!(good.body == noise(2, PLAIN_LEN));
    assert!(world.daemon.log().contains("\"ERROR\""), "{}", world.daemon.log());
}
