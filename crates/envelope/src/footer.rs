//! The summary: the last 256 bytes of an object, which say what its content is.
//!
//! It is written after the content, so it can hold digests. It says nothing about keys or names, and an object whose
//! summary disagrees with its content is not opened.

mod facts;

use std::collections::BTreeMap;

use bytes::{BufMut, BytesMut};

use crate::checksum::ChecksumType;
use crate::cipher::{NONCE, TAG};
use crate::{ChecksumName, Computed, Error, ObjectKeys, Segment, Upload, table};

const AAD: &[u8] = b"sealgate/1 summary";
const MAGIC: &[u8; 8] = b"SEALGATE";
const SUMMARY: usize = 256;
const TRAILER: usize = 16;

/// Bytes of facts in every summary, padding included.
const FACTS: usize = SUMMARY - NONCE - TAG - TRAILER;

/// What a summary says about the content.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Facts {
    /// Length of the content.
    pub plain_len: u64,
    /// The last segment of a multipart upload.
    pub last_segment: Option<Segment>,
    /// How many segments the table lists, when a multipart upload has more than one.
    pub segments_in_table: Option<u32>,
    /// MD5 of the content, or of the parts' MD5s in a multipart upload, unless the writer left it out.
    pub md5: Option<[u8; 16]>,
    /// Checksums this program knows: raw, big-endian.
    pub checksums: BTreeMap<ChecksumName, Vec<u8>>,
    /// Checksums by names this program does not know, which a newer writer may leave.
    pub unknown_checksums: BTreeMap<String, Vec<u8>>,
    /// What the checksums were computed over, when there are any.
    pub checksum_type: Option<ChecksumType>,
}

/// The summary of an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary {
    /// What it says about the content.
    pub facts: Facts,
    /// Length of the table before it.
    pub table_len: u64,
}

impl Facts {
    /// The facts of content that was just sealed in one request.
    #[must_use]
    pub fn new(plain_len: u64, computed: Computed) -> Self {
        let Computed { md5, checksums } = computed;
        let checksum_type = (!checksums.is_empty()).then_some(ChecksumType::FullObject);
        let (last_segment, segments_in_table, unknown_checksums) = (None, None, BTreeMap::new());
        Self { plain_len, last_segment, segments_in_table, md5, checksums, unknown_checksums, checksum_type }
    }

    /// How the object was uploaded.
    pub fn upload(&self) -> Upload {
        if self.last_segment.is_some() { Upload::Multipart } else { Upload::Put }
    }

    /// Number of segments, and so of parts of a multipart upload.
    pub fn segment_count(&self) -> u32 {
        self.segments_in_table.unwrap_or(0).saturating_add(1)
    }

    /// Compares with digests that were computed from the content. A digest only one side has proves nothing, and
    /// neither do digests that were computed over those of parts.
    ///
    /// # Errors
    /// [`Error::DigestDisagrees`] with the first digest that differs.
    pub fn check(&self, computed: &Computed) -> Result<(), Error> {
        if let (Some(said), Some(found)) = (self.md5, computed.md5)
            && self.upload() == Upload::Put
            && said != found
        {
            return Err(Error::DigestDisagrees { digest: "MD5" });
        }
        if self.checksum_type == Some(ChecksumType::Composite) { Ok(()) } else { self.check_values(computed) }
    }

    /// Compares checksums that were computed over the same as those of the summary.
    pub(crate) fn check_values(&self, computed: &Computed) -> Result<(), Error> {
        for (name, found) in &computed.checksums {
            if self.checksums.get(name).is_some_and(|said| said != found) {
                return Err(Error::DigestDisagrees { digest: name.as_str() });
            }
        }
        Ok(())
    }
}

impl Summary {
    /// Opens the last 256 bytes of an object.
    ///
    /// The caller still has to compare with the object they came from: see [`Summary::check_sealed_len`].
    ///
    /// # Errors
    /// [`Error::Summary`] when they are not authentic, [`Error::MalformedSummary`] when they are but break the format,
    /// [`Error::UploadDisagrees`] when they list segments and the envelope did not say so, or the other way round.
    pub fn open(keys: &ObjectKeys, bytes: &[u8]) -> Result<Self, Error> {
        let bytes: &[u8; SUMMARY] = bytes.try_into().map_err(|_| malformed("not 256 bytes"))?;
        let (sealed, trailer) = bytes.split_last_chunk::<TRAILER>().ok_or(Error::Internal)?;
        let (table_len, magic) = trailer.split_first_chunk().ok_or(Error::Internal)?;
        if magic != MAGIC {
            return Err(malformed("it does not end in SEALGATE"));
        }
        let (nonce, sealed) = sealed.split_first_chunk::<NONCE>().ok_or(Error::Internal)?;
        let mut plain = BytesMut::with_capacity(SUMMARY);
        keys.footer().decrypt(*nonce, AAD, sealed, &mut plain).map_err(|_| Error::Summary)?;
        let facts = facts::decode(&plain)?;
        if keys.upload().is_some_and(|upload| upload != facts.upload()) {
            return Err(Error::UploadDisagrees);
        }
        Ok(Self { facts, table_len: u64::from_be_bytes(*table_len) })
    }

