//! Requests that must fail, and must leave the store as it was: each is tried on a key that is free and on one that is taken.

use sealgate_tests::answer::Answer;
use sealgate_tests::aws_chunked::Coding;
use sealgate_tests::bytes::{find, noise};
use sealgate_tests::checksum::Checksum;
use sealgate_tests::request::{Payload, Proof, Request};
use sealgate_tests::sign::Credential;
use sealgate_tests::stack::Room;
use sealgate_tests::wire::Prepared;
use time::{Duration, OffsetDateTime};

crate::cases![
    a_wrong_secret,
    an_unknown_access_key,
    no_signature_at_all,
    a_changed_header,
    a_changed_body_under_a_signed_hash,
    a_flipped_chunk_signature,
    a_flipped_byte_in_a_signed_chunk,
    a_flipped_trailer_of_signed_chunks,
    a_flipped_trailer_of_unsigned_chunks,
    a_flipped_trailer_signature,
    a_flipped_byte_under_an_unsigned_trailer,
    a_missing_trailer,
    a_missing_final_chunk,
    a_missing_final_chunk_without_a_length,
    a_chunk_size_that_is_no_number,
    more_bytes_than_the_decoded_length,
    fewer_bytes_than_the_decoded_length,
    a_body_that_ends_too_soon,
    a_chunked_body_that_ends_too_soon,
    a_transfer_that_breaks_off,
    an_unsigned_amz_header,
    an_unsigned_amz_header_on_a_url,
    an_old_version_2_header,
    a_signature_over_curves,
    a_clock_that_is_wrong,
    a_length_that_is_missing,
    a_length_nobody_can_mean,
    a_key_that_is_too_long,
    a_refusal_says_what_and_which,
];

/// Sends a request made from `put` to a free key and to a taken one; neither may change.
fn nothing_stored(room: &Room<'_>, status: u16, codes: &[&str], send: impl Fn(Request) -> Answer) {
    let (old, new) = (noise(1, 100_000), noise(2, 150_000));
    room.store("taken", &old);
    for name in ["taken", "free"] {
        let answer = send(room.put(name, &new));
        let broken = answer.status == 0 && codes.contains(&"");
        assert!(broken || answer.status == status && answer.complete, "expected {status}: {answer:?}");
        assert!(codes.contains(&answer.code().as_str()), "expected one of {codes:?}: {answer:?}");
    }
    room.lacks("free");
    room.holds("taken", &old);
    let listed = room.list().send().expect(200).all("Key");
    assert_eq!(listed, [format!("{}taken", room.prefix)]);
}

fn chunked(signed: bool, trailer: Option<Checksum>) -> Payload {
    Payload::Chunked(Coding { signed, trailer, chunk_len: 65_536 })
}

/// Changes the byte `offset` after the last `mark` in the body, to another of the same alphabet.
fn flip_after(prepared: &mut Prepared, mark: &[u8], offset: usize) {
    let last = prepared.body.len() - mark.len();
    let start = (0..=last).rev().find(|at| prepared.body[*at..].starts_with(mark)).unwrap();
    let byte = &mut prepared.body[start + mark.len() + offset];
    *byte = if *byte == b'A' || *byte == b'a' { *byte + 1 } else { b'a' };
}

fn spoilt(put: Request, payload: Payload, spoil: impl Fn(&mut Prepared)) -> Answer {
    let mut prepared = put.payload(payload).prepare();
    spoil(&mut prepared);
    prepared.send()
}

fn stranger(room: &Room<'_>) -> Credential {
    let mut stranger = room.stack.credential.clone();
    stranger.secret_key.push('x');
    stranger
}

fn a_wrong_secret(room: &Room<'_>) {
    let stranger = stranger(room);
    nothing_stored(room, 403, &["SignatureDoesNotMatch"], |put| put.by(stranger.clone()).send());
    room.get("taken").by(stranger.clone()).send().refused(403, "SignatureDoesNotMatch");
    room.delete("taken").by(stranger).send().refused(403, "SignatureDoesNotMatch");
    room.holds("taken", &noise(1, 100_000));
}

