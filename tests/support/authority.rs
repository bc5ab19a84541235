//! A certificate authority for one run: what the https listeners show and what the clients trust.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::CertificateDer;
use rustls::{ClientConfig, RootCertStore};

/// An authority and one certificate for loopback signed by it, as PEM files.
pub struct Authority {
    /// The authority's certificate.
    pub ca_file: PathBuf,
    /// The server's certificate.
    pub cert_file: PathBuf,
    /// The server's key.
    pub key_file: PathBuf,
    issuer: Arc<CertifiedIssuer<'static, KeyPair>>,
}

impl Authority {
    /// Makes both in `folder`.
    #[must_use]
    pub fn new(folder: &Path) -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let (cert, key) = issue(&issuer);
        let write = |name: &str, text: String| {
            let path = folder.join(name);
            fs::write(&path, text).unwrap();
            path
        };
        Self {
            ca_file: write("ca.pem", issuer.pem()),
            cert_file: write("cert.pem", cert),
            key_file: write("key.pem", key),
            issuer: Arc::new(issuer),
        }
    }

    /// The same, with the server's key by this reference or in another file.
    #[must_use]
    pub fn with_key_at(&self, key: &str) -> Self {
        let (ca_file, cert_file) = (self.ca_file.clone(), self.cert_file.clone());
        Self { ca_file, cert_file, key_file: PathBuf::from(key), issuer: Arc::clone(&self.issuer) }
    }

    /// Another certificate for loopback and its key, in PEM.
    #[must_use]
    pub fn renewed(&self) -> (String, String) {
        issue(&self.issuer)
    }
}

fn issue(issuer: &CertifiedIssuer<'static, KeyPair>) -> (String, String) {
    let names = ["localhost", "127.0.0.1"].map(String::from).to_vec();
    let key = KeyPair::generate().unwrap();
    let cert = CertificateParams::new(names).unwrap().signed_by(&key, issuer).unwrap();
    (cert.pem(), key.serialize_pem())
}

/// A client that trusts the authorities of `ca_file` and nobody else.
#[must_use]
pub fn trusting(ca_file: &Path) -> Arc<ClientConfig> {
    use rustls::pki_types::pem::PemObject as _;
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(ca_file).unwrap() {
        roots.add(certificate.unwrap()).unwrap();
    }
    let config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    Arc::new(config)
}
