//! The envelope: the line of user metadata that says how an object is sealed.
//!
//! It is written when an upload begins, so it holds nothing about the content. There is exactly one way to write an
//! envelope, and anything else is refused: a reader that guesses can be led.

use std::fmt;
use std::ops::RangeInclusive;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use subtle::ConstantTimeEq;

use crate::keys::{self, COMMITMENT_LEN};
use crate::{BindingMode, DataKey, EncryptedDataKey, Error, ObjectKeys};

/// How an object was uploaded, which decides how its body is laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Upload {
    /// In one request.
    Put,
    /// In parts.
    Multipart,
}

/// What the `sealgate` user metadata of an object says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Envelope {
    upload: Upload,
    mode: BindingMode,
    edk: EncryptedDataKey,
    commitment: [u8; COMMITMENT_LEN],
}

impl Envelope {
    /// The envelope of an object that is about to be sealed with `keys`.
    pub fn new(upload: Upload, mode: BindingMode, edk: EncryptedDataKey, keys: &ObjectKeys) -> Self {
        Self { upload, mode, edk, commitment: *keys.commitment() }
    }

    /// Reads the value of the `sealgate` user metadata.
    ///
    /// # Errors
    /// [`Error::UnsupportedVersion`] and [`Error::UnsupportedWrap`] for what a newer program may know,
    /// [`Error::MalformedEnvelope`] for everything that is not exactly an envelope.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let mut fields = Fields(Some(text));
        if fields.next("v")? != "1" {
            return Err(Error::UnsupportedVersion);
        }
        let upload = Upload::from_letter(fields.next("l")?).ok_or(malformed("unknown kind of upload"))?;
        let mode = BindingMode::from_letter(fields.next("b")?).ok_or(malformed("unknown binding mode"))?;
        let key_id = fields.next("k")?.parse().map_err(|_| malformed("impossible key id"))?;
        let algorithm: crate::WrapAlgorithm = fields.next("w")?.parse()?;
        let wrapped = decode(fields.next("e")?, &algorithm.wrapped_lens())?;
        let commitment = decode(fields.next("c")?, &(COMMITMENT_LEN..=COMMITMENT_LEN))?;
        fields.end()?;
        let commitment = commitment.try_into().map_err(|_| Error::Internal)?;
        Ok(Self { upload, mode, edk: EncryptedDataKey { key_id, algorithm, wrapped }, commitment })
    }

    /// How the object was uploaded.
    pub fn upload(&self) -> Upload {
        self.upload
    }

    /// How much of its name the data key is bound to.
    pub fn binding_mode(&self) -> BindingMode {
        self.mode
    }

    /// The wrapped data key.
    pub fn encrypted_data_key(&self) -> &EncryptedDataKey {
        &self.edk
    }

    /// Whether both commit to one data key for one kind of upload, however it is wrapped in each.
    pub fn same_key(&self, other: &Self) -> bool {
        self.upload == other.upload && self.commitment == other.commitment
    }

    /// Derives the object's keys, once the data key has proven to be the one the writer used.
    ///
    /// # Errors
    /// [`Error::Commitment`] for another data key.
    pub fn unlock(&self, key: &DataKey) -> Result<ObjectKeys, Error> {
        // Compared before any other key exists, so that no key is ever tried on bytes of unknown origin.
        if !bool::from(keys::commitment(key).ct_eq(&self.commitment)) {
            return Err(Error::Commitment);
        }
        Ok(ObjectKeys::derive_for(key, Some(self.upload)))
    }
}

impl fmt::Display for Envelope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (upload, mode) = (self.upload.letter(), self.mode.letter());
        let EncryptedDataKey { key_id, algorithm, wrapped } = &self.edk;
        let (wrapped, commitment) = (URL_SAFE_NO_PAD.encode(wrapped), URL_SAFE_NO_PAD.encode(self.commitment));
        write!(f, "v=1;l={upload};b={mode};k={key_id};w={algorithm};e={wrapped};c={commitment}")
    }
}

impl Upload {
    fn letter(self) -> char {
        match self {
            Self::Put => 'p',
            Self::Multipart => 'm',
        }
    }

