//! Rotation: the wrap of a stored object's data key is made anew where the object lies, and its content is not moved.
//!
//! The store copies the object onto itself with another envelope, under the condition that it is still the one that was looked at:
//! whatever a client wrote in between stays.

use envelope::Envelope;
use http::header::{CONTENT_LENGTH, ETAG, IF_MATCH};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode};

use super::{Place, write_envelope};
use crate::policy::Contents;
use crate::reader::content_length;
use crate::store::Body;
use crate::{Error, ObjectRef, SealedObjects, carried, error_code, metadata, stream};

/// How often a rewrap begins anew because a client replaced the object.
const ATTEMPTS: usize = 8;

/// A store may send white space for as long as it copies.
const ANSWER_LIMIT: usize = 1024 * 1024;

pub(super) const COPY_SOURCE: HeaderName = HeaderName::from_static("x-amz-copy-source");
pub(super) const COPY_SOURCE_IF_MATCH: HeaderName = HeaderName::from_static("x-amz-copy-source-if-match");
const VERSION: HeaderName = HeaderName::from_static("x-amz-version-id");

/// An object to rewrap.
#[derive(Debug, Clone)]
pub struct RewrapRequest {
    /// The object. Of a version that is not the latest it is only said how it is wrapped.
    pub at: ObjectRef,
    /// Whether anything is written; otherwise it is only found out what would be.
    pub apply: bool,
    /// Stored bytes that the store copies in one request; larger objects are copied in parts.
    pub copy_limit: u64,
    /// Whether the version that was replaced is deleted, where the bucket keeps versions. Its content is that of the new one.
    pub delete_replaced: bool,
}

/// How a rewrap ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rewrapped {
    /// The data key is wrapped anew, or would be.
    Done {
        /// The key that wrapped it before.
        from: String,
        /// The key that wraps it now.
        to: String,
    },
    /// An old version, which cannot be changed where it lies, is wrapped with this key.
    Left {
        /// The key.
        from: String,
    },
    /// It is wrapped as new objects are.
    Current,
    /// It is not sealed, and the rule lets such be.
    Unsealed,
    /// Another program encrypted it, and the rule does not write that program's formats.
    Foreign {
        /// The format's name in settings.
        format: &'static str,
    },
    /// It lies beside another object and belongs to that.
    Beside,
    /// There is no such object any more.
    Gone,
}

impl SealedObjects {
    /// Wraps an object's data key anew, with the key and the binding that new objects get. Neither its content nor its metadata moves.
    ///
    /// # Errors
    /// Why it cannot be unwrapped ([`Error::KeyRefused`], [`Error::UnknownKey`], [`Error::Integrity`]) or written
    /// ([`Error::Refused`]); [`Error::Replaced`] when clients never left it alone.
    pub async fn rewrap_object(&self, request: &RewrapRequest) -> Result<Rewrapped, Error> {
        for _ in 0..ATTEMPTS {
            match self.try_rewrap(request).await {
                Err(Error::Replaced) => {}
                outcome => return outcome,
            }
        }
        Err(Error::Replaced)
    }

    async fn try_rewrap(&self, request: &RewrapRequest) -> Result<Rewrapped, Error> {
        let at = &request.at;
        let rule = self.rule(&at.bucket, &at.key)?;
        let latest = ObjectRef { version: None, ..at.clone() };
        let Some(stored) = self.stored_headers(at).await? else { return Ok(Rewrapped::Gone) };
        if rule.contents == Contents::Plain {
            return Ok(Rewrapped::Unsealed);
        }
        let Some(envelope) = metadata::envelope(&stored)? else {
            return self.rewrap_foreign(request, rule, &stored).await;
        };
        if Self::is_current(rule, &envelope) {
            return Ok(Rewrapped::Current);
        }
        let from = envelope.encrypted_data_key().key_id.to_string();
        if self.is_old(at, &stored).await? {
            return Ok(Rewrapped::Left { from });
        }
        let place = Place { at: &latest, rule };
        let (fresh, _) = self.rewrap(&envelope, &place, &place).await?;
        if request.apply {
            self.replace_envelope(request, &latest, &stored, &fresh).await?;
        }
        Ok(Rewrapped::Done { from, to: fresh.encrypted_data_key().key_id.to_string() })
    }

    /// Whether a version is not the latest, which alone can be written.
    pub(super) async fn is_old(&self, at: &ObjectRef, stored: &HeaderMap) -> Result<bool, Error> {
        if at.version.is_none() {
            return Ok(false);
        }
        let newest = self.stored_headers(&ObjectRef { version: None, ..at.clone() }).await?;
        Ok(newest.and_then(|newest| newest.get(VERSION).cloned()) != stored.get(VERSION).cloned())
    }

