//! A part of an upload that is a stretch of another object.
//!
//! Its bytes lie at other places among other chunks of the source, so they are opened and sealed again on their way past.

use std::ops::Range;

use envelope::{Computed, DigestSet};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode};

use super::{ATTEMPTS, COPY_LIMIT, Look, headers, pin};
use crate::reader::{OpenRequest, Opened, OpenedObject};
use crate::store::Body;
use crate::{Error, ObjectRef, PartOutcome, PartRequest, RangeSpec, SealedObjects, encode_value};

/// A part to copy.
pub struct PartCopyRequest {
    /// The object to copy from, and which version.
    pub from: ObjectRef,
    /// The plaintext bytes to copy, all of which must be there; the whole object when `None`.
    pub range: Option<Range<u64>>,
    /// The object it will be part of.
    pub to: ObjectRef,
    /// The client's upload id.
    pub upload_id: String,
    /// Its number, from 1.
    pub number: u16,
    /// The client's headers that the store is to see, with the store's ETags.
    pub headers: HeaderMap,
}

/// How a copy of a part ended.
pub enum PartCopied {
    /// It was received.
    Part {
        /// The ETag that the client will name.
        etag: String,
        /// The digests of the plaintext.
        computed: Computed,
        /// The version that was copied, if the store has versions.
        version: Option<HeaderValue>,
    },
    /// The store answered this instead; not all answers are refusals where bytes pass as they are.
    Answer(Response<Body>),
    /// A condition on the source does not hold.
    ConditionFailed,
    /// The version to copy is a delete marker.
    DeleteMarker,
    /// More than [`COPY_LIMIT`] would be copied.
    TooLarge,
    /// The range does not lie within the source.
    OutsideSource {
        /// The source's plaintext length.
        plain_len: u64,
    },
}

impl SealedObjects {
    /// Copies bytes of an object into a part of an upload.
    ///
    /// # Errors
    /// Why the source cannot be opened or the part cannot be written; see [`Error`].
    pub async fn copy_part(&self, request: PartCopyRequest) -> Result<PartCopied, Error> {
        let rules =
            [self.rule(&request.from.bucket, &request.from.key)?, self.rule(&request.to.bucket, &request.to.key)?];
        if rules.iter().all(|rule| rule.passes()) {
            return self.send_part_copy(&request).await;
        }
        for _ in 0..ATTEMPTS {
            let source = match self.look(&request.from, &request.headers).await? {
                Look::Found(headers) => headers,
                Look::Ended(copied) => return Ok(copied.into()),
                Look::Changed => continue,
            };
            let mut conditions = headers::access_to_source(&request.headers);
            conditions.extend(pin(&source));
            let want = request.range.as_ref().map(|range| RangeSpec::FromTo(range.start, range.end.saturating_sub(1)));
            let open =
                OpenRequest { at: request.from.clone(), want, part: None, headers: conditions, checksums: false };
            match self.open(open).await? {
                Opened::Object(object) => return self.send_part(request, object).await,
                Opened::Unsatisfiable { plain_len } => return Ok(PartCopied::OutsideSource { plain_len }),
                Opened::Answer(response) if response.status() == StatusCode::PRECONDITION_FAILED => {}
                Opened::Answer(response) => return Ok(PartCopied::Answer(response)),
            }
        }
        Err(Error::Replaced)
    }

    /// Uploads what was opened as a part.
    async fn send_part(&self, request: PartCopyRequest, object: OpenedObject) -> Result<PartCopied, Error> {
        let whole = 0..object.plain_len;
        let range = object.range.unwrap_or(whole);
        // A range that reaches past the end is cut by a read and refused by a copy.
        if request.range.is_some_and(|wanted| wanted != range) {
            return Ok(PartCopied::OutsideSource { plain_len: object.plain_len });
        }
        let plain_len = range.end - range.start;
        if plain_len > COPY_LIMIT {
            return Ok(PartCopied::TooLarge);
        }
        let part = PartRequest {
            at: request.to,
            upload_id: request.upload_id,
            number: request.number,
            plain_len,
            digests: DigestSet::default(),
            verdict: Box::new(|_| Ok(())),
            body: object.body,
        };
        let version = object.headers.get("x-amz-version-id").cloned();
        match self.upload_part(part).await {
            Ok(PartOutcome::Received { etag, computed }) => Ok(PartCopied::Part { etag, computed, version }),
            Ok(PartOutcome::Answer(response)) => Ok(PartCopied::Answer(response)),
            // The body is the source: what broke it is not the client's doing.
            Err(Error::Body(cause)) => Err(headers::broken(cause)),
            Err(error) => Err(error),
        }
    }

    /// Leaves it to the store, which has both ends as they are.
    async fn send_part_copy(&self, request: &PartCopyRequest) -> Result<PartCopied, Error> {
        let mut headers = request.headers.clone();
        let source = HeaderValue::try_from(request.from.uri()?.to_string()).map_err(|_| Error::BadName)?;
        headers.insert(headers::COPY_SOURCE, source);
        headers.insert(http::header::CONTENT_LENGTH, HeaderValue::from(0));
        if let Some(range) = &request.range {
            let range = format!("bytes={}-{}", range.start, range.end.saturating_sub(1));
            let range = HeaderValue::try_from(range).map_err(|error| Error::Internal(error.to_string()))?;
            headers.insert(HeaderName::from_static("x-amz-copy-source-range"), range);
        }
        let query = format!("partNumber={}&uploadId={}", request.number, encode_value(&request.upload_id));
        Ok(PartCopied::Answer(self.ask(Method::PUT, request.to.uri_with(&query)?, headers).await?))
    }
}
