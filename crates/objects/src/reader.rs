//! Reading one object in the fewest requests: whole, in part, or only its facts.
//!
//! Bytes leave this file only when they were authenticated; the end of a whole object only when its footer agreed.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use envelope::{Envelope, ObjectKeys, Summary, layout};
use http::header::{CONTENT_LENGTH, CONTENT_RANGE, ETAG, IF_MATCH, IF_RANGE, RANGE};
use http::{HeaderMap, HeaderValue, Method, Response, StatusCode};

use crate::policy::{Contents, Rule};
use crate::store::{self, Body};
use crate::{Error, Facts, ObjectRef, RangeSpec, SealedObjects, metadata};

mod attributes;
mod facts;
mod found;
mod if_range;
mod opening;

pub use attributes::Attributes;

use self::found::Found;

pub(crate) use self::facts::store_etag;
pub(crate) use self::found::is_marker;

/// What to read.
#[derive(Debug, Clone)]
pub struct OpenRequest {
    /// The object.
    pub at: ObjectRef,
    /// The plaintext bytes wanted; all of them when `None`.
    pub want: Option<RangeSpec>,
    /// The client's headers that the store is to see: conditions above all. No `Range`.
    pub headers: HeaderMap,
    /// The part wanted in place of a range, from 1.
    pub part: Option<u32>,
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
    /// The ETag that clients are shown, if the store gave one.
    pub etag: Option<String>,
    /// How many parts the object was uploaded in, when a part was asked for.
    pub parts_count: Option<usize>,
    /// The summary's facts, when they were at hand without a request of their own.
    pub facts: Option<Arc<Facts>>,
    /// The plaintext; empty when only facts were asked for.
    pub body: Body,
}

/// How often a read starts again because the object was replaced between two requests for it.
const ATTEMPTS: usize = 4;

impl SealedObjects {
    /// Reads an object, a range or a part of it.
    ///
    /// # Errors
    /// Why the stored object cannot be opened; see [`Error`].
    pub async fn open(&self, request: OpenRequest) -> Result<Opened, Error> {
        let rule = self.rule(&request.at.bucket, &request.at.key)?;
        for _ in 0..ATTEMPTS {
            let opened = match self.open_if_range(&request, rule).await {
                Ok(opened) => self.with_etag(&request.at, rule, opened).await,
                Err(error) => Err(error),
            };
            match opened {
                Err(Error::Replaced) => {}
                outcome => return outcome,
            }
        }
        Err(Error::Replaced)
    }

    /// Undoes `If-Range`, which not every store knows: the range is asked for under the condition, and all when it fails.
    async fn open_if_range(&self, request: &OpenRequest, rule: &Rule) -> Result<Opened, Error> {
        let mut request = request.clone();
        let Some(condition) = request.headers.remove(IF_RANGE) else { return self.open_once(&request, rule).await };
        let whole = OpenRequest { want: None, ..request.clone() };
        if request.want.is_some() && if_range::as_condition(&condition, &mut request.headers) {
            match self.open_once(&request, rule).await? {
                Opened::Answer(answer) if answer.status() == StatusCode::PRECONDITION_FAILED => {}
                opened => return Ok(opened),
            }
        }
        self.open_once(&whole, rule).await
    }

    async fn open_once(&self, request: &OpenRequest, rule: &Rule) -> Result<Opened, Error> {
        if let Some(number) = request.part {
            return self.open_numbered(request, rule, number).await;
        }
        let Some(want) = request.want else {
            let response = self.fetch(request, None).await?;
            return self.open_whole(request, rule, response).await;
        };
        if rule.contents == Contents::Plain {
            let response = self.fetch(request, Some(want.plain_header())).await?;
            return plain_object(response);
        }
        let Some(header) = want.sealed_header() else { return self.open_length_first(request, rule, want).await };
        let response = self.fetch(request, Some(header)).await?;
        match response.status() {
            StatusCode::OK | StatusCode::PARTIAL_CONTENT => match metadata::envelope(response.headers())? {
                Some(envelope) => self.open_range(request, rule, &envelope, want, response).await,
                None => self.open_length_first(request, rule, want).await,
            },
            // Sealed offsets lie behind plaintext ones: only the length can tell who is outside.
            StatusCode::RANGE_NOT_SATISFIABLE => self.open_length_first(request, rule, want).await,
            _ => Ok(Opened::Answer(response)),
        }
    }

    /// Reads an object's facts without its content.
    ///
    /// # Errors
    /// Why the stored object cannot be opened; see [`Error`].
    pub async fn head(&self, request: OpenRequest) -> Result<Opened, Error> {
        let rule = self.rule(&request.at.bucket, &request.at.key)?;
        for _ in 0..ATTEMPTS {
            match self.read_head(&request).await {
                Ok(opened) => match self.with_etag(&request.at, rule, opened).await {
                    Err(Error::Replaced) => {}
                    outcome => return outcome,
                },
                Err(Error::Replaced) => {}
                Err(error) => return Err(error),
            }
        }
        Err(Error::Replaced)
    }

