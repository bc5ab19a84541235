//! Whatever stands in authentic headers and summaries, reading it neither panics nor accepts a second spelling.
//!
//! Nobody without the keys can write such bytes, so the input takes the place of the plaintext: it is sealed here.
#![no_main]

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use envelope::{DataKey, ObjectKeys, Summary};
use libfuzzer_sys::fuzz_target;

mod forge;

fuzz_target!(|input: &[u8]| {
    let keys = ObjectKeys::derive(&DataKey::from_bytes([1; 32]));
    let _ = Summary::open(&keys, input);
    if let Ok(text) = std::str::from_utf8(input) {
        let _ = keys.open_metadata(text);
    }
    let mut facts = input.to_vec();
    facts.resize(212, 0);
    if let Ok(summary) = Summary::open(&keys, &forge::summary(&facts, 0)) {
        let _ = summary.check_sealed_len(facts.len() as u64);
    }
    let sealed = URL_SAFE_NO_PAD.encode(forge::metadata(input));
    if let Ok(metadata) = keys.open_metadata(&sealed) {
        assert_eq!(keys.seal_metadata([0; 12], &metadata), Ok(sealed));
    }
});
