//! Check values are those of the vectors, which another program computed, however the key is read.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use keyring::{AesKey, KeyCheck, KeyId, MasterSecret, PublicKey, WrappingKey};
use serde_json::Value;

const VECTORS: &str = include_str!("../../../tests/vectors/key-checks.json");

fn id() -> KeyId {
    "a".parse().unwrap()
}

fn pem(label: &str, base64: &str) -> String {
    format!("-----BEGIN {label}-----\n{base64}\n-----END {label}-----\n")
}

fn found(vector: &Value) -> Option<KeyCheck> {
    let text = |name: &str| vector[name].as_str().unwrap();
    match text("kind") {
        "aes" => {
            let key = text("key");
            let of_others = MasterSecret::aes(key.as_bytes()).unwrap().check_value();
            if key.len() < 64 {
                return of_others;
            }
            let ours = AesKey::from_key_file_contents(id(), key.as_bytes()).unwrap().check_value();
            assert_eq!(ours, of_others, "one key has one check value");
            ours
        }
        "passphrase" => {
            let parameters = text("argon2").parse().unwrap();
            AesKey::from_passphrase(id(), text("words"), &parameters).unwrap().check_value()
        }
        "rsa" => PublicKey::rsa(id(), pem("PUBLIC KEY", text("public")).as_bytes()).unwrap().check_value(),
        "x25519" => PublicKey::x25519(id(), pem("PUBLIC KEY", text("public")).as_bytes()).unwrap().check_value(),
        other => panic!("{other}"),
    }
}

#[test]
fn check_values_are_those_of_the_vectors() {
    let vectors: Value = serde_json::from_str(VECTORS).unwrap();
    let keys = vectors["keys"].as_array().unwrap();
    assert_eq!(keys.len(), 6);
    for vector in keys {
        assert_eq!(found(vector).unwrap().to_string(), vector["check"].as_str().unwrap(), "{vector}");
    }
}

#[test]
fn both_halves_of_a_key_have_the_same() {
    let rsa = |pem: &str| PublicKey::rsa(id(), pem.as_bytes()).unwrap().check_value().unwrap();
    let x25519 = |pem: &str| PublicKey::x25519(id(), pem.as_bytes()).unwrap().check_value().unwrap();
    assert_eq!(rsa(include_str!("keys/rsa-1.pem")), rsa(include_str!("keys/rsa-1.pub")));
    assert_eq!(x25519(include_str!("keys/x25519-1.pem")), x25519(include_str!("keys/x25519-1.pub")));
    assert_ne!(rsa(include_str!("keys/rsa-1.pem")), rsa(include_str!("keys/rsa-2.pem")));
}
