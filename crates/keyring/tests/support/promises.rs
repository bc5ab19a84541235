//! What every wrapping key must do. A provider joins by a way to make keys; nothing else is known about it.

use envelope::{Binding, BindingMode, DataKey, EncryptedDataKey, Envelope, KeyId, ObjectKeys, Upload};
use keyring::{Error, WrappingKey};

/// Makes a key with this name; the same `variant` twice makes the same key.
pub(crate) type Make<'a> = &'a dyn Fn(&str, u8) -> Box<dyn WrappingKey>;

pub(crate) async fn every_promise(make: Make<'_>) {
    what_it_wraps_it_unwraps(make).await;
    it_signs_with_its_own_name(make).await;
    another_name_is_refused(make).await;
    another_key_is_refused(make).await;
    every_changed_byte_is_refused(make).await;
    every_wrong_length_is_refused(make).await;
    a_foreign_key_id_is_not_accepted(make).await;
    a_caller_that_gives_up_harms_nobody(make).await;
    make("a", 1).check().await.unwrap();
}

async fn what_it_wraps_it_unwraps(make: Make<'_>) {
    for mode in [BindingMode::Object, BindingMode::Key, BindingMode::None] {
        let edk = wrap(&*make("a", 1), &binding(mode, "b", "k")).await;
        let key = make("a", 1).unwrap(&edk, &binding(mode, "b", "k")).await.unwrap();
        assert!(is_the_data_key(&edk, &key));
    }
}

async fn it_signs_with_its_own_name(make: Make<'_>) {
    let key = make("a", 1);
    let edk = wrap(&*key, &here()).await;
    assert_eq!(&edk.key_id, key.id());
    assert!(key.accepts(&edk));
}

async fn another_name_is_refused(make: Make<'_>) {
    let key = make("a", 1);
    let edk = wrap(&*key, &here()).await;
    let elsewhere = [
        binding(BindingMode::Object, "b", "other"),
        binding(BindingMode::Object, "other", "k"),
        binding(BindingMode::Object, "bk", ""),
        binding(BindingMode::Key, "b", "k"),
        binding(BindingMode::None, "b", "k"),
    ];
    for there in elsewhere {
        refuses(&*key, &edk, &there).await;
    }
}

async fn another_key_is_refused(make: Make<'_>) {
    let edk = wrap(&*make("a", 1), &here()).await;
    refuses(&*make("a", 2), &edk, &here()).await;
}

async fn every_changed_byte_is_refused(make: Make<'_>) {
    let key = make("a", 1);
    let edk = wrap(&*key, &here()).await;
    for at in 0..edk.wrapped.len() {
        // Wraps of services are long, and each bit of theirs is a request.
        let bits = if edk.wrapped.len() > 64 { at % 8..at % 8 + 1 } else { 0..8 };
        for bit in bits {
            let mut changed = edk.clone();
            changed.wrapped[at] ^= 1 << bit;
            refuses(&*key, &changed, &here()).await;
        }
    }
}

async fn every_wrong_length_is_refused(make: Make<'_>) {
    let key = make("a", 1);
    let edk = wrap(&*key, &here()).await;
    for len in (0..edk.wrapped.len()).chain([edk.wrapped.len() + 1, edk.wrapped.len() + 8]) {
        let mut changed = edk.clone();
        changed.wrapped.resize(len, 0);
        refuses(&*key, &changed, &here()).await;
    }
}

async fn a_foreign_key_id_is_not_accepted(make: Make<'_>) {
    let edk = wrap(&*make("a", 1), &here()).await;
    let stranger = make("b", 1);
    assert!(!stranger.accepts(&edk));
    refuses(&*stranger, &edk, &here()).await;
}

/// Requests are dropped at any point when a client goes away.
async fn a_caller_that_gives_up_harms_nobody(make: Make<'_>) {
    let key = make("a", 1);
    let edk = wrap(&*make("a", 1), &here()).await;
    for _ in 0..3 {
        abandon(key.wrap(&data_key(), &here()));
        abandon(key.unwrap(&edk, &here()));
    }
    let unwrapped = key.unwrap(&edk, &here()).await.unwrap();
    assert!(is_the_data_key(&edk, &unwrapped));
    wrap(&*key, &here()).await;
}

/// Asks once for the answer, and then never again.
fn abandon<T>(future: impl Future<Output = T>) {
    let _ = std::pin::pin!(future).poll(&mut std::task::Context::from_waker(std::task::Waker::noop()));
}

pub(crate) async fn refuses(key: &dyn WrappingKey, edk: &EncryptedDataKey, binding: &Binding) {
    let refused = Error::Refused { key_id: key.id().clone() };
    let error = key.unwrap(edk, binding).await.unwrap_err();
    assert_eq!(error, refused);
    assert!(error.to_string().contains(&format!("\"{}\"", key.id())), "{error}");
}

pub(crate) async fn wrap(key: &dyn WrappingKey, binding: &Binding) -> EncryptedDataKey {
    key.wrap(&data_key(), binding).await.unwrap()
}

pub(crate) fn binding(mode: BindingMode, bucket: &str, key: &str) -> Binding {
    Binding::new(mode, bucket, key).unwrap()
}

pub(crate) fn here() -> Binding {
    binding(BindingMode::Object, "b", "k")
}

pub(crate) fn id(text: &str) -> KeyId {
    text.parse().unwrap()
}

pub(crate) fn data_key() -> DataKey {
    DataKey::from_bytes([9; 32])
}

/// Data keys cannot be compared; an envelope's commitment can.
pub(crate) fn is_the_data_key(edk: &EncryptedDataKey, key: &DataKey) -> bool {
    let keys = ObjectKeys::derive(&data_key());
    Envelope::new(Upload::Put, BindingMode::Object, edk.clone(), &keys).unlock(key).is_ok()
}
