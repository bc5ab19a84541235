//! Who may unwrap the data keys of sealed objects.
//!
//! A [`Keyring`] has one primary key, which wraps every new data key, and retired keys, which only unwrap what they
//! once wrapped. Where a key lives is the business of its [`WrappingKey`]; what a wrap looks like is the envelope's.
//! [`MasterKeys`] are the keys of other formats, which describe their key or do not name one at all.
//! Nothing here reads files, draws random bytes, or knows what an object is.

mod error;
mod key_file;
mod key_pair_files;
mod keyring;
mod kms;
mod master;
mod provider;
mod rsa_file;

pub use envelope::wrap::{PassphraseParameters, RsaLen};
pub use envelope::{KeyCheck, KeyId, WrapAlgorithm};
pub use error::Error;
pub use key_file::encode_key_file;
pub use key_pair_files::{KeyPairFiles, rsa_key_files, x25519_key_files};
pub use keyring::{Canary, Keyring, WrappingKey};
pub use kms::{Kms, KmsError, KmsKey};
pub use master::{MasterKey, MasterKeys, MasterSecret};
pub use provider::aes::AesKey;
pub use provider::public::PublicKey;
