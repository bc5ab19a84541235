//! The keys of a new object's content, from which its machines are made: for a whole, or for parts whose places are known.
//!
//! One data key seals one content: nobody may seal two different contents at one place, and there is one tag. Whoever
//! makes machines of parts keeps to that. FORMAT.md, 18.6.

use std::fmt;

use zeroize::Zeroizing;

use super::detect::Partial;
use super::envelope::{Commitment, Envelope, MAX_GCM_PLAIN, Parameters};
use super::gcm::Gcm;
use super::keys::{self, AesKey};
use super::keystream::Keystream;
use super::part_hash::{self, PartHash};
use super::parts::PartSealer;
use super::sealer::GcmSealer;
use super::write::WriteFormat;
use super::{BLOCK, Error};
use crate::ObjectKeys;

/// Bytes of the keys as they are kept: the format, the content key, nonce and commitment.
const KEPT: usize = 1 + 32 + 28 + 28;

/// What seals the content of one object.
pub struct ContentKeys {
    format: WriteFormat,
    key: AesKey,
    nonce: [u8; 28],
    commitment: [u8; 28],
}

impl ContentKeys {
    pub(super) fn derive(format: WriteFormat, data_key: &AesKey, nonce: [u8; 28]) -> Result<Self, Error> {
        let (commitment, key) = match format {
            WriteFormat::V3 => keys::derived(data_key, &nonce)?,
            WriteFormat::V2 => ([0; 28], AesKey::new(data_key.bytes()).ok_or(Error::Internal)?),
        };
        Ok(Self { format, key, nonce, commitment })
    }

    /// The stored length of an object of `plain_len` bytes.
    ///
    /// # Errors
    /// [`Error::TooLong`] for more than one object can hold.
    pub fn stored_len(plain_len: u64) -> Result<u64, Error> {
        let fits = Some(plain_len).filter(|len| *len <= MAX_GCM_PLAIN);
        fits.and_then(|len| len.checked_add(super::envelope::TAG)).ok_or(Error::TooLong)
    }

    /// The machine that seals the whole content, of a length that is known or is not.
    ///
    /// # Errors
    /// [`Error::TooLong`] for a known length that is too great.
    pub fn sealer(&self, plain_len: Option<u64>) -> Result<GcmSealer, Error> {
        GcmSealer::new(self.gcm()?, plain_len)
    }

    /// The machine that seals `plain_len` bytes of the content that begin at `offset`.
    ///
    /// # Errors
    /// [`Error::TooLong`] when they end beyond what one object can hold.
    pub fn part_sealer(&self, offset: u64, plain_len: u64) -> Result<PartSealer, Error> {
        PartSealer::new(self.keystream()?, offset, plain_len)
    }

    /// The tag of the content that these parts make, given in order.
    ///
    /// # Errors
    /// [`Error::PartsApart`] when one does not begin where the one before it ends, or the first not at the beginning.
    pub fn tag<'a>(&self, parts: impl IntoIterator<Item = &'a PartHash>) -> Result<[u8; BLOCK], Error> {
        part_hash::tag(&self.keystream()?, self.aad(), parts)
    }

    /// Whether an envelope is the one of these keys: it names the same nonce and commitment.
    pub fn are_of(&self, envelope: &Envelope) -> bool {
        match (self.format, &envelope.parameters) {
            (WriteFormat::V3, Parameters::Committing(found)) => {
                found.message_id == self.nonce && found.commitment == self.commitment
            }
            (WriteFormat::V2, Parameters::Gcm { iv }) => *iv == self.iv(),
            _ => false,
        }
    }

    /// Whether the commitment in an object's own metadata is the one of these keys, whatever is in its instruction file.
    pub fn are_committed_by(&self, partial: &Partial) -> bool {
        let ours = |found: &Commitment| found.message_id == self.nonce && found.commitment == self.commitment;
        self.format == WriteFormat::V3 && partial.commitment().is_some_and(ours)
    }

    /// Seals these keys under those of an upload, to be kept while it lasts. `nonce` must be random, and `aad` says
    /// where they belong.
    ///
    /// # Errors
    /// [`crate::Error::Internal`] when a primitive fails.
    pub fn keep(&self, upload: &ObjectKeys, nonce: [u8; 12], aad: &[u8]) -> Result<Vec<u8>, crate::Error> {
        let format = match self.format {
            WriteFormat::V3 => [3],
            WriteFormat::V2 => [2],
        };
        let plain = Zeroizing::new([&format, self.key.bytes(), &self.nonce, &self.commitment].concat());
        upload.seal_record(nonce, aad, &plain)
    }

    /// Opens what [`Self::keep`] sealed.
    ///
    /// # Errors
    /// [`crate::Error::Record`] when it was not sealed under these keys for this place.
    pub fn kept(upload: &ObjectKeys, aad: &[u8], sealed: &[u8]) -> Result<Self, crate::Error> {
        let plain = Zeroizing::new(upload.open_record(aad, sealed)?);
        Self::read(&plain).ok_or(crate::Error::Record)
    }

    fn read(plain: &[u8]) -> Option<Self> {
        let plain: &[u8; KEPT] = plain.try_into().ok()?;
        let (format, rest) = plain.split_first()?;
        let (key, rest) = rest.split_at_checked(32)?;
        let (nonce, commitment) = rest.split_at_checked(28)?;
        let format = match format {
            3 => WriteFormat::V3,
            2 => WriteFormat::V2,
            _ => return None,
        };
        Some(Self {
            format,
            key: AesKey::new(key)?,
            nonce: nonce.try_into().ok()?,
            commitment: commitment.try_into().ok()?,
        })
    }

    /// What V3 commits to.
    pub(super) fn commitment(&self) -> Option<[u8; 28]> {
        (self.format == WriteFormat::V3).then_some(self.commitment)
    }

    fn gcm(&self) -> Result<Gcm, Error> {
        Gcm::new(&self.key, self.iv(), self.aad())
    }

    fn keystream(&self) -> Result<Keystream, Error> {
        Keystream::new(&self.key, self.iv())
    }

    fn iv(&self) -> [u8; 12] {
        match self.format {
            WriteFormat::V3 => [1; 12],
            WriteFormat::V2 => self.nonce.first_chunk().copied().unwrap_or_default(),
        }
    }

    fn aad(&self) -> &'static [u8] {
        match self.format {
            WriteFormat::V3 => &[0x00, 0x73],
            WriteFormat::V2 => b"",
        }
    }
}

impl fmt::Debug for ContentKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ContentKeys")
    }
}
