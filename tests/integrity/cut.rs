//! A store, or a network, that stops in the middle of an answer.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use sealgate_tests::bytes::noise;
use tempfile::TempDir;

use sealgate_tests::world::{BUCKETS, PLAIN_LEN, daemon};

use crate::refusal::refused;

/// More than all answers together.
const UNLIMITED: usize = usize::MAX;

/// Passes bytes on to `target`, and of its answers as many bytes as `allowance` has left, over all connections together.
fn cutter(target: SocketAddr, allowance: Arc<AtomicUsize>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for client in listener.incoming().map_while(Result::ok) {
            let server = TcpStream::connect(target).unwrap();
            let (from, to) = (client.try_clone().unwrap(), server.try_clone().unwrap());
            let allowance = Arc::clone(&allowance);
            thread::spawn(move || pass(&from, &to, &AtomicUsize::new(UNLIMITED)));
            thread::spawn(move || pass(&server, &client, &allowance));
        }
    });
    address
}

fn pass(mut from: &TcpStream, mut to: &TcpStream, allowance: &AtomicUsize) {
    let mut buffer = vec![0; 16_384];
    while let Ok(count @ 1..) = from.read(&mut buffer) {
        let before =
            allowance.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| Some(left.saturating_sub(count)));
        let allowed = count.min(before.unwrap_or_default());
        if to.write_all(&buffer[..allowed]).is_err() || allowed < count {
            break;
        }
    }
    let _ = to.shutdown(Shutdown::Both);
    let _ = from.shutdown(Shutdown::Both);
}

#[test]
fn an_answer_that_ends_early_is_never_taken_for_the_object() {
    let world = crate::world();
    world.seal(BUCKETS[0], "a", 1);
    let allowance = Arc::new(AtomicUsize::new(UNLIMITED));
    let address = cutter(world.behind.address.socket, Arc::clone(&allowance));
    let folder = TempDir::new().unwrap();
    let (_daemon, front) = daemon(Path::new(crate::PROGRAM), folder.path(), format!("http://{address}"), "");
    let get = || front.object("GET", BUCKETS[0], "a").send();
    let truth = noise(1, PLAIN_LEN);
    for cut in [0, 1, 100, 700, 40_000, 70_000, 140_000, 197_000, 200_000] {
        allowance.store(cut, Ordering::SeqCst);
        refused(&get(), &truth, &format!("cut after {cut} bytes"));
        allowance.store(UNLIMITED, Ordering::SeqCst);
        assert!(get().expect(200).body == truth, "not well again after a cut");
    }
}
