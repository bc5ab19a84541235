//! OpenPGP messages, as gpg leaves them: encrypted to a passphrase or to a public key, binary or armored, compressed or
//! not, signed or not.
//!
//! A message is opened at once, because nothing of it is authentic before its end and only its end tells how long it is.
//! Messages without integrity protection are refused, so nothing leaves that was not verified. Signatures are not
//! checked: nobody's public key is at hand. FORMAT.md, 19.6.
//!
//! Parsing and ciphers are rPGP's. RSA is not: see `key.rs`.

mod key;
mod session;

pub use key::Key;

// Memory is read here, never a file: rPGP hands out plaintext through this trait, which also is what bounds it.
use std::io::Read;

use md5::{Digest, Md5};
use pgp::composed::{DecryptionOptions, Message, TheRing};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::Error;

/// How deep compressed data may lie in compressed data. gpg compresses once.
const MAX_DEPTH: usize = 4;

/// Opens the message `stored`, unless it holds more than `limit` bytes.
///
/// # Errors
/// [`Error::TooLarge`] beyond the limit, and [`Error::Content`] for another key, changed content, missing integrity
/// protection and what is no message alike.
pub fn open(key: &Key, stored: &[u8], limit: usize) -> Result<Zeroizing<Vec<u8>>, Error> {
    let (message, _) = Message::from_reader(stored).map_err(|_| Error::Content)?;
    let ring = session::ring(key, &message)?;
    let (message, _) = message.decrypt_the_ring(ring, true).map_err(|_| Error::Content)?;
    read(message, limit)
}

/// Reads to the end of what is in the message, where its integrity is decided.
fn read(mut message: Message<'_>, limit: usize) -> Result<Zeroizing<Vec<u8>>, Error> {
    for _ in 0..MAX_DEPTH {
        if !message.is_compressed() {
            break;
        }
        message = message.decompress().map_err(|_| Error::Content)?;
    }
    if message.literal_data_header().is_none() {
        return Err(Error::Content);
    }
    let mut plain = Zeroizing::new(Vec::new());
    let most = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1);
    message.by_ref().take(most).read_to_end(&mut plain).map_err(|_| Error::Content)?;
    if plain.len() > limit {
        return Err(Error::TooLarge { limit });
    }
    Ok(plain)
}

/// Compares opened content with the MD5 somebody noted in hexadecimal digits, as a check and nothing more: whoever can
/// change the object can change that too.
///
/// # Errors
/// [`Error::Content`] when it is another one or none.
pub fn check_md5(plain: &[u8], noted: &str) -> Result<(), Error> {
    let found = Md5::digest(plain).iter().fold(String::with_capacity(32), |mut text, byte| {
        text.extend([byte >> 4, byte & 15].iter().filter_map(|digit| char::from_digit(u32::from(*digit), 16)));
        text
    });
    let noted = noted.trim_ascii().to_ascii_lowercase();
    if bool::from(found.as_bytes().ct_eq(noted.as_bytes())) { Ok(()) } else { Err(Error::Content) }
}

/// What may be read: also the packets of GnuPG 2.3 and later, which authenticate, but never the oldest, which do not.
fn options() -> DecryptionOptions {
    DecryptionOptions::new().enable_gnupg_aead()
}

/// Everything but the session key or the passphrase.
fn empty_ring<'a>() -> TheRing<'a> {
    TheRing { decrypt_options: options(), ..TheRing::default() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_noted_md5_is_compared_in_any_case() {
        for noted in ["d41d8cd98f00b204e9800998ecf8427e", " D41D8CD98F00B204E9800998ECF8427E\n"] {
            assert_eq!(check_md5(b"", noted), Ok(()));
            assert_eq!(check_md5(b"x", noted), Err(Error::Content));
        }
        for noted in ["", "d41d8cd98f00b204", "1B2M2Y8AsgTpgAmY7PhCfg=="] {
            assert_eq!(check_md5(b"", noted), Err(Error::Content), "{noted}");
        }
    }
}
