//! The formats of older tools: the vectors of `tests/vectors/legacy`, what must not open, and properties of reading.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod fileson;
mod kms_cbc;
mod openpgp;
mod rclone_crypt;
mod vector;
