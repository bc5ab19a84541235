//! HTTP itself: old clients, kept connections, many headers, and requests that could be read in two ways.

use std::io::{Read as _, Write as _};

use sealgate_tests::bytes::{find, noise};
use sealgate_tests::request::{Payload, Request};
use sealgate_tests::stack::Room;
use sealgate_tests::wire::{Prepared, Wire};

crate::cases![
    a_client_of_http_1_0_is_served,
    requests_share_a_connection,
    a_refused_body_is_never_the_next_request,
    two_lengths_are_refused,
    a_length_beside_a_transfer_coding_hides_nothing,
    many_headers_are_taken,
    a_client_that_leaves_harms_nobody,
    an_empty_body_may_have_no_length_at_all,
];

fn kept(request: Request) -> Prepared {
    let mut prepared = request.prepare();
    prepared.set("connection", "keep-alive");
    prepared
}

fn send(wire: &mut Wire, prepared: &Prepared) {
    wire.write_all(&prepared.head()).unwrap();
    wire.write_all(&prepared.body).unwrap();
    wire.flush().unwrap();
}

fn a_client_of_http_1_0_is_served(room: &Room<'_>) {
    let body = noise(1, 100_000);
    room.store("a", &body);
    let get = room.get("a").prepare();
    let head = String::from_utf8(get.head()).unwrap().replacen("HTTP/1.1", "HTTP/1.0", 1);
    let mut wire = Wire::open(&get.address).unwrap();
    wire.write_all(head.as_bytes()).unwrap();
    let answer = wire.answer("GET").expect(200);
    assert_eq!(answer.header("transfer-encoding"), None);
    assert!(answer.body == body);
}

fn requests_share_a_connection(room: &Room<'_>) {
    let body = noise(1, 100_000);
    let put = kept(room.put("a", &body));
    let mut wire = Wire::open(&put.address).unwrap();
    for _ in 0..3 {
        send(&mut wire, &put);
        wire.answer("PUT").check(200);
        send(&mut wire, &kept(room.head("a")));
        wire.answer("HEAD").check(200);
        send(&mut wire, &kept(room.get("nothing")));
        wire.answer("GET").refused(404, "NoSuchKey");
        send(&mut wire, &kept(room.get("a").header("range", "bytes=5-70000")));
        assert!(wire.answer("GET").expect(206).body == body[5..=70_000]);
    }
}

/// The body of a refused request is itself a request that would be allowed.
fn a_refused_body_is_never_the_next_request(room: &Room<'_>) {
    room.store("a", b"x");
    let hidden = kept(room.delete("a")).head();
    let mut stranger = room.stack.credential.clone();
    stranger.secret_key.push('x');
    let put = kept(room.put("b", &hidden).by(stranger));
    let mut wire = Wire::open(&put.address).unwrap();
    send(&mut wire, &put);
    wire.answer("PUT").refused(403, "SignatureDoesNotMatch");
    wire.finish_sending();
    let mut more = Vec::new();
    let _ = wire.read_to_end(&mut more);
    assert!(find(&more, b"HTTP/1.1").is_none(), "{}", String::from_utf8_lossy(&more));
    room.holds("a", b"x");
}

fn two_lengths_are_refused(room: &Room<'_>) {
    let mut put = room.put("a", b"four").payload(Payload::Unsigned).prepare();
    put.headers.push(("content-length".into(), "3".into()));
    let answer = put.send();
    assert!(matches!(answer.status, 0 | 400), "{answer:?}");
    room.lacks("a");
}

/// Whoever stands in between and goes by the length must not be led to pass on a second request.
fn a_length_beside_a_transfer_coding_hides_nothing(room: &Room<'_>) {
    room.store("a", b"x");
    let mut put = kept(room.put("b", b"").payload(Payload::Unsigned));
    put.body = [b"0\r\n\r\n".to_vec(), kept(room.delete("a")).head()].concat();
    let len = put.body.len().to_string();
    put.set("transfer-encoding", "chunked");
    put.set("content-length", &len);
    let mut wire = Wire::open(&put.address).unwrap();
    send(&mut wire, &put);
    let _ = wire.answer("PUT");
    wire.finish_sending();
    let _ = wire.read_to_end(&mut Vec::new());
    room.holds("a", b"x");
}

fn many_headers_are_taken(room: &Room<'_>) {
    let put = (0..150).fold(room.put("a", b"x"), |put, number| put.header(&format!("x-amz-meta-{number}"), "v"));
    put.send().check(200);
    let answer = room.head("a").send().expect(200);
    assert_eq!(answer.headers.iter().filter(|(name, _)| name.starts_with("x-amz-meta-")).count(), 150);
}

fn a_client_that_leaves_harms_nobody(room: &Room<'_>) {
    let body = noise(1, 3_000_000);
    room.store("a", &body);
    for taken in [0, 1, 100_000] {
        let get = room.get("a").prepare();
        let mut wire = Wire::open(&get.address).unwrap();
        wire.write_all(&get.head()).unwrap();
        let mut some = vec![0; taken];
        wire.fill(&mut some);
    }
    room.holds("a", &body);
}

fn an_empty_body_may_have_no_length_at_all(room: &Room<'_>) {
    let mut put = room.put("a", b"").prepare();
    put.headers.retain(|(name, _)| name != "content-length");
    let answer = put.send();
    if answer.status != 200 {
        answer.refused(411, "MissingContentLength");
    }
}
