//! Everything that can go wrong with a sealed object, grouped by who is at fault.
//!
//! Failed authentication says where, never which bytes, and never tells a wrong key from tampering.

use crate::format::{legacy, s3ec};

/// Why an object could not be sealed, opened, wrapped or unwrapped.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    // The caller asked for something that cannot be.
    /// A key id holds something else than 1 to 64 of `A-Z a-z 0-9 . _ -`.
    #[error("a key id is 1 to 64 characters of A-Z, a-z, 0-9, '.', '_' and '-'")]
    InvalidKeyId,
    /// A bucket identity or object key does not fit a wrap context.
    #[error("a bucket or object name of more than 65535 bytes cannot be bound to a key")]
    NameTooLong,
    /// A key is all zero bytes, which no random source yields.
    #[error("an all-zero key protects nothing")]
    ZeroKey,
    /// These bytes are no key, or none that is strong enough.
    #[error("not a usable key")]
    InvalidKey,
    /// The parameters of a passphrase are not written as they have to be, or out of bounds.
    #[error(
        "parameters of a passphrase are $argon2id$v=19$m=<KiB>,t=<passes>,p=<lanes>$<salt>, with 19456 to 2097152 KiB, 1 to 64 passes, 1 to 16 lanes and a salt of 16 to 64 bytes in base64"
    )]
    InvalidParameters,
    /// Only the public half of the key is here.
    #[error("only the public half of the key is here")]
    NoPrivateKey,
    /// The checksum algorithm is not one this format records.
    #[error("unknown checksum algorithm")]
    UnknownChecksum,
    /// The sealed length would not fit 64 bits.
    #[error("an object of {plain_len} bytes is too large to seal")]
    TooLarge {
        /// Bytes the caller announced.
        plain_len: u64,
    },
    /// More or fewer bytes arrived than were announced.
    #[error("the content is not the {announced} bytes that were announced")]
    WrongPlainLen {
        /// Bytes the caller announced.
        announced: u64,
    },
    /// These parts cannot make one object.
    #[error("the parts cannot make an object: {problem}")]
    InvalidParts {
        /// Which rule is broken.
        problem: &'static str,
    },
    /// The range does not lie inside the object.
    #[error("the range is not inside the object")]
    InvalidRange,
    /// The facts about the content do not fit the summary.
    #[error("the checksums do not fit the summary")]
    FactsTooLong,

    // The stored object is not what a writer of this format leaves.
    /// The envelope is not written as version 1 demands.
    #[error("malformed envelope: {problem}")]
    MalformedEnvelope {
        /// Which rule is broken.
        problem: &'static str,
    },
    /// The envelope names a version this program does not know; a newer one may.
    #[error("the object is sealed in a newer version of the format")]
    UnsupportedVersion,
    /// The data key is wrapped in a way this program does not know; a newer one may.
    #[error("the data key is wrapped with an algorithm this program does not know")]
    UnsupportedWrap,
    /// The envelope says the object came in one request and the summary that it came in parts, or the other way round.
    #[error("the summary disagrees with the envelope on how the object was uploaded")]
    UploadDisagrees,
    /// No sealed object has this length: bytes are missing or were added.
    #[error("no sealed object has a length of {sealed_len} bytes")]
    ImpossibleLength {
        /// Length of the stored object.
        sealed_len: u64,
    },
    /// The stored object ended early.
    #[error("the stored object ends {missing} bytes early")]
    Truncated {
        /// Bytes that did not come.
        missing: u64,
    },
    /// The stored object goes on after its end.
    #[error("the stored object goes on after its end")]
    TrailingBytes,
    /// A chunk was changed, moved, or belongs to another object.
    #[error("chunk {index} is not authentic")]
    Chunk {
        /// Which chunk, counted from 0.
        index: u64,
    },
    /// A chunk of a part was changed, moved, or belongs to another part, another attempt or another object.
    #[error("chunk {index} of part {part} is not authentic")]
    PartChunk {
        /// Number of the part.
        part: u16,
        /// Which chunk of the part, counted from 0.
        index: u64,
    },
    /// The table was changed or belongs to another object.
    #[error("the table of parts is not authentic")]
    Table,
    /// The table is authentic but not written as version 1 demands.
    #[error("malformed table of parts: {problem}")]
    MalformedTable {
        /// Which rule is broken.
        problem: &'static str,
    },
    /// The summary was changed or belongs to another object.
    #[error("the summary is not authentic")]
    Summary,
    /// The summary is authentic but not written as version 1 demands.
    #[error("malformed summary: {problem}")]
    MalformedSummary {
        /// Which rule is broken.
        problem: &'static str,
    },
    /// The summary speaks of another length than the object has.
    #[error("the summary disagrees with the length of the object")]
    LengthDisagrees,
    /// The content is authentic but is not what the summary says was sealed.
    #[error("the summary disagrees with the content: {digest}")]
    DigestDisagrees {
        /// Name of the digest, as S3 spells it.
        digest: &'static str,
    },
    /// The sealed user metadata was changed or belongs to another object.
    #[error("the sealed user metadata is not authentic")]
    Metadata,
    /// The sealed user metadata is authentic but not written as version 1 demands.
    #[error("malformed sealed user metadata")]
    MalformedMetadata,

    /// The upload id does not belong to this upload.
    #[error("the upload id is not of this upload")]
    UploadId,
    /// A record of an upload was changed or belongs elsewhere.
    #[error("the record of an upload is not authentic")]
    Record,

    // The key does not fit.
    /// Another wrapping key, another object name, or a changed wrapped key.
    #[error("the data key cannot be unwrapped: another key, another name, or a changed envelope")]
    Unwrap,
    /// The data key is not the one this envelope was written with.
    #[error("the data key is not the one the envelope commits to")]
    Commitment,

    // The object is of one of Amazon's formats.
    /// What is wrong there.
    #[error(transparent)]
    S3Ec(#[from] s3ec::Error),

    // The object is of one of the older tools.
    /// What is wrong there.
    #[error(transparent)]
    Legacy(#[from] legacy::Error),

    // We broke.
    /// A primitive refused to work on lengths it must accept.
    #[error("a cipher or encoder failed inside this program")]
    Internal,
}
