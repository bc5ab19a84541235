//! The end of an upload at the store: what was held back, the footer behind it, and the store's own completion.

use std::ops::Range;

use bytes::Bytes;
use envelope::{Segment, layout, seal_footer};
use futures::StreamExt as _;
use http::header::{CONTENT_LENGTH, ETAG};
use http::{HeaderMap, Method, Request, Response};
use http_body_util::BodyExt as _;

use super::super::part::Place;
use super::super::placement::Placement;
use super::super::record::PartRecord;
use super::super::sums::Sums;
use super::super::{ANSWER_LIMIT, OpenUpload, UploadOutcome, answers, complete_document, unreadable};
use super::{CompleteRequest, FAN_OUT};
use crate::random::draw;
use crate::store::{self, Body};
use crate::{Error, ObjectRef, SealedObjects, encode_value, stream};

impl SealedObjects {
    /// Sends what was held back, and the footer; the store's parts in order.
    pub(super) async fn send_rest(
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

    pub(in crate::multipart) async fn complete_at_store(
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

/// The stored length of a part.
fn sealed_len(part: &PartRecord) -> Result<u64, Error> {
    layout::segment_len(part.plain_len).ok_or(Error::TooLarge { plain_len: part.plain_len })
}