    /// The same, without the ETag that clients are shown.
    pub(crate) async fn read_head(&self, request: &OpenRequest) -> Result<Opened, Error> {
        let rule = self.rule(&request.at.bucket, &request.at.key)?;
        if (request.checksums || rule.shows_md5())
            && request.part.is_none()
            && rule.contents != Contents::Plain
            && let Some(opened) = self.head_with_summary(request, rule).await?
        {
            return Ok(opened);
        }
        let uri = match request.part.filter(|_| rule.contents == Contents::Plain) {
            Some(number) => request.at.uri_with(&format!("partNumber={number}"))?,
            None => request.at.uri()?,
        };
        let response = self.ask(Method::HEAD, uri, request.headers.clone()).await?;
        if !response.status().is_success() {
            return Ok(Opened::Answer(response));
        }
        let Some(found) = self.find(&request.at, rule, response.headers()).await? else {
            return plain_object(response);
        };
        let facts = self.known_facts(&request.at, response.headers());
        let mut object = sealed_object(response.into_parts().0.headers, &found.keys, found.plain_len, facts)?;
        if let Some(number) = request.part {
            object.range = Self::numbered(&found, number)?;
            object.parts_count = found.map.as_ref().map(|map| map.parts().len());
        }
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
        let keys = self.unlock(&request.at, rule, &envelope).await?;
        let (parts, body) = response.into_parts();
        let bytes = opening::collect(body, layout::SUMMARY_LEN).await?;
        let summary = Summary::open(&keys, &bytes).map_err(wrong)?;
        summary.check_sealed_len(total).map_err(wrong)?;
        let facts = Arc::new(summary.facts);
        self.remember_facts(&request.at, &parts.headers, &facts);
        let object = sealed_object(parts.headers, &keys, facts.plain_len, Some(facts))?;
        Ok(Some(in_range(object, request.want)))
    }

    /// Reads a range whose place depends on the object's length, or whose object may not be ours.
    async fn open_length_first(&self, request: &OpenRequest, rule: &Rule, want: RangeSpec) -> Result<Opened, Error> {
        let head = self.ask(Method::HEAD, request.at.uri()?, request.headers.clone()).await?;
        if head.status() != StatusCode::OK {
            return Ok(Opened::Answer(head));
        }
        let found = self.find(&request.at, rule, head.headers()).await?;
        let plain_len = match &found {
            Some(found) => found.plain_len,
            None => content_length(head.headers())?,
        };
        let Some(range) = want.resolve(plain_len) else { return Ok(Opened::Unsatisfiable { plain_len }) };
        self.open_found(request, head.headers(), found, range).await
    }

    /// Reads a part by its number.
    async fn open_numbered(&self, request: &OpenRequest, rule: &Rule, number: u32) -> Result<Opened, Error> {
        let query = format!("partNumber={number}");
        if rule.contents == Contents::Plain {
            return plain_object(self.ask(Method::GET, request.at.uri_with(&query)?, request.headers.clone()).await?);
        }
        let head = self.ask(Method::HEAD, request.at.uri()?, request.headers.clone()).await?;
        if head.status() != StatusCode::OK {
            return Ok(Opened::Answer(head));
        }
        let Some(found) = self.find(&request.at, rule, head.headers()).await? else {
            let response = self.ask(Method::GET, request.at.uri_with(&query)?, pin(head.headers())?).await?;
            return plain_object(response);
        };
        let parts_count = found.map.as_ref().map(|map| map.parts().len());
        let opened = if let Some(range) = Self::numbered(&found, number)? {
            self.open_found(request, head.headers(), Some(found), range).await?
        } else {
            let whole = OpenRequest { part: None, headers: pin(head.headers())?, ..request.clone() };
            let response = self.fetch(&whole, None).await?;
            self.open_whole(&whole, rule, response).await?
        };
        Ok(match opened {
            Opened::Object(object) => Opened::Object(OpenedObject { parts_count, ..object }),
            other => other,
        })
    }

    /// The plaintext range of a part; `None` for all of an empty object.
    fn numbered(found: &Found, number: u32) -> Result<Option<Range<u64>>, Error> {
        let outside = Error::NoSuchPartNumber { number };
        let range = match &found.map {
            None if number == 1 => 0..found.plain_len,
            None => return Err(outside),
            Some(map) => {
                let index = usize::try_from(number).ok().and_then(|number| number.checked_sub(1));
                index.and_then(|index| map.part_range(index)).ok_or(outside)?
            }
        };
        Ok((!range.is_empty()).then_some(range))
    }

