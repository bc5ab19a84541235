//! Putting an upload together: the client's list against the records, and what becomes of attempts that fail.

mod closing;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use envelope::{ChecksumName, ChecksumType};
use http::header::ETAG;
use http::{HeaderMap, Method, Response};

use super::choice::{StoreEtags, choose};
use super::sums::Sums;
use super::{ANSWER_LIMIT, OpenUpload, UploadOutcome, answers, unreadable};
use crate::random::draw;
use crate::reader::{OpenRequest, Opened};
use crate::store::{self, Body};
use crate::{Error, ObjectRef, SealedObjects, encode_value, metadata, stream};

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

/// How often a completion begins anew when the store has another part than we think, which happens when two attempts at a part
/// raced, or when two completions do: each sends an end of its own.
const ATTEMPTS: u32 = 5;

/// A page of a thousand parts stays below this.
const PAGE_LIMIT: usize = 4 * 1024 * 1024;

/// Pages of a store's list of 10,000 parts, also if it shows fewer than others do at a time.
const PAGES: usize = 100;

/// Parts that are sent late at the same time.
pub(super) const FAN_OUT: usize = 4;

/// How one attempt to complete an upload ended.
pub(super) enum Tried {
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
        let mut tried = self.try_complete(&upload, &request, None).await;
        for attempt in 1..ATTEMPTS {
            if !matches!(&tried, Ok(Tried::Refused(_, code)) if code == "InvalidPart") {
                break;
            }
            // Those that race must not go on in step.
            let [jitter] = draw::<1>(self.random.as_ref())?;
            tokio::time::sleep(attempt * Duration::from_millis(jitter.into())).await;
            let Some(at_store) = self.parts_at_store(&upload, &request.at).await? else { break };
            tried = self.try_complete(&upload, &request, Some(&at_store)).await;
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

    async fn try_complete(
        &self,
        upload: &OpenUpload,
        request: &CompleteRequest,
        at_store: Option<&StoreEtags>,
    ) -> Result<Tried, Error> {
        if self.uploads()?.find(&upload.name).await?.is_none() {
            return Err(Error::NoSuchUpload);
        }
        if upload.amazon.is_some() {
            return self.put_together(upload, request, at_store).await;
        }
        let records = self.part_records(upload, 0, usize::MAX).await?;
        let chosen = choose(&request.parts, records, at_store)?;
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

    /// The parts that the store has; `None` when it does not know the upload any more.
    async fn parts_at_store(&self, upload: &OpenUpload, at: &ObjectRef) -> Result<Option<StoreEtags>, Error> {
        const ROOT: &str = "ListPartsResult";
        let query = format!("uploadId={}", encode_value(&upload.token.store_id));
        let (mut parts, mut next) = (StoreEtags::new(), Some(query.clone()));
        for _ in 0..PAGES {
            let Some(asked) = next.take() else { break };
            let response = self.ask(Method::GET, at.uri_with(&asked)?, HeaderMap::new()).await?;
            if !response.status().is_success() {
                return Ok(None);
            }
            let page = stream::collect(response.into_body(), PAGE_LIMIT).await.map_err(unreadable)?;
            let leaf = |name| answers::element(&page, &[ROOT, name]);
            let numbers = answers::elements(&page, &[ROOT, "Part", "PartNumber"])?;
            let etags = answers::elements(&page, &[ROOT, "Part", "ETag"])?;
            parts.extend(numbers.iter().zip(etags).filter_map(|(number, etag)| Some((number.parse().ok()?, etag))));
            if leaf("IsTruncated")?.is_some_and(|value| value == "true") && !numbers.is_empty() {
                let marker = leaf("NextPartNumberMarker")?;
                next = marker.map(|marker| format!("{query}&part-number-marker={}", encode_value(&marker)));
            }
        }
        Ok(Some(parts))
    }

    pub(super) async fn forget(&self, upload: &OpenUpload) {
        self.windows.forget(&upload.name);
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
        if upload.amazon.is_some() {
            return self.put_together_before(upload, request).await;
        }
        let (at, headers) = (request.at.clone(), HeaderMap::new());
        let head = OpenRequest { at, want: None, headers, part: None, checksums: true };
        let Ok(Opened::Object(object)) = self.head(head).await else { return Ok(None) };
        let envelope = metadata::envelope(&object.headers)?;
        let same = envelope.is_some_and(|envelope| envelope.same_key(&upload.token.envelope));
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
}

/// A store's answer that is no success, with its code.
pub(super) async fn refused(answer: Response<Body>) -> Result<Tried, Error> {
    let (parts, body) = answer.into_parts();
    let document = stream::collect(body, ANSWER_LIMIT).await.map_err(unreadable)?;
    let code = crate::error_code(&document).map(|(code, _)| code).unwrap_or_default();
    Ok(Tried::Refused(Response::from_parts(parts, store::full(document)), code))
}
