//! An upload in progress that any daemon may go on with, and two daemons on one store.

use std::path::Path;

use sealgate_tests::answer::Answer;
use sealgate_tests::bare::Bare;
use sealgate_tests::daemon::{Daemon, credential};
use sealgate_tests::request::Request;
use sealgate_tests::stack::{Kind, Stack};
use sealgate_tests::wire::Address;
use sealgate_tests::world;
use tempfile::TempDir;

use crate::scene::BUCKET;

pub(crate) const MIB: usize = 1024 * 1024;
/// The least length of a part that is sent at once.
pub(crate) const FIVE: usize = 5 * MIB;
/// The state of unfinished uploads beside the objects.
pub(crate) const IN_BUCKET: &str = "uploads = \"bucket\"\n";

/// What a client knows of its upload.
#[derive(Clone)]
pub(crate) struct Upload {
    pub(crate) key: String,
    pub(crate) id: String,
    pub(crate) done: Vec<(u16, String)>,
}

impl Upload {
    /// Begins one.
    pub(crate) fn begin(stack: &Stack, key: &str) -> Self {
        let create = stack.object("POST", BUCKET, key).query("uploads", "");
        let id = create.send().expect(200).text("UploadId").unwrap();
        Self { key: key.to_owned(), id, done: Vec::new() }
    }

    fn request(&self, stack: &Stack, method: &str) -> Request {
        stack.object(method, BUCKET, &self.key).query("uploadId", &self.id)
    }

    /// A part that is yet to be sent.
    pub(crate) fn put(&self, stack: &Stack, number: u16, body: &[u8]) -> Request {
        self.request(stack, "PUT").query("partNumber", &number.to_string()).body(body)
    }

    /// Sends a part and remembers its ETag.
    pub(crate) fn part(&mut self, stack: &Stack, number: u16, body: &[u8]) {
        let answer = self.put(stack, number, body).send().expect(200);
        self.note(number, &answer);
    }

    /// Remembers a part that was sent.
    pub(crate) fn note(&mut self, number: u16, answer: &Answer) {
        self.done.retain(|(done, _)| *done != number);
        self.done.push((number, answer.etag().to_owned()));
        self.done.sort_unstable();
    }

    pub(crate) fn list(&self, stack: &Stack) -> Request {
        self.request(stack, "GET")
    }

    pub(crate) fn abort(&self, stack: &Stack) -> Answer {
        self.request(stack, "DELETE").send()
    }

    /// Completes with these parts.
    pub(crate) fn completion(&self, stack: &Stack, parts: &[(u16, String)]) -> Request {
        let part = |(number, etag): &(u16, String)| {
            format!("<Part><PartNumber>{number}</PartNumber><ETag>{etag}</ETag></Part>")
        };
        let parts: String = parts.iter().map(part).collect();
        let document = format!("<CompleteMultipartUpload>{parts}</CompleteMultipartUpload>");
        self.request(stack, "POST").body(document.as_bytes())
    }

    /// It is not known any more.
    pub(crate) fn complete_refused(&self, stack: &Stack) {
        self.completion(stack, &self.done).send().refused(404, "NoSuchUpload");
        self.list(stack).send().refused(404, "NoSuchUpload");
        self.put(stack, 1, b"x").send().refused(404, "NoSuchUpload");
    }

    pub(crate) fn complete(&self, stack: &Stack) -> Answer {
        let answer = self.completion(stack, &self.done).send().expect(200);
        assert!(answer.text("ETag").is_some(), "{answer:?}");
        answer
    }
}

/// The whole object, read there.
pub(crate) fn read(stack: &Stack, key: &str) -> Vec<u8> {
    stack.object("GET", BUCKET, key).send().expect(200).body
}

/// Two daemons, and the store that both of them use.
pub(crate) struct Pair {
    pub(crate) daemons: [Daemon; 2],
    pub(crate) fronts: [Stack; 2],
    pub(crate) behind: Stack,
    folders: [TempDir; 3],
}

impl Pair {
    /// With `extra` about the store.
    pub(crate) fn new(extra: &str) -> Self {
        Self::over(Bare::start, extra)
    }

    /// Over a store of this kind.
    pub(crate) fn over(store: impl FnOnce(&Path) -> Bare, extra: &str) -> Self {
        let folders = [(); 3].map(|()| TempDir::new().unwrap());
        let bare = store(folders[2].path());
        let behind = Stack {
            name: "behind",
            kind: Kind::Bare,
            address: Address { socket: bare.socket, tls: None },
            credential: credential(),
            ca_file: None,
            alive: Box::new(bare),
        };
        behind.request("PUT", &format!("/{BUCKET}")).send().check(200);
        let program = Path::new(env!("CARGO_BIN_EXE_sealgate-under-test"));
        let [one, two] = [0, 1].map(|index: usize| world::daemon(program, folders[index].path(), behind.url(), extra));
        Self { daemons: [one.0, two.0], fronts: [one.1, two.1], behind, folders }
    }

    /// Kills one and starts another on what it left.
    pub(crate) fn restart(&mut self, index: usize, extra: &str) {
        self.daemons[index].kill();
        let program = Path::new(env!("CARGO_BIN_EXE_sealgate-under-test"));
        let started = world::daemon(program, self.folders[index].path(), self.behind.url(), extra);
        (self.daemons[index], self.fronts[index]) = started;
    }

    /// What the store holds, hidden or not, and the uploads that it knows.
    pub(crate) fn stored(&self) -> Vec<String> {
        let bucket = || self.behind.request("GET", &format!("/{BUCKET}"));
        let mut keys = bucket().query("list-type", "2").send().expect(200).all("Key");
        keys.extend(bucket().query("uploads", "").send().expect(200).all("Key"));
        keys
    }
}
