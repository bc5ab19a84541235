//! Counts the bytes between a command and its store.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

/// A listener that passes everything on.
pub(crate) struct Meter {
    /// Where it listens.
    pub(crate) socket: SocketAddr,
    passed: Arc<AtomicU64>,
}

impl Meter {
    /// In front of a store.
    pub(crate) fn before(store: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let socket = listener.local_addr().unwrap();
        let passed = Arc::new(AtomicU64::new(0));
        let counter = Arc::clone(&passed);
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let Ok(store) = TcpStream::connect(store) else { continue };
                let ways = [(client.try_clone(), store.try_clone()), (Ok(store), Ok(client))];
                for (from, to) in ways {
                    let counter = Arc::clone(&counter);
                    thread::spawn(move || pass(from.unwrap(), to.unwrap(), &counter));
                }
            }
        });
        Self { socket, passed }
    }

    /// The bytes that passed since this was asked before, both ways.
    pub(crate) fn take(&self) -> u64 {
        self.passed.swap(0, Ordering::SeqCst)
    }
}

fn pass(mut from: TcpStream, mut to: TcpStream, counter: &AtomicU64) {
    let mut buffer = [0; 16 * 1024];
    while let Ok(count @ 1..) = from.read(&mut buffer) {
        counter.fetch_add(count as u64, Ordering::SeqCst);
        if to.write_all(&buffer[..count]).is_err() {
            break;
        }
    }
    let _ = to.shutdown(Shutdown::Write);
}
