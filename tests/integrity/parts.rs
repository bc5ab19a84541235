//! Objects of several parts whose parts were dropped, swapped, or replaced by what was once sent in their place.

use sealgate_tests::bytes::noise;
use sealgate_tests::request::Request;
use sealgate_tests::world::{BUCKETS, Stored, World};

use crate::refusal::{SEALED_CHUNK, refused};

const BUCKET: &str = BUCKETS[0];
/// The smallest part that need not be the last: 80 whole chunks.
const PART: usize = 5 * 1024 * 1024;
const SEALED_PART: usize = 80 * SEALED_CHUNK;
const LAST: usize = 100_000;

fn part(world: &World, id: &str, number: usize, body: &[u8]) -> Request {
    let put = world.front.object("PUT", BUCKET, "a").query("partNumber", &number.to_string());
    put.query("uploadId", id).body(body)
}

fn begin(world: &World) -> String {
    world.front.object("POST", BUCKET, "a").query("uploads", "").send().expect(200).text("UploadId").unwrap()
}

fn complete(world: &World, id: &str, bodies: &[Vec<u8>]) {
    let parts = bodies.iter().enumerate().map(|(index, body)| {
        let etag = part(world, id, index + 1, body).send().expect(200).etag().to_owned();
        format!("<Part><PartNumber>{}</PartNumber><ETag>{etag}</ETag></Part>", index + 1)
    });
    let document = format!("<CompleteMultipartUpload>{}</CompleteMultipartUpload>", parts.collect::<String>());
    let request = world.front.object("POST", BUCKET, "a").query("uploadId", id).body(document.as_bytes());
    assert!(request.send().expect(200).text("ETag").is_some());
}

fn bodies() -> Vec<Vec<u8>> {
    vec![noise(1, PART), noise(2, PART), noise(3, LAST)]
}

#[test]
fn dropped_swapped_and_repeated_parts_are_noticed() {
    let world = crate::world();
    complete(&world, &begin(&world), &bodies());
    let (truth, stored) = (bodies().concat(), world.stored(BUCKET, "a"));
    assert!(world.get(BUCKET, "a").send().expect(200).body == truth);
    let first = stored.bytes[..SEALED_PART].to_vec();
    let second = stored.bytes[SEALED_PART..2 * SEALED_PART].to_vec();
    let rest = stored.bytes[2 * SEALED_PART..].to_vec();
    let last = rest[..LAST + 2 * 16].to_vec();
    let footer = rest[last.len()..].to_vec();
    for (what, pieces) in [
        ("the first part dropped", [&second, &rest].as_slice()),
        ("the second part dropped", &[&first, &rest]),
        ("the last part dropped", &[&first, &second, &footer]),
        ("two parts swapped", &[&second, &first, &rest]),
        ("a part instead of another", &[&first, &first, &rest]),
        ("a part twice", &[&first, &second, &second, &rest]),
        ("the footer dropped", &[&first, &second, &last]),
    ] {
        let bytes = pieces.iter().flat_map(|piece| piece.iter().copied()).collect();
        world.replace(BUCKET, "a", &Stored { bytes, metadata: stored.metadata.clone() });
        refused(&world.get(BUCKET, "a").send(), &truth, what);
        let range = world.get(BUCKET, "a").header("range", "bytes=5242879-10485760").send();
        refused(&range, &truth[PART - 1..=2 * PART], what);
    }
}

/// Both were sealed for the same name, and a store might keep the wrong one.
#[test]
fn a_part_of_another_upload_of_the_same_object_is_noticed() {
    let world = crate::world();
    let stored = || {
        complete(&world, &begin(&world), &bodies());
        world.stored(BUCKET, "a")
    };
    let (one, two) = (stored(), stored());
    // The same bytes are sealed anew: nothing of the one upload stands in the other.
    let chunks = |stored: &Stored| stored.bytes.chunks(SEALED_CHUNK).map(<[u8]>::to_vec).collect::<Vec<_>>();
    assert!(chunks(&one).iter().all(|chunk| !chunks(&two).contains(chunk)));
    let mixed = [&one.bytes[..SEALED_PART], &two.bytes[SEALED_PART..]].concat();
    world.replace(BUCKET, "a", &Stored { bytes: mixed, metadata: two.metadata });
    refused(&world.get(BUCKET, "a").send(), &bodies().concat(), "the first part of another upload");
}
