//! Patience with a service: time limits, a few attempts with growing pauses, and none at all while it is down.
//!
//! Only what may be better next time is tried again. Knows nothing of who is asked and what for.

use std::hash::{BuildHasher, RandomState};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use envelope::s3ec::Context;
use keyring::{Kms, KmsError};
use tokio::time::Instant;
use zeroize::Zeroizing;

/// After so many requests in a row that got no answer, the service counts as down.
const DOWN_AFTER: u32 = 5;

/// How long a service that is down is left alone, before one request is let through again.
const REST: Duration = Duration::from_secs(10);

/// How long to wait for a service, and how often to try.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// How often a request is sent, at most; at least once.
    pub attempts: u32,
    /// How long one attempt may take.
    pub attempt_timeout: Duration,
    /// The longest pause before the second attempt; it doubles with each one. The true pause is a random part of it.
    pub pause: Duration,
}

/// A service that is asked with patience.
pub struct Steady<K> {
    service: K,
    patience: Patience,
    breaker: Breaker,
}

impl Default for Patience {
    fn default() -> Self {
        Self { attempts: 3, attempt_timeout: Duration::from_secs(5), pause: Duration::from_millis(200) }
    }
}

impl<K: Kms> Steady<K> {
    /// Asks `service` with `patience`.
    pub fn new(service: K, patience: Patience) -> Self {
        Self { service, patience, breaker: Breaker::default() }
    }

    /// `ask` makes one attempt.
    async fn ask<T, F>(&self, ask: impl Fn() -> F) -> Result<T, KmsError>
    where
        F: Future<Output = Result<T, KmsError>>,
    {
        self.breaker.admit()?;
        let mut attempt = 0;
        let answer = loop {
            attempt += 1;
            let answer = tokio::time::timeout(self.patience.attempt_timeout, ask()).await;
            let late = || Err(KmsError::Unavailable(format!("no answer in {:?}", self.patience.attempt_timeout)));
            match answer.unwrap_or_else(|_elapsed| late()) {
                Err(KmsError::Unavailable(_)) if attempt < self.patience.attempts => {}
                answer => break answer,
            }
            tokio::time::sleep(part_of(self.patience.pause.saturating_mul(1 << (attempt - 1).min(16)))).await;
        };
        self.breaker.note(!matches!(answer, Err(KmsError::Unavailable(_))));
        answer
    }
}

#[async_trait]
impl<K: Kms> Kms for Steady<K> {
    async fn encrypt(&self, key: &str, plaintext: &[u8], context: &Context) -> Result<Vec<u8>, KmsError> {
        self.ask(|| self.service.encrypt(key, plaintext, context)).await
    }

    async fn decrypt(&self, key: Option<&str>, blob: &[u8], context: &Context) -> Result<Zeroizing<Vec<u8>>, KmsError> {
        self.ask(|| self.service.decrypt(key, blob, context)).await
    }
}

/// Refuses requests while the service is down, so that neither clients wait for nothing nor the service is buried when
/// it comes back.
#[derive(Default)]
struct Breaker(Mutex<State>);

#[derive(Default)]
struct State {
    failures: u32,
    rests_until: Option<Instant>,
}

impl Breaker {
    fn admit(&self) -> Result<(), KmsError> {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        match state.rests_until {
            Some(until) if until > now => {
                let wait = (until - now).as_secs() + 1;
                Err(KmsError::Unavailable(format!(
                    "{} requests in a row got no answer; the next one is in {wait} s",
                    state.failures
                )))
            }
            Some(_) => {
                // This one finds out; the others rest on, also if it never comes back.
                state.rests_until = Some(now + REST);
                Ok(())
            }
            None => Ok(()),
        }
    }

    fn note(&self, answered: bool) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if answered {
            *state = State::default();
            return;
        }
        state.failures = state.failures.saturating_add(1);
        if state.failures >= DOWN_AFTER {
            state.rests_until = Some(Instant::now() + REST);
        }
    }
}

/// A random part of a time, so that those who failed together do not come back together. Nothing secret depends on it.
fn part_of(longest: Duration) -> Duration {
    let random = RandomState::new().hash_one(0_u8) % 1_000;
    longest.mul_f64(f64::from(u32::try_from(random).unwrap_or(0)) / 1_000.0)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    /// Fails as often as it was told to, and counts.
    struct Flaky {
        fails: AtomicU32,
        asked: AtomicU32,
        error: KmsError,
    }

    #[async_trait]
    impl Kms for Flaky {
        async fn encrypt(&self, _: &str, plaintext: &[u8], _: &Context) -> Result<Vec<u8>, KmsError> {
            self.asked.fetch_add(1, Ordering::Relaxed);
            let left = self.fails.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1));
            left.map_or_else(|_| Ok(plaintext.to_vec()), |_| Err(self.error.clone()))
        }

        async fn decrypt(&self, _: Option<&str>, _: &[u8], _: &Context) -> Result<Zeroizing<Vec<u8>>, KmsError> {
            std::future::pending().await
        }
    }

    fn flaky(fails: u32, error: KmsError) -> Steady<Flaky> {
        let service = Flaky { fails: fails.into(), asked: AtomicU32::new(0), error };
        Steady::new(service, Patience::default())
    }

    fn down() -> KmsError {
        KmsError::Unavailable("down".to_owned())
    }

    async fn encrypt(service: &Steady<Flaky>) -> Result<Vec<u8>, KmsError> {
        service.encrypt("key", b"plain", &Context::new()).await
    }

    #[tokio::test(start_paused = true)]
    async fn what_may_be_better_next_time_is_tried_again() {
        let service = flaky(2, down());
        assert_eq!(encrypt(&service).await, Ok(b"plain".to_vec()));
        assert_eq!(service.service.asked.load(Ordering::Relaxed), 3);
    }

    #[tokio::test(start_paused = true)]
    async fn a_refusal_is_final() {
        for error in [KmsError::Refused, KmsError::Denied("no".to_owned())] {
            let service = flaky(1, error.clone());
            assert_eq!(encrypt(&service).await, Err(error));
            assert_eq!(service.service.asked.load(Ordering::Relaxed), 1);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_service_that_is_down_is_left_alone_and_found_again() {
        let service = flaky(15, down());
        for _ in 0..5 {
            assert_eq!(encrypt(&service).await, Err(down()));
        }
        let error = encrypt(&service).await.unwrap_err();
        assert!(error.to_string().contains("5 requests in a row"), "{error}");
        assert_eq!(service.service.asked.load(Ordering::Relaxed), 15, "nobody asked while it rests");
        tokio::time::advance(REST).await;
        assert_eq!(encrypt(&service).await, Ok(b"plain".to_vec()));
        assert_eq!(encrypt(&service).await, Ok(b"plain".to_vec()));
    }

    #[tokio::test(start_paused = true)]
    async fn one_request_at_a_time_finds_out_whether_it_is_back() {
        let service = flaky(18, down());
        for _ in 0..5 {
            assert!(encrypt(&service).await.is_err());
        }
        tokio::time::advance(REST).await;
        let (first, second) = tokio::join!(encrypt(&service), encrypt(&service));
        assert!(first.is_err() && second.is_err());
        assert_eq!(service.service.asked.load(Ordering::Relaxed), 18, "only one of the two asked");
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_waits_for_ever() {
        let service = flaky(0, down());
        let error = service.decrypt(None, b"", &Context::new()).await.unwrap_err();
        assert_eq!(error, KmsError::Unavailable("no answer in 5s".to_owned()));
    }
}
