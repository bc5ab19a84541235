//! How data keys are wrapped, and how a wrap is tied to the object's name.
//!
//! The one match on [`WrapAlgorithm`] lives here. Who holds wrapping keys is the keyring's business.

use std::fmt;
use std::ops::RangeInclusive;
use std::str::FromStr;

use crate::{Error, KeyId};

mod aes_kw;
mod binding;
mod hpke;
mod passphrase;
mod rsa_new;
mod rsa_oaep;
mod service;

pub use aes_kw::{unwrap_a256kw, wrap_a256kw};
pub use binding::{Binding, BindingMode};
pub use hpke::X25519WrappingKey;
pub use passphrase::PassphraseParameters;
pub use rsa_new::{RsaKeyPair, RsaLen};
pub use rsa_oaep::RsaWrappingKey;
pub use service::{MAX_BLOB_LEN, RESERVED_CONTEXT, ServiceWrap, wrap_under_service};

/// How a data key was wrapped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum WrapAlgorithm {
    /// AES-256 key wrap (RFC 3394) under a key derived from the wrapping key and the object's name.
    A256Kw,
    /// RSAES-OAEP with SHA-256, labelled with the object's name.
    RsaOaep256,
    /// HPKE (RFC 9180) for an X25519 key, with AES-256-GCM and the object's name as associated data.
    HpkeX25519,
    /// AES-256 key wrap under an intermediate key, which AWS KMS wraps.
    AwsKms,
    /// The same under an intermediate key, which the transit engine of Vault or `OpenBao` wraps.
    VaultTransit,
}

/// Every algorithm with its name in envelopes.
const NAMES: [(WrapAlgorithm, &str); 5] = [
    (WrapAlgorithm::A256Kw, "A256KW"),
    (WrapAlgorithm::RsaOaep256, "RSA-OAEP-256"),
    (WrapAlgorithm::HpkeX25519, "HPKE-X25519-A256GCM"),
    (WrapAlgorithm::AwsKms, "AWS-KMS"),
    (WrapAlgorithm::VaultTransit, "VAULT-TRANSIT"),
];

/// A data key only its wrapping key can read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EncryptedDataKey {
    /// Which wrapping key.
    pub key_id: KeyId,
    /// How it was wrapped.
    pub algorithm: WrapAlgorithm,
    /// The wrapped bytes.
    pub wrapped: Vec<u8>,
}

impl WrapAlgorithm {
    /// How many bytes a wrapped data key may have.
    pub(crate) fn wrapped_lens(self) -> RangeInclusive<usize> {
        match self {
            Self::A256Kw => aes_kw::WRAPPED_LEN..=aes_kw::WRAPPED_LEN,
            Self::RsaOaep256 => rsa_oaep::LENS,
            Self::HpkeX25519 => hpke::WRAPPED_LEN..=hpke::WRAPPED_LEN,
            Self::AwsKms | Self::VaultTransit => service::LENS,
        }
    }
}

impl fmt::Display for WrapAlgorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = NAMES.iter().find(|(algorithm, _)| algorithm == self).map_or("", |(_, name)| name);
        f.write_str(name)
    }
}

impl FromStr for WrapAlgorithm {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self, Error> {
        let found = NAMES.iter().find(|(_, known)| *known == name);
        found.map(|(algorithm, _)| *algorithm).ok_or(Error::UnsupportedWrap)
    }
}
