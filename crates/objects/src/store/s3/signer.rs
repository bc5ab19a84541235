//! AWS Signature Version 4 for requests whose payload stays unsigned.
//!
//! The room holds the credentials and the store's idea of the time. It knows neither where credentials come from
//! nor what a request is for.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_credential_types::provider::{ProvideCredentials as _, SharedCredentialsProvider};
use aws_sigv4::http_request::{
    PayloadChecksumKind, PercentEncodingMode, SignableBody, SignableRequest, SigningSettings, UriPathNormalizationMode,
    sign,
};
use aws_sigv4::sign::v4;
use http::HeaderMap;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HOST};

use crate::store::StoreError;

/// Credentials are asked for again this long before they expire.
const REFRESH_AHEAD: Duration = Duration::from_mins(5);
/// Credentials without an expiry may still be rotated where they come from.
const REFRESH_ANYWAY: Duration = Duration::from_mins(15);
/// How long valid credentials serve on after a refresh has failed.
const REFRESH_AGAIN: Duration = Duration::from_secs(30);
/// Larger corrections of the clock are refused: an answer must not make us sign for next year.
const MAX_SKEW: Duration = Duration::from_hours(24);

/// Signs requests.
pub(super) struct Signer {
    identity: IdentityCache,
    settings: SigningSettings,
    /// What to add to our clock, in seconds, to get the store's.
    skew: AtomicI64,
}

struct IdentityCache {
    provider: SharedCredentialsProvider,
    held: RwLock<Option<Arc<Held>>>,
    refreshing: tokio::sync::Mutex<()>,
}

struct Held {
    credentials: Credentials,
    refresh_at: SystemTime,
}

impl Signer {
    pub(super) fn new(provider: SharedCredentialsProvider) -> Self {
        let mut settings = SigningSettings::default();
        settings.percent_encoding_mode = PercentEncodingMode::Single;
        settings.uri_path_normalization_mode = UriPathNormalizationMode::Disabled;
        settings.payload_checksum_kind = PayloadChecksumKind::XAmzSha256;
        settings.excluded_headers = None;
        let identity = IdentityCache { provider, held: RwLock::new(None), refreshing: tokio::sync::Mutex::new(()) };
        Self { identity, settings, skew: AtomicI64::new(0) }
    }

    /// Adds the date, the payload's name, any session token and the signature.
    pub(super) async fn sign<B>(&self, request: &mut http::Request<B>, region: &str) -> Result<(), StoreError> {
        let credentials = self.identity.current(SystemTime::now()).await?;
        let identity = credentials.into();
        let params = v4::SigningParams::builder()
            .identity(&identity)
            .region(region)
            .name("s3")
            .time(self.store_time())
            .settings(self.settings.clone())
            .build()
            .map_err(|error| StoreError::Credentials(error.into()))?
            .into();
        let uri = request.uri().to_string();
        let headers = signed_headers(request.headers())?;
        let payload = if request.headers().contains_key("x-amz-trailer") {
            SignableBody::StreamingUnsignedPayloadTrailer
        } else {
            SignableBody::UnsignedPayload
        };
        let signable = SignableRequest::new(request.method().as_str(), uri, headers.into_iter(), payload);
        let instructions = signable
            .and_then(|signable| sign(signable, &params))
            .map_err(|error| StoreError::Request(format!("it cannot be signed: {error}")))?
            .into_parts()
            .0;
        instructions.apply_to_request_http1x(request);
        if let Some(signature) = request.headers_mut().get_mut(AUTHORIZATION) {
            signature.set_sensitive(true);
        }
        Ok(())
    }

    /// The time as the store sees it.
    pub(super) fn store_time(&self) -> SystemTime {
        let skew = self.skew.load(Ordering::Relaxed);
        let by = Duration::from_secs(skew.unsigned_abs());
        let now = SystemTime::now();
        if skew < 0 { now - by } else { now + by }
    }

