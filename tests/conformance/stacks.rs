//! The stacks at hand, each started when its first case runs and ended when all have run.

use std::any::Any;
use std::env;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use sealgate_tests::authority::{Authority, trusting};
use sealgate_tests::bare::Bare;
use sealgate_tests::daemon::{Daemon, Plan, Store, credential};
use sealgate_tests::sign::Credential;
use sealgate_tests::stack::{Kind, Stack};
use sealgate_tests::wire::Address;
use tempfile::TempDir;

/// As many of the daemon's last complaints are shown when a case fails.
const COMPLAINTS: usize = 10;

/// Which pages may do what at every daemon here.
const CORS: &str = "[[cors]]\norigins = \"https://*.sealgate.test\"\nmethods = [\"GET\", \"PUT\"]\nheaders = \"*\"\nexpose = \"ETag\"\nmax_age = \"1h\"\n";

/// What makes ETags the MD5s of plaintext, where the stack's name says so.
const MD5: &str = "[[rules]]\nbucket = \"*\"\netag = \"md5\"\n";

/// What makes objects be written as the Amazon S3 Encryption Clients write them, where the stack's name says so.
const AMAZON: &str = "[[rules]]\nbucket = \"*\"\nformat = \"s3ec-v3\"\n";

/// What keeps the state of unfinished uploads beside the objects, where the stack's name says so. It must not show anywhere.
const IN_BUCKET: &str = "uploads = \"bucket\"\n";

/// A stack that is running, with a bucket for all cases.
pub(crate) struct Started {
    pub(crate) stack: Stack,
    pub(crate) bucket: String,
}

impl Started {
    /// What the daemon complained about of late, for whoever wonders why a case failed.
    pub(crate) fn complaints(&self) -> String {
        let alive = &self.stack.alive;
        let front = alive.downcast_ref::<(Box<dyn Any + Send + Sync>, Stack)>().map_or(alive, |(front, _)| front);
        let log = front.downcast_ref::<(Daemon, TempDir)>().map(|(daemon, _)| daemon.log()).unwrap_or_default();
        let is_complaint = |line: &&str| line.contains("\"WARN\"") || line.contains("\"ERROR\"");
        let complaints: Vec<&str> = log.lines().filter(is_complaint).collect();
        complaints[complaints.len().saturating_sub(COMPLAINTS)..].join("\n")
    }
}

/// A stack that runs when somebody wants it.
pub(crate) struct Lazy {
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    start: Box<dyn Fn() -> Stack + Send + Sync>,
    running: Mutex<Option<Arc<Started>>>,
}

impl Lazy {
    fn new(name: &'static str, kind: Kind, start: impl Fn() -> Stack + Send + Sync + 'static) -> Self {
        Self { name, kind, start: Box::new(start), running: Mutex::new(None) }
    }

    /// Starts it unless it runs.
    pub(crate) fn started(&self) -> Arc<Started> {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        let start = || {
            let stack = (self.start)();
            let bucket = stack.new_bucket("conformance");
            Arc::new(Started { stack, bucket })
        };
        Arc::clone(running.get_or_insert_with(start))
    }

    /// Ends it, and what it left behind.
    pub(crate) fn end(&self) {
        drop(self.running.lock().unwrap_or_else(PoisonError::into_inner).take());
    }
}

