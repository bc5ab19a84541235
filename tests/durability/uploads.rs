//! Unfinished uploads when things end badly: a daemon killed in the middle, and several on one store.

use std::io::Write as _;
use std::sync::Barrier;
use std::thread;

use sealgate_tests::bytes::noise;
use sealgate_tests::request::Payload;
use sealgate_tests::stack::Stack;
use sealgate_tests::wire::Wire;

use crate::parts::{FIVE, IN_BUCKET, MIB, Pair, Upload, read};
use crate::scene::{BUCKET, Scene};

#[test]
fn killed_in_mid_upload_it_goes_on_where_it_was() {
    let mut scene = Scene::new();
    let (one, two, last) = (noise(1, FIVE), noise(2, FIVE + 1), noise(3, 3 * MIB));
    let mut upload = Upload::begin(&scene.stack, "a");
    upload.part(&scene.stack, 1, &one);
    upload.part(&scene.stack, 3, &last);
    for sent in [0, 100_000, FIVE] {
        let put = upload.put(&scene.stack, 2, &two).payload(Payload::Unsigned).prepare();
        let mut wire = Wire::open(&put.address).unwrap();
        wire.write_all(&put.head()).unwrap();
        wire.write_all(&put.body[..sent]).unwrap();
        let again = upload.put(&scene.stack, 3, &last).payload(Payload::Unsigned).prepare();
        let mut held = Wire::open(&again.address).unwrap();
        held.write_all(&again.head()).unwrap();
        held.write_all(&again.body[..sent.min(MIB)]).unwrap();
        // Proves that it has read something since, so that it is in the middle of these.
        scene.object("HEAD", "a").send().check(404);
        scene.restart();
        let listed = upload.list(&scene.stack).send().expect(200);
        assert_eq!(listed.all("PartNumber"), ["1", "3"]);
        assert_eq!(listed.all("Size"), [FIVE.to_string(), (3 * MIB).to_string()]);
    }
    upload.part(&scene.stack, 2, &two);
    scene.restart();
    upload.complete(&scene.stack);
    assert!(scene.read("a") == [one, two, last].concat());
    upload.list(&scene.stack).send().refused(404, "NoSuchUpload");
    assert_eq!(scene.held_files(), 0, "held parts are left on disk");
}

#[test]
fn without_its_file_an_upload_is_gone_and_nothing_else() {
    let mut scene = Scene::new();
    scene.store("kept", &noise(1, 100_000));
    let mut upload = Upload::begin(&scene.stack, "a");
    upload.part(&scene.stack, 1, &noise(2, 1_000));
    for spoil in [None, Some(vec![0x5a; 200_000])] {
        scene.daemon.kill();
        scene.spoil_uploads(spoil.as_deref());
        scene.restart();
        upload.complete_refused(&scene.stack);
        assert!(scene.read("kept") == noise(1, 100_000));
        let mut fresh = Upload::begin(&scene.stack, "b");
        fresh.part(&scene.stack, 1, &noise(3, 1_000));
        fresh.complete(&scene.stack);
    }
    // It can still be given up, by the id the client has.
    upload.abort(&scene.stack).check(204);
}

#[test]
fn two_daemons_share_an_upload_and_one_of_them_dies() {
    let mut pair = Pair::new(IN_BUCKET);
    let bodies: Vec<Vec<u8>> = (0..6_u64).map(|seed| noise(seed, if seed == 5 { 2 * MIB } else { FIVE })).collect();
    let mut upload = Upload::begin(&pair.fronts[0], "a");
    let answers: Vec<_> = thread::scope(|scope| {
        let send = |(index, body): (usize, &Vec<u8>)| {
            let put = upload.put(&pair.fronts[index % 2], u16::try_from(index + 1).unwrap(), body);
            scope.spawn(move || put.send())
        };
        let sending: Vec<_> = bodies.iter().enumerate().map(send).collect();
        sending.into_iter().map(|sent| sent.join().unwrap().expect(200)).collect()
    });
    for (index, answer) in answers.iter().enumerate() {
        upload.note(u16::try_from(index + 1).unwrap(), answer);
    }
    for front in &pair.fronts {
        assert_eq!(upload.list(front).send().expect(200).all("PartNumber"), ["1", "2", "3", "4", "5", "6"]);
        let listed = front.request("GET", &format!("/{BUCKET}")).query("uploads", "").send().expect(200);
        assert_eq!(listed.all("UploadId"), std::slice::from_ref(&upload.id));
    }
    pair.daemons[0].kill();
    upload.complete(&pair.fronts[1]);
    assert!(read(&pair.fronts[1], "a") == bodies.concat());
    assert_eq!(pair.stored(), ["a"], "state is left in the bucket");
}

