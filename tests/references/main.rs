//! Secrets enter by reference: through a directory of systemd credentials, and through a program that decrypts them.
//!
//! The program here is a script, because every machine has a shell; `run.py` beside it does the same with age and pass.

#![expect(clippy::unwrap_used, reason = "a test reports a failure by panicking")]

mod command;
mod credential;

use std::path::Path;

use sealgate_tests::command::{Ended, Run};
use sealgate_tests::daemon::{Daemon, credential as client};
use sealgate_tests::sign::Credential;
use sealgate_tests::stack::{Kind, Stack};
use sealgate_tests::wire::Address;
use tempfile::TempDir;

/// The program under test.
fn program() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_sealgate-under-test"))
}

/// How a client with this secret reaches the daemon.
fn stack(address: Address, access_key: &str, secret_key: &str) -> Stack {
    let credential = Credential { access_key: access_key.into(), secret_key: secret_key.into(), ..client() };
    Stack { name: "references", kind: Kind::Sealgate, address, credential, ca_file: None, alive: Box::new(()) }
}

/// The usual client of a daemon.
fn front(daemon: &Daemon) -> Stack {
    let Credential { access_key, secret_key, .. } = client();
    stack(Address { socket: daemon.plain, tls: None }, &access_key, &secret_key)
}

/// What `serve` says that ends at once; `settings` follow what every daemon needs.
fn refused(settings: &str, environment: &[(&str, &Path)]) -> String {
    let home = TempDir::new().unwrap();
    std::fs::write(home.path().join("client"), "a secret of a client").unwrap();
    let usual = "listen = \"127.0.0.1:0\"\nadmin = \"off\"\n[store]\npath = \"store\"\n";
    std::fs::write(home.path().join("a.toml"), format!("{usual}{settings}")).unwrap();
    let serve = Run::new(program(), home.path(), &["serve", "--config", "a.toml", "--data", "data"]);
    let Ended { err, .. } =
        environment.iter().fold(serve, |serve, (name, value)| serve.with(name, value)).run().expect(64);
    assert!(!home.path().join("store").exists(), "it ends before anything is made");
    err
}
