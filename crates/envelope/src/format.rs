//! The formats content is stored in: our own, which is written and read, Amazon's, and those of older tools, which are
//! only read.

pub mod legacy;
pub mod s3ec;
pub(crate) mod sealed;
