//! The promises of every wrapping key, for those that are at hand, and what a keyring makes of several.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use envelope::WrappingSecret;
use keyring::{AesKey, Error, Keyring, PassphraseParameters, PublicKey, WrapAlgorithm, WrappingKey};

#[path = "support/promises.rs"]
mod promises;

use promises::{data_key, every_promise, here, id, is_the_data_key};

const RSA_1: &str = include_str!("keys/rsa-1.pem");
const RSA_1_PUBLIC: &str = include_str!("keys/rsa-1.pub");
const RSA_2: &str = include_str!("keys/rsa-2.pem");
const X25519_1: &str = include_str!("keys/x25519-1.pem");
const X25519_1_PUBLIC: &str = include_str!("keys/x25519-1.pub");
const X25519_2: &str = include_str!("keys/x25519-2.pem");

fn rsa(name: &str, pem: &str) -> PublicKey {
    PublicKey::rsa(id(name), pem.as_bytes()).unwrap()
}

fn x25519(name: &str, pem: &str) -> PublicKey {
    PublicKey::x25519(id(name), pem.as_bytes()).unwrap()
}

fn aes_key(id: &str, variant: u8) -> Arc<dyn WrappingKey> {
    Arc::new(AesKey::new(id.parse().unwrap(), WrappingSecret::from_bytes([variant; 32])))
}

fn boxed(key: impl WrappingKey) -> Box<dyn WrappingKey> {
    Box::new(key)
}

#[test]
fn an_aes_key_keeps_every_promise() {
    now(every_promise(&|name, variant| boxed(AesKey::new(id(name), WrappingSecret::from_bytes([variant; 32])))));
}

#[test]
fn keys_of_two_halves_keep_every_promise() {
    now(every_promise(&|id, variant| boxed(rsa(id, if variant == 1 { RSA_1 } else { RSA_2 }))));
    now(every_promise(&|id, variant| boxed(x25519(id, if variant == 1 { X25519_1 } else { X25519_2 }))));
}

/// The cheapest there may be.
fn parameters() -> PassphraseParameters {
    "$argon2id$v=19$m=19456,t=1,p=1$c2VhbGdhdGUgdmVjdG9ycw".parse().unwrap()
}

#[test]
fn words_keep_every_promise() {
    let words = |variant| format!("correct horse {variant}");
    now(every_promise(&|id, variant| {
        Box::new(AesKey::from_passphrase(id.parse().unwrap(), &words(variant), &parameters()).unwrap())
    }));
}

#[test]
fn what_words_cost_is_settled_before_the_first_object_and_no_object_can_ask_for_more() {
    let key = AesKey::from_passphrase(id("a"), "correct horse", &parameters()).unwrap();
    let edk = now(promises::wrap(&key, &here()));
    // There is no place in it for salts or costs: it is what any AES key of 32 bytes makes.
    assert_eq!((edk.algorithm, edk.wrapped.len()), (WrapAlgorithm::A256Kw, 40));
    for costs in ["m=4294967295,t=1,p=1", "m=2097153,t=1,p=1", "m=19456,t=4294967295,p=1", "m=19456,t=1,p=255"] {
        let asked = format!("$argon2id$v=19${costs}$c2VhbGdhdGUgdmVjdG9ycw");
        assert!(asked.parse::<PassphraseParameters>().is_err(), "{costs}");
    }
    let none = AesKey::from_passphrase(id("a"), " \n", &parameters());
    assert!(matches!(none, Err(Error::InvalidSecret { .. })), "{none:?}");
}

#[test]
fn the_same_words_make_the_same_key() {
    let parameters = parameters();
    let here_too = AesKey::from_passphrase(id("a"), "correct horse 1\n", &parameters).unwrap();
    let edk = now(promises::wrap(&here_too, &here()));
    let again = AesKey::from_passphrase(id("a"), "correct horse 1", &parameters).unwrap();
    assert!(is_the_data_key(&edk, &now(again.unwrap(&edk, &here())).unwrap()));
    let other = AesKey::from_passphrase(id("a"), "correct horse 2", &parameters).unwrap();
    now(promises::refuses(&other, &edk, &here()));
}

