//! Finds the session key of a message among the packets in front of it, which anybody may have written: how many are
//! looked at and how much each may cost is bounded.

use pgp::composed::{Esk, Message, PlainSessionKey, RawSessionKey, TheRing};
use pgp::crypto::sym::SymmetricKeyAlgorithm;
use pgp::packet::{PublicKeyEncryptedSessionKey, SymKeyEncryptedSessionKey};
use pgp::types::{DecryptionKey, EskType, Password, PkeskBytes, PkeskVersion, StringToKey};

use super::super::super::s3ec::RsaMasterKey;
use super::key::{Key, Packet, Recipient, Secret};
use super::{Error, empty_ring};

/// The most recipients and passphrases a message may name.
const MAX_SESSION_KEYS: usize = 32;

/// The most passphrases a message may name: stretching one hashes up to 65 MB.
const MAX_PASSPHRASES: usize = 4;

/// The most memory that stretching a passphrase may take, as a power of two KiB: 64 MiB, which is what RFC 9580 proposes
/// to everybody. gpg does not stretch in this way.
const MAX_MEMORY: u8 = 16;

/// The most passes over that memory.
const MAX_PASSES: u8 = 4;

/// What the message is to be decrypted with.
pub(super) fn ring<'a>(key: &'a Key, message: &Message<'_>) -> Result<TheRing<'a>, Error> {
    let Message::Encrypted { esk, .. } = message else { return Err(Error::Content) };
    if esk.len() > MAX_SESSION_KEYS {
        return Err(Error::Content);
    }
    match &key.0 {
        Secret::Passphrase(passphrase) => {
            let stretched = || {
                esk.iter().filter_map(|esk| match esk {
                    Esk::SymKeyEncryptedSessionKey(esk) => Some(esk),
                    Esk::PublicKeyEncryptedSessionKey(_) => None,
                })
            };
            if stretched().count() > MAX_PASSPHRASES || !stretched().all(is_affordable) {
                return Err(Error::Content);
            }
            Ok(TheRing { message_password: vec![passphrase], ..empty_ring() })
        }
        Secret::Recipients(recipients) => {
            let session_key = session_key(recipients, esk).ok_or(Error::Content)?;
            Ok(TheRing { session_keys: vec![session_key], ..empty_ring() })
        }
    }
}

fn is_affordable(esk: &SymKeyEncryptedSessionKey) -> bool {
    match esk.s2k() {
        Some(StringToKey::Argon2 { t, p, m_enc, .. }) => *t <= MAX_PASSES && *p <= MAX_PASSES && *m_enc <= MAX_MEMORY,
        _ => true,
    }
}

/// The first session key that one of the recipients unwraps. RSA never fails, so its answer counts only when there is no
/// other.
fn session_key(recipients: &[Recipient], esk: &[Esk]) -> Option<PlainSessionKey> {
    let mut substitute = None;
    for esk in esk {
        let Esk::PublicKeyEncryptedSessionKey(esk) = esk else { continue };
        let Ok(wrapped) = esk.values() else { continue };
        for recipient in recipients.iter().filter(|recipient| recipient.is_named_in(esk)) {
            match (wrapped, &recipient.rsa) {
                (PkeskBytes::Rsa { mpi }, Some(rsa)) => match unwrap_rsa(rsa, mpi.as_ref()) {
                    (key, true) => return Some(key),
                    (key, false) => substitute = Some(key),
                },
                (PkeskBytes::Rsa { .. }, None) | (_, Some(_)) => {}
                (_, None) => {
                    if let Some(key) = recipient.unwrap(esk, wrapped) {
                        return Some(key);
                    }
                }
            }
        }
    }
    substitute
}

impl Recipient {
    fn is_named_in(&self, esk: &PublicKeyEncryptedSessionKey) -> bool {
        match &self.packet {
            Packet::Primary(key) => esk.match_identity(key.public_key()),
            Packet::Sub(key) => esk.match_identity(key.public_key()),
        }
    }

    fn unwrap(&self, esk: &PublicKeyEncryptedSessionKey, wrapped: &PkeskBytes) -> Option<PlainSessionKey> {
        let kind = match esk.version() {
            PkeskVersion::V3 => EskType::V3_4,
            PkeskVersion::V6 => EskType::V6,
            PkeskVersion::Other(_) => return None,
        };
        let unlocked = Password::empty();
        let key = match &self.packet {
            Packet::Primary(key) => key.decrypt(&unlocked, wrapped, kind),
            Packet::Sub(key) => key.decrypt(&unlocked, wrapped, kind),
        };
        key.ok()?.ok()
    }
}

/// Decrypts `algorithm || key || checksum`. What does not decrypt, or not to that, gives a key that nobody can foresee,
/// always the same for the same bytes, so that nobody can ask the RSA key questions: it fails as changed content does.
fn unwrap_rsa(rsa: &RsaMasterKey, wrapped: &[u8]) -> (PlainSessionKey, bool) {
    let key = rsa.decrypt_pkcs1(wrapped).and_then(|plain| read_session_key(&plain));
    let is_real = key.is_some();
    let key = key.unwrap_or_else(|| PlainSessionKey::V3_4 {
        sym_alg: SymmetricKeyAlgorithm::AES256,
        key: RawSessionKey::from(rsa.substitute(wrapped).as_slice()),
    });
    (key, is_real)
}

fn read_session_key(plain: &[u8]) -> Option<PlainSessionKey> {
    let (algorithm, rest) = plain.split_first()?;
    let (key, checksum) = rest.split_last_chunk::<2>()?;
    let sum = key.iter().fold(0_u16, |sum, byte| sum.wrapping_add(u16::from(*byte)));
    let sym_alg = SymmetricKeyAlgorithm::from(*algorithm);
    let fits = u16::from_be_bytes(*checksum) == sum && !key.is_empty() && key.len() == sym_alg.key_size();
    fits.then(|| PlainSessionKey::V3_4 { sym_alg, key: RawSessionKey::from(key) })
}

#[cfg(test)]
mod tests {
    use zeroize::Zeroizing;

    use super::*;

    #[test]
    fn session_keys_have_the_length_of_their_algorithm_and_their_sum() {
        let read = |algorithm: u8, len: usize, sum: u16| {
            let plain = Zeroizing::new([&[algorithm][..], &vec![3; len], &sum.to_be_bytes()].concat());
            read_session_key(&plain).is_some()
        };
        assert!(read(9, 32, 96) && read(7, 16, 48) && read(2, 24, 72));
        for (algorithm, len, sum) in [(9, 32, 97), (9, 16, 48), (7, 32, 96), (0, 0, 0), (200, 32, 96), (9, 0, 0)] {
            assert!(!read(algorithm, len, sum), "{algorithm} {len} {sum}");
        }
        for short in [&b""[..], &[9], &[9, 0], &[9, 0, 0]] {
            assert!(read_session_key(short).is_none());
        }
    }
}
