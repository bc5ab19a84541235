//! Lengths invert or have no solution, and spans lie inside the object, for all of u64.
#![no_main]

use envelope::layout;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: [u64; 3]| {
    let [len, start, end] = input;
    if let Some(sealed_len) = layout::sealed_len(len) {
        assert_eq!(layout::plain_len(sealed_len), Some(len));
    }
    if let Some(plain_len) = layout::plain_len(len) {
        assert_eq!(layout::sealed_len(plain_len), Some(len));
    }
    if let Some(span) = layout::span(len, start..end) {
        assert!(start < end && end <= len);
        assert!(span.fetch.start < span.fetch.end);
        assert!(span.fetch.end <= layout::body_len(len).unwrap());
        assert_eq!(span.first_chunk * layout::CHUNK_LEN + span.skip, start);
    }
});
