//! Where wrapping keys live. So far: in memory, from a key file.

pub(crate) mod aes;