fn an_unknown_access_key(room: &Room<'_>) {
    let mut stranger = room.stack.credential.clone();
    stranger.access_key = "AKIANOBODYATALL".into();
    nothing_stored(room, 403, &["InvalidAccessKeyId"], |put| put.by(stranger.clone()).send());
}

fn no_signature_at_all(room: &Room<'_>) {
    nothing_stored(room, 403, &["AccessDenied"], |put| put.proof(Proof::Nothing).send());
    room.get("taken").proof(Proof::Nothing).send().refused(403, "AccessDenied");
    room.stack.request("GET", "/").proof(Proof::Nothing).send().refused(403, "AccessDenied");
}

fn a_changed_header(room: &Room<'_>) {
    nothing_stored(room, 403, &["SignatureDoesNotMatch"], |put| {
        let mut prepared = put.header("x-amz-meta-a", "1").prepare();
        prepared.set("x-amz-meta-a", "2");
        prepared.send()
    });
}

fn a_changed_body_under_a_signed_hash(room: &Room<'_>) {
    nothing_stored(room, 400, &["XAmzContentSHA256Mismatch"], |put| {
        let mut prepared = put.prepare();
        prepared.body[70_000] ^= 1;
        prepared.send()
    });
}

fn a_flipped_chunk_signature(room: &Room<'_>) {
    nothing_stored(room, 403, &["SignatureDoesNotMatch"], |put| {
        spoilt(put, chunked(true, None), |prepared| flip_after(prepared, b"chunk-signature=", 5))
    });
}

fn a_flipped_byte_in_a_signed_chunk(room: &Room<'_>) {
    nothing_stored(room, 403, &["SignatureDoesNotMatch"], |put| {
        spoilt(put, chunked(true, None), |prepared| prepared.body[1000] ^= 1)
    });
}

fn a_flipped_trailer_of_signed_chunks(room: &Room<'_>) {
    nothing_stored(room, 403, &["SignatureDoesNotMatch"], |put| {
        let payload = chunked(true, Some(Checksum::Sha256));
        spoilt(put, payload, |prepared| flip_after(prepared, b"x-amz-checksum-sha256:", 3))
    });
}

fn a_flipped_trailer_of_unsigned_chunks(room: &Room<'_>) {
    for checksum in Checksum::ALL {
        nothing_stored(room, 400, &["BadDigest"], |put| {
            let mark = format!("{}:", checksum.header());
            spoilt(put, chunked(false, Some(checksum)), |prepared| flip_after(prepared, mark.as_bytes(), 2))
        });
    }
}

fn a_flipped_trailer_signature(room: &Room<'_>) {
    nothing_stored(room, 403, &["SignatureDoesNotMatch"], |put| {
        let payload = chunked(true, Some(Checksum::Crc32));
        spoilt(put, payload, |prepared| flip_after(prepared, b"x-amz-trailer-signature:", 9))
    });
}

fn a_flipped_byte_under_an_unsigned_trailer(room: &Room<'_>) {
    nothing_stored(room, 400, &["BadDigest"], |put| {
        let payload = chunked(false, Some(Checksum::Crc64Nvme));
        spoilt(put, payload, |prepared| prepared.body[1000] ^= 1)
    });
}

fn a_missing_trailer(room: &Room<'_>) {
    nothing_stored(room, 400, &["MalformedTrailerError", "InvalidRequest", "IncompleteBody"], |put| {
        spoilt(put, chunked(false, Some(Checksum::Crc32)), |prepared| {
            let start = find(&prepared.body, b"x-amz-checksum-crc32:").unwrap();
            prepared.body.truncate(start);
            prepared.body.extend_from_slice(b"\r\n");
            let len = prepared.body.len().to_string();
            prepared.set("content-length", &len);
        })
    });
}

