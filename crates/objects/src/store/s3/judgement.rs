//! What becomes of a request after an attempt: it is answered, tried again later, or corrected and tried again at once.
//!
//! The rules are those at the top of the store's file. How an attempt is made is not known here.

use std::time::Duration;

use http::{Response, StatusCode};

use super::answer::{self, ErrorDocument};
use super::order::Order;
use super::replay::Replay;
use super::{S3Store, retry, url};
use crate::store::{Body, Phase, StoreError};

/// S3 refuses clocks that are off by fifteen minutes. Below this a refusal has another reason.
const NOTABLE_SKEW: Duration = Duration::from_mins(5);

/// How far one request has got.
#[derive(Default)]
pub(super) struct Course {
    /// How many attempts failed for reasons that may pass.
    pub(super) failed: u32,
    clock_corrected: bool,
    region_corrected: bool,
    credentials_renewed: bool,
}

/// An attempt without an answer.
pub(super) struct Failed {
    pub(super) error: StoreError,
    /// Whether any of it may have reached the store.
    pub(super) is_begun: bool,
}

pub(super) enum Next {
    Done(Result<Response<Body>, StoreError>),
    Again(Duration),
}

impl S3Store {
    /// What becomes of a request after an attempt.
    pub(super) async fn judge(
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
        let may_pass = matches!(error, StoreError::Unreachable { .. } | StoreError::Timeout { phase: Phase::Connect });
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

impl From<StoreError> for Failed {
    fn from(error: StoreError) -> Self {
        Self { error, is_begun: false }
    }
}
