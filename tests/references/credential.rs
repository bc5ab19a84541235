//! `credential:`, in a directory as systemd makes it for a service with `LoadCredential=`.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use sealgate_tests::authority::{Authority, trusting};
use sealgate_tests::bytes::noise;
use sealgate_tests::command::Run;
use sealgate_tests::daemon::{Daemon, Plan, Store};
use sealgate_tests::stack::Stack;
use sealgate_tests::wire::Address;
use tempfile::TempDir;

use crate::{program, refused, stack};

const VARIABLE: &str = "CREDENTIALS_DIRECTORY";
const KINDS: [&str; 4] = ["aes", "passphrase", "rsa", "x25519"];
const CLIENT: &str = "a client secret that systemd hands over";
/// Cheap, as a test may be.
const ARGON2: &str = "$argon2id$v=19$m=19456,t=1,p=1$c2VhbGdhdGUgdmVjdG9ycw";

/// A directory that only its owner enters, with files that nobody writes.
struct Credentials(TempDir);

impl Credentials {
    fn new(files: &[(&str, Vec<u8>)]) -> Self {
        let directory = TempDir::new().unwrap();
        for (name, contents) in files {
            let path = directory.path().join(name);
            fs::write(&path, contents).unwrap();
            fs::set_permissions(&path, Permissions::from_mode(0o400)).unwrap();
        }
        fs::set_permissions(directory.path(), Permissions::from_mode(0o500)).unwrap();
        Self(directory)
    }

    fn path(&self) -> &Path {
        self.0.path()
    }
}

impl Drop for Credentials {
    fn drop(&mut self) {
        let _ = fs::set_permissions(self.path(), Permissions::from_mode(0o700));
    }
}

/// One secret of every sort that a daemon has.
fn credentials(authority: &Authority) -> Credentials {
    let made = TempDir::new().unwrap();
    for kind in ["aes", "x25519"] {
        Run::new(program(), made.path(), &["keygen", "--kind", kind, "--id", kind, "--out", kind]).run().check(0);
    }
    let rsa = Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates/keyring/tests/keys/rsa-1.pem");
    Credentials::new(&[
        ("aes", fs::read(made.path().join("aes")).unwrap()),
        ("passphrase", b"eleven words of a passphrase\n".to_vec()),
        ("rsa", fs::read(rsa).unwrap()),
        ("x25519", fs::read(made.path().join("x25519")).unwrap()),
        ("client", format!("{CLIENT}\n").into_bytes()),
        ("tls-key", fs::read(&authority.key_file).unwrap()),
    ])
}

/// The settings of a daemon that seals with `primary` and has every other key, too.
fn settings(primary: &str) -> String {
    let key = |kind: &str| {
        let argon2 = if kind == "passphrase" { format!("argon2 = \"{ARGON2}\"\n") } else { String::new() };
        format!("[[keys]]\nid = \"{kind}\"\nkind = \"{kind}\"\nsecret = \"credential:{kind}\"\n{argon2}")
    };
    let keys = KINDS.map(key).concat();
    let client = "[[clients]]\naccess_key = \"of-systemd\"\nsecret = \"credential:client\"\n";
    format!("{keys}{client}[keyring]\nprimary = \"{primary}\"\n")
}

/// A daemon that finds its secrets in `credentials`, and its client over TLS.
fn start(folder: &Path, authority: &Authority, credentials: &Credentials, primary: &str) -> (Daemon, Stack) {
    let by_reference = authority.with_key_at("credential:tls-key");
    let plan = Plan {
        program: program(),
        folder,
        store: Store::Directory,
        authority: Some(&by_reference),
        filter: "info",
        extra: &settings(primary),
    };
    let daemon = Daemon::start_in(&plan, &[(VARIABLE, credentials.path())]);
    let address = Address { socket: daemon.tls.unwrap(), tls: Some(trusting(&authority.ca_file)) };
    (daemon, stack(address, "of-systemd", CLIENT))
}