fn without_final_chunk(prepared: &mut Prepared) {
    let end = prepared.body.windows(4).rposition(|window| window == b"\r\n0;" || window == b"\r\n0\r").unwrap();
    prepared.body.truncate(end + 2);
}

fn a_missing_final_chunk(room: &Room<'_>) {
    nothing_stored(room, 400, &["IncompleteBody"], |put| {
        spoilt(put, chunked(true, None), |prepared| {
            without_final_chunk(prepared);
            let len = prepared.body.len().to_string();
            prepared.set("content-length", &len);
        })
    });
}

/// The transfer ends properly; what it carried does not.
fn a_missing_final_chunk_without_a_length(room: &Room<'_>) {
    nothing_stored(room, 400, &["IncompleteBody"], |put| {
        spoilt(put, chunked(true, None), |prepared| {
            without_final_chunk(prepared);
            let mut body = Vec::new();
            for piece in prepared.body.chunks(10_007) {
                body.extend_from_slice(format!("{:x}\r\n", piece.len()).as_bytes());
                body.extend_from_slice(&[piece, b"\r\n"].concat());
            }
            body.extend_from_slice(b"0\r\n\r\n");
            prepared.body = body;
            prepared.headers.retain(|(name, _)| name != "content-length");
            prepared.set("transfer-encoding", "chunked");
        })
    });
}

fn a_chunk_size_that_is_no_number(room: &Room<'_>) {
    for size in ["zz", "-1", "ffffffffffffffffff", "0x10", "10 "] {
        nothing_stored(room, 400, &["InvalidRequest", "IncompleteBody", "InvalidChunkSizeError"], |put| {
            spoilt(put, chunked(false, Some(Checksum::Crc32)), |prepared| {
                let end = find(&prepared.body, b"\r\n").unwrap();
                prepared.body.splice(..end, size.bytes());
                let len = prepared.body.len().to_string();
                prepared.set("content-length", &len);
            })
        });
    }
}

fn with_decoded_length(room: &Room<'_>, change: impl Fn(usize) -> usize) {
    for payload in [chunked(true, None), chunked(false, Some(Checksum::Crc32))] {
        nothing_stored(room, 400, &["IncompleteBody"], |put| {
            let put = put.payload(payload.clone()).decoded_len(change(150_000));
            put.send()
        });
    }
}

fn more_bytes_than_the_decoded_length(room: &Room<'_>) {
    with_decoded_length(room, |len| len - 1);
    with_decoded_length(room, |_| 0);
}

fn fewer_bytes_than_the_decoded_length(room: &Room<'_>) {
    with_decoded_length(room, |len| len + 1);
    with_decoded_length(room, |len| len * 10);
}

/// A client that goes away may see no answer, but what it did not finish is not there.
fn a_body_that_ends_too_soon(room: &Room<'_>) {
    for payload in [Payload::Sha256, Payload::Unsigned] {
        for len in [0, 1, 65_536, 149_999] {
            nothing_stored(room, 400, &["IncompleteBody", ""], |put| {
                put.payload(payload.clone()).prepare().send_short(len)
            });
        }
    }
}

fn a_chunked_body_that_ends_too_soon(room: &Room<'_>) {
    for payload in [chunked(true, None), chunked(true, Some(Checksum::Crc32)), chunked(false, Some(Checksum::Crc32))] {
        for cut in [1, 3, 40, 90, 100_000] {
            nothing_stored(room, 400, &["IncompleteBody", ""], |put| {
                let prepared = put.payload(payload.clone()).prepare();
                let len = prepared.body.len() - cut;
                prepared.send_short(len)
            });
        }
    }
}

fn a_transfer_that_breaks_off(room: &Room<'_>) {
    nothing_stored(room, 400, &["IncompleteBody", ""], |put| {
        let prepared = put.payload(chunked(false, Some(Checksum::Crc32))).without_length().prepare();
        prepared.send_short(prepared.body.len() - 5)
    });
}

