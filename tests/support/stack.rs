//! A store under test: where it listens, who may use it, what stands behind it; and the room a test has in it.

use std::any::Any;
use std::path::PathBuf;

use crate::answer::Answer;
use crate::bytes::unique;
use crate::request::Request;
use crate::sign::{self, Credential};
use crate::wire::Address;

/// What is being talked to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The embedded store alone, as the daemon talks to it.
    Bare,
    /// The daemon on its embedded store.
    Sealgate,
    /// The daemon on a real S3 server.
    SealgateOnServer,
}

/// Something that speaks S3.
pub struct Stack {
    /// As printed before each test's name.
    pub name: &'static str,
    /// What it is.
    pub kind: Kind,
    /// Where it listens.
    pub address: Address,
    /// Who may do everything.
    pub credential: Credential,
    /// The authority of an https listener.
    pub ca_file: Option<PathBuf>,
    /// What must live as long as the stack, such as the process.
    pub alive: Box<dyn Any + Send + Sync>,
}

impl Stack {
    /// A request for an encoded path.
    #[must_use]
    pub fn request(&self, method: &str, path: &str) -> Request {
        Request::new(self.address.clone(), self.credential.clone(), method, path.to_owned())
    }

    /// A request for a key of a bucket.
    #[must_use]
    pub fn object(&self, method: &str, bucket: &str, key: &str) -> Request {
        self.request(method, &format!("/{bucket}/{}", sign::encode_path(key)))
    }

    /// Makes a bucket that only the caller knows.
    #[must_use]
    pub fn new_bucket(&self, stem: &str) -> String {
        let bucket = unique(stem);
        self.request("PUT", &format!("/{bucket}")).send().check(200);
        bucket
    }

    /// The URL of the listener.
    #[must_use]
    pub fn url(&self) -> String {
        let scheme = if self.address.tls.is_some() { "https" } else { "http" };
        format!("{scheme}://{}", self.address.socket)
    }
}

/// A prefix of a shared bucket in which one test is alone.
pub struct Room<'a> {
    /// The store.
    pub stack: &'a Stack,
    /// The shared bucket.
    pub bucket: &'a str,
    /// Ends in a slash.
    pub prefix: String,
}

impl<'a> Room<'a> {
    /// A room nobody was in before.
    #[must_use]
    pub fn new(stack: &'a Stack, bucket: &'a str, name: &str) -> Self {
        Self { stack, bucket, prefix: format!("{}/", unique(name)) }
    }

    /// A request for an object of this room.
    #[must_use]
    pub fn object(&self, method: &str, name: &str) -> Request {
        self.stack.object(method, self.bucket, &format!("{}{name}", self.prefix))
    }

    /// A PUT of `body`.
    #[must_use]
    pub fn put(&self, name: &str, body: &[u8]) -> Request {
        self.object("PUT", name).body(body)
    }

    /// A GET.
    #[must_use]
    pub fn get(&self, name: &str) -> Request {
        self.object("GET", name)
    }

    /// A HEAD.
    #[must_use]
    pub fn head(&self, name: &str) -> Request {
        self.object("HEAD", name)
    }

    /// A DELETE.
    #[must_use]
    pub fn delete(&self, name: &str) -> Request {
        self.object("DELETE", name)
    }

    /// A request for the bucket.
    #[must_use]
    pub fn bucket(&self, method: &str) -> Request {
        self.stack.request(method, &format!("/{}", self.bucket))
    }

    /// Puts `body` and expects it to be taken.
    #[track_caller]
    pub fn store(&self, name: &str, body: &[u8]) -> Answer {
        self.put(name, body).send().expect(200)
    }

    /// Checks that the object is there and is exactly `body`.
    #[track_caller]
    pub fn holds(&self, name: &str, body: &[u8]) {
        let answer = self.get(name).send().expect(200);
        assert_eq!(answer.must("content-length"), body.len().to_string());
        assert!(answer.body == body, "the object differs: {answer:?}");
    }

    /// Checks that there is no such object.
    #[track_caller]
    pub fn lacks(&self, name: &str) {
        self.head(name).send().check(404);
    }

    /// A version 2 listing of this room.
    #[must_use]
    pub fn list(&self) -> Request {
        self.bucket("GET").query("list-type", "2").query("prefix", &self.prefix)
    }
}
