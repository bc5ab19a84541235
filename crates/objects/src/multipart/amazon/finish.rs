//! Putting an upload in one of Amazon's formats together: the list is decided once, what waits is sent, and the tag ends the object.

use std::ops::Range;

use envelope::s3ec::{Detection, PartHash};
use envelope::{ChecksumType, s3ec};
use futures::StreamExt as _;
use http::header::ETAG;
use http::{HeaderMap, Method, Response};

use super::super::choice::{StoreEtags, choose};
use super::super::complete::{CompleteRequest, Completed, FAN_OUT, Tried, refused};
use super::super::part::Place;
use super::super::placement::equal_len;
use super::super::record::PartRecord;
use super::super::sums::Sums;
use super::super::{OpenUpload, PART_LIMIT, UploadOutcome};
use super::stretch::{Sending, Slot, TagPiece};
use super::window::open;
use super::{Note, settled};
use crate::store::{self, Body};
use crate::stream::FailureSlot;
use crate::{Error, ObjectRef, SealedObjects, USER_METADATA_PREFIX, foreign};

/// Bytes of a tag.
const TAG: u64 = 16;

/// S3's largest part.
const PART_MAX: u64 = 5 * 1024 * 1024 * 1024;

/// What is decided when an upload ends.
struct Decided {
    parts: Vec<PartRecord>,
    sums: Sums,
    note: Note,
    /// The length of all pieces of the end but the last.
    piece_len: u64,
}

impl SealedObjects {
    /// Tries once to put an upload together.
    pub(in super::super) async fn put_together(
        &self,
        upload: &OpenUpload,
        request: &CompleteRequest,
        at_store: Option<&StoreEtags>,
    ) -> Result<Tried, Error> {
        let decided = {
            let _decides = self.windows.lock(&upload.name).await;
            self.decide(upload, request).await?
        };
        let mut parts = match self.send_all(upload, &request.at, &decided).await? {
            Ok(parts) => parts,
            Err(answer) => return refused(answer).await,
        };
        for (number, etag) in &mut parts {
            // A part is the same bytes whoever sent it, so what the store has of this number is it.
            if let Some(stored) = at_store.and_then(|at_store| at_store.get(number)) {
                etag.clone_from(stored);
            }
        }
        let (headers, store_etag) = match self.complete_at_store(upload, request, &parts).await? {
            UploadOutcome::Done(done) => done,
            UploadOutcome::Answer(answer) => return refused(answer).await,
        };
        let rule = self.rule(&request.at.bucket, &request.at.key)?;
        let Decided { sums, note, parts, .. } = decided;
        if let Some(file) = note.instruction_file {
            self.put_instruction_file(&request.at, rule, &HeaderMap::new(), file).await?;
        }
        let etag = self.stored(&request.at, rule, &store_etag, sums.plain_len, None);
        self.forget(upload).await;
        let (checksums, checksum_type) = (sums.checksums, sums.kind);
        Ok(Tried::Done(Completed { headers, etag, checksums, checksum_type, parts: parts.len() }))
    }

    /// Decides which parts the object has and where they are, unless that is decided, and writes it down.
    async fn decide(&self, upload: &OpenUpload, request: &CompleteRequest) -> Result<Decided, Error> {
        let mut note = self.read_note(upload).await?;
        let records = settled(self.part_records(upload, 0, usize::MAX).await?);
        let placed: Vec<u16> = records.iter().filter(|part| part.offset().is_some()).map(PartRecord::number).collect();
        let mut parts = choose(&request.parts, records, None)?;
        let sums = Sums::of(&parts, upload.token.checksum)?;
        sums.check(request)?;
        foreign::stored_len(sums.plain_len)?;
        let numbers: Vec<u16> = parts.iter().map(PartRecord::number).collect();
        let piece_len = self.piece_len(&parts)?;
        match &note.parts {
            Some(list) if *list == numbers => {}
            Some(_) => {
                return Err(Error::BadPart(
                    "the upload was to be completed with another list of parts before, and in this format it has one end: repeat that \
                     list, or abort the upload and begin another"
                        .into(),
                ));
            }
            None => {
                check_none_left_out(&placed, &numbers)?;
                note.tag_behind = parts.last().is_some_and(|last| last.offset().is_some());
                note.parts = Some(numbers);
                self.write_note(&upload.keys, &upload.name, &note).await?;
            }
        }
        open(&self.window(upload).await?).close();
        self.place_all(upload, &mut parts).await?;
        Ok(Decided { parts, sums, note, piece_len })
    }

