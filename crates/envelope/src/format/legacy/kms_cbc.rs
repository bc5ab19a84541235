//! The recipe of a data key from KMS and AES-CBC: the wrapped key is in the metadata, the initialisation vector in front
//! of the content, and the padding is one of two home-made ones.
//!
//! Nothing authenticates such content. As with Amazon's CBC the padding is looked at once, before anything is released,
//! and every way it can be wrong is one error. FORMAT.md, 19.3.

use std::fmt;
use std::ops::Range;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use subtle::{Choice, ConditionallySelectable, ConstantTimeEq};
use zeroize::Zeroizing;

use super::super::s3ec::cbc::Cbc;
use super::super::s3ec::keys::AesKey;
use super::super::s3ec::range::Cipher;
use super::super::s3ec::{Extent, Measure, Release, UnverifiedOpener};
use super::plan::{OpenPlan, Opener, wanted};
use super::{BLOCK, BLOCK_LEN, Error};

/// The user metadata name of the wrapped key, without its prefix.
pub const KEY_NAME: &str = "encryption-key";

/// The longest wrapped key, in bytes, as for Amazon's formats.
const MAX_WRAPPED: usize = 1024;

/// What the published recipe appends, as often as the block has bytes left, so that only whole blocks of content could
/// ever be encrypted.
const PUBLISHED: [u8; 2 * BLOCK] = *b"/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0";

/// What is done about padding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Padding {
    /// Both kinds are known and removed: the published one, which is 16 times `/0`, and 1 to 16 zero bytes.
    #[default]
    Auto,
    /// It stays, and the length is arithmetic.
    Raw,
}

/// The wrapped data key of one object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Envelope {
    blob: Vec<u8>,
}

/// The content of one object with its key.
pub struct Content {
    key: AesKey,
    padding: Padding,
}

/// Looks at the user metadata of an object, as pairs of a name without its prefix and a value.
///
/// # Errors
/// [`Error::InvalidField`] when the wrapped key is there twice or is none.
pub fn detect<'a>(metadata: impl IntoIterator<Item = (&'a str, &'a str)>) -> Result<Option<Envelope>, Error> {
    let invalid = |problem| Error::InvalidField { field: KEY_NAME, problem };
    let mut values = metadata.into_iter().filter(|(name, _)| name.eq_ignore_ascii_case(KEY_NAME));
    let Some((_, value)) = values.next() else { return Ok(None) };
    if values.next().is_some() {
        return Err(invalid("is there twice"));
    }
    let blob = STANDARD.decode(bare(value)).map_err(|_| invalid("is not base64"))?;
    if blob.is_empty() || blob.len() > MAX_WRAPPED {
        return Err(invalid("is not 1 to 1024 bytes"));
    }
    Ok(Some(Envelope { blob }))
}

/// Takes off what Python 3 writes around bytes that were made text by mistake.
fn bare(value: &str) -> &str {
    let value = value.trim_ascii();
    let within = |quote: &str| value.strip_prefix('b')?.strip_prefix(quote)?.strip_suffix(quote);
    within("'").or_else(|| within("\"")).unwrap_or(value)
}

impl Envelope {
    /// The wrapped key, KMS's `CiphertextBlob`. The recipe wrapped it without an encryption context.
    pub fn blob(&self) -> &[u8] {
        &self.blob
    }

    /// Takes the plaintext KMS answered with. Wiping the argument is the caller's.
    ///
    /// # Errors
    /// [`Error::Unwrap`] when it has not 32 bytes.
    pub fn unlock(&self, plaintext: &[u8], padding: Padding) -> Result<Content, Error> {
        let key = AesKey::new(plaintext).filter(|_| plaintext.len() == 32).ok_or(Error::Unwrap)?;
        Ok(Content { key, padding })
    }
}

/// How many bytes a stored object of `stored_len` bytes holds with its padding.
///
/// # Errors
/// [`Error::Content`] when no object has that length.
pub fn padded_len(stored_len: u64) -> Result<u64, Error> {
    let padded = stored_len.checked_sub(BLOCK_LEN).filter(|padded| *padded > 0 && padded.is_multiple_of(BLOCK_LEN));
    padded.ok_or(Error::Content)
}

impl Content {
    /// What is known of an object of `stored_len` bytes.
    ///
    /// # Errors
    /// [`Error::Content`] when no object has that length.
    pub fn measure(&self, stored_len: u64) -> Result<Measure, Error> {
        let padded_len = padded_len(stored_len)?;
        Ok(match self.padding {
            Padding::Raw => Measure::Known(Extent::new(stored_len, padded_len)),
            // The last two blocks, and the one before them, which they were chained to.
            Padding::Auto => Measure::NeedsTail(stored_len.saturating_sub(3 * BLOCK_LEN)..stored_len),
        })
    }

