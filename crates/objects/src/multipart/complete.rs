//! Putting an upload together: the client's list against the records, the footer, and the store's own completion.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use envelope::{ChecksumName, ChecksumType, Facts, Segment, checksum, seal_footer};
use http::header::{CONTENT_LENGTH, ETAG};
use http::{HeaderMap, Method, Request, Response};

use super::part::Place;
use super::record::PartRecord;
use super::token::Checksum;
use super::{ANSWER_LIMIT, OpenUpload, PART_LIMIT, PART_MIN, UploadOutcome, answers, complete_document, unreadable};
use crate::random::draw;
use crate::store::{self, Body};
use crate::{Error, ObjectRef, SealedObjects, encode_value, etag, stream};

/// A part as the client names it when it completes an upload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedPart {
    /// Its number.
    pub number: u16,
    /// Its ETag as the client knows it.
    pub etag: String,
    /// The checksums the client repeats.
    pub checksums: BTreeMap<ChecksumName, Vec<u8>>,
}

/// An upload to complete.
pub struct CompleteRequest {
    /// The object.
    pub at: ObjectRef,
    /// The client's upload id.
    pub upload_id: String,
    /// The parts, as the client lists them.
    pub parts: Vec<NamedPart>,
    /// The client's headers that the store is to see: conditions.
    pub headers: HeaderMap,
    /// What the client says of the whole object's checksums.
    pub checksums: BTreeMap<ChecksumName, Vec<u8>>,
    /// What the client says of the whole object's length.
    pub plain_len: Option<u64>,
}

/// An upload that became an object.
pub struct Completed {
    /// The store's answer headers.
    pub headers: HeaderMap,
    /// The object's ETag as the client knows it.
    pub etag: String,
    /// The object's checksums.
    pub checksums: BTreeMap<ChecksumName, Vec<u8>>,
    /// What kind of checksums they are.
    pub checksum_type: ChecksumType,
    /// How many parts the client sent.
    pub parts: usize,
}

impl SealedObjects {
    /// Completes an upload of ours; `None` when the id is the store's own.
    ///
    /// # Errors
    /// What is wrong with the list ([`Error::BadPart`] and its relatives), or why it cannot be completed.
    pub async fn complete_upload(&self, request: CompleteRequest) -> Result<Option<UploadOutcome<Completed>>, Error> {
        let Some(upload) = self.open_upload(&request.at, &request.upload_id).await? else { return Ok(None) };
        if self.uploads()?.find(&upload.name).await?.is_none() {
            return Err(Error::NoSuchUpload);
        }
        let records = self.part_records(&upload).await?;
        let chosen = choose(&request.parts, records)?;
        let sums = Sums::of(&chosen, upload.token.checksum)?;
        sums.check(&request)?;
        let store_parts = match self.send_footer(&upload, &request.at, &chosen, &sums).await? {
            Ok(parts) => parts,
            Err(answer) => return Ok(Some(UploadOutcome::Answer(answer))),
        };
        let (headers, store_etag) = match self.complete_at_store(&upload, &request, &store_parts).await? {
            UploadOutcome::Done(done) => done,
            UploadOutcome::Answer(answer) => return Ok(Some(UploadOutcome::Answer(answer))),
        };
        let rule = self.rule(&request.at.bucket, &request.at.key)?;
        let facts = Arc::new(sums.facts(&chosen));
        let etag = self.stored(&request.at, rule, &store_etag, sums.plain_len, Some(facts));
        // The object is there; state that cannot be forgotten now is litter, not a failure.
        if let Err(error) = self.uploads()?.forget(&upload.name).await {
            tracing::warn!(cause = %error, "the state of a finished upload could not be removed");
        }
        let (checksums, checksum_type) = (sums.checksums, sums.kind);
        Ok(Some(UploadOutcome::Done(Completed { headers, etag, checksums, checksum_type, parts: chosen.len() })))
    }

