//! Ranged reads: every form of the header, across the borders of chunks, clipped, impossible and malformed.

use sealgate_tests::bytes::noise;
use sealgate_tests::stack::Room;

crate::cases![
    ranges_across_every_border_are_slices,
    suffixes_are_the_end,
    an_open_range_runs_to_the_end,
    a_range_past_the_end_is_clipped,
    a_range_beyond_the_end_is_not_satisfiable,
    ranges_of_an_empty_object_are_not_satisfiable,
    malformed_ranges_are_ignored,
    several_ranges_are_ignored,
    if_range_is_honoured_or_the_whole_comes,
    a_range_with_a_failed_condition_is_refused,
];

const LEN: usize = 200_000;
const EDGES: [usize; 12] = [0, 1, 15, 16, 65_535, 65_536, 65_537, 131_071, 131_072, 131_073, 199_998, 199_999];

fn object(room: &Room<'_>) -> Vec<u8> {
    let body = noise(7, LEN);
    room.store("a", &body);
    body
}

#[track_caller]
fn slice(room: &Room<'_>, range: &str, first: usize, last: usize, body: &[u8]) {
    let answer = room.get("a").header("range", range).send().expect(206);
    assert_eq!(answer.must("content-range"), format!("bytes {first}-{last}/{}", body.len()), "{range}");
    assert_eq!(answer.must("content-length"), (last - first + 1).to_string(), "{range}");
    assert!(answer.body == body[first..=last], "{range}: other bytes");
}

fn ranges_across_every_border_are_slices(room: &Room<'_>) {
    let body = object(room);
    for first in EDGES {
        for last in EDGES.into_iter().filter(|last| *last >= first) {
            slice(room, &format!("bytes={first}-{last}"), first, last, &body);
        }
    }
}

fn suffixes_are_the_end(room: &Room<'_>) {
    let body = object(room);
    for len in [1, 2, 3391, 3392, 3393, 68_927, 68_928, 68_929, LEN - 1, LEN] {
        slice(room, &format!("bytes=-{len}"), LEN - len, LEN - 1, &body);
    }
    slice(room, "bytes=-999999999", 0, LEN - 1, &body);
}

fn an_open_range_runs_to_the_end(room: &Room<'_>) {
    let body = object(room);
    for first in EDGES {
        slice(room, &format!("bytes={first}-"), first, LEN - 1, &body);
    }
}

fn a_range_past_the_end_is_clipped(room: &Room<'_>) {
    let body = object(room);
    slice(room, "bytes=199990-200000", 199_990, LEN - 1, &body);
    slice(room, "bytes=65536-999999999999", 65_536, LEN - 1, &body);
    slice(room, "bytes=0-18446744073709551615", 0, LEN - 1, &body);
}

fn a_range_beyond_the_end_is_not_satisfiable(room: &Room<'_>) {
    object(room);
    for range in ["bytes=200000-", "bytes=200000-200001", "bytes=999999999-", "bytes=-0"] {
        let answer = room.get("a").header("range", range).send();
        answer.refused(416, "InvalidRange");
        if let Some(told) = answer.header("content-range") {
            assert_eq!(told, "bytes */200000");
        }
        assert_eq!(answer.text("ActualObjectSize").unwrap_or("200000".into()), "200000");
    }
}

fn ranges_of_an_empty_object_are_not_satisfiable(room: &Room<'_>) {
    room.store("a", b"");
    for range in ["bytes=0-", "bytes=0-0", "bytes=5-9"] {
        room.get("a").header("range", range).send().refused(416, "InvalidRange");
    }
}

fn malformed_ranges_are_ignored(room: &Room<'_>) {
    let body = object(room);
    for range in
        ["bytes=9-5", "bytes=a-b", "bytes=", "bytes=-", "bytes 0-5", "items=0-5", "0-5", "bytes=5", "bytes=--5"]
    {
        let answer = room.get("a").header("range", range).send();
        assert_eq!(answer.status, 200, "{range}: {answer:?}");
        assert!(answer.body == body, "{range}");
    }
}

fn several_ranges_are_ignored(room: &Room<'_>) {
    let body = object(room);
    for range in ["bytes=0-5,10-15", "bytes=0-0, -1", "bytes=0-5,"] {
        let answer = room.get("a").header("range", range).send();
        assert_eq!(answer.status, 200, "{range}: {answer:?}");
        assert!(answer.body == body, "{range}");
    }
}

fn if_range_is_honoured_or_the_whole_comes(room: &Room<'_>) {
    let body = noise(7, LEN);
    let etag = room.store("a", &body).etag().to_owned();
    let get = |etag: &str| room.get("a").header("range", "bytes=0-9").header("if-range", etag).send();
    let same = get(&etag);
    assert!(same.status == 206 && same.body == body[..10], "{same:?}");
    let other = get("\"00000000000000000000000000000000\"");
    assert!(other.status == 200 && other.body == body || other.status == 206 && other.body == body[..10], "{other:?}");
}

fn a_range_with_a_failed_condition_is_refused(room: &Room<'_>) {
    object(room);
    for range in ["bytes=0-9", "bytes=-9"] {
        let get = room.get("a").header("range", range).header("if-match", "\"0000\"");
        get.send().refused(412, "PreconditionFailed");
        room.get("missing").header("range", range).send().refused(404, "NoSuchKey");
    }
}
