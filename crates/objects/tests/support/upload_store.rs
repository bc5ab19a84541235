//! A store in memory that knows objects, multipart uploads and listings, and nothing more; it can be cut off at any request.

#![expect(clippy::unwrap_used, reason = "test code")]
#![expect(dead_code, reason = "every test looks at something else")]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use http::header::{ETAG, RANGE};
use http::{HeaderMap, Method, Request, Response, StatusCode};
use http_body_util::BodyExt as _;
use objects::{Body, Store, StoreError, store};
use tokio::sync::Semaphore;

/// Objects with their headers, by key.
type Objects = BTreeMap<String, (HeaderMap, Bytes)>;

/// An unfinished upload.
#[derive(Default)]
struct Upload {
    key: String,
    headers: HeaderMap,
    parts: BTreeMap<u16, (String, Bytes)>,
}

/// One bucket.
pub(crate) struct UploadStore {
    objects: Mutex<Objects>,
    uploads: Mutex<BTreeMap<String, Upload>>,
    requests: AtomicUsize,
    /// Requests from this one on get no answer.
    pub(crate) ends_at: AtomicUsize,
    /// The next part is taken only once there is a permit.
    pub(crate) gate: Mutex<Option<Arc<Semaphore>>>,
    log: Mutex<Vec<String>>,
    /// Every part that ever came, whether it was kept or not.
    came: Mutex<Vec<(u16, Bytes)>>,
}

