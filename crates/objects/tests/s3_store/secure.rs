//! Stores that check signatures, with somebody else's implementation of them, over plain HTTP or TLS.

use std::sync::Arc;

use http::{Extensions, HeaderMap, HeaderValue, Method, StatusCode, Uri};
use http_body_util::BodyExt as _;
use hyper_util::rt::{TokioExecutor, TokioIo};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use s3s::auth::SimpleAuth;
use s3s::route::S3Route;
use s3s::service::{S3Service, S3ServiceBuilder};
use s3s::{Body, S3, S3Request, S3Response, S3Result};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::aws_lc_rs::default_provider;
use tokio_rustls::rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

pub(crate) const ACCESS_KEY: &str = "AKIDEXAMPLE";
pub(crate) const SECRET_KEY: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";

struct Nothing;
impl S3 for Nothing {}

/// Answers every request that is correctly signed with what it saw. The bucket `locked` wants digests.
struct Mirror;

#[async_trait::async_trait]
impl S3Route for Mirror {
    fn is_match(&self, _: &Method, _: &Uri, _: &HeaderMap, _: &mut Extensions) -> bool {
        true
    }

    async fn call(&self, request: S3Request<Body>) -> S3Result<S3Response<Body>> {
        let bytes = request.input.collect().await.expect("a whole body").to_bytes();
        if request.uri.path().starts_with("/locked/") && !request.headers.contains_key("x-amz-trailer") {
            return Err(s3s::s3_error!(InvalidRequest, "Content-MD5 is required where objects are locked"));
        }
        let mut response = S3Response::with_status(Body::from(bytes), StatusCode::OK);
        let seen = |text: &str| HeaderValue::from_str(text).expect("a header");
        response.headers.insert("x-seen-uri", seen(&request.uri.to_string()));
        response.headers.insert("x-seen-method", seen(request.method.as_str()));
        for (name, value) in &request.headers {
            let name = http::HeaderName::from_bytes(format!("x-seen-{name}").as_bytes()).expect("a name");
            response.headers.append(name, value.clone());
        }
        Ok(response)
    }
}

pub(crate) fn mirror() -> S3Service {
    let mut builder = S3ServiceBuilder::new(Nothing);
    builder.set_auth(SimpleAuth::from_single(ACCESS_KEY, SECRET_KEY));
    builder.set_route(Mirror);
    builder.build()
}

/// Starts a mirror without TLS, and returns its URL.
pub(crate) async fn start_mirror() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("bound");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(serve(stream));
        }
    });
    url
}

/// Starts a mirror with TLS. Returns its URL and the certificate of its authority.
pub(crate) async fn start_secure_mirror() -> (String, String) {
    let authority = authority();
    let acceptor = TlsAcceptor::from(Arc::new(server_config(&authority)));
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("bound");
    let url = format!("https://{}", listener.local_addr().expect("an address"));
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                if let Ok(stream) = acceptor.accept(stream).await {
                    serve(stream).await;
                }
            });
        }
    });
    (url, authority.pem())
}

pub(crate) fn authority() -> CertifiedIssuer<'static, KeyPair> {
    let mut params = CertificateParams::new(Vec::new()).expect("parameters");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().expect("a key")).expect("an authority")
}

fn server_config(authority: &CertifiedIssuer<'static, KeyPair>) -> ServerConfig {
    let key = KeyPair::generate().expect("a key");
    let params = CertificateParams::new(vec!["127.0.0.1".to_owned()]).expect("parameters");
    let certificate = params.signed_by(&key, authority).expect("a certificate");
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
    ServerConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], key)
        .expect("a configuration")
}

async fn serve(stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static) {
    let connection = hyper_util::server::conn::auto::Builder::new(TokioExecutor::new());
    // A client that hangs up is none of our business.
    let _ = connection.serve_connection(TokioIo::new(stream), mirror()).await;
}
