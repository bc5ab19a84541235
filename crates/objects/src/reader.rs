//! Reading one object in the fewest requests: whole, in part, or only its facts.
//!
//! Bytes leave this file only when they were authenticated; the end of a whole object only when its footer agreed.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use envelope::{Envelope, ObjectKeys, Summary, Upload, layout};
use http::header::{CONTENT_LENGTH, CONTENT_RANGE, ETAG, IF_MATCH, IF_RANGE, RANGE};
use http::{HeaderMap, HeaderValue, Method, Response, StatusCode};

use crate::policy::{Contents, Rule};
use crate::store::{self, Body};
use crate::{Error, Facts, ObjectRef, RangeSpec, SealedObjects, metadata};

mod opening;

/// What to read.
#[derive(Debug, Clone)]
pub struct OpenRequest {
    /// The object.
    pub at: ObjectRef,
    /// The plaintext bytes wanted; all of them when `None`.
    pub want: Option<RangeSpec>,
    /// The client's headers that the store is to see: conditions above all. No `Range`.
    pub headers: HeaderMap,
    /// Whether the client asked for the object's checksums.
    pub checksums: bool,
}

/// How a read ended.
pub enum Opened {
    /// There is an object, and this much of it is about to be read.
    Object(OpenedObject),
    /// The range lies outside an object of this many bytes.
    Unsatisfiable {
        /// The object's plaintext length.
        plain_len: u64,
    },
    /// The store answered without an object: not there, not modified, refused.
    Answer(Response<Body>),
}

/// An object that was found.
pub struct OpenedObject {
    /// The store's answer headers as they came; not all are the client's business.
    pub headers: HeaderMap,
    /// The length of the plaintext.
    pub plain_len: u64,
    /// The plaintext bytes in `body`; `None` when that is all of them.
    pub range: Option<Range<u64>>,
    /// The client's own metadata.
    pub metadata: BTreeMap<String, String>,
    /// Whether the object is one of ours.
    pub sealed: bool,
    /// Whether the rule keeps the store's ETag as it is.
    pub plain_rule: bool,
    /// The summary's facts, when they were at hand without a request of their own.
    pub facts: Option<Arc<Facts>>,
    /// The plaintext; empty when only facts were asked for.
    pub body: Body,
}

/// How often a read starts again because the object was replaced between two requests for it.
const ATTEMPTS: usize = 4;

impl SealedObjects {
    /// Reads an object or a range of it.
    ///
    /// # Errors
    /// Why the stored object cannot be opened; see [`Error`].
    pub async fn open(&self, request: OpenRequest) -> Result<Opened, Error> {
        let rule = self.rule(&request.at.bucket, &request.at.key)?;
        let Some(want) = request.want else {
            let response = self.fetch(&request, None).await?;
            return self.open_whole(&request, rule, response).await;
        };
        if rule.contents == Contents::Plain {
            let response = self.fetch(&request, Some(want.plain_header())).await?;
            return plain_object(rule, response);
        }
        let Some(header) = want.sealed_header() else { return self.open_length_first(&request, rule, want).await };
        let response = self.fetch(&request, Some(header)).await?;
        match response.status() {
            StatusCode::OK if request.headers.contains_key(IF_RANGE) => self.open_whole(&request, rule, response).await,
            StatusCode::OK | StatusCode::PARTIAL_CONTENT => match metadata::envelope(response.headers())? {
                Some(envelope) => self.open_part(&request, rule, &envelope, want, response).await,
                None => self.open_length_first(&request, rule, want).await,
            },
            // Sealed offsets lie behind plaintext ones: only the length can tell who is outside.
            StatusCode::RANGE_NOT_SATISFIABLE => self.open_length_first(&request, rule, want).await,
            _ => Ok(Opened::Answer(response)),
        }
    }

    /// Reads an object's facts without its content.
    ///
    /// # Errors
    /// Why the stored object cannot be opened; see [`Error`].
    pub async fn head(&self, request: OpenRequest) -> Result<Opened, Error> {
        let rule = self.rule(&request.at.bucket, &request.at.key)?;
        if request.checksums
            && rule.contents != Contents::Plain
            && let Some(opened) = self.head_with_summary(&request, rule).await?
        {
            return Ok(opened);
        }
        let response = self.ask(Method::HEAD, request.at.uri()?, request.headers.clone()).await?;
        if response.status() != StatusCode::OK {
            return Ok(Opened::Answer(response));
        }
        let Some(envelope) = envelope_of(rule, &response)? else { return plain_object(rule, response) };
        let keys = self.unlock(&request.at, rule, &envelope).await?;
        let plain_len = plain_len(content_length(response.headers())?)?;
        let facts = self.known_facts(&request.at, response.headers());
        let object = sealed_object(response.into_parts().0.headers, &keys, plain_len, facts)?;
        Ok(in_range(object, request.want))
    }

