//! A store, the daemon in front of it, and a script that runs on both.

use std::env;
use std::path::Path;

use sealgate_tests::bytes::unique;
use sealgate_tests::checksum::content_md5;
use sealgate_tests::daemon::Daemon;
use sealgate_tests::request::Request;
use sealgate_tests::sign::Credential;
use sealgate_tests::stack::{Kind, Stack};
use sealgate_tests::wire::Address;
use sealgate_tests::world::{World, daemon_at};
use tempfile::TempDir;

use crate::differences;
use crate::seen::Seen;

/// One request of a script, whose bucket is whoever runs it.
#[derive(Clone)]
pub(crate) struct Step {
    method: &'static str,
    /// Empty for the bucket itself.
    key: &'static str,
    query: Vec<(&'static str, String)>,
    headers: Vec<(&'static str, String)>,
    body: Option<Vec<u8>>,
}

impl Step {
    pub(crate) fn new(method: &'static str, key: &'static str) -> Self {
        Self { method, key, query: Vec::new(), headers: Vec::new(), body: None }
    }

    pub(crate) fn query(mut self, name: &'static str, value: &str) -> Self {
        self.query.push((name, value.to_owned()));
        self
    }

    pub(crate) fn header(mut self, name: &'static str, value: &str) -> Self {
        self.headers.push((name, value.to_owned()));
        self
    }

    pub(crate) fn body(mut self, body: &[u8]) -> Self {
        self.body = Some(body.to_vec());
        self
    }

    /// The request in `bucket`. `{bucket}` and `{version}` in it mean that bucket and the last version id it answered with.
    fn request(&self, stack: &Stack, bucket: &str, version: &str) -> Request {
        let fill = |text: &str| text.replace("{bucket}", bucket).replace("{version}", version);
        let request = match self.key {
            "" => stack.request(self.method, &format!("/{bucket}")),
            key => stack.object(self.method, bucket, key),
        };
        let request = self.query.iter().fold(request, |request, (name, value)| request.query(name, &fill(value)));
        let request = self.headers.iter().fold(request, |request, (name, value)| request.header(name, &fill(value)));
        let Some(body) = &self.body else { return request };
        let body = String::from_utf8(body.clone()).map_or_else(|_| body.clone(), |text| fill(&text).into_bytes());
        let md5 = content_md5(&body);
        request.header("content-md5", &md5).body(&body)
    }

    /// What the step is about, in a line.
    pub(crate) fn line(&self) -> String {
        let query: Vec<String> = self.query.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let headers: Vec<String> = self.headers.iter().map(|(name, value)| format!("{name}: {value}")).collect();
        format!("{} /{}?{} {headers:?}", self.method, self.key, query.join("&"))
    }
}

/// A store and the daemon in front of it.
pub(crate) struct Pair {
    pub(crate) name: &'static str,
    pub(crate) direct: Stack,
    through: Stack,
    _alive: Box<dyn std::any::Any>,
}

/// Every pair that is at hand, and a line for what is not.
pub(crate) fn pairs() -> Vec<Pair> {
    let world = World::new(Path::new(crate::PROGRAM), "");
    let World { daemon, front, behind, folders } = world;
    let embedded = Pair { name: "embedded", direct: behind, through: front, _alive: Box::new((daemon, folders)) };
    std::iter::once(embedded).chain(server()).collect()
}

fn server() -> Option<Pair> {
    let names = ["SEALGATE_TEST_S3_ENDPOINT", "SEALGATE_TEST_S3_ACCESS_KEY", "SEALGATE_TEST_S3_SECRET_KEY"];
    let [Ok(endpoint), Ok(access_key), Ok(secret_key)] = names.map(env::var) else {
        eprintln!("skipped: a real S3 server; set {}", names.join(", "));
        return None;
    };
    let region = env::var("SEALGATE_TEST_S3_REGION").unwrap_or("us-east-1".into());
    let credential = Credential { access_key, secret_key, region };
    let socket = endpoint.trim_start_matches("http://").trim_end_matches('/').parse().unwrap();
    let direct = Stack {
        name: "server",
        kind: Kind::Bare,
        address: Address { socket, tls: None },
        credential: credential.clone(),
        ca_file: None,
        alive: Box::new(()),
    };
    let folder = TempDir::new().unwrap();
    let (daemon, through): (Daemon, Stack) =
        daemon_at(Path::new(crate::PROGRAM), folder.path(), endpoint, credential, "");
    Some(Pair { name: "server", direct, through, _alive: Box::new((daemon, folder)) })
}

impl Pair {
    /// Runs the script on both sides and complains about every answer that differs without a reason.
    fn compare(&self, script: &[Step]) -> Vec<String> {
        let [direct, through] = [&self.direct, &self.through].map(|stack| run(stack, script));
        let mut wrong = Vec::new();
        for ((step, direct), through) in script.iter().zip(&direct).zip(&through) {
            let differences = direct.differences(through);
            let unexplained =
                differences.iter().filter(|difference| !differences::explains(self.name, step, difference));
            let unexplained: Vec<_> = unexplained.map(String::as_str).collect();
            if !unexplained.is_empty() {
                wrong.push(format!("{}: {}\n    {}", self.name, step.line(), unexplained.join("\n    ")));
            }
        }
        wrong
    }
}

/// Compares a script on every pair.
#[track_caller]
pub(crate) fn same(scripts: &[Vec<Step>]) {
    let pairs = pairs();
    let wrong: Vec<String> =
        pairs.iter().flat_map(|pair| scripts.iter().flat_map(|script| pair.compare(script))).collect();
    assert!(wrong.is_empty(), "through the daemon it is another answer:\n{}", wrong.join("\n"));
}

fn run(stack: &Stack, script: &[Step]) -> Vec<Seen> {
    // Of one length on both sides, so that lengths of answers can be compared.
    let bucket = format!("{}-{}", if stack.name == "world" { "one" } else { "two" }, unique("transparency"));
    let mut version = String::new();
    let mut seen = Vec::new();
    for step in script {
        let answer = step.request(stack, &bucket, &version).send();
        if let Some(found) = answer.header("x-amz-version-id") {
            found.clone_into(&mut version);
        }
        seen.push(Seen::new(&answer, step.request(stack, &bucket, &version).prepare().method == "HEAD", &bucket));
    }
    seen
}
