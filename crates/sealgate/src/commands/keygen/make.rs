//! Drawing keys. Where they are kept is not known here.

use anyhow::{Context, anyhow};
use keyring::{AesKey, KeyCheck, KeyPairFiles, PassphraseParameters, PublicKey, RsaLen, WrappingKey};
use zeroize::Zeroizing;

use crate::firstrun::new_key_file;

/// A kind of key that is made here.
#[derive(Debug, Clone, Copy)]
pub(super) enum Kind {
    Aes,
    Passphrase,
    Rsa(RsaLen),
    X25519,
}

/// What was made: contents of a file, and for a key of two halves those of another one.
pub(super) struct Made {
    pub(super) secret: Zeroizing<String>,
    pub(super) public: Option<String>,
    /// What makes the key out of a passphrase; worth as much as the words.
    pub(super) argon2: Option<PassphraseParameters>,
}

impl Made {
    /// By what the key is recognised, taken from what was made as a server reads it.
    pub(super) fn check(&self, kind: Kind, id: &str) -> anyhow::Result<KeyCheck> {
        let id = id.parse().map_err(|error| anyhow!("{error}"))?;
        let contents = self.secret.as_bytes();
        let check = match (kind, &self.argon2) {
            (Kind::Passphrase, Some(argon2)) => {
                AesKey::from_passphrase(id, self.secret.trim_end(), argon2)?.check_value()
            }
            (Kind::Rsa(_), _) => PublicKey::rsa(id, contents)?.check_value(),
            (Kind::X25519, _) => PublicKey::x25519(id, contents)?.check_value(),
            _ => AesKey::from_key_file_contents(id, contents)?.check_value(),
        };
        check.context("the key has no check value")
    }
}

impl Kind {
    /// Its name in the configuration, and the ending of its files.
    pub(super) fn names(self) -> (&'static str, &'static str) {
        match self {
            Self::Aes => ("aes", "key"),
            Self::Passphrase => ("passphrase", "pass"),
            Self::Rsa(_) => ("rsa", "pem"),
            Self::X25519 => ("x25519", "pem"),
        }
    }
}

pub(super) fn make(kind: Kind) -> anyhow::Result<Made> {
    let plain = |secret| Made { secret, public: None, argon2: None };
    let halves = |files: KeyPairFiles| Made { public: Some(files.public), ..plain(files.private) };
    Ok(match kind {
        Kind::Aes => plain(new_key_file()?),
        Kind::Passphrase => {
            let parameters = PassphraseParameters::recommended(draw()?);
            Made { argon2: Some(parameters), ..plain(words()?) }
        }
        Kind::Rsa(len) => halves(keyring::rsa_key_files(len)?),
        Kind::X25519 => halves(keyring::x25519_key_files(&Zeroizing::new(draw()?))?),
    })
}

/// 130 random bits as people can copy them: letters and digits that are not taken for each other.
fn words() -> anyhow::Result<Zeroizing<String>> {
    const ALPHABET: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
    let random = Zeroizing::new(draw::<26>()?);
    let mut words = Zeroizing::new(String::with_capacity(32));
    for (at, byte) in random.iter().enumerate() {
        if at > 0 && at % 5 == 0 {
            words.push('-');
        }
        words.push(char::from(ALPHABET[usize::from(byte % 32)]));
    }
    words.push('\n');
    Ok(words)
}

fn draw<const N: usize>() -> anyhow::Result<[u8; N]> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).context("the system has no randomness")?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_made_can_be_read() {
        for kind in [Kind::Aes, Kind::Passphrase, Kind::Rsa(RsaLen::Bits2048), Kind::X25519] {
            assert!(make(kind).unwrap().check(kind, "main").is_ok(), "{kind:?}");
        }
        let x25519 = make(Kind::X25519).unwrap();
        let public = PublicKey::x25519("main".parse().unwrap(), x25519.public.as_ref().unwrap().as_bytes()).unwrap();
        assert!(!public.has_private_half());
        assert_eq!(public.check_value(), x25519.check(Kind::X25519, "main").ok());
        let passphrase = make(Kind::Passphrase).unwrap();
        assert_eq!(passphrase.secret.trim().split('-').map(str::len).sum::<usize>(), 26);
    }
}
