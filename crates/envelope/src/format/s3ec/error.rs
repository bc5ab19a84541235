//! Everything that can go wrong with an object of Amazon's formats, grouped by who is at fault.
//!
//! Errors name fields and rules, never values. What [`Error::is_decryption_failure`] calls so must reach a caller as
//! one answer, or the difference becomes an oracle.

/// Why an object could not be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    // The stored envelope is not what a client leaves.
    /// Two metadata names are one when case is ignored.
    #[error("the metadata holds {field} twice")]
    Repeated {
        /// The name.
        field: &'static str,
    },
    /// Fields of two formats stand together, as in an object whose format somebody tries to change.
    #[error("the envelope mixes formats of the S3 Encryption Client")]
    MixedFormats,
    /// Some of the envelope is there and some is not.
    #[error("the envelope is incomplete: {field} is missing")]
    Incomplete {
        /// The first field that is missing.
        field: &'static str,
    },
    /// The store left out metadata that it could not express, and what it sent is no complete envelope.
    #[error("the store left out metadata, and the rest is no complete envelope")]
    MissingMetadata,
    /// A field is not written as its format demands.
    #[error("malformed envelope: {field} {problem}")]
    InvalidField {
        /// The field.
        field: &'static str,
        /// Which rule is broken.
        problem: &'static str,
    },
    /// A field names an algorithm no client of this format writes, or one this program does not know.
    #[error("{field} names an algorithm that is not supported")]
    UnknownAlgorithm {
        /// The field.
        field: &'static str,
    },
    /// No client wraps a key in this way for this content.
    #[error("the envelope joins a key wrap and a content algorithm that do not belong together")]
    ForbiddenPair,
    /// The instruction file is not one.
    #[error("malformed instruction file: {problem}")]
    InstructionFile {
        /// Which rule is broken.
        problem: &'static str,
    },
    /// The encryption context in the envelope is not the one expected, or does not bind the content algorithm.
    #[error("the stored encryption context {problem}")]
    StoredContext {
        /// Which rule is broken.
        problem: &'static str,
    },

    // The rule for this object forbids it.
    /// The read policy does not allow such an object, or such a way to read it.
    #[error("refused by the read policy: {0}")]
    Refused(Rule),

    // The caller asked for something that cannot be.
    /// The key is not of the kind this envelope's data key was wrapped with.
    #[error("the wrapping key is not of the kind the envelope asks for")]
    WrongKeyKind,
    /// The bytes are no key.
    #[error("not a usable wrapping key: {problem}")]
    InvalidKey {
        /// What it must be.
        problem: &'static str,
    },
    /// The current clients wrap data keys of 32 bytes for content in GCM, and no others.
    #[error("no current client wraps such a data key: its content is in CBC, or it has not 32 bytes")]
    NoCurrentWrap,
    /// The expected encryption context cannot be one.
    #[error("the expected encryption context {problem}")]
    ExpectedContext {
        /// Which rule is broken.
        problem: &'static str,
    },
    /// A materials description or an encryption context that cannot be stored.
    #[error("the materials description or encryption context is longer than 64 KiB")]
    Description,
    /// More content than one object of these formats can hold.
    #[error("an object of Amazon's formats holds at most 68719476704 bytes")]
    TooLong,
    /// More or fewer bytes to seal than were announced.
    #[error("the content does not have the announced length")]
    WrongLength,
    /// Parts that do not follow each other without a gap from the beginning of the object.
    #[error("the parts do not make one object")]
    PartsApart,
    /// The range does not lie inside the object, or is empty.
    #[error("the range is not inside the object")]
    InvalidRange,

    // Wrong key, or tampering.
    /// Another wrapping key, or a changed envelope.
    #[error("the data key cannot be unwrapped: another key or a changed envelope")]
    Unwrap,
    /// The data key is not the one the object commits to.
    #[error("the data key is not the one the object commits to")]
    Commitment,
    /// Another key, or changed content. Unauthenticated content gives this for wrong padding, lengths and keys alike.
    #[error("the content cannot be decrypted: another key or changed content")]
    Content,

    // The stored object does not have the bytes its length promised.
    /// The stored bytes ended early.
    #[error("the stored object ends {missing} bytes early")]
    Truncated {
        /// Bytes that did not come.
        missing: u64,
    },
    /// The stored bytes go on after their end.
    #[error("the stored object goes on after its end")]
    TrailingBytes,

    // We broke.
    /// A primitive refused to work on lengths it must accept.
    #[error("a cipher failed inside this program")]
    Internal,
}

/// What a read policy says about an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum Rule {
    /// [`CommitmentPolicy`](super::CommitmentPolicy) allows only objects that commit to their key.
    #[error("the object does not commit to its key, as format V3 does")]
    CommitmentPolicy,
    /// [`ReadPolicy::legacy_wraps`](super::ReadPolicy::legacy_wraps) is off.
    #[error("its data key is wrapped in a legacy way")]
    LegacyWraps,
    /// [`ReadPolicy::legacy_content`](super::ReadPolicy::legacy_content) is off.
    #[error("its content is encrypted without authentication (CBC)")]
    LegacyContent,
    /// [`ReadPolicy::instruction_files`](super::ReadPolicy::instruction_files) does not allow this one.
    #[error("its envelope is in an instruction file")]
    InstructionFiles,
    /// Only objects of [a tool](super::Tool) are read, and it writes no such object.
    #[error("the tool this rule names does not write such objects")]
    OtherTool,
    /// [`ReadPolicy::unverified_ranges`](super::ReadPolicy::unverified_ranges) is off.
    #[error("a range of it cannot be verified")]
    UnverifiedRanges,
}

impl Error {
    /// Whether a caller must not be told this apart from the other decryption failures.
    pub fn is_decryption_failure(&self) -> bool {
        matches!(self, Self::Unwrap | Self::Commitment | Self::Content)
    }
}
