//! The promises of every wrapping key, for those that are at hand, and what a keyring makes of several.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::pin::pin;
use std::task::{Context, Poll, Waker};

use envelope::WrappingSecret;
use keyring::{AesKey, Error, Keyring, WrappingKey};

#[path = "support/promises.rs"]
mod promises;

use promises::{data_key, every_promise, here, id, is_the_data_key};

fn aes_key(id: &str, variant: u8) -> Box<dyn WrappingKey> {
    Box::new(AesKey::new(id.parse().unwrap(), WrappingSecret::from_bytes([variant; 32])))
}

#[test]
fn an_aes_key_keeps_every_promise() {
    now(every_promise(&aes_key));
}

#[test]
fn a_keyring_wraps_with_its_primary_key_and_unwraps_with_any() {
    let old = Keyring::new(aes_key("old", 1), vec![]).unwrap();
    let new = Keyring::new(aes_key("new", 2), vec![aes_key("old", 1)]).unwrap();
    let edk = now(old.wrap(&data_key(), &here())).unwrap();
    assert!(is_the_data_key(&edk, &now(new.unwrap(&edk, &here())).unwrap()));
    assert_eq!(now(new.wrap(&data_key(), &here())).unwrap().key_id, id("new"));
    assert_eq!(new.primary_id(), &id("new"));
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
    assert_eq!(format!("{:?}", Keyring::new(Box::new(key), vec![]).unwrap()), "[\"main\"]");
}

/// Local keys answer at once; a provider that waits brings a runtime of its own.
fn now<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(answer) => answer,
        Poll::Pending => panic!("a local key has nothing to wait for"),
    }
}
