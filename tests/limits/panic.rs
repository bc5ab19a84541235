//! A fault of our own costs one request, not the process.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use envelope::{KeyId, WrappingSecret};
use gateway::{Client, Gateway, Permission};
use http::{Request, Response};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use keyring::{AesKey, Keyring};
use objects::{Body, PolicyTable, Random, RandomError, Rule, SealedObjects, Store, StoreError, store};
use s3s::auth::SecretKey;
use sealgate_tests::daemon::credential;
use sealgate_tests::request::Request as Said;
use sealgate_tests::wire::Address;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;

/// Panics while it is told to, and knows no object otherwise.
struct Brittle(Arc<AtomicBool>);

#[async_trait]
impl Store for Brittle {
    async fn send(&self, _: Request<Body>) -> Result<Response<Body>, StoreError> {
        assert!(!self.0.load(Ordering::SeqCst), "a fault of our own");
        let document = "<Error><Code>NoSuchKey</Code><Message>The specified key does not exist.</Message></Error>";
        Ok(Response::builder().status(404).body(store::full(document)).unwrap())
    }
}

struct Ones;

impl Random for Ones {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), RandomError> {
        bytes.fill(1);
        Ok(())
    }
}

fn gateway(breaks: Arc<AtomicBool>) -> Gateway {
    let id: KeyId = "k1".parse().unwrap();
    let key = AesKey::new(id, WrappingSecret::from_bytes([7; 32]));
    let policies =
        PolicyTable::new(vec![Rule::sealed("*", Arc::new(Keyring::new(Arc::new(key), Vec::new()).unwrap()))]);
    let objects = SealedObjects::new(Arc::new(Brittle(breaks)), policies, Arc::new(Ones));
    let (access_key, secret) = (credential().access_key, SecretKey::from(credential().secret_key));
    let client = Client { access_key, secret, buckets: vec!["*".into()], permission: Permission::ReadWrite };
    Gateway::new(objects, vec![client])
}

async fn serve(listener: TcpListener, gateway: Gateway) {
    while let Ok((stream, _)) = listener.accept().await {
        let gateway = gateway.clone();
        let service = service_fn(move |request| {
            let gateway = gateway.clone();
            async move { gateway.call(request).await }
        });
        tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
    }
}

#[test]
fn a_panic_is_an_error_of_one_request() {
    let runtime = Runtime::new().unwrap();
    let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
    let address = Address { socket: listener.local_addr().unwrap(), tls: None };
    let breaks = Arc::new(AtomicBool::new(false));
    runtime.spawn(serve(listener, gateway(Arc::clone(&breaks))));
    let ask = |method: &str, path: &str| Said::new(address.clone(), credential(), method, path.to_owned());
    for (method, path) in
        [("GET", "/bucket/key"), ("PUT", "/bucket/key"), ("GET", "/bucket"), ("DELETE", "/bucket/key")]
    {
        breaks.store(true, Ordering::SeqCst);
        let answer = ask(method, path).body(b"").send();
        answer.refused(500, "InternalError");
        assert_eq!(answer.text("RequestId").as_deref(), answer.header("x-amz-request-id"));
        breaks.store(false, Ordering::SeqCst);
        ask(method, path).send().refused(404, "NoSuchKey");
    }
}
