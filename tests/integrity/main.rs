//! A store that lies: what it changed, dropped, swapped or cut short never reaches a client as if it were whole.
//!
//! The daemon stands in front of a store whose stored bytes the test changes behind its back. A client must see an error, or a body
//! that ends before its declared length; and whatever it did see must be true.

#![expect(clippy::unwrap_used, reason = "a test reports a failure by panicking")]

mod beside;
mod cut;
mod envelope;
mod parts;
mod refusal;
mod tamper;

use std::path::Path;

use sealgate_tests::world::World;

/// The daemon that is lied to.
const PROGRAM: &str = env!("CARGO_BIN_EXE_sealgate-under-test");

fn world() -> World {
    World::new(Path::new(PROGRAM), "")
}
