//! User metadata and system headers: kept, replaced as a whole, bounded, and nothing added to them.

use sealgate_tests::stack::Room;

crate::cases![
    user_metadata_reads_back,
    nothing_is_added_to_the_metadata,
    system_headers_read_back,
    the_default_content_type_is_the_one_of_s3,
    names_are_folded_and_values_trimmed,
    values_outside_ascii_come_back,
    metadata_up_to_the_limit_is_taken,
    metadata_over_the_limit_is_too_large,
    only_the_content_encoding_of_the_object_is_kept,
    the_date_of_an_overwrite_is_later_or_equal,
];

const SYSTEM: &[(&str, &str)] = &[
    ("cache-control", "max-age=60, public"),
    ("content-disposition", "attachment; filename=\"x.txt\""),
    ("content-encoding", "gzip"),
    ("content-language", "en-GB"),
    ("content-type", "text/x-test; charset=utf-8"),
    ("expires", "Thu, 01 Dec 2033 16:00:00 GMT"),
];

fn metadata_of(answer: &sealgate_tests::answer::Answer) -> Vec<(String, String)> {
    let mut found: Vec<_> =
        answer.headers.iter().filter(|(name, _)| name.starts_with("x-amz-meta-")).cloned().collect();
    found.sort();
    found
}

fn user_metadata_reads_back(room: &Room<'_>) {
    let put = room.put("a", b"x").header("x-amz-meta-colour", "red").header("x-amz-meta-size", "12, 13");
    put.header("x-amz-meta-empty", "").send().check(200);
    for answer in [room.head("a").send().expect(200), room.get("a").send().expect(200)] {
        assert_eq!(answer.must("x-amz-meta-colour"), "red");
        assert_eq!(answer.must("x-amz-meta-size"), "12, 13");
    }
}

fn nothing_is_added_to_the_metadata(room: &Room<'_>) {
    room.store("none", b"x");
    room.put("one", b"x").header("x-amz-meta-only", "1").send().check(200);
    for answer in [room.head("none").send(), room.get("none").send()] {
        assert_eq!(metadata_of(&answer), []);
    }
    for answer in [room.head("one").send(), room.get("one").send()] {
        assert_eq!(metadata_of(&answer), [("x-amz-meta-only".to_owned(), "1".to_owned())]);
    }
}

fn system_headers_read_back(room: &Room<'_>) {
    let put = SYSTEM.iter().fold(room.put("a", b"x"), |put, (name, value)| put.header(name, value));
    put.send().check(200);
    for answer in [room.head("a").send().expect(200), room.get("a").send().expect(200)] {
        for (name, value) in SYSTEM {
            assert_eq!(answer.header(name), Some(*value), "{name}");
        }
    }
    room.store("a", b"y");
    let answer = room.head("a").send().expect(200);
    assert_eq!((answer.header("cache-control"), answer.header("expires")), (None, None));
}

fn the_default_content_type_is_the_one_of_s3(room: &Room<'_>) {
    room.store("a.txt", b"x");
    assert_eq!(room.get("a.txt").send().must("content-type"), "binary/octet-stream");
}

fn names_are_folded_and_values_trimmed(room: &Room<'_>) {
    let mut prepared = room.put("a", b"x").header("x-amz-meta-mixed", "inner  space").prepare();
    prepared.headers.iter_mut().filter(|(name, _)| name == "x-amz-meta-mixed").for_each(|header| {
        *header = ("X-Amz-Meta-MiXed".into(), "  inner  space ".into());
    });
    // Signatures squeeze runs of spaces; most clients do not send any.
    let answer = prepared.send();
    if answer.status == 200 {
        assert_eq!(room.head("a").send().must("x-amz-meta-mixed"), "inner  space");
    } else {
        answer.refused(403, "SignatureDoesNotMatch");
    }
    room.put("b", b"x").header("X-Amz-Meta-UPPER", "1").send().check(200);
    assert_eq!(room.head("b").send().must("x-amz-meta-upper"), "1");
}

/// S3 gives such values back as an RFC 2047 word; some servers as they came. Either way they are not lost.
fn values_outside_ascii_come_back(room: &Room<'_>) {
    let put = room.put("a", b"x").header("x-amz-meta-name", "=?UTF-8?B?R3LDtsOfZQ==?=");
    put.send().check(200);
    let answer = room.head("a").send().expect(200);
    let value = answer.must("x-amz-meta-name");
    assert!(["=?UTF-8?B?R3LDtsOfZQ==?=", "=?UTF-8?Q?Gr=C3=B6=C3=9Fe?=", "Größe"].contains(&value), "{value}");
}

fn metadata_up_to_the_limit_is_taken(room: &Room<'_>) {
    let value = "v".repeat(1000);
    room.put("a", b"x").header("x-amz-meta-large", &value).send().check(200);
    assert_eq!(room.head("a").send().must("x-amz-meta-large"), value);
}

fn metadata_over_the_limit_is_too_large(room: &Room<'_>) {
    let put = room.put("a", b"x").header("x-amz-meta-large", &"v".repeat(2100));
    put.send().refused(400, "MetadataTooLarge");
    room.lacks("a");
}

fn only_the_content_encoding_of_the_object_is_kept(room: &Room<'_>) {
    room.put("plain", b"x").header("content-encoding", "aws-chunked").send().check(200);
    assert_eq!(room.head("plain").send().expect(200).header("content-encoding"), None);
    room.put("zipped", b"x").header("content-encoding", "aws-chunked,gzip").send().check(200);
    assert_eq!(room.head("zipped").send().expect(200).must("content-encoding"), "gzip");
}

fn the_date_of_an_overwrite_is_later_or_equal(room: &Room<'_>) {
    room.store("a", b"x");
    let listed = || room.list().send().expect(200).text("LastModified").unwrap();
    let first = listed();
    room.store("a", b"y");
    assert!(listed() >= first);
}
