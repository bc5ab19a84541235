//! The four ways to one store, all running: processes, addresses, credentials, buckets.

use std::env;
use std::net::SocketAddr;
use std::path::Path;

use anyhow::{Context as _, bail, ensure};
use sealgate_tests::bytes::unique;
use sealgate_tests::daemon::{Daemon, Plan, Store, credential};
use sealgate_tests::request::Request;
use sealgate_tests::sign::{self, Credential};
use sealgate_tests::wire::Address;
use tempfile::TempDir;

use crate::child::Role;
use crate::options::Options;

/// The rule under which Sealgate passes everything on as it is.
const PASS_THROUGH: &str = "[[rules]]\nbucket = \"*\"\nformat = \"none\"\n";

/// One way to the store.
#[derive(Clone)]
pub(crate) struct Target {
    pub(crate) name: &'static str,
    /// Where requests go.
    pub(crate) address: SocketAddr,
    /// Whom they are signed for, which differs where a proxy passes signatures on.
    signed_for: SocketAddr,
    credential: Credential,
    bucket: String,
    /// The proxy's process.
    pub(crate) pid: Option<u32>,
}

/// Everything that runs.
pub(crate) struct Scene {
    /// Direct, floor, pass-through and sealing, in this order.
    pub(crate) targets: [Target; 4],
    /// Whether the store was there before, and will be.
    pub(crate) is_store_shared: bool,
    store: Option<Role>,
    _floor: Role,
    _daemons: [Daemon; 2],
    _folder: TempDir,
}

/// The store before anything stands in front of it.
struct Behind {
    address: SocketAddr,
    credential: Credential,
    child: Option<Role>,
}

impl Scene {
    /// Starts all of it, and makes the buckets.
    pub(crate) fn start(options: &Options) -> anyhow::Result<Self> {
        ensure!(options.sealgate.exists(), "there is no daemon at {}; --sealgate", options.sealgate.display());
        let folder = folder()?;
        let behind = behind(options.folder.as_deref().unwrap_or(&folder.path().join("store")))?;
        let floor = Role::start(&["floor", "--to", &behind.address.to_string()])?;
        let passing = daemon(options, &folder.path().join("passing"), &behind, PASS_THROUGH)?;
        let sealing = daemon(options, &folder.path().join("sealing"), &behind, "")?;
        let (plain, sealed) = (unique("compare-plain"), unique("compare-sealed"));
        let to_store = |name, address, pid| {
            let credential = behind.credential.clone();
            Target { name, address, signed_for: behind.address, credential, bucket: plain.clone(), pid }
        };
        let to_daemon = |name, daemon: &Daemon, bucket: &str| {
            let (address, credential, pid) = (daemon.plain, credential(), Some(daemon.pid()));
            Target { name, address, signed_for: address, credential, bucket: bucket.to_owned(), pid }
        };
        let targets = [
            to_store("direct", behind.address, None),
            to_store("floor", floor.address, Some(floor.pid())),
            to_daemon("pass-through", &passing, &plain),
            to_daemon("sealing", &sealing, &sealed),
        ];
        for target in [&targets[0], &targets[3]] {
            target.request("PUT", "").send().check(200);
        }
        let is_store_shared = behind.child.is_none() || options.folder.is_some();
        let store = behind.child;
        Ok(Self { targets, is_store_shared, store, _floor: floor, _daemons: [passing, sealing], _folder: folder })
    }

    /// How many requests the store has had; nothing where it cannot be asked.
    pub(crate) fn store_requests(&self) -> anyhow::Result<Option<u64>> {
        self.store.as_ref().map(Role::requests).transpose()
    }

    /// The sealed bucket as the store has it.
    pub(crate) fn behind(&self) -> Target {
        Target { bucket: self.targets[3].bucket.clone(), ..self.targets[0].clone() }
    }

    /// Those through which objects get into both buckets.
    pub(crate) fn writers(&self) -> [&Target; 2] {
        [&self.targets[0], &self.targets[3]]
    }
}

impl Target {
    /// A request for a key, or with none for the bucket.
    pub(crate) fn request(&self, method: &str, key: &str) -> Request {
        let slash = if key.is_empty() { "" } else { "/" };
        let path = format!("/{}{slash}{}", self.bucket, sign::encode_path(key));
        Request::new(Address { socket: self.signed_for, tls: None }, self.credential.clone(), method, path)
    }
}

/// In memory where that is to be had: what is measured is proxies, not disks.
fn folder() -> anyhow::Result<TempDir> {
    let memory = Path::new("/dev/shm");
    let made = if memory.is_dir() { TempDir::new_in(memory) } else { TempDir::new() };
    made.context("making a folder")
}

/// The store that the environment names, or the embedded one.
fn behind(folder: &Path) -> anyhow::Result<Behind> {
    let Some(endpoint) = env::var_os("SEALGATE_TEST_S3_ENDPOINT") else {
        std::fs::create_dir_all(folder)?;
        let child = Role::start(&["store", "--dir", folder.to_str().context("the folder is not text")?])?;
        return Ok(Behind { address: child.address, credential: credential(), child: Some(child) });
    };
    let endpoint = endpoint.into_string().unwrap_or_default();
    let address: Option<SocketAddr> =
        endpoint.strip_prefix("http://").and_then(|address| address.trim_end_matches('/').parse().ok());
    let Some(address) = address.filter(|address| address.ip().is_loopback()) else {
        bail!("SEALGATE_TEST_S3_ENDPOINT must be http://127.0.0.1:PORT, and is {endpoint}");
    };
    let credential = Credential {
        access_key: env::var("SEALGATE_TEST_S3_ACCESS_KEY")?,
        secret_key: env::var("SEALGATE_TEST_S3_SECRET_KEY")?,
        region: env::var("SEALGATE_TEST_S3_REGION").unwrap_or("us-east-1".into()),
    };
    Ok(Behind { address, credential, child: None })
}

fn daemon(options: &Options, folder: &Path, behind: &Behind, rules: &str) -> anyhow::Result<Daemon> {
    std::fs::create_dir(folder)?;
    let endpoint = format!("http://{}", behind.address);
    let store = Store::S3 { endpoint, credential: behind.credential.clone(), ca_file: None };
    let (program, filter) = (options.sealgate.as_path(), options.log.as_str());
    Ok(Daemon::start(&Plan { program, folder, store, authority: None, filter, extra: rules }))
}
