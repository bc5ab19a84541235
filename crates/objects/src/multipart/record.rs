//! What is remembered of a part: enough to build the footer and to answer listings. Sealed under the upload's own keys.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use envelope::s3ec::PartHash;
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
    /// What a part of an upload in Amazon's formats has besides.
    pub(crate) stretch: Option<Stretch>,
}

/// A part that becomes a stretch of one sealed message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Stretch {
    /// SHA-256 of the content: nothing else may ever be sealed at the part's place.
    pub(crate) digest: [u8; 32],
    /// Where it begins, once that is certain.
    pub(crate) offset: Option<u64>,
    /// What is left of it for the tag, once it was sent.
    pub(crate) hash: Option<PartHash>,
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
    #[serde(default, skip_serializing_if = "Option::is_none")]
    digest: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    offset: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    hash: Option<String>,
}

impl PartRecord {
    /// Where the part begins, if its place is certain.
    pub(crate) fn offset(&self) -> Option<u64> {
        self.stretch.as_ref()?.offset
    }

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
            digest: self.stretch.as_ref().map(|stretch| STANDARD_NO_PAD.encode(stretch.digest)),
            offset: self.offset(),
            hash: self
                .stretch
                .as_ref()
                .and_then(|stretch| Some(STANDARD_NO_PAD.encode(stretch.hash.as_ref()?.to_bytes()))),
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
        let hash = match &written.hash {
            Some(hash) => Some(PartHash::from_bytes(&raw(hash)?)?),
            None => None,
        };
        let stretch = match &written.digest {
            Some(digest) => Some(Stretch { digest: raw(digest)?.try_into().ok()?, offset: written.offset, hash }),
            None => None,
        };
        Some(Self {
            attempt,
            plain_len: written.plain_len,
            salt: raw(&written.salt)?.try_into().ok()?,
            store_etag: written.store_etag,
            etag: written.etag,
            computed: Computed { md5, checksums },
            stretch,
        })
    }
}

/// Binds a record to its upload, part and attempt, so that records cannot be exchanged.
fn place(name: &UploadName, attempt: &Attempt) -> Vec<u8> {
    format!("{}/{attempt}", name.as_str()).into_bytes()
}
