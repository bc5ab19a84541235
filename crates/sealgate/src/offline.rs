//! One object in a file, behind the store seam: so that what is sealed and opened without a server is what a server seals and opens.
//! A second file can stand for the object beside it that has its key, in formats that write one.
//!
//! Knows no network. It keeps ciphertext only.

use std::io::Write as _;
use std::ops::Range;
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use http::header::{CONTENT_LENGTH, CONTENT_RANGE, ETAG, RANGE};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::BodyExt as _;
use hyper::body::Bytes;
use objects::{Body, ObjectRef, Store, StoreError, USER_METADATA_PREFIX, store};

/// Bytes read at a time.
const PIECE: usize = 256 * 1024;

/// A stored object in a file, and the one beside it, if there is one.
pub(crate) struct FileStore {
    path: String,
    object: Kept,
    companion: Option<Kept>,
}

impl FileStore {
    /// The object `at`, whose bytes are in `file`, with this user metadata (names without prefix).
    pub(crate) fn new(
        at: &ObjectRef,
        file: std::fs::File,
        metadata: Vec<(String, String)>,
    ) -> Result<Self, objects::Error> {
        Ok(Self { path: at.uri()?.path().to_owned(), object: Kept::new(file, metadata), companion: None })
    }

    /// The same with a file for every other name: an object has one companion at most.
    pub(crate) fn with_companion(self, file: Option<std::fs::File>) -> Self {
        Self { companion: file.map(|file| Kept::new(file, Vec::new())), ..self }
    }

    /// The user metadata of the object by now.
    pub(crate) fn metadata(&self) -> Vec<(String, String)> {
        self.object.metadata()
    }

    fn kept(&self, path: &str) -> Option<&Kept> {
        if path == self.path { Some(&self.object) } else { self.companion.as_ref() }
    }
}

/// One file, with the user metadata that a store would have of it.
struct Kept {
    file: std::fs::File,
    metadata: Mutex<Vec<(String, String)>>,
}

impl Kept {
    fn new(file: std::fs::File, metadata: Vec<(String, String)>) -> Self {
        Self { file, metadata: Mutex::new(metadata) }
    }

