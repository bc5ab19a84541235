//! What the suites stand on: a signer, a wire, a store under test, and the daemon as a process.
//!
//! Written from the public protocol documents and sharing no code with what is tested: a mistake made twice would be seen by nobody.
//! It knows S3 over HTTP and nothing of sealing.

#![expect(clippy::missing_panics_doc, clippy::unwrap_used, reason = "a suite reports a failure by panicking")]

pub mod answer;
pub mod authority;
pub mod aws_chunked;
pub mod bare;
pub mod bytes;
pub mod checksum;
pub mod command;
pub mod daemon;
mod equal_parts;
pub mod foreign;
pub mod request;
pub mod sign;
pub mod stack;
pub mod token_review;
pub mod wire;
pub mod world;
