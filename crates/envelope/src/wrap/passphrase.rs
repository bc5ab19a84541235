//! A wrapping key from words: Argon2id (RFC 9106), with parameters that are written down beside it.
//!
//! The parameters are a PHC string without its last field, as other programs write them. From there on the key is an
//! AES key like any other.

use std::fmt;
use std::str::FromStr;

use argon2::{Algorithm, Argon2, Params, Version};
use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use zeroize::Zeroizing;

use crate::{Error, WrappingSecret};

/// Memory in KiB: from what OWASP calls the least, up to 2 GiB.
const MEMORY: std::ops::RangeInclusive<u32> = 19_456..=2_097_152;
const PASSES: std::ops::RangeInclusive<u32> = 1..=64;
const LANES: std::ops::RangeInclusive<u32> = 1..=16;
const SALT_LENS: std::ops::RangeInclusive<usize> = 16..=64;

/// How words become a key. No secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PassphraseParameters {
    memory: u32,
    passes: u32,
    lanes: u32,
    salt: Vec<u8>,
}

impl PassphraseParameters {
    /// What RFC 9106 recommends where memory is scarce: 64 MiB, 3 passes, 4 lanes. The salt must be random.
    pub fn recommended(salt: [u8; 16]) -> Self {
        Self { memory: 65_536, passes: 3, lanes: 4, salt: salt.to_vec() }
    }

    /// Makes the key; takes some time and all of the memory the parameters say. White space around the words does not
    /// count, so that a line's end makes no other key.
    ///
    /// # Errors
    /// [`Error::InvalidKey`] when there are no words.
    pub fn derive(&self, words: &str) -> Result<WrappingSecret, Error> {
        let words = words.trim();
        if words.is_empty() {
            return Err(Error::InvalidKey);
        }
        let params = Params::new(self.memory, self.passes, self.lanes, Some(32)).map_err(|_| Error::Internal)?;
        let mut key = Zeroizing::new([0; 32]);
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        argon2.hash_password_into(words.as_bytes(), &self.salt, key.as_mut_slice()).map_err(|_| Error::Internal)?;
        Ok(WrappingSecret::from_bytes(*key))
    }
}

impl FromStr for PassphraseParameters {
    type Err = Error;

    /// `$argon2id$v=19$m=<KiB>,t=<passes>,p=<lanes>$<salt in base64 without padding>`, within bounds.
    fn from_str(text: &str) -> Result<Self, Error> {
        parse(text).ok_or(Error::InvalidParameters)
    }
}

fn parse(text: &str) -> Option<PassphraseParameters> {
    let (costs, salt) = text.strip_prefix("$argon2id$v=19$")?.split_once('$')?;
    let mut costs = costs.split(',');
    let mut cost = |name: &str, bounds: std::ops::RangeInclusive<u32>| {
        let value: u32 = costs.next()?.strip_prefix(name)?.strip_prefix('=')?.parse().ok()?;
        bounds.contains(&value).then_some(value)
    };
    let (memory, passes, lanes) = (cost("m", MEMORY)?, cost("t", PASSES)?, cost("p", LANES)?);
    let salt = STANDARD_NO_PAD.decode(salt).ok().filter(|salt| SALT_LENS.contains(&salt.len()))?;
    costs.next().is_none().then_some(PassphraseParameters { memory, passes, lanes, salt })
}

impl fmt::Display for PassphraseParameters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { memory, passes, lanes, salt } = self;
        write!(f, "$argon2id$v=19$m={memory},t={passes},p={lanes}${}", STANDARD_NO_PAD.encode(salt))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "$argon2id$v=19$m=19456,t=2,p=1$c2VhbGdhdGUgdmVjdG9ycw";

    #[test]
    fn parameters_read_back() {
        let parameters: PassphraseParameters = TEXT.parse().unwrap();
        assert_eq!(parameters.to_string(), TEXT);
        let recommended = PassphraseParameters::recommended([7; 16]);
        assert_eq!(recommended.to_string().parse(), Ok(recommended));
    }

    #[test]
    fn parameters_have_bounds_and_one_spelling() {
        for (from, to) in [
            ("argon2id", "argon2i"),
            ("v=19", "v=16"),
            ("m=19456", "m=19455"),
            ("m=19456", "m=2097153"),
            ("t=2", "t=0"),
            ("p=1", "p=17"),
            ("p=1", "p=1,x=1"),
            ("m=19456,t=2", "t=2,m=19456"),
            ("c2VhbGdhdGUgdmVjdG9ycw", "c2VhbGdhdGU"),
            ("c2VhbGdhdGUgdmVjdG9ycw", "c2VhbGdhdGUgdmVjdG9ycw$aGFzaA"),
        ] {
            assert_eq!(TEXT.replace(from, to).parse::<PassphraseParameters>(), Err(Error::InvalidParameters), "{to}");
        }
    }

    #[test]
    fn words_make_one_key_whatever_stands_around_them() {
        let parameters: PassphraseParameters = TEXT.parse().unwrap();
        let key = |words: &str| *parameters.derive(words).unwrap().bytes();
        assert_eq!(key("correct horse\n"), key("correct horse"));
        assert_ne!(key("correct horse"), key("correct  horse"));
        assert!(parameters.derive(" \n").is_err());
    }
}
