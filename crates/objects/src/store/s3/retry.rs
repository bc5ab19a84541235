//! When to try again, how soon, and when to stop.
//!
//! Delays grow exponentially with full jitter. A token bucket shared by all requests stops the retrying when a
//! store fails most of them, so that trouble is not answered with more load. Whether a request *can* be sent
//! again is not known here.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use http::StatusCode;

/// Enough for a burst of a hundred retries.
const CAPACITY: u32 = 500;
/// What a retry takes, and gives back if it succeeds.
const RETRY_COST: u32 = 5;
/// What a request that succeeds at once gives back.
const REFILL: u32 = 1;

/// The pace of retries.
pub(super) struct Pace {
    tokens: AtomicU32,
    base: Duration,
    cap: Duration,
}

impl Pace {
    pub(super) fn new(base: Duration, cap: Duration) -> Self {
        Self { tokens: AtomicU32::new(CAPACITY), base, cap }
    }

    /// How long to wait before the try after `attempt`; `None` if there should be none. A store that `asked` for longer than
    /// we would ever wait is not asked again: whoever sent the request gets to know.
    pub(super) fn next(&self, attempt: u32, asked: Option<Duration>) -> Option<Duration> {
        let asked = asked.unwrap_or_default();
        if asked > self.cap {
            return None;
        }
        let paid =
            self.tokens.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |tokens| tokens.checked_sub(RETRY_COST));
        paid.is_ok().then(|| jitter(self.ceiling(attempt)).max(asked))
    }

    /// An attempt succeeded.
    pub(super) fn succeeded(&self, attempt: u32) {
        let back = if attempt > 1 { RETRY_COST } else { REFILL };
        // Full is the normal state; do not write then.
        if self.tokens.load(Ordering::Relaxed) < CAPACITY {
            let _ = self
                .tokens
                .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |tokens| Some((tokens + back).min(CAPACITY)));
        }
    }

    fn ceiling(&self, attempt: u32) -> Duration {
        let factor = 1_u32.checked_shl(attempt.saturating_sub(1)).unwrap_or(u32::MAX);
        self.base.saturating_mul(factor).min(self.cap)
    }
}

/// Whether a status says that the same request may succeed a little later.
pub(super) fn is_transient(status: StatusCode) -> bool {
    matches!(status.as_u16(), 429 | 500 | 502 | 503 | 504)
}

/// Whether a status may hide that the request was carried out after all: it came from something before the store.
pub(super) fn is_ambiguous(status: StatusCode) -> bool {
    matches!(status.as_u16(), 502 | 504)
}

/// A random share of `ceiling`. Without randomness the whole of it still spreads nothing, but waits.
fn jitter(ceiling: Duration) -> Duration {
    let Ok(random) = getrandom::u32() else {
        return ceiling;
    };
    ceiling.mul_f64(f64::from(random) / f64::from(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_grow_to_a_ceiling() {
        let pace = Pace::new(Duration::from_millis(100), Duration::from_secs(5));
        assert_eq!(pace.ceiling(1), Duration::from_millis(100));
        assert_eq!(pace.ceiling(3), Duration::from_millis(400));
        assert_eq!(pace.ceiling(40), Duration::from_secs(5));
        for attempt in 1..50 {
            assert!(pace.next(attempt, None).expect("tokens") <= pace.ceiling(attempt));
        }
    }

    #[test]
    fn a_store_that_asks_for_time_gets_it_up_to_a_limit() {
        let pace = Pace::new(Duration::ZERO, Duration::from_secs(5));
        assert_eq!(pace.next(1, Some(Duration::from_secs(3))), Some(Duration::from_secs(3)));
        assert_eq!(pace.next(1, Some(Duration::from_secs(6))), None);
    }

    #[test]
    fn retries_stop_when_nearly_everything_fails_and_come_back_with_success() {
        let pace = Pace::new(Duration::ZERO, Duration::ZERO);
        let granted = (0..1000).filter(|_| pace.next(1, None).is_some()).count();
        assert_eq!(granted, 100);
        for _ in 0..5 {
            pace.succeeded(1);
        }
        assert!(pace.next(1, None).is_some());
        assert!(pace.next(1, None).is_none());
    }
}
