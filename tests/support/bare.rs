//! The embedded store behind a listener of its own, with credentials: what the daemon has behind it, without the daemon.

use std::net::SocketAddr;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};

use http_body_util::BodyExt as _;
use hyper::body::{Body, Bytes, Frame, Incoming, SizeHint};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use localstore::{DirectoryStore, Service};
use s3s::auth::SimpleAuth;
use s3s::config::StaticConfigProvider;
use s3s::service::S3ServiceBuilder;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;

use crate::daemon::credential;
use crate::equal_parts::EqualParts;

/// A listener in this process.
pub struct Bare {
    /// Where it listens.
    pub socket: SocketAddr,
    /// How many requests it has had.
    pub requests: Arc<AtomicU64>,
    /// Ends the listener when dropped.
    _runtime: Runtime,
}

impl Bare {
    /// Serves the directory.
    #[must_use]
    pub fn start(folder: &Path) -> Self {
        Self::serve(folder, None)
    }

    /// The same, as a store that demands that all parts of an upload but the last have one size.
    #[must_use]
    pub fn demanding_equal_parts(folder: &Path) -> Self {
        Self::serve(folder, Some(Arc::default()))
    }

    fn serve(folder: &Path, demand: Option<Arc<EqualParts>>) -> Self {
        let runtime = Runtime::new().unwrap();
        let client = credential();
        let mut builder = S3ServiceBuilder::new(DirectoryStore::open(folder).unwrap());
        builder.set_config(Arc::new(StaticConfigProvider::new(Arc::new(DirectoryStore::config()))));
        builder.set_auth(SimpleAuth::from_single(client.access_key, client.secret_key));
        let service = Service::new(builder.build());
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        let socket = listener.local_addr().unwrap();
        let requests = Arc::default();
        runtime.spawn(accept(listener, service, Arc::clone(&requests), demand));
        Self { socket, requests, _runtime: runtime }
    }
}

async fn accept(listener: TcpListener, service: Service, requests: Arc<AtomicU64>, demand: Option<Arc<EqualParts>>) {
    while let Ok((stream, _)) = listener.accept().await {
        // Head and body may go out in two writes, of which the second must not wait for the client's acknowledgement.
        let _ = stream.set_nodelay(true);
        let (service, requests, demand) = (service.clone(), Arc::clone(&requests), demand.clone());
        let counted = service_fn(move |request: http::Request<Incoming>| {
            requests.fetch_add(1, Ordering::Relaxed);
            let (service, demand) = (service.clone(), demand.clone());
            let request = request.map(|body| s3s::Body::http_body_unsync(Read(Some(body))));
            async move {
                let Some(demand) = demand else { return service.call(request).await };
                match demand.check(request).await {
                    Ok(request) => service.call(request).await,
                    Err(refusal) => Ok(refusal),
                }
            }
        });
        let mut server = http1::Builder::new();
        server.timer(TokioTimer::new());
        tokio::spawn(server.serve_connection(TokioIo::new(stream), counted));
    }
}

/// A body that is read to its end even when nobody wants it, as S3 servers do: otherwise an early refusal is lost when the
/// connection is reset under the client that still sends.
struct Read(Option<Incoming>);

impl Body for Read {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let Some(body) = &mut self.0 else { return Poll::Ready(None) };
        let frame = std::task::ready!(Pin::new(body).poll_frame(cx));
        if frame.is_none() {
            self.0 = None;
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.0.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.0.as_ref().map_or_else(|| SizeHint::with_exact(0), Body::size_hint)
    }
}

impl Drop for Read {
    fn drop(&mut self) {
        if let Some(mut body) = self.0.take() {
            tokio::spawn(async move { while let Some(Ok(_)) = body.frame().await {} });
        }
    }
}
