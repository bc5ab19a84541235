//! The operations that are more than a row: how a request becomes calls on a bucket, and their result an answer.

mod attributes;
mod buckets;
mod copy;
mod multipart;
mod objects;
mod tagging;
pub(crate) mod unfinished;
pub(crate) mod versions;

/// Names that XML cannot carry are left out of answers that only repeat what was asked for: refusing to write such an
/// answer would turn work that is done into an error.
fn echo(name: &str) -> Option<String> {
    let writable = |character: char| character >= ' ' || matches!(character, '\t' | '\n' | '\r');
    name.chars().all(writable).then(|| name.to_owned())
}
