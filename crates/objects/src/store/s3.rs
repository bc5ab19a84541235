//! A store that is reached over HTTP and speaks S3: requests are signed, sent, and sent again where that is safe.
//!
//! The room knows addresses, signatures and the ways of networks. It does not know what the bytes mean, and reads
//! no settings and no environment: credentials come through a provider.
//!
//! # What is tried again
//!
//! Failures to connect, connections that break before an answer, the statuses 429, 500, 502, 503 and 504, and
//! `RequestTimeout`; up to the configured number of attempts, and only while the body can be sent from its first
//! byte, and no sooner than the store asks for (`Retry-After`). Four answers are corrected and tried once more at once: a clock that is off, a bucket in another region,
//! an expired token, a bucket that wants digests.
//!
//! # What is not
//!
//! * A request whose body failed. Its error comes back as [`StoreError::RequestBody`].
//! * A conditional write (`If-Match`, `If-None-Match`) that was sent in full and got no answer, or only one from a
//!   gateway (502, 504). It may have been carried out, and a second try would then report a failed condition.
//! * A store that keeps us waiting for its answer. It may still be at work.

mod answer;
mod connect;
mod digest;
mod judgement;
mod order;
mod replay;
mod retry;
mod signer;
mod url;
mod wire;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use aws_credential_types::provider::SharedCredentialsProvider;
use http::{Request, Response, Uri};
use hyper_util::client::legacy::connect::capture_connection;
use quick_cache::sync::Cache;

use self::connect::HttpClient;
use self::judgement::{Course, Failed, Next};
use self::order::Order;
use self::replay::{Budget, Replay};
use self::retry::Pace;
use self::signer::Signer;
use self::url::Endpoint;
use super::{Body, Store, StoreError};

/// Buckets of which something is remembered, because they are not like the others.
const REMEMBERED_BUCKETS: usize = 1024;

/// How a bucket is named in a request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Addressing {
    /// `https://endpoint/bucket/key`: works with every store.
    #[default]
    Path,
    /// `https://bucket.endpoint/key`, for buckets whose names allow it.
    VirtualHost,
}

/// Where a store is and how patient to be with it.
#[derive(Clone, Debug)]
pub struct S3StoreSettings {
    /// `https://host[:port]`, or `http`; no path.
    pub endpoint: Uri,
    /// The region requests are signed for.
    pub region: String,
    /// How buckets are named.
    pub addressing: Addressing,
    /// PEM certificates to trust instead of the system's roots.
    pub ca: Option<Vec<u8>>,
    /// Names, TCP and TLS together.
    pub connect_timeout: Duration,
    /// From the last byte of a request to the first of its answer, and between two pieces of a request that the
    /// store takes. The time the sender takes to produce its body does not count.
    pub response_timeout: Duration,
    /// Between two pieces of an answer.
    pub body_timeout: Duration,
    /// How much of one body is kept in memory, to send it again.
    pub replay_window: usize,
    /// How much is kept of all bodies together.
    pub replay_budget: usize,
    /// How often a request is sent at most.
    pub attempts: u32,
    /// The longest wait before the first retry. It doubles with each further one.
    pub backoff_base: Duration,
    /// The longest wait before any retry.
    pub backoff_cap: Duration,
}

impl S3StoreSettings {
    /// Settings for a store, with everything else at its default.
    pub fn new(endpoint: Uri, region: impl Into<String>) -> Self {
        Self {
            endpoint,
            region: region.into(),
            addressing: Addressing::default(),
            ca: None,
            connect_timeout: Duration::from_secs(5),
            response_timeout: Duration::from_mins(1),
            body_timeout: Duration::from_mins(1),
            replay_window: 4 * 1024 * 1024,
            replay_budget: 64 * 1024 * 1024,
            attempts: 3,
            backoff_base: Duration::from_millis(100),
            backoff_cap: Duration::from_secs(5),
        }
    }
}