fn an_unsigned_amz_header(room: &Room<'_>) {
    nothing_stored(room, 403, &["AccessDenied"], |put| put.unsigned_header("x-amz-meta-added", "1").send());
    nothing_stored(room, 403, &["AccessDenied"], |put| {
        put.unsigned_header("x-amz-copy-source", &format!("/{}/{}taken", room.bucket, room.prefix)).send()
    });
}

fn an_unsigned_amz_header_on_a_url(room: &Room<'_>) {
    nothing_stored(room, 403, &["AccessDenied"], |put| {
        let put = put.proof(Proof::Query(Duration::HOUR));
        put.unsigned_header("x-amz-copy-source", &format!("/{}/{}taken", room.bucket, room.prefix)).send()
    });
}

/// It has no date anybody checks, so it could be sent again for ever.
fn an_old_version_2_header(room: &Room<'_>) {
    nothing_stored(room, 403, &["AccessDenied"], |put| put.proof(Proof::Header2).send());
}

/// Version 4A, which some SDKs choose by themselves for some addresses.
fn a_signature_over_curves(room: &Room<'_>) {
    nothing_stored(room, 400, &["InvalidRequest"], |put| {
        let mut prepared = put.header("x-amz-region-set", "*").prepare();
        let header = prepared.get("authorization").replace("AWS4-HMAC-SHA256", "AWS4-ECDSA-P256-SHA256");
        prepared.set("authorization", &header);
        prepared.send()
    });
    let mut prepared = room.get("taken").proof(Proof::Query(Duration::HOUR)).prepare();
    prepared.target = prepared.target.replace("AWS4-HMAC-SHA256", "AWS4-ECDSA-P256-SHA256");
    prepared.send().refused(400, "InvalidRequest");
}

fn a_clock_that_is_wrong(room: &Room<'_>) {
    for hours in [-1, 1] {
        let then = OffsetDateTime::now_utc() + Duration::hours(hours);
        nothing_stored(room, 403, &["RequestTimeTooSkewed"], |put| put.at(then).send());
    }
}

fn a_length_that_is_missing(room: &Room<'_>) {
    nothing_stored(room, 411, &["MissingContentLength"], |put| put.payload(Payload::Unsigned).without_length().send());
}

/// Not even understood as requests, so the answer is not one of S3.
fn a_length_nobody_can_mean(room: &Room<'_>) {
    room.store("taken", b"x");
    for len in ["18446744073709551615", "9223372036854775807", "-1", "1x"] {
        let mut prepared = room.put("taken", b"new").payload(Payload::Unsigned).prepare();
        prepared.set("content-length", len);
        let answer = prepared.send_short(3);
        assert!(matches!(answer.status, 0 | 400 | 431), "{len}: {answer:?}");
        room.holds("taken", b"x");
    }
}

fn a_key_that_is_too_long(room: &Room<'_>) {
    let name = "k".repeat(1025 - room.prefix.len());
    room.put(&name, b"x").send().refused(400, "KeyTooLongError");
}

fn a_refusal_says_what_and_which(room: &Room<'_>) {
    room.store("a b", b"x");
    let refusals = [
        room.get("a b").by(stranger(room)),
        room.get("a b").query("somethingnew", ""),
        room.get("a b").header("range", "bytes=100-"),
    ];
    for request in refusals {
        let answer = request.send();
        assert!(answer.status >= 400 && answer.must("content-type").contains("xml"), "{answer:?}");
        assert_eq!(answer.text("RequestId").as_deref(), answer.header("x-amz-request-id"), "{answer:?}");
        assert_eq!(answer.text("HostId").as_deref(), answer.header("x-amz-id-2"), "{answer:?}");
        assert_eq!(answer.text("Resource").unwrap(), format!("/{}/{}a%20b", room.bucket, room.prefix), "{answer:?}");
        assert!(!answer.text("Message").unwrap().is_empty());
    }
}
