//! The shape every machine of this crate has: bytes in, bytes out, one push at a time.
//!
//! Whoever drives a machine needs to know nothing else about it.

use bytes::BytesMut;

use crate::Error;

/// Turns one byte stream into another.
///
/// After an error the machine is spent: it refuses every further call with the same error.
pub trait Transform {
    /// What is only known once the last byte has gone through.
    type Summary;

    /// Takes any number of bytes and appends what they yield.
    ///
    /// # Errors
    /// Whatever is wrong with the bytes; nothing of them is released then.
    fn push(&mut self, input: &[u8], out: &mut BytesMut) -> Result<(), Error>;

    /// Ends the stream and appends what was held back.
    ///
    /// # Errors
    /// Whatever is wrong with the stream as a whole; what was held back stays unreleased then.
    fn finish(self, out: &mut BytesMut) -> Result<Self::Summary, Error>;
}
