//! Where wrapping keys live: in memory, from a key file, a passphrase, or a file with a public half.

pub(crate) mod aes;
pub(crate) mod public;
