//! A store that demands parts of equal size, as Cloudflare R2 does, and clients that send a last part of any size.

use std::io::Write as _;
use std::thread;

use sealgate_tests::bare::Bare;
use sealgate_tests::bytes::noise;
use sealgate_tests::request::Payload;
use sealgate_tests::wire::Wire;

use crate::parts::{FIVE, MIB, Pair, Upload, read};
use crate::scene::BUCKET;

const LOCAL: &str = "equal_parts = true\n";
const IN_BUCKET: &str = "equal_parts = true\nuploads = \"bucket\"\n";
const EIGHT: usize = 8 * MIB;

fn pair(extra: &str) -> Pair {
    Pair::over(Bare::demanding_equal_parts, extra)
}

/// Uploads parts of these lengths, in this order of their numbers, and reads the object back.
fn uploaded(pair: &Pair, parts: &[(u16, usize)]) {
    let front = &pair.fronts[0];
    let mut upload = Upload::begin(front, "a");
    for (number, len) in parts {
        upload.part(front, *number, &noise(u64::from(*number), *len));
    }
    upload.complete(front);
    let mut parts = parts.to_vec();
    parts.sort_unstable();
    let whole: Vec<u8> = parts.iter().flat_map(|(number, len)| noise(u64::from(*number), *len)).collect();
    assert!(read(front, "a") == whole, "{parts:?}");
    let head = front.object("HEAD", BUCKET, "a").send().expect(200);
    assert_eq!(head.must("content-length"), whole.len().to_string());
}

#[test]
fn a_last_part_may_have_any_size() {
    for extra in [LOCAL, IN_BUCKET] {
        let pair = pair(extra);
        for last in [0, 1, 3 * MIB, FIVE, 6 * MIB, EIGHT - 100, EIGHT - 1, EIGHT] {
            uploaded(&pair, &[(1, EIGHT), (2, EIGHT), (3, last)]);
        }
        for only in [100, FIVE, 9 * MIB] {
            uploaded(&pair, &[(1, only)]);
        }
        assert_eq!(pair.stored(), ["a"]);
    }
}

#[test]
fn parts_may_come_in_any_order() {
    for extra in [LOCAL, IN_BUCKET] {
        let pair = pair(extra);
        uploaded(&pair, &[(3, 6 * MIB), (1, EIGHT), (2, EIGHT)]);
        uploaded(&pair, &[(3, EIGHT), (2, EIGHT), (1, EIGHT)]);
        uploaded(&pair, &[(2, 6 * MIB), (1, EIGHT)]);
        uploaded(&pair, &[(1, FIVE), (2, EIGHT)]);
        uploaded(&pair, &[(10_000, FIVE), (7, EIGHT)]);
        assert_eq!(pair.stored(), ["a"]);
    }
}

/// As boto3 does it: all at once.
#[test]
fn a_short_part_may_overtake_longer_ones_under_way() {
    for extra in [LOCAL, IN_BUCKET] {
        let pair = pair(extra);
        let front = &pair.fronts[0];
        let mut upload = Upload::begin(front, "a");
        let bodies = [noise(1, EIGHT), noise(2, EIGHT), noise(3, 6 * MIB)];
        let mut wires: Vec<_> = (1..=2_u16)
            .map(|number| {
                let body = &bodies[usize::from(number) - 1];
                let put = upload.put(front, number, body).payload(Payload::Unsigned).prepare();
                let mut wire = Wire::open(&put.address).unwrap();
                wire.write_all(&put.head()).unwrap();
                wire.write_all(&put.body[..EIGHT / 2]).unwrap();
                (number, wire, put)
            })
            .collect();
        upload.part(front, 3, &bodies[2]);
        for (number, wire, put) in &mut wires {
            wire.write_all(&put.body[EIGHT / 2..]).unwrap();
            upload.note(*number, &wire.answer("PUT").expect(200));
        }
        upload.complete(front);
        assert!(read(front, "a") == bodies.concat());
        assert_eq!(pair.stored(), ["a"]);
    }
}

#[test]
fn two_daemons_share_such_an_upload() {
    let pair = pair(IN_BUCKET);
    for round in 0..2 {
        let mut upload = Upload::begin(&pair.fronts[0], "a");
        let bodies: Vec<Vec<u8>> = (0..5).map(|seed| noise(seed, if seed == 4 { 6 * MIB } else { EIGHT })).collect();
        let answers: Vec<_> = thread::scope(|scope| {
            let send = |(index, body): (usize, &Vec<u8>)| {
                let put = upload.put(&pair.fronts[(index + round) % 2], u16::try_from(index + 1).unwrap(), body);
                scope.spawn(move || put.send().expect(200))
            };
            let sending: Vec<_> = bodies.iter().enumerate().map(send).collect();
            sending.into_iter().map(|sent| sent.join().unwrap()).collect()
        });
        for (index, answer) in answers.iter().enumerate() {
            upload.note(u16::try_from(index + 1).unwrap(), answer);
        }
        upload.complete(&pair.fronts[1]);
        assert!(read(&pair.fronts[0], "a") == bodies.concat());
    }
    assert_eq!(pair.stored(), ["a"]);
}

#[test]
fn a_held_part_survives_a_kill() {
    let mut pair = pair(LOCAL);
    let bodies = [noise(1, EIGHT), noise(2, 6 * MIB)];
    let mut upload = Upload::begin(&pair.fronts[0], "a");
    upload.part(&pair.fronts[0], 1, &bodies[0]);
    upload.part(&pair.fronts[0], 2, &bodies[1]);
    pair.restart(0, LOCAL);
    upload.complete(&pair.fronts[0]);
    assert!(read(&pair.fronts[0], "a") == bodies.concat());
}

#[test]
fn what_cannot_be_is_named() {
    let pair = pair(LOCAL);
    let front = &pair.fronts[0];
    let mut upload = Upload::begin(front, "a");
    for (number, len) in [(1, FIVE), (2, EIGHT), (3, EIGHT), (4, 100)] {
        upload.part(front, number, &noise(1, len));
    }
    let refused = upload.completion(front, &upload.done).send();
    refused.refused(400, "InvalidPart");
    let message = refused.text("Message").unwrap();
    assert!(message.starts_with("part 1 has 5242880 bytes and part 2 has 8388608"), "{message}");
    assert!(message.ends_with("set one part size at the client"), "{message}");
    // The client can mend it.
    upload.part(front, 1, &noise(1, EIGHT));
    upload.complete(front);
    assert_eq!(pair.stored(), ["a"]);
}

/// Otherwise the tests here would prove nothing.
#[test]
fn without_the_setting_the_store_refuses() {
    let pair = pair("");
    let front = &pair.fronts[0];
    let mut upload = Upload::begin(front, "a");
    upload.part(front, 1, &noise(1, EIGHT));
    upload.part(front, 2, &noise(2, FIVE));
    upload.completion(front, &upload.done).send().refused(400, "InvalidPart");
}
