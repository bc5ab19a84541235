//! A store in memory that answers as S3 does, and can be told to answer wrongly.

#![expect(clippy::unwrap_used, reason = "test code")]

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard};

use async_trait::async_trait;
use bytes::Bytes;
use http::header::{CONTENT_LENGTH, CONTENT_RANGE, ETAG, IF_MATCH, RANGE};
use http::{HeaderMap, Method, Request, Response, StatusCode};
use http_body_util::BodyExt as _;
use objects::{Body, RangeSpec, Store, StoreError, store};

/// What the store does wrong, once.
pub(crate) enum Fault {
    /// Ends the next answer's body after so many bytes.
    Cut(usize),
    /// Answers the next range with everything.
    IgnoreRange,
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
    requests: AtomicUsize,
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

    pub(crate) fn requests(&self) -> usize {
        self.requests.load(Ordering::Relaxed)
    }

    async fn put(&self, path: String, request: Request<Body>) -> Result<Response<Body>, StoreError> {
        let (parts, body) = request.into_parts();
        let declared: usize = parts.headers[CONTENT_LENGTH].to_str().unwrap().parse().unwrap();
        let bytes = body.collect().await.map_err(StoreError::RequestBody)?.to_bytes();
        assert_eq!(bytes.len(), declared, "the seam promises the declared length");
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
        let fault = self.fault.lock().unwrap().take();
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
        if method == Method::PUT {
            return self.put(path, request).await;
        }
        Ok(if request.uri().query().is_some() { self.list() } else { self.read(&path, &method, request.headers()) })
    }
}
