//! The keys of one object, all derived from its data key.
//!
//! Which bytes each key protects is decided where it is used; here they only come into being.

use std::collections::BTreeMap;
use std::fmt;

use crate::cipher::{Gcm, NONCE, derive};
use crate::{DataKey, Error, metadata};

/// Bytes of a key commitment.
pub(crate) const COMMITMENT_LEN: usize = 32;

/// The salt of the one segment of an object that was uploaded in one request: its data key seals nothing else.
const PUT_SALT: [u8; 24] = [0; 24];

/// The derived keys of one object.
pub struct ObjectKeys {
    commitment: [u8; COMMITMENT_LEN],
    footer: Gcm,
    metadata: Gcm,
    segment: Gcm,
}

impl ObjectKeys {
    /// Derives all keys of an object. Readers come here through [`Envelope::unlock`](crate::Envelope::unlock).
    pub fn derive(key: &DataKey) -> Self {
        let gcm = |salt: &[u8], info: &[u8]| Gcm::new(&derive(key.bytes(), salt, &[info]));
        Self {
            commitment: commitment(key),
            footer: gcm(b"", b"sealgate/1 footer"),
            metadata: gcm(b"", b"sealgate/1 metadata"),
            segment: gcm(&PUT_SALT, b"sealgate/1 segment"),
        }
    }

    /// Seals the client's user metadata, for the value of [`METADATA_NAME`](crate::METADATA_NAME).
    ///
    /// # Errors
    /// [`Error::Internal`] when a primitive fails.
    pub fn seal_metadata(&self, nonce: [u8; NONCE], metadata: &BTreeMap<String, String>) -> Result<String, Error> {
        metadata::seal(&self.metadata, nonce, metadata)
    }

    /// Opens the value of [`METADATA_NAME`](crate::METADATA_NAME).
    ///
    /// # Errors
    /// [`Error::Metadata`] when it was not sealed with these keys, [`Error::MalformedMetadata`] when it was but breaks
    /// the format.
    pub fn open_metadata(&self, value: &str) -> Result<BTreeMap<String, String>, Error> {
        metadata::open(&self.metadata, value)
    }

    pub(crate) fn commitment(&self) -> &[u8; COMMITMENT_LEN] {
        &self.commitment
    }

    pub(crate) fn footer(&self) -> &Gcm {
        &self.footer
    }

    pub(crate) fn segment(&self) -> &Gcm {
        &self.segment
    }
}

impl fmt::Debug for ObjectKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ObjectKeys")
    }
}

/// What an envelope commits to: a value that only this data key yields and that tells nothing about it.
pub(crate) fn commitment(key: &DataKey) -> [u8; COMMITMENT_LEN] {
    *derive(key.bytes(), b"", &[b"sealgate/1 commit"])
}
