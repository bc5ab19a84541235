//! Objects of other programs: the vectors, the keys that open them, and how they come to lie in a store.
//!
//! What the formats are is not known here, and nothing of what is tested is used.

pub mod keys;
pub mod kms;
pub mod tools;
pub mod vector;

use self::vector::Vector;
use crate::request::Request;
use crate::stack::Stack;

/// The request that puts an object in a store as its tool left it.
#[must_use]
pub fn object(store: &Stack, bucket: &str, key: &str, vector: &Vector, stored: &[u8]) -> Request {
    let put = store.object("PUT", bucket, key).body(stored).header("content-type", "text/x-vector");
    let put = vector.metadata.iter().fold(put, |put, (name, value)| put.header(&format!("x-amz-meta-{name}"), value));
    put.header("x-amz-meta-colour", "red")
}

/// Puts the vector's instruction file beside it, if it has one.
pub fn instruction_file(store: &Stack, bucket: &str, key: &str, vector: &Vector) {
    if let Some(body) = &vector.instruction_file {
        let put = store.object("PUT", bucket, &format!("{key}.instruction"));
        put.header("x-amz-meta-x-amz-crypto-instr-file", "").body(body.as_bytes()).send().check(200);
    }
}
