//! A daemon on the embedded store that can be killed and started again on what it left.

use std::fs;
use std::path::Path;

use sealgate_tests::daemon::{Daemon, Plan, Store, credential};
use sealgate_tests::request::Request;
use sealgate_tests::stack::{Kind, Stack};
use sealgate_tests::wire::Address;
use tempfile::TempDir;

/// The bucket of every scene.
pub(crate) const BUCKET: &str = "durable";

/// One daemon and its folder.
pub(crate) struct Scene {
    pub(crate) daemon: Daemon,
    pub(crate) stack: Stack,
    folder: TempDir,
    store: Store,
}

impl Scene {
    /// A daemon on an empty embedded store.
    pub(crate) fn new() -> Self {
        Self::over(Store::Directory)
    }

    /// A daemon over this store.
    pub(crate) fn over(store: Store) -> Self {
        let folder = TempDir::new().unwrap();
        let (daemon, stack) = start(folder.path(), &store);
        stack.request("PUT", &format!("/{BUCKET}")).send().check(200);
        Self { daemon, stack, folder, store }
    }

    /// Starts another daemon on what the last one left.
    pub(crate) fn restart(&mut self) {
        self.daemon.kill();
        (self.daemon, self.stack) = start(self.folder.path(), &self.store);
    }

    /// How many files of held parts there are.
    pub(crate) fn held_files(&self) -> usize {
        fs::read_dir(self.folder.path().join("data/uploads")).unwrap().count()
    }

    /// Writes this in place of the file of unfinished uploads, or removes it.
    pub(crate) fn spoil_uploads(&self, contents: Option<&[u8]>) {
        let file = self.folder.path().join("data/uploads.redb");
        match contents {
            Some(contents) => fs::write(file, contents).unwrap(),
            None => fs::remove_file(file).unwrap(),
        }
    }

    /// A request for a key.
    pub(crate) fn object(&self, method: &str, key: &str) -> Request {
        self.stack.object(method, BUCKET, key)
    }

    /// Puts `body` and expects it to be taken.
    pub(crate) fn store(&self, key: &str, body: &[u8]) {
        self.object("PUT", key).body(body).send().check(200);
    }

    /// The whole object.
    pub(crate) fn read(&self, key: &str) -> Vec<u8> {
        self.object("GET", key).send().expect(200).body
    }
}

fn start(folder: &Path, store: &Store) -> (Daemon, Stack) {
    let program = Path::new(env!("CARGO_BIN_EXE_sealgate-under-test"));
    let store = store.clone();
    let daemon = Daemon::start(&Plan { program, folder, store, authority: None, filter: "info", extra: "" });
    let stack = Stack {
        name: "scene",
        kind: Kind::Sealgate,
        address: Address { socket: daemon.plain, tls: None },
        credential: credential(),
        ca_file: None,
        alive: Box::new(()),
    };
    (daemon, stack)
}
