//! Any stored bytes, cut anywhere, open to what was sealed or not at all.
//!
//! The input is a sealed object that the fuzzer may damage: two bytes of length, then edits of three bytes, each a
//! place and a value that is xored in. So most inputs come near to opening, instead of failing at the first tag.
#![no_main]

use bytes::BytesMut;
use envelope::{Computed, DataKey, ObjectKeys, Opener, Sealer};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let Some((head, edits)) = input.split_first_chunk::<3>() else { return };
    let plain = vec![7; 3 * usize::from(u16::from_be_bytes([head[0], head[1]]))];
    let genuine = seal(&plain);
    let mut stored = genuine.clone();
    for edit in edits.chunks_exact(3) {
        let at = usize::from(u16::from_be_bytes([edit[0], edit[1]])) * 3 % stored.len();
        // A zero edit cuts, so that lengths are damaged too.
        if edit[2] == 0 { stored.truncate(at.max(1)) } else { stored[at] ^= edit[2] }
    }
    let (released, complete) = open(&stored, usize::from(head[2]) * 256 + 1);
    assert!(plain.starts_with(&released));
    assert_eq!(complete, stored == genuine);
});

fn keys() -> ObjectKeys {
    ObjectKeys::derive(&DataKey::from_bytes([1; 32]))
}

fn seal(plain: &[u8]) -> Vec<u8> {
    let mut out = BytesMut::new();
    let mut sealer = Sealer::new(keys(), plain.len() as u64).unwrap();
    sealer.push(plain, &mut out).unwrap();
    sealer.finish(Computed::default(), [2; 12], &mut |_| (), &mut out).unwrap();
    out.to_vec()
}

fn open(stored: &[u8], piece: usize) -> (Vec<u8>, bool) {
    let mut out = BytesMut::new();
    let Ok(mut opener) = Opener::new(keys(), stored.len() as u64) else { return (Vec::new(), false) };
    let pushed = stored.chunks(piece).all(|piece| opener.push(piece, &mut out).is_ok());
    let finished = opener.finish(&mut out).is_ok();
    (out.to_vec(), pushed && finished)
}
