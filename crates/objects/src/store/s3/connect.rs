//! Connections to the store: TCP, TLS, time limits, and what to call it when they fail.
//!
//! Certificates are checked against the system's roots, or against the operator's own and no others. Nothing here
//! knows S3.

use std::error::Error as StdError;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use http::Uri;
use hyper_rustls::{ConfigBuilderExt as _, HttpsConnector, MaybeHttpsStream};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::{self, Client};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tower_service::Service;

use super::digest::Outgoing;
use super::wire::Wire;
use crate::store::{BoxError, Phase, StoreError};

/// Idle connections are closed before most stores close them.
const POOL_IDLE: Duration = Duration::from_secs(20);
/// S3 allows 2 KB of metadata, which can be far over hyper's default of 100 headers.
const MAX_HEADERS: usize = 512;
/// Buffers grow up to this. Smaller ones cost up to half of the throughput.
const MAX_BUFFER: usize = 512 * 1024;
/// Finds peers that vanished without a word.
const KEEPALIVE: Duration = Duration::from_secs(30);

pub(super) type HttpClient = Client<Connector, Outgoing>;

/// Connects within a time limit that covers names, TCP and TLS together.
#[derive(Clone)]
pub(super) struct Connector {
    https: HttpsConnector<HttpConnector>,
    limit: Duration,
}

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub(super) enum ConnectError {
    #[error("no connection in time")]
    TimedOut,
    #[error("no connection")]
    Failed(#[source] BoxError),
}

/// A client that keeps connections, for one store.
pub(super) fn client(ca: Option<&[u8]>, is_https: bool, limit: Duration) -> Result<HttpClient, StoreError> {
    let mut http = HttpConnector::new();
    http.enforce_http(false);
    http.set_nodelay(true);
    http.set_keepalive(Some(KEEPALIVE));
    let https = HttpsConnector::from((http, tls(ca, is_https)?));
    Ok(Client::builder(TokioExecutor::new())
        .pool_timer(TokioTimer::new())
        .pool_idle_timeout(POOL_IDLE)
        .http1_max_headers(MAX_HEADERS)
        .http1_max_buf_size(MAX_BUFFER)
        .set_host(false)
        .build(Connector { https, limit }))
}

fn tls(ca: Option<&[u8]>, is_https: bool) -> Result<ClientConfig, StoreError> {
    let unusable = |error: BoxError| StoreError::Settings(format!("TLS cannot be set up: {error}"));
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| unusable(error.into()))?;
    let builder = match ca {
        Some(pem) => builder.with_root_certificates(roots(pem)?),
        // Reading the system's roots takes a while, and nobody will look at them.
        None if !is_https => builder.with_root_certificates(RootCertStore::empty()),
        None => builder.with_native_roots().map_err(|error| unusable(error.into()))?,
    };
    Ok(builder.with_no_client_auth())
}

fn roots(pem: &[u8]) -> Result<RootCertStore, StoreError> {
    let refuse = |why: &dyn std::fmt::Display| StoreError::Settings(format!("the CA file: {why}"));
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(pem) {
        let certificate = certificate.map_err(|error| refuse(&error))?;
        roots.add(certificate).map_err(|error| refuse(&error))?;
    }
    if roots.is_empty() {
        return Err(refuse(&"there is no PEM certificate in it"));
    }
    Ok(roots)
}

impl Service<Uri> for Connector {
    type Response = Wire<MaybeHttpsStream<TokioIo<TcpStream>>>;
    type Error = ConnectError;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, ConnectError>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), ConnectError>> {
        self.https.poll_ready(context).map_err(ConnectError::Failed)
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let connecting = tokio::time::timeout(self.limit, self.https.call(uri));
        Box::pin(async move {
            let connected = connecting.await.map_err(|_elapsed| ConnectError::TimedOut)?;
            connected.map(Wire::new).map_err(ConnectError::Failed)
        })
    }
}

/// Names the failure of a request that got no answer.
pub(super) fn failure(error: legacy::Error) -> StoreError {
    if let Some(ConnectError::TimedOut) = find(&error) {
        return StoreError::Timeout { phase: Phase::Connect };
    }
    if error.is_connect() {
        return if find::<rustls::Error>(&error).is_some() {
            StoreError::Tls(error.into())
        } else {
            StoreError::Unreachable { message: why(&error), source: Some(error.into()) }
        };
    }
    let is_parse = find(&error).is_some_and(|error: &hyper::Error| error.is_parse() || error.is_parse_too_large());
    if is_parse {
        return StoreError::Protocol { message: "it is not HTTP".to_owned(), source: Some(error.into()) };
    }
    StoreError::Unreachable { message: why(&error), source: Some(error.into()) }
}

/// A reason that names no address.
fn why(error: &(dyn StdError + 'static)) -> String {
    if let Some(io) = find_io(error) {
        return io.kind().to_string();
    }
    match find::<hyper::Error>(error) {
        Some(error) if error.is_incomplete_message() => "it closed the connection before it answered".to_owned(),
        Some(_) => "the connection broke".to_owned(),
        None if error_chain(error).any(|error| error.to_string() == "dns error") => {
            "its name does not resolve".to_owned()
        }
        None => "no connection".to_owned(),
    }
}

fn error_chain<'a>(error: &'a (dyn StdError + 'static)) -> impl Iterator<Item = &'a (dyn StdError + 'static)> {
    let mut next = Some(error);
    std::iter::from_fn(move || {
        let error = next?;
        next = error.source();
        Some(error)
    })
}

/// The first `T` in the chain. `io::Error` hides the error it wraps, so that is looked into as well.
fn find<'a, T: StdError + 'static>(error: &'a (dyn StdError + 'static)) -> Option<&'a T> {
    error_chain(error).find_map(|error| match error.downcast_ref::<T>() {
        Some(found) => Some(found),
        None => find(error.downcast_ref::<io::Error>()?.get_ref()?),
    })
}

/// The innermost I/O error that came from the system.
fn find_io<'a>(error: &'a (dyn StdError + 'static)) -> Option<&'a io::Error> {
    error_chain(error).filter_map(|error| error.downcast_ref::<io::Error>()).last()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ca_file_without_certificates_is_refused() {
        let error = roots(b"not a certificate").expect_err("refused");
        assert!(error.to_string().contains("no PEM certificate"), "{error}");
    }

    #[test]
    fn a_rustls_error_inside_io_errors_is_found() {
        let inner = rustls::Error::General("bad".to_owned());
        let error = ConnectError::Failed(io::Error::other(io::Error::other(inner)).into());
        assert!(find::<rustls::Error>(&error).is_some());
    }
}
