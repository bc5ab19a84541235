//! A store in memory that answers as S3 does, and can be told to answer wrongly.

#![expect(clippy::unwrap_used, reason = "test code")]

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard};

use async_trait::async_trait;
use bytes::Bytes;
use http::header::{CONTENT_LENGTH, CONTENT_RANGE, ETAG, IF_MATCH, IF_NONE_MATCH, RANGE};
use http::{HeaderMap, Method, Request, Response, StatusCode};
use http_body_util::BodyExt as _;
use objects::{Body, RangeSpec, Store, StoreError, store};

/// What the store does wrong, once.
pub(crate) enum Fault {
    /// Ends the next answer's body after so many bytes.
    Cut(usize),
    /// Answers the next range with everything.
    IgnoreRange,
    /// Answers the next copy with a success that ends in an error.
    LateError,
    /// Never answers about this path.
    Hang(String),
    /// Replaces an object right after the next HEAD.
    ReplaceAfterHead(String, Stored),
}

/// Headers and content of an object.
pub(crate) type Stored = (HeaderMap, Bytes);

/// Objects by path.
#[derive(Default)]
pub(crate) struct MemoryStore {
    objects: Mutex<BTreeMap<String, Stored>>,
    fault: Mutex<Option<Fault>>,
    claimed: Mutex<Option<u64>>,
    requests: AtomicUsize,
    log: Mutex<Vec<String>>,
}

