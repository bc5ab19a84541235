//! TLS towards clients: a certificate chain, its key, HTTP/1.1.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, ensure};
use rustls::ServerConfig;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use time::OffsetDateTime;
use tokio_rustls::TlsAcceptor;
use x509_cert::der::Decode;

use crate::settings::TlsSettings;

/// A certificate with its key, ready to be shown.
#[derive(Clone)]
pub(crate) struct Certificate {
    acceptor: TlsAcceptor,
    chain: Vec<CertificateDer<'static>>,
}

impl Certificate {
    /// Reads certificate and key.
    pub(crate) async fn read(settings: &TlsSettings) -> anyhow::Result<Self> {
        let chain = chain(&settings.cert).with_context(|| format!("tls.cert: {}", settings.cert.display()))?;
        let key = settings.key.read().await.context("tls.key")?;
        // What the parser met is not repeated: it may be part of the key.
        let key = PrivateKeyDer::from_pem_slice(&key).ok().context("tls.key: no private key in PEM form")?;
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .context("tls: no protocol versions")?
            .with_no_client_auth()
            .with_single_cert(chain.clone(), key)
            .context("tls: cert and key do not fit together")?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self { acceptor: TlsAcceptor::from(Arc::new(config)), chain })
    }

    /// Shakes hands with it. Sessions are remembered by each certificate for itself: none is resumed under another one.
    pub(crate) fn acceptor(&self) -> TlsAcceptor {
        self.acceptor.clone()
    }

    /// Whether clients are shown the same.
    pub(crate) fn shows_the_same(&self, other: &Self) -> bool {
        self.chain == other.chain
    }

    /// Until when it is good; `None` when it says so in no way that we know.
    pub(crate) fn expires(&self) -> Option<OffsetDateTime> {
        let certificate = x509_cert::Certificate::from_der(self.chain.first()?).ok()?;
        let seconds = certificate.tbs_certificate.validity.not_after.to_unix_duration().as_secs();
        OffsetDateTime::from_unix_timestamp(i64::try_from(seconds).ok()?).ok()
    }
}

fn chain(path: &Path) -> anyhow::Result<Vec<CertificateDer<'static>>> {
    let text = std::fs::read(path)?;
    let chain: Vec<_> = CertificateDer::pem_slice_iter(&text).collect::<Result<_, _>>()?;
    ensure!(!chain.is_empty(), "no certificate in PEM form");
    Ok(chain)
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::net::SocketAddr;
    use std::time::Duration;

    use http::Response;
    use http_body_util::{BodyExt, Full};
    use hyper::service::service_fn;
    use rcgen::{CertifiedKey, generate_simple_self_signed};
    use rustls::{ClientConfig, RootCertStore};
    use rustls_pki_types::ServerName;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::{TcpListener, TcpStream};
    use tokio_rustls::TlsConnector;

    use super::*;
    use crate::server::{AdminBody, BoxError, Server};
    use crate::settings::{Limits, SecretReference};

    struct Files {
        directory: tempfile::TempDir,
        certificate: CertificateDer<'static>,
    }

    fn files() -> Files {
        let directory = tempfile::tempdir().unwrap();
        let CertifiedKey { cert, signing_key } = generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        std::fs::write(directory.path().join("cert.pem"), cert.pem()).unwrap();
        std::fs::write(directory.path().join("key.pem"), signing_key.serialize_pem()).unwrap();
        Files { directory, certificate: cert.der().clone() }
    }

    fn settings(files: &Files) -> TlsSettings {
        TlsSettings {
            listen: Vec::new(),
            cert: files.directory.path().join("cert.pem"),
            key: SecretReference::File(files.directory.path().join("key.pem")),
        }
    }

    async fn start(files: &Files) -> (SocketAddr, Server) {
        let server = Server::new(Limits {
            connections: 8,
            header_timeout: Duration::from_secs(5),
            handshake_timeout: Duration::from_secs(5),
            drain: Duration::from_secs(5),
            held_parts: 0,
        });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let certificate = Certificate::read(&settings(files)).await.unwrap();
        let service = service_fn(|_| async {
            let body = Full::from("answer").map_err(|never: Infallible| match never {});
            Ok::<_, BoxError>(Response::<AdminBody>::new(body.boxed_unsync()))
        });
        server.accept(listener, Some(Arc::new(move || Some(certificate.acceptor()))), service);
        (address, server)
    }

    async fn ask(address: SocketAddr, files: &Files) -> String {
        let mut roots = RootCertStore::empty();
        roots.add(files.certificate.clone()).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
        let connector = TlsConnector::from(Arc::new(config.with_root_certificates(roots).with_no_client_auth()));
        let stream = TcpStream::connect(address).await.unwrap();
        let mut stream = connector.connect(ServerName::try_from("localhost").unwrap(), stream).await.unwrap();
        stream.write_all(b"GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await.unwrap();
        let mut text = String::new();
        let _ = stream.read_to_string(&mut text).await;
        text
    }

    #[tokio::test]
    async fn clients_are_answered_over_tls_while_others_dawdle() {
        let files = files();
        let (address, server) = start(&files).await;
        let silent = TcpStream::connect(address).await.unwrap();
        assert!(ask(address, &files).await.ends_with("answer"));
        // Somebody who has not even shaken hands does not hold up the end.
        server.drain(std::future::pending()).await;
        drop(silent);
    }

    #[tokio::test]
    async fn a_key_that_does_not_fit_is_refused() {
        let (one, other) = (files(), files());
        let mut settings = settings(&one);
        settings.key = SecretReference::File(other.directory.path().join("key.pem"));
        assert!(Certificate::read(&settings).await.is_err());
    }

    #[tokio::test]
    async fn files_that_hold_something_else_are_refused() {
        let files = files();
        let mut settings = settings(&files);
        settings.cert = files.directory.path().join("key.pem");
        let error = Certificate::read(&settings).await.err().unwrap();
        assert!(format!("{error:#}").contains("no certificate"), "{error:#}");
    }

    #[tokio::test]
    async fn a_certificate_says_how_long_it_is_good_and_knows_itself() {
        let (one, other) = (files(), files());
        let [read, again, different] = [&one, &one, &other].map(settings);
        let read = Certificate::read(&read).await.unwrap();
        assert!(read.shows_the_same(&Certificate::read(&again).await.unwrap()));
        assert!(!read.shows_the_same(&Certificate::read(&different).await.unwrap()));
        // What rcgen writes unless it is told otherwise.
        assert_eq!(read.expires().unwrap().year(), 4096);
    }

    #[tokio::test]
    async fn half_a_file_is_refused() {
        let files = files();
        for name in ["cert.pem", "key.pem"] {
            let path = files.directory.path().join(name);
            let whole = std::fs::read(&path).unwrap();
            std::fs::write(&path, &whole[..whole.len() / 2]).unwrap();
            assert!(Certificate::read(&settings(&files)).await.is_err(), "{name}");
            std::fs::write(&path, &whole).unwrap();
        }
    }
}