#[test]
fn every_secret_there_is_may_be_a_credential() {
    let (folder, files) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let authority = Authority::new(files.path());
    let credentials = credentials(&authority);
    for (seed, kind) in (1..).zip(KINDS) {
        let (mut daemon, front) = start(folder.path(), &authority, &credentials, kind);
        if seed == 1 {
            front.request("PUT", "/first").send().check(200);
        }
        front.object("PUT", "first", kind).body(&noise(seed, 1000)).send().check(200);
        daemon.terminate();
        assert!(daemon.wait().success(), "{}", daemon.log());
    }
    let (daemon, front) = start(folder.path(), &authority, &credentials, "aes");
    for (seed, kind) in (1..).zip(KINDS) {
        let read = front.object("GET", "first", kind).send().expect(200);
        assert!(read.body == noise(seed, 1000), "{kind}");
    }
    assert!(!daemon.log().contains("chmod"), "files as systemd makes them are no reason to warn: {}", daemon.log());
}

fn key(reference: &str) -> String {
    format!(
        "[[clients]]\naccess_key = \"a\"\nsecret = \"file:client\"\n[[keys]]\nid = \"main\"\nsecret = \"{reference}\"\n"
    )
}

#[test]
fn outside_of_a_service_it_says_what_the_unit_needs() {
    let error = refused(&key("credential:backup"), &[]);
    for part in ["key main", "credential:backup", "CREDENTIALS_DIRECTORY is not set", "LoadCredential=backup:FILE"] {
        assert!(error.contains(part), "{part}: {error}");
    }
}

#[test]
fn a_credential_that_is_not_there_is_named() {
    let credentials = Credentials::new(&[("other", b"something".to_vec()), ("empty", Vec::new())]);
    let environment = [(VARIABLE, credentials.path())];
    let error = refused(&key("credential:backup"), &environment);
    let path = credentials.path().join("backup").display().to_string();
    for part in ["key main", "credential:backup", "LoadCredential=backup:FILE", &path, "No such file"] {
        assert!(error.contains(part), "{part}: {error}");
    }
    assert!(refused(&key("credential:empty"), &environment).contains("credential:empty is empty"));
    let error = refused(&key("credential:other"), &environment);
    assert!(error.contains("credential:other") && !error.contains("something"), "{error}");

    let good = Credentials::new(&[("main", b"sealgate-key-1 c2l4dGVlbiBieXRlcyBhbmQgc2l4dGVlbiBtb3JlLi4=\n".to_vec())]);
    let environment = [(VARIABLE, good.path())];
    let client = "[[clients]]\naccess_key = \"laptop\"\nsecret = \"credential:laptop\"\n";
    let error = refused(&format!("[[keys]]\nid = \"main\"\nsecret = \"credential:main\"\n{client}"), &environment);
    assert!(error.contains("client laptop") && error.contains("LoadCredential=laptop:FILE"), "{error}");
}

#[test]
fn a_listener_without_its_key_is_refused() {
    let (files, credentials) = (TempDir::new().unwrap(), Credentials::new(&[]));
    let cert = Authority::new(files.path()).cert_file;
    let tls = format!("[tls]\nlisten = \"127.0.0.1:0\"\ncert = \"{}\"\nkey = \"credential:tls-key\"\n", cert.display());
    let error = refused(&tls, &[(VARIABLE, credentials.path())]);
    assert!(error.contains("tls.key") && error.contains("LoadCredential=tls-key:FILE"), "{error}");
}

#[test]
fn no_name_leads_out_of_the_directory() {
    let outside = TempDir::new().unwrap();
    fs::write(outside.path().join("shadow"), "sealgate-key-1 c2l4dGVlbiBieXRlcyBhbmQgc2l4dGVlbiBtb3JlLi4=\n").unwrap();
    let inside = outside.path().join("credentials");
    fs::create_dir(&inside).unwrap();
    let absolute = format!("credential:{}", outside.path().join("shadow").display());
    for name in ["credential:../shadow", "credential:..", "credential:.", "credential:a/b", "credential:", &absolute] {
        let error = refused(&key(name), &[(VARIABLE, &inside)]);
        let expected = "keys[0].secret: `credential:` wants the name of one systemd credential, without a path";
        assert!(error.contains(expected), "{name}: {error}");
    }
}
