//! TLS towards clients: a certificate chain, its key, HTTP/1.1.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, ensure};
use rustls::ServerConfig;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::TlsAcceptor;

use crate::settings::TlsSettings;

/// Reads certificate and key.
pub(crate) async fn acceptor(settings: &TlsSettings) -> anyhow::Result<TlsAcceptor> {
    let chain = chain(&settings.cert).with_context(|| format!("tls.cert: {}", settings.cert.display()))?;
    let key = settings.key.read().await.context("tls.key")?;
    // What the parser met is not repeated: it may be part of the key.
    let key = PrivateKeyDer::from_pem_slice(&key).ok().context("tls.key: no private key in PEM form")?;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .context("tls: no protocol versions")?
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .context("tls: cert and key do not fit together")?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}

fn chain(path: &Path) -> anyhow::Result<Vec<CertificateDer<'static>>> {
    let text = std::fs::read(path)?;
    let chain: Vec<_> = CertificateDer::pem_slice_iter(&text).collect::<Result<_, _>>()?;
    ensure!(!chain.is_empty(), "no certificate in PEM form");
    Ok(chain)
}
