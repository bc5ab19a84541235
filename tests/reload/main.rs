//! Settings, keys, certificates and clients that are exchanged under a daemon that goes on, and what its clients notice of it: nothing.
//!
//! The daemon is a real process with secrets in a folder as Kubernetes lays it out. Nothing here waits for time to pass: every
//! wait is for a line of the log or an answer.

#![expect(clippy::unwrap_used, reason = "a test reports a failure by panicking")]

mod broken;
mod flight;
mod load;
mod removed;
mod scene;
mod signals;