    fn from_letter(letter: &str) -> Option<Self> {
        match letter {
            "p" => Some(Self::Put),
            "m" => Some(Self::Multipart),
            _ => None,
        }
    }
}

/// The fields not read yet; `None` once the last one has been taken.
struct Fields<'a>(Option<&'a str>);

impl<'a> Fields<'a> {
    /// The value of the next field, which must have this name: the order is part of the format.
    fn next(&mut self, name: &str) -> Result<&'a str, Error> {
        let text = self.0.ok_or(malformed("a field is missing"))?;
        let (field, rest) = text.split_once(';').map_or((text, None), |(field, rest)| (field, Some(rest)));
        self.0 = rest;
        let (found, value) = field.split_once('=').ok_or(malformed("a field has no value"))?;
        if found != name {
            return Err(malformed("a field is missing, repeated, unknown or out of order"));
        }
        Ok(value)
    }

    fn end(self) -> Result<(), Error> {
        self.0.map_or(Ok(()), |_| Err(malformed("there is a field too many")))
    }
}

fn decode(text: &str, lens: &RangeInclusive<usize>) -> Result<Vec<u8>, Error> {
    let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| malformed("a value is not base64url"))?;
    if !lens.contains(&bytes.len()) {
        return Err(malformed("a value has the wrong length"));
    }
    Ok(bytes)
}

fn malformed(problem: &'static str) -> Error {
    Error::MalformedEnvelope { problem }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::WrapAlgorithm;

    fn text(upload: Upload) -> String {
        let edk = EncryptedDataKey {
            key_id: "main".parse().unwrap(),
            algorithm: WrapAlgorithm::A256Kw,
            wrapped: vec![5; 40],
        };
        let keys = ObjectKeys::derive(&DataKey::from_bytes([1; 32]));
        Envelope::new(upload, BindingMode::Object, edk, &keys).to_string()
    }

    #[test]
    fn a_written_envelope_reads_back() {
        for upload in [Upload::Put, Upload::Multipart] {
            let envelope = Envelope::parse(&text(upload)).unwrap();
            assert_eq!((envelope.upload(), envelope.to_string()), (upload, text(upload)));
        }
    }

    #[test]
    fn the_committed_key_unlocks_and_no_other() {
        let envelope = Envelope::parse(&text(Upload::Put)).unwrap();
        assert!(envelope.unlock(&DataKey::from_bytes([1; 32])).is_ok());
        assert_eq!(envelope.unlock(&DataKey::from_bytes([2; 32])).unwrap_err(), Error::Commitment);
    }

    #[test]
    fn the_keys_of_an_object_remember_how_it_was_uploaded() {
        for upload in [Upload::Put, Upload::Multipart] {
            let keys = Envelope::parse(&text(upload)).unwrap().unlock(&DataKey::from_bytes([1; 32])).unwrap();
            assert_eq!(keys.upload(), Some(upload));
        }
    }

    #[test]
    fn what_a_newer_program_may_know_is_told_apart() {
        let good = text(Upload::Put);
        assert_eq!(Envelope::parse(&good.replace("v=1", "v=2")), Err(Error::UnsupportedVersion));
        assert_eq!(Envelope::parse(&good.replace("A256KW", "A512KW")), Err(Error::UnsupportedWrap));
    }

    #[test]
    fn anything_but_the_one_spelling_is_refused() {
        let good = text(Upload::Put);
        let (short, padded) = (&good[..good.len() - 2], good.clone() + "=");
        let bad = [
            String::new(),
            short.to_owned(),
            padded,
            good.clone() + ";",
            good.clone() + ";x=1",
            " ".to_owned() + &good,
            good.replace("l=p", "l=q"),
            good.replace("b=o", "b="),
            good.replace("k=main", "k=ma/in"),
            good.replace("l=p;b=o", "b=o;l=p"),
            good.replace("b=o;", ""),
            good.replace("b=o", "b=o;b=o"),
            good.replace("b=o", "b"),
        ];
        for text in bad {
            assert!(matches!(Envelope::parse(&text), Err(Error::MalformedEnvelope { .. })), "{text}");
        }
    }
}
