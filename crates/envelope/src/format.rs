//! The formats content is sealed in. There is one.

pub(crate) mod sealed;
