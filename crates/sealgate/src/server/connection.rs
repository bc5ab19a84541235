//! One connection: TLS if it has any, then HTTP/1.1 until either side has enough.

use std::pin::pin;

use hyper::body::{Body, Bytes};
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;

use super::{Acceptors, Answer, BoxError, Server};

/// More than S3 and its clients use; beyond it the answer is 431.
const MAX_HEADERS: usize = 512;

/// Bounds the request line with its headers, and what one connection buffers.
const MAX_BUFFER_LEN: usize = 512 * 1024;

/// Serves requests until the connection ends or the server stops.
pub(super) async fn serve<B, S>(server: Server, stream: TcpStream, tls: Option<Acceptors>, service: S)
where
    B: Body<Data = Bytes, Error: Into<BoxError>> + Send + 'static,
    S: Answer<B>,
{
    // Answers are written whole; waiting for more would only delay them.
    let _ = stream.set_nodelay(true);
    let Some(tls) = tls else { return speak(&server, stream, service).await };
    let Some(tls) = tls() else { return };
    let handshake = tokio::time::timeout(server.limits.handshake_timeout, tls.accept(stream));
    match server.stop.run_until_cancelled(handshake).await {
        Some(Ok(Ok(stream))) => speak(&server, stream, service).await,
        Some(Ok(Err(error))) => tracing::debug!(%error, "a TLS handshake failed"),
        Some(Err(_)) => tracing::debug!("a TLS handshake took too long"),
        None => {}
    }
}

async fn speak<B, S, I>(server: &Server, stream: I, service: S)
where
    B: Body<Data = Bytes, Error: Into<BoxError>> + Send + 'static,
    S: Answer<B>,
    I: AsyncRead + AsyncWrite + Unpin,
{
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(server.limits.header_timeout)
        .max_headers(MAX_HEADERS)
        .max_buf_size(MAX_BUFFER_LEN)
        // A client may close its side once it has asked, and still wants its answer.
        .half_close(true)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = server.stop.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        // Mostly clients that went away, or a body that broke: whoever answered has said why.
        tracing::debug!(%error, "a connection broke");
    }
}
