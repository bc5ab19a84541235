//! What stands before a service: passes everything on, counts the requests, and can be shut as if the service were gone.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

/// A listener before a service.
pub(crate) struct Front {
    /// Where it listens.
    pub(crate) socket: SocketAddr,
    seen: Arc<Seen>,
}

#[derive(Default)]
struct Seen {
    requests: AtomicUsize,
    turned_away: AtomicUsize,
    shut: AtomicBool,
    open: Mutex<Vec<TcpStream>>,
}

impl Front {
    /// Before the service at this URL.
    pub(crate) fn before(url: &str) -> Self {
        let service: SocketAddr = url.strip_prefix("http://").unwrap().parse().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let (socket, seen) = (listener.local_addr().unwrap(), Arc::<Seen>::default());
        let noted = Arc::clone(&seen);
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                if noted.shut.load(Ordering::SeqCst) {
                    // Dropped without a word.
                    noted.turned_away.fetch_add(1, Ordering::SeqCst);
                    continue;
                }
                let service = TcpStream::connect(service).unwrap();
                let both = [client.try_clone().unwrap(), service.try_clone().unwrap()];
                noted.open.lock().unwrap().extend(both.map(|stream| stream.try_clone().unwrap()));
                let (answers, noted) =
                    ((service.try_clone().unwrap(), client.try_clone().unwrap()), Arc::clone(&noted));
                thread::spawn(move || pass(client, service, Some(&noted.requests)));
                thread::spawn(move || pass(answers.0, answers.1, None));
            }
        });
        Self { socket, seen }
    }

    /// Its URL.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.socket)
    }

    /// The requests since this was asked before.
    pub(crate) fn take(&self) -> usize {
        self.seen.requests.swap(0, Ordering::SeqCst)
    }

    /// The connections that were turned away since this was asked before.
    pub(crate) fn turned_away(&self) -> usize {
        self.seen.turned_away.swap(0, Ordering::SeqCst)
    }

    /// From now on nobody gets through, and who was connected no longer is.
    pub(crate) fn shut(&self) {
        self.seen.shut.store(true, Ordering::SeqCst);
        for stream in self.seen.open.lock().unwrap().drain(..) {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }

    /// The service is back.
    pub(crate) fn open(&self) {
        self.seen.shut.store(false, Ordering::SeqCst);
    }
}

/// Passes bytes on, and counts the heads of requests among them: bodies are JSON and have no empty lines.
fn pass(mut from: TcpStream, mut to: TcpStream, heads: Option<&AtomicUsize>) {
    let (mut buffer, mut last) = ([0; 16 * 1024], Vec::new());
    while let Ok(count @ 1..) = from.read(&mut buffer) {
        if let Some(heads) = heads {
            last.extend_from_slice(&buffer[..count]);
            let ends = last.windows(4).filter(|bytes| bytes == b"\r\n\r\n").count();
            heads.fetch_add(ends, Ordering::SeqCst);
            // What may be the beginning of an empty line is looked at again, with what follows.
            last.drain(..last.len().saturating_sub(3));
        }
        if to.write_all(&buffer[..count]).is_err() {
            break;
        }
    }
    let _ = to.shutdown(Shutdown::Both);
}
