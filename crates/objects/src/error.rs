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
    /// The rule lets nothing new be written.
    #[error("the rule `{rule}` says format = \"refused\": nothing new may be written here")]
    WritesRefused {
        /// The rule's bucket pattern.
        rule: String,
    },
    /// The stored object is not ours although the rule says that everything here is.
    #[error(
        "the stored object is not sealed, and the rule `{rule}` does not let plaintext be read; set contents = \"mixed\" and add \"plaintext\" to its `reads` to read it"
    )]
    NotSealed {
        /// The rule's bucket pattern.
        rule: String,
    },
    /// The stored object is in a format that the rule does not read.
    #[error(
        "the stored object is in the format \"{format}\", which the rule `{rule}` does not read; add it to its `reads` to read it"
    )]
    NotRead {
        /// The rule's bucket pattern.
        rule: String,
        /// The format's name in settings.
        format: &'static str,
    },
    /// The rule reads the stored object's format, but not such an object of it. No key was touched.
    #[error("the rule `{rule}` refuses the stored object: {cause}; set {setting} there to read it")]
    Forbidden {
        /// The rule's bucket pattern.
        rule: String,
        /// What it refuses.
        cause: String,
        /// What would let it be read.
        setting: &'static str,
    },
    /// The rule names no key of the kind that a foreign object needs.
    #[error("the stored object needs a key of kind \"{kind}\", and the rule `{rule}` has none; add it under [[keys]]")]
    NoForeignKey {
        /// The rule's bucket pattern.
        rule: String,
        /// The kind as settings call it.
        kind: &'static str,
    },
    /// An OpenPGP message is more than is opened in memory.
    #[error(
        "the stored object is an OpenPGP message of more than {limit} bytes, and such messages are only opened in memory; open it with gpg"
    )]
    MessageTooLarge {
        /// What is opened.
        limit: u64,
    },
    /// An object that nothing authenticates failed too often in a short time.
    #[error("the stored object failed too often of late; try again in a minute")]
    TooManyFailures,
    /// The stored object failed verification. The cause is for the log, never for the client.
    #[error("the stored object failed verification: {0}")]
    Integrity(String),
    /// The key that wraps the object is not in the keyring.
    #[error("the object is wrapped with key `{key_id}`, which is not in the keyring; add it under [[keys]]")]
    UnknownKey {
        /// The key the envelope names.
        key_id: KeyId,
    },
    /// The key that wraps the object is there, and the rule does not let it read.
    #[error(
        "the object is wrapped with key `{key_id}`, which the rule `{rule}` does not read with; add it to the rule's `readers`"
    )]
    KeyWithheld {
        /// The key the envelope names.
        key_id: KeyId,
        /// The rule's bucket pattern.
        rule: String,
    },
    /// Nothing can be wrapped here.
    #[error("no key wraps under the rule `{rule}`; name one with `primary` in the rule or in [keyring]")]
    NoPrimary {
        /// The rule's bucket pattern.
        rule: String,
    },
    /// A key of ours would not open the object.
    #[error(
        "key `{key_id}` does not unwrap this object: another key under the same id, an object moved from another name, or a changed envelope"
    )]
    KeyRefused {
        /// The key the envelope names.
        key_id: KeyId,
    },
    /// Only the public half of the key is here: the host writes and does not read.
    #[error("reading this needs the private half of key `{key_id}`, and only its public half is here")]
    NoPrivateKey {
        /// The key.
        key_id: KeyId,
    },
    /// The service that keeps a key does not answer, for now. Why is for the log.
    #[error("key `{key_id}` cannot be used for now: its service does not answer")]
    KeyUnavailable {
        /// The key.
        key_id: KeyId,
        /// What happened.
        why: String,
    },
    /// Keys could not be wrapped or unwrapped for another reason.
    #[error("the keyring failed: {0}")]
    Keyring(String),
    /// Nobody said where unfinished uploads are remembered.
    #[error("multipart uploads need a data directory to remember their parts in; set `data`")]
    NoUploadState,
    /// The key is one of those that name instruction files.
    #[error("keys that end in `{suffix}` are kept for instruction files here")]
    NamesInstructionFile {
        /// What such keys end in.
        suffix: String,
    },
    /// The state of unfinished uploads is shared, where one process has to decide.
    #[error("uploads in parts in Amazon's formats need their state in the data directory; set uploads = \"local\"")]
    SharedUploads,
    /// There is no room for more unfinished uploads, for the moment.
    #[error("{0}")]
    Busy(String),
    /// The caller's own key for the store, where requests have none.
    #[error(
        "SSE-C does not work for uploads in parts: the end of the sealed object is sent and read with requests that do not carry the key; use \
         another encryption of the store, or one request"
    )]
    CustomerKey,
    /// The caller named an object that is kept for the state of unfinished uploads.
    #[error("names that begin with `.sealgate/` are kept for the state of unfinished uploads")]
    Reserved,
    /// The parts have sizes that the store does not put together.
    #[error("{0}")]
    UnequalParts(String),
    /// The upload id is not ours, was made for another object, or its upload is over.
    #[error("the upload does not exist; it may have been completed or aborted, or its state was lost: begin again")]
    NoSuchUpload,
    /// The object was replaced between two requests for it; the read begins again.
    #[error("the object was replaced while it was read")]
    Replaced,
    /// The entries of a listing could not be asked for their sizes in time.
    #[error("the store was too slow to tell what the listed objects are; what it told is remembered: ask again")]
    ListingTooSlow,
    /// There is no part of this number.
    #[error("the object has no part {number}")]
    NoSuchPartNumber {
        /// The number asked for.
        number: u32,
    },
    /// A part that cannot be.
    #[error("{0}")]
    BadPart(String),
    /// The list of parts is not in ascending order.
    #[error("the list of parts was not in ascending order")]
    PartOrder,
    /// A listed part was not uploaded, or with other bytes.
    #[error("part {number} was not uploaded, or its ETag or checksum is another")]
    NoSuchPart {
        /// The part's number.
        number: u16,
    },
    /// A part that is not the last one has less than 5 MiB.
    #[error("part {number} has {plain_len} bytes; every part but the last needs at least 5 MiB")]
    PartTooSmall {
        /// The part's number.
        number: u16,
        /// Its length.
        plain_len: u64,
    },
    /// The client's checksum of the whole object is not that of its parts.
    #[error("the {} you specified did not match the calculated checksum", .name.as_str())]
    ChecksumDisagrees {
        /// Which checksum.
        name: envelope::ChecksumName,
    },
    /// A sealed object would be written as plaintext, which nobody asked for.
    #[error("the object is sealed and the rule `{rule}` would store it unsealed; say --unseal if that is meant")]
    WouldUnseal {
        /// The rule's bucket pattern.
        rule: String,
    },
    /// The data key of an object in this format cannot be wrapped anew.
    #[error("no current client wraps data keys of the format \"{format}\": `sealgate migrate` writes the object anew")]
    NotRewrapped {
        /// The format's name in settings.
        format: &'static str,
    },
    /// An object whose envelope lies beside it would be replaced by plaintext, which that envelope then makes unreadable.
    #[error(
        "its envelope is in an instruction file, beside which plaintext cannot lie; migrate it to another bucket or prefix"
    )]
    BesideItsEnvelope,
    /// What belonged to an object before it was written anew could not be removed.
    #[error("the object was written, and \"{key}\", which it does not need any more, could not be removed: {why}")]
    CompanionStays {
        /// The key of what stays.
        key: String,
        /// What the store said.
        why: String,
    },
    /// Something else is where an object was to go.
    #[error("another object is there, or the source was changed since; delete it there to migrate this one")]
    Taken,
    /// The store answered a request of ours with a refusal.
    #[error("the store refused with {code}: {message}")]
    Refused {
        /// Its error code.
        code: String,
        /// Its words.
        message: String,
    },
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
            keyring::Error::NoPrivateKey { key_id } => Self::NoPrivateKey { key_id },
            keyring::Error::Unavailable { key_id, why } => Self::KeyUnavailable { key_id, why },
            other => Self::Keyring(other.to_string()),
        }
    }
}
