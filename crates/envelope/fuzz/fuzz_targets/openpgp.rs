//! Any bytes are an OpenPGP message or are refused, and so are any bytes that somebody encrypted to the key.
//!
//! The first byte chooses whether the rest stands in front of the encryption or within it.
#![no_main]

use std::sync::LazyLock;

use aws_lc_rs::cipher::{AES_256, EncryptingKey, EncryptionContext, UnboundCipherKey};
use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, SHA256, digest};
use aws_lc_rs::iv::FixedLength;
use envelope::legacy::openpgp::{Key, open};
use libfuzzer_sys::fuzz_target;

const LIMIT: usize = 100_000;

static KEY: LazyLock<Key> = LazyLock::new(|| Key::from_passphrase("words").expect("a passphrase"));

fuzz_target!(|input: &[u8]| {
    let Some((within, rest)) = input.split_first() else { return };
    let stored = if within & 1 == 0 { rest.to_vec() } else { protected(rest) };
    if let Ok(opened) = open(&KEY, &stored, LIMIT) {
        assert!(opened.len() <= LIMIT);
    }
});

/// Packets as a message with integrity protection (RFC 9580, 5.13.1), whose session key is the hash of the passphrase.
fn protected(packets: &[u8]) -> Vec<u8> {
    let mut body = [&[7; 18][..], packets, &[0xd3, 0x14]].concat();
    let sum = digest(&SHA1_FOR_LEGACY_USE_ONLY, &body);
    body.extend_from_slice(sum.as_ref());
    let key = UnboundCipherKey::new(&AES_256, digest(&SHA256, b"words").as_ref()).expect("32 bytes");
    let key = EncryptingKey::cfb128(key).expect("a key");
    key.less_safe_encrypt(&mut body, EncryptionContext::Iv128(FixedLength::from([0; 16]))).expect("any length");
    let len = u32::try_from(body.len() + 1).expect("short").to_be_bytes();
    [&[0xc3, 4, 4, 9, 0, 8, 0xd2, 0xff][..], &len, &[1], &body].concat()
}
