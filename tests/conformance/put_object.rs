//! `PutObject`: what is stored is what was sent, whole, at once and instead of what was there.

use sealgate_tests::bytes::noise;
use sealgate_tests::stack::Room;

crate::cases![
    an_object_reads_back_as_it_was_written,
    an_empty_object_reads_back_empty,
    an_object_is_replaced_as_a_whole,
    a_shorter_object_leaves_nothing_of_a_longer_one,
    the_same_bytes_twice_are_both_readable,
    a_bucket_that_is_missing_is_named_in_the_error,
    an_object_of_several_mebibytes_reads_back,
    the_answer_has_a_request_id,
    an_upload_to_a_directory_name_is_just_another_key,
];

fn an_object_reads_back_as_it_was_written(room: &Room<'_>) {
    let answer = room.store("a", b"hello");
    assert!(answer.body.is_empty(), "{answer:?}");
    assert!(answer.etag().starts_with('"') && answer.etag().ends_with('"'));
    room.holds("a", b"hello");
}

fn an_empty_object_reads_back_empty(room: &Room<'_>) {
    room.store("empty", b"");
    room.holds("empty", b"");
    assert_eq!(room.head("empty").send().expect(200).must("content-length"), "0");
}

fn an_object_is_replaced_as_a_whole(room: &Room<'_>) {
    let first = room.put("a", b"one").header("x-amz-meta-old", "1").send().expect(200);
    let second = room.put("a", b"two, longer").header("x-amz-meta-new", "2").send().expect(200);
    assert_ne!(first.etag(), second.etag());
    room.holds("a", b"two, longer");
    let head = room.head("a").send().expect(200);
    assert_eq!((head.header("x-amz-meta-old"), head.header("x-amz-meta-new")), (None, Some("2")));
}

fn a_shorter_object_leaves_nothing_of_a_longer_one(room: &Room<'_>) {
    room.store("a", &noise(1, 200_000));
    room.store("a", &noise(2, 10));
    room.holds("a", &noise(2, 10));
}

fn the_same_bytes_twice_are_both_readable(room: &Room<'_>) {
    room.store("a", b"twin");
    room.store("b", b"twin");
    room.holds("a", b"twin");
    room.holds("b", b"twin");
}

fn a_bucket_that_is_missing_is_named_in_the_error(room: &Room<'_>) {
    let missing = sealgate_tests::bytes::unique("missing");
    let put = room.stack.object("PUT", &missing, "a").body(b"x").send();
    put.refused(404, "NoSuchBucket");
    room.stack.object("GET", &missing, "a").send().refused(404, "NoSuchBucket");
    room.stack.object("HEAD", &missing, "a").send().check(404);
}

fn an_object_of_several_mebibytes_reads_back(room: &Room<'_>) {
    let body = noise(3, 7 * 1024 * 1024 + 13);
    room.store("large", &body);
    room.holds("large", &body);
}

fn the_answer_has_a_request_id(room: &Room<'_>) {
    let put = room.store("a", b"x");
    let get = room.get("a").send().expect(200);
    let missing = room.get("b").send();
    let ids = [&put, &get, &missing].map(|answer| answer.must("x-amz-request-id").to_owned());
    assert!(ids[0] != ids[1] && ids[1] != ids[2], "{ids:?}");
}

fn an_upload_to_a_directory_name_is_just_another_key(room: &Room<'_>) {
    room.store("a", b"file");
    room.store("a/b", b"below");
    room.store("a/", b"");
    room.holds("a", b"file");
    room.holds("a/b", b"below");
    room.holds("a/", b"");
}
