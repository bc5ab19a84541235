//! Names of wrapping keys, as they stand in an envelope for everyone to read.
//!
//! A name says which key, never anything about its bytes.

use std::fmt;
use std::str::FromStr;

use crate::Error;

/// The name of a wrapping key: 1 to 64 of `A-Z a-z 0-9 . _ -`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyId(String);

const MAX_LEN: usize = 64;

impl KeyId {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for KeyId {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-');
        if text.is_empty() || text.len() > MAX_LEN || !text.bytes().all(allowed) {
            return Err(Error::InvalidKeyId);
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_digits_and_three_marks_make_a_key_id() {
        for text in ["a", "main-2026.01_b", &"k".repeat(64)] {
            assert_eq!(text.parse::<KeyId>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn anything_else_is_no_key_id() {
        for text in ["", " ", "a;b", "a=b", "ä", "a/b", &"k".repeat(65)] {
            assert_eq!(text.parse::<KeyId>(), Err(Error::InvalidKeyId), "{text:?}");
        }
    }
}
