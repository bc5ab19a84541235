//! Copying one object to another name: at the store wherever the content can stay as it is, through us otherwise.
//!
//! A sealed object keeps its content and its data key; only the key's wrap and the metadata are written anew. What is
//! copied is pinned to the version that was looked at.

use std::sync::Arc;

use bytes::Bytes;
use envelope::Envelope;
use http::header::{CONTENT_LENGTH, ETAG, IF_MATCH};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode};

use crate::answers::{error_code, rewrite_elements};
use crate::facts::Gist;
use crate::foreign::{self, Locked};
use crate::policy::{MetadataMode, WriteFormat};
use crate::reader::{content_length, store_etag};
use crate::rewrap::{self, Place};
use crate::store::{self, Body};
use crate::{Error, Facts, ObjectRef, SealedObjects, USER_METADATA_PREFIX, metadata, stream};

mod headers;
mod part;
mod source;
mod through;

pub(crate) use self::headers::{COPY_SOURCE, drop_digests, rewritten as rewritten_headers};
pub use part::{PartCopied, PartCopyRequest};

use self::source::{Look, Source};

/// What S3 copies in one request.
pub const COPY_LIMIT: u64 = 5 * 1024 * 1024 * 1024;

/// How often a copy starts again because its source was replaced since it was looked at.
const ATTEMPTS: usize = 4;

/// A store may send white space for as long as it copies.
const RESULT_LIMIT: usize = 1024 * 1024;

/// An object to copy.
pub struct CopyRequest {
    /// What to copy, and which version.
    pub from: ObjectRef,
    /// Where it goes.
    pub to: ObjectRef,
    /// The client's headers that the store is to see: conditions on both ends with the store's ETags, metadata,
    /// directives, storage class.
    pub headers: HeaderMap,
    /// Whether the request's metadata and system headers replace those of the source.
    pub replace_metadata: bool,
}

/// How a copy ended.
pub enum Copied {
    /// It was made.
    Object(CopiedObject),
    /// The store answered this instead; not all answers are refusals where bytes pass as they are.
    Answer(Response<Body>),
    /// The store began with a success and ended in this error document.
    Failed(Bytes),
    /// A condition on the source does not hold.
    ConditionFailed,
    /// The version to copy is a delete marker.
    DeleteMarker,
    /// The source is larger than [`COPY_LIMIT`].
    TooLarge,
}

/// A copy that was made.
pub struct CopiedObject {
    /// The headers of the store's answer.
    pub headers: HeaderMap,
    /// The ETag of the copy that clients are shown.
    pub etag: String,
    /// When the copy was made, as the store says it, if it does.
    pub last_modified: Option<String>,
    /// What is known of the plaintext, as far as it is at hand.
    pub facts: Option<Arc<Facts>>,
}

/// A copy that the store made, with the store's ETag.
struct Made {
    headers: HeaderMap,
    etag: String,
    last_modified: Option<String>,
}

impl Made {
    fn shown_as(self, etag: String, facts: Option<Arc<Facts>>) -> Copied {
        let Self { headers, last_modified, .. } = self;
        Copied::Object(CopiedObject { headers, etag, last_modified, facts })
    }
}

impl SealedObjects {
    /// Copies an object. Content moves through us only where its sealing changes.
    ///
    /// # Errors
    /// Why the source cannot be opened or the copy cannot be written; see [`Error`].
    pub async fn copy(&self, request: CopyRequest) -> Result<Copied, Error> {
        let from = Place { at: &request.from, rule: self.rule(&request.from.bucket, &request.from.key)? };
        let to = Place { at: &request.to, rule: self.rule(&request.to.bucket, &request.to.key)? };
        to.rule.check_write()?;
        if [from.rule, to.rule].iter().all(|rule| rule.passes()) {
            metadata::from_client(&request.headers, to.rule)?;
            return Ok(Copied::Answer(self.send_copy(&request, request.headers.clone()).await?));
        }
        let mut refused: Option<(HeaderValue, Copied)> = None;
        for _ in 0..ATTEMPTS {
            let source = match self.look(&request.from, &request.headers).await? {
                Look::Found(headers) => headers,
                Look::Ended(refused) => return Ok(refused.into()),
                Look::Changed => continue,
            };
            let etag = source.get(ETAG).ok_or_else(|| Error::BadAnswer("an object without ETag".into()))?.clone();
            match refused.take() {
                // The source is still the same, so it was the target's own condition that failed.
                Some((before, copied)) if before == etag => return Ok(copied),
                _ => {}
            }
            let copied = match self.copy_version(&request, &from, &to, &source).await {
                Err(Error::Replaced) => continue,
                outcome => outcome?,
            };
            if !copied.failed_a_condition() {
                return Ok(copied);
            }
            refused = Some((etag, copied));
        }
        Err(Error::Replaced)
    }

    /// Copies the version of the source that has these headers.
    async fn copy_version(
        &self,
        request: &CopyRequest,
        from: &Place<'_>,
        to: &Place<'_>,
        source: &HeaderMap,
    ) -> Result<Copied, Error> {
        let headers = match self.source(from, source).await? {
            Source::Sealed(envelope) if to.rule.seals() => {
                return self.copy_sealed(request, &envelope, from, to, source).await;
            }
            Source::Foreign(locked) if foreign::stays(&locked, from.rule, to.rule) => {
                return self.copy_foreign(request, &locked, from, to, source).await;
            }
            Source::Plain if to.rule.format == WriteFormat::Plain => {
                metadata::from_client(&request.headers, to.rule)?;
                headers::pinned(&request.headers, source)
            }
            _ => return self.copy_through(request, source).await,
        };
        let made = match self.copy_at_store(request, headers).await? {
            Ok(made) => made,
            Err(other) => return Ok(other),
        };
        let etag = self.stored(to.at, to.rule, &made.etag, content_length(source)?, None);
        Ok(made.shown_as(etag, None))
    }

