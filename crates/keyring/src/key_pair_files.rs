//! New keys of two halves, as the files in which they are kept: PEM, as every other tool reads it.
//!
//! Who writes the files, and where, is not known here.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use envelope::wrap::{RsaKeyPair, RsaLen, X25519WrappingKey};
use zeroize::Zeroizing;

use crate::Error;

/// The width of the lines of PEM (RFC 7468, 2), in characters.
const LINE: usize = 64;

/// A new key of two halves, as two files.
pub struct KeyPairFiles {
    /// Unwraps: PKCS #8 in PEM.
    pub private: Zeroizing<String>,
    /// Wraps only: `SubjectPublicKeyInfo` in PEM.
    pub public: String,
}

/// The files of an X25519 key made of 32 random bytes.
///
/// # Errors
/// [`Error::InvalidSecret`] when the bytes make no key.
pub fn x25519_key_files(random: &[u8; 32]) -> Result<KeyPairFiles, Error> {
    let no_key = Error::InvalidSecret { problem: "these bytes make no X25519 key" };
    let key = X25519WrappingKey::from_private_bytes(random).map_err(|_| no_key.clone())?;
    let private = key.pkcs8_der().ok_or(no_key)?;
    Ok(files(&private, &key.public_der()))
}

/// The files of a new RSA key. It is drawn by the library that uses it, which takes its time.
///
/// # Errors
/// [`Error::InvalidSecret`] when the system gives no randomness.
pub fn rsa_key_files(len: RsaLen) -> Result<KeyPairFiles, Error> {
    let pair = RsaKeyPair::generate(len).map_err(|_| Error::InvalidSecret { problem: "no RSA key could be drawn" })?;
    Ok(files(pair.pkcs8_der(), pair.public_der()))
}

fn files(private: &[u8], public: &[u8]) -> KeyPairFiles {
    KeyPairFiles { private: pem("PRIVATE KEY", private), public: pem("PUBLIC KEY", public).to_string() }
}

fn pem(label: &str, der: &[u8]) -> Zeroizing<String> {
    let text = Zeroizing::new(STANDARD.encode(der));
    // All at once: a string that grows leaves copies behind.
    let mut pem = Zeroizing::new(String::with_capacity(text.len() + text.len() / LINE + 2 * label.len() + 64));
    pem.extend(["-----BEGIN ", label, "-----\n"]);
    let mut rest = text.as_str();
    while !rest.is_empty() {
        let (line, behind) = rest.split_at(rest.len().min(LINE));
        pem.extend([line, "\n"]);
        rest = behind;
    }
    pem.extend(["-----END ", label, "-----\n"]);
    pem
}

impl fmt::Debug for KeyPairFiles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyPairFiles")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{MasterSecret, PublicKey};

    #[test]
    fn an_rsa_key_is_read_as_it_was_written() {
        let (id, files) = (|| "main".parse().unwrap(), rsa_key_files(RsaLen::Bits2048).unwrap());
        assert!(PublicKey::rsa(id(), files.private.as_bytes()).unwrap().has_private_half());
        assert!(!PublicKey::rsa(id(), files.public.as_bytes()).unwrap().has_private_half());
        assert!(MasterSecret::rsa(files.private.as_bytes()).is_ok());
        assert!(files.private.lines().all(|line| line.len() <= LINE));
        assert_eq!(files.private.lines().count(), files.private.len().div_ceil(LINE + 1) + 1);
        assert!(rsa_key_files(RsaLen::Bits2048).unwrap().public != files.public, "every key is another");
    }
}
