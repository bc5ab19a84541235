//! What many clients at once cost: memory that depends on their number, and never on the size of what they read or write. And
//! what a fault of our own costs: one request.

#![expect(clippy::unwrap_used, reason = "a test reports a failure by panicking")]

mod panic;

use std::fs;
use std::io::Write as _;
use std::path::Path;

use sealgate_tests::bytes::noise;
use sealgate_tests::daemon::{Daemon, Plan, Store, credential};
use sealgate_tests::request::Payload;
use sealgate_tests::stack::{Kind, Stack};
use sealgate_tests::wire::{Address, Wire};
use tempfile::TempDir;

const MIB: usize = 1024 * 1024;
/// Clients at once.
const CLIENTS: usize = 200;
/// What each of them reads or writes; all of it together is far more than the daemon may use.
const LEN: usize = 8 * MIB;
/// Buffers of sockets, of the machine and of the store, for each client.
const EACH: usize = 2 * MIB;

struct Scene {
    daemon: Daemon,
    stack: Stack,
    _folder: TempDir,
}

fn scene() -> Scene {
    let folder = TempDir::new().unwrap();
    let program = Path::new(env!("CARGO_BIN_EXE_sealgate-under-test"));
    let plan = Plan {
        program,
        folder: folder.path(),
        store: Store::Directory,
        authority: None,
        filter: "warn,sealgate=info",
        extra: "",
    };
    let daemon = Daemon::start(&plan);
    let address = Address { socket: daemon.plain, tls: None };
    let stack = Stack {
        name: "limits",
        kind: Kind::Sealgate,
        address,
        credential: credential(),
        ca_file: None,
        alive: Box::new(()),
    };
    stack.request("PUT", "/limits").send().check(200);
    Scene { daemon, stack, _folder: folder }
}

/// The most memory the daemon ever had, in bytes.
fn peak(daemon: &Daemon) -> usize {
    let status = fs::read_to_string(format!("/proc/{}/status", daemon.pid())).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<usize>().unwrap() * 1024
}

#[test]
fn many_slow_readers_cost_little_memory() {
    let Scene { daemon, stack, _folder } = scene();
    let body = noise(1, LEN);
    stack.object("PUT", "limits", "a").body(&body).send().check(200);
    let before = peak(&daemon);
    let mut readers: Vec<Wire> = Vec::new();
    for _ in 0..CLIENTS {
        let get = stack.object("GET", "limits", "a").prepare();
        let mut wire = Wire::open(&get.address).unwrap();
        wire.write_all(&get.head()).unwrap();
        readers.push(wire);
    }
    // Each has begun to be served; then none of them reads for as long as the others take to begin.
    let heads: Vec<_> = readers.iter_mut().map(|wire| wire.read_head("GET").unwrap()).collect();
    let after = peak(&daemon);
    assert!(after < before + CLIENTS * EACH, "{before} bytes grew to {after}");
    for (wire, head) in readers.iter_mut().zip(heads).step_by(40) {
        assert!(wire.read_body(head, "GET").expect(200).body == body);
    }
}

#[test]
fn many_slow_writers_cost_little_memory() {
    let Scene { daemon, stack, _folder } = scene();
    let body = noise(1, LEN);
    stack.object("PUT", "limits", "first").body(&body).send().check(200);
    let before = peak(&daemon);
    let mut writers: Vec<(Wire, Vec<u8>)> = Vec::new();
    for number in 0..CLIENTS {
        let put = stack.object("PUT", "limits", &format!("{number}")).payload(Payload::Unsigned).body(&body);
        let put = put.prepare();
        let mut wire = Wire::open(&put.address).unwrap();
        let half = put.body.len() / 2;
        wire.write_all(&put.head()).unwrap();
        wire.write_all(&put.body[..half]).unwrap();
        writers.push((wire, if number % 40 == 0 { put.body[half..].to_vec() } else { Vec::new() }));
    }
    let after = peak(&daemon);
    assert!(after < before + CLIENTS * EACH, "{before} bytes grew to {after}");
    for (number, (wire, rest)) in writers.iter_mut().enumerate().step_by(40) {
        wire.write_all(rest).unwrap();
        wire.answer("PUT").check(200);
        assert!(stack.object("GET", "limits", &format!("{number}")).send().expect(200).body == body);
    }
}
