//! Seals what no writer would write, under the keys of the data key 01 01 ... 01.

#![allow(dead_code, reason = "each target uses a part of this")]

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::hkdf::{HKDF_SHA512, KeyType, Salt};

struct Key;

impl KeyType for Key {
    fn len(&self) -> usize {
        32
    }
}

/// A summary of padded facts.
pub fn summary(facts: &[u8], table_len: u64) -> Vec<u8> {
    let sealed = encrypt(b"sealgate/1 footer", b"sealgate/1 summary", facts);
    [&sealed[..], &table_len.to_be_bytes(), b"SEALGATE"].concat()
}

/// A table of padded entries.
pub fn table(entries: &[u8]) -> Vec<u8> {
    encrypt(b"sealgate/1 footer", b"sealgate/1 table", entries)
}

/// User metadata, before base64.
pub fn metadata(plain: &[u8]) -> Vec<u8> {
    encrypt(b"sealgate/1 metadata", b"sealgate/1 metadata", plain)
}

fn encrypt(info: &[u8], aad: &[u8], plain: &[u8]) -> Vec<u8> {
    let mut key = [0; 32];
    let prk = Salt::new(HKDF_SHA512, b"").extract(&[1; 32]);
    prk.expand(&[info], Key).unwrap().fill(&mut key).unwrap();
    let key = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, &key).unwrap());
    let mut sealed = plain.to_vec();
    let nonce = Nonce::assume_unique_for_key([0; 12]);
    key.seal_in_place_append_tag(nonce, Aad::from(aad), &mut sealed).unwrap();
    [vec![0; 12], sealed].concat()
}
