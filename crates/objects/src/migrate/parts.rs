//! Content that is too large for one request, written in parts: each a stretch of the source, of the version that was looked at.

use http::header::{CONTENT_LENGTH, IF_MATCH, IF_NONE_MATCH};
use http::{HeaderMap, HeaderValue, Method, Request};

use super::{MigrateRequest, OpenRequest, Opened};
use crate::multipart::{PART_LIMIT, complete_document};
use crate::reader::blame;
use crate::rewrap::taken;
use crate::store::{self, Body};
use crate::{
    CompleteRequest, CreateRequest, DigestSet, Error, NamedPart, ObjectRef, PartOutcome, PartRequest, RangeSpec,
    SealedObjects, UploadOutcome, encode_value,
};

/// Parts are whole multiples of this, so that lengths stay arithmetic.
const STEP: u64 = 5 * 1024 * 1024;

/// Parts of this length do for 600 GiB.
const USUAL: u64 = 64 * 1024 * 1024;

impl SealedObjects {
    pub(super) async fn migrate_in_parts(
        &self,
        request: &MigrateRequest,
        encrypts: bool,
        etag: &HeaderValue,
        plain_len: u64,
        mut headers: HeaderMap,
    ) -> Result<(), Error> {
        let conditions: HeaderMap = [IF_MATCH, IF_NONE_MATCH]
            .into_iter()
            .filter_map(|name| headers.remove(&name).map(|value| (name, value)))
            .collect();
        let wanted = self.digest_of(&request.from, Some(etag.clone())).await?.ok_or(Error::Replaced)?;
        let begin = CreateRequest { at: request.to.clone(), headers, checksum: None };
        let upload_id = match self.create_upload(begin).await? {
            UploadOutcome::Done(created) => created.upload_id,
            UploadOutcome::Answer(answer) => return taken(answer).await.map(drop),
        };
        let written = self.send_parts(request, encrypts, etag, plain_len, (&upload_id, conditions)).await;
        if written.is_err() {
            // What remains of it at the store after this is the store's to expire.
            let _ = self.abort_upload(&request.to, &upload_id).await;
        }
        written?;
        self.compare(&request.to, None, &wanted).await
    }

    async fn send_parts(
        &self,
        request: &MigrateRequest,
        encrypts: bool,
        etag: &HeaderValue,
        plain_len: u64,
        (upload_id, conditions): (&str, HeaderMap),
    ) -> Result<(), Error> {
        let part_len = part_len(plain_len, request.part_above);
        let mut parts = Vec::new();
        let mut start = 0;
        for number in 1..=PART_LIMIT {
            let end = plain_len.min(start + part_len);
            let sent = self.move_stretch(request, etag, upload_id, number, start..end).await?;
            parts.push(NamedPart { number, etag: sent, checksums: std::collections::BTreeMap::new() });
            start = end;
            if start == plain_len {
                break;
            }
        }
        if encrypts {
            let complete = CompleteRequest {
                at: request.to.clone(),
                upload_id: upload_id.to_owned(),
                parts,
                headers: conditions,
                checksums: std::collections::BTreeMap::new(),
                plain_len: Some(plain_len),
            };
            return match self.complete_upload(complete).await? {
                Some(UploadOutcome::Done(_)) => Ok(()),
                Some(UploadOutcome::Answer(answer)) => taken(answer).await.map(drop),
                None => Err(Error::NoSuchUpload),
            };
        }
        self.complete_plain(&request.to, upload_id, &parts, conditions).await
    }

    async fn move_stretch(
        &self,
        request: &MigrateRequest,
        etag: &HeaderValue,
        upload_id: &str,
        number: u16,
        range: std::ops::Range<u64>,
    ) -> Result<String, Error> {
        let headers = HeaderMap::from_iter([(IF_MATCH, etag.clone())]);
        let want = Some(RangeSpec::FromTo(range.start, range.end.saturating_sub(1)));
        let open = OpenRequest { at: request.from.clone(), want, part: None, headers, checksums: false };
        let object = match self.open(open).await? {
            Opened::Object(object) => object,
            Opened::Answer(answer) => return Err(taken(answer).await.err().unwrap_or(Error::Replaced)),
            Opened::Unsatisfiable { .. } => return Err(Error::Replaced),
        };
        let part = PartRequest {
            at: request.to.clone(),
            upload_id: upload_id.to_owned(),
            number,
            plain_len: range.end - range.start,
            digests: DigestSet::default(),
            verdict: Box::new(|_| Ok(())),
            body: object.body,
        };
        match self.upload_part(part).await {
            Ok(PartOutcome::Received { etag, .. }) => Ok(etag),
            Ok(PartOutcome::Answer(answer)) => Err(taken(answer).await.err().unwrap_or(Error::Replaced)),
            // The body is the source.
            Err(Error::Body(cause)) => Err(blame(cause)),
            Err(error) => Err(error),
        }
    }

    async fn complete_plain(
        &self,
        to: &ObjectRef,
        upload_id: &str,
        parts: &[NamedPart],
        conditions: HeaderMap,
    ) -> Result<(), Error> {
        let parts: Vec<(u16, String)> = parts.iter().map(|part| (part.number, part.etag.clone())).collect();
        let document = complete_document(&parts);
        let uri = to.uri_with(&format!("uploadId={}", encode_value(upload_id)))?;
        let complete = Request::builder().method(Method::POST).uri(uri).header(CONTENT_LENGTH, document.len());
        let mut complete: Request<Body> = complete.body(store::full(document))?;
        complete.headers_mut().extend(conditions);
        taken(self.forward(complete).await?).await.map(drop)
    }
}

/// Parts of one length that are enough for `plain_len` bytes, and no longer than what one request takes.
fn part_len(plain_len: u64, part_above: u64) -> u64 {
    let needed = plain_len.div_ceil(u64::from(PART_LIMIT)).next_multiple_of(STEP);
    needed.max(USUAL.min(part_above / STEP * STEP)).max(STEP)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_long_enough_and_no_longer_than_needed() {
        const GIB: u64 = 1 << 30;
        assert_eq!(part_len(12_000_000, STEP), STEP);
        assert_eq!(part_len(6 * GIB, 5 * GIB), USUAL);
        for len in [6 * GIB, 700 * GIB, 5 << 40] {
            assert!(len.div_ceil(part_len(len, 5 * GIB)) <= 10_000, "{len}");
        }
    }
}
