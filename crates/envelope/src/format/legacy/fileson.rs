//! fileson's encrypted files: an initial counter and AES-CTR, and nothing else.
//!
//! Any bytes of 16 and more are such a file, and nothing vouches for what they decrypt to. FORMAT.md, 19.2.

use std::fmt;
use std::num::NonZeroU32;
use std::ops::Range;

use aws_lc_rs::pbkdf2::{self, PBKDF2_HMAC_SHA256};
use zeroize::Zeroizing;

use super::super::s3ec::keys::AesKey;
use super::super::s3ec::range::{Cipher, Counter};
use super::super::s3ec::{AesMasterKey, Extent, Release, UnverifiedOpener};
use super::plan::{OpenPlan, Opener, wanted};
use super::{BLOCK_LEN, Error};

/// The key of a fileson user.
pub struct Key(AesKey);

/// How many bytes the file of `stored_len` bytes holds.
///
/// # Errors
/// [`Error::Content`] when there is no room for the counter.
pub fn plain_len(stored_len: u64) -> Result<u64, Error> {
    stored_len.checked_sub(BLOCK_LEN).ok_or(Error::Content)
}

impl Key {
    /// Derives the key from what the user typed, which takes as long as there are `iterations`.
    ///
    /// # Errors
    /// [`Error::InvalidKey`] without a password.
    pub fn from_password(password: &str, salt: &str, iterations: NonZeroU32) -> Result<Self, Error> {
        if password.is_empty() {
            return Err(Error::InvalidKey { problem: "the password is empty" });
        }
        let mut key = Zeroizing::new([0; 32]);
        pbkdf2::derive(PBKDF2_HMAC_SHA256, iterations, salt.as_bytes(), password.as_bytes(), key.as_mut_slice());
        AesKey::new(key.as_slice()).map(Self).ok_or(Error::Internal)
    }

    /// Takes the text of a key file: 64 hexadecimal digits, or 32 of the older 128 bits, and any white space.
    ///
    /// # Errors
    /// [`Error::InvalidKey`] for anything else.
    pub fn from_key_file(text: &str) -> Result<Self, Error> {
        let problem = "a key file holds 64 or 32 hexadecimal digits";
        let mut bytes = Zeroizing::new(Vec::with_capacity(32));
        let mut high = None;
        for digit in text.chars().filter(|character| !character.is_whitespace()) {
            let digit = digit.to_digit(16).and_then(|digit| u8::try_from(digit).ok());
            let digit = digit.filter(|_| bytes.len() < 32).ok_or(Error::InvalidKey { problem })?;
            match high.take() {
                None => high = Some(digit << 4),
                Some(high) => bytes.push(high | digit),
            }
        }
        if high.is_some() { Err(Error::InvalidKey { problem }) } else { Self::from_bytes(&bytes) }
    }

    /// Takes the 32 or 16 bytes of the key.
    ///
    /// # Errors
    /// [`Error::InvalidKey`] for any other length.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Error> {
        let key = AesKey::new(bytes).filter(|_| bytes.len() != 24);
        key.map(Self).ok_or(Error::InvalidKey { problem: "a fileson key has 32 or 16 bytes" })
    }

    /// Takes an AES key that is at hand for other formats too.
    ///
    /// # Errors
    /// [`Error::InvalidKey`] when it has 24 bytes.
    pub fn of(key: &AesMasterKey) -> Result<Self, Error> {
        Self::from_bytes(key.key().bytes())
    }

    /// The lengths of a file of `stored_len` bytes.
    ///
    /// # Errors
    /// As [`plain_len`].
    pub fn measure(&self, stored_len: u64) -> Result<Extent, Error> {
        Ok(Extent::new(stored_len, plain_len(stored_len)?))
    }

    /// Plans to open the whole file, or the range `want` of its content.
    ///
    /// # Errors
    /// [`Error::InvalidRange`] when the range is empty or not inside the file.
    pub fn open(&self, extent: Extent, want: Option<Range<u64>>) -> Result<OpenPlan, Error> {
        let want = wanted(extent.plain_len(), want)?;
        let first = want.start / BLOCK_LEN;
        let start = first.saturating_mul(BLOCK_LEN);
        let stored = |offset: u64| offset.checked_add(BLOCK_LEN).ok_or(Error::Internal);
        let (head, fetch) = match first {
            0 => (None, 0..stored(want.end)?),
            _ => (Some(0..BLOCK_LEN), stored(start)?..stored(want.end)?),
        };
        let head_len = head.as_ref().map_or(0, |head| head.end);
        let missing = fetch.end.saturating_sub(fetch.start).saturating_add(head_len);
        let skip = usize::try_from(want.start.saturating_sub(start)).map_err(|_| Error::Internal)?;
        let cipher = Cipher::Counter(Counter::new(&self.0, first)?);
        let opener = UnverifiedOpener::new(cipher, missing, skip, want.end.saturating_sub(want.start));
        Ok(OpenPlan { head, fetch, release: Release::Never, opener: Opener::Unverified(Box::new(opener)) })
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("fileson::Key")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_without_its_counter_is_none() {
        assert_eq!([plain_len(0), plain_len(15)], [Err(Error::Content), Err(Error::Content)]);
        assert_eq!([plain_len(16), plain_len(17)], [Ok(0), Ok(1)]);
    }

    #[test]
    fn key_files_hold_digits_and_white_space() {
        let digits = "0001020304050607 08090A0b0c0d0e0f\n";
        for text in [digits.to_owned(), format!("{digits}\t{digits}"), "00 ".repeat(32)] {
            assert!(Key::from_key_file(&text).is_ok(), "{text}");
        }
        let long = "0".repeat(65);
        for text in ["", "0g", "000", "00", &long, &long[..63], &long[..48], &long[..34]] {
            assert!(matches!(Key::from_key_file(text), Err(Error::InvalidKey { .. })), "{text}");
        }
        assert!(Key::from_bytes(&[1; 24]).is_err());
        for (len, fits) in [(16, true), (24, false), (32, true)] {
            assert_eq!(Key::of(&AesMasterKey::from_bytes(&vec![1; len]).unwrap()).is_ok(), fits);
        }
        assert!(Key::from_password("", "salt", NonZeroU32::MIN).is_err());
    }
}