#[test]
fn the_public_half_wraps_and_says_what_it_lacks() {
    let halves: [(PublicKey, PublicKey); 2] =
        [(rsa("a", RSA_1_PUBLIC), rsa("a", RSA_1)), (x25519("a", X25519_1_PUBLIC), x25519("a", X25519_1))];
    for (public, private) in halves {
        assert!(!public.unwraps() && private.unwraps());
        let edk = now(promises::wrap(&public, &here()));
        assert!(is_the_data_key(&edk, &now(private.unwrap(&edk, &here())).unwrap()));
        let lacking = Error::NoPrivateKey { key_id: id("a") };
        assert_eq!(now(public.unwrap(&edk, &here())).unwrap_err(), lacking);
        assert!(lacking.to_string().contains("private half of key \"a\""));
    }
}

#[test]
fn uploads_under_way_are_kept_by_another_key_where_the_primary_cannot() {
    let public = || Arc::new(x25519("main", X25519_1_PUBLIC));
    let alone = Keyring::new(public(), vec![]).unwrap();
    let lacking = Error::NoPrivateKey { key_id: id("main") };
    assert_eq!(now(alone.wrap_for_upload(&data_key(), &here())).unwrap_err(), lacking);
    let keyring = alone.with_upload_key(aes_key("uploads", 1)).unwrap();
    assert_eq!(now(keyring.wrap(&data_key(), &here())).unwrap().key_id, id("main"));
    let edk = now(keyring.wrap_for_upload(&data_key(), &here())).unwrap().unwrap();
    assert!(is_the_data_key(&edk, &now(keyring.unwrap_for_upload(&edk, &here())).unwrap()));
    let no_object_key = Error::UnknownKey { key_id: id("uploads") };
    assert_eq!(now(keyring.unwrap(&edk, &here())).unwrap_err(), no_object_key, "objects are not under it");
    let whole = Keyring::new(Arc::new(x25519("main", X25519_1)), vec![]).unwrap();
    assert_eq!(now(whole.wrap_for_upload(&data_key(), &here())).unwrap(), None);
    let twins = Keyring::new(public(), vec![aes_key("a", 1)]).unwrap().with_upload_key(aes_key("a", 2));
    assert_eq!(twins.unwrap_err(), Error::DuplicateKey { key_id: id("a") });
}

#[test]
fn files_of_other_keys_are_refused() {
    for contents in [RSA_1, RSA_1_PUBLIC, "", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"] {
        assert!(matches!(PublicKey::x25519(id("a"), contents.as_bytes()), Err(Error::InvalidKeyFile { .. })));
    }
    for contents in [X25519_1, X25519_1_PUBLIC, ""] {
        assert!(matches!(PublicKey::rsa(id("a"), contents.as_bytes()), Err(Error::InvalidKeyFile { .. })));
    }
}

#[test]
fn a_keyring_wraps_with_its_primary_key_and_unwraps_with_any() {
    let old = Keyring::new(aes_key("old", 1), vec![]).unwrap();
    let new = Keyring::new(aes_key("new", 2), vec![aes_key("old", 1)]).unwrap();
    let edk = now(old.wrap(&data_key(), &here())).unwrap();
    assert!(is_the_data_key(&edk, &now(new.unwrap(&edk, &here())).unwrap()));
    assert_eq!(now(new.wrap(&data_key(), &here())).unwrap().key_id, id("new"));
    assert_eq!(new.primary_id(), Some(&id("new")));
}

#[test]
fn a_missing_key_and_a_refusing_key_are_told_apart() {
    let edk = now(promises::wrap(&*aes_key("old", 1), &here()));
    let without = Keyring::new(aes_key("new", 2), vec![]).unwrap();
    assert_eq!(now(without.unwrap(&edk, &here())).unwrap_err(), Error::UnknownKey { key_id: id("old") });
    let wrong = Keyring::new(aes_key("new", 2), vec![aes_key("old", 3)]).unwrap();
    assert_eq!(now(wrong.unwrap(&edk, &here())).unwrap_err(), Error::Refused { key_id: id("old") });
}

