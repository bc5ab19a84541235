//! Reading one object in the fewest requests: whole, in part, or only its facts.
//!
//! Bytes leave this file only when they were authenticated; the end of a whole object only when its footer agreed.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use envelope::Envelope;
use http::header::{IF_RANGE, RANGE};
use http::{HeaderMap, HeaderValue, Method, Response, StatusCode};

use crate::policy::{Contents, Rule};
use crate::store::Body;
use crate::{Error, Facts, ForeignFormat, ObjectRef, RangeSpec, SealedObjects, metadata};

mod answer;
mod attributes;
mod facts;
mod found;
mod head;
mod if_range;
mod numbered;
mod opening;

pub use attributes::Attributes;

pub(crate) use self::answer::{content_length, content_range, covered, pinned, plain_object};
pub(crate) use self::facts::store_etag;
pub(crate) use self::found::{check_plain, is_marker, sealed_envelope};
pub(crate) use self::opening::blame;

use self::answer::{pin, sealed_object};
use self::found::{Found, Kind};

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
    /// Whether the store holds something else than the plaintext.
    pub sealed: bool,
    /// The format, when another program's.
    pub foreign: Option<ForeignFormat>,
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
        let header = match rule.contents {
            Contents::Foreign(_) => None,
            _ => want.sealed_header(),
        };
        let Some(header) = header else { return self.open_length_first(request, rule, want).await };
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

    /// Reads a range whose place depends on the object's length, or whose object may not be ours.
    async fn open_length_first(&self, request: &OpenRequest, rule: &Rule, want: RangeSpec) -> Result<Opened, Error> {
        let head = self.ask(Method::HEAD, request.at.uri()?, request.headers.clone()).await?;
        if head.status() != StatusCode::OK {
            return self.said_in_full(request, head).await;
        }
        let (plain_len, found) = match self.find(&request.at, rule, head.headers()).await? {
            Kind::Sealed(found) => (found.plain_len, Some(found)),
            Kind::Plain => (content_length(head.headers())?, None),
            Kind::Foreign(locked) => {
                return self.open_foreign_range(request, rule, &locked, head.into_parts().0.headers, want).await;
            }
        };
        let Some(range) = want.resolve(plain_len) else { return Ok(Opened::Unsatisfiable { plain_len }) };
        self.open_found(request, head.headers(), found, range).await
    }

    /// The answer to a read of what a look at it was refused for: an answer to HEAD does not say why.
    async fn said_in_full(&self, request: &OpenRequest, head: Response<Body>) -> Result<Opened, Error> {
        if head.status() == StatusCode::NOT_MODIFIED {
            return Ok(Opened::Answer(head));
        }
        let answer = self.fetch(request, Some("bytes=0-0".to_owned())).await?;
        let refused = answer.status() != StatusCode::RANGE_NOT_SATISFIABLE && !answer.status().is_success();
        Ok(Opened::Answer(if refused { answer } else { head }))
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
        let found = match self.find(&request.at, rule, response.headers()).await? {
            Kind::Sealed(found) => found,
            Kind::Plain => return plain_object(response),
            Kind::Foreign(locked) => return self.open_foreign(request, rule, &locked, response).await,
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
