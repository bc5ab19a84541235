//! Who may unwrap the data keys of sealed objects.
//!
//! A [`Keyring`] has one primary key, which wraps every new data key, and retired keys, which only unwrap what they
//! once wrapped. Where a key lives is the business of its [`WrappingKey`]; what a wrap looks like is the envelope's.
//! Nothing here reads files, draws random bytes, or knows what an object is.

mod error;
mod key_file;
mod keyring;
mod provider;

pub use error::Error;
pub use key_file::encode_key_file;
pub use keyring::{Keyring, WrappingKey};
pub use provider::aes::AesKey;