    fn metadata(&self) -> Vec<(String, String)> {
        self.metadata.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    async fn put(&self, request: Request<Body>) -> Result<Response<Body>, StoreError> {
        let (parts, mut body) = request.into_parts();
        let mut file = self.file.try_clone().map_err(|error| broken(&error))?;
        while let Some(frame) = body.frame().await {
            if let Ok(data) = frame.map_err(StoreError::RequestBody)?.into_data() {
                file.write_all(&data).map_err(|error| broken(&error))?;
            }
        }
        file.sync_all().map_err(|error| broken(&error))?;
        *self.metadata.lock().unwrap_or_else(PoisonError::into_inner) = user_metadata(&parts.headers);
        Ok(answer(StatusCode::OK, HeaderMap::from_iter([(ETAG, ETAG_VALUE)]), store::empty()))
    }

    fn get(&self, request: &Request<Body>) -> Result<Response<Body>, StoreError> {
        let len = self.file.metadata().map_err(|error| broken(&error))?.len();
        let mut headers = HeaderMap::from_iter([(ETAG, ETAG_VALUE)]);
        for (name, value) in self.metadata() {
            let name = HeaderName::try_from(format!("{USER_METADATA_PREFIX}{name}"));
            let value = HeaderValue::from_bytes(value.as_bytes());
            if let (Ok(name), Ok(value)) = (name, value) {
                headers.insert(name, value);
            }
        }
        let asked = request.headers().get(RANGE).and_then(|range| range.to_str().ok());
        let (status, range) = match asked.map(|range| resolve(range, len)) {
            None => (StatusCode::OK, 0..len),
            Some(Some(range)) => (StatusCode::PARTIAL_CONTENT, range),
            Some(None) => return Ok(answer(StatusCode::RANGE_NOT_SATISFIABLE, headers, store::empty())),
        };
        if status == StatusCode::PARTIAL_CONTENT {
            let value = format!("bytes {}-{}/{len}", range.start, range.end.saturating_sub(1));
            headers.extend(HeaderValue::try_from(value).ok().map(|value| (CONTENT_RANGE, value)));
        }
        headers.insert(CONTENT_LENGTH, HeaderValue::from(range.end - range.start));
        let body = if request.method() == Method::HEAD { store::empty() } else { self.read(range)? };
        Ok(answer(status, headers, body))
    }

    /// The bytes of a range. Several are read at the same time, so each knows its own place.
    fn read(&self, range: Range<u64>) -> Result<Body, StoreError> {
        let file = self.file.try_clone().map_err(|error| broken(&error))?;
        let mut rest = range;
        let pieces = std::iter::from_fn(move || {
            let wanted = usize::try_from(rest.end - rest.start).unwrap_or(usize::MAX).min(PIECE);
            let mut piece = vec![0; wanted];
            match file.read_at(&mut piece, rest.start) {
                Ok(0) => None,
                Ok(count) => {
                    rest.start += count as u64;
                    piece.truncate(count);
                    Some(Ok(Bytes::from(piece)))
                }
                Err(error) => {
                    rest.start = rest.end;
                    Some(Err(error.into()))
                }
            }
        });
        Ok(store::stream(futures::stream::iter(pieces)))
    }
}

/// An object in a file has one version.
const ETAG_VALUE: HeaderValue = HeaderValue::from_static("\"file\"");

const NO_COMPANION: &str = "the rule writes an instruction file: say where it goes with --instruction-file";

#[async_trait]
impl Store for FileStore {
    async fn send(&self, request: Request<Body>) -> Result<Response<Body>, StoreError> {
        match (request.method(), self.kept(request.uri().path())) {
            (&Method::PUT, Some(kept)) => kept.put(request).await,
            (&Method::PUT, None) => Err(StoreError::Request(NO_COMPANION.to_owned())),
            (&Method::GET | &Method::HEAD, Some(kept)) => kept.get(&request),
            (&Method::GET | &Method::HEAD, None) => Ok(answer(StatusCode::NOT_FOUND, HeaderMap::new(), store::empty())),
            _ => Ok(answer(StatusCode::NOT_IMPLEMENTED, HeaderMap::new(), store::empty())),
        }
    }
}

/// The bytes of `bytes=a-b`, `bytes=a-` and `bytes=-n` that are there, if any are.
fn resolve(range: &str, len: u64) -> Option<Range<u64>> {
    let (first, last) = range.strip_prefix("bytes=")?.split_once('-')?;
    let range = match (first.parse::<u64>(), last.parse::<u64>()) {
        (Ok(first), Ok(last)) => first..last.saturating_add(1).min(len),
        (Ok(first), Err(_)) => first..len,
        (Err(_), Ok(count)) => len.saturating_sub(count)..len,
        _ => return None,
    };
    (!range.is_empty()).then_some(range)
}

fn user_metadata(headers: &HeaderMap) -> Vec<(String, String)> {
    let entry = |(name, value): (&HeaderName, &HeaderValue)| {
        let name = name.as_str().strip_prefix(USER_METADATA_PREFIX)?.to_owned();
        Some((name, String::from_utf8_lossy(value.as_bytes()).into_owned()))
    };
    headers.iter().filter_map(entry).collect()
}

fn answer(status: StatusCode, headers: HeaderMap, body: Body) -> Response<Body> {
    let mut answer = Response::new(body);
    *answer.status_mut() = status;
    *answer.headers_mut() = headers;
    answer
}

fn broken(error: &std::io::Error) -> StoreError {
    StoreError::Protocol { message: format!("the file of the object failed: {error}"), source: None }
}

/// User metadata out of a JSON document: a map of names and values, or the answer to `aws s3api head-object` or `get-object`.
pub(crate) fn read_metadata(path: &Path) -> anyhow::Result<Vec<(String, String)>> {
    use anyhow::Context as _;
    let text = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    let wrong = || format!("{} holds neither a map of metadata nor an answer to head-object", path.display());
    let mut document: serde_json::Map<String, serde_json::Value> = serde_json::from_slice(&text).with_context(wrong)?;
    if let Some(serde_json::Value::Object(metadata)) = document.remove("Metadata") {
        document = metadata;
    }
    let entry = |(name, value): (String, serde_json::Value)| {
        let name = name.to_lowercase();
        let name = name.strip_prefix(USER_METADATA_PREFIX).map_or(name.clone(), str::to_owned);
        Some((name, value.as_str()?.to_owned()))
    };
    document.into_iter().map(entry).collect::<Option<Vec<_>>>().with_context(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_those_of_http() {
        assert_eq!(resolve("bytes=0-9", 5), Some(0..5));
        assert_eq!(resolve("bytes=2-", 5), Some(2..5));
        assert_eq!(resolve("bytes=-3", 5), Some(2..5));
        assert_eq!(resolve("bytes=-9", 5), Some(0..5));
        assert_eq!(resolve("bytes=5-", 5), None);
        assert_eq!(resolve("lines=1-2", 5), None);
    }

    #[test]
    fn metadata_is_read_from_a_map_and_from_an_answer() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("m.json");
        let read = |text: &str| {
            std::fs::write(&path, text).unwrap();
            read_metadata(&path)
        };
        let wanted = vec![("sealgate".to_owned(), "v=1".to_owned())];
        assert_eq!(read(r#"{"sealgate": "v=1"}"#).unwrap(), wanted);
        assert_eq!(read(r#"{"x-amz-meta-sealgate": "v=1"}"#).unwrap(), wanted);
        assert_eq!(read(r#"{"ContentLength": 3, "Metadata": {"Sealgate": "v=1"}}"#).unwrap(), wanted);
        assert!(read(r#"["v=1"]"#).is_err() && read(r#"{"a": 1}"#).is_err());
    }
}
