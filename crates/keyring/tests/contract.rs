//! What every wrapping key must do, run against each provider.
//!
//! A provider joins by calling [`every_promise`] with a way to make keys; the suite knows nothing else about it.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::pin::pin;
use std::task::{Context, Poll, Waker};

use envelope::{Binding, BindingMode, DataKey, EncryptedDataKey, Envelope, KeyId, ObjectKeys, Upload, WrappingSecret};
use keyring::{AesKey, Error, Keyring, WrappingKey};

/// Makes a key with this name; the same `variant` twice makes the same key.
type Make = fn(id: &str, variant: u8) -> Box<dyn WrappingKey>;

fn aes_key(id: &str, variant: u8) -> Box<dyn WrappingKey> {
    Box::new(AesKey::new(id.parse().unwrap(), WrappingSecret::from_bytes([variant; 32])))
}

#[test]
fn an_aes_key_keeps_every_promise() {
    every_promise(aes_key);
}

fn every_promise(make: Make) {
    what_it_wraps_it_unwraps(make);
    it_signs_with_its_own_name(make);
    another_name_is_refused(make);
    another_key_is_refused(make);
    every_changed_byte_is_refused(make);
    every_wrong_length_is_refused(make);
    a_foreign_key_id_is_not_accepted(make);
}

fn what_it_wraps_it_unwraps(make: Make) {
    for mode in [BindingMode::Object, BindingMode::Key, BindingMode::None] {
        let edk = wrap(&*make("a", 1), &binding(mode, "b", "k"));
        let key = now(make("a", 1).unwrap(&edk, &binding(mode, "b", "k"))).unwrap();
        assert!(is_the_data_key(&key));
    }
}

fn it_signs_with_its_own_name(make: Make) {
    let key = make("a", 1);
    let edk = wrap(&*key, &here());
    assert_eq!(&edk.key_id, key.id());
    assert!(key.accepts(&edk));
}

fn another_name_is_refused(make: Make) {
    let key = make("a", 1);
    let edk = wrap(&*key, &here());
    let elsewhere = [
        binding(BindingMode::Object, "b", "other"),
        binding(BindingMode::Object, "other", "k"),
        binding(BindingMode::Object, "bk", ""),
        binding(BindingMode::Key, "b", "k"),
        binding(BindingMode::None, "b", "k"),
    ];
    for there in elsewhere {
        refuses(&*key, &edk, &there);
    }
}

fn another_key_is_refused(make: Make) {
    let edk = wrap(&*make("a", 1), &here());
    refuses(&*make("a", 2), &edk, &here());
}

fn every_changed_byte_is_refused(make: Make) {
    let key = make("a", 1);
    let edk = wrap(&*key, &here());
    for at in 0..edk.wrapped.len() {
        for bit in 0..8 {
            let mut changed = edk.clone();
            changed.wrapped[at] ^= 1 << bit;
            refuses(&*key, &changed, &here());
        }
    }
}

fn every_wrong_length_is_refused(make: Make) {
    let key = make("a", 1);
    let edk = wrap(&*key, &here());
    for len in (0..edk.wrapped.len()).chain([edk.wrapped.len() + 1, edk.wrapped.len() + 8]) {
        let mut changed = edk.clone();
        changed.wrapped.resize(len, 0);
        refuses(&*key, &changed, &here());
    }
}

fn a_foreign_key_id_is_not_accepted(make: Make) {
    let edk = wrap(&*make("a", 1), &here());
    let stranger = make("b", 1);
    assert!(!stranger.accepts(&edk));
    refuses(&*stranger, &edk, &here());
}

#[test]
fn a_keyring_wraps_with_its_primary_key_and_unwraps_with_any() {
    let old = Keyring::new(aes_key("old", 1), vec![]).unwrap();
    let new = Keyring::new(aes_key("new", 2), vec![aes_key("old", 1)]).unwrap();
    let edk = now(old.wrap(&data_key(), &here())).unwrap();
    assert!(is_the_data_key(&now(new.unwrap(&edk, &here())).unwrap()));
    assert_eq!(now(new.wrap(&data_key(), &here())).unwrap().key_id, id("new"));
    assert_eq!(new.primary_id(), &id("new"));
}

#[test]
fn a_missing_key_and_a_refusing_key_are_told_apart() {
    let edk = wrap(&*aes_key("old", 1), &here());
    let without = Keyring::new(aes_key("new", 2), vec![]).unwrap();
    assert_eq!(now(without.unwrap(&edk, &here())).unwrap_err(), Error::UnknownKey { key_id: id("old") });
    let wrong = Keyring::new(aes_key("new", 2), vec![aes_key("old", 3)]).unwrap();
    assert_eq!(now(wrong.unwrap(&edk, &here())).unwrap_err(), Error::Refused { key_id: id("old") });
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
    refuses(&*zero, &wrap(&*aes_key("a", 1), &here()), &here());
}

#[test]
fn debug_output_names_keys_and_shows_no_bytes() {
    let key = AesKey::new(id("main"), WrappingSecret::from_bytes([0xab; 32]));
    assert_eq!(format!("{key:?}"), "AesKey { id: \"main\", .. }");
    assert_eq!(format!("{:?}", Keyring::new(Box::new(key), vec![]).unwrap()), "[\"main\"]");
}

fn refuses(key: &dyn WrappingKey, edk: &EncryptedDataKey, binding: &Binding) {
    let refused = Error::Refused { key_id: key.id().clone() };
    assert_eq!(now(key.unwrap(edk, binding)).unwrap_err(), refused);
}

fn wrap(key: &dyn WrappingKey, binding: &Binding) -> EncryptedDataKey {
    now(key.wrap(&data_key(), binding)).unwrap()
}

fn binding(mode: BindingMode, bucket: &str, key: &str) -> Binding {
    Binding::new(mode, bucket, key).unwrap()
}

fn here() -> Binding {
    binding(BindingMode::Object, "b", "k")
}

fn id(text: &str) -> KeyId {
    text.parse().unwrap()
}

fn data_key() -> DataKey {
    DataKey::from_bytes([9; 32])
}

/// Data keys cannot be compared; an envelope's commitment can.
fn is_the_data_key(key: &DataKey) -> bool {
    let edk = wrap(&*aes_key("a", 1), &here());
    let keys = ObjectKeys::derive(&data_key());
    Envelope::new(Upload::Put, BindingMode::Object, edk, &keys).unlock(key).is_ok()
}

/// Local keys answer at once; a provider that waits brings a runtime of its own.
fn now<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(answer) => answer,
        Poll::Pending => panic!("a local key has nothing to wait for"),
    }
}