    /// Sends the held part with the footer, or the footer as one more part; the store's parts in order.
    async fn send_footer(
        &self,
        upload: &OpenUpload,
        at: &ObjectRef,
        chosen: &[PartRecord],
        sums: &Sums,
    ) -> Result<Result<Vec<(u16, String)>, Response<Body>>, Error> {
        let mut parts: Vec<(u16, String)> =
            chosen.iter().filter_map(|part| Some((part.number, part.store_etag.clone()?))).collect();
        let last = chosen.last().ok_or_else(|| Error::BadPart("an upload needs at least one part".into()))?;
        let mut tail = BytesMut::new();
        let mut number = last.number;
        if last.store_etag.is_none() {
            let held = self.uploads()?.held(&upload.name, last.number).await?;
            tail.extend_from_slice(&held.ok_or(Error::NoSuchUpload)?);
        } else {
            number = number.checked_add(1).filter(|number| *number <= PART_LIMIT).ok_or_else(|| {
                Error::BadPart(format!(
                    "part {PART_LIMIT} of 5 MiB or more leaves no number for the footer; use fewer parts"
                ))
            })?;
        }
        tail.extend_from_slice(&self.footer(upload, chosen, sums)?);
        let tail: Bytes = tail.freeze();
        let place = Place { at: at.clone(), number };
        let len = tail.len() as u64;
        match self.put_part(&place, &upload.token.store_id, store::full(tail), len).await? {
            Ok(etag) => {
                parts.push((number, etag));
                Ok(Ok(parts))
            }
            Err(answer) => Ok(Err(answer)),
        }
    }

    fn footer(&self, upload: &OpenUpload, chosen: &[PartRecord], sums: &Sums) -> Result<Vec<u8>, Error> {
        let segments: Vec<Segment> = chosen.iter().map(PartRecord::segment).collect();
        let nonces = [draw(self.random.as_ref())?, draw(self.random.as_ref())?];
        let mut failed = None;
        let mut fill = |bytes: &mut [u8]| {
            if let Err(error) = self.random.fill(bytes) {
                failed = Some(error);
            }
        };
        let footer = seal_footer(&upload.keys, &segments, sums.md5, &sums.checksums, sums.kind, nonces, &mut fill);
        match failed {
            Some(error) => Err(error.into()),
            None => footer.map_err(|error| Error::Internal(error.to_string())),
        }
    }

    async fn complete_at_store(
        &self,
        upload: &OpenUpload,
        request: &CompleteRequest,
        parts: &[(u16, String)],
    ) -> Result<UploadOutcome<(HeaderMap, String)>, Error> {
        let document = complete_document(parts);
        let uri = request.at.uri_with(&format!("uploadId={}", encode_value(&upload.token.store_id)))?;
        let mut asked = Request::builder().method(Method::POST).uri(uri).body(store::full(document.clone()))?;
        *asked.headers_mut() = request.headers.clone();
        asked.headers_mut().insert(CONTENT_LENGTH, document.len().into());
        let (parts, body) = self.store.send(asked).await?.into_parts();
        let answer = stream::collect(body, ANSWER_LIMIT).await.map_err(unreadable)?;
        // S3 may answer 200 and tell in the document that it failed.
        let etag = answers::element(&answer, &["CompleteMultipartUploadResult", "ETag"]).ok().flatten();
        match etag.filter(|_| parts.status.is_success()) {
            None => Ok(UploadOutcome::Answer(Response::from_parts(parts, store::full(answer)))),
            Some(etag) => {
                let mut headers = parts.headers;
                headers.remove(ETAG);
                Ok(UploadOutcome::Done((headers, etag)))
            }
        }
    }
}

