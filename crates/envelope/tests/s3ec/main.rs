//! Amazon's formats: the vectors of `tests/vectors/s3ec` that open and those that must not, and properties of reading.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod keys;
mod opening;
mod properties;
mod refusals;
mod tools;
mod vector;
mod writing;
