//! The key of an rclone user: two words, stretched by scrypt.
//!
//! rclone's settings hold the words obscured, which is no secret: everybody knows the key.

use std::fmt;

use aws_lc_rs::cipher::DecryptingKey;
use aws_lc_rs::cipher::DecryptionContext;
use aws_lc_rs::iv::FixedLength;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use crypto_secretbox::{KeyInit, XSalsa20Poly1305};
use scrypt::Params;
use zeroize::Zeroizing;

use super::super::super::s3ec::keys::AesKey;
use super::Error;

/// What rclone takes for the second word of a user who has none.
const DEFAULT_SALT: [u8; 16] =
    [0xa8, 0x0d, 0xf4, 0x3a, 0x8f, 0xbd, 0x03, 0x08, 0xa7, 0xca, 0xb8, 0x3e, 0x58, 0x1f, 0x86, 0xb1];

/// The key rclone obscures words with, the same in every installation.
const OBSCURING: [u8; 32] = [
    0x9c, 0x93, 0x5b, 0x48, 0x73, 0x0a, 0x55, 0x4d, 0x6b, 0xfd, 0x7c, 0x63, 0xc8, 0x86, 0xa9, 0x2b, 0xd3, 0x90, 0x19,
    0x8e, 0xb8, 0x12, 0x8a, 0xfb, 0xf4, 0xde, 0x16, 0x2b, 0x8b, 0x95, 0xf6, 0x38,
];

/// Bytes rclone derives. The first 32 are for content, the others for names.
const DERIVED: usize = 80;

/// The key of an rclone user's content.
pub struct Key(Zeroizing<[u8; 32]>);

impl Key {
    /// Stretches the words, which takes 16 MiB and some ten milliseconds. `password2` is rclone's own name for what it
    /// uses as salt.
    ///
    /// # Errors
    /// [`Error::InvalidKey`] without a password, for which rclone would take a key of zero bytes.
    pub fn from_passwords(password: &str, password2: Option<&str>) -> Result<Self, Error> {
        if password.is_empty() {
            return Err(Error::InvalidKey { problem: "the password is empty" });
        }
        let salt = password2.filter(|salt| !salt.is_empty()).map_or(&DEFAULT_SALT[..], str::as_bytes);
        let params = Params::new(14, 8, 1).map_err(|_| Error::Internal)?;
        let mut derived = Zeroizing::new([0; DERIVED]);
        scrypt::scrypt(password.as_bytes(), salt, &params, derived.as_mut_slice()).map_err(|_| Error::Internal)?;
        let key = derived.first_chunk::<32>().ok_or(Error::Internal)?;
        Ok(Self(Zeroizing::new(*key)))
    }

    pub(super) fn cipher(&self) -> XSalsa20Poly1305 {
        XSalsa20Poly1305::new((&*self.0).into())
    }
}

/// The word that `rclone obscure` made `obscured` of, as it stands in rclone's settings.
///
/// # Errors
/// [`Error::InvalidKey`] when it is not of `rclone obscure`. Text that never was obscured is mostly noticed, not always.
pub fn reveal(obscured: &str) -> Result<Zeroizing<String>, Error> {
    let invalid = || Error::InvalidKey { problem: "the password is not as `rclone obscure` writes it" };
    let mut bytes = Zeroizing::new(URL_SAFE_NO_PAD.decode(obscured.trim_ascii()).map_err(|_| invalid())?);
    let (counter, word) = bytes.split_first_chunk_mut::<16>().ok_or_else(invalid)?;
    let key = AesKey::new(&OBSCURING).ok_or(Error::Internal)?.in_mode(DecryptingKey::ctr)?;
    let context = DecryptionContext::Iv128(FixedLength::from(*counter));
    key.decrypt(word, context).map_err(|_| Error::Internal)?;
    let word = std::str::from_utf8(word).map_err(|_| invalid())?;
    Ok(Zeroizing::new(word.to_owned()))
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("rclone_crypt::Key")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_that_were_not_obscured_are_refused() {
        for text in ["", "short", "plain password", "AAAAAAAAAAAAAAAAAAAA", "////////////////////////"] {
            assert!(matches!(reveal(text), Err(Error::InvalidKey { .. })), "{text}");
        }
        assert!(Key::from_passwords("", Some("salt")).is_err());
    }

    #[test]
    fn an_empty_second_word_is_none() {
        let derived = |password2| Key::from_passwords("word", password2).unwrap().0;
        assert_eq!(derived(None), derived(Some("")));
        assert_ne!(derived(None), derived(Some(" ")));
    }
}
