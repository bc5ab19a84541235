//! The daemon as a process: configured by a file of its own, started on free ports, ready when it says so, gone when dropped.

use std::fmt::Write as _;
use std::fs::{self, OpenOptions};
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::SocketAddr;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Sender};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::authority::Authority;
use crate::sign::Credential;
use crate::wire::{Address, Prepared};

/// The wrapping key of every daemon here, so that other programs can be handed it.
pub const KEY: [u8; 32] = *b"a wrapping key that only tests k";
/// Its id.
pub const KEY_ID: &str = "test-1";
/// The pipe that ties the daemon to this process; see `under_test.rs`.
pub const TETHERED: &str = "TETHERED_TO_STDIN";

/// A debug build on a busy machine may take its time.
const PATIENCE: Duration = Duration::from_mins(1);

/// Where the daemon keeps what it seals.
#[derive(Clone)]
pub enum Store {
    /// The embedded store, in the folder `store` of the daemon's own.
    Directory,
    /// An S3 server.
    S3 {
        /// Its URL.
        endpoint: String,
        /// Who the daemon is there.
        credential: Credential,
        /// The authority it trusts, for https.
        ca_file: Option<PathBuf>,
    },
}

/// What differs between daemons.
pub struct Plan<'a> {
    /// The binary.
    pub program: &'a Path,
    /// A folder that is its alone; it may hold what an earlier daemon left.
    pub folder: &'a Path,
    /// Behind it.
    pub store: Store,
    /// The certificate of its https listener, which it only has with one.
    pub authority: Option<&'a Authority>,
    /// The log filter.
    pub filter: &'a str,
    /// Lines for the end of its configuration.
    pub extra: &'a str,
}

/// A running daemon.
pub struct Daemon {
    child: Child,
    /// Closes when this process ends, however it ends; then the daemon ends too.
    _tether: Option<ChildStdin>,
    /// Its http listener.
    pub plain: SocketAddr,
    /// Its https listener.
    pub tls: Option<SocketAddr>,
    /// Its admin listener.
    pub admin: SocketAddr,
    log: Arc<Log>,
}

/// What the daemon has said, and who waits for more.
#[derive(Default)]
struct Log {
    text: Mutex<String>,
    more: Condvar,
}

/// The one client that may do everything.
#[must_use]
pub fn credential() -> Credential {
    Credential {
        access_key: "sealgate-tests".into(),
        secret_key: "a/secret+that=only tests know".into(),
        region: "us-east-1".into(),
    }
}

impl Daemon {
    /// Starts it and returns when it is ready.
    #[must_use]
    pub fn start(plan: &Plan<'_>) -> Self {
        Self::start_in(plan, &[])
    }

    /// The same, with these variables in its environment.
    #[must_use]
    pub fn start_in(plan: &Plan<'_>, environment: &[(&str, &Path)]) -> Self {
        let config = plan.write();
        let mut child = Command::new(plan.program)
            .args(["serve", "--config"])
            .arg(config)
            .env_clear()
            .env("HOME", plan.folder)
            .env(TETHERED, "1")
            .envs(environment.iter().copied())
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let (log, stderr, tether) = (Arc::<Log>::default(), child.stderr.take().unwrap(), child.stdin.take());
        let (sender, said) = mpsc::channel();
        let kept = Arc::clone(&log);
        thread::spawn(move || listen(stderr, &kept, &sender));
        let heard = |what: &str| {
            let in_time = || said.recv_timeout(PATIENCE).ok();
            let mut lines = std::iter::from_fn(in_time);
            let found = lines.find(|(message, _)| message == what);
            found.unwrap_or_else(|| panic!("the daemon never said {what:?}: {}", text(&log))).1
        };
        let http = heard("listening");
        let tls = plan.authority.map(|_| heard("listening with TLS"));
        let admin = heard("answering health checks");
        let daemon = Self { child, _tether: tether, plain: http, tls, admin, log };
        daemon.await_ready();
        daemon
    }

    /// Everything it has logged.
    #[must_use]
    pub fn log(&self) -> String {
        text(&self.log)
    }