#[test]
fn the_last_attempt_counts_whoever_took_it() {
    let pair = Pair::new(IN_BUCKET);
    for (len, other) in [(1_000, FIVE), (FIVE, 1_000), (1_000, 2_000), (FIVE, FIVE + 1)] {
        let mut upload = Upload::begin(&pair.fronts[0], "a");
        upload.part(&pair.fronts[0], 1, &noise(1, len));
        let before = upload.done.clone();
        upload.part(&pair.fronts[1], 1, &noise(2, other));
        upload.completion(&pair.fronts[0], &before).send().refused(400, "InvalidPart");
        assert_eq!(upload.list(&pair.fronts[0]).send().expect(200).all("Size"), [other.to_string()]);
        upload.complete(&pair.fronts[0]);
        assert!(read(&pair.fronts[0], "a") == noise(2, other), "{len} and then {other}");
    }
    assert_eq!(pair.stored(), ["a"]);
}

#[test]
fn either_daemon_gives_an_upload_up_even_while_parts_come() {
    let pair = Pair::new(IN_BUCKET);
    let mut upload = Upload::begin(&pair.fronts[0], "a");
    upload.part(&pair.fronts[0], 1, &noise(1, FIVE));
    upload.part(&pair.fronts[0], 2, &noise(1, 100));
    // Bodies are read as the store takes them: these requests are under way when half of them has gone.
    let bodies = [noise(2, 40 * MIB), noise(3, FIVE - 1)];
    let mut wires: Vec<_> = bodies
        .iter()
        .zip([3, 4])
        .map(|(body, number)| {
            let put = upload.put(&pair.fronts[0], number, body).payload(Payload::Unsigned).prepare();
            let mut wire = Wire::open(&put.address).unwrap();
            wire.write_all(&put.head()).unwrap();
            wire.write_all(&put.body[..body.len() / 2]).unwrap();
            (wire, put)
        })
        .collect();
    upload.abort(&pair.fronts[1]).check(204);
    for (wire, put) in &mut wires {
        let _ = wire.write_all(&put.body[put.body.len() / 2..]);
        wire.answer("PUT").refused(404, "NoSuchUpload");
    }
    upload.list(&pair.fronts[0]).send().refused(404, "NoSuchUpload");
    upload.abort(&pair.fronts[0]).refused(404, "NoSuchUpload");
    assert_eq!(pair.stored(), [""; 0], "state is left in the bucket");
}

/// Completes from all of `fronts` at once; the answers.
fn race(fronts: &[&Stack], upload: &Upload) {
    let start = Barrier::new(fronts.len());
    let answers: Vec<_> = thread::scope(|scope| {
        let complete = |front: &&Stack| {
            let completion = upload.completion(front, &upload.done).prepare();
            let start = &start;
            scope.spawn(move || {
                start.wait();
                completion.send()
            })
        };
        let racing: Vec<_> = fronts.iter().map(complete).collect();
        racing.into_iter().map(|racing| racing.join().unwrap()).collect()
    });
    let etags: Vec<_> =
        answers.iter().filter(|answer| answer.status == 200).map(|answer| answer.text("ETag")).collect();
    assert!(!etags.is_empty() && etags.iter().all(|etag| etag.is_some() && *etag == etags[0]), "{answers:?}");
    for answer in answers.iter().filter(|answer| answer.status != 200) {
        answer.refused(404, "NoSuchUpload");
    }
}