/// All that can run here, and a line for what cannot.
pub(crate) fn at_hand() -> Vec<Lazy> {
    let mut stacks = vec![
        Lazy::new("bare", Kind::Bare, bare),
        Lazy::new("sealgate", Kind::Sealgate, || sealgate("sealgate", Store::Directory, false)),
        Lazy::new("sealgate-https", Kind::Sealgate, || sealgate("sealgate-https", Store::Directory, true)),
        Lazy::new("sealgate-over-http", Kind::Sealgate, || sealgate_over_http("sealgate-over-http")),
        Lazy::new("sealgate-uploads-in-bucket", Kind::Sealgate, || sealgate_over_http("sealgate-uploads-in-bucket")),
        Lazy::new("sealgate-md5", Kind::Sealgate, || sealgate("sealgate-md5", Store::Directory, false)),
        Lazy::new("sealgate-amazon", Kind::Sealgate, || sealgate("sealgate-amazon", Store::Directory, false)),
    ];
    if let Some(store) = server("SEALGATE_TEST_S3_ENDPOINT") {
        for name in [
            "sealgate-on-server",
            "sealgate-md5-on-server",
            "sealgate-uploads-in-bucket-on-server",
            "sealgate-amazon-on-server",
        ] {
            let store = store.clone();
            let start = move || sealgate(name, store.clone(), false);
            stacks.push(Lazy::new(name, Kind::SealgateOnServer, start));
        }
    }
    if let Some(store) = server("SEALGATE_TEST_S3_TLS_ENDPOINT") {
        let start = move || sealgate("sealgate-on-server-https", store.clone(), true);
        stacks.push(Lazy::new("sealgate-on-server-https", Kind::SealgateOnServer, start));
    }
    stacks
}

fn bare() -> Stack {
    let folder = TempDir::new().unwrap();
    let bare = Bare::start(folder.path());
    Stack {
        name: "bare",
        kind: Kind::Bare,
        address: Address { socket: bare.socket, tls: None },
        credential: credential(),
        ca_file: None,
        alive: Box::new((bare, folder)),
    }
}

/// The embedded store again, but reached as any other S3 server is.
fn sealgate_over_http(name: &'static str) -> Stack {
    let behind = bare();
    let (endpoint, credential) = (behind.url(), credential());
    let front = sealgate(name, Store::S3 { endpoint, credential, ca_file: None }, false);
    Stack { kind: Kind::Sealgate, alive: Box::new((front.alive, behind)), ..front }
}

fn sealgate(name: &'static str, store: Store, https: bool) -> Stack {
    let folder = TempDir::new().unwrap();
    let authority = https.then(|| Authority::new(folder.path()));
    let kind = if matches!(store, Store::Directory) { Kind::Sealgate } else { Kind::SealgateOnServer };
    let program = Path::new(env!("CARGO_BIN_EXE_sealgate-under-test"));
    let (folder_path, authority_ref) = (folder.path(), authority.as_ref());
    let about_store = if name.contains("in-bucket") { IN_BUCKET } else { "" };
    let rules = match name {
        name if name.contains("md5") => MD5,
        name if name.contains("amazon") => AMAZON,
        _ => "",
    };
    let extra = [about_store, CORS, rules].concat();
    let daemon = Daemon::start(&Plan {
        program,
        folder: folder_path,
        store,
        authority: authority_ref,
        filter: "info",
        extra: &extra,
    });
    let ca_file = authority.map(|authority| authority.ca_file);
    let tls = ca_file.as_deref().map(trusting);
    let socket = daemon.tls.unwrap_or(daemon.plain);
    let address = Address { socket, tls };
    Stack { name, kind, address, credential: credential(), ca_file, alive: Box::new((daemon, folder)) }
}

/// The real S3 server the environment names, under `endpoint` or not at all.
fn server(endpoint: &str) -> Option<Store> {
    let names = [endpoint, "SEALGATE_TEST_S3_ACCESS_KEY", "SEALGATE_TEST_S3_SECRET_KEY"];
    let [Ok(endpoint), Ok(access_key), Ok(secret_key)] = names.map(env::var) else {
        eprintln!("skipped: sealgate on a real S3 server; set {}", names.join(", "));
        return None;
    };
    let region = env::var("SEALGATE_TEST_S3_REGION").unwrap_or("us-east-1".into());
    let ca_file = env::var_os("SEALGATE_TEST_S3_CA").map(PathBuf::from).filter(|_| endpoint.starts_with("https:"));
    Some(Store::S3 { endpoint, credential: Credential { access_key, secret_key, region }, ca_file })
}