    /// Answers a HEAD from the last bytes of the object, which hold its checksums; `None` when that is not possible.
    async fn head_with_summary(&self, request: &OpenRequest, rule: &Rule) -> Result<Option<Opened>, Error> {
        let response = self.fetch(request, Some(format!("bytes=-{}", layout::SUMMARY_LEN))).await?;
        match response.status() {
            StatusCode::PARTIAL_CONTENT | StatusCode::OK => {}
            StatusCode::NOT_MODIFIED | StatusCode::PRECONDITION_FAILED | StatusCode::NOT_FOUND => {
                return Ok(Some(Opened::Answer(response)));
            }
            _ => return Ok(None),
        }
        let (Some(envelope), Some((_, total))) =
            (metadata::envelope(response.headers())?, content_range(response.headers()))
        else {
            return Ok(None);
        };
        refuse_multipart(&envelope)?;
        let keys = self.unlock(&request.at, rule, &envelope).await?;
        let plain_len = plain_len(total)?;
        let (parts, body) = response.into_parts();
        let bytes = opening::collect(body, layout::SUMMARY_LEN).await?;
        let summary = Summary::open(&keys, &bytes).map_err(|error| Error::Integrity(error.to_string()))?;
        summary.check_sealed_len(total).map_err(|error| Error::Integrity(error.to_string()))?;
        let facts = Arc::new(summary.facts);
        self.remember_facts(&request.at, &parts.headers, &facts);
        let object = sealed_object(parts.headers, &keys, plain_len, Some(facts))?;
        Ok(Some(in_range(object, request.want)))
    }

    /// Reads a range whose place depends on the object's length, or whose object may not be ours.
    async fn open_length_first(&self, request: &OpenRequest, rule: &Rule, want: RangeSpec) -> Result<Opened, Error> {
        for _ in 0..ATTEMPTS {
            let head = self.ask(Method::HEAD, request.at.uri()?, request.headers.clone()).await?;
            if head.status() != StatusCode::OK {
                return Ok(Opened::Answer(head));
            }
            let envelope = envelope_of(rule, &head)?;
            let stored_len = content_length(head.headers())?;
            let plain_len = if envelope.is_some() { plain_len(stored_len)? } else { stored_len };
            let Some(range) = want.resolve(plain_len) else { return Ok(Opened::Unsatisfiable { plain_len }) };
            let mut pinned = request.clone();
            pinned.headers = pin(head.headers())?;
            let fetch = if envelope.is_some() { span(plain_len, range)?.fetch } else { range };
            let header = format!("bytes={}-{}", fetch.start, fetch.end - 1);
            let response = self.fetch(&pinned, Some(header)).await?;
            match response.status() {
                StatusCode::PRECONDITION_FAILED => {}
                StatusCode::OK | StatusCode::PARTIAL_CONTENT => {
                    return match envelope {
                        None => plain_object(rule, response),
                        Some(envelope) => self.open_part(request, rule, &envelope, want, response).await,
                    };
                }
                _ => return Ok(Opened::Answer(response)),
            }
        }
        Err(Error::BadAnswer("the object was replaced faster than it could be read".into()))
    }

    async fn open_whole(&self, request: &OpenRequest, rule: &Rule, response: Response<Body>) -> Result<Opened, Error> {
        if response.status() != StatusCode::OK {
            return Ok(Opened::Answer(response));
        }
        let Some(envelope) = envelope_of(rule, &response)? else { return plain_object(rule, response) };
        let keys = self.unlock(&request.at, rule, &envelope).await?;
        let sealed_len = content_length(response.headers())?;
        let plain_len = plain_len(sealed_len)?;
        let (parts, body) = response.into_parts();
        let known = self.known_facts(&request.at, &parts.headers);
        let mut object = sealed_object(parts.headers, &keys, plain_len, known)?;
        if sealed_len <= opening::SMALL {
            let (body, facts) = opening::small(body, keys, sealed_len).await?;
            let facts = Arc::new(facts);
            self.remember_facts(&request.at, &object.headers, &facts);
            (object.body, object.facts) = (body, Some(facts));
        } else {
            object.body = opening::whole(body, keys, sealed_len).await?;
        }
        Ok(Opened::Object(object))
    }

    async fn open_part(
        &self,
        request: &OpenRequest,
        rule: &Rule,
        envelope: &Envelope,
        want: RangeSpec,
        response: Response<Body>,
    ) -> Result<Opened, Error> {
        refuse_multipart(envelope)?;
        let (start, sealed_len) = if response.status() == StatusCode::OK {
            (0, content_length(response.headers())?)
        } else {
            content_range(response.headers())
                .ok_or_else(|| Error::BadAnswer("a partial answer without Content-Range".into()))?
        };
        let keys = self.unlock(&request.at, rule, envelope).await?;
        let plain_len = plain_len(sealed_len)?;
        let Some(range) = want.resolve(plain_len) else { return Ok(Opened::Unsatisfiable { plain_len }) };
        let span = span(plain_len, range.clone())?;
        let skip = span
            .fetch
            .start
            .checked_sub(start)
            .ok_or_else(|| Error::BadAnswer("another range than the one asked for".into()))?;
        let (parts, body) = response.into_parts();
        let mut object = sealed_object(parts.headers, &keys, plain_len, None)?;
        object.body = opening::part(body, keys, plain_len, &span, skip).await?;
        object.range = Some(range);
        Ok(Opened::Object(object))
    }

