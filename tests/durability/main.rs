//! What is left when things end badly: kill -9 in mid-upload, writers that race, a store that goes away, and an orderly end;
//! and uploads that several daemons share.
//!
//! The daemon is a real process here, and it is really killed. Whatever happens, an object is the old one or the new one, whole.

#![expect(clippy::unwrap_used, reason = "a test reports a failure by panicking")]

mod crash;
mod drain;
mod equal_parts;
mod hidden;
mod parts;
mod race;
mod scene;
mod store_down;
mod uploads;
