//! Who may do what, and what a bucket's rule changes: settings, seen from outside.

#![expect(clippy::unwrap_used, reason = "a test reports a failure by panicking")]

mod clients;
mod early;
mod rules;

/// The daemon that is configured.
const PROGRAM: &str = env!("CARGO_BIN_EXE_sealgate-under-test");
