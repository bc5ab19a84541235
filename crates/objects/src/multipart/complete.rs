//! Putting an upload together: the client's list against the records, the footer, and the store's own completion.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use envelope::{ChecksumName, ChecksumType, Facts, Segment, checksum, layout, seal_footer};
use futures::StreamExt as _;
use http::header::{CONTENT_LENGTH, ETAG};
use http::{HeaderMap, Method, Request, Response};
use http_body_util::BodyExt as _;

use super::part::Place;
use super::placement::Placement;
use super::record::PartRecord;
use super::token::Checksum;
use super::{ANSWER_LIMIT, OpenUpload, PART_MIN, UploadOutcome, answers, complete_document, unreadable};
use crate::random::draw;
use crate::reader::{OpenRequest, Opened};
use crate::store::{self, Body};
use crate::{Error, ObjectRef, SealedObjects, encode_value, etag, metadata, stream};

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

/// How often a completion begins anew when the store knows another end of the object than the one just sent, which happens when
/// two completions of one upload race: each sends its own.
const ATTEMPTS: usize = 3;

/// Parts that are sent late at the same time.
const FAN_OUT: usize = 4;

/// How one attempt to complete an upload ended.
enum Tried {
    Done(Completed),
    /// The store's answer, and the code in it.
    Refused(Response<Body>, String),
}

impl SealedObjects {
    /// Completes an upload of ours; `None` when the id is the store's own. Completing again what is complete gives the same answer.
    ///
    /// # Errors
    /// What is wrong with the list ([`Error::BadPart`] and its relatives), or why it cannot be completed.
    pub async fn complete_upload(&self, request: CompleteRequest) -> Result<Option<UploadOutcome<Completed>>, Error> {
        let Some(upload) = self.open_upload(&request.at, &request.upload_id).await? else { return Ok(None) };
        let mut tried = self.try_complete(&upload, &request).await;
        for _ in 1..ATTEMPTS {
            let contended = matches!(&tried, Ok(Tried::Refused(_, code)) if code == "InvalidPart");
            if !contended || self.uploads()?.find(&upload.name).await?.is_none() {
                break;
            }
            tried = self.try_complete(&upload, &request).await;
        }
        let lost = match &tried {
            Ok(Tried::Done(_)) => false,
            Ok(Tried::Refused(_, code)) => code == "NoSuchUpload" || code == "InvalidPart",
            Err(error) => matches!(error, Error::NoSuchUpload | Error::NoSuchPart { .. }),
        };
        if lost && let Some(completed) = self.completed_before(&upload, &request).await? {
            return Ok(Some(UploadOutcome::Done(completed)));
        }
        match tried? {
            Tried::Done(completed) => Ok(Some(UploadOutcome::Done(completed))),
            Tried::Refused(answer, code) => {
                if code == "NoSuchUpload" {
                    self.forget(&upload).await;
                }
                Ok(Some(UploadOutcome::Answer(answer)))
            }
        }
    }

    async fn try_complete(&self, upload: &OpenUpload, request: &CompleteRequest) -> Result<Tried, Error> {
        if self.uploads()?.find(&upload.name).await?.is_none() {
            return Err(Error::NoSuchUpload);
        }
        let records = self.part_records(upload, 0, usize::MAX).await?;
        let chosen = choose(&request.parts, records)?;
        let sums = Sums::of(&chosen, upload.token.checksum)?;
        sums.check(request)?;
        let store_parts = match self.send_rest(upload, &request.at, &chosen, &sums).await? {
            Ok(parts) => parts,
            Err(answer) => return refused(answer).await,
        };
        let (headers, store_etag) = match self.complete_at_store(upload, request, &store_parts).await? {
            UploadOutcome::Done(done) => done,
            UploadOutcome::Answer(answer) => return refused(answer).await,
        };
        let rule = self.rule(&request.at.bucket, &request.at.key)?;
        let facts = Arc::new(sums.facts(&chosen));
        let etag = self.stored(&request.at, rule, &store_etag, sums.plain_len, Some(facts));
        // The object is there; state that cannot be forgotten now is litter, not a failure.
        self.forget(upload).await;
        let (checksums, checksum_type) = (sums.checksums, sums.kind);
        Ok(Tried::Done(Completed { headers, etag, checksums, checksum_type, parts: chosen.len() }))
    }

    async fn forget(&self, upload: &OpenUpload) {
        let Ok(uploads) = self.uploads() else { return };
        if let Err(error) = uploads.forget(&upload.name).await {
            tracing::warn!(cause = %error, "the state of a finished upload could not be removed; the sweep will try again");
        }
    }

    /// What an earlier completion made of the upload, if its object is still the one there: only that one has the upload's envelope.
    async fn completed_before(
        &self,
        upload: &OpenUpload,
        request: &CompleteRequest,
    ) -> Result<Option<Completed>, Error> {
        let (at, headers) = (request.at.clone(), HeaderMap::new());
        let head = OpenRequest { at, want: None, headers, part: None, checksums: true };
        let Ok(Opened::Object(object)) = self.head(head).await else { return Ok(None) };
        let envelope = metadata::envelope(&object.headers)?;
        let same = envelope.is_some_and(|envelope| envelope.to_string() == upload.token.envelope.to_string());
        let store_etag = object.headers.get(ETAG).and_then(|etag| etag.to_str().ok());
        let (true, Some(facts), Some(store_etag)) = (same, object.facts, store_etag) else { return Ok(None) };
        let rule = self.rule(&request.at.bucket, &request.at.key)?;
        let told = |name: &str| name == "x-amz-version-id" || name.starts_with("x-amz-server-side-encryption");
        let headers = object.headers.iter().filter(|(name, _)| told(name.as_str()));
        Ok(Some(Completed {
            headers: headers.map(|(name, value)| (name.clone(), value.clone())).collect(),
            etag: self.stored(&request.at, rule, store_etag, facts.plain_len, Some(Arc::clone(&facts))),
            checksums: facts.checksums.clone(),
            checksum_type: facts.checksum_type.unwrap_or(ChecksumType::FullObject),
            parts: facts.segment_count() as usize,
        }))
    }

