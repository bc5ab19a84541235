//! Checksums clients send with a body and ask back with it.

use sealgate_tests::bytes::noise;
use sealgate_tests::checksum::{Checksum, content_md5};
use sealgate_tests::stack::Room;

crate::cases![
    each_checksum_header_is_checked,
    a_sent_checksum_is_echoed,
    a_sent_checksum_is_returned_when_asked_for,
    a_range_carries_no_checksum_of_the_whole,
    content_md5_is_checked,
    a_checksum_that_is_no_checksum_is_refused,
    an_empty_body_has_checksums_too,
];

fn each_checksum_header_is_checked(room: &Room<'_>) {
    let body = noise(1, 100_000);
    for checksum in Checksum::ALL {
        let name = format!("{checksum:?}");
        let put = |body: &[u8], value: &str| room.put(&name, body).header(checksum.header(), value).send();
        put(&body, &checksum.of(&body)).check(200);
        put(b"other", &checksum.of(&body)).refused(400, "BadDigest");
        room.holds(&name, &body);
    }
}

fn a_sent_checksum_is_echoed(room: &Room<'_>) {
    for checksum in Checksum::ALL {
        let value = checksum.of(b"echo");
        let answer = room.put("a", b"echo").header(checksum.header(), &value).send().expect(200);
        assert_eq!(answer.must(checksum.header()), value);
    }
}

fn a_sent_checksum_is_returned_when_asked_for(room: &Room<'_>) {
    let body = noise(2, 70_000);
    for checksum in Checksum::ALL {
        let value = checksum.of(&body);
        room.put("a", &body).header(checksum.header(), &value).send().check(200);
        let get = room.get("a").header("x-amz-checksum-mode", "ENABLED").send().expect(200);
        assert_eq!(get.header(checksum.header()), Some(value.as_str()), "{checksum:?} {get:?}");
        assert!(get.body == body);
        let head = room.head("a").header("x-amz-checksum-mode", "ENABLED").send().expect(200);
        assert_eq!(head.header(checksum.header()), Some(value.as_str()), "{checksum:?}");
    }
}

fn a_range_carries_no_checksum_of_the_whole(room: &Room<'_>) {
    let body = noise(2, 70_000);
    let crc = Checksum::Crc32;
    room.put("a", &body).header(crc.header(), &crc.of(&body)).send().check(200);
    let get = room.get("a").header("x-amz-checksum-mode", "ENABLED").header("range", "bytes=0-9");
    let answer = get.send().expect(206);
    assert_ne!(answer.header(crc.header()), Some(crc.of(&body).as_str()));
}

fn content_md5_is_checked(room: &Room<'_>) {
    let put = |body: &[u8], md5: &str| room.put("a", body).header("content-md5", md5).send();
    put(b"right", &content_md5(b"right")).check(200);
    put(b"wrong", &content_md5(b"right")).refused(400, "BadDigest");
    put(b"wrong", "bm90IGFuIG1kNQ==").refused(400, "InvalidDigest");
    put(b"wrong", "*** not base64 ***").refused(400, "InvalidDigest");
    room.holds("a", b"right");
}

fn a_checksum_that_is_no_checksum_is_refused(room: &Room<'_>) {
    for value in ["AAA=", "not base64", ""] {
        let answer = room.put("a", b"x").header("x-amz-checksum-crc32", value).send();
        answer.refused(400, "InvalidRequest");
    }
    room.lacks("a");
}

fn an_empty_body_has_checksums_too(room: &Room<'_>) {
    for checksum in Checksum::ALL {
        let put = room.put("a", b"").header(checksum.header(), &checksum.of(b""));
        put.header("content-md5", &content_md5(b"")).send().check(200);
        room.holds("a", b"");
    }
}
