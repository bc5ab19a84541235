//! Every form in which clients send a body: the five payload modes, with and without a length, with headers and with trailers.

use sealgate_tests::aws_chunked::Coding;
use sealgate_tests::bytes::noise;
use sealgate_tests::checksum::{Checksum, content_md5};
use sealgate_tests::request::{Payload, Request};
use sealgate_tests::stack::Room;

crate::cases![
    a_signed_hash,
    an_unsigned_payload,
    signed_chunks,
    signed_chunks_without_a_length,
    signed_chunks_with_each_trailer,
    signed_chunks_with_a_trailer_without_a_length,
    unsigned_chunks_with_each_trailer,
    unsigned_chunks_with_each_trailer_without_a_length,
    one_chunk_for_the_whole_body,
    tiny_chunks,
    an_empty_body_in_every_form,
    waiting_for_continue,
    waiting_for_continue_without_a_length,
    a_refusal_comes_before_the_body_when_the_client_waits,
    content_md5_beside_signed_chunks,
    a_trailer_is_echoed_and_kept,
    a_second_encoding_is_kept_beside_the_chunks,
];

const LENGTHS: [usize; 6] = [1, 8191, 65_535, 65_536, 65_537, 300_000];

fn coding(signed: bool, trailer: Option<Checksum>) -> Coding {
    Coding { signed, trailer, chunk_len: 65_536 }
}

/// Puts bodies of several lengths with `form` and reads each back.
fn round_trips(room: &Room<'_>, form: impl Fn(Request) -> Request) {
    for len in LENGTHS {
        let body = noise(len as u64, len);
        let answer = form(room.put("a", &body)).send();
        assert!(answer.status == 200, "{len} bytes: {answer:?}");
        room.holds("a", &body);
    }
    assert_eq!(room.head("a").send().header("content-encoding"), None);
}

fn each_trailer(room: &Room<'_>, signed: bool, form: impl Fn(Request) -> Request) {
    for checksum in Checksum::ALL {
        round_trips(room, |put| form(put.payload(Payload::Chunked(coding(signed, Some(checksum))))));
    }
}

fn a_signed_hash(room: &Room<'_>) {
    round_trips(room, |put| put);
}

fn an_unsigned_payload(room: &Room<'_>) {
    round_trips(room, |put| put.payload(Payload::Unsigned));
}

fn signed_chunks(room: &Room<'_>) {
    round_trips(room, |put| put.payload(Payload::Chunked(coding(true, None))));
}

fn signed_chunks_without_a_length(room: &Room<'_>) {
    round_trips(room, |put| put.payload(Payload::Chunked(coding(true, None))).without_length());
}

fn signed_chunks_with_each_trailer(room: &Room<'_>) {
    each_trailer(room, true, |put| put);
}

fn signed_chunks_with_a_trailer_without_a_length(room: &Room<'_>) {
    each_trailer(room, true, Request::without_length);
}

fn unsigned_chunks_with_each_trailer(room: &Room<'_>) {
    each_trailer(room, false, |put| put);
}

fn unsigned_chunks_with_each_trailer_without_a_length(room: &Room<'_>) {
    each_trailer(room, false, Request::without_length);
}

fn one_chunk_for_the_whole_body(room: &Room<'_>) {
    let body = noise(9, 1_000_000);
    for signed in [true, false] {
        let coding = Coding { signed, trailer: Some(Checksum::Crc32), chunk_len: body.len() };
        room.put("a", &body).payload(Payload::Chunked(coding)).send().check(200);
        room.holds("a", &body);
    }
}

fn tiny_chunks(room: &Room<'_>) {
    let body = noise(9, 70_001);
    let coding = Coding { signed: false, trailer: Some(Checksum::Crc64Nvme), chunk_len: 1021 };
    room.put("a", &body).payload(Payload::Chunked(coding)).send().check(200);
    room.holds("a", &body);
}

fn an_empty_body_in_every_form(room: &Room<'_>) {
    let crc = Some(Checksum::Crc32);
    let chunked = [coding(true, None), coding(true, crc), coding(false, crc)].map(Payload::Chunked);
    for payload in chunked.into_iter().chain([Payload::Sha256, Payload::Unsigned]) {
        let put = || room.put("a", b"").payload(payload.clone());
        put().send().check(200);
        room.holds("a", b"");
        if matches!(payload, Payload::Chunked(_)) {
            put().without_length().send().check(200);
            room.holds("a", b"");
        }
    }
}

fn waiting_for_continue(room: &Room<'_>) {
    round_trips(room, Request::expect_continue);
    let answer = room.put("a", b"x").expect_continue().send().expect(200);
    assert!(answer.continued, "the body was wanted but no interim answer said so");
}

fn waiting_for_continue_without_a_length(room: &Room<'_>) {
    let chunks = Payload::Chunked(coding(false, Some(Checksum::Crc32)));
    round_trips(room, |put| put.payload(chunks.clone()).without_length().expect_continue());
}

fn a_refusal_comes_before_the_body_when_the_client_waits(room: &Room<'_>) {
    let mut stranger = room.stack.credential.clone();
    stranger.secret_key.push('x');
    let answer = room.put("a", &noise(1, 200_000)).by(stranger).expect_continue().send();
    answer.refused(403, "SignatureDoesNotMatch");
    assert!(!answer.continued);
}

fn content_md5_beside_signed_chunks(room: &Room<'_>) {
    let chunks = || Payload::Chunked(coding(true, None));
    let body = noise(5, 100_000);
    let put = |md5: &str| room.put("a", &body).header("content-md5", md5).payload(chunks()).send();
    put(&content_md5(&body)).check(200);
    room.holds("a", &body);
    put(&content_md5(b"other")).refused(400, "BadDigest");
    room.holds("a", &body);
}

fn a_trailer_is_echoed_and_kept(room: &Room<'_>) {
    let body = noise(6, 100_000);
    for checksum in Checksum::ALL {
        let put = room.put("a", &body).payload(Payload::Chunked(coding(false, Some(checksum))));
        let answer = put.without_length().send().expect(200);
        assert_eq!(answer.header(checksum.header()), Some(checksum.of(&body).as_str()), "{checksum:?}");
        let head = room.head("a").header("x-amz-checksum-mode", "ENABLED").send().expect(200);
        assert_eq!(head.header(checksum.header()), Some(checksum.of(&body).as_str()), "{checksum:?}");
    }
}

fn a_second_encoding_is_kept_beside_the_chunks(room: &Room<'_>) {
    let put = room.put("a", b"not really gzip").payload(Payload::Chunked(coding(true, None)));
    put.header("content-encoding", "aws-chunked,gzip").send().check(200);
    room.holds("a", b"not really gzip");
    assert_eq!(room.head("a").send().must("content-encoding"), "gzip");
}
