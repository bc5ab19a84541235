//! Why a data key could not be wrapped or unwrapped.
//!
//! A key that is not there and a key that refuses are told apart, since the operator does different things about them.

use envelope::KeyId;

use crate::KmsError;

/// What went wrong with a wrapping key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// No key of the keyring wrapped this data key: a key is missing from the configuration.
    #[error("the object is sealed with key {key_id:?}, which is not in the keyring", key_id = key_id.as_str())]
    UnknownKey {
        /// The name the envelope gives.
        key_id: KeyId,
    },
    /// The key is there, and this keyring is not to use it.
    #[error("the object is sealed with key {key_id:?}, which is not to read here", key_id = key_id.as_str())]
    Withheld {
        /// The name the envelope gives.
        key_id: KeyId,
    },
    /// Nothing is wrapped with this keyring.
    #[error("no key is named that wraps here")]
    NoPrimary,
    /// The key is there and does not unwrap it: another key under the same name, another object, or tampering.
    #[error("key {key_id:?} refuses the object's data key", key_id = key_id.as_str())]
    Refused {
        /// The name of the key that refused.
        key_id: KeyId,
    },
    /// Two keys of the keyring have one name, so an envelope could mean either.
    #[error("two keys are named {key_id:?}", key_id = key_id.as_str())]
    DuplicateKey {
        /// The name both have.
        key_id: KeyId,
    },
    /// A key file does not hold a key.
    #[error("not a key file: {problem}")]
    InvalidKeyFile {
        /// What is wrong with it, without any of its content.
        problem: &'static str,
    },
    /// What was given in place of a key cannot be one.
    #[error("{problem}")]
    InvalidSecret {
        /// What is wrong with it, without any of it.
        problem: &'static str,
    },
    /// The key is there and is of another kind than the object needs.
    #[error("key {key_id:?} is of another kind than this needs", key_id = key_id.as_str())]
    WrongKind {
        /// The name of the key.
        key_id: KeyId,
    },
    /// Only the public half of the key is here, which wraps and does not unwrap.
    #[error("reading needs the private half of key {key_id:?}, and only its public half is here", key_id = key_id.as_str())]
    NoPrivateKey {
        /// The name of the key.
        key_id: KeyId,
    },
    /// The service that holds the key does not let us use it.
    #[error("key {key_id:?} may not be used: {why}", key_id = key_id.as_str())]
    Denied {
        /// The name of the key.
        key_id: KeyId,
        /// What the service says.
        why: String,
    },
    /// The service that holds the key does not answer, for now.
    #[error("key {key_id:?} cannot be reached: {why}", key_id = key_id.as_str())]
    Unavailable {
        /// The name of the key.
        key_id: KeyId,
        /// What happened.
        why: String,
    },
    /// The data key cannot be wrapped at all.
    #[error("a data key cannot be wrapped with key {key_id:?}", key_id = key_id.as_str())]
    Wrap {
        /// The name of the key that was to wrap it.
        key_id: KeyId,
        /// What the envelope crate says.
        source: envelope::Error,
    },
}

impl Error {
    /// What a service said about the key it holds under this name.
    pub fn of_service(key_id: &KeyId, error: KmsError) -> Self {
        let key_id = key_id.clone();
        match error {
            KmsError::Refused => Self::Refused { key_id },
            KmsError::Denied(why) => Self::Denied { key_id, why },
            KmsError::Unavailable(why) => Self::Unavailable { key_id, why },
        }
    }
}
