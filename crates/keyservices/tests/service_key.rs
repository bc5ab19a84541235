//! How often a service is asked, and what is kept of its answers; the service is a table in memory.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use envelope::s3ec::Context;
use envelope::{BindingMode, WrapAlgorithm};
use keyring::{Error, Kms, KmsError, KmsKey, WrappingKey};
use keyservices::{Draw, Reuse, ServiceKey};
use zeroize::Zeroizing;

#[path = "../../keyring/tests/support/promises.rs"]
mod promises;

use promises::{binding, data_key, here, id, is_the_data_key, wrap};

/// Blobs are names in a table of what they stand for.
#[derive(Default)]
struct Table {
    rows: Mutex<HashMap<Vec<u8>, Row>>,
    encrypts: AtomicUsize,
    decrypts: AtomicUsize,
    down: Mutex<bool>,
}

#[derive(Clone)]
struct Row {
    key: String,
    plaintext: Vec<u8>,
    context: Context,
}

impl Table {
    async fn work(&self) -> Result<(), KmsError> {
        // Others get their turn while a service is asked.
        tokio::task::yield_now().await;
        if *self.down.lock().unwrap() { Err(KmsError::Unavailable("down".to_owned())) } else { Ok(()) }
    }

    fn asked(&self) -> (usize, usize) {
        (self.encrypts.load(Ordering::Relaxed), self.decrypts.load(Ordering::Relaxed))
    }
}

struct Shared(Arc<Table>);

#[async_trait]
impl Kms for Shared {
    async fn encrypt(&self, key: &str, plaintext: &[u8], context: &Context) -> Result<Vec<u8>, KmsError> {
        let number = self.0.encrypts.fetch_add(1, Ordering::Relaxed);
        self.0.work().await?;
        let row = Row { key: key.to_owned(), plaintext: plaintext.to_vec(), context: context.clone() };
        let blob = format!("blob of a service, number {number:06}").into_bytes();
        self.0.rows.lock().unwrap().insert(blob.clone(), row);
        Ok(blob)
    }

    async fn decrypt(&self, key: Option<&str>, blob: &[u8], context: &Context) -> Result<Zeroizing<Vec<u8>>, KmsError> {
        self.0.decrypts.fetch_add(1, Ordering::Relaxed);
        self.0.work().await?;
        let row = self.0.rows.lock().unwrap().get(blob).cloned().ok_or(KmsError::Refused)?;
        if row.context != *context || Some(row.key.as_str()) != key {
            return Err(KmsError::Refused);
        }
        Ok(Zeroizing::new(row.plaintext))
    }
}

/// Never the same bytes twice.
fn draw() -> Draw {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    Arc::new(|bytes| {
        bytes[..8].copy_from_slice(&NEXT.fetch_add(1, Ordering::Relaxed).to_be_bytes());
        Ok(())
    })
}

fn key_of(table: &Arc<Table>, name: &str, service_name: &str, reuse: Reuse) -> ServiceKey {
    let kms = KmsKey::new(Arc::new(Shared(Arc::clone(table))), service_name.to_owned());
    ServiceKey::new(id(name), WrapAlgorithm::AwsKms, kms, Context::new(), draw(), reuse).unwrap()
}

fn key(table: &Arc<Table>, reuse: Reuse) -> ServiceKey {
    key_of(table, "a", "key-1", reuse)
}

fn never() -> Reuse {
    Reuse { age: Duration::ZERO, objects: 1 }
}

#[tokio::test]
async fn a_key_of_a_service_keeps_every_promise() {
    for reuse in [Reuse::default(), never()] {
        let table = Arc::new(Table::default());
        promises::every_promise(&|id, variant| Box::new(key_of(&table, id, &format!("key-{variant}"), reuse))).await;
    }
}

#[tokio::test]
async fn the_service_is_asked_once_for_many_objects() {
    let table = Arc::new(Table::default());
    let key = key(&table, Reuse { objects: 100, ..Reuse::default() });
    for number in 0..100 {
        let there = binding(BindingMode::Object, "b", &format!("k{number}"));
        let edk = wrap(&key, &there).await;
        assert!(is_the_data_key(&edk, &key.unwrap(&edk, &there).await.unwrap()));
    }
    assert_eq!(table.asked(), (1, 0), "what we wrapped ourselves needs no question to be read");
    wrap(&key, &here()).await;
    assert_eq!(table.asked(), (2, 0), "a key serves no more objects than it may");
    wrap(&key, &binding(BindingMode::Object, "other", "k")).await;
    assert_eq!(table.asked(), (3, 0), "each bucket has a key of its own");
}

