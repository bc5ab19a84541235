//! Whatever stands in authentic headers and summaries, reading it neither panics nor accepts a second spelling.
//!
//! Nobody without the keys can write such bytes, so the input takes the place of the plaintext: it is sealed here.
#![no_main]

use envelope::{DataKey, ObjectKeys, Summary};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let keys = ObjectKeys::derive(&DataKey::from_bytes([1; 32]));
    let _ = Summary::open(&keys, input);
    if let Ok(text) = std::str::from_utf8(input) {
        let _ = keys.open_metadata(text);
    }
    let mut facts = input.to_vec();
    facts.resize(212, 0);
    if let Ok(summary) = Summary::open(&keys, &forge::summary(&facts)) {
        let _ = summary.check_sealed_len(facts.len() as u64);
    }
    if let Ok(metadata) = keys.open_metadata(&forge::metadata(input)) {
        assert_eq!(keys.seal_metadata([0; 12], &metadata), Ok(forge::metadata(input)));
    }
});

/// Seals what no writer would write.
mod forge {
    use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
    use aws_lc_rs::hkdf::{HKDF_SHA512, KeyType, Salt};
    use base64::Engine;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;

    struct Key;

    impl KeyType for Key {
        fn len(&self) -> usize {
            32
        }
    }

    pub fn summary(facts: &[u8]) -> Vec<u8> {
        let sealed = encrypt(b"sealgate/1 footer", b"sealgate/1 summary", facts);
        [&sealed[..], &[0; 8], b"SEALGATE"].concat()
    }

    pub fn metadata(plain: &[u8]) -> String {
        URL_SAFE_NO_PAD.encode(encrypt(b"sealgate/1 metadata", b"sealgate/1 metadata", plain))
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
}
