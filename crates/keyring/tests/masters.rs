//! Keys of formats that are not ours: which one is chosen, how they are written, and what their service is asked.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::pin::pin;
use std::sync::Arc;
use std::task::{self, Poll, Waker};

use async_trait::async_trait;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use envelope::KeyId;
use envelope::s3ec::{self, Context, Detection, KeyKind, ReadPolicy};
use keyring::{Error, Kms, KmsError, KmsKey, MasterKey, MasterKeys, MasterSecret};
use rustls_pki_types::PrivateKeyDer;
use rustls_pki_types::pem::PemObject;
use zeroize::Zeroizing;

const VECTOR: &str = include_str!("../../../tests/vectors/s3ec/v3-rsa-java-short.json");

fn id(text: &str) -> KeyId {
    text.parse().unwrap()
}

fn pairs(pairs: &[(&str, &str)]) -> Context {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn aes(name: &str, materials: &[(&str, &str)]) -> MasterKey {
    let secret = MasterSecret::aes(&[7; 16]).unwrap();
    MasterKey { id: id(name), materials: pairs(materials), context: Context::new(), secret }
}

fn rsa_pem() -> String {
    let vector: serde_json::Value = serde_json::from_str(VECTOR).unwrap();
    vector["master_key"]["private_pem"].as_str().unwrap().to_owned()
}

/// The same key without the wrapper of PKCS #8, which for RSA with 2048 bits is 26 bytes.
fn as_pkcs1(pem: &str) -> String {
    let PrivateKeyDer::Pkcs8(der) = PrivateKeyDer::from_pem_slice(pem.as_bytes()).unwrap() else { panic!("PKCS #8") };
    let text = STANDARD.encode(&der.secret_pkcs8_der()[26..]);
    let lines: Vec<_> = text.as_bytes().chunks(64).map(|line| str::from_utf8(line).unwrap()).collect();
    format!("-----BEGIN RSA PRIVATE KEY-----\n{}\n-----END RSA PRIVATE KEY-----\n", lines.join("\n"))
}

/// Whether the key unwraps the data key of the vector, whose commitment then fits.
fn opens_the_vector(secret: &MasterSecret) -> bool {
    let vector: serde_json::Value = serde_json::from_str(VECTOR).unwrap();
    let metadata = vector["metadata"].as_object().unwrap();
    let metadata = metadata.iter().map(|(name, value)| (name.as_str(), value.as_str().unwrap()));
    let Detection::Complete(envelope) = s3ec::detect(metadata, 0).unwrap() else { panic!("a complete envelope") };
    let MasterSecret::Local(key) = secret else { panic!("a key at hand") };
    envelope.admit(&ReadPolicy::default()).unwrap().unlock(key).is_ok()
}

#[test]
fn an_rsa_key_is_read_in_both_of_its_forms() {
    let pkcs8 = rsa_pem();
    for pem in [as_pkcs1(&pkcs8), format!("some words before\n{pkcs8}"), pkcs8] {
        let secret = MasterSecret::rsa(pem.as_bytes()).unwrap();
        assert_eq!(secret.kind(), Some(KeyKind::Rsa));
        assert!(opens_the_vector(&secret));
    }
}

#[test]
fn what_is_no_private_key_of_rsa_is_refused_without_repeating_it() {
    let locked = "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n";
    let cut = rsa_pem().replace("-----END", "----END");
    for (contents, problem) in [(locked, "locked"), (cut.as_str(), "PEM"), ("", "PEM"), ("\u{0}", "PEM")] {
        let error = MasterSecret::rsa(contents.as_bytes()).unwrap_err();
        assert!(error.to_string().contains(problem), "{error}");
        assert!(!error.to_string().contains("AAAA") && !error.to_string().contains("MII"), "{error}");
    }
}

#[test]
fn the_description_chooses_and_the_first_key_serves_without() {
    let keys = vec![aes("first", &[]), aes("east", &[("site", "east")]), aes("west", &[("site", "west")])];
    let keys = MasterKeys::new(keys).unwrap();
    let chosen = |materials: &[(&str, &str)]| keys.described(KeyKind::Aes, &pairs(materials)).unwrap().id.to_string();
    assert_eq!(chosen(&[("site", "west")]), "west");
    assert_eq!(chosen(&[("site", "west"), ("more", "x")]), "first", "only the whole description counts");
    assert_eq!(chosen(&[]), "first");
    assert!(keys.described(KeyKind::Rsa, &pairs(&[("site", "west")])).is_none(), "never another kind");
}

#[test]
fn half_a_key_is_asked_last() {
    let files = keyring::rsa_key_files(keyring::RsaLen::Bits2048).unwrap();
    let key = |name: &str, materials: &[(&str, &str)], secret: Result<MasterSecret, Error>| MasterKey {
        id: id(name),
        materials: pairs(materials),
        context: Context::new(),
        secret: secret.unwrap(),
    };
    let half = |name: &str, materials: &[(&str, &str)]| {
        key(name, materials, MasterSecret::rsa_public(files.public.as_bytes()))
    };
    let keys = vec![
        half("new", &[]),
        half("east", &[("site", "east")]),
        key("old", &[], MasterSecret::rsa(rsa_pem().as_bytes())),
    ];
    let keys = MasterKeys::new(keys).unwrap();
    let chosen = |materials: &[(&str, &str)]| keys.described(KeyKind::Rsa, &pairs(materials)).unwrap();
    assert_eq!(chosen(&[]).id, id("old"));
    assert!(chosen(&[("site", "east")]).id == id("east") && !chosen(&[("site", "east")]).secret.unwraps());
    assert_eq!(chosen(&[("site", "west")]).id, id("old"));
    assert!(MasterSecret::rsa_public(files.private.as_bytes()).is_err(), "that is the other half");
}

#[test]
fn a_rule_has_the_keys_it_names_in_its_order() {
    let keys = MasterKeys::new(vec![aes("a", &[]), aes("b", &[]), aes("c", &[])]).unwrap();
    assert_eq!(format!("{:?}", keys.named(&[id("c"), id("a")]).unwrap()), "[\"c\", \"a\"]");
    assert_eq!(keys.named(&[id("c"), id("a")]).unwrap().first(KeyKind::Aes).unwrap().id, id("c"));
    assert_eq!(keys.named(&[id("x")]).unwrap_err(), Error::UnknownKey { key_id: id("x") });
    assert_eq!(keys.named(&[id("a"), id("a")]).unwrap_err(), Error::DuplicateKey { key_id: id("a") });
    let twins = MasterKeys::new(vec![aes("a", &[]), aes("a", &[])]);
    assert_eq!(twins.unwrap_err(), Error::DuplicateKey { key_id: id("a") });
}

/// Answers as it was told to, and insists on being asked for its key.
struct Service(Result<(), KmsError>);

#[async_trait]
impl Kms for Service {
    async fn encrypt(&self, key: &str, plaintext: &[u8], _: &Context) -> Result<Vec<u8>, KmsError> {
        assert_eq!(key, "alias/main");
        self.0.clone().map(|()| plaintext.to_vec())
    }

    async fn decrypt(&self, key: Option<&str>, blob: &[u8], _: &Context) -> Result<Zeroizing<Vec<u8>>, KmsError> {
        assert_eq!(key, Some("alias/main"), "the key is pinned");
        self.0.clone().map(|()| Zeroizing::new(blob.to_vec()))
    }
}

#[test]
fn what_a_service_says_is_told_with_the_id_of_the_key() {
    let key = |answer| {
        let secret = MasterSecret::Kms(KmsKey::new(Arc::new(Service(answer)), "alias/main".to_owned()));
        MasterKey { id: id("main"), materials: Context::new(), context: Context::new(), secret }
    };
    let none = Context::new();
    assert_eq!(now(key(Ok(())).decrypt(b"blob", &none)).unwrap().as_slice(), b"blob");
    let (key_id, why) = (id("main"), "late".to_owned());
    for (answer, expected) in [
        (KmsError::Refused, Error::Refused { key_id: key_id.clone() }),
        (KmsError::Denied(why.clone()), Error::Denied { key_id: key_id.clone(), why: why.clone() }),
        (KmsError::Unavailable(why.clone()), Error::Unavailable { key_id: key_id.clone(), why }),
    ] {
        assert_eq!(now(key(Err(answer.clone())).decrypt(b"blob", &none)).unwrap_err(), expected);
        assert_eq!(now(key(Err(answer)).encrypt(b"plain", &none)).unwrap_err(), expected);
    }
    assert_eq!(now(aes("main", &[]).decrypt(b"blob", &none)).unwrap_err(), Error::WrongKind { key_id });
}

#[test]
fn secrets_are_neither_empty_nor_shown() {
    for refused in [
        MasterSecret::pbkdf2("", "salt", 1),
        MasterSecret::pbkdf2("hunter2", "salt", 0),
        MasterSecret::pbkdf2("hunter2", "salt", 10_000_001),
        MasterSecret::openpgp(None, None),
        MasterSecret::openpgp(None, Some("")),
        MasterSecret::openpgp(Some(b"no key"), Some("hunter2")),
        MasterSecret::rclone_crypt("", None, false),
        MasterSecret::rclone_crypt("hunter2", None, true),
    ] {
        assert!(matches!(refused, Err(Error::InvalidSecret { .. })), "{refused:?}");
    }
    // What `rclone obscure` makes of the word.
    let obscured = "d2W9zehqcKwR_ekZgjsgLffy813l1ZA";
    let shown = [
        format!("{:?}", MasterSecret::pbkdf2("hunter2", "hunter2", 1).unwrap()),
        format!("{:?}", MasterSecret::openpgp(None, Some("hunter2")).unwrap()),
        format!("{:?}", MasterSecret::rclone_crypt("hunter2", Some("hunter2"), false).unwrap()),
        format!("{:?}", MasterSecret::rclone_crypt(obscured, Some(obscured), true).unwrap()),
        format!("{:?}", aes("a", &[])),
    ];
    assert!(shown.iter().all(|text| !text.contains("hunter2") && !text.contains("104, 117") && !text.contains("7, 7")));
}

fn now<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut task::Context::from_waker(Waker::noop())) {
        Poll::Ready(answer) => answer,
        Poll::Pending => panic!("nothing here waits"),
    }
}
