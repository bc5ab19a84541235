//! A sealed object that was found at the store: its keys, its length, and where its bytes are.

use std::ops::Range;
use std::sync::Arc;

use envelope::{Envelope, ObjectKeys, PartMap, Summary, Upload, layout};
use http::header::RANGE;
use http::{HeaderMap, HeaderValue, Method, Response, StatusCode};

use super::answer::{content_length, covered, pin, sealed_object};
use super::facts::store_etag;
use super::{Opened, OpenedObject, opening, wrong};
use crate::foreign::Locked;
use crate::policy::{Contents, Rule};
use crate::store::Body;
use crate::{Error, ObjectRef, SealedObjects, metadata};

/// Enough for the footer of 5 GiB in parts of 5 MiB, when the length does not tell how long the footer is.
const GUESS: u64 = 64 * 1024 + layout::SUMMARY_LEN;

/// What is known of a sealed object before its content is read.
pub(super) struct Found {
    pub(super) keys: ObjectKeys,
    pub(super) plain_len: u64,
    /// Where its parts are, when it has parts.
    pub(super) map: Option<Arc<PartMap>>,
}

/// What an object turned out to be.
pub(super) enum Kind {
    /// One of ours.
    Sealed(Found),
    /// Another program's.
    Foreign(Locked),
    /// In no format, and it may be read as it is.
    Plain,
}

impl Found {
    /// The stored bytes around a range of plaintext.
    pub(super) fn fetch(&self, range: &Range<u64>) -> Result<Range<u64>, Error> {
        let span = match &self.map {
            Some(map) => map.span(range.clone()),
            None => layout::span(self.plain_len, range.clone()).map(|span| span.fetch),
        };
        span.ok_or_else(|| Error::Internal("a range outside its object".into()))
    }

    /// Opens a range out of an answer that covers it.
    pub(super) async fn open(self, response: Response<Body>, range: Range<u64>) -> Result<Opened, Error> {
        let (covered, _) = covered(&response)?;
        let fetch = self.fetch(&range)?;
        let other = || Error::BadAnswer("another range than the one asked for".into());
        let skip = fetch.start.checked_sub(covered.start).ok_or_else(other)?;
        let (parts, body) = response.into_parts();
        let object = sealed_object(parts.headers, &self.keys, self.plain_len, None)?;
        let body = if let Some(map) = &self.map {
            opening::segments(body, &self.keys, map, range.clone(), skip).await?
        } else {
            let span = layout::span(self.plain_len, range.clone()).ok_or_else(other)?;
            opening::part(body, self.keys, self.plain_len, &span, skip).await?
        };
        Ok(Opened::Object(OpenedObject { body, range: Some(range), ..object }))
    }
}

impl SealedObjects {
    /// Looks at an answer that has a whole object's headers.
    pub(super) async fn find(&self, at: &ObjectRef, rule: &Rule, headers: &HeaderMap) -> Result<Kind, Error> {
        if rule.contents == Contents::Plain {
            return Ok(Kind::Plain);
        }
        if let Some(envelope) = sealed_envelope(rule, headers)? {
            let sealed_len = content_length(headers)?;
            return self.found(at, rule, &envelope, headers, sealed_len).await.map(Kind::Sealed);
        }
        match self.recognise(at, rule, headers).await? {
            Some(locked) => Ok(Kind::Foreign(locked)),
            None => check_plain(at, rule, headers).map(|()| Kind::Plain),
        }
    }

    /// Learns what is needed to read an object of which envelope, headers and stored length are known.
    pub(super) async fn found(
        &self,
        at: &ObjectRef,
        rule: &Rule,
        envelope: &Envelope,
        headers: &HeaderMap,
        sealed_len: u64,
    ) -> Result<Found, Error> {
        let keys = self.unlock(at, rule, envelope).await?;
        if envelope.upload() == Upload::Put {
            let plain_len = layout::plain_len(sealed_len)
                .ok_or_else(|| Error::Integrity(format!("no sealed object has {sealed_len} bytes")))?;
            return Ok(Found { keys, plain_len, map: None });
        }
        let map = self.part_map(at, &keys, headers, sealed_len).await?;
        Ok(Found { keys, plain_len: map.plain_len(), map: Some(map) })
    }

    /// Number and plaintext length of each part of an object whose headers were seen; `None` when it has none.
    pub(crate) async fn parts_of(&self, at: &ObjectRef, headers: &HeaderMap) -> Result<Option<Vec<(u16, u64)>>, Error> {
        let envelope = metadata::envelope(headers)?.filter(|envelope| envelope.upload() == Upload::Multipart);
        let Some(envelope) = envelope else { return Ok(None) };
        let rule = self.rule(&at.bucket, &at.key)?;
        let sealed_len = match super::answer::content_range(headers) {
            Some((_, total)) => total,
            None => content_length(headers)?,
        };
        let found = self.found(at, rule, &envelope, headers, sealed_len).await?;
        let parts = found.map.map(|map| map.parts().iter().map(|part| (part.part, part.plain_len)).collect());
        Ok(parts)
    }

