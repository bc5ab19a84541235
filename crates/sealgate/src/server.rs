//! The server: binds, accepts, speaks HTTP/1.1 to clients, and ends in order.
//!
//! Knows connections, time and numbers; what a request means is the service's business.

mod connection;
mod listeners;
mod signals;
#[cfg(test)]
mod tests;
pub(crate) mod tls;

use std::sync::Arc;
use std::time::Duration;

use http::{Request, Response};
use http_body_util::combinators::UnsyncBoxBody;
use hyper::body::{Body, Bytes, Incoming};
use hyper::service::Service;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub(crate) use listeners::Listeners;
pub(crate) use signals::{Hangups, Signals};

use crate::settings::Limits;

/// Any error.
pub(crate) type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// A body of the admin side.
pub(crate) type AdminBody = UnsyncBoxBody<Bytes, BoxError>;

/// Asked for each connection, because certificates are exchanged while the server runs. `None` ends the connection.
pub(crate) type Acceptors = Arc<dyn Fn() -> Option<TlsAcceptor> + Send + Sync>;

/// What answers requests: cloned for each connection. An error means: break the connection.
pub(crate) trait Answer<B>:
    Service<Request<Incoming>, Response = Response<B>, Error = BoxError, Future: Send> + Clone + Send + Sync + 'static
{
}

impl<B, S> Answer<B> for S where
    S: Service<Request<Incoming>, Response = Response<B>, Error = BoxError, Future: Send>
        + Clone
        + Send
        + Sync
        + 'static
{
}

/// How serving ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ending {
    /// Every request was answered.
    Orderly,
    /// Some were cut off, at the deadline or by a second signal.
    CutOff,
}

/// How long to wait when the system has no room for another connection.
const OUT_OF_ROOM: Duration = Duration::from_millis(100);

/// Connections, counted and told when to end.
#[derive(Clone)]
pub(crate) struct Server {
    limits: Limits,
    /// No new requests.
    stop: CancellationToken,
    /// No more anything.
    abort: CancellationToken,
    connections: TaskTracker,
    room: Arc<Semaphore>,
}

impl Server {
    /// Nothing is accepted yet.
    pub(crate) fn new(limits: Limits) -> Self {
        Self {
            limits,
            stop: CancellationToken::new(),
            abort: CancellationToken::new(),
            connections: TaskTracker::new(),
            room: Arc::new(Semaphore::new(limits.connections)),
        }
    }

    /// Starts to accept on one address.
    pub(crate) fn accept<B, S>(&self, listener: TcpListener, tls: Option<Acceptors>, service: S)
    where
        B: Body<Data = Bytes, Error: Into<BoxError>> + Send + 'static,
        S: Answer<B>,
    {
        let server = self.clone();
        self.connections.spawn(async move {
            // Dropping the listener closes the address at once.
            let stop = server.stop.clone();
            stop.run_until_cancelled(server.accept_all(listener, tls, service)).await;
        });
    }

    async fn accept_all<B, S>(&self, listener: TcpListener, tls: Option<Acceptors>, service: S)
    where
        B: Body<Data = Bytes, Error: Into<BoxError>> + Send + 'static,
        S: Answer<B>,
    {
        while let Ok(room) = Arc::clone(&self.room).acquire_owned().await {
            match listener.accept().await {
                Ok((stream, _)) => {
                    let connection = connection::serve(self.clone(), stream, tls.clone(), service.clone());
                    let abort = self.abort.clone();
                    self.connections.spawn(async move {
                        abort.run_until_cancelled(connection).await;
                        drop(room);
                    });
                }
                Err(error) if is_the_clients(&error) => {}
                Err(error) => {
                    tracing::warn!(%error, "cannot accept connections");
                    tokio::time::sleep(OUT_OF_ROOM).await;
                }
            }
        }
    }

    /// Stops accepting and waits for requests in flight: until the deadline, or until `hurry`.
    pub(crate) async fn drain(&self, hurry: impl Future<Output = ()>) -> Ending {
        self.stop.cancel();
        self.connections.close();
        tokio::select! {
            () = self.connections.wait() => return Ending::Orderly,
            () = tokio::time::sleep(self.limits.drain) => {}
            () = hurry => {}
        }
        self.abort.cancel();
        self.connections.wait().await;
        Ending::CutOff
    }
}

/// Failures of a connection that is gone before we had it; the next one may be fine.
fn is_the_clients(error: &std::io::Error) -> bool {
    use std::io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, Interrupted};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset | Interrupted)
}
