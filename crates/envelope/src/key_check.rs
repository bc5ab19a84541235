//! By what a key is recognised that is not shown.
//!
//! A check value says that a key is the one it was, and nothing that would help to guess a random one. FORMAT.md, section
//! 13.1. What is done about another one is not known here.

use std::fmt;
use std::str::FromStr;

use aws_lc_rs::hmac;
use subtle::ConstantTimeEq;

use crate::Error;

const LABEL: &[u8] = b"sealgate/key-check/v1";

/// The check value of a key: 8 bytes, written as 16 hex digits.
#[derive(Clone, Copy)]
pub struct KeyCheck([u8; 8]);

impl KeyCheck {
    /// That of a key's bytes, or of the public half of one in DER.
    pub fn of(key: &[u8]) -> Self {
        let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), LABEL);
        let mut check = [0; 8];
        for (byte, from) in check.iter_mut().zip(tag.as_ref()) {
            *byte = *from;
        }
        Self(check)
    }
}

/// In constant time.
impl PartialEq for KeyCheck {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl Eq for KeyCheck {}

impl fmt::Display for KeyCheck {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", u64::from_be_bytes(self.0))
    }
}

impl fmt::Debug for KeyCheck {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyCheck({self})")
    }
}

impl FromStr for KeyCheck {
    type Err = Error;

    /// 16 lower-case hex digits, and no other spelling.
    fn from_str(text: &str) -> Result<Self, Error> {
        let digits = text.len() == 16 && text.bytes().all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f'));
        let value = u64::from_str_radix(text, 16).ok().filter(|_| digits).ok_or(Error::InvalidParameters)?;
        Ok(Self(value.to_be_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_check_value_has_one_spelling() {
        let check = KeyCheck::of(b"key");
        assert_eq!(check.to_string().parse(), Ok(check));
        assert_eq!("00000000000000ff".parse::<KeyCheck>().unwrap().to_string(), "00000000000000ff");
        for text in
            ["", "00000000000000f", "00000000000000fff", "00000000000000FF", "+0000000000000ff", " 000000000000ff"]
        {
            assert_eq!(text.parse::<KeyCheck>(), Err(Error::InvalidParameters), "{text}");
        }
    }

    #[test]
    fn another_key_has_another() {
        assert_ne!(KeyCheck::of(b"key"), KeyCheck::of(b"kez"));
        assert_ne!(KeyCheck::of(&[1; 16]), KeyCheck::of(&[1; 24]));
    }
}