    /// The parts of an object, from its footer; read once for each version.
    async fn part_map(
        &self,
        at: &ObjectRef,
        keys: &ObjectKeys,
        headers: &HeaderMap,
        sealed_len: u64,
    ) -> Result<Arc<PartMap>, Error> {
        let pinned = pin(headers)?;
        let etag = store_etag(headers).unwrap_or_default();
        if let Some(map) = self.facts.find_map(at, etag) {
            return Ok(map);
        }
        let guess = layout::plain_len(sealed_len).map_or(GUESS, |len| layout::table_len(len) + layout::SUMMARY_LEN);
        let mut tail = self.tail(at, &pinned, guess.min(sealed_len)).await?;
        let summary = summary_of(keys, &tail)?;
        // From here on the footer's length can be trusted: it is one that such an object has.
        summary.check_sealed_len(sealed_len).map_err(wrong)?;
        let footer_len = summary.table_len.min(layout::MAX_TABLE_LEN).saturating_add(layout::SUMMARY_LEN);
        if footer_len > tail.len() as u64 {
            tail = self.tail(at, &pinned, footer_len).await?;
        }
        let footer_len = usize::try_from(footer_len).unwrap_or(usize::MAX);
        let footer = tail.slice(tail.len().saturating_sub(footer_len)..);
        let table_len = footer.len().saturating_sub(usize::try_from(layout::SUMMARY_LEN).unwrap_or(0));
        let map = Arc::new(PartMap::open(keys, &summary, &footer[..table_len], sealed_len).map_err(wrong)?);
        self.facts.remember_map(at, etag, Arc::clone(&map));
        self.facts.remember(at, etag, Arc::new(summary.facts));
        Ok(map)
    }

    /// The last bytes of a stored object, of the version that is pinned.
    pub(crate) async fn tail(&self, at: &ObjectRef, pinned: &HeaderMap, len: u64) -> Result<bytes::Bytes, Error> {
        let mut headers = pinned.clone();
        let range =
            HeaderValue::try_from(format!("bytes=-{len}")).map_err(|error| Error::Internal(error.to_string()))?;
        headers.insert(RANGE, range);
        let response = self.ask(Method::GET, at.uri()?, headers).await?;
        match response.status() {
            StatusCode::PRECONDITION_FAILED => Err(Error::Replaced),
            StatusCode::OK | StatusCode::PARTIAL_CONTENT => {
                let tail = opening::collect(response.into_body(), len).await?;
                let complete = tail.len() as u64 == len;
                complete.then_some(tail).ok_or_else(|| Error::BadAnswer("fewer bytes than it announced".into()))
            }
            status => Err(Error::BadAnswer(format!("{status} to the end of an object that is there"))),
        }
    }
}

/// The envelope of an object of ours, which is not read where everything is said to be another program's.
pub(crate) fn sealed_envelope(rule: &Rule, headers: &HeaderMap) -> Result<Option<Envelope>, Error> {
    let envelope = metadata::envelope(headers)?;
    match (&envelope, rule.contents) {
        (Some(_), Contents::Foreign(_)) => Err(Error::NotRead { rule: rule.buckets.clone(), format: "sealed" }),
        _ => Ok(envelope),
    }
}

/// Asks whether an object that is in no format may be read.
pub(crate) fn check_plain(at: &ObjectRef, rule: &Rule, headers: &HeaderMap) -> Result<(), Error> {
    if rule.reads_plain() || is_marker(at, headers) {
        return Ok(());
    }
    Err(Error::NotSealed { rule: rule.buckets.clone() })
}

/// Whether this is a directory's marker of a store that keeps nothing of one but its name: there is nothing in it to be sealed.
pub(crate) fn is_marker(at: &ObjectRef, headers: &HeaderMap) -> bool {
    at.key.ends_with('/') && content_length(headers).is_ok_and(|len| len == 0)
}

pub(super) fn summary_of(keys: &ObjectKeys, tail: &[u8]) -> Result<Summary, Error> {
    let summary_len = usize::try_from(layout::SUMMARY_LEN).unwrap_or(usize::MAX);
    let start = tail.len().checked_sub(summary_len).ok_or_else(|| Error::Integrity("no room for a summary".into()))?;
    Summary::open(keys, &tail[start..]).map_err(wrong)
}
