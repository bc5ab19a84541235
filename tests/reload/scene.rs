//! A daemon with both kinds of listeners, over a store that can be looked into, and everything it reads in places where a test can
//! change it.

use std::any::Any;
use std::fs;
use std::io::Write as _;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sealgate_tests::authority::{Authority, trusting};
use sealgate_tests::bare::Bare;
use sealgate_tests::daemon::{Daemon, Plan, Store, credential};
use sealgate_tests::sign::Credential;
use sealgate_tests::stack::{Kind, Stack};
use sealgate_tests::wire::{Address, Wire};
use tempfile::TempDir;

pub(crate) use sealgate_tests::daemon::KEY_ID;

/// Said when new settings are in force.
pub(crate) const RELOADED: &str = "reloaded";
/// Said when they are not.
pub(crate) const NOT_RELOADED: &str = "not reloaded; the former settings go on";
/// The bucket of every scene, and another one.
pub(crate) const BUCKETS: [&str; 2] = ["first", "second"];

/// Everything behind this line of the configuration is the test's.
const TAIL: &str = "# from here on\n";

/// The program under test.
pub(crate) fn program() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_sealgate-under-test"))
}

/// One daemon.
pub(crate) struct Scene {
    pub(crate) daemon: Daemon,
    pub(crate) http: Stack,
    pub(crate) https: Stack,
    pub(crate) behind: Stack,
    pub(crate) authority: Authority,
    pub(crate) folder: TempDir,
    _store: TempDir,
}

impl Scene {
    /// A daemon that looks at its files so often, with these settings at the end of its configuration.
    pub(crate) fn new(watch: &str, tail: impl FnOnce(&Path) -> String) -> Self {
        let (folder, store) = (TempDir::new().unwrap(), TempDir::new().unwrap());
        let bare = Bare::start(store.path());
        let behind = stack(Address { socket: bare.socket, tls: None }, Box::new(bare));
        for bucket in BUCKETS {
            behind.request("PUT", &format!("/{bucket}")).send().check(200);
        }
        let mut authority = Authority::new(folder.path());
        let read = |path: &Path| fs::read_to_string(path).unwrap();
        let (cert, key) = (read(&authority.cert_file), read(&authority.key_file));
        publish(folder.path(), &[("tls.crt", &cert), ("tls.key", &key)]);
        (authority.cert_file, authority.key_file) =
            (secret(folder.path(), "tls.crt"), secret(folder.path(), "tls.key"));
        let extra = format!("{TAIL}{}", with_watch(watch, &tail(folder.path())));
        let daemon = Daemon::start(&Plan {
            program: program(),
            folder: folder.path(),
            store: Store::S3 { endpoint: behind.url(), credential: credential(), ca_file: None },
            authority: Some(&authority),
            filter: "info",
            extra: &extra,
        });
        let http = stack(Address { socket: daemon.plain, tls: None }, Box::new(()));
        let tls = Some(trusting(&authority.ca_file));
        let https = stack(Address { socket: daemon.tls.unwrap(), tls }, Box::new(()));
        Self { daemon, http, https, behind, authority, folder, _store: store }
    }

    /// Where the configuration is.
    pub(crate) fn config(&self) -> PathBuf {
        self.folder.path().join("sealgate.toml")
    }

    /// Exchanges the test's part of the configuration.
    pub(crate) fn write(&self, watch: &str, tail: &str) {
        let text = fs::read_to_string(self.config()).unwrap();
        let (head, _) = text.split_once(TAIL).unwrap();
        replace(&self.config(), &format!("{head}{TAIL}{}", with_watch(watch, tail)));
    }

    /// Changes the whole configuration.
    pub(crate) fn edit(&self, change: impl Fn(String) -> String) {
        replace(&self.config(), &change(fs::read_to_string(self.config()).unwrap()));
    }

    /// Adds or exchanges secrets, all in one step.
    pub(crate) fn publish(&self, files: &[(&str, &str)]) {
        publish(self.folder.path(), files);
    }

    /// Asks for a reload, and waits for so many of them to have happened since the start. Returns what changed.
    pub(crate) fn hang_up(&self, times: usize) -> String {
        self.daemon.signal("HUP");
        self.changed(times)
    }

    /// Waits for so many reloads since the start. Returns what changed with the last of them.
    pub(crate) fn changed(&self, times: usize) -> String {
        self.daemon.heard(RELOADED, times)["changed"].as_str().unwrap().to_owned()
    }