#[test]
fn of_completions_that_race_one_wins_and_the_others_agree() {
    let pair = Pair::new(IN_BUCKET);
    let scene = Scene::new();
    let [one, two] = [&pair.fronts[0], &pair.fronts[1]];
    for round in 0..4 {
        let last = if round % 2 == 0 { FIVE } else { 70_000 };
        for fronts in [vec![one, two, one, two], vec![&scene.stack; 3]] {
            let (first, second) = (noise(round, FIVE), noise(round + 9, last));
            let mut upload = Upload::begin(fronts[0], "a");
            upload.part(fronts[0], 1, &first);
            upload.part(fronts[1], 2, &second);
            race(&fronts, &upload);
            assert!(read(fronts[0], "a") == [first, second].concat());
            // A client that did not get the answer asks again.
            let again = upload.complete(fronts[1]);
            let etag = fronts[0].object("HEAD", BUCKET, "a").send().expect(200).etag().to_owned();
            assert_eq!(again.text("ETag").unwrap(), etag);
        }
    }
    assert_eq!(pair.stored(), ["a"], "state is left in the bucket");
    // Another object took its place: that completion is history.
    let mut upload = Upload::begin(one, "b");
    upload.part(one, 1, b"of the upload");
    upload.complete(one);
    one.object("PUT", BUCKET, "b").body(b"later").send().check(200);
    upload.completion(two, &upload.done).send().refused(404, "NoSuchUpload");
}

#[test]
fn a_thousand_parts_are_listed_in_pages() {
    let pair = Pair::new(IN_BUCKET);
    let scene = Scene::new();
    for front in [&scene.stack, &pair.fronts[0]] {
        let upload = Upload::begin(front, "a");
        let numbers: Vec<u16> = (1..=1_005).map(|number| number * 3).collect();
        thread::scope(|scope| {
            for chunk in numbers.chunks(202) {
                let upload = &upload;
                scope.spawn(move || {
                    for number in chunk {
                        upload.put(front, *number, b"tiny").send().check(200);
                    }
                });
            }
        });
        let first = upload.list(front).send().expect(200);
        assert_eq!((first.text("IsTruncated").unwrap().as_str(), first.all("PartNumber").len()), ("true", 1_000));
        let marker = first.text("NextPartNumberMarker").unwrap();
        assert_eq!(marker, "3000");
        let second = upload.list(front).query("part-number-marker", &marker).send().expect(200);
        assert_eq!(second.text("IsTruncated").unwrap(), "false");
        assert_eq!(second.all("PartNumber"), ["3003", "3006", "3009", "3012", "3015"]);
        assert_eq!(second.text("PartNumberMarker").unwrap(), "3000");
        let none = upload.list(front).query("part-number-marker", "3015").send().expect(200);
        assert_eq!((none.text("IsTruncated").unwrap().as_str(), none.all("PartNumber").len()), ("false", 0));
        upload.abort(front).check(204);
    }
    assert_eq!(pair.stored(), [""; 0]);
}

#[test]
fn the_last_number_holds_parts_of_any_size() {
    let pair = Pair::new(IN_BUCKET);
    let scene = Scene::new();
    for front in [&scene.stack, &pair.fronts[0]] {
        for len in [7, FIVE, FIVE + 100_000] {
            let (first, last) = (noise(1, FIVE), noise(2, len));
            let mut upload = Upload::begin(front, "a");
            upload.part(front, 10_000, &last);
            upload.part(front, 9_999, &first);
            upload.complete(front);
            assert!(read(front, "a") == [first, last].concat());
        }
    }
    assert_eq!(pair.stored(), ["a"]);
}

/// Held parts wait on disk or in the bucket, and are streamed there and back.
#[test]
fn a_large_held_part_takes_no_memory() {
    const LARGE: usize = 160 * MIB;
    const MOST: u64 = 112 * 1024 * 1024;
    let pair = Pair::new(IN_BUCKET);
    let scene = Scene::new();
    // The embedded store is the daemon's own where there is none behind it.
    for (front, daemon) in [(&scene.stack, &scene.daemon), (&pair.fronts[0], &pair.daemons[0])] {
        let (first, last) = (noise(1, FIVE), noise(2, LARGE));
        let mut upload = Upload::begin(front, "a");
        upload.part(front, 1, &first);
        let answer = upload.put(front, 10_000, &last).payload(Payload::Unsigned).send().expect(200);
        upload.note(10_000, &answer);
        upload.complete(front);
        let head = front.object("HEAD", BUCKET, "a").send().expect(200);
        assert_eq!(head.must("content-length"), (FIVE + LARGE).to_string());
        assert!(daemon.peak_memory() < MOST, "{} bytes", daemon.peak_memory());
    }
}
