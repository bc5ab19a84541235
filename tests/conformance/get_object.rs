//! `GetObject`: the bytes, the headers that describe them, and the overrides a client may ask for.

use sealgate_tests::bytes::noise;
use sealgate_tests::stack::Room;

crate::cases![
    a_missing_key_is_no_such_key,
    the_headers_describe_the_plain_object,
    a_read_can_override_response_headers,
    an_override_cannot_add_a_header,
    accept_encoding_alters_nothing,
    many_reads_at_once_all_get_everything,
    a_part_number_beyond_the_object_is_never_the_whole_object,
];

fn a_missing_key_is_no_such_key(room: &Room<'_>) {
    let answer = room.get("nothing").send();
    answer.refused(404, "NoSuchKey");
    assert!(answer.must("content-type").contains("xml"), "{answer:?}");
}

fn the_headers_describe_the_plain_object(room: &Room<'_>) {
    let body = noise(1, 70_000);
    room.store("a", &body);
    let answer = room.get("a").send().expect(200);
    assert_eq!(answer.must("content-length"), "70000");
    assert_eq!(answer.must("accept-ranges"), "bytes");
    assert_eq!(answer.header("content-range"), None);
    assert!(answer.must("last-modified").ends_with(" GMT"));
    assert!(answer.body == body);
}

fn a_read_can_override_response_headers(room: &Room<'_>) {
    room.put("a", b"x").header("content-type", "text/plain").send().check(200);
    let asked = [
        ("response-content-type", "content-type", "application/x-test"),
        ("response-cache-control", "cache-control", "no-store"),
        ("response-content-disposition", "content-disposition", "attachment; filename=\"a b\""),
        ("response-content-encoding", "content-encoding", "identity"),
        ("response-content-language", "content-language", "de"),
        ("response-expires", "expires", "Thu, 01 Dec 2033 16:00:00 GMT"),
    ];
    let request = asked.iter().fold(room.get("a"), |request, (query, _, value)| request.query(query, value));
    let answer = request.send().expect(200);
    for (_, header, value) in asked {
        assert_eq!(answer.must(header), value);
    }
}

fn an_override_cannot_add_a_header(room: &Room<'_>) {
    room.store("a", b"x");
    for value in ["text/plain\r\nx-amz-injected: 1", "a\nb", "a\rb", "a\0b"] {
        let answer = room.get("a").query("response-content-type", value).send();
        assert!(answer.status == 400 && answer.complete, "{value:?}: {answer:?}");
        assert_eq!(answer.header("x-amz-injected"), None);
    }
}

fn accept_encoding_alters_nothing(room: &Room<'_>) {
    let body = vec![b'a'; 100_000];
    room.put("a", &body).header("content-type", "text/plain").send().check(200);
    let answer = room.get("a").unsigned_header("accept-encoding", "gzip, br, zstd").send().expect(200);
    assert_eq!(answer.header("content-encoding"), None);
    assert!(answer.body == body);
}

fn many_reads_at_once_all_get_everything(room: &Room<'_>) {
    let body = noise(4, 300_000);
    room.store("a", &body);
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| room.holds("a", &body));
        }
    });
}

/// Part-wise downloaders would write as many copies as they think there are parts.
fn a_part_number_beyond_the_object_is_never_the_whole_object(room: &Room<'_>) {
    room.store("a", b"one part");
    let answer = room.get("a").query("partNumber", "2").send();
    assert!(matches!(answer.status, 400 | 416 | 501), "{answer:?}");
}