    /// Gives every part its place.
    async fn place_all(&self, upload: &OpenUpload, parts: &mut [PartRecord]) -> Result<(), Error> {
        let mut offset = 0;
        for part in parts {
            match part.offset() {
                Some(placed) if placed == offset => {}
                Some(_) => {
                    return Err(Error::Integrity("the places of an upload's parts contradict each other".into()));
                }
                None => {
                    let stretch =
                        part.stretch.as_mut().ok_or_else(|| Error::Internal("a part of another kind".into()))?;
                    stretch.offset = Some(offset);
                    self.record(upload, part).await?;
                }
            }
            offset += part.plain_len;
        }
        Ok(())
    }

    /// How long a part at the store may be.
    fn piece_len(&self, parts: &[PartRecord]) -> Result<u64, Error> {
        match parts.split_last() {
            Some((last, others)) if self.equal_parts => Ok(equal_len(last, others)?.unwrap_or(PART_MAX)),
            _ => Ok(PART_MAX),
        }
    }

    /// Sends all that was not sent, the end last; the store's parts in order.
    async fn send_all(
        &self,
        upload: &OpenUpload,
        at: &ObjectRef,
        decided: &Decided,
    ) -> Result<Result<Vec<(u16, String)>, Response<Body>>, Error> {
        let (last, others) =
            decided.parts.split_last().ok_or_else(|| Error::Internal("an upload without parts".into()))?;
        let (before, last) =
            if decided.note.tag_behind { (decided.parts.as_slice(), None) } else { (others, Some(last)) };
        let sendings: Vec<_> = before.iter().map(|part| self.send_stretch(upload, at, part.clone())).collect();
        let mut sendings = futures::stream::iter(sendings).buffered(FAN_OUT);
        let (mut sent, mut hashes) = (Vec::new(), Vec::new());
        while let Some(part) = sendings.next().await {
            let part = match part? {
                Ok(part) => part,
                Err(answer) => return Ok(Err(answer)),
            };
            let hash = part.stretch.as_ref().and_then(|stretch| stretch.hash.clone());
            hashes.push(hash.ok_or_else(|| Error::Internal("a part was sent without its hash".into()))?);
            let number = part.number();
            sent.push((number, part.store_etag.ok_or_else(|| Error::Internal("a part without an ETag".into()))?));
        }
        let first = last.map_or_else(|| decided.parts.last().map_or(1, |part| part.number() + 1), PartRecord::number);
        for (number, range) in pieces(first, last.map_or(0, |last| last.plain_len) + TAG, decided.piece_len)? {
            match self.send_piece(upload, &Place { at: at.clone(), number }, last, range, &mut hashes).await? {
                Ok(etag) => sent.push((number, etag)),
                Err(answer) => return Ok(Err(answer)),
            }
        }
        Ok(Ok(sent))
    }

    /// Sends a piece of the end: content of the last part if it waited, and the tag behind it.
    async fn send_piece(
        &self,
        upload: &OpenUpload,
        place: &Place,
        last: Option<&PartRecord>,
        piece: Range<u64>,
        hashes: &mut Vec<PartHash>,
    ) -> Result<Result<String, Response<Body>>, Error> {
        let content_len = last.map_or(0, |last| last.plain_len);
        let in_tag = |at: u64| usize::try_from(at.saturating_sub(content_len).min(TAG)).unwrap_or_default();
        let tag = in_tag(piece.start)..in_tag(piece.end);
        let content = piece.start.min(content_len)..piece.end.min(content_len);
        let sending = match last {
            // An empty last part has no content to open, and its hash is of nothing.
            Some(last) if !content.is_empty() => {
                let tag = (!tag.is_empty()).then(|| TagPiece { before: hashes.clone(), range: tag });
                self.stretch(upload, last, content, tag).await?.ok_or(Error::NoSuchUpload)?
            }
            _ => {
                let keys = upload.amazon.as_ref().ok_or(Error::NoSuchUpload)?;
                let whole = keys.tag(hashes.iter()).map_err(|error| Error::Internal(error.to_string()))?;
                let bytes = whole.get(tag).unwrap_or_default().to_vec();
                let (len, failures) = (bytes.len() as u64, FailureSlot::default());
                Sending { body: store::full(bytes), len, failures, hash: Slot::default() }
            }
        };
        let answer = self.put_part(place, &upload.token.store_id, sending.body, sending.len).await;
        if let Some(error) = sending.failures.take() {
            return Err(Error::Internal(format!("held part {} cannot be read: {error}", place.number)));
        }
        hashes.extend(sending.hash.take());
        answer
    }

