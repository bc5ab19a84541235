//! A client without a network: builds requests, calls the service, reads answers.

use std::path::Path;

use bytes::Bytes;
use http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::BodyExt;
use localstore::{DirectoryStore, Service};
use s3s::Body;
use tempfile::TempDir;

pub(crate) const BUCKET: &str = "bucket";

/// A store in a directory of its own.
pub(crate) struct Client {
    service: Service,
    directory: TempDir,
}

impl Client {
    /// A new store with one bucket.
    pub(crate) async fn new() -> Self {
        let client = Self::open(tempfile::tempdir().unwrap());
        assert_eq!(client.put("/bucket", "").await.status, StatusCode::OK);
        client
    }

    pub(crate) fn open(directory: TempDir) -> Self {
        let service = DirectoryStore::open(directory.path()).unwrap().service();
        Self { service, directory }
    }

    /// Closes the store and opens its directory again.
    pub(crate) fn reopen(self) -> Self {
        let Self { service, directory } = self;
        drop(service);
        Self::open(directory)
    }

    pub(crate) fn directory(&self) -> &Path {
        self.directory.path()
    }

    pub(crate) async fn send(&self, request: Request<Body>) -> Answer {
        let (parts, body) = self.start(request).await.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        Answer { status: parts.status, headers: parts.headers, body }
    }

    /// The answer with its body still to be read.
    pub(crate) async fn start(&self, request: Request<Body>) -> http::Response<Body> {
        self.service.call(request).await.unwrap()
    }

    pub(crate) async fn call(&self, method: Method, target: &str, headers: &[(&str, &str)]) -> Answer {
        self.send(request(method, target, headers, Body::empty())).await
    }

    pub(crate) async fn get(&self, target: &str) -> Answer {
        self.call(Method::GET, target, &[]).await
    }

    pub(crate) async fn head(&self, target: &str) -> Answer {
        self.call(Method::HEAD, target, &[]).await
    }

    pub(crate) async fn delete(&self, target: &str) -> Answer {
        self.call(Method::DELETE, target, &[]).await
    }

    pub(crate) async fn put(&self, target: &str, body: impl Into<Bytes>) -> Answer {
        self.put_with(target, &[], body).await
    }

    pub(crate) async fn put_with(&self, target: &str, headers: &[(&str, &str)], body: impl Into<Bytes>) -> Answer {
        self.send(request(Method::PUT, target, headers, Body::from(body.into()))).await
    }

    pub(crate) async fn post(&self, target: &str, body: String) -> Answer {
        self.send(request(Method::POST, target, &[], Body::from(body))).await
    }

    /// Begins a multipart upload and answers with its id.
    pub(crate) async fn begin(&self, target: &str, headers: &[(&str, &str)]) -> String {
        let answer = self.call(Method::POST, &format!("{target}?uploads"), headers).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
        answer.element("UploadId").unwrap()
    }

    /// Uploads a part and answers with its tag.
    pub(crate) async fn part(&self, target: &str, id: &str, number: u16, body: impl Into<Bytes>) -> String {
        let answer = self.put(&format!("{target}?partNumber={number}&uploadId={id}"), body).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
        answer.etag()
    }

    pub(crate) async fn complete(&self, target: &str, id: &str, parts: &[(u16, String)]) -> Answer {
        self.complete_if(target, id, parts, &[]).await
    }

    pub(crate) async fn complete_if(
        &self,
        target: &str,
        id: &str,
        parts: &[(u16, String)],
        headers: &[(&str, &str)],
    ) -> Answer {
        let body = part_list(parts);
        self.send(request(Method::POST, &format!("{target}?uploadId={id}"), headers, Body::from(body))).await
    }

    /// Copies `source`, as the header writes it, to `target`.
    pub(crate) async fn copy(&self, source: &str, target: &str, headers: &[(&str, &str)]) -> Answer {
        let headers = [&[("x-amz-copy-source", source)], headers].concat();
        self.put_with(target, &headers, "").await
    }

    /// How many files lie in the staging directory.
    pub(crate) fn staged(&self) -> usize {
        std::fs::read_dir(self.directory().join("staging")).unwrap().count()
    }
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Answer {
    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    pub(crate) fn etag(&self) -> String {
        self.header("etag").unwrap().to_owned()
    }

    /// The text of the first element of this name.
    pub(crate) fn element(&self, name: &str) -> Option<String> {
        self.elements(name).into_iter().next()
    }

    /// The texts of all elements of this name, which have no others inside.
    pub(crate) fn elements(&self, name: &str) -> Vec<String> {
        let (start, end) = (format!("<{name}>"), format!("</{name}>"));
        let texts = self.text().split(&start).skip(1);
        texts.map(|rest| rest.split_once(&end).unwrap().0.replace("&quot;", "\"")).collect()
    }

    /// The S3 error code, or the status of an answer without a body.
    pub(crate) fn code(&self) -> String {
        let code = self.text().split_once("<Code>").and_then(|(_, rest)| rest.split_once("</Code>"));
        code.map_or_else(|| self.status.as_str().to_owned(), |(code, _)| code.to_owned())
    }
}

pub(crate) fn request(method: Method, target: &str, headers: &[(&str, &str)], body: Body) -> Request<Body> {
    let mut request = Request::builder().method(method).uri(target);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(body).unwrap()
}

/// The body of a completion.
pub(crate) fn part_list(parts: &[(u16, String)]) -> String {
    let part =
        |(number, etag): &(u16, String)| format!("<Part><PartNumber>{number}</PartNumber><ETag>{etag}</ETag></Part>");
    let parts = parts.iter().map(part).collect::<Vec<_>>().concat();
    format!("<CompleteMultipartUpload>{parts}</CompleteMultipartUpload>")
}

/// The target of a key, every byte of it encoded.
pub(crate) fn object(key: &str) -> String {
    key.bytes().fold(format!("/{BUCKET}/"), |target, byte| format!("{target}%{byte:02X}"))
}

/// Undoes percent-encoding.
pub(crate) fn decode(encoded: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = encoded.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let digits = [rest.next().unwrap(), rest.next().unwrap()];
            bytes.push(u8::from_str_radix(std::str::from_utf8(&digits).unwrap(), 16).unwrap());
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).unwrap()
}
