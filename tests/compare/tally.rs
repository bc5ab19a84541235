//! Numbers of one target under one workload, gathered over rounds.

use std::time::Duration;

use crate::load::Done;
use crate::workload::GIB;

/// What one target did and cost.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    /// Bytes in a second for bulk, else requests in a second; a number per round.
    pub(crate) rates: Vec<f64>,
    latencies: Vec<Duration>,
    cpu_seconds: f64,
    bytes: u64,
    peak_rss: u64,
    store_requests: Option<u64>,
}

/// What a round cost beside its time.
pub(crate) struct Cost {
    pub(crate) cpu_seconds: f64,
    pub(crate) peak_rss: u64,
    pub(crate) store_requests: Option<u64>,
}

#[expect(clippy::cast_precision_loss, reason = "statistics of counts far below 2^52")]
impl Tally {
    /// Takes in a round.
    pub(crate) fn add(&mut self, done: Done, cost: &Cost, is_bulk: bool) {
        let work = if is_bulk { done.bytes } else { done.latencies.len() as u64 };
        self.rates.push(work as f64 / done.elapsed.as_secs_f64());
        self.latencies.extend(done.latencies);
        self.bytes += done.bytes;
        self.cpu_seconds += cost.cpu_seconds;
        self.peak_rss = self.peak_rss.max(cost.peak_rss);
        self.store_requests = self.store_requests.unwrap_or(0).checked_add(cost.store_requests.unwrap_or(0));
        if cost.store_requests.is_none() {
            self.store_requests = None;
        }
    }

    /// The median of the rounds.
    pub(crate) fn rate(&self) -> f64 {
        median(self.rates.clone())
    }

    /// The median of the rounds' ratios: what the machine did meanwhile happened to both.
    pub(crate) fn rate_against(&self, other: &Self) -> f64 {
        median(self.rates.iter().zip(&other.rates).map(|(ours, theirs)| ours / theirs).collect())
    }

    /// How much work a second of the proxy's CPU does, as a ratio.
    pub(crate) fn thrift_against(&self, other: &Self) -> f64 {
        other.cpu_per_request() / self.cpu_per_request()
    }

    /// The latency that `share` of all requests stayed within, in milliseconds.
    pub(crate) fn percentile(&self, share: f64) -> f64 {
        let mut sorted: Vec<f64> = self.latencies.iter().map(|latency| latency.as_secs_f64() * 1000.0).collect();
        sorted.sort_by(f64::total_cmp);
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a share of a length is an index")]
        let at = (share * sorted.len() as f64) as usize;
        sorted.get(at.min(sorted.len().saturating_sub(1))).copied().unwrap_or(f64::NAN)
    }

    /// How many requests were answered.
    pub(crate) fn requests(&self) -> usize {
        self.latencies.len()
    }

    /// In seconds.
    pub(crate) fn cpu_per_request(&self) -> f64 {
        self.cpu_seconds / self.requests() as f64
    }

    /// In seconds.
    pub(crate) fn cpu_per_gib(&self) -> f64 {
        self.cpu_seconds * GIB as f64 / self.bytes as f64
    }

    /// In bytes.
    pub(crate) fn peak_rss(&self) -> u64 {
        self.peak_rss
    }

    /// Of the store, where it counts.
    pub(crate) fn store_requests_per_request(&self) -> Option<f64> {
        Some(self.store_requests? as f64 / self.requests() as f64)
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    match values.len() {
        0 => f64::NAN,
        len if len % 2 == 1 => values[len / 2],
        len => f64::midpoint(values[len / 2 - 1], values[len / 2]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tally(rates: &[f64]) -> Tally {
        Tally { rates: rates.to_vec(), ..Tally::default() }
    }

    #[test]
    fn a_round_in_which_the_machine_was_busy_does_not_move_the_ratio() {
        assert!((tally(&[90.0, 9.0, 91.0]).rate_against(&tally(&[100.0, 10.0, 100.0])) - 0.9).abs() < 1e-9);
    }

    #[test]
    fn one_request_the_store_could_not_count_leaves_the_count_open() {
        let round = |store_requests| Cost { cpu_seconds: 0.0, peak_rss: 0, store_requests };
        let done = || Done { elapsed: Duration::from_secs(1), latencies: vec![Duration::from_secs(1)], bytes: 1 };
        let mut tally = Tally::default();
        tally.add(done(), &round(Some(2)), false);
        assert_eq!(tally.store_requests_per_request(), Some(2.0));
        tally.add(done(), &round(None), false);
        assert_eq!(tally.store_requests_per_request(), None);
    }
}