    /// Takes over the store's time. Returns whether that changes anything.
    pub(super) fn correct_clock(&self, store_time: SystemTime) -> bool {
        let now = SystemTime::now();
        let (by, sign) = match store_time.duration_since(now) {
            Ok(ahead) => (ahead, 1),
            Err(behind) => (behind.duration(), -1),
        };
        if by > MAX_SKEW {
            return false;
        }
        let skew = sign * i64::try_from(by.as_secs()).unwrap_or(0);
        let before = self.skew.swap(skew, Ordering::Relaxed);
        before.abs_diff(skew) > 1
    }

    /// The store no longer takes the credentials we hold.
    pub(super) fn forget_credentials(&self) {
        self.identity.hold(None);
    }
}

impl IdentityCache {
    async fn current(&self, now: SystemTime) -> Result<Credentials, StoreError> {
        let held = self.held();
        if let Some(held) = held.as_ref().filter(|held| now < held.refresh_at) {
            return Ok(held.credentials.clone());
        }
        let usable = held.filter(|held| is_valid(&held.credentials, now));
        let _turn = match (self.refreshing.try_lock(), &usable) {
            (Ok(turn), _) => turn,
            // Somebody is asking already, and what we have still works.
            (Err(_), Some(held)) => return Ok(held.credentials.clone()),
            (Err(_), None) => self.refreshing.lock().await,
        };
        if let Some(held) = self.held().filter(|held| now < held.refresh_at) {
            return Ok(held.credentials.clone());
        }
        self.refresh(now, usable).await
    }

    async fn refresh(&self, now: SystemTime, usable: Option<Arc<Held>>) -> Result<Credentials, StoreError> {
        match (self.provider.provide_credentials().await, usable) {
            (Ok(credentials), _) => {
                let refresh_at = refresh_at(&credentials, now);
                self.hold(Some(Held { credentials: credentials.clone(), refresh_at }));
                Ok(credentials)
            }
            (Err(error), Some(held)) => {
                tracing::warn!(%error, "store credentials were not refreshed; the old ones are still valid");
                let credentials = held.credentials.clone();
                self.hold(Some(Held { credentials: credentials.clone(), refresh_at: now + REFRESH_AGAIN }));
                Ok(credentials)
            }
            (Err(error), None) => Err(StoreError::Credentials(error.into())),
        }
    }