#[test]
fn keyrings_share_their_keys_and_keep_from_each_other_what_is_not_theirs() {
    let (old, new) = (aes_key("old", 1), aes_key("new", 2));
    let theirs = Keyring::new(Arc::clone(&old), vec![]).unwrap();
    let ours = Keyring::new(Arc::clone(&new), vec![]).unwrap().withholding([id("old")]);
    let edk = now(theirs.wrap(&data_key(), &here())).unwrap();
    assert_eq!(now(ours.unwrap(&edk, &here())).unwrap_err(), Error::Withheld { key_id: id("old") });
    let both = Keyring::new(new, vec![Arc::clone(&old)]).unwrap().with_upload_key(old).unwrap();
    assert!(is_the_data_key(&edk, &now(both.unwrap(&edk, &here())).unwrap()), "one key in two places is one key");
}

#[test]
fn without_a_primary_key_nothing_is_wrapped() {
    let edk = now(promises::wrap(&*aes_key("old", 1), &here()));
    let reading = Keyring::reading(vec![aes_key("old", 1)]).unwrap();
    assert!(is_the_data_key(&edk, &now(reading.unwrap(&edk, &here())).unwrap()));
    assert_eq!(now(reading.wrap(&data_key(), &here())).unwrap_err(), Error::NoPrimary);
    assert_eq!(now(reading.wrap_for_upload(&data_key(), &here())).unwrap_err(), Error::NoPrimary);
}

/// Wraps with one key and unwraps with another of the same name: a key file that was damaged on its way.
struct Forgetful(AesKey, AesKey);

#[async_trait::async_trait]
impl WrappingKey for Forgetful {
    fn id(&self) -> &envelope::KeyId {
        self.0.id()
    }

    fn accepts(&self, edk: &envelope::EncryptedDataKey) -> bool {
        self.0.accepts(edk)
    }

    async fn wrap(
        &self,
        key: &envelope::DataKey,
        binding: &envelope::Binding,
    ) -> Result<envelope::EncryptedDataKey, Error> {
        self.0.wrap(key, binding).await
    }

    async fn unwrap(
        &self,
        edk: &envelope::EncryptedDataKey,
        binding: &envelope::Binding,
    ) -> Result<envelope::DataKey, Error> {
        self.1.unwrap(edk, binding).await
    }
}

#[test]
fn a_key_that_does_not_unwrap_what_it_wraps_is_found_out() {
    let aes = |variant| AesKey::new(id("a"), WrappingSecret::from_bytes([variant; 32]));
    assert_eq!(now(Forgetful(aes(1), aes(2)).check()), Err(Error::Refused { key_id: id("a") }));
    assert!(matches!(now(aes(0).check()), Err(Error::Wrap { .. })), "an all-zero key");
    assert_eq!(now(aes(1).check()), Ok(()));
    assert_eq!(now(x25519("a", X25519_1_PUBLIC).check()), Ok(()), "half a key wraps, and that is all it can");
}

#[test]
fn two_keys_of_one_name_make_no_keyring() {
    let twins = Keyring::new(aes_key("a", 1), vec![aes_key("b", 2), aes_key("a", 3)]);
    assert_eq!(twins.unwrap_err(), Error::DuplicateKey { key_id: id("a") });
}

#[test]
fn an_all_zero_key_neither_wraps_nor_unwraps() {
    let zero = aes_key("a", 0);
    assert!(matches!(now(zero.wrap(&data_key(), &here())), Err(Error::Wrap { .. })));
    let edk = now(promises::wrap(&*aes_key("a", 1), &here()));
    now(promises::refuses(&*zero, &edk, &here()));
}

#[test]
fn debug_output_names_keys_and_shows_no_bytes() {
    let key = AesKey::new(id("main"), WrappingSecret::from_bytes([0xab; 32]));
    assert_eq!(format!("{key:?}"), "AesKey { id: \"main\", .. }");
    assert_eq!(format!("{:?}", Keyring::new(Arc::new(key), vec![]).unwrap()), "[\"main\"]");
}

/// Local keys answer at once; a provider that waits brings a runtime of its own.
fn now<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(answer) => answer,
        Poll::Pending => panic!("a local key has nothing to wait for"),
    }
}
