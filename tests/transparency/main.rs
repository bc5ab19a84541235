//! The same requests to a store directly and through the daemon: what works there works the same here, and what fails there fails
//! here with the same words.
//!
//! Each script runs twice, in a bucket of its own at the same store, and its answers are compared one by one: status, headers, body.
//! What no two answers share (ids, dates, ETags) is masked; what may differ for a reason is listed in `differences.rs`. The embedded
//! store is always compared with, a real server when the environment names one.

#![expect(clippy::unwrap_used, reason = "a test reports a failure by panicking")]

mod buckets;
mod differences;
mod insistent;
mod objects;
mod pair;
mod seen;

/// The daemon.
const PROGRAM: &str = env!("CARGO_BIN_EXE_sealgate-under-test");
