//! Any text is an envelope or is refused, and an envelope has one spelling.
#![no_main]

use envelope::Envelope;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    if let Ok(envelope) = Envelope::parse(text) {
        assert_eq!(envelope.to_string(), text);
    }
});
