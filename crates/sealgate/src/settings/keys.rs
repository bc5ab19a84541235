//! `[[keys]]`: what a key is, and where it is. Nothing is followed here.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use keyring::{KeyCheck, PassphraseParameters};

use super::{AwsCredentials, SecretReference};

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

/// Whether a key may have this id.
pub(crate) fn is_key_id(text: &str) -> bool {
    (1..=64).contains(&text.len()) && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-'))
}
