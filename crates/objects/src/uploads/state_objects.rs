//! Plain requests for the small objects that keep state: put, get, list and remove, without envelopes and without rules.
//!
//! Nothing here is opened or sealed: what comes in is ready to be stored, and what comes out is not believed by anybody yet.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use futures::StreamExt as _;
use http::header::{CONTENT_LENGTH, RANGE};
use http::{HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::BodyExt as _;

use super::StateError;
use crate::multipart::answers::elements;
use crate::store::{self, Body, Store};
use crate::{ObjectRef, bucket_uri, encode_value, stream};

/// Requests about the state of one upload that are open at the same time.
pub(super) const FAN_OUT: usize = 16;

/// A page of 1,000 short keys stays well below this, and so does an error.
const PAGE_LIMIT: usize = 4 * 1024 * 1024;

/// More pages than any listing has that is not made up.
const PAGES: usize = 10_000;

/// Objects that are removed in one round.
const BATCH: usize = 10_000;

/// An upload of 10,000 parts, each sent and held a few times, is gone after so many rounds.
const ROUNDS: usize = 16;

/// An object as listings show it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) key: String,
    /// When it was written, in milliseconds since 1970.
    pub(super) modified: u64,
}

/// What is to be removed: an object, or one version of it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Doomed {
    key: String,
    version: Option<String>,
}

/// The state's objects on a store.
pub(super) struct StateObjects {
    store: Arc<dyn Store>,
    /// The store has said that it does not list versions, so it has none.
    no_versions: AtomicBool,
}

impl StateObjects {
    pub(super) fn new(store: Arc<dyn Store>) -> Self {
        Self { store, no_versions: AtomicBool::new(false) }
    }

    pub(super) async fn put(&self, bucket: &str, key: &str, body: Body, len: u64) -> Result<(), StateError> {
        let answer = self.send(Method::PUT, object(bucket, key, None)?, &[(CONTENT_LENGTH, len.into())], body).await?;
        if answer.status().is_success() { Ok(()) } else { Err(refused("written", answer).await) }
    }

    /// All of an object of at most `limit` bytes.
    pub(super) async fn get(&self, bucket: &str, key: &str, limit: usize) -> Result<Option<Bytes>, StateError> {
        let answer = self.send(Method::GET, object(bucket, key, None)?, &[], store::empty()).await?;
        match answer.status() {
            StatusCode::OK => stream::collect(answer.into_body(), limit).await.map(Some).map_err(StateError::failed),
            StatusCode::NOT_FOUND => Ok(None),
            _ => Err(refused("read", answer).await),
        }
    }

    /// Some bytes of an object, of which there must be as many.
    pub(super) async fn range(&self, bucket: &str, key: &str, range: Range<u64>) -> Result<Option<Body>, StateError> {
        let value = format!("bytes={}-{}", range.start, range.end.saturating_sub(1));
        let value = HeaderValue::try_from(value).map_err(StateError::failed)?;
        let answer = self.send(Method::GET, object(bucket, key, None)?, &[(RANGE, value)], store::empty()).await?;
        match answer.status() {
            StatusCode::PARTIAL_CONTENT => {
                let body = answer.into_body().into_data_stream();
                Ok(Some(store::sized(range.end.saturating_sub(range.start), body)))
            }
            StatusCode::NOT_FOUND => Ok(None),
            _ => Err(refused("read", answer).await),
        }
    }

    pub(super) async fn is_there(&self, bucket: &str, key: &str) -> Result<bool, StateError> {
        let answer = self.send(Method::HEAD, object(bucket, key, None)?, &[], store::empty()).await?;
        match answer.status() {
            status if status.is_success() => Ok(true),
            StatusCode::NOT_FOUND => Ok(false),
            _ => Err(refused("read", answer).await),
        }
    }

    /// Shows the objects under a prefix and behind a key to `visit`, page by page and in order, for as long as it wants more.
    pub(super) async fn list(
        &self,
        bucket: &str,
        prefix: &str,
        after: &str,
        mut visit: impl FnMut(Vec<Entry>) -> bool + Send,
    ) -> Result<(), StateError> {
        const ROOT: &str = "ListBucketResult";
        let mut query = format!("list-type=2&prefix={}", encode_value(prefix));
        if !after.is_empty() {
            query = format!("{query}&start-after={}", encode_value(after));
        }
        let mut asked = query.clone();
        for _ in 0..PAGES {
            let Some(page) = self.page(bucket, &asked).await? else { return Ok(()) };
            let token = leaf(&page, ROOT, "NextContinuationToken")?.filter(|_| is_truncated(&page, ROOT));
            let (true, Some(token)) = (visit(entries(&page)?), token) else { return Ok(()) };
            asked = format!("{query}&continuation-token={}", encode_value(&token));
        }
        Err(StateError::failed("a listing of the store has no end"))
    }

