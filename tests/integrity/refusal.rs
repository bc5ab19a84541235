//! How a failed read must look, and where things lie in a sealed object.

use sealgate_tests::answer::Answer;

/// A whole chunk as it is stored.
pub(crate) const SEALED_CHUNK: usize = 65_552;

/// Checks that a read failed as it must: cleanly before the first byte, or by ending early; and that what came is true.
#[track_caller]
pub(crate) fn refused(answer: &Answer, truth: &[u8], what: &str) {
    if answer.status >= 400 {
        assert!(answer.complete && !answer.code().is_empty(), "{what}: {answer:?}");
    } else {
        assert!(!answer.complete && answer.body.len() < truth.len(), "{what} went unnoticed: {answer:?}");
        assert!(truth.starts_with(&answer.body), "{what}: bytes came that were never sealed");
    }
}
