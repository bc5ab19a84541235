//! The daemon over a store that the test can also reach directly.

use std::path::Path;

use sealgate_tests::answer::Answer;
use sealgate_tests::bare::Bare;
use sealgate_tests::bytes::noise;
use sealgate_tests::daemon::{Daemon, Plan, Store, credential};
use sealgate_tests::request::Request;
use sealgate_tests::stack::{Kind, Stack};
use sealgate_tests::wire::Address;
use tempfile::TempDir;

/// Three whole chunks and a short one.
pub(crate) const PLAIN_LEN: usize = 200_000;
/// A whole chunk as it is stored.
pub(crate) const SEALED_CHUNK: usize = 65_552;
/// Two buckets, so that one can be mistaken for the other.
pub(crate) const BUCKETS: [&str; 2] = ["first", "second"];

/// An object as the store holds it.
#[derive(Clone)]
pub(crate) struct Stored {
    pub(crate) bytes: Vec<u8>,
    /// User metadata with its prefix.
    pub(crate) metadata: Vec<(String, String)>,
}

/// The daemon, and what is behind it.
pub(crate) struct World {
    daemon: Daemon,
    front: Stack,
    behind: Stack,
    _folders: [TempDir; 2],
}

impl World {
    /// With both buckets.
    pub(crate) fn new() -> Self {
        let folders = [TempDir::new().unwrap(), TempDir::new().unwrap()];
        let bare = Bare::start(folders[1].path());
        let behind = stack(bare.socket, Box::new(bare));
        let (daemon, front) = daemon(folders[0].path(), behind.url());
        for bucket in BUCKETS {
            front.request("PUT", &format!("/{bucket}")).send().check(200);
        }
        Self { daemon, front, behind, _folders: folders }
    }

    /// Seals an object that depends on `seed`.
    pub(crate) fn seal(&self, bucket: &str, key: &str, seed: u64) {
        let put = self.front.object("PUT", bucket, key).header("x-amz-meta-seed", &seed.to_string());
        put.body(&noise(seed, PLAIN_LEN)).send().check(200);
    }

    /// What the store holds.
    pub(crate) fn stored(&self, bucket: &str, key: &str) -> Stored {
        let answer = self.behind.object("GET", bucket, key).send().expect(200);
        let metadata = answer.headers.iter().filter(|(name, _)| name.starts_with("x-amz-meta-")).cloned().collect();
        Stored { bytes: answer.body, metadata }
    }

    /// Puts something else there.
    pub(crate) fn replace(&self, bucket: &str, key: &str, stored: &Stored) {
        let put = self.behind.object("PUT", bucket, key).body(&stored.bytes);
        let put = stored.metadata.iter().fold(put, |put, (name, value)| put.header(name, value));
        put.send().check(200);
    }

    /// A read through the daemon.
    pub(crate) fn get(&self, bucket: &str, key: &str) -> Request {
        self.front.object("GET", bucket, key)
    }

    /// Where the store listens.
    pub(crate) fn behind(&self) -> &Address {
        &self.behind.address
    }

    /// What the daemon has logged.
    pub(crate) fn log(&self) -> String {
        self.daemon.log()
    }
}

/// A daemon over the store at `endpoint`.
pub(crate) fn daemon(folder: &Path, endpoint: String) -> (Daemon, Stack) {
    let program = Path::new(env!("CARGO_BIN_EXE_sealgate-under-test"));
    let store = Store::S3 { endpoint, credential: credential(), ca_file: None };
    let daemon = Daemon::start(&Plan { program, folder, store, authority: None, filter: "info", extra: "" });
    let front = stack(daemon.plain, Box::new(()));
    (daemon, front)
}

fn stack(socket: std::net::SocketAddr, alive: Box<dyn std::any::Any + Send + Sync>) -> Stack {
    let address = Address { socket, tls: None };
    Stack { name: "integrity", kind: Kind::Sealgate, address, credential: credential(), ca_file: None, alive }
}

/// Checks that a read failed as it must: cleanly before the first byte, or by ending early; and that what came is true.
#[track_caller]
pub(crate) fn refused(answer: &Answer, truth: &[u8], what: &str) {
    if answer.status >= 400 {
        assert!(answer.complete && !answer.code().is_empty(), "{what}: {answer:?}");
    } else {
        assert!(!answer.complete && answer.body.len() < truth.len(), "{what} went unnoticed: {answer:?}");
        assert!(truth.starts_with(&answer.body), "{what}: bytes came that were never sealed");
    }
}
