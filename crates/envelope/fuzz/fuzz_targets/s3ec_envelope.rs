//! Any metadata and any instruction file are an envelope of Amazon's formats or are refused, and whatever is read can be
//! measured at any length.
//!
//! The input is lines of a name, a tab and a value; after a zero byte follows the body of the instruction file. The first
//! byte chooses the length.
#![no_main]

use envelope::s3ec::{
    CommitmentPolicy, Context, Detection, Envelope, InstructionFiles, PlainLen, ReadPolicy, Suite, detect,
    is_envelope_name,
};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let Some((length, rest)) = input.split_first() else { return };
    let mut halves = rest.splitn(2, |byte| *byte == 0);
    let Ok(text) = std::str::from_utf8(halves.next().unwrap_or_default()) else { return };
    let metadata = || text.lines().filter_map(|line| line.split_once('\t'));
    let envelope = match detect(metadata(), 0) {
        Ok(Detection::Complete(envelope)) => *envelope,
        Ok(Detection::NoEnvelope(partial) | Detection::NeedsInstructionFile(partial)) => {
            match partial.with_instruction_file(halves.next().unwrap_or_default()) {
                Ok(envelope) => {
                    assert!(envelope.is_in_instruction_file());
                    envelope
                }
                Err(_) => return,
            }
        }
        Err(_) => {
            assert!(metadata().any(|(name, _)| is_envelope_name(name)));
            return;
        }
    };
    read(envelope, 1 << (length % 64));
});

fn read(envelope: Envelope, near: u64) {
    for stored_len in [near.wrapping_sub(1), near, near.wrapping_add(16)] {
        match envelope.plain_len(stored_len) {
            Ok(PlainLen::Exact(plain_len)) => assert_eq!(plain_len + 16, stored_len),
            Ok(PlainLen::Between(range)) => assert!(*range.end() < stored_len && range.end() - range.start() == 15),
            Err(_) => assert!(stored_len < 16 || envelope.suite() == Suite::Cbc || stored_len > (1 << 36) - 16),
        }
    }
    let strictest = envelope.clone().admit(&ReadPolicy::default()).is_ok();
    assert!(!strictest || envelope.suite() == Suite::CommittingGcm && !envelope.is_in_instruction_file());
    let admitted = envelope.admit(&everything()).expect("everything is allowed");
    let Ok(ask) = admitted.kms(&Context::new()) else { return };
    let (blob_len, answer) = (ask.blob().len(), ask.unlock(&[7; 32]));
    assert!((1..=1024).contains(&blob_len));
    let Ok(content) = answer else { return };
    let _ = content.measure(near);
}

fn everything() -> ReadPolicy {
    ReadPolicy {
        commitment: CommitmentPolicy::ForbidEncryptAllowDecrypt,
        instruction_files: InstructionFiles::Any,
        legacy_wraps: true,
        legacy_content: true,
        unverified_ranges: true,
        early_release: true,
    }
}