/// The records of the parts that the client lists, in its order, which must be ascending.
fn choose(named: &[NamedPart], records: Vec<PartRecord>) -> Result<Vec<PartRecord>, Error> {
    if named.is_empty() {
        return Err(Error::BadPart("an upload needs at least one part".into()));
    }
    if named.windows(2).any(|pair| matches!(pair, [first, second] if first.number >= second.number)) {
        return Err(Error::PartOrder);
    }
    let mut records: BTreeMap<u16, PartRecord> = records.into_iter().map(|record| (record.number, record)).collect();
    let mut chosen = Vec::with_capacity(named.len());
    for part in named {
        let record = records.remove(&part.number).filter(|record| same_etag(&record.etag, &part.etag));
        let record = record.ok_or(Error::NoSuchPart { number: part.number })?;
        for (name, value) in &part.checksums {
            if record.computed.checksums.get(name).is_some_and(|have| have != value) {
                return Err(Error::NoSuchPart { number: part.number });
            }
        }
        chosen.push(record);
    }
    let small = chosen.iter().take(chosen.len() - 1).find(|part| part.plain_len < PART_MIN);
    match small {
        Some(part) => Err(Error::PartTooSmall { number: part.number, plain_len: part.plain_len }),
        None => Ok(chosen),
    }
}

fn same_etag(have: &str, named: &str) -> bool {
    etag::same(have, named)
}

/// What the parts add up to.
struct Sums {
    plain_len: u64,
    md5: Option<[u8; 16]>,
    checksums: BTreeMap<ChecksumName, Vec<u8>>,
    kind: ChecksumType,
}

impl Sums {
    fn of(parts: &[PartRecord], chosen: Option<Checksum>) -> Result<Self, Error> {
        let chosen = chosen.unwrap_or(Checksum { name: ChecksumName::Crc64Nvme, kind: ChecksumType::FullObject });
        let too_large = || Error::TooLarge { plain_len: u64::MAX };
        let plain_len =
            parts.iter().try_fold(0_u64, |sum, part| sum.checked_add(part.plain_len)).ok_or_else(too_large)?;
        let values: Option<Vec<&[u8]>> =
            parts.iter().map(|part| part.computed.checksums.get(&chosen.name).map(Vec::as_slice)).collect();
        let value = values.and_then(|values| match chosen.kind {
            ChecksumType::Composite => Some(checksum::composite(chosen.name, values)),
            ChecksumType::FullObject => whole(chosen.name, parts, &values),
        });
        let md5s: Option<Vec<[u8; 16]>> = parts.iter().map(|part| part.computed.md5).collect();
        let md5 = md5s.map(|md5s| checksum::md5_of_md5s(md5s.iter().map(<[u8; 16]>::as_slice)));
        let checksums = value.map(|value| BTreeMap::from([(chosen.name, value)])).unwrap_or_default();
        Ok(Self { plain_len, md5, checksums, kind: chosen.kind })
    }

    /// Compares with what the client says of the whole object.
    fn check(&self, request: &CompleteRequest) -> Result<(), Error> {
        if request.plain_len.is_some_and(|said| said != self.plain_len) {
            return Err(Error::BadPart(format!(
                "x-amz-mp-object-size does not match the parts, which have {} bytes",
                self.plain_len
            )));
        }
        let known: BTreeSet<_> = self.checksums.keys().collect();
        for (name, said) in request.checksums.iter().filter(|(name, _)| known.contains(name)) {
            if self.checksums.get(name) != Some(said) {
                return Err(Error::ChecksumDisagrees { name: *name });
            }
        }
        Ok(())
    }

    fn facts(&self, parts: &[PartRecord]) -> Facts {
        let mut facts =
            Facts::new(self.plain_len, envelope::Computed { md5: self.md5, checksums: self.checksums.clone() });
        facts.checksum_type = Some(self.kind);
        facts.last_segment = parts.last().map(PartRecord::segment);
        facts.segments_in_table = u32::try_from(parts.len().saturating_sub(1)).ok().filter(|count| *count > 0);
        facts
    }
}

/// The checksum of all content from those of its parts, for algorithms that allow it.
fn whole(name: ChecksumName, parts: &[PartRecord], values: &[&[u8]]) -> Option<Vec<u8>> {
    let mut pairs = parts.iter().zip(values);
    let first = pairs.next()?.1.to_vec();
    pairs.try_fold(first, |sum, (part, value)| checksum::combine(name, &sum, value, part.plain_len))
}
