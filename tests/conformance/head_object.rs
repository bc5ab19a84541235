//! `HeadObject`: the headers of the read without the bytes.

use std::collections::BTreeSet;

use sealgate_tests::answer::Answer;
use sealgate_tests::bytes::noise;
use sealgate_tests::stack::Room;

crate::cases![
    the_headers_are_those_of_the_read,
    a_missing_key_is_404_without_a_body,
    a_range_is_answered_as_the_read_would
];

const OF_ONE_ANSWER: &[&str] = &["date", "x-amz-request-id"];
const SAME: &[&str] = &[
    "accept-ranges",
    "cache-control",
    "content-disposition",
    "content-encoding",
    "content-language",
    "content-length",
    "content-type",
    "etag",
    "expires",
    "last-modified",
    "x-amz-meta-colour",
];

fn the_headers_are_those_of_the_read(room: &Room<'_>) {
    let put = room.put("a", &noise(1, 70_000));
    let put = put.header("content-type", "text/plain").header("cache-control", "max-age=3");
    put.header("x-amz-meta-colour", "red").send().check(200);
    let (head, get) = (room.head("a").send().expect(200), room.get("a").send().expect(200));
    for name in SAME {
        assert_eq!(head.header(name), get.header(name), "{name}");
    }
    let all = |answer: &Answer| {
        let own = |(name, _): &&(String, String)| !OF_ONE_ANSWER.contains(&name.as_str());
        answer.headers.iter().filter(own).cloned().collect::<BTreeSet<_>>()
    };
    assert_eq!(all(&head), all(&get));
    assert!(head.body.is_empty());
}

fn a_missing_key_is_404_without_a_body(room: &Room<'_>) {
    let answer = room.head("nothing").send().expect(404);
    assert!(answer.body.is_empty());
}

fn a_range_is_answered_as_the_read_would(room: &Room<'_>) {
    room.store("a", &noise(1, 70_000));
    let answer = room.head("a").header("range", "bytes=65530-65539").send().expect(206);
    assert_eq!(answer.must("content-length"), "10");
    assert_eq!(answer.must("content-range"), "bytes 65530-65539/70000");
}
