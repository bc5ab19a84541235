//! Everything that can be set, read at the start and again when it has changed, in types that cannot be wrong.
//!
//! Three steps: `layers` merges what was written where, `raw` gives it names, `resolve` gives it
//! meaning. Nothing here opens a key or a port: secrets stay references until `serve` follows them.

mod duration;
mod files;
mod keys;
mod layers;
mod place;
mod problem;
mod raw;
mod report;
mod resolve;
mod rules;
mod secret;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

pub(crate) use keys::{AwsKmsKey, Half, KeyKind, KeySettings, Reuse, VaultKey, VaultLogin, is_key_id};
use layers::Layers;
pub(crate) use layers::Overrides;
pub(crate) use objects::{Context, ForeignFormat, Padding, ReadPolicy, WriteFormat};
pub(crate) use problem::Problems;
pub(crate) use report::Report;
use rules::writes_only;
pub(crate) use rules::{Binding, Contents, ForeignSettings, RuleSettings};
pub(crate) use secret::SecretReference;

/// The defaults, which also are the documentation of every setting.
pub(crate) const DEFAULTS: &str = include_str!("../../../config/default.toml");

/// What the program runs with.
#[derive(Debug)]
pub(crate) struct Settings {
    pub(crate) listen: Vec<SocketAddr>,
    pub(crate) tls: Option<TlsSettings>,
    pub(crate) admin: Option<SocketAddr>,
    /// Nobody chose the admin address, so nobody needs to mind when it is taken.
    pub(crate) admin_is_default: bool,
    pub(crate) data: DataDirectory,
    pub(crate) region: String,
    pub(crate) store: StoreSettings,
    pub(crate) uploads: Uploads,
    /// The store wants all parts of an upload but the last of one size.
    pub(crate) equal_parts: bool,
    pub(crate) keys: Vec<KeySettings>,
    /// The id among `keys` of the one that wraps where a rule names none of its own; `None` when there are no keys, or
    /// no such rule.
    pub(crate) primary: Option<String>,
    /// The id among `keys` of the one that keeps the keys of uploads under way, where the primary one cannot.
    pub(crate) upload_key: Option<String>,
    pub(crate) clients: Vec<ClientSettings>,
    pub(crate) rules: Vec<RuleSettings>,
    pub(crate) cors: Vec<CorsSettings>,
    /// Subdomains of these are buckets.
    pub(crate) domains: Vec<String>,
    pub(crate) log: LogSettings,
    pub(crate) limits: Limits,
    /// How often files are looked at for changes; `None`: never.
    pub(crate) watch: Option<Duration>,
}

/// Where created files go. Not every set of settings needs one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct DataDirectory(pub(crate) Option<PathBuf>);

/// `[tls]`
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct TlsSettings {
    pub(crate) listen: Vec<SocketAddr>,
    pub(crate) cert: PathBuf,
    pub(crate) key: SecretReference,
}

/// `[store]`
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum StoreSettings {
    /// The embedded store; `None` means inside the data directory.
    Directory(Option<PathBuf>),
    /// Somebody else's.
    S3(Box<S3Settings>),
}

/// Where unfinished multipart uploads are remembered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Uploads {
    /// In the data directory: one process serves an upload from its beginning to its end.
    Local,
    /// In the bucket, so that any process on the same store can go on with it.
    Bucket,
}

/// `[store]` with `kind = "s3"`
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct S3Settings {
    pub(crate) endpoint: Option<String>,
    pub(crate) region: Option<String>,
    pub(crate) virtual_host: bool,
    pub(crate) credentials: AwsCredentials,
    pub(crate) ca: Option<PathBuf>,
    pub(crate) connect_timeout: Duration,
    pub(crate) response_timeout: Duration,
}

/// Who we are to a service that speaks like Amazon's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum AwsCredentials {
    /// Named here.
    Static { access_key: String, secret: SecretReference },
    /// A profile of the AWS configuration files.
    Profile(String),
    /// Whatever AWS programs would use.
    DefaultChain,
}

/// One of `[[clients]]`
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct ClientSettings {
    pub(crate) access_key: String,
    pub(crate) secret: SecretReference,
    pub(crate) buckets: Vec<String>,
    pub(crate) permission: Permission,
}

/// What a client may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Permission {
    Read,
    Write,
    ReadWrite,
}

/// One of `[[cors]]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CorsSettings {
    pub(crate) origins: Vec<String>,
    pub(crate) methods: Vec<http::Method>,
    pub(crate) headers: Vec<String>,
    pub(crate) expose: Vec<String>,
    pub(crate) max_age: Option<Duration>,
}

/// `[log]`
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct LogSettings {
    /// `None`: as the terminal says.
    pub(crate) json: Option<bool>,
    pub(crate) filter: String,
}

/// `[limits]`
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Limits {
    pub(crate) connections: usize,
    pub(crate) header_timeout: Duration,
    pub(crate) handshake_timeout: Duration,
    pub(crate) drain: Duration,
    /// Bytes of parts that may wait in the data directory.
    pub(crate) held_parts: u64,
}

impl Settings {
    /// Whether a key with this id wraps anything that is written.
    pub(crate) fn writes_with(&self, id: &str) -> bool {
        let foreign = |rule: &RuleSettings| {
            let keys = rule.foreign.as_ref().and_then(|foreign| foreign.keys.as_ref());
            matches!(rule.format, WriteFormat::S3Ec(_)) && keys.is_none_or(|keys| keys.iter().any(|key| key == id))
        };
        let primary =
            |rule: &RuleSettings| rule.primary.as_ref().or(self.primary.as_ref()).is_some_and(|key| key == id);
        let mut rules = self.rules.iter().filter(|rule| rule.encrypts());
        self.upload_key.as_deref() == Some(id) || rules.any(|rule| primary(rule) || foreign(rule))
    }

    /// Whether a key that wraps new objects somewhere cannot unwrap them.
    pub(crate) fn writes_only(&self) -> bool {
        writes_only(&self.rules, self.primary.as_deref(), &self.keys)
    }
}

/// Settings, and the listing of them for people.
pub(crate) struct Loaded {
    pub(crate) settings: Settings,
    pub(crate) report: Report,
}

/// Reads all layers.
pub(crate) fn load(overrides: &Overrides) -> Result<Loaded, Problems> {
    let environment: Vec<_> = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect();
    load_from(overrides, &environment)
}

/// The files that settings are read from, whether they exist or not.
pub(crate) fn sources(overrides: &Overrides) -> Vec<PathBuf> {
    layers::files(overrides, std::env::var(layers::FILE_VARIABLE).ok())
}

fn load_from(overrides: &Overrides, environment: &[(String, String)]) -> Result<Loaded, Problems> {
    let layers = Layers::read(overrides, environment)?;
    let raw = layers.raw()?;
    let settings = resolve::resolve(raw, &layers, environment)?;
    let report = Report::new(&layers, &settings);
    Ok(Loaded { settings, report })
}

#[cfg(test)]
mod tests;