impl UploadStore {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self {
            objects: Mutex::default(),
            uploads: Mutex::default(),
            requests: AtomicUsize::new(0),
            ends_at: AtomicUsize::new(usize::MAX),
            gate: Mutex::default(),
            log: Mutex::default(),
            came: Mutex::default(),
        })
    }

    fn objects(&self) -> MutexGuard<'_, Objects> {
        self.objects.lock().unwrap()
    }

    /// The keys of all objects.
    pub(crate) fn keys(&self) -> Vec<String> {
        self.objects().keys().cloned().collect()
    }

    /// What is stored under a key.
    pub(crate) fn stored(&self, key: &str) -> (HeaderMap, Bytes) {
        self.objects()[key].clone()
    }

    /// Every part that ever came: its number and its bytes.
    pub(crate) fn came(&self) -> Vec<(u16, Bytes)> {
        self.came.lock().unwrap().clone()
    }

    /// How many requests there were.
    pub(crate) fn requests(&self) -> usize {
        self.requests.load(Ordering::SeqCst)
    }

    /// Lets the store answer again, and gives up all its uploads, as a lifecycle rule would.
    pub(crate) fn expire(&self) {
        self.ends_at.store(usize::MAX, Ordering::SeqCst);
        self.uploads.lock().unwrap().clear();
    }

    pub(crate) fn log(&self) -> Vec<String> {
        std::mem::take(&mut self.log.lock().unwrap())
    }

    fn serve(&self, method: &Method, key: &str, query: &str, headers: &HeaderMap, body: Bytes) -> Response<Body> {
        let param = |name: &str| parameter(query, name);
        match (method.as_str(), param("uploadId")) {
            ("POST", None) => self.create(key, headers),
            ("PUT", Some(id)) => self.put_part(&id, param("partNumber").unwrap().parse().unwrap(), body),
            ("POST", Some(id)) => self.complete(&id, &body),
            ("GET", Some(id)) => self.list_parts(&id),
            ("DELETE", Some(id)) => {
                let gone = self.uploads.lock().unwrap().remove(&id).is_some();
                if gone { status(StatusCode::NO_CONTENT) } else { no_such_upload() }
            }
            ("GET", None) if key.is_empty() && param("versions").is_some() => status(StatusCode::NOT_IMPLEMENTED),
            ("GET", None) if key.is_empty() => self.list(query),
            ("PUT", None) => {
                let headers = tagged(headers, &body);
                let etag = headers[ETAG].clone();
                self.objects().insert(key.to_owned(), (headers, body));
                Response::builder().header(ETAG, etag).body(store::empty()).unwrap()
            }
            ("DELETE", None) => {
                self.objects().remove(key);
                status(StatusCode::NO_CONTENT)
            }
            _ => self.read(key, headers),
        }
    }

    fn create(&self, key: &str, headers: &HeaderMap) -> Response<Body> {
        let id = format!("upload-{}", self.requests());
        let upload = Upload { key: key.to_owned(), headers: headers.clone(), parts: BTreeMap::new() };
        self.uploads.lock().unwrap().insert(id.clone(), upload);
        xml(&format!("<InitiateMultipartUploadResult><UploadId>{id}</UploadId></InitiateMultipartUploadResult>"))
    }

    fn put_part(&self, id: &str, number: u16, body: Bytes) -> Response<Body> {
        self.came.lock().unwrap().push((number, body.clone()));
        let mut uploads = self.uploads.lock().unwrap();
        let Some(upload) = uploads.get_mut(id) else { return no_such_upload() };
        let etag = format!("\"part-{}\"", self.requests());
        upload.parts.insert(number, (etag.clone(), body));
        Response::builder().header(ETAG, etag).body(store::empty()).unwrap()
    }

    fn complete(&self, id: &str, document: &[u8]) -> Response<Body> {
        let mut uploads = self.uploads.lock().unwrap();
        let Some(upload) = uploads.get(id) else { return no_such_upload() };
        let text = std::str::from_utf8(document).unwrap().replace("&quot;", "\"");
        let mut whole = BytesMut::new();
        for part in text.split("<Part>").skip(1) {
            let (number, etag) = (between(part, "PartNumber"), between(part, "ETag"));
            match upload.parts.get(&number.parse().unwrap()) {
                Some((have, bytes)) if have == etag => whole.extend_from_slice(bytes),
                _ => return error(StatusCode::BAD_REQUEST, "InvalidPart"),
            }
        }
        let whole = whole.freeze();
        let headers = tagged(&upload.headers, &whole);
        let etag = headers[ETAG].to_str().unwrap().replace('"', "&quot;");
        self.objects().insert(upload.key.clone(), (headers, whole));
        uploads.remove(id);
        xml(&format!("<CompleteMultipartUploadResult><ETag>{etag}</ETag></CompleteMultipartUploadResult>"))
    }

    fn list_parts(&self, id: &str) -> Response<Body> {
        let uploads = self.uploads.lock().unwrap();
        let Some(upload) = uploads.get(id) else { return no_such_upload() };
        let parts = upload.parts.iter().fold(String::new(), |parts, (number, (etag, _))| {
            format!("{parts}<Part><PartNumber>{number}</PartNumber><ETag>{etag}</ETag></Part>")
        });
        xml(&format!("<ListPartsResult>{parts}</ListPartsResult>"))
    }

    /// Two objects a page.
    fn list(&self, query: &str) -> Response<Body> {
        let prefix = parameter(query, "prefix").unwrap_or_default();
        let after = parameter(query, "continuation-token").or_else(|| parameter(query, "start-after"));
        let objects = self.objects();
        let mut rest = objects.keys().filter(|key| key.starts_with(&prefix) && Some(*key) > after.as_ref());
        let page: Vec<_> = rest.by_ref().take(2).collect();
        let mut list = String::new();
        for key in &page {
            write!(list, "<Contents><Key>{key}</Key><LastModified>2026-01-02T03:04:05Z</LastModified></Contents>")
                .unwrap();
        }
        if rest.next().is_some() {
            let token = page.last().unwrap();
            write!(list, "<IsTruncated>true</IsTruncated><NextContinuationToken>{token}</NextContinuationToken>")
                .unwrap();
        }
        xml(&format!("<ListBucketResult>{list}</ListBucketResult>"))
    }

    fn read(&self, key: &str, headers: &HeaderMap) -> Response<Body> {
        let Some((stored, bytes)) = self.objects().get(key).cloned() else {
            return error(StatusCode::NOT_FOUND, "NoSuchKey");
        };
        let range = headers.get(RANGE).map(|range| {
            let range = range.to_str().unwrap().strip_prefix("bytes=").unwrap();
            let (first, last) = range.split_once('-').unwrap();
            let len = bytes.len();
            match (first.parse::<usize>(), last.parse::<usize>()) {
                (Ok(first), last) => first..last.map_or(len, |last| (last + 1).min(len)),
                (Err(_), last) => len.saturating_sub(last.unwrap())..len,
            }
        });
        let mut answer = Response::new(store::empty());
        *answer.headers_mut() = stored;
        let content = match range {
            None => bytes,
            Some(range) => {
                let value = format!("bytes {}-{}/{}", range.start, range.end - 1, bytes.len());
                answer.headers_mut().insert("content-range", value.parse().unwrap());
                *answer.status_mut() = StatusCode::PARTIAL_CONTENT;
                bytes.slice(range)
            }
        };
        answer.headers_mut().insert("content-length", content.len().into());
        answer.map(|_| store::full(content))
    }
}

