//! JSON over HTTP to one service: small requests, small answers, TLS with the system's roots or one's own.

use std::sync::Arc;
use std::time::Duration;

use http::header::{CONTENT_TYPE, HeaderName};
use http::{Method, Request, StatusCode, Uri};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Bytes;
use hyper_rustls::{ConfigBuilderExt as _, HttpsConnector};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use keyring::KmsError;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};
use serde_json::Value;
use zeroize::Zeroizing;

/// More than any answer.
const ANSWER_LIMIT: usize = 64 * 1024;

/// Idle connections are closed after this.
const POOL_IDLE: Duration = Duration::from_secs(30);

/// A service cannot be spoken to as it was described.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct SettingsError(pub(crate) String);

/// A client for one service.
pub(crate) struct Http {
    client: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
    address: Uri,
}

/// What the service said.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) body: Value,
}

impl Http {
    /// `ca` is PEM, in place of the system's roots.
    pub(crate) fn new(address: &str, ca: Option<&[u8]>) -> Result<Self, SettingsError> {
        let address: Uri = address.parse().map_err(|_| SettingsError(format!("{address} is no address")))?;
        let is_https = address.scheme_str() == Some("https");
        if !(is_https || address.scheme_str() == Some("http")) || address.authority().is_none() {
            return Err(SettingsError("an address begins with http:// or https:// and a host".to_owned()));
        }
        let mut connector = HttpConnector::new();
        connector.enforce_http(false);
        connector.set_nodelay(true);
        let https = HttpsConnector::from((connector, tls(ca, is_https)?));
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(POOL_IDLE)
            .build(https);
        Ok(Self { client, address })
    }

    /// Sends JSON, with headers that are not shown anywhere.
    pub(crate) async fn send(
        &self,
        method: Method,
        path: &str,
        headers: &[(HeaderName, &str)],
        body: Option<&Value>,
    ) -> Result<Answer, KmsError> {
        let base = self.address.to_string();
        let uri = format!("{}{path}", base.trim_end_matches('/'));
        let cannot = |error: &dyn std::fmt::Display| KmsError::Denied(format!("no request can be made: {error}"));
        let mut request = Request::builder().method(method).uri(uri).header(CONTENT_TYPE, "application/json");
        for (name, value) in headers {
            let mut value = http::HeaderValue::from_str(value).map_err(|error| cannot(&error))?;
            value.set_sensitive(true);
            request = request.header(name, value);
        }
        let body = body.map(Value::to_string).unwrap_or_default();
        let request = request.body(Full::from(body)).map_err(|error| cannot(&error))?;
        let answer = self.client.request(request).await;
        let answer = answer.map_err(|error| KmsError::Unavailable(format!("no connection: {}", innermost(&error))))?;
        let status = answer.status();
        let body = Limited::new(answer.into_body(), ANSWER_LIMIT).collect().await;
        let body = body.map_err(|error| KmsError::Unavailable(format!("the answer breaks off: {error}")))?;
        let body = Zeroizing::new(body.to_bytes().to_vec());
        Ok(Answer { status, body: serde_json::from_slice(&body).unwrap_or(Value::Null) })
    }
}

fn tls(ca: Option<&[u8]>, is_https: bool) -> Result<ClientConfig, SettingsError> {
    let unusable = |error: &dyn std::fmt::Display| SettingsError(format!("TLS cannot be set up: {error}"));
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| unusable(&error))?;
    let builder = match ca {
        Some(pem) => builder.with_root_certificates(roots(pem)?),
        None if !is_https => builder.with_root_certificates(RootCertStore::empty()),
        None => builder.with_native_roots().map_err(|error| unusable(&error))?,
    };
    Ok(builder.with_no_client_auth())
}

fn roots(pem: &[u8]) -> Result<RootCertStore, SettingsError> {
    let refuse = |why: &dyn std::fmt::Display| SettingsError(format!("the CA file: {why}"));
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

fn innermost(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    cause.to_string()
}