    /// Waits for a reload that changed this, and returns all that it changed.
    pub(crate) fn changed_this(&self, what: &str) -> String {
        (1..1000).map(|times| self.changed(times)).find(|changed| changed.contains(what)).unwrap()
    }

    /// Puts an object and expects it to be taken.
    pub(crate) fn put(&self, key: &str, body: &[u8]) {
        self.http.object("PUT", BUCKETS[0], key).body(body).send().check(200);
    }

    /// The whole object.
    pub(crate) fn get(&self, key: &str) -> Vec<u8> {
        self.http.object("GET", BUCKETS[0], key).send().expect(200).body
    }

    /// The key id in the envelope that the store has for an object.
    pub(crate) fn key_of(&self, key: &str) -> String {
        let head = self.behind.object("HEAD", BUCKETS[0], key).send().expect(200);
        let envelope = head.must("x-amz-meta-sealgate").to_owned();
        envelope.split(';').find_map(|field| field.strip_prefix("k=")).unwrap().to_owned()
    }

    /// The certificate that a new connection is shown, as PEM files have it.
    pub(crate) fn shown(&self) -> String {
        let mut wire = Wire::open(&self.https.address).unwrap();
        // The handshake happens with the first bytes.
        let head = self.https.object("HEAD", BUCKETS[0], "nothing").prepare();
        wire.write_all(&head.head()).unwrap();
        wire.answer("HEAD").check(404);
        let Wire::Tls(stream) = &wire else { panic!("not TLS") };
        STANDARD.encode(&stream.conn.peer_certificates().unwrap()[0])
    }
}

/// What [`Scene::shown`] says of a certificate in PEM.
pub(crate) fn shown(pem: &str) -> String {
    pem.lines().filter(|line| !line.starts_with("-----")).map(str::trim).collect()
}

/// A path of a secret.
pub(crate) fn secret(folder: &Path, name: &str) -> PathBuf {
    folder.join("secrets").join(name)
}

/// A new wrapping key, as a key file has it.
pub(crate) fn key_file(seed: u8) -> String {
    format!("sealgate-key-1 {}\n", STANDARD.encode([seed; 32]))
}

/// A setting for a key.
pub(crate) fn key(folder: &Path, id: &str) -> String {
    format!("[[keys]]\nid = \"{id}\"\nsecret = \"file:{}\"\n", secret(folder, id).display())
}

/// A setting for a client whose secret is the file of its name.
pub(crate) fn client(folder: &Path, name: &str) -> String {
    format!("[[clients]]\naccess_key = \"{name}\"\nsecret = \"file:{}\"\n", secret(folder, name).display())
}

/// Who that is.
pub(crate) fn guest(name: &str, secret: &str) -> Credential {
    Credential { access_key: name.to_owned(), secret_key: secret.to_owned(), region: "us-east-1".into() }
}

fn with_watch(watch: &str, tail: &str) -> String {
    format!("{tail}[reload]\nwatch = \"{watch}\"\n")
}

/// Writes a file whole, under its name at once.
pub(crate) fn replace(path: &Path, text: &str) {
    let new = path.with_extension("new");
    fs::write(&new, text).unwrap();
    fs::rename(new, path).unwrap();
}

/// Adds or exchanges secrets as Kubernetes does: names that lead through `..data` to a folder, and `..data` exchanged at once.
fn publish(folder: &Path, files: &[(&str, &str)]) {
    let secrets = folder.join("secrets");
    fs::create_dir_all(&secrets).unwrap();
    let before = fs::read_link(secrets.join("..data")).ok();
    let version = sealgate_tests::bytes::unique("..version");
    fs::create_dir(secrets.join(&version)).unwrap();
    for file in before.iter().flat_map(|before| fs::read_dir(secrets.join(before)).unwrap()) {
        let file = file.unwrap();
        fs::copy(file.path(), secrets.join(&version).join(file.file_name())).unwrap();
    }
    for (name, text) in files {
        fs::write(secrets.join(&version).join(name), text).unwrap();
    }
    symlink(&version, secrets.join("..data_tmp")).unwrap();
    fs::rename(secrets.join("..data_tmp"), secrets.join("..data")).unwrap();
    for (name, _) in files {
        // It is there already when the secret is an old one.
        let _ = symlink(Path::new("..data").join(name), secrets.join(name));
    }
    if let Some(before) = before {
        fs::remove_dir_all(secrets.join(before)).unwrap();
    }
}

fn stack(address: Address, alive: Box<dyn Any + Send + Sync>) -> Stack {
    Stack { name: "reload", kind: Kind::Sealgate, address, credential: credential(), ca_file: None, alive }
}
