//! The floor: the least a proxy can do. It takes a request, sends it on as it is, and passes the answer back; bodies go through untouched.
//!
//! The same hyper, the same kind of connections as Sealgate. It does not look at what it carries: requests stay signed for the store.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use http::{Request, Response, Uri};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;

use crate::child;

/// Forwards to `to` until standard input ends.
pub(crate) fn serve(listen: SocketAddr, to: SocketAddr) -> anyhow::Result<()> {
    let runtime = Runtime::new()?;
    let listener = runtime.block_on(TcpListener::bind(listen))?;
    let address = listener.local_addr()?;
    let floor = Floor { client: client(), to, requests: Arc::default() };
    let requests = Arc::clone(&floor.requests);
    runtime.spawn(accept(listener, floor));
    child::answer(address, || requests.load(Ordering::Relaxed))
}

#[derive(Clone)]
struct Floor {
    client: Client<HttpConnector, Incoming>,
    to: SocketAddr,
    requests: Arc<AtomicU64>,
}

fn client() -> Client<HttpConnector, Incoming> {
    let mut connector = HttpConnector::new();
    connector.set_nodelay(true);
    // The Host of the request stays: it is signed.
    Client::builder(TokioExecutor::new()).set_host(false).build(connector)
}

async fn accept(listener: TcpListener, floor: Floor) {
    while let Ok((stream, _)) = listener.accept().await {
        let _ = stream.set_nodelay(true);
        let floor = floor.clone();
        let service = service_fn(move |request| floor.clone().forward(request));
        let mut server = http1::Builder::new();
        server.timer(TokioTimer::new());
        tokio::spawn(server.serve_connection(TokioIo::new(stream), service));
    }
}

impl Floor {
    async fn forward(self, mut request: Request<Incoming>) -> anyhow::Result<Response<Incoming>> {
        self.requests.fetch_add(1, Ordering::Relaxed);
        let target = request.uri().path_and_query().map_or("/", |target| target.as_str());
        *request.uri_mut() =
            Uri::builder().scheme("http").authority(self.to.to_string()).path_and_query(target).build()?;
        Ok(self.client.request(request).await?)
    }
}