    /// Waits until it has said this `times` times, and returns what it said the last time.
    #[must_use]
    #[track_caller]
    pub fn heard(&self, message: &str, times: usize) -> serde_json::Value {
        let start = Instant::now();
        let mut log = self.log.text.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            let lines = log.lines().filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
            if let Some(line) = lines.filter(|line| line["message"] == message).nth(times - 1) {
                return line;
            }
            assert!(start.elapsed() < PATIENCE, "{message:?} was not heard {times} times: {log}");
            log = self.log.more.wait_timeout(log, PATIENCE).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Sends it a signal.
    pub fn signal(&self, name: &str) {
        let status = Command::new("kill").args([&format!("-{name}"), &self.child.id().to_string()]).status().unwrap();
        assert!(status.success());
    }

    /// Its process.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The most memory it had at a time, in bytes, as Linux counts it.
    #[must_use]
    pub fn peak_memory(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.pid())).unwrap();
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        peak.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024
    }

    /// Ends it at once, as a power cut would, and waits until it is gone.
    pub fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Asks it to end.
    pub fn terminate(&self) {
        self.signal("TERM");
    }

    /// Waits until it has ended.
    pub fn wait(&mut self) -> ExitStatus {
        self.child.wait().unwrap()
    }

    /// The status of an admin path.
    #[must_use]
    pub fn admin_status(&self, path: &str) -> u16 {
        let headers = [("host", self.admin.to_string()), ("connection", "close".into())];
        let headers = headers.map(|(name, value)| (name.to_owned(), value)).to_vec();
        let address = Address { socket: self.admin, tls: None };
        let (method, target) = ("GET".into(), path.into());
        Prepared { address, method, target, headers, body: Vec::new(), waits: false }.send().status
    }

    /// It listens before it knows whether its store answers.
    fn await_ready(&self) {
        let start = Instant::now();
        while self.admin_status("/-/ready") != 200 {
            assert!(start.elapsed() < PATIENCE, "never ready: {}", self.log());
            thread::yield_now();
        }
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        self.kill();
    }
}

impl Plan<'_> {
    /// Writes the configuration and the secrets it refers to.
    fn write(&self) -> PathBuf {
        let client = credential();
        let key = format!("sealgate-key-1 {}\n", STANDARD.encode(KEY));
        let key = secret_file(&self.folder.join("test.key"), &key);
        let secret = secret_file(&self.folder.join("client.secret"), &client.secret_key);
        let mut config = String::from("listen = \"127.0.0.1:0\"\nadmin = \"127.0.0.1:0\"\n");
        writeln!(config, "data = \"{}\"\ndomains = \"s3.sealgate.test\"", self.folder.join("data").display()).unwrap();
        writeln!(config, "[log]\nformat = \"json\"\nfilter = \"{}\"", self.filter).unwrap();
        writeln!(config, "[[keys]]\nid = \"{KEY_ID}\"\nkind = \"aes\"\nsecret = \"{key}\"").unwrap();
        writeln!(config, "[[clients]]\naccess_key = \"{}\"\nsecret = \"{secret}\"", client.access_key).unwrap();
        if let Some(Authority { cert_file, key_file, .. }) = self.authority {
            writeln!(config, "[tls]\nlisten = \"127.0.0.1:0\"").unwrap();
            writeln!(config, "cert = \"{}\"\nkey = \"{}\"", cert_file.display(), key_file.display()).unwrap();
        }
        self.write_store(&mut config);
        config.push_str(self.extra);
        let path = self.folder.join("sealgate.toml");
        fs::write(&path, config).unwrap();
        path
    }

    fn write_store(&self, config: &mut String) {
        config.push_str("[store]\n");
        match &self.store {
            Store::Directory => {
                writeln!(config, "kind = \"directory\"\npath = \"{}\"", self.folder.join("store").display()).unwrap();
            }
            Store::S3 { endpoint, credential, ca_file } => {
                let secret = secret_file(&self.folder.join("store.secret"), &credential.secret_key);
                writeln!(config, "kind = \"s3\"\nendpoint = \"{endpoint}\"\nregion = \"{}\"", credential.region)
                    .unwrap();
                writeln!(config, "access_key = \"{}\"\nsecret = \"{secret}\"", credential.access_key).unwrap();
                if let Some(ca_file) = ca_file {
                    writeln!(config, "ca = \"{}\"", ca_file.display()).unwrap();
                }
            }
        }
    }
}

/// Writes a file only its owner can read, and returns the reference to it.
fn secret_file(path: &Path, contents: &str) -> String {
    let mut options = OpenOptions::new();
    let mut file = options.create(true).truncate(true).write(true).mode(0o600).open(path).unwrap();
    file.write_all(contents.as_bytes()).unwrap();
    format!("file:{}", path.display())
}

/// Keeps every line, and passes on those that name an address.
fn listen(stderr: ChildStderr, log: &Log, said: &Sender<(String, SocketAddr)>) {
    for line in BufReader::new(stderr).lines().map_while(Result::ok) {
        let parsed: Option<(String, SocketAddr)> =
            serde_json::from_str(&line).ok().and_then(|line: serde_json::Value| {
                Some((line["message"].as_str()?.to_owned(), line["address"].as_str()?.parse().ok()?))
            });
        let mut text = log.text.lock().unwrap_or_else(PoisonError::into_inner);
        text.push_str(&line);
        text.push('\n');
        log.more.notify_all();
        if let Some(parsed) = parsed {
            // Nobody may be waiting any more.
            let _ = said.send(parsed);
        }
    }
}

fn text(log: &Log) -> String {
    log.text.lock().unwrap_or_else(PoisonError::into_inner).clone()
}