    /// Fetches a range of an object whose head was seen, pinned to that version.
    async fn open_found(
        &self,
        request: &OpenRequest,
        head: &HeaderMap,
        found: Option<Found>,
        range: Range<u64>,
    ) -> Result<Opened, Error> {
        let pinned = OpenRequest { headers: pin(head)?, ..request.clone() };
        let fetch = match &found {
            None => range.clone(),
            Some(found) => found.fetch(&range)?,
        };
        let response = self.fetch(&pinned, Some(format!("bytes={}-{}", fetch.start, fetch.end - 1))).await?;
        match (response.status(), found) {
            (StatusCode::PRECONDITION_FAILED, _) => Err(Error::Replaced),
            (StatusCode::OK | StatusCode::PARTIAL_CONTENT, None) => plain_object(response),
            (StatusCode::OK | StatusCode::PARTIAL_CONTENT, Some(found)) => found.open(response, range).await,
            _ => Ok(Opened::Answer(response)),
        }
    }

    async fn open_whole(&self, request: &OpenRequest, rule: &Rule, response: Response<Body>) -> Result<Opened, Error> {
        if response.status() == StatusCode::PRECONDITION_FAILED && request.headers.is_empty() {
            return Err(Error::Replaced);
        }
        if response.status() != StatusCode::OK {
            return Ok(Opened::Answer(response));
        }
        let Some(found) = self.find(&request.at, rule, response.headers()).await? else {
            return plain_object(response);
        };
        let sealed_len = content_length(response.headers())?;
        let (parts, body) = response.into_parts();
        let known = self.known_facts(&request.at, &parts.headers);
        let mut object = sealed_object(parts.headers, &found.keys, found.plain_len, known)?;
        match found.map {
            Some(map) => object.body = opening::segments(body, &found.keys, &map, 0..found.plain_len, 0).await?,
            None if sealed_len <= opening::SMALL => {
                let (body, facts) = opening::small(body, found.keys, sealed_len).await?;
                let facts = Arc::new(facts);
                self.remember_facts(&request.at, &object.headers, &facts);
                (object.body, object.facts) = (body, Some(facts));
            }
            None => object.body = opening::whole(body, found.keys, sealed_len).await?,
        }
        Ok(Opened::Object(object))
    }

    /// Opens a range out of an answer that was asked for before the object was known.
    async fn open_range(
        &self,
        request: &OpenRequest,
        rule: &Rule,
        envelope: &Envelope,
        want: RangeSpec,
        response: Response<Body>,
    ) -> Result<Opened, Error> {
        let (covered, sealed_len) = covered(&response)?;
        let found = self.found(&request.at, rule, envelope, response.headers(), sealed_len).await?;
        let plain_len = found.plain_len;
        let Some(range) = want.resolve(plain_len) else { return Ok(Opened::Unsatisfiable { plain_len }) };
        let fetch = found.fetch(&range)?;
        if covered.start <= fetch.start && fetch.end <= covered.end {
            return found.open(response, range).await;
        }
        // Chunks lie elsewhere than in an object of one part: ask again, for the same version.
        let (parts, _) = response.into_parts();
        self.open_found(request, &parts.headers, Some(found), range).await
    }

    async fn fetch(&self, request: &OpenRequest, range: Option<String>) -> Result<Response<Body>, Error> {
        let mut headers = request.headers.clone();
        if let Some(range) = range {
            headers.insert(RANGE, HeaderValue::try_from(range).map_err(|error| Error::Internal(error.to_string()))?);
        }
        self.ask(Method::GET, request.at.uri()?, headers).await
    }
}

#[expect(clippy::needless_pass_by_value, reason = "the shape that map_err wants")]
fn wrong(error: envelope::Error) -> Error {
    Error::Integrity(error.to_string())
}

pub(crate) fn content_length(headers: &HeaderMap) -> Result<u64, Error> {
    let value = headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
    value.ok_or_else(|| Error::BadAnswer("an object without Content-Length".into()))
}

/// First byte and total length of `Content-Range: bytes first-last/total`.
fn content_range(headers: &HeaderMap) -> Option<(u64, u64)> {
    let (range, total) = headers.get(CONTENT_RANGE)?.to_str().ok()?.strip_prefix("bytes ")?.split_once('/')?;
    let (first, _) = range.split_once('-')?;
    Some((first.trim().parse().ok()?, total.trim().parse().ok()?))
}

/// The stored bytes that an answer brings, and how many there are in all.
fn covered(response: &Response<Body>) -> Result<(Range<u64>, u64), Error> {
    let length = content_length(response.headers())?;
    if response.status() == StatusCode::OK {
        return Ok((0..length, length));
    }
    let (first, total) = content_range(response.headers())
        .ok_or_else(|| Error::BadAnswer("a partial answer without Content-Range".into()))?;
    Ok((first..first.saturating_add(length), total))
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
        etag: None,
        parts_count: None,
        facts,
        body: store::empty(),
    })
}

/// An object that is not ours, as the store gives it.
fn plain_object(response: Response<Body>) -> Result<Opened, Error> {
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
    Ok(Opened::Object(OpenedObject {
        headers: parts.headers,
        plain_len,
        range,
        metadata,
        sealed: false,
        etag: None,
        parts_count: None,
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