    async fn fetch(&self, request: &OpenRequest, range: Option<String>) -> Result<Response<Body>, Error> {
        let mut headers = request.headers.clone();
        if let Some(range) = range {
            headers.insert(RANGE, HeaderValue::try_from(range).map_err(|error| Error::Internal(error.to_string()))?);
        }
        self.ask(Method::GET, request.at.uri()?, headers).await
    }

    fn known_facts(&self, at: &ObjectRef, headers: &HeaderMap) -> Option<Arc<Facts>> {
        self.facts.find(at, headers.get(ETAG)?.to_str().ok()?)
    }

    fn remember_facts(&self, at: &ObjectRef, headers: &HeaderMap, facts: &Arc<Facts>) {
        if let Some(etag) = headers.get(ETAG).and_then(|etag| etag.to_str().ok()) {
            self.facts.remember(at, etag, Arc::clone(facts));
        }
    }
}

/// The envelope of an answered object, or `None` where the rule lets plaintext be read.
fn envelope_of(rule: &Rule, response: &Response<Body>) -> Result<Option<Envelope>, Error> {
    if rule.contents == Contents::Plain {
        return Ok(None);
    }
    let envelope = metadata::envelope(response.headers())?;
    match (&envelope, rule.contents) {
        (Some(envelope), _) => refuse_multipart(envelope)?,
        (None, Contents::Sealed) => return Err(Error::NotSealed { rule: rule.buckets.clone() }),
        (None, _) => {}
    }
    Ok(envelope)
}

fn refuse_multipart(envelope: &Envelope) -> Result<(), Error> {
    match envelope.upload() {
        Upload::Put => Ok(()),
        Upload::Multipart => Err(Error::Unsupported),
    }
}

fn plain_len(sealed_len: u64) -> Result<u64, Error> {
    layout::plain_len(sealed_len).ok_or_else(|| Error::Integrity(format!("no sealed object has {sealed_len} bytes")))
}

fn span(plain_len: u64, range: Range<u64>) -> Result<layout::CipherSpan, Error> {
    layout::span(plain_len, range).ok_or_else(|| Error::Internal("a range outside its object".into()))
}

fn content_length(headers: &HeaderMap) -> Result<u64, Error> {
    let value = headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
    value.ok_or_else(|| Error::BadAnswer("an object without Content-Length".into()))
}

/// First byte and total length of `Content-Range: bytes first-last/total`.
fn content_range(headers: &HeaderMap) -> Option<(u64, u64)> {
    let (range, total) = headers.get(CONTENT_RANGE)?.to_str().ok()?.strip_prefix("bytes ")?.split_once('/')?;
    let (first, _) = range.split_once('-')?;
    Some((first.trim().parse().ok()?, total.trim().parse().ok()?))
}

/// The condition that a second answer speaks of the same version as the first.
fn pin(headers: &HeaderMap) -> Result<HeaderMap, Error> {
    let etag = headers.get(ETAG).ok_or_else(|| Error::BadAnswer("an object without ETag".into()))?;
    Ok(HeaderMap::from_iter([(IF_MATCH, etag.clone())]))
}

fn sealed_object(
    headers: HeaderMap,
    keys: &ObjectKeys,
    plain_len: u64,
    facts: Option<Arc<Facts>>,
) -> Result<OpenedObject, Error> {
    let metadata = metadata::opened(&headers, keys)?;
    Ok(OpenedObject {
        headers,
        plain_len,
        range: None,
        metadata,
        sealed: true,
        plain_rule: false,
        facts,
        body: store::empty(),
    })
}

/// An object that is not ours, as the store gives it.
fn plain_object(rule: &Rule, response: Response<Body>) -> Result<Opened, Error> {
    if !response.status().is_success() {
        return Ok(Opened::Answer(response));
    }
    let (parts, body) = response.into_parts();
    let (plain_len, range) = match (parts.status, content_range(&parts.headers)) {
        (StatusCode::PARTIAL_CONTENT, Some((first, total))) => {
            (total, Some(first..first.saturating_add(content_length(&parts.headers)?)))
        }
        _ => (content_length(&parts.headers)?, None),
    };
    let metadata = metadata::clear(&parts.headers);
    let plain_rule = rule.contents == Contents::Plain;
    Ok(Opened::Object(OpenedObject {
        headers: parts.headers,
        plain_len,
        range,
        metadata,
        sealed: false,
        plain_rule,
        facts: None,
        body,
    }))
}

/// A HEAD with a range speaks of that range.
fn in_range(mut object: OpenedObject, want: Option<RangeSpec>) -> Opened {
    let plain_len = object.plain_len;
    match want.map(|want| want.resolve(plain_len)) {
        Some(None) => Opened::Unsatisfiable { plain_len },
        Some(range) => {
            object.range = range;
            Opened::Object(object)
        }
        None => Opened::Object(object),
    }
}
