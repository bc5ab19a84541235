//! The daemon over a store that the test can also reach directly, to look at what is kept there or to change it.

use std::any::Any;
use std::net::SocketAddr;
use std::path::Path;

use tempfile::TempDir;

use crate::bare::Bare;
use crate::bytes::noise;
use crate::daemon::{Daemon, Plan, Store, credential};
use crate::request::Request;
use crate::sign::Credential;
use crate::stack::{Kind, Stack};
use crate::wire::Address;

/// The length of the objects here: three whole chunks and a short one.
pub const PLAIN_LEN: usize = 200_000;
/// Two buckets, so that one can be mistaken for the other.
pub const BUCKETS: [&str; 2] = ["first", "second"];

/// An object as the store holds it.
#[derive(Clone)]
pub struct Stored {
    /// Its content.
    pub bytes: Vec<u8>,
    /// User metadata with its prefix.
    pub metadata: Vec<(String, String)>,
}

/// The daemon, and what is behind it.
pub struct World {
    /// The daemon.
    pub daemon: Daemon,
    /// As clients reach it.
    pub front: Stack,
    /// The store itself.
    pub behind: Stack,
    /// What must live as long.
    pub folders: [TempDir; 2],
}

impl World {
    /// With both buckets, and `extra` at the end of the daemon's configuration.
    #[must_use]
    pub fn new(program: &Path, extra: &str) -> Self {
        let folders = [TempDir::new().unwrap(), TempDir::new().unwrap()];
        let bare = Bare::start(folders[1].path());
        let behind = stack(bare.socket, Box::new(bare));
        for bucket in BUCKETS {
            behind.request("PUT", &format!("/{bucket}")).send().check(200);
        }
        let (daemon, front) = daemon(program, folders[0].path(), behind.url(), extra);
        Self { daemon, front, behind, folders }
    }

    /// Seals an object that depends on `seed`.
    pub fn seal(&self, bucket: &str, key: &str, seed: u64) {
        let put = self.front.object("PUT", bucket, key).header("x-amz-meta-seed", &seed.to_string());
        put.body(&noise(seed, PLAIN_LEN)).send().check(200);
    }

    /// What the store holds.
    #[must_use]
    pub fn stored(&self, bucket: &str, key: &str) -> Stored {
        let answer = self.behind.object("GET", bucket, key).send().expect(200);
        let metadata = answer.headers.iter().filter(|(name, _)| name.starts_with("x-amz-meta-")).cloned().collect();
        Stored { bytes: answer.body, metadata }
    }

    /// Puts something else there.
    pub fn replace(&self, bucket: &str, key: &str, stored: &Stored) {
        let put = self.behind.object("PUT", bucket, key).body(&stored.bytes);
        let put = stored.metadata.iter().fold(put, |put, (name, value)| put.header(name, value));
        put.send().check(200);
    }

    /// A read through the daemon.
    #[must_use]
    pub fn get(&self, bucket: &str, key: &str) -> Request {
        self.front.object("GET", bucket, key)
    }
}

/// A daemon over the store at `endpoint`, and how clients reach it.
#[must_use]
pub fn daemon(program: &Path, folder: &Path, endpoint: String, extra: &str) -> (Daemon, Stack) {
    daemon_at(program, folder, endpoint, credential(), extra)
}

/// A daemon over the store at `endpoint`, which knows it by `credential`, and how clients reach it.
#[must_use]
pub fn daemon_at(
    program: &Path,
    folder: &Path,
    endpoint: String,
    credential: Credential,
    extra: &str,
) -> (Daemon, Stack) {
    let store = Store::S3 { endpoint, credential, ca_file: None };
    let daemon = Daemon::start(&Plan { program, folder, store, authority: None, filter: "info", extra });
    let front = stack(daemon.plain, Box::new(()));
    (daemon, front)
}

fn stack(socket: SocketAddr, alive: Box<dyn Any + Send + Sync>) -> Stack {
    let address = Address { socket, tls: None };
    Stack { name: "world", kind: Kind::Sealgate, address, credential: credential(), ca_file: None, alive }
}
