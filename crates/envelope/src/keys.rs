//! The keys of one object, all derived from its data key.
//!
//! Which bytes each key protects is decided where it is used; here they only come into being.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use zeroize::Zeroizing;

use crate::cipher::{Gcm, NONCE, derive};
use crate::segment::SALT;
use crate::{DataKey, Error, Upload, metadata};

/// Bytes of a key commitment.
pub(crate) const COMMITMENT_LEN: usize = 32;

/// The salt of the one segment of an object that was uploaded in one request: its data key seals nothing else.
pub(crate) const PUT_SALT: [u8; SALT] = [0; SALT];

/// The derived keys of one object.
pub struct ObjectKeys {
    commitment: [u8; COMMITMENT_LEN],
    footer: Gcm,
    metadata: Gcm,
    segments: SegmentKeys,
    upload: Option<Upload>,
}

/// The keys of the segments of one object, each derived when its turn comes.
#[derive(Clone)]
pub(crate) struct SegmentKeys(Arc<DataKey>);

impl ObjectKeys {
    /// Derives all keys of an object. Readers come here through [`Envelope::unlock`](crate::Envelope::unlock).
    pub fn derive(key: &DataKey) -> Self {
        Self::derive_for(key, None)
    }

    /// Derives all keys of an object whose kind of upload may be known from its envelope.
    pub(crate) fn derive_for(key: &DataKey, upload: Option<Upload>) -> Self {
        let gcm = |info: &[u8]| Gcm::new(&derive(key.bytes(), b"", &[info]));
        Self {
            commitment: commitment(key),
            footer: gcm(b"sealgate/1 footer"),
            metadata: gcm(b"sealgate/1 metadata"),
            segments: SegmentKeys(Arc::new(DataKey::from_bytes(*key.bytes()))),
            upload,
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

    pub(crate) fn segments(&self) -> &SegmentKeys {
        &self.segments
    }

    /// How the envelope says the object was uploaded; writers have none yet.
    pub(crate) fn upload(&self) -> Option<Upload> {
        self.upload
    }

    /// A key for another purpose than the content.
    pub(crate) fn derived(&self, info: &[u8]) -> Zeroizing<[u8; 32]> {
        derive(self.segments.0.bytes(), b"", &[info])
    }
}

impl SegmentKeys {
    /// The key of the segment with this salt.
    pub(crate) fn key(&self, salt: &[u8; SALT]) -> Gcm {
        Gcm::new(&derive(self.0.bytes(), salt, &[b"sealgate/1 segment"]))
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
