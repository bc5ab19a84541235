//! One object, one size, one `ETag`, whoever is asked.

use sealgate_tests::bytes::noise;
use sealgate_tests::stack::Room;

crate::cases![
    every_answer_agrees_on_size_and_etag,
    every_answer_agrees_around_five_mebibytes,
    every_etag_works_as_a_condition,
    a_listing_agrees_for_many_objects_at_once,
];

const BORDERS: &[usize] = &[
    0, 1, 2, 15, 16, 17, 255, 256, 257, 4096, 65_519, 65_520, 65_521, 65_535, 65_536, 65_537, 65_551, 65_552, 65_553,
    131_071, 131_072, 131_073, 196_608, 1_000_000, 1_048_576,
];
const MEBI5: usize = 5 * 1024 * 1024;

fn agrees(room: &Room<'_>, len: usize) {
    let name = format!("o{len}");
    let body = noise(len as u64, len);
    let etag = room.store(&name, &body).etag().to_owned();
    let head = room.head(&name).send().expect(200);
    let get = room.get(&name).send().expect(200);
    let key = format!("{}{name}", room.prefix);
    let list = room.bucket("GET").query("list-type", "2").query("prefix", &key).query("max-keys", "1");
    let list = list.send().expect(200);
    assert!(get.body == body, "{len}");
    let sizes = [head.must("content-length"), get.must("content-length"), &list.text("Size").unwrap()];
    assert_eq!(sizes, [&len.to_string(), &len.to_string(), &len.to_string()]);
    let etags = [head.etag(), get.etag(), &list.text("ETag").unwrap()];
    assert_eq!(etags, [&etag, &etag, &etag], "{len}");
}

fn every_answer_agrees_on_size_and_etag(room: &Room<'_>) {
    for len in BORDERS {
        agrees(room, *len);
    }
    // Lengths nobody chose.
    let seed = noise(room.prefix.len() as u64, 64);
    for pair in seed.chunks(4) {
        let len = u32::from_be_bytes(pair.try_into().unwrap()) as usize % 400_000;
        agrees(room, len);
    }
}

fn every_answer_agrees_around_five_mebibytes(room: &Room<'_>) {
    for len in [MEBI5 - 65_536, MEBI5 - 1, MEBI5, MEBI5 + 1, MEBI5 + 65_536] {
        agrees(room, len);
    }
}

fn every_etag_works_as_a_condition(room: &Room<'_>) {
    let put = room.store("a", b"x").etag().to_owned();
    let head = room.head("a").send().etag().to_owned();
    let get = room.get("a").send().etag().to_owned();
    let list = room.list().send().text("ETag").unwrap();
    for etag in [&put, &head, &get, &list] {
        room.get("a").header("if-match", etag).send().check(200);
        room.get("a").header("range", "bytes=0-0").header("if-match", etag).send().check(206);
    }
    room.put("a", b"y").header("if-match", &list).send().check(200);
    for etag in [put, head, get, list] {
        room.get("a").header("if-match", &etag).send().refused(412, "PreconditionFailed");
    }
}

fn a_listing_agrees_for_many_objects_at_once(room: &Room<'_>) {
    for len in BORDERS.iter().filter(|len| **len < 70_000) {
        room.store(&format!("{len:07}"), &noise(1, *len));
    }
    let listed = room.list().send().expect(200);
    for entry in listed.all("Contents") {
        let key = sealgate_tests::answer::text(&entry, "Key").unwrap();
        let size = sealgate_tests::answer::text(&entry, "Size").unwrap();
        let len: usize = key.rsplit('/').next().unwrap().parse().unwrap();
        assert_eq!(size, len.to_string(), "{entry}");
    }
    assert_eq!(listed.text("IsTruncated").unwrap(), "false");
}