impl MemoryStore {
    fn objects(&self) -> MutexGuard<'_, BTreeMap<String, Stored>> {
        self.objects.lock().unwrap()
    }

    pub(crate) fn stored(&self, path: &str) -> Stored {
        self.objects()[path].clone()
    }

    pub(crate) fn restore(&self, path: &str, object: Stored) {
        self.objects().insert(path.to_owned(), object);
    }

    pub(crate) fn flip(&self, path: &str, position: usize) {
        let mut objects = self.objects();
        let stored = &mut objects.get_mut(path).unwrap().1;
        let mut bytes = stored.to_vec();
        bytes[position] ^= 1;
        *stored = bytes.into();
    }

    pub(crate) fn misbehave(&self, fault: Fault) {
        *self.fault.lock().unwrap() = Some(fault);
    }

    /// Does nothing wrong any more.
    pub(crate) fn behave(&self) {
        *self.fault.lock().unwrap() = None;
    }

    /// From now on whole objects are said to have this length, whatever is there.
    pub(crate) fn claim(&self, len: u64) {
        *self.claimed.lock().unwrap() = Some(len);
    }

    pub(crate) fn requests(&self) -> usize {
        self.requests.load(Ordering::Relaxed)
    }

    /// The requests so far, as method, path and how many bytes came.
    pub(crate) fn log(&self) -> Vec<String> {
        self.log.lock().unwrap().clone()
    }

    /// Copies as S3 does: the content as it is, metadata from the source or from the request.
    fn copy(&self, path: String, request: &HeaderMap, source: &str) -> Response<Body> {
        let source = source.split('?').next().unwrap();
        let Some((stored, bytes)) = self.objects().get(source).cloned() else { return status(StatusCode::NOT_FOUND) };
        let pinned = request.get("x-amz-copy-source-if-match").is_none_or(|etag| *etag == stored[ETAG]);
        if !pinned || self.is_taken(&path, request) {
            return status(StatusCode::PRECONDITION_FAILED);
        }
        if matches!(self.fault.lock().unwrap().take(), Some(Fault::LateError)) {
            let error = "<?xml version=\"1.0\"?>\n   <Error><Code>SlowDown</Code><Message>later</Message></Error>";
            return Response::new(store::full(error));
        }
        let replaces = request.get("x-amz-metadata-directive").is_some_and(|directive| directive == "REPLACE");
        let mut headers = if replaces { request.clone() } else { stored };
        let etag = format!("\"{:032x}\"", self.requests());
        headers.insert(ETAG, etag.parse().unwrap());
        self.objects().insert(path, (headers, bytes));
        let result = format!("<LastModified>2026-01-02T03:04:05.000Z</LastModified><ETag>{etag}</ETag>");
        Response::new(store::full(format!("<CopyObjectResult>{result}</CopyObjectResult>")))
    }

    fn is_taken(&self, path: &str, request: &HeaderMap) -> bool {
        request.get(IF_NONE_MATCH).is_some_and(|etag| etag == "*") && self.objects().contains_key(path)
    }

    async fn put(&self, path: String, request: Request<Body>) -> Result<Response<Body>, StoreError> {
        let (parts, body) = request.into_parts();
        if let Some(source) = parts.headers.get("x-amz-copy-source") {
            self.log.lock().unwrap().push(format!("COPY {path}"));
            return Ok(self.copy(path, &parts.headers, source.to_str().unwrap()));
        }
        let declared: usize = parts.headers[CONTENT_LENGTH].to_str().unwrap().parse().unwrap();
        let bytes = body.collect().await.map_err(StoreError::RequestBody)?.to_bytes();
        assert_eq!(bytes.len(), declared, "the seam promises the declared length");
        self.log.lock().unwrap().push(format!("PUT {path} {declared}"));
        if self.is_taken(&path, &parts.headers) {
            return Ok(status(StatusCode::PRECONDITION_FAILED));
        }
        let mut headers = parts.headers;
        headers.insert(ETAG, format!("\"{:032x}\"", self.requests()).parse().unwrap());
        let response = Response::builder().header(ETAG, &headers[ETAG]).body(store::empty()).unwrap();
        self.objects().insert(path, (headers, bytes));
        Ok(response)
    }

    fn read(&self, path: &str, method: &Method, headers: &HeaderMap) -> Response<Body> {
        let Some((stored, bytes)) = self.objects().get(path).cloned() else { return status(StatusCode::NOT_FOUND) };
        if headers.get(IF_MATCH).is_some_and(|etag| etag != stored[ETAG]) {
            return status(StatusCode::PRECONDITION_FAILED);
        }
        if headers.get(IF_NONE_MATCH).is_some_and(|etag| etag == stored[ETAG]) {
            return status(StatusCode::NOT_MODIFIED);
        }
        let fault = self.fault.lock().unwrap().take_if(|fault| !matches!(fault, Fault::LateError | Fault::Hang(_)));
        let range = headers.get(RANGE).filter(|_| !matches!(fault, Some(Fault::IgnoreRange)));
        let range = range.map(|range| RangeSpec::parse(range.to_str().unwrap()).unwrap().resolve(bytes.len() as u64));
        let mut response = Response::new(store::empty());
        *response.headers_mut() = stored;
        let mut content = bytes.clone();
        match range {
            Some(None) => return status(StatusCode::RANGE_NOT_SATISFIABLE),
            Some(Some(range)) => {
                let value = format!("bytes {}-{}/{}", range.start, range.end - 1, bytes.len());
                response.headers_mut().insert(CONTENT_RANGE, value.parse().unwrap());
                *response.status_mut() = StatusCode::PARTIAL_CONTENT;
                content = bytes.slice(usize::try_from(range.start).unwrap()..usize::try_from(range.end).unwrap());
            }
            None => {}
        }
        response.headers_mut().insert(CONTENT_LENGTH, content.len().into());
        if let (None, Some(len)) = (headers.get(RANGE), *self.claimed.lock().unwrap()) {
            response.headers_mut().insert(CONTENT_LENGTH, len.into());
        }
        match fault {
            Some(Fault::Cut(len)) => content.truncate(len),
            Some(Fault::ReplaceAfterHead(path, object)) => self.restore(&path, object),
            _ => {}
        }
        if method == Method::GET {
            let pieces: Vec<_> = content.chunks(100_000).map(|piece| Ok(Bytes::copy_from_slice(piece))).collect();
            *response.body_mut() = store::stream(futures::stream::iter(pieces));
        }
        response
    }

    fn tags(&self, path: &str) -> Response<Body> {
        let tagged = self.objects()[path].0["x-amz-tagging"].to_str().unwrap().to_owned();
        let tag = |pair: &str| {
            let (name, value) = pair.split_once('=').unwrap();
            format!("<Tag><Key>{name}</Key><Value>{value}</Value></Tag>")
        };
        let tags: String = tagged.split('&').map(tag).collect();
        Response::new(store::full(format!("<Tagging><TagSet>{tags}</TagSet></Tagging>")))
    }

    fn list(&self) -> Response<Body> {
        let entry = |(path, (headers, bytes)): (&String, &Stored)| {
            let key = path.strip_prefix("/bucket/").unwrap();
            let etag = headers[ETAG].to_str().unwrap();
            format!("<Contents><Key>{key}</Key><Size>{}</Size><ETag>{etag}</ETag></Contents>", bytes.len())
        };
        let entries: String = self.objects().iter().map(entry).collect();
        Response::new(store::full(format!("<ListBucketResult>{entries}</ListBucketResult>")))
    }
}

fn status(status: StatusCode) -> Response<Body> {
    Response::builder().status(status).body(store::empty()).unwrap()
}

#[async_trait]
impl Store for MemoryStore {
    async fn send(&self, request: Request<Body>) -> Result<Response<Body>, StoreError> {
        self.requests.fetch_add(1, Ordering::Relaxed);
        let (method, path) = (request.method().clone(), request.uri().path().to_owned());
        let hangs = matches!(&*self.fault.lock().unwrap(), Some(Fault::Hang(hung)) if *hung == path);
        if hangs {
            std::future::pending::<()>().await;
        }
        if method == Method::PUT {
            return self.put(path, request).await;
        }
        self.log.lock().unwrap().push(format!("{method} {}", request.uri()));
        match request.uri().query() {
            Some("tagging=") => Ok(self.tags(&path)),
            Some(query) if !query.starts_with("versionId") => Ok(self.list()),
            _ => Ok(self.read(&path, &method, request.headers())),
        }
    }
}
