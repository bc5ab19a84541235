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
use http::{Request, Response, StatusCode, Uri};
use hyper_util::client::legacy::connect::capture_connection;
use quick_cache::sync::Cache;

use self::answer::ErrorDocument;
use self::connect::HttpClient;
use self::order::Order;
use self::replay::{Budget, Replay};
use self::retry::Pace;
use self::signer::Signer;
use self::url::Endpoint;
use super::{Body, Store, StoreError};

/// Buckets of which something is remembered, because they are not like the others.
const REMEMBERED_BUCKETS: usize = 1024;
/// S3 refuses clocks that are off by fifteen minutes. Below this a refusal has another reason.
const NOTABLE_SKEW: Duration = Duration::from_mins(5);

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

/// How far one request has got.
#[derive(Default)]
struct Course {
    /// How many attempts failed for reasons that may pass.
    failed: u32,
    clock_corrected: bool,
    region_corrected: bool,
    credentials_renewed: bool,
}

/// An attempt without an answer.
struct Failed {
    error: StoreError,
    /// Whether any of it may have reached the store.
    is_begun: bool,
}

enum Next {
    Done(Result<Response<Body>, StoreError>),
    Again(Duration),
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

    async fn judge(
        &self,
        order: &Order,
        replay: &Replay,
        course: &mut Course,
        outcome: Result<Response<Body>, Failed>,
    ) -> Next {
        let response = match outcome {
            Ok(response) => response,
            Err(failed) => return self.judge_failure(order, replay, course, failed),
        };
        let status = response.status();
        if status.is_success() {
            self.pace.succeeded(course.failed + 1);
            return Next::Done(Ok(response));
        }
        if retry::is_transient(status) {
            let may_be_done = retry::is_ambiguous(status) && order.is_once_only && replay.is_sent();
            return self.again(replay, course, Ok(response), !may_be_done);
        }
        self.judge_refusal(order, replay, course, response).await
    }

    fn judge_failure(&self, order: &Order, replay: &Replay, course: &mut Course, failed: Failed) -> Next {
        let Failed { error, is_begun } = failed;
        tracing::debug!(bucket = order.place.bucket, attempt = course.failed + 1, %error, "no answer");
        let may_pass =
            matches!(error, StoreError::Unreachable { .. } | StoreError::Timeout { phase: super::Phase::Connect });
        let may_be_done = is_begun && order.is_once_only && replay.is_sent();
        self.again(replay, course, Err(error), may_pass && !may_be_done)
    }

    async fn judge_refusal(
        &self,
        order: &Order,
        replay: &Replay,
        course: &mut Course,
        response: Response<Body>,
    ) -> Next {
        let (document, response) = if answer::needs_reading(response.status()) {
            answer::read_error(response).await
        } else {
            (ErrorDocument::default(), response)
        };
        let is_corrected = self.correct_clock(order, course, &document, &response)
            || self.correct_region(order, course, &document, &response)
            || self.renew_credentials(course, &document)
            || self.add_digest(order, &document);
        if is_corrected && replay.is_replayable() {
            return Next::Again(Duration::ZERO);
        }
        let may_pass = document.code.as_deref() == Some("RequestTimeout");
        self.again(replay, course, Ok(response), may_pass)
    }

    fn again(
        &self,
        replay: &Replay,
        course: &mut Course,
        result: Result<Response<Body>, StoreError>,
        may_pass: bool,
    ) -> Next {
        let is_possible = may_pass && course.failed + 1 < self.settings.attempts && replay.is_replayable();
        let asked = result.as_ref().ok().and_then(|response| answer::retry_after(response.headers()));
        let delay = if is_possible { self.pace.next(course.failed + 1, asked) } else { None };
        match delay {
            Some(delay) => {
                course.failed += 1;
                Next::Again(delay)
            }
            None => Next::Done(result),
        }
    }

    /// Takes over the store's clock if ours is why it refused. Answers to HEAD have no body to say so.
    fn correct_clock(
        &self,
        order: &Order,
        course: &mut Course,
        document: &ErrorDocument,
        response: &Response<Body>,
    ) -> bool {
        let is_skewed = match document.code.as_deref() {
            Some(code) => matches!(code, "RequestTimeTooSkewed" | "RequestExpired"),
            None => order.method == http::Method::HEAD && answer::needs_reading(response.status()),
        };
        let Some(theirs) = answer::date(response.headers()).filter(|_| is_skewed && !course.clock_corrected) else {
            return false;
        };
        let ours = self.signer.store_time();
        let skew = theirs.duration_since(ours).unwrap_or_else(|error| error.duration());
        if document.code.is_none() && skew < NOTABLE_SKEW {
            return false;
        }
        course.clock_corrected = self.signer.correct_clock(theirs);
        if course.clock_corrected {
            tracing::warn!(
                seconds = skew.as_secs(),
                "this clock and the store's disagree; requests carry the store's time"
            );
        }
        course.clock_corrected
    }

    /// Remembers where a bucket really is. Redirects are followed only where a region implies an endpoint.
    fn correct_region(
        &self,
        order: &Order,
        course: &mut Course,
        document: &ErrorDocument,
        response: &Response<Body>,
    ) -> bool {
        let may_be_elsewhere = match response.status() {
            StatusCode::MOVED_PERMANENTLY | StatusCode::TEMPORARY_REDIRECT => self.endpoint.is_regional(),
            StatusCode::BAD_REQUEST => {
                document.code.as_deref().is_none_or(|code| code == "AuthorizationHeaderMalformed")
            }
            _ => false,
        };
        let header = response.headers().get("x-amz-bucket-region").and_then(|region| region.to_str().ok());
        let Some(region) = header.or(document.region.as_deref()) else {
            return false;
        };
        let bucket = &order.place.bucket;
        let is_news = *region != *self.region_of(bucket) && url::is_region(region) && !bucket.is_empty();
        if !may_be_elsewhere || !is_news || course.region_corrected {
            return false;
        }
        tracing::debug!(bucket, region, "the bucket is in another region");
        self.regions.insert(bucket.clone(), region.into());
        course.region_corrected = true;
        true
    }

    /// Remembers that a bucket wants digests, which its settings may do without a word in the request.
    fn add_digest(&self, order: &Order, document: &ErrorDocument) -> bool {
        let bucket = &order.place.bucket;
        if self.wants_digests(bucket) || !order.may_be_vouched() || !document.wants_digest() {
            return false;
        }
        tracing::info!(bucket, "the bucket wants uploads with digests; from now on they have checksums");
        self.vouched.insert(bucket.clone(), ());
        true
    }

    fn renew_credentials(&self, course: &mut Course, document: &ErrorDocument) -> bool {
        if document.code.as_deref() != Some("ExpiredToken") || course.credentials_renewed {
            return false;
        }
        self.signer.forget_credentials();
        course.credentials_renewed = true;
        true
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

impl From<StoreError> for Failed {
    fn from(error: StoreError) -> Self {
        Self { error, is_begun: false }
    }
}
