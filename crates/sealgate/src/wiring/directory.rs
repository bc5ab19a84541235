//! The embedded store behind the store seam: requests go to it in process, without a network and without
//! signatures.

use std::path::Path;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use anyhow::Context as _;
use async_trait::async_trait;
use http::{Request, Response};
use http_body_util::BodyExt;
use hyper::body::{Bytes, Frame, SizeHint};
use localstore::{DirectoryStore, Service};
use objects::{Body, BoxError, Store, StoreError};

/// A directory that answers like a store.
pub(super) struct Directory(Service);

impl Directory {
    /// Opens it, and makes it if there is none.
    pub(super) fn open(path: &Path) -> anyhow::Result<Self> {
        crate::files::create_directory(path)?;
        let store = DirectoryStore::open(path).context("cannot use the store")?;
        Ok(Self(store.service()))
    }
}

#[async_trait]
impl Store for Directory {
    async fn send(&self, request: Request<Body>) -> Result<Response<Body>, StoreError> {
        let failure = Failure::default();
        let watched = |inner| Watched { inner, failure: failure.clone() };
        let request = request.map(|body| s3s::Body::http_body_unsync(watched(body)));
        let answer = self.0.call(request).await;
        // The store answers a broken body as best it can; its sender wants to know what broke.
        if let Some(error) = failure.take() {
            return Err(StoreError::RequestBody(error));
        }
        match answer {
            Ok(response) => Ok(response.map(BodyExt::boxed_unsync)),
            Err(error) => Err(StoreError::Protocol {
                message: "the directory store gave no answer".to_owned(),
                source: Some(error.into_std_error()),
            }),
        }
    }
}

/// What broke a body, kept for the sender while the store gets a stand-in.
#[derive(Clone, Default)]
struct Failure(Arc<Mutex<Option<BoxError>>>);

impl Failure {
    fn keep(&self, error: BoxError) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
    }

    fn take(&self) -> Option<BoxError> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

struct Watched {
    inner: Body,
    failure: Failure,
}

impl hyper::body::Body for Watched {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let polled = Pin::new(&mut self.inner).poll_frame(context);
        polled.map_err(|error| {
            self.failure.keep(error);
            "the body failed".into()
        })
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use http::{Method, StatusCode};
    use objects::store::{empty, full, sized, stream};

    use super::*;

    fn open() -> (tempfile::TempDir, Directory) {
        let root = tempfile::tempdir().unwrap();
        let store = Directory::open(&root.path().join("store")).unwrap();
        (root, store)
    }

    fn request(method: Method, uri: &str, len: u64, body: Body) -> Request<Body> {
        let request = Request::builder().method(method).uri(uri).header("content-length", len);
        request.body(body).unwrap()
    }

    async fn get(store: &Directory, uri: &str) -> (StatusCode, Vec<u8>) {
        let answer = store.send(request(Method::GET, uri, 0, empty())).await.unwrap();
        (answer.status(), answer.into_body().collect().await.unwrap().to_bytes().to_vec())
    }

    #[tokio::test]
    async fn what_is_put_is_got_under_any_name() {
        let (_root, store) = open();
        assert_eq!(store.send(request(Method::PUT, "/bucket", 0, empty())).await.unwrap().status(), 200);
        let put = request(Method::PUT, "/bucket/a%2Fb%20%C3%A9%2B/c", 5, full("bytes"));
        assert_eq!(store.send(put).await.unwrap().status(), 200);
        assert_eq!(get(&store, "/bucket/a/b%20%C3%A9%2B/c").await, (StatusCode::OK, b"bytes".to_vec()));
    }

    #[tokio::test]
    async fn a_body_that_breaks_is_the_senders_error_and_never_an_object() {
        let (_root, store) = open();
        store.send(request(Method::PUT, "/bucket", 0, empty())).await.unwrap();
        store.send(request(Method::PUT, "/bucket/key", 6, full("before"))).await.unwrap();
        let pieces = [Ok(Bytes::from_static(b"byt")), Err("checksum".into())];
        let broken = stream(futures::stream::iter(pieces));
        let error = store.send(request(Method::PUT, "/bucket/key", 5, broken)).await.unwrap_err();
        assert!(matches!(&error, StoreError::RequestBody(inner) if inner.to_string() == "checksum"), "{error:?}");
        let short = sized(5, futures::stream::iter([Ok(Bytes::from_static(b"byt"))]));
        let error = store.send(request(Method::PUT, "/bucket/key", 5, short)).await.unwrap_err();
        assert!(matches!(error, StoreError::RequestBody(_)), "{error:?}");
        assert_eq!(get(&store, "/bucket/key").await.1, b"before");
    }

    #[tokio::test]
    async fn one_directory_has_one_owner() {
        let (root, _store) = open();
        assert!(Directory::open(&root.path().join("store")).is_err());
    }
}
