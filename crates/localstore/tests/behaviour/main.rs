//! The store as its clients see it: HTTP requests into the service, in process, and the directory looked at from outside.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops where it is")]

mod bodies;
mod buckets;
mod client;
mod conditions;
mod copies;
mod directory;
mod listing;
mod multipart;
mod objects;
mod races;
mod tags;
mod unfinished;
mod version_files;
mod version_listing;
mod version_uses;
mod versions;
