//! Drawing keys. Where they are kept is not known here.

use anyhow::Context;
use keyring::{KeyPairFiles, PassphraseParameters, RsaLen};
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
    pub(super) argon2: Option<String>,
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
            Made { argon2: Some(parameters.to_string()), ..plain(words()?) }
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
        let id = || "main".parse().unwrap();
        let x25519 = make(Kind::X25519).unwrap();
        assert!(keyring::PublicKey::x25519(id(), x25519.secret.as_bytes()).unwrap().has_private_half());
        let public = x25519.public.unwrap();
        assert!(!keyring::PublicKey::x25519(id(), public.as_bytes()).unwrap().has_private_half());
        let passphrase = make(Kind::Passphrase).unwrap();
        assert_eq!(passphrase.secret.trim().split('-').map(str::len).sum::<usize>(), 26);
        assert!(passphrase.argon2.unwrap().parse::<PassphraseParameters>().is_ok());
        assert!(keyring::AesKey::from_key_file_contents(id(), make(Kind::Aes).unwrap().secret.as_bytes()).is_ok());
    }
}