    fn held(&self) -> Option<Arc<Held>> {
        self.held.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn hold(&self, held: Option<Held>) {
        *self.held.write().unwrap_or_else(PoisonError::into_inner) = held.map(Arc::new);
    }
}

fn is_valid(credentials: &Credentials, now: SystemTime) -> bool {
    credentials.expiry().is_none_or(|expiry| now < expiry)
}

fn refresh_at(credentials: &Credentials, now: SystemTime) -> SystemTime {
    let Some(expiry) = credentials.expiry() else {
        return now + REFRESH_ANYWAY;
    };
    let left = expiry.duration_since(now).unwrap_or_default();
    now + left.saturating_sub(REFRESH_AHEAD).max(left / 2)
}

/// What the signature covers: the host, every `x-amz-*` header, and what describes the content.
fn signed_headers(headers: &HeaderMap) -> Result<Vec<(&str, &str)>, StoreError> {
    let signed = |name: &str| {
        name.starts_with("x-amz-") || name == HOST.as_str() || name == CONTENT_TYPE.as_str() || name == "content-md5"
    };
    let text =
        |value| std::str::from_utf8(value).map_err(|_| StoreError::Request("a signed header is not UTF-8".to_owned()));
    let signed = headers.iter().filter(|(name, _)| signed(name.as_str()));
    signed.map(|(name, value)| Ok((name.as_str(), text(value.as_bytes())?))).collect()
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use aws_credential_types::provider::error::CredentialsError;
    use aws_credential_types::provider::{self, future};

    use super::super::Addressing;
    use super::super::url::{Endpoint, Place};
    use super::*;

    /// Yields what it was given, last first, then fails.
    #[derive(Debug)]
    struct Script(Mutex<Vec<Credentials>>);

    impl provider::ProvideCredentials for Script {
        fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
        where
            Self: 'a,
        {
            let next = self.0.lock().expect("lock").pop();
            future::ProvideCredentials::ready(next.ok_or(CredentialsError::not_loaded("out of credentials")))
        }
    }

    fn credentials(id: &str, expiry: Option<SystemTime>) -> Credentials {
        Credentials::new(id, "secret", None, expiry, "test")
    }

    fn cache(script: Vec<Credentials>) -> IdentityCache {
        let provider = SharedCredentialsProvider::new(Script(Mutex::new(script)));
        IdentityCache { provider, held: RwLock::new(None), refreshing: tokio::sync::Mutex::new(()) }
    }

    async fn id_at(cache: &IdentityCache, now: SystemTime) -> String {
        cache.current(now).await.expect("credentials").access_key_id().to_owned()
    }

    #[tokio::test]
    async fn credentials_are_asked_for_again_before_they_expire() {
        let start = SystemTime::UNIX_EPOCH;
        let minute = Duration::from_mins(1);
        let cache = cache(vec![credentials("second", None), credentials("first", Some(start + 60 * minute))]);
        assert_eq!(id_at(&cache, start).await, "first");
        assert_eq!(id_at(&cache, start + 54 * minute).await, "first");
        assert_eq!(id_at(&cache, start + 56 * minute).await, "second");
    }

    #[tokio::test]
    async fn a_failed_refresh_does_not_cost_valid_credentials() {
        let start = SystemTime::UNIX_EPOCH;
        let minute = Duration::from_mins(1);
        let cache = cache(vec![credentials("only", Some(start + 60 * minute))]);
        assert_eq!(id_at(&cache, start).await, "only");
        assert_eq!(id_at(&cache, start + 59 * minute).await, "only");
        let error = cache.current(start + 61 * minute).await.expect_err("expired");
        assert!(matches!(error, StoreError::Credentials(_)));
    }

    struct Nothing;
    impl s3s::S3 for Nothing {}

    /// Lets every request through that is correctly signed.
    struct Signed;

    #[async_trait::async_trait]
    impl s3s::route::S3Route for Signed {
        fn is_match(&self, _: &http::Method, _: &http::Uri, _: &HeaderMap, _: &mut http::Extensions) -> bool {
            true
        }

        async fn call(&self, _: s3s::S3Request<s3s::Body>) -> s3s::S3Result<s3s::S3Response<s3s::Body>> {
            Ok(s3s::S3Response::new(s3s::Body::empty()))
        }
    }

    /// Host names below loopback do not resolve everywhere, so this request never meets a network.
    #[tokio::test]
    async fn a_bucket_in_the_host_name_is_signed_as_others_verify_it() {
        let endpoint = http::Uri::from_static("http://s3.example:9000");
        let endpoint = Endpoint::new(&endpoint, Addressing::VirtualHost, "us-east-1").expect("an endpoint");
        let place = Place::parse(&http::Uri::from_static("/bucket//a/../b%20%2B%25/?versionId=1")).expect("a place");
        let target = endpoint.target(&place, "us-east-1").expect("a target");
        let mut request = http::Request::new(s3s::Body::empty());
        *request.uri_mut() = target.uri;
        request.headers_mut().insert(HOST, target.host);
        let signer = Signer::new(SharedCredentialsProvider::new(credentials("key", None)));
        signer.sign(&mut request, "us-east-1").await.expect("signed");
        assert_eq!(request.headers()[HOST], "bucket.s3.example:9000");
        // A server sees the path alone.
        *request.uri_mut() = request.uri().path_and_query().expect("a path").as_str().parse().expect("a path");

        let mut service = s3s::service::S3ServiceBuilder::new(Nothing);
        service.set_auth(s3s::auth::SimpleAuth::from_single("key", "secret"));
        service.set_host(s3s::host::SingleDomain::new("s3.example:9000").expect("a domain"));
        service.set_route(Signed);
        let response = service.build().call(request).await.expect("an answer");
        assert_eq!(response.status(), http::StatusCode::OK);
    }

    #[test]
    fn a_clock_a_year_off_is_not_believed() {
        let signer = Signer::new(SharedCredentialsProvider::new(Script(Mutex::new(Vec::new()))));
        assert!(!signer.correct_clock(SystemTime::now() + Duration::from_hours(365 * 24)));
        assert!(signer.correct_clock(SystemTime::now() - Duration::from_hours(1)));
        assert!(!signer.correct_clock(SystemTime::now() - Duration::from_hours(1)));
    }
}