#[async_trait]
impl Store for UploadStore {
    async fn send(&self, request: Request<Body>) -> Result<Response<Body>, StoreError> {
        if self.requests.fetch_add(1, Ordering::SeqCst) >= self.ends_at.load(Ordering::SeqCst) {
            return Err(StoreError::Unreachable { message: "cut off".into(), source: None });
        }
        let (parts, body) = request.into_parts();
        self.log.lock().unwrap().push(format!("{} {}", parts.method, parts.uri));
        let query = parts.uri.query().unwrap_or_default().to_owned();
        let body = body.collect().await.map_err(StoreError::RequestBody)?.to_bytes();
        let gate = if query.contains("partNumber") { self.gate.lock().unwrap().take() } else { None };
        if let Some(gate) = gate {
            gate.acquire().await.unwrap().forget();
        }
        if parts.uri.path() == "/" {
            return Ok(xml(
                "<ListAllMyBucketsResult><Buckets><Bucket><Name>bucket</Name></Bucket></Buckets></ListAllMyBucketsResult>",
            ));
        }
        let key = parts.uri.path().strip_prefix("/bucket").unwrap().trim_start_matches('/').to_owned();
        Ok(self.serve(&parts.method, &key, &query, &parts.headers, body))
    }
}

fn parameter(query: &str, name: &str) -> Option<String> {
    let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    let mut values = pairs.filter(|(found, _)| *found == name).map(|(_, value)| value);
    values.next().map(|value| percent_encoding::percent_decode_str(value).decode_utf8().unwrap().into_owned())
}

fn between<'a>(xml: &'a str, element: &str) -> &'a str {
    let (_, rest) = xml.split_once(&format!("<{element}>")).unwrap();
    rest.split_once(&format!("</{element}>")).unwrap().0
}

fn tagged(headers: &HeaderMap, bytes: &Bytes) -> HeaderMap {
    let mut headers = headers.clone();
    let sum = bytes.iter().fold(7_u64, |sum, byte| sum.wrapping_mul(31).wrapping_add(u64::from(*byte)));
    headers.insert(ETAG, format!("\"{sum:032x}\"").parse().unwrap());
    headers
}

fn status(status: StatusCode) -> Response<Body> {
    Response::builder().status(status).body(store::empty()).unwrap()
}

fn xml(document: &str) -> Response<Body> {
    Response::new(store::full(document.to_owned()))
}

fn no_such_upload() -> Response<Body> {
    error(StatusCode::NOT_FOUND, "NoSuchUpload")
}

fn error(status: StatusCode, code: &str) -> Response<Body> {
    let document = format!("<Error><Code>{code}</Code><Message>m</Message></Error>");
    Response::builder().status(status).body(store::full(document)).unwrap()
}
