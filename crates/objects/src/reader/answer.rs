//! What the headers of a store's answer say about an object: its length, its range, its version.

use std::ops::Range;
use std::sync::Arc;

use envelope::ObjectKeys;
use http::header::{
    CONTENT_LENGTH, CONTENT_RANGE, ETAG, IF_MATCH, IF_MODIFIED_SINCE, IF_NONE_MATCH, IF_RANGE, IF_UNMODIFIED_SINCE,
};
use http::{HeaderMap, Response, StatusCode};

use super::{Opened, OpenedObject};
use crate::store::{self, Body};
use crate::{Error, Facts, metadata};

pub(crate) fn content_length(headers: &HeaderMap) -> Result<u64, Error> {
    let value = headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
    value.ok_or_else(|| Error::BadAnswer("an object without Content-Length".into()))
}

/// First byte and total length of `Content-Range: bytes first-last/total`.
pub(crate) fn content_range(headers: &HeaderMap) -> Option<(u64, u64)> {
    let (range, total) = headers.get(CONTENT_RANGE)?.to_str().ok()?.strip_prefix("bytes ")?.split_once('/')?;
    let (first, _) = range.split_once('-')?;
    Some((first.trim().parse().ok()?, total.trim().parse().ok()?))
}

/// The stored bytes that an answer brings, and how many there are in all.
pub(crate) fn covered(response: &Response<Body>) -> Result<(Range<u64>, u64), Error> {
    let length = content_length(response.headers())?;
    if response.status() == StatusCode::OK {
        return Ok((0..length, length));
    }
    let (first, total) = content_range(response.headers())
        .ok_or_else(|| Error::BadAnswer("a partial answer without Content-Range".into()))?;
    Ok((first..first.saturating_add(length), total))
}

/// The condition that a second answer speaks of the same version as the first.
pub(super) fn pin(headers: &HeaderMap) -> Result<HeaderMap, Error> {
    let etag = headers.get(ETAG).ok_or_else(|| Error::BadAnswer("an object without ETag".into()))?;
    Ok(HeaderMap::from_iter([(IF_MATCH, etag.clone())]))
}

/// What a client sent that every request about its object needs, without its conditions, and the condition that an answer
/// speaks of the same version as the one that was seen.
pub(crate) fn pinned(client: &HeaderMap, answer: &HeaderMap) -> Result<HeaderMap, Error> {
    let mut headers = client.clone();
    for condition in [IF_MATCH, IF_NONE_MATCH, IF_MODIFIED_SINCE, IF_UNMODIFIED_SINCE, IF_RANGE] {
        headers.remove(condition);
    }
    headers.extend(pin(answer)?);
    Ok(headers)
}

pub(super) fn sealed_object(
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
        foreign: None,
        etag: None,
        parts_count: None,
        facts,
        body: store::empty(),
    })
}

/// An object that is not ours, as the store gives it.
pub(crate) fn plain_object(response: Response<Body>) -> Result<Opened, Error> {
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
        foreign: None,
        etag: None,
        parts_count: None,
        facts: None,
        body,
    }))
}