    /// What an earlier completion made of the upload, if its object is still the one there: only that one has these keys' envelope.
    pub(in super::super) async fn put_together_before(
        &self,
        upload: &OpenUpload,
        request: &CompleteRequest,
    ) -> Result<Option<Completed>, Error> {
        let Some(keys) = &upload.amazon else { return Ok(None) };
        let answer = self.ask(Method::HEAD, request.at.uri()?, HeaderMap::new()).await?;
        let headers = answer.headers();
        let metadata: Vec<(&str, &str)> = headers
            .iter()
            .filter_map(|(name, value)| Some((name.as_str().strip_prefix(USER_METADATA_PREFIX)?, value.to_str().ok()?)))
            .collect();
        let ours = match s3ec::detect(metadata, 0) {
            Ok(Detection::Complete(envelope)) => keys.are_of(&envelope),
            Ok(Detection::NeedsInstructionFile(partial)) => keys.are_committed_by(&partial),
            _ => false,
        };
        let etag = headers.get(ETAG).and_then(|etag| etag.to_str().ok());
        let (true, Some(etag)) = (ours && answer.status().is_success(), etag) else { return Ok(None) };
        let rule = self.rule(&request.at.bucket, &request.at.key)?;
        // It may be what was missing.
        if let Ok(Note { instruction_file: Some(file), .. }) = self.read_note(upload).await {
            self.put_instruction_file(&request.at, rule, &HeaderMap::new(), file).await?;
        }
        let plain_len = crate::reader::content_length(headers)?.saturating_sub(TAG);
        let told = |name: &str| name == "x-amz-version-id" || name.starts_with("x-amz-server-side-encryption");
        Ok(Some(Completed {
            headers: headers
                .iter()
                .filter(|(name, _)| told(name.as_str()))
                .map(|(n, v)| (n.clone(), v.clone()))
                .collect(),
            etag: self.stored(&request.at, rule, etag, plain_len, None),
            checksums: request.checksums.clone(),
            checksum_type: upload.token.checksum.map_or(ChecksumType::FullObject, |checksum| checksum.kind),
            parts: request.parts.len(),
        }))
    }
}

/// Refuses a list that leaves out a part before its last one that has its place: what comes behind it cannot move any more.
fn check_none_left_out(placed: &[u16], listed: &[u16]) -> Result<(), Error> {
    let last = listed.last().copied().unwrap_or_default();
    match placed.iter().find(|number| **number < last && !listed.contains(number)) {
        None => Ok(()),
        Some(number) => Err(Error::BadPart(format!(
            "part {number} is left out, and in this format the parts behind it are encrypted for places after it: list it, or abort the \
             upload and begin another without it"
        ))),
    }
}

/// Numbers and ranges of the pieces of an end of `len` bytes.
fn pieces(first: u16, len: u64, piece_len: u64) -> Result<Vec<(u16, Range<u64>)>, Error> {
    let count = len.div_ceil(piece_len);
    let numbers = first..=PART_LIMIT;
    if count > numbers.len() as u64 {
        return Err(Error::BadPart(
            "behind the last part no number is left for the end of the object; use fewer and larger parts".into(),
        ));
    }
    Ok(numbers.zip((0..count).map(|index| index * piece_len..len.min((index + 1) * piece_len))).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_end_that_is_too_long_is_cut() {
        assert_eq!(pieces(3, 20, 100).unwrap(), [(3, 0..20)]);
        assert_eq!(pieces(3, 116, 100).unwrap(), [(3, 0..100), (4, 100..116)]);
        assert!(matches!(pieces(10_000, 116, 100), Err(Error::BadPart(_))));
        assert_eq!(pieces(10_000, 100, 100).unwrap(), [(10_000, 0..100)]);
    }

    #[test]
    fn a_part_with_a_place_is_not_left_out_before_the_last() {
        assert!(check_none_left_out(&[1, 2, 3], &[1, 2, 3, 5]).is_ok());
        assert!(check_none_left_out(&[1, 2, 3], &[1, 2]).is_ok());
        assert!(check_none_left_out(&[1, 2, 3], &[1, 3]).is_err());
        assert!(check_none_left_out(&[1, 2], &[4]).is_err());
        assert!(check_none_left_out(&[], &[4]).is_ok());
    }
}