    /// Leaves content and envelope as they are.
    async fn copy_foreign(
        &self,
        request: &CopyRequest,
        locked: &Locked,
        from: &Place<'_>,
        to: &Place<'_>,
        source: &HeaderMap,
    ) -> Result<Copied, Error> {
        let headers = foreign::kept_envelope(request, to.rule, source)?;
        if locked.is_in_instruction_file()
            && let Some(refused) = self.copy_instruction_file(request, from.rule, to.rule).await?
        {
            return Ok(refused);
        }
        let made = match self.copy_at_store(request, headers).await? {
            Ok(made) => made,
            Err(other) => return Ok(other),
        };
        let etag = to.rule.shown_etag(&made.etag, Some(&Gist::foreign(content_length(source)?)));
        Ok(made.shown_as(etag, None))
    }

    /// Leaves the content where it is and writes the envelope for its new name.
    async fn copy_sealed(
        &self,
        request: &CopyRequest,
        envelope: &Envelope,
        from: &Place<'_>,
        to: &Place<'_>,
        source: &HeaderMap,
    ) -> Result<Copied, Error> {
        let client_metadata = metadata::from_client(&request.headers, to.rule)?;
        let (envelope, keys) = self.rewrap(envelope, from, to).await?;
        let mut headers = headers::rewritten(request, source);
        rewrap::write_envelope(&envelope, &mut headers)?;
        if request.replace_metadata {
            self.write_metadata(to.rule, &keys, &client_metadata, &mut headers)?;
        } else if to.rule.metadata == MetadataMode::Clear || !rewrap::carry_sealed_metadata(source, &mut headers)? {
            self.write_metadata(to.rule, &keys, &metadata::opened(source, &keys)?, &mut headers)?;
        }
        metadata::check_size(&headers)?;
        // The copy's ETag may need them; otherwise they are a courtesy that is worth no request.
        let facts = if to.rule.shows_md5() {
            Some(self.facts_of(from.at, from.rule, source).await?)
        } else {
            store_etag(source).and_then(|etag| self.facts.find(from.at, etag))
        };
        let made = match self.copy_at_store(request, headers).await? {
            Ok(made) => made,
            Err(other) => return Ok(other),
        };
        let etag = match &facts {
            Some(facts) => self.stored(to.at, to.rule, &made.etag, facts.plain_len, Some(Arc::clone(facts))),
            None => to.rule.shown_etag(&made.etag, None),
        };
        Ok(made.shown_as(etag, facts))
    }

    async fn copy_at_store(&self, request: &CopyRequest, headers: HeaderMap) -> Result<Result<Made, Copied>, Error> {
        let response = self.send_copy(request, headers).await?;
        if !response.status().is_success() {
            return Ok(Err(Copied::Answer(response)));
        }
        let (parts, body) = response.into_parts();
        let xml = stream::collect(body, RESULT_LIMIT).await.map_err(headers::broken)?;
        if error_code(&xml).is_some() {
            return Ok(Err(Copied::Failed(xml)));
        }
        let etag = element(&xml, "ETag")?.ok_or_else(|| Error::BadAnswer("a copy without ETag".into()))?;
        // Some stores leave the quotes out here, and only here.
        let etag = if etag.contains('"') { etag } else { format!("\"{etag}\"") };
        let last_modified = element(&xml, "LastModified")?;
        Ok(Ok(Made { headers: parts.headers, etag, last_modified }))
    }

    async fn send_copy(&self, request: &CopyRequest, mut headers: HeaderMap) -> Result<Response<Body>, Error> {
        let source = HeaderValue::try_from(request.from.uri()?.to_string()).map_err(|_| Error::BadName)?;
        headers.insert(headers::COPY_SOURCE, source);
        headers.insert(CONTENT_LENGTH, HeaderValue::from(0));
        let mut send = Request::builder().method(Method::PUT).uri(request.to.uri()?).body(store::empty())?;
        *send.headers_mut() = headers;
        self.forward(send).await
    }
}

impl Copied {
    fn failed_a_condition(&self) -> bool {
        match self {
            Self::Answer(response) => response.status() == StatusCode::PRECONDITION_FAILED,
            Self::Failed(xml) => error_code(xml).is_some_and(|(code, _)| code == "PreconditionFailed"),
            _ => false,
        }
    }
}

/// The text of an element of a copy's result.
fn element(xml: &[u8], name: &str) -> Result<Option<String>, Error> {
    let mut found = None;
    rewrite_elements(xml, &["CopyObjectResult", name], |text| {
        found = Some(text.to_owned());
        None
    })?;
    Ok(found)
}

/// The names of user metadata among `headers`.
fn metadata_names(headers: &HeaderMap) -> Vec<HeaderName> {
    headers.keys().filter(|name| name.as_str().starts_with(USER_METADATA_PREFIX)).cloned().collect()
}

/// The condition that a read speaks of the version that was looked at.
fn pin(source: &HeaderMap) -> Option<(HeaderName, HeaderValue)> {
    source.get(ETAG).map(|etag| (IF_MATCH, etag.clone()))
}