    /// The length of an object of `stored_len` bytes that ends in `tail`, the bytes [`Measure::NeedsTail`] asked for.
    ///
    /// This is the only look at the padding, and comes before anything is released.
    ///
    /// # Errors
    /// [`Error::Content`] for wrong padding, lengths and keys alike.
    pub fn extent_from_tail(&self, stored_len: u64, tail: &[u8]) -> Result<Extent, Error> {
        let fetch = match self.measure(stored_len)? {
            Measure::Known(extent) => return Ok(extent),
            Measure::NeedsTail(fetch) => fetch,
        };
        if u64::try_from(tail.len()).ok() != Some(fetch.end.saturating_sub(fetch.start)) {
            return Err(Error::Content);
        }
        let (before, last) = tail.split_first_chunk::<BLOCK>().ok_or(Error::Content)?;
        let mut plain = Zeroizing::new(last.to_vec());
        Cbc::new(&self.key)?.decrypt(*before, &mut plain)?;
        let padding = padding(&plain).ok_or(Error::Content)?;
        let plain_len = padded_len(stored_len)?.checked_sub(padding).ok_or(Error::Content)?;
        Ok(Extent::new(stored_len, plain_len))
    }

    /// Plans to open the whole object, or the range `want` of its plaintext.
    ///
    /// # Errors
    /// [`Error::InvalidRange`] when the range is empty or not inside the object.
    pub fn open(&self, extent: Extent, want: Option<Range<u64>>) -> Result<OpenPlan, Error> {
        let want = wanted(extent.plain_len(), want)?;
        // Stored one block later than in the content, a block's initialisation vector is where the block would be.
        let start = (want.start / BLOCK_LEN).saturating_mul(BLOCK_LEN);
        let blocks = want.end.div_ceil(BLOCK_LEN).checked_add(1).ok_or(Error::Internal)?;
        let fetch = start..blocks.saturating_mul(BLOCK_LEN);
        let missing = fetch.end.saturating_sub(fetch.start);
        let skip = usize::try_from(want.start.saturating_sub(start)).map_err(|_| Error::Internal)?;
        let cipher = Cipher::Cbc(Cbc::new(&self.key)?, None);
        let opener = UnverifiedOpener::new(cipher, missing, skip, want.end.saturating_sub(want.start));
        Ok(OpenPlan { head: None, fetch, release: Release::Never, opener: Opener::Unverified(Box::new(opener)) })
    }
}

/// The length of the padding at the end of one or two decrypted blocks, looking at every byte alike; only whether there
/// is any shows.
fn padding(plain: &[u8]) -> Option<u64> {
    let published = plain.ct_eq(&PUBLISHED);
    let (mut zeros, mut go_on) = (0_u8, Choice::from(1));
    for byte in plain.iter().rev().take(BLOCK) {
        go_on &= byte.ct_eq(&0);
        zeros = zeros.wrapping_add(go_on.unwrap_u8());
    }
    let found = u8::conditional_select(&zeros, &32, published);
    bool::from(!found.ct_eq(&0)).then(|| u64::from(found))
}

impl fmt::Debug for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("kms_cbc::Content")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_padding_is_read_and_nothing_else() {
        for zeros in 1..=16_usize {
            let blocks = [vec![0xaa; 32 - zeros], vec![0; zeros]].concat();
            assert_eq!(padding(&blocks), Some(zeros as u64));
            assert_eq!(padding(&blocks[16..]), Some(zeros as u64), "one block");
        }
        assert_eq!(padding(&[0; 32]), Some(16), "never more than a block");
        assert_eq!(padding(&PUBLISHED), Some(32));
        for at in 0..32 {
            let mut blocks = PUBLISHED;
            blocks[at] ^= 1;
            assert_eq!(padding(&blocks), None, "{at}");
        }
        assert_eq!(padding(&PUBLISHED[16..]), None, "one block holds half of it");
        assert_eq!(padding(&[0xaa; 32]), None);
    }

    #[test]
    fn wrapped_keys_are_read_as_people_stored_them() {
        let read = |value: &str| detect([("user", "note"), ("Encryption-Key", value)]).map(|found| found.unwrap().blob);
        for value in ["AQID", " AQID\t", "b'AQID'", "b\"AQID\""] {
            assert_eq!(read(value).unwrap(), [1, 2, 3], "{value}");
        }
        let long = STANDARD.encode([1; 1025]);
        for value in ["", "b''", "b'AQID", "'AQID'", "AQI", "AQ-_", "b'AQID\"", &long] {
            assert!(matches!(read(value), Err(Error::InvalidField { field: KEY_NAME, .. })), "{value}");
        }
        assert_eq!(detect([("key", "AQID")]), Ok(None));
        let twice = detect([(KEY_NAME, "AQID"), ("ENCRYPTION-KEY", "AQID")]);
        assert_eq!(twice, Err(Error::InvalidField { field: KEY_NAME, problem: "is there twice" }));
    }

    #[test]
    fn stored_lengths_are_a_vector_and_whole_blocks() {
        for stored_len in [0, 1, 16, 31, 33, 47, u64::MAX] {
            assert_eq!(padded_len(stored_len), Err(Error::Content), "{stored_len}");
        }
        assert_eq!([padded_len(32), padded_len(48)], [Ok(16), Ok(32)]);
    }

    #[test]
    fn a_data_key_has_32_bytes() {
        let envelope = Envelope { blob: vec![1] };
        for len in [0, 16, 24, 31, 33] {
            assert_eq!(envelope.unlock(&vec![1; len], Padding::Auto).err(), Some(Error::Unwrap), "{len}");
        }
        assert!(envelope.unlock(&[1; 32], Padding::Auto).is_ok());
    }
}
