//! The formats content is stored in: our own, Amazon's, of which the legacy ones are only read, and those of older tools,
//! which are only read.

pub mod legacy;
pub mod s3ec;
pub(crate) mod sealed;
