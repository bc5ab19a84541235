//! Wraps and unwraps data keys with keys that are at hand. The one match on [`Wrap`] and the kind of key lives here.
//!
//! Wraps that authenticate fail with one error. Those of format V1 do not authenticate, and a failure that shows would
//! let somebody who can write the bucket ask the key questions: they go on with a substitute that nobody can foresee,
//! which fails as changed content does. FORMAT.md, 18.3.

mod aes;
mod rsa;
mod two_hashes;

pub(super) use aes::gcm_wrapped;
pub(super) use rsa::oaep_sha1_wrapped;
pub(super) use two_hashes::Numbers;

use super::Error;
use super::algorithms::Wrap;
use super::envelope::Envelope;
use super::keys::{AesKey, MasterKey};

/// Unwraps the data key.
pub(super) fn unwrap(envelope: &Envelope, key: &MasterKey) -> Result<AesKey, Error> {
    let (wrapped, bound) = (envelope.wrapped_key.as_slice(), envelope.suite().bound_name().as_bytes());
    match (envelope.wrap, key) {
        (Wrap::Unnamed, MasterKey::Aes(key)) => aes::ecb(key.key(), wrapped, &key.substitutes()?.of(wrapped)),
        (Wrap::AesWrap, MasterKey::Aes(key)) => aes::key_wrap(key.key(), wrapped),
        (Wrap::AesGcm, MasterKey::Aes(key)) => aes::gcm(key.key(), wrapped, bound),
        (Wrap::Unnamed, MasterKey::Rsa(key)) => rsa::pkcs1(key, wrapped),
        (Wrap::RsaOaepSha1, MasterKey::Rsa(key)) => rsa::oaep_sha1(key, wrapped, bound),
        (Wrap::RsaOaepSha256, MasterKey::Rsa(key)) => rsa::oaep_sha256(key, wrapped),
        (Wrap::AesWrap | Wrap::AesGcm, MasterKey::Rsa(_))
        | (Wrap::RsaOaepSha1 | Wrap::RsaOaepSha256, MasterKey::Aes(_))
        | (Wrap::Kms | Wrap::KmsContext, _) => Err(Error::WrongKeyKind),
    }
}
