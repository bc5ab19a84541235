//! How data keys are wrapped, and how a wrap is tied to the object's name.
//!
//! The one match on [`WrapAlgorithm`] lives here. Who holds wrapping keys is the keyring's business.

use std::fmt;
use std::str::FromStr;

use crate::{Error, KeyId};

mod aes_kw;
mod binding;

pub use aes_kw::{unwrap_a256kw, wrap_a256kw};
pub use binding::{Binding, BindingMode};

/// How a data key was wrapped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum WrapAlgorithm {
    /// AES-256 key wrap (RFC 3394) under a key derived from the wrapping key and the object's name.
    A256Kw,
}

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
    /// How many bytes a wrapped data key has.
    pub(crate) fn wrapped_len(self) -> usize {
        match self {
            Self::A256Kw => aes_kw::WRAPPED_LEN,
        }
    }
}

impl fmt::Display for WrapAlgorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::A256Kw => f.write_str("A256KW"),
        }
    }
}

impl FromStr for WrapAlgorithm {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self, Error> {
        match name {
            "A256KW" => Ok(Self::A256Kw),
            _ => Err(Error::UnsupportedWrap),
        }
    }
}