/// A [`Store`] behind an S3 endpoint.
pub struct S3Store {
    endpoint: Endpoint,
    client: HttpClient,
    signer: Signer,
    region: Arc<str>,
    /// Buckets that turned out to be elsewhere.
    regions: Cache<String, Arc<str>>,
    /// Buckets whose uploads need digests, because they lock what is in them.
    vouched: Cache<String, ()>,
    pace: Pace,
    budget: Budget,
    settings: S3StoreSettings,
}

impl S3Store {
    /// Checks the settings. Nothing is sent yet.
    ///
    /// # Errors
    ///
    /// [`StoreError::Settings`] if the endpoint or the CA file cannot be used.
    pub fn new(settings: S3StoreSettings, credentials: SharedCredentialsProvider) -> Result<Self, StoreError> {
        let endpoint = Endpoint::new(&settings.endpoint, settings.addressing, &settings.region)?;
        let client = connect::client(settings.ca.as_deref(), endpoint.is_https(), settings.connect_timeout)?;
        Ok(Self {
            endpoint,
            client,
            signer: Signer::new(credentials),
            region: settings.region.as_str().into(),
            regions: Cache::new(REMEMBERED_BUCKETS),
            vouched: Cache::new(REMEMBERED_BUCKETS),
            pace: Pace::new(settings.backoff_base, settings.backoff_cap),
            budget: Budget::new(settings.replay_budget),
            settings,
        })
    }

    /// How much of a body is kept. One that cannot be kept whole is repeated only after an early refusal, so less of it will do.
    fn window(&self, declared: u64) -> usize {
        let window = self.settings.replay_window;
        if declared > window as u64 { window / 4 } else { window }
    }

    fn wants_digests(&self, bucket: &str) -> bool {
        self.vouched.get(bucket).is_some()
    }

    fn region_of(&self, bucket: &str) -> Arc<str> {
        self.regions.get(bucket).unwrap_or_else(|| Arc::clone(&self.region))
    }

    async fn attempt(&self, order: &Order, replay: &Replay, region: &str) -> Result<Response<Body>, Failed> {
        let target = self.endpoint.target(&order.place, region)?;
        let mut request = order.request(target, replay.begin(), self.wants_digests(&order.place.bucket));
        self.signer.sign(&mut request, region).await?;
        let mut connection = capture_connection(&mut request);
        let overdue = async {
            drop(connection.wait_for_connection_metadata().await);
            replay.overdue(self.settings.response_timeout).await
        };
        tokio::select! {
            biased;
            answer = self.client.request(request) => match answer {
                Ok(answer) => Ok(answer::accept(answer, self.settings.body_timeout)),
                Err(error) => Err(Failed { is_begun: !error.is_connect(), error: connect::failure(error) }),
            },
            phase = overdue => Err(Failed { error: StoreError::Timeout { phase }, is_begun: true }),
        }
    }
}

#[async_trait]
impl Store for S3Store {
    async fn send(&self, request: Request<Body>) -> Result<Response<Body>, StoreError> {
        let (order, body, declared) = Order::parse(request).await?;
        let replay = Replay::new(body, declared, self.window(declared), self.budget.clone());
        let mut course = Course::default();
        loop {
            let region = self.region_of(&order.place.bucket);
            let outcome = self.attempt(&order, &replay, &region).await;
            let status = outcome.as_ref().ok().map(|response| response.status().as_u16());
            tracing::debug!(bucket = order.place.bucket, attempt = course.failed + 1, status, "sent");
            match self.judge(&order, &replay, &mut course, outcome).await {
                Next::Done(result) => return finish(&replay, result),
                Next::Again(delay) => tokio::time::sleep(delay).await,
            }
        }
    }
}

/// Puts blame where it belongs: a body that failed on its sender, a success before its time on the store.
fn finish(replay: &Replay, result: Result<Response<Body>, StoreError>) -> Result<Response<Body>, StoreError> {
    replay.settle();
    match result {
        Ok(response) if response.status().is_success() && !replay.is_sent() => Err(StoreError::Protocol {
            message: "it claims success before it had the whole request".to_owned(),
            source: None,
        }),
        Ok(response) => Ok(response),
        Err(error) => Err(replay.take_failure().map_or(error, StoreError::RequestBody)),
    }
}