#[tokio::test(start_paused = true)]
async fn keys_serve_no_longer_than_they_may() {
    let table = Arc::new(Table::default());
    let (writer, reader) = (key(&table, Reuse::default()), key(&table, Reuse::default()));
    let edk = wrap(&writer, &here()).await;
    for _ in 0..3 {
        reader.unwrap(&edk, &here()).await.unwrap();
    }
    assert_eq!(table.asked(), (1, 1));
    tokio::time::advance(Reuse::default().age).await;
    reader.unwrap(&edk, &here()).await.unwrap();
    wrap(&writer, &here()).await;
    assert_eq!(table.asked(), (2, 2), "both are asked for anew");
}

#[tokio::test]
async fn nothing_is_kept_where_nothing_may_be() {
    let table = Arc::new(Table::default());
    let key = key(&table, never());
    for _ in 0..3 {
        let edk = wrap(&key, &here()).await;
        key.unwrap(&edk, &here()).await.unwrap();
    }
    assert_eq!(table.asked(), (3, 3));
}

#[tokio::test]
async fn many_who_want_the_same_key_ask_once() {
    let table = Arc::new(Table::default());
    let (writer, reader) = (key(&table, Reuse::default()), key(&table, Reuse::default()));
    let place = here();
    let many = || (0..20).map(|_| wrap(&writer, &place));
    let wrapped = futures::future::join_all(many()).await;
    assert_eq!(table.asked(), (1, 0));
    let read = wrapped.iter().map(|edk| reader.unwrap(edk, &place));
    assert!(futures::future::join_all(read).await.iter().all(Result::is_ok));
    assert_eq!(table.asked(), (1, 1));
}

#[tokio::test]
async fn a_service_that_is_down_is_no_refusal_and_what_is_kept_serves_on() {
    let table = Arc::new(Table::default());
    let (kept, fresh) = (key(&table, Reuse::default()), key(&table, Reuse::default()));
    let edk = wrap(&kept, &here()).await;
    *table.down.lock().unwrap() = true;
    let unavailable = Error::Unavailable { key_id: id("a"), why: "down".to_owned() };
    assert_eq!(fresh.unwrap(&edk, &here()).await.unwrap_err(), unavailable);
    assert_eq!(fresh.wrap(&data_key(), &here()).await.unwrap_err(), unavailable);
    assert!(kept.unwrap(&edk, &here()).await.is_ok() && kept.wrap(&data_key(), &here()).await.is_ok());
    *table.down.lock().unwrap() = false;
    assert!(fresh.unwrap(&edk, &here()).await.is_ok(), "a failure is not kept");
}

#[tokio::test]
async fn the_configured_context_is_part_of_every_question() {
    let table = Arc::new(Table::default());
    let make = |pairs: &[(&str, &str)]| {
        let context = pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let kms = KmsKey::new(Arc::new(Shared(Arc::clone(&table))), "key-1".to_owned());
        ServiceKey::new(id("a"), WrapAlgorithm::AwsKms, kms, context, draw(), Reuse::default())
    };
    let edk = wrap(&make(&[("site", "east")]).unwrap(), &here()).await;
    let rows = table.rows.lock().unwrap().clone();
    let sent: Vec<_> = rows.values().next().unwrap().context.iter().collect();
    assert_eq!(format!("{sent:?}"), r#"[("sealgate:bucket", "b"), ("sealgate:format", "1"), ("site", "east")]"#);
    promises::refuses(&make(&[("site", "west")]).unwrap(), &edk, &here()).await;
    assert!(matches!(make(&[("sealgate:bucket", "b")]), Err(Error::InvalidSecret { .. })));
}

#[tokio::test]
async fn a_canary_is_known_by_its_key_and_by_no_other() {
    let table = Arc::new(Table::default());
    let canary = key(&table, never()).canary().await.unwrap().unwrap();
    assert!(key(&table, never()).knows(&canary).await.unwrap(), "at every later start");
    assert!(!key_of(&table, "a", "key-2", never()).knows(&canary).await.unwrap(), "another key under the same id");
    let other = key(&table, never()).canary().await.unwrap().unwrap();
    let mixed = keyring::Canary { wrapped: canary.wrapped.clone(), check: other.check };
    assert!(!key(&table, never()).knows(&mixed).await.unwrap(), "it unwraps, to something else");
    *table.down.lock().unwrap() = true;
    assert!(matches!(key(&table, never()).knows(&canary).await, Err(Error::Unavailable { .. })), "that is no answer");
}
