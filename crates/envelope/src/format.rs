//! The formats content is stored in: our own, which is written and read, and Amazon's, which are only read.

pub mod s3ec;
pub(crate) mod sealed;
