//! Everything that can be set, read at the start and again when it has changed, in types that cannot be wrong.
//!
//! Three steps: `layers` merges what was written where, `raw` gives it names, `resolve` gives it
//! meaning. Nothing here opens a key or a port: secrets stay references until `serve` follows them.

mod duration;
mod files;
mod layers;
mod place;
mod problem;
mod raw;
mod report;
mod resolve;
mod secret;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use keyring::{KeyCheck, PassphraseParameters};
use layers::Layers;
pub(crate) use layers::Overrides;
pub(crate) use objects::{Context, ForeignFormat, Padding, ReadPolicy, WriteFormat};
pub(crate) use problem::Problems;
pub(crate) use report::Report;
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

/// One of `[[keys]]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct KeySettings {
    pub(crate) id: String,
    /// How objects of other formats describe it.
    pub(crate) materials: BTreeMap<String, String>,
    /// What a key management service is told beside what we tell it.
    pub(crate) context: BTreeMap<String, String>,
    /// By what it must be recognised.
    pub(crate) check: Option<KeyCheck>,
    pub(crate) kind: KeyKind,
}

/// What a key is, and where it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum KeyKind {
    /// 32 bytes; 16 or 24 for other formats only.
    Aes { secret: SecretReference },
    /// Words that become such a key.
    Passphrase { secret: SecretReference, parameters: PassphraseParameters },
    /// An RSA key, or the public half of one.
    Rsa(Half),
    /// An X25519 key, or the public half of one.
    X25519(Half),
    /// A password of fileson's.
    Pbkdf2 { password: SecretReference, salt: String, iterations: u32 },
    /// A secret key, its passphrase, or a passphrase of messages.
    OpenPgp { key: Option<SecretReference>, passphrase: Option<SecretReference> },
    /// Passwords of an rclone crypt remote.
    RcloneCrypt { password: SecretReference, password2: Option<SecretReference>, obscured: bool },
    /// A key of AWS KMS.
    AwsKms(Box<AwsKmsKey>),
    /// A key of the transit engine of Vault.
    VaultTransit(Box<VaultKey>),
}

/// Which half of a key there is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Half {
    /// The private one, which implies the other.
    Private(SecretReference),
    /// The public one alone.
    Public(SecretReference),
}

/// `kind = "aws-kms"`
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct AwsKmsKey {
    /// ARN, id or alias.
    pub(crate) key: String,
    pub(crate) endpoint: Option<String>,
    pub(crate) region: Option<String>,
    pub(crate) credentials: AwsCredentials,
    pub(crate) reuse: Reuse,
}

/// `kind = "vault-transit"`
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct VaultKey {
    pub(crate) key: String,
    pub(crate) address: String,
    pub(crate) mount: String,
    pub(crate) namespace: Option<String>,
    pub(crate) ca: Option<PathBuf>,
    pub(crate) login: VaultLogin,
    pub(crate) reuse: Reuse,
}

/// Who we are to Vault.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum VaultLogin {
    Token(SecretReference),
    AppRole { mount: String, role_id: String, secret_id: SecretReference },
    Kubernetes { mount: String, role: String, jwt: SecretReference },
}

/// How long and how often an answer of a service is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Reuse {
    /// Zero: it is asked every time.
    pub(crate) age: Duration,
    pub(crate) objects: u32,
}

impl KeyKind {
    /// What the settings call it.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Aes { .. } => "aes",
            Self::Passphrase { .. } => "passphrase",
            Self::Rsa(_) => "rsa",
            Self::X25519(_) => "x25519",
            Self::Pbkdf2 { .. } => "pbkdf2",
            Self::OpenPgp { .. } => "openpgp",
            Self::RcloneCrypt { .. } => "rclone-crypt",
            Self::AwsKms(_) => "aws-kms",
            Self::VaultTransit(_) => "vault-transit",
        }
    }
}

impl KeySettings {
    /// An AES key without anything about other formats.
    pub(crate) fn aes(id: String, secret: SecretReference) -> Self {
        let (materials, context) = (BTreeMap::new(), BTreeMap::new());
        Self { id, materials, context, check: None, kind: KeyKind::Aes { secret } }
    }

    /// Whether a key of this kind can wrap what we seal.
    pub(crate) fn seals(&self) -> bool {
        !matches!(self.kind, KeyKind::Pbkdf2 { .. } | KeyKind::OpenPgp { .. } | KeyKind::RcloneCrypt { .. })
    }

    /// Whether it wraps what it cannot unwrap.
    pub(crate) fn is_public_half(&self) -> bool {
        matches!(self.kind, KeyKind::Rsa(Half::Public(_)) | KeyKind::X25519(Half::Public(_)))
    }
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

/// One of `[[rules]]`
#[derive(Debug, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each stands for itself and is written by its name")]
pub(crate) struct RuleSettings {
    pub(crate) bucket: String,
    pub(crate) prefix: String,
    pub(crate) format: WriteFormat,
    pub(crate) contents: Contents,
    /// Whether plaintext may be read where contents are mixed.
    pub(crate) reads_plaintext: bool,
    /// Whether ETags are MD5s of plaintext.
    pub(crate) md5_etags: bool,
    pub(crate) binding: Binding,
    pub(crate) clear_metadata: bool,
    pub(crate) bucket_identity: Option<String>,
    /// The id among `keys` of the one that wraps here, where it is not the one of all.
    pub(crate) primary: Option<String>,
    /// The ids among `keys` of those that unwrap here beside it; all of them when `None`.
    pub(crate) readers: Option<Vec<String>>,
    /// What of other programs is read, where anything is.
    pub(crate) foreign: Option<ForeignSettings>,
    pub(crate) writes_instruction_files: bool,
}

/// What a rule reads of other programs, and how.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct ForeignSettings {
    pub(crate) reads: Vec<ForeignFormat>,
    pub(crate) s3ec: ReadPolicy,
    /// Ids among `keys`; all of them when `None`.
    pub(crate) keys: Option<Vec<String>>,
    /// The encryption context that every object must carry.
    pub(crate) context: Context,
    pub(crate) instruction_suffix: String,
    pub(crate) padding: Padding,
    pub(crate) md5_metadata: Option<String>,
    pub(crate) sidecar_suffix: String,
}

/// What is stored where a rule applies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Contents {
    /// Only our objects.
    Sealed,
    /// Ours, and plaintext that may be read.
    Mixed,
    /// Nothing of ours.
    Plain,
    /// Everything is of one format that another program writes.
    Foreign(ForeignFormat),
}

/// What a wrapped key is tied to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Binding {
    Object,
    Key,
    None,
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

impl RuleSettings {
    /// Whether new objects are encrypted here, so that a key has to wrap.
    pub(crate) fn encrypts(&self) -> bool {
        matches!(self.format, WriteFormat::Sealed | WriteFormat::S3Ec(_))
    }
}

fn writes_only(rules: &[RuleSettings], primary: Option<&str>, keys: &[KeySettings]) -> bool {
    let wrapping = |rule: &RuleSettings| {
        let primary = rule.primary.as_deref().or(primary);
        keys.iter().any(|key| Some(key.id.as_str()) == primary && key.is_public_half())
    };
    rules.iter().filter(|rule| rule.encrypts()).any(wrapping)
}

/// Whether a key may have this id.
pub(crate) fn is_key_id(text: &str) -> bool {
    (1..=64).contains(&text.len()) && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-'))
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
