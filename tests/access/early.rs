//! Refusals that come before the body was read: a client that is still sending gets to see them, in the clear and inside TLS.

use std::io::Write as _;
use std::path::Path;

use sealgate_tests::authority::{Authority, trusting};
use sealgate_tests::bytes::noise;
use sealgate_tests::daemon::{Daemon, Plan, Store, credential};
use sealgate_tests::request::Request;
use sealgate_tests::wire::{Address, Wire};
use tempfile::TempDir;

/// Less than is read for the sake of an answer.
const LEN: usize = 900_000;
/// What is sent before the answer is awaited, and then at a time.
const SLICE: usize = 30_000;

/// What is wrong with a request, how its answer begins, and how it is made wrong.
type Refusal = (u16, &'static str, fn(Request) -> Request);

const REFUSALS: [Refusal; 3] = [
    (400, "InvalidRequest", |put| put.unsigned_header("content-type", "a/b").unsigned_header("content-type", "c/d")),
    (400, "InvalidToken", |put| put.header("x-amz-security-token", "t")),
    (403, "AccessDenied", |put| put.unsigned_header("x-amz-meta-added", "1")),
];

#[test]
fn a_client_that_asked_before_sending_is_told_when_the_connection_ends() {
    let folder = TempDir::new().unwrap();
    let (program, folder) = (Path::new(crate::PROGRAM), folder.path());
    let plan =
        Plan { program, folder, store: Store::Directory, authority: None, filter: "warn,sealgate=info", extra: "" };
    let daemon = Daemon::start(&plan);
    let address = Address { socket: daemon.plain, tls: None };
    let put =
        || Request::new(address.clone(), credential(), "PUT", "/bucket/key".into()).body(&[1; 10]).expect_continue();
    let mut absent = put().prepare();
    let mut unsigned = put().unsigned_header("x-amz-meta-added", "1").prepare();
    for (request, code) in [(&mut absent, "NoSuchBucket"), (&mut unsigned, "AccessDenied")] {
        request.set("connection", "keep-alive");
        let answer = request.send();
        assert_eq!((answer.code().as_str(), answer.header("connection")), (code, Some("close")), "{answer:?}");
    }
}

#[test]
fn a_client_that_is_still_sending_sees_why_it_is_refused() {
    let folder = TempDir::new().unwrap();
    let authority = Authority::new(folder.path());
    let plan = Plan {
        program: Path::new(crate::PROGRAM),
        folder: folder.path(),
        store: Store::Directory,
        authority: Some(&authority),
        filter: "warn,sealgate=info",
        extra: "",
    };
    let daemon = Daemon::start(&plan);
    let clear = Address { socket: daemon.plain, tls: None };
    let secure = Address { socket: daemon.tls.unwrap(), tls: Some(trusting(&authority.ca_file)) };
    let body = noise(1, LEN);
    for address in [clear, secure] {
        for (status, code, spoil) in REFUSALS {
            let put = Request::new(address.clone(), credential(), "PUT", "/bucket/key".into());
            let put = spoil(put.body(&body)).prepare();
            let (first, rest) = put.body.split_at(SLICE);
            let mut wire = Wire::open(&put.address).unwrap();
            wire.write_all(&put.head()).unwrap();
            wire.write_all(first).unwrap();
            let answer = wire.read_head("PUT").expect("an answer before the body ends");
            for slice in rest.chunks(SLICE) {
                wire.write_all(slice).expect("a connection that stays open until all is sent");
            }
            wire.read_body(answer, "PUT").refused(status, code);
        }
    }
}