    /// Checks that an object of this length is the one the summary speaks of, as far as that can be told without the
    /// table of a multipart upload. The table then has a length worth fetching.
    ///
    /// # Errors
    /// [`Error::LengthDisagrees`] when it is not.
    pub fn check_sealed_len(&self, sealed_len: u64) -> Result<(), Error> {
        if table::fits(&self.facts, self.table_len, sealed_len) { Ok(()) } else { Err(Error::LengthDisagrees) }
    }
}

/// Appends the summary of `facts` to `out`.
pub(crate) fn seal(
    keys: &ObjectKeys,
    nonce: [u8; NONCE],
    facts: &Facts,
    table_len: u64,
    out: &mut BytesMut,
) -> Result<(), Error> {
    let mut plain = facts::encode(facts)?;
    if plain.len() > FACTS {
        return Err(Error::FactsTooLong);
    }
    plain.resize(FACTS, 0);
    out.put_slice(&nonce);
    keys.footer().encrypt(nonce, AAD, &plain, out).map_err(|_| Error::Internal)?;
    out.put_u64(table_len);
    out.put_slice(MAGIC);
    Ok(())
}

fn malformed(problem: &'static str) -> Error {
    Error::MalformedSummary { problem }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::segment::SALT;
    use crate::{DataKey, DigestSet, Digests};

    fn keys() -> ObjectKeys {
        ObjectKeys::derive(&DataKey::from_bytes([1; 32]))
    }

    fn facts() -> Facts {
        let mut digests = Digests::new(&DigestSet { md5: true, checksums: ChecksumName::ALL.into() });
        digests.update(b"hello");
        Facts::new(5, digests.finish())
    }

    fn sealed(facts: &Facts) -> BytesMut {
        let mut out = BytesMut::new();
        seal(&keys(), [3; NONCE], facts, 0, &mut out).unwrap();
        out
    }

    #[test]
    fn a_sealed_summary_opens_with_every_digest() {
        let bytes = sealed(&facts());
        assert_eq!(bytes.len(), SUMMARY);
        assert_eq!(Summary::open(&keys(), &bytes), Ok(Summary { facts: facts(), table_len: 0 }));
    }

    #[test]
    fn every_changed_byte_is_refused() {
        let bytes = sealed(&facts());
        for at in 0..SUMMARY {
            let mut changed = bytes.clone();
            changed[at] ^= 1;
            let verdict = Summary::open(&keys(), &changed).and_then(|summary| summary.check_sealed_len(277));
            assert!(verdict.is_err(), "byte {at}");
        }
    }

    #[test]
    fn a_checksum_by_an_unknown_name_is_kept_aside() {
        let mut newer = facts();
        newer.unknown_checksums.insert("XXHASH128".to_owned(), vec![9; 16]);
        assert_eq!(Summary::open(&keys(), &sealed(&newer)).unwrap().facts, newer);
    }

    #[test]
    fn facts_that_do_not_fit_are_not_sealed() {
        let mut large = facts();
        large.unknown_checksums.insert("X".to_owned(), vec![0; 100]);
        assert_eq!(seal(&keys(), [3; NONCE], &large, 0, &mut BytesMut::new()), Err(Error::FactsTooLong));
    }

    #[test]
    fn segments_mean_a_multipart_upload() {
        let last = Segment { part: 9, plain_len: 5, salt: [4; SALT] };
        let parts = Facts { last_segment: Some(last), checksum_type: Some(ChecksumType::Composite), ..facts() };
        assert_eq!(parts.upload(), Upload::Multipart);
        assert_eq!(Summary::open(&keys(), &sealed(&parts)).unwrap().facts, parts);
        for (upload, other) in [(Upload::Put, &parts), (Upload::Multipart, &facts())] {
            let keys = ObjectKeys::derive_for(&DataKey::from_bytes([1; 32]), Some(upload));
            assert_eq!(Summary::open(&keys, &sealed(other)), Err(Error::UploadDisagrees));
        }
    }

    #[test]
    fn digests_that_differ_are_named() {
        let other = Digests::new(&DigestSet { md5: false, checksums: [ChecksumName::Sha1].into() }).finish();
        assert_eq!(facts().check(&other), Err(Error::DigestDisagrees { digest: "SHA1" }));
        assert_eq!(facts().check(&Computed::default()), Ok(()));
    }
}
