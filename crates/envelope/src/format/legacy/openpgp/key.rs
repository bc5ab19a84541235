//! The key of somebody whose messages are read: a passphrase, or a secret key with its subkeys.
//!
//! A secret key is unlocked once, when it is loaded. What decrypts session keys with RSA is aws-lc-rs, for every such key
//! of 2048 bits and more: rPGP would use the `rsa` crate, whose timing tells strangers about the key
//! (RUSTSEC-2023-0071), and strangers write the messages. That crate only computes the key's other parts when it is
//! loaded.

use std::fmt;

use pgp::composed::{Deserializable, SignedSecretKey};
use pgp::packet::{SecretKey, SecretSubkey};
use pgp::types::{KeyDetails, Password, PlainSecretParams, PublicParams};
use rsa::pkcs8::EncodePrivateKey;
use rsa::traits::PublicKeyParts;
use rsa::{BigUint, RsaPrivateKey};
use zeroize::Zeroizing;

use super::super::super::s3ec::RsaMasterKey;
use super::Error;

/// What opens messages.
pub struct Key(pub(super) Secret);

pub(super) enum Secret {
    Passphrase(Password),
    Recipients(Vec<Recipient>),
}

/// A secret key or subkey that may be the recipient of messages.
pub(super) struct Recipient {
    pub(super) packet: Packet,
    /// The same key for aws-lc-rs, where it is RSA.
    pub(super) rsa: Option<RsaMasterKey>,
}

pub(super) enum Packet {
    Primary(Box<SecretKey>),
    Sub(Box<SecretSubkey>),
}

impl Key {
    /// Takes the passphrase of messages that were encrypted to one (`gpg -c`).
    ///
    /// # Errors
    /// [`Error::InvalidKey`] when it is empty.
    pub fn from_passphrase(passphrase: &str) -> Result<Self, Error> {
        if passphrase.is_empty() {
            return Err(Error::InvalidKey { problem: "the passphrase is empty" });
        }
        Ok(Self(Secret::Passphrase(Password::from(passphrase))))
    }

    /// Takes what `gpg --export-secret-keys` writes, armored or not, and the passphrase that locks it, if any does.
    ///
    /// # Errors
    /// [`Error::InvalidKey`] when there is no secret key, when the passphrase does not unlock it, and when none of its
    /// parts decrypts with an algorithm this program takes: RSA of 2048 to 8192 bits, or ECDH.
    pub fn from_secret_key(exported: &[u8], passphrase: Option<&str>) -> Result<Self, Error> {
        let invalid = |problem| Error::InvalidKey { problem };
        let (key, _) = SignedSecretKey::from_reader_single_buf(exported)
            .map_err(|_| invalid("it is no OpenPGP secret key as `gpg --export-secret-keys` writes it"))?;
        let password = passphrase.map_or_else(Password::empty, Password::from);
        let parts = key.secret_subkeys.into_iter().map(|subkey| Packet::Sub(Box::new(subkey.key)));
        let parts = parts.chain([Packet::Primary(Box::new(key.primary_key))]).filter(Packet::may_decrypt);
        // A part may be a stub, as where the primary key is kept elsewhere.
        let (mut recipients, mut problem) = (Vec::new(), "none of its parts decrypts with RSA of 2048 bits or ECDH");
        for part in parts {
            match Recipient::unlocked(part, &password) {
                Ok(recipient) => recipients.extend(recipient),
                Err(Locked) => problem = "the passphrase does not unlock it",
            }
        }
        if recipients.is_empty() {
            return Err(invalid(problem));
        }
        Ok(Self(Secret::Recipients(recipients)))
    }
}

/// The passphrase does not fit, or the part is not there.
struct Locked;

impl Recipient {
    /// `None` when it is RSA of a size that is not taken.
    fn unlocked(mut packet: Packet, password: &Password) -> Result<Option<Self>, Locked> {
        let rsa = match &mut packet {
            Packet::Primary(key) => {
                key.remove_password(password).map_err(|_| Locked)?;
                key.unlock(password, |public, secret| Ok(rsa_of(public, secret)))
            }
            Packet::Sub(key) => {
                key.remove_password(password).map_err(|_| Locked)?;
                key.unlock(password, |public, secret| Ok(rsa_of(public, secret)))
            }
        };
        Ok(match rsa.and_then(|rsa| rsa).map_err(|_| Locked)? {
            None => Some(Self { packet, rsa: None }),
            Some(Ok(rsa)) => Some(Self { packet, rsa: Some(rsa) }),
            Some(Err(_)) => None,
        })
    }
}

impl Packet {
    fn may_decrypt(&self) -> bool {
        let public = match self {
            Self::Primary(key) => key.public_key().public_params(),
            Self::Sub(key) => key.public_key().public_params(),
        };
        matches!(public, PublicParams::RSA(_) | PublicParams::ECDH(_) | PublicParams::X25519(_) | PublicParams::X448(_))
    }
}

/// The key for aws-lc-rs, if it is RSA.
fn rsa_of(public: &PublicParams, secret: &PlainSecretParams) -> Option<Result<RsaMasterKey, Error>> {
    let (PublicParams::RSA(public), PlainSecretParams::RSA(secret)) = (public, secret) else { return None };
    let (exponent, p, q, inverse) = secret.to_bytes();
    let [exponent, p, q, _inverse] = [exponent, p, q, inverse].map(Zeroizing::new);
    let primes = [&p, &q].map(|prime| BigUint::from_bytes_be(prime)).to_vec();
    let (modulus, public_exponent) = (public.key.n().clone(), public.key.e().clone());
    let key = RsaPrivateKey::from_components(modulus, public_exponent, BigUint::from_bytes_be(&exponent), primes);
    let der = key.ok().and_then(|key| key.to_pkcs8_der().ok());
    let invalid = Error::InvalidKey { problem: "its RSA key is damaged" };
    Some(der.ok_or(invalid.clone()).and_then(|der| RsaMasterKey::from_pkcs8_der(der.as_bytes()).map_err(|_| invalid)))
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("openpgp::Key")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_key_is_refused() {
        assert!(matches!(Key::from_passphrase(""), Err(Error::InvalidKey { .. })));
        for exported in [&b""[..], b"key", b"-----BEGIN PGP PRIVATE KEY BLOCK-----\n\n", &[0x95; 100]] {
            assert!(matches!(Key::from_secret_key(exported, None), Err(Error::InvalidKey { .. })));
        }
    }
}
