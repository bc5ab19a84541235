//! What can go wrong with a sealed object, named by who is at fault.

use envelope::KeyId;

use crate::store::{BoxError, StoreError};

/// Why an object could not be written or read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The caller's body failed or did not verify; nothing was stored.
    #[error("the request body failed: {0}")]
    Body(#[source] BoxError),
    /// The caller named something that cannot be written as a request.
    #[error("the bucket or key cannot be written as a URI")]
    BadName,
    /// The caller's metadata is not text or uses a reserved name.
    #[error("{0}")]
    BadMetadata(String),
    /// The caller's metadata does not fit beside the envelope.
    #[error(
        "the metadata takes {used} bytes with the envelope and its sealing, and S3 allows {limit}; send less metadata or set metadata = \"clear\" in the rule"
    )]
    MetadataTooLarge {
        /// Bytes that names and values would take at the store.
        used: usize,
        /// S3's own limit.
        limit: usize,
    },
    /// The object would be larger than the format can hold.
    #[error("an object of {plain_len} bytes cannot be sealed")]
    TooLarge {
        /// The plaintext length asked for.
        plain_len: u64,
    },
    /// No rule speaks of this bucket.
    #[error("no rule covers bucket `{bucket}`; add one under [[rules]]")]
    NoRule {
        /// The bucket asked for.
        bucket: String,
    },
    /// The stored object is not ours although the rule says that everything here is.
    #[error(
        "the stored object is not sealed, and the rule `{rule}` says contents = \"sealed\"; set contents = \"mixed\" and reads = [\"plaintext\"] there to read it"
    )]
    NotSealed {
        /// The rule's bucket pattern.
        rule: String,
    },
    /// The stored object failed verification. The cause is for the log, never for the client.
    #[error("the stored object failed verification: {0}")]
    Integrity(String),
    /// The stored object is of a kind that this version does not read.
    #[error("the stored object was written by a multipart upload, which this version does not read")]
    Unsupported,
    /// The key that wraps the object is not in the keyring.
    #[error("the object is wrapped with key `{key_id}`, which is not in the keyring; add it under [[keys]]")]
    UnknownKey {
        /// The key the envelope names.
        key_id: KeyId,
    },
    /// A key of ours would not open the object.
    #[error(
        "key `{key_id}` does not unwrap this object: another key under the same id, an object moved from another name, or a changed envelope"
    )]
    KeyRefused {
        /// The key the envelope names.
        key_id: KeyId,
    },
    /// Keys could not be wrapped or unwrapped for another reason.
    #[error("the keyring failed: {0}")]
    Keyring(String),
    /// The store could not be reached or broke off.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The store answered something that S3 does not say.
    #[error("the store's answer makes no sense: {0}")]
    BadAnswer(String),
    /// Randomness failed or a request could not be built: our side.
    #[error("internal failure: {0}")]
    Internal(String),
}

impl From<crate::random::RandomError> for Error {
    fn from(error: crate::random::RandomError) -> Self {
        Self::Internal(error.to_string())
    }
}

impl From<http::Error> for Error {
    fn from(error: http::Error) -> Self {
        Self::Internal(format!("a store request could not be built: {error}"))
    }
}

impl From<keyring::Error> for Error {
    fn from(error: keyring::Error) -> Self {
        match error {
            keyring::Error::UnknownKey { key_id } => Self::UnknownKey { key_id },
            keyring::Error::Refused { key_id } => Self::KeyRefused { key_id },
            other => Self::Keyring(other.to_string()),
        }
    }
}
