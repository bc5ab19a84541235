//! What is remembered of a part: enough to build the footer and to answer listings. Sealed under the upload's own keys.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use envelope::{ChecksumName, Computed, ObjectKeys, Segment};
use serde::{Deserialize, Serialize};

use super::ListedPart;
use crate::Error;
use crate::uploads::{Attempt, UploadName};

/// A part that was received and verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PartRecord {
    pub(crate) attempt: Attempt,
    pub(crate) plain_len: u64,
    pub(crate) salt: [u8; 24],
    /// The store's ETag; `None` for a part that is held here.
    pub(crate) store_etag: Option<String>,
    /// The ETag that the client knows.
    pub(crate) etag: String,
    pub(crate) computed: Computed,
}

/// The record as it is written.
#[derive(Serialize, Deserialize)]
struct Written {
    plain_len: u64,
    salt: String,
    store_etag: Option<String>,
    etag: String,
    md5: Option<String>,
    checksums: BTreeMap<String, String>,
}

impl PartRecord {
    pub(crate) fn number(&self) -> u16 {
        self.attempt.part()
    }

    pub(crate) fn segment(&self) -> Segment {
        Segment { part: self.number(), plain_len: self.plain_len, salt: self.salt }
    }

    pub(crate) fn listed(self) -> ListedPart {
        let Self { attempt, plain_len, etag, computed, .. } = self;
        let modified = i64::try_from(attempt.ended_seconds()).unwrap_or(i64::MAX);
        ListedPart { number: attempt.part(), plain_len, etag, modified, checksums: computed.checksums }
    }

    pub(crate) fn seal(&self, keys: &ObjectKeys, name: &UploadName, nonce: [u8; 12]) -> Result<Vec<u8>, Error> {
        let checksums = self.computed.checksums.iter();
        let written = Written {
            plain_len: self.plain_len,
            salt: STANDARD_NO_PAD.encode(self.salt),
            store_etag: self.store_etag.clone(),
            etag: self.etag.clone(),
            md5: self.computed.md5.map(|md5| STANDARD_NO_PAD.encode(md5)),
            checksums: checksums
                .map(|(name, value)| (name.as_str().to_owned(), STANDARD_NO_PAD.encode(value)))
                .collect(),
        };
        let record = serde_json::to_vec(&written).map_err(|error| Error::Internal(error.to_string()))?;
        keys.seal_record(nonce, &place(name, &self.attempt), &record)
            .map_err(|error| Error::Internal(error.to_string()))
    }

    pub(crate) fn open(keys: &ObjectKeys, name: &UploadName, attempt: Attempt, sealed: &[u8]) -> Result<Self, Error> {
        let wrong = || Error::Integrity("the state of an upload is not authentic".into());
        let record = keys.open_record(&place(name, &attempt), sealed).map_err(|_| wrong())?;
        let written: Written = serde_json::from_slice(&record).map_err(|_| wrong())?;
        Self::read(attempt, written).ok_or_else(wrong)
    }

    fn read(attempt: Attempt, written: Written) -> Option<Self> {
        let raw = |text: &str| STANDARD_NO_PAD.decode(text).ok();
        let mut checksums = BTreeMap::new();
        for (name, value) in &written.checksums {
            checksums.insert(name.parse::<ChecksumName>().ok()?, raw(value)?);
        }
        let md5 = match &written.md5 {
            Some(md5) => Some(raw(md5)?.try_into().ok()?),
            None => None,
        };
        Some(Self {
            attempt,
            plain_len: written.plain_len,
            salt: raw(&written.salt)?.try_into().ok()?,
            store_etag: written.store_etag,
            etag: written.etag,
            computed: Computed { md5, checksums },
        })
    }
}

/// Binds a record to its upload, part and attempt, so that records cannot be exchanged.
fn place(name: &UploadName, attempt: &Attempt) -> Vec<u8> {
    format!("{}/{attempt}", name.as_str()).into_bytes()
}
