//! How often reading an object failed of late, where failures could teach something to whoever may change it.
//!
//! Padding that nothing authenticates is such a case: some hundred attempts per byte reveal the content. A few in a while
//! are an accident; more are refused before any key is touched.

use std::time::Duration;

use quick_cache::sync::Cache;
use tokio::time::Instant;

use crate::{Error, ObjectRef};

/// So many failures of one object are let through in a [`WINDOW`].
const FEW: u32 = 8;

/// How long failures are remembered.
const WINDOW: Duration = Duration::from_mins(1);

/// Objects remembered.
const CAPACITY: usize = 4_096;

/// Failures of late by object, whatever its version.
pub(crate) struct Failures(Cache<(String, String), (Instant, u32)>);

impl Failures {
    pub(crate) fn new() -> Self {
        Self(Cache::new(CAPACITY))
    }

    /// Asks whether the object may be tried.
    ///
    /// # Errors
    /// [`Error::TooManyFailures`].
    pub(super) fn check(&self, at: &ObjectRef) -> Result<(), Error> {
        match self.0.get(&name(at)) {
            Some((since, count)) if count >= FEW && since.elapsed() < WINDOW => Err(Error::TooManyFailures),
            _ => Ok(()),
        }
    }

    /// Counts a failure.
    pub(super) fn note(&self, at: &ObjectRef) {
        let (since, count) = match self.0.get(&name(at)) {
            Some((since, count)) if since.elapsed() < WINDOW => (since, count),
            _ => (Instant::now(), 0),
        };
        self.0.insert(name(at), (since, count.saturating_add(1)));
    }
}

fn name(at: &ObjectRef) -> (String, String) {
    (at.bucket.clone(), at.key.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(key: &str) -> ObjectRef {
        ObjectRef { bucket: "b".into(), key: key.into(), version: None }
    }

    #[tokio::test(start_paused = true)]
    async fn many_failures_in_a_while_are_too_many() {
        let failures = Failures::new();
        for _ in 0..FEW {
            assert!(failures.check(&at("a")).is_ok());
            failures.note(&at("a"));
        }
        assert!(matches!(failures.check(&at("a")), Err(Error::TooManyFailures)));
        let version = ObjectRef { version: Some("1".into()), ..at("a") };
        assert!(failures.check(&version).is_err(), "another version is the same object");
        assert!(failures.check(&at("b")).is_ok());
        tokio::time::advance(WINDOW).await;
        assert!(failures.check(&at("a")).is_ok());
        failures.note(&at("a"));
        assert!(failures.check(&at("a")).is_ok(), "the count begins anew");
    }
}