    /// The headers of a stored object; `None` when there is none.
    pub(crate) async fn stored_headers(&self, at: &ObjectRef) -> Result<Option<HeaderMap>, Error> {
        let head = self.ask(Method::HEAD, at.uri()?, HeaderMap::new()).await?;
        match head.status() {
            StatusCode::OK => Ok(Some(head.into_parts().0.headers)),
            // A delete marker answers 405 by its version, and 404 otherwise.
            StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED => Ok(None),
            status => Err(Error::Refused { code: status.to_string(), message: "to HEAD".into() }),
        }
    }

    /// Writes `fresh` in place of the envelope of the object that was seen as `stored`.
    async fn replace_envelope(
        &self,
        request: &RewrapRequest,
        at: &ObjectRef,
        stored: &HeaderMap,
        fresh: &Envelope,
    ) -> Result<(), Error> {
        let mut headers = carried::everything(stored);
        write_envelope(fresh, &mut headers)?;
        self.replace_headers(request, at, stored, headers).await
    }

    /// Writes `headers` in place of those of the object that was seen as `stored`. Its content stays where it is.
    pub(super) async fn replace_headers(
        &self,
        request: &RewrapRequest,
        at: &ObjectRef,
        stored: &HeaderMap,
        headers: HeaderMap,
    ) -> Result<(), Error> {
        metadata::check_size(&headers)?;
        let etag = stored.get(ETAG).ok_or_else(|| Error::BadAnswer("an object without ETag".into()))?.clone();
        let written = if content_length(stored)? > request.copy_limit {
            self.copy_in_parts(at, headers, stored, request.copy_limit).await?
        } else {
            self.copy_onto_itself(at, headers, &etag).await?
        };
        self.delete_replaced(request, at, stored, &written).await
    }

    async fn copy_onto_itself(
        &self,
        at: &ObjectRef,
        mut headers: HeaderMap,
        etag: &HeaderValue,
    ) -> Result<HeaderMap, Error> {
        headers.insert(COPY_SOURCE, source(at)?);
        headers.insert(HeaderName::from_static("x-amz-metadata-directive"), HeaderValue::from_static("REPLACE"));
        headers.insert(COPY_SOURCE_IF_MATCH, etag.clone());
        headers.insert(IF_MATCH, etag.clone());
        headers.insert(CONTENT_LENGTH, HeaderValue::from(0));
        let (headers, _) = taken(self.ask(Method::PUT, at.uri()?, headers).await?).await?;
        Ok(headers)
    }

    /// Deletes the version that was copied, once another one has its content.
    pub(super) async fn delete_replaced(
        &self,
        request: &RewrapRequest,
        at: &ObjectRef,
        before: &HeaderMap,
        now: &HeaderMap,
    ) -> Result<(), Error> {
        let text = |headers: &HeaderMap| Some(headers.get(VERSION)?.to_str().ok()?.to_owned());
        // The version called `null` was overwritten where versioning is suspended.
        let (Some(before), Some(now)) = (text(before).filter(|version| version != "null"), text(now)) else {
            return Ok(());
        };
        if before == now || !request.delete_replaced {
            return Ok(());
        }
        let replaced = ObjectRef { version: Some(before), ..at.clone() };
        taken(self.ask(Method::DELETE, replaced.uri()?, HeaderMap::new()).await?).await?;
        Ok(())
    }
}

/// The object as the source of a copy.
pub(super) fn source(at: &ObjectRef) -> Result<HeaderValue, Error> {
    HeaderValue::try_from(at.uri()?.to_string()).map_err(|_| Error::BadName)
}

/// Headers and document of an answer that says that it was done, also in its document.
///
/// # Errors
/// [`Error::Replaced`] when the object is not the one that was looked at, [`Error::Refused`] otherwise.
pub(crate) async fn taken(response: Response<Body>) -> Result<(HeaderMap, bytes::Bytes), Error> {
    let (parts, body) = response.into_parts();
    let document = stream::collect(body, ANSWER_LIMIT).await.map_err(|error| Error::BadAnswer(error.to_string()))?;
    let (code, message) = match error_code(&document) {
        None if parts.status.is_success() => return Ok((parts.headers, document)),
        None => (parts.status.to_string(), String::new()),
        Some(error) => error,
    };
    match code.as_str() {
        "PreconditionFailed" | "ConditionalRequestConflict" | "NoSuchKey" => Err(Error::Replaced),
        _ if parts.status == StatusCode::PRECONDITION_FAILED => Err(Error::Replaced),
        _ => Err(Error::Refused { code, message }),
    }
}
