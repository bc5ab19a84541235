//! Everything that can go wrong with objects of older tools, grouped by who is at fault.
//!
//! What a wrong key, wrong padding or changed content look like is one error, so that nobody learns which it was.

/// Why an object could not be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    // What was configured cannot be a key.
    /// The bytes or the words are no key of this tool.
    #[error("not a usable key: {problem}")]
    InvalidKey {
        /// What it must be.
        problem: &'static str,
    },

    // The stored object is not what the tool leaves.
    /// A metadata field is not written as the tool does.
    #[error("malformed metadata: {field} {problem}")]
    InvalidField {
        /// The field.
        field: &'static str,
        /// Which rule is broken.
        problem: &'static str,
    },
    /// The object beside this one is no wrapped key.
    #[error("malformed key object: {problem}")]
    KeyObject {
        /// Which rule is broken.
        problem: &'static str,
    },

    // The caller asked for something that cannot be.
    /// The range does not lie inside the object, or is empty.
    #[error("the range is not inside the object")]
    InvalidRange,

    /// The object holds more than can be opened at once.
    #[error("the message holds more than {limit} bytes, which is all that is opened at once")]
    TooLarge {
        /// Bytes of content that are opened.
        limit: usize,
    },

    // Wrong key, or tampering.
    /// KMS answered with something that is no key for this tool.
    #[error("the data key is not one of this tool's")]
    Unwrap,
    /// Another key, or changed content: wrong lengths, headers, padding and tags alike.
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

impl Error {
    /// Whether a caller must not be told this apart from the other decryption failures.
    pub fn is_decryption_failure(&self) -> bool {
        matches!(self, Self::Unwrap | Self::Content)
    }
}

impl From<super::super::s3ec::Error> for Error {
    /// Of the machines shared with Amazon's formats only what they can say before a byte has come.
    fn from(_: super::super::s3ec::Error) -> Self {
        Self::Internal
    }
}