    /// Sends what was held back, and the footer; the store's parts in order.
    async fn send_rest(
        &self,
        upload: &OpenUpload,
        at: &ObjectRef,
        chosen: &[PartRecord],
        sums: &Sums,
    ) -> Result<Result<Vec<(u16, String)>, Response<Body>>, Error> {
        let placement = Placement::of(chosen, self.equal_parts)?;
        let footer = Bytes::from(self.footer(upload, chosen, sums)?);
        let held_len = placement.last.map_or(Ok(0), sealed_len)?;
        let mut sendings = Vec::new();
        for part in &placement.late {
            sendings.push((part.number(), *part, 0..sealed_len(part)?, Bytes::new()));
        }
        let whole = chosen.last().ok_or_else(|| Error::Internal("an upload without parts".into()))?;
        for (number, piece) in placement.pieces(held_len + footer.len() as u64)? {
            let behind = |position: u64| usize::try_from(position.saturating_sub(held_len)).unwrap_or(usize::MAX);
            let end = footer.slice(behind(piece.start)..behind(piece.end));
            sendings.push((number, whole, piece.start.min(held_len)..piece.end.min(held_len), end));
        }
        let sendings: Vec<_> = sendings
            .into_iter()
            .map(|(number, part, range, end)| self.send_held(upload, at, number, part, range, end))
            .collect();
        let mut parts = placement.sent;
        let mut sendings = futures::stream::iter(sendings).buffer_unordered(FAN_OUT);
        while let Some(sent) = sendings.next().await {
            match sent? {
                Ok(part) => parts.push(part),
                Err(answer) => return Ok(Err(answer)),
            }
        }
        parts.sort_unstable();
        Ok(Ok(parts))
    }

    /// Sends held bytes of a part, with more behind them, as a part of the store's.
    async fn send_held(
        &self,
        upload: &OpenUpload,
        at: &ObjectRef,
        number: u16,
        part: &PartRecord,
        range: Range<u64>,
        end: Bytes,
    ) -> Result<Result<(u16, String), Response<Body>>, Error> {
        let len = range.end.saturating_sub(range.start) + end.len() as u64;
        let body = if range.is_empty() {
            store::full(end)
        } else {
            let held = self.uploads()?.held(&upload.name, &part.attempt, range).await?;
            let held = held.ok_or(Error::NoSuchUpload)?.into_data_stream();
            store::sized(len, held.chain(futures::stream::iter([Ok(end)])))
        };
        let place = Place { at: at.clone(), number };
        Ok(self.put_part(&place, &upload.token.store_id, body, len).await?.map(|etag| (number, etag)))
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

/// A store's answer that is no success, with its code.
async fn refused(answer: Response<Body>) -> Result<Tried, Error> {
    let (parts, body) = answer.into_parts();
    let document = stream::collect(body, ANSWER_LIMIT).await.map_err(unreadable)?;
    let code = crate::error_code(&document).map(|(code, _)| code).unwrap_or_default();
    Ok(Tried::Refused(Response::from_parts(parts, store::full(document)), code))
}

/// The stored length of a part.
fn sealed_len(part: &PartRecord) -> Result<u64, Error> {
    layout::segment_len(part.plain_len).ok_or(Error::TooLarge { plain_len: part.plain_len })
}

/// The records of the parts that the client lists, in its order, which must be ascending.
fn choose(named: &[NamedPart], records: Vec<PartRecord>) -> Result<Vec<PartRecord>, Error> {
    if named.is_empty() {
        return Err(Error::BadPart("an upload needs at least one part".into()));
    }
    if named.windows(2).any(|pair| matches!(pair, [first, second] if first.number >= second.number)) {
        return Err(Error::PartOrder);
    }
    let mut attempts: BTreeMap<u16, Vec<PartRecord>> = BTreeMap::new();
    for record in records {
        attempts.entry(record.number()).or_default().push(record);
    }
    let mut chosen = Vec::with_capacity(named.len());
    for part in named {
        // Several only where attempts raced; which of them is at the store, the store will say.
        let attempts = attempts.remove(&part.number).unwrap_or_default();
        let record = attempts.into_iter().rev().find(|record| same_part(record, part));
        chosen.push(record.ok_or(Error::NoSuchPart { number: part.number })?);
    }
    let small = chosen.iter().take(chosen.len() - 1).find(|part| part.plain_len < PART_MIN);
    match small {
        Some(part) => Err(Error::PartTooSmall { number: part.number(), plain_len: part.plain_len }),
        None => Ok(chosen),
    }
}

/// Whether a record is that of the part the client means.
fn same_part(record: &PartRecord, named: &NamedPart) -> bool {
    let agrees =
        |(name, value): (&ChecksumName, &Vec<u8>)| record.computed.checksums.get(name).is_none_or(|have| have == value);
    same_etag(&record.etag, &named.etag) && named.checksums.iter().all(agrees)
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