    /// Removes everything under a prefix for good, what is called `first` before all else, and what comes meanwhile too.
    pub(super) async fn remove_all(&self, bucket: &str, prefix: &str, first: &str) -> Result<(), StateError> {
        for _ in 0..ROUNDS {
            let doomed = self.doomed(bucket, prefix, BATCH).await?;
            if doomed.is_empty() {
                return Ok(());
            }
            let (first, rest): (Vec<_>, Vec<_>) = doomed.into_iter().partition(|doomed| doomed.key == first);
            for group in [first, rest] {
                let removals: Vec<_> = group.into_iter().map(|doomed| self.remove(bucket, doomed)).collect();
                let mut removals = futures::stream::iter(removals).buffer_unordered(FAN_OUT);
                while let Some(removed) = removals.next().await {
                    removed?;
                }
            }
        }
        Err(StateError::failed("objects that were removed are still listed"))
    }

    /// Whether there is something in a bucket, and all of it, older versions too, under a prefix.
    pub(super) async fn is_all_under(&self, bucket: &str, prefix: &str) -> Result<bool, StateError> {
        // A look at the first page is enough for most buckets.
        for limit in [1, BATCH] {
            let seen = self.doomed(bucket, "", limit).await?;
            if seen.is_empty() || seen.len() >= BATCH || !seen.iter().all(|entry| entry.key.starts_with(prefix)) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    async fn remove(&self, bucket: &str, doomed: Doomed) -> Result<(), StateError> {
        let uri = object(bucket, &doomed.key, doomed.version)?;
        let answer = self.send(Method::DELETE, uri, &[], store::empty()).await?;
        let gone = answer.status().is_success() || answer.status() == StatusCode::NOT_FOUND;
        if gone { Ok(()) } else { Err(refused("removed", answer).await) }
    }

    /// What must be removed so that nothing is left, not even an older version or a delete marker; whole pages, until there are
    /// `limit`.
    async fn doomed(&self, bucket: &str, prefix: &str, limit: usize) -> Result<Vec<Doomed>, StateError> {
        if !self.no_versions.load(Ordering::Relaxed)
            && let Some(versions) = self.versions(bucket, prefix, limit).await?
        {
            return Ok(versions);
        }
        let mut doomed = Vec::new();
        let visit = |page: Vec<Entry>| {
            doomed.extend(page.into_iter().map(|entry| Doomed { key: entry.key, version: None }));
            doomed.len() < limit
        };
        self.list(bucket, prefix, "", visit).await?;
        Ok(doomed)
    }

    /// All versions and delete markers; `None` when the store does not tell, or not us.
    async fn versions(&self, bucket: &str, prefix: &str, limit: usize) -> Result<Option<Vec<Doomed>>, StateError> {
        const ROOT: &str = "ListVersionsResult";
        let query = format!("versions=&prefix={}", encode_value(prefix));
        let (mut found, mut next) = (Vec::new(), Some(query.clone()));
        while let Some(asked) = next.take().filter(|_| found.len() < limit) {
            let uri = bucket_uri(bucket, &asked).map_err(StateError::failed)?;
            let answer = self.send(Method::GET, uri, &[], store::empty()).await?;
            match answer.status() {
                StatusCode::OK => {}
                StatusCode::NOT_FOUND => break,
                StatusCode::NOT_IMPLEMENTED | StatusCode::METHOD_NOT_ALLOWED | StatusCode::BAD_REQUEST => {
                    self.no_versions.store(true, Ordering::Relaxed);
                    return Ok(None);
                }
                // Listing versions is a permission of its own.
                StatusCode::FORBIDDEN => return Ok(None),
                _ => return Err(refused("listed", answer).await),
            }
            let page = stream::collect(answer.into_body(), PAGE_LIMIT).await.map_err(StateError::failed)?;
            found.extend(doomed_in(&page)?);
            if is_truncated(&page, ROOT) {
                let (key, version) = (leaf(&page, ROOT, "NextKeyMarker")?, leaf(&page, ROOT, "NextVersionIdMarker")?);
                next = key.map(|key| {
                    let version = version.map(|version| format!("&version-id-marker={}", encode_value(&version)));
                    format!("{query}&key-marker={}{}", encode_value(&key), version.unwrap_or_default())
                });
            }
        }
        Ok(Some(found))
    }

    /// A page of a listing; `None` when there is no such bucket.
    async fn page(&self, bucket: &str, query: &str) -> Result<Option<Bytes>, StateError> {
        let uri = bucket_uri(bucket, query).map_err(StateError::failed)?;
        let answer = self.send(Method::GET, uri, &[], store::empty()).await?;
        match answer.status() {
            StatusCode::OK => {
                stream::collect(answer.into_body(), PAGE_LIMIT).await.map(Some).map_err(StateError::failed)
            }
            StatusCode::NOT_FOUND => Ok(None),
            _ => Err(refused("listed", answer).await),
        }
    }

    async fn send(
        &self,
        method: Method,
        uri: http::Uri,
        headers: &[(http::HeaderName, HeaderValue)],
        body: Body,
    ) -> Result<Response<Body>, StateError> {
        let mut request = Request::new(body);
        *request.method_mut() = method;
        *request.uri_mut() = uri;
        request.headers_mut().extend(headers.iter().cloned());
        Ok(self.store.send(request).await?)
    }
}

fn object(bucket: &str, key: &str, version: Option<String>) -> Result<http::Uri, StateError> {
    ObjectRef { bucket: bucket.to_owned(), key: key.to_owned(), version }.uri().map_err(StateError::failed)
}

async fn refused(what: &str, answer: Response<Body>) -> StateError {
    let status = answer.status();
    let document = stream::collect(answer.into_body(), PAGE_LIMIT).await.unwrap_or_default();
    let code = crate::error_code(&document).map(|(code, _)| code).unwrap_or_default();
    let why =
        format!("the store answered {status} {code} when an object under {} was to be {what}", crate::reserved::PREFIX);
    // A store that is busy says so, and so should we.
    if matches!(status, StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS) {
        StateError::Full(why)
    } else {
        StateError::Failed(why)
    }
}

fn entries(page: &[u8]) -> Result<Vec<Entry>, StateError> {
    let all = |name| elements(page, &["ListBucketResult", "Contents", name]).map_err(StateError::failed);
    let (keys, times) = (all("Key")?, all("LastModified")?);
    if keys.len() != times.len() {
        return Err(StateError::failed("a listed object without a key or a time"));
    }
    Ok(keys.into_iter().zip(times).map(|(key, time)| Entry { key, modified: moment(&time) }).collect())
}

/// The entries of a page of versions. The version `null` of an object is the object: it is removed as such first, and only a
/// delete marker by that name needs the name.
fn doomed_in(page: &[u8]) -> Result<Vec<Doomed>, StateError> {
    let mut doomed = Vec::new();
    for kind in ["Version", "DeleteMarker"] {
        let all = |name| elements(page, &["ListVersionsResult", kind, name]).map_err(StateError::failed);
        let (keys, versions) = (all("Key")?, all("VersionId")?);
        if keys.len() != versions.len() {
            return Err(StateError::failed("a listed version without a key or an id"));
        }
        let named = |version: &String| version != "null" || kind == "DeleteMarker";
        doomed.extend(
            keys.into_iter().zip(versions).map(|(key, version)| Doomed { key, version: Some(version).filter(named) }),
        );
    }
    Ok(doomed)
}

fn is_truncated(page: &[u8], root: &str) -> bool {
    leaf(page, root, "IsTruncated").is_ok_and(|value| value.is_some_and(|value| value == "true"))
}

fn leaf(page: &[u8], root: &str, name: &str) -> Result<Option<String>, StateError> {
    Ok(elements(page, &[root, name]).map_err(StateError::failed)?.into_iter().next())
}

/// A time of S3 in milliseconds since 1970; what cannot be read counts as just now, so that nothing is taken for old.
fn moment(text: &str) -> u64 {
    let time = time::OffsetDateTime::parse(text, &time::format_description::well_known::Rfc3339);
    time.ok().and_then(|time| u64::try_from(time.unix_timestamp_nanos() / 1_000_000).ok()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_without_versioning_is_the_object_itself() {
        let page = b"<ListVersionsResult><Version><Key>a</Key><VersionId>null</VersionId></Version>\
            <DeleteMarker><VersionId>null</VersionId><Key>b</Key></DeleteMarker>\
            <Version><Key>c</Key><VersionId>7</VersionId></Version></ListVersionsResult>";
        let doomed: Vec<_> = doomed_in(page).unwrap().into_iter().map(|doomed| (doomed.key, doomed.version)).collect();
        let named = |key: &str, version: Option<&str>| (key.to_owned(), version.map(str::to_owned));
        assert_eq!(doomed, [named("a", None), named("c", Some("7")), named("b", Some("null"))]);
        assert!(doomed_in(b"<ListVersionsResult><Version><Key>a</Key></Version></ListVersionsResult>").is_err());
    }

    #[test]
    fn a_time_that_cannot_be_read_is_not_old() {
        assert_eq!(moment("1970-01-01T00:00:01.500Z"), 1_500);
        assert_eq!(moment("yesterday"), u64::MAX);
    }
}
