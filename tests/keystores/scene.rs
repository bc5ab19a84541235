//! A daemon with one key of a service, and what operators of services do there.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::time::{Duration, Instant};

use http::{Method, Request};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Bytes;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use sealgate_tests::command::{Ended, Run};
use sealgate_tests::daemon::{Daemon, Plan, Store, credential};
use sealgate_tests::stack::{Kind, Stack};
use sealgate_tests::wire::Address;
use serde_json::Value;

/// The program under test.
pub(crate) fn program() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_sealgate-under-test"))
}

/// A daemon whose primary key is this one, named `service`.
pub(crate) fn start(folder: &Path, key: &str) -> (Daemon, Stack) {
    let extra = format!("[[keys]]\nid = \"service\"\n{key}[keyring]\nprimary = \"service\"\n");
    let store = Store::Directory;
    let plan = Plan { program: program(), folder, store, authority: None, filter: "info", extra: &extra };
    let daemon = Daemon::start(&plan);
    let front = Stack {
        name: "keystores",
        kind: Kind::Sealgate,
        address: Address { socket: daemon.plain, tls: None },
        credential: credential(),
        ca_file: None,
        alive: Box::new(()),
    };
    (daemon, front)
}

/// What `serve` says that ends at once with this key.
pub(crate) fn refused(folder: &Path, key: &str) -> Ended {
    reference(folder, "client", "a secret of a client");
    let settings = format!(
        "listen = \"127.0.0.1:0\"\nadmin = \"off\"\n[store]\npath = \"store\"\n[[clients]]\naccess_key = \"a\"\n\
         secret = \"file:client\"\n[[keys]]\nid = \"service\"\n{key}"
    );
    std::fs::write(folder.join("refused.toml"), settings).unwrap();
    Run::new(program(), folder, &["serve", "--config", "refused.toml", "--data", "data"]).run().expect(64)
}

/// Writes a file and says where it is as settings do.
pub(crate) fn reference(folder: &Path, name: &str, contents: &str) -> String {
    let mut file = OpenOptions::new();
    let mut file = file.create(true).truncate(true).write(true).mode(0o600).open(folder.join(name)).unwrap();
    file.write_all(contents.as_bytes()).unwrap();
    format!("file:{}", folder.join(name).display())
}

/// Waits until something is so, trying `meanwhile` each time.
pub(crate) fn until(what: &str, is_so: impl Fn() -> bool, meanwhile: impl Fn()) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < Duration::from_mins(1), "never {what}");
        meanwhile();
    }
}

/// A request of an operator, which has to succeed.
pub(crate) fn operator(method: Method, url: &str, headers: &[(&str, &str)], body: &Value) -> Value {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let request = Request::builder().method(method).uri(url);
        let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
        let request = request.body(Full::<Bytes>::from(body.to_string())).unwrap();
        let answer = Client::builder(TokioExecutor::new()).build_http().request(request).await.unwrap();
        let status = answer.status();
        let body = answer.into_body().collect().await.unwrap().to_bytes();
        assert!(status.is_success(), "{url}: {status} {body:?}");
        serde_json::from_slice(&body).unwrap_or(Value::Null)
    })
}
