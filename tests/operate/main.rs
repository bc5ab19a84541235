//! What operators do to stored objects with the commands of the binary, beside a daemon that clients go on using.
//!
//! The store is real and the commands are processes. What they leave is looked at through the daemon and at the store itself.

#![expect(clippy::unwrap_used, reason = "a test reports a failure by panicking")]

mod doctor;
mod foreign;
mod inspect;
mod known_keys;
mod meter;
mod migrate;
mod migrate_foreign;
mod offline;
mod restore;
mod rewrap;
mod rewrap_foreign;
mod rotation;
mod scene;
mod shredding;
mod verify;
