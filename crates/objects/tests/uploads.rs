//! Unfinished uploads over a store that is cut off at any request, loses uploads, or takes attempts in another order.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should panic")]

#[path = "support/upload_store.rs"]
mod upload_store;
#[path = "support/uploading.rs"]
mod uploading;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use envelope::WrappingSecret;
use http::HeaderMap;
use http_body_util::BodyExt as _;
use keyring::{AesKey, Keyring, PublicKey};
use objects::{
    BucketUploads, Error, LocalUploads, OpenRequest, Opened, PolicyTable, Rule, SealedObjects, Swept, UploadState,
};
use tokio::sync::Semaphore;
use upload_store::UploadStore;
use uploading::{Counter, at, begin, complete, content, part};

const FIVE: usize = 5 * 1024 * 1024;

/// A process: everything but the store and what `uploads` keeps is its own.
fn process(store: &Arc<UploadStore>, uploads: Arc<dyn UploadState>) -> SealedObjects {
    process_with(store, uploads, Keyring::new(Arc::new(aes_key("k1")), Vec::new()).unwrap())
}

fn aes_key(id: &str) -> AesKey {
    AesKey::new(id.parse().unwrap(), WrappingSecret::from_bytes([7; 32]))
}

fn process_with(store: &Arc<UploadStore>, uploads: Arc<dyn UploadState>, keyring: Keyring) -> SealedObjects {
    static SEED: AtomicU64 = AtomicU64::new(1);
    let rule = Rule::sealed("*", Arc::new(keyring));
    let seed = SEED.fetch_add(1, Ordering::Relaxed) << 32;
    let random = Arc::new(Counter(seed.into()));
    SealedObjects::new(Arc::<UploadStore>::clone(store), PolicyTable::new(vec![rule]), random).with_uploads(uploads)
}

fn in_bucket(store: &Arc<UploadStore>) -> SealedObjects {
    process(store, Arc::new(BucketUploads::new(Arc::<UploadStore>::clone(store))))
}

async fn read(objects: &SealedObjects) -> Bytes {
    let request = OpenRequest { at: at(), want: None, part: None, headers: HeaderMap::new(), checksums: false };
    match objects.open(request).await.unwrap() {
        Opened::Object(object) => object.body.collect().await.unwrap().to_bytes(),
        _ => panic!("no object"),
    }
}

/// All that a client does, until something fails.
async fn whole_upload(objects: &SealedObjects, first: &Bytes) -> Result<(), Error> {
    let id = begin(objects).await?;
    part(objects, &id, 2, content(100, 9)).await?;
    let parts = [part(objects, &id, 1, first.clone()).await?, part(objects, &id, 2, content(3_000, 2)).await?];
    complete(objects, &id, &parts).await.map(drop)
}

#[tokio::test]
async fn a_crash_at_any_request_leaves_only_what_the_sweep_removes() {
    let first = content(FIVE, 1);
    for answered in 0.. {
        let store = UploadStore::new();
        store.ends_at.store(answered, Ordering::SeqCst);
        let ended = whole_upload(&in_bucket(&store), &first).await;
        let all_answered = store.requests() <= answered;
        let completed = store.keys().iter().any(|key| key == "key");
        store.expire();
        let objects = in_bucket(&store);
        objects.sweep_uploads(Duration::ZERO).await.unwrap();
        let left = store.keys();
        assert_eq!(left, if completed { vec!["key"] } else { Vec::new() }, "cut off after {answered} requests");
        if completed {
            assert_eq!(read(&objects).await.len(), FIVE + 3_000, "cut off after {answered} requests");
        }
        if all_answered {
            ended.unwrap();
            assert!(answered > 20, "the upload took {answered} requests");
            return;
        }
    }
}

#[tokio::test]
async fn the_sweep_forgets_what_the_store_denies_and_nothing_else() {
    let directory = tempfile::tempdir().unwrap();
    let store = UploadStore::new();
    let local = || Arc::new(LocalUploads::open(directory.path()).unwrap());
    for objects in [in_bucket(&store), process(&store, local())] {
        let id = begin(&objects).await.unwrap();
        let named = part(&objects, &id, 1, content(100, 1)).await.unwrap();
        assert_eq!(swept(&objects).await, Swept { looked_at: 1, forgotten: 0 });
        complete(&objects, &id, &[named]).await.unwrap();
        assert_eq!(swept(&objects).await, Swept::default());
        let lost = begin(&objects).await.unwrap();
        part(&objects, &lost, 1, content(100, 1)).await.unwrap();
        store.expire();
        store.log();
        let young = objects.sweep_uploads(Duration::from_hours(24 * 365 * 50)).await.unwrap();
        assert_eq!(young, Swept::default());
        assert!(store.log().iter().all(|line| !line.contains("uploadId")), "nobody asks about young uploads");
        assert_eq!(swept(&objects).await, Swept { looked_at: 1, forgotten: 1 });
        assert_eq!(store.keys(), ["key"]);
        assert!(matches!(part(&objects, &lost, 1, content(9, 1)).await, Err(Error::NoSuchUpload)));
    }
    assert_eq!(std::fs::read_dir(directory.path().join("uploads")).unwrap().count(), 0, "held parts are left");
}

/// The public half of a key seals, in parts too; what it sealed is opened where the private half is.
#[tokio::test]
async fn a_host_with_half_a_key_writes_and_cannot_read() {
    let key = |pem: &str| Arc::new(PublicKey::x25519("k1".parse().unwrap(), pem.as_bytes()).unwrap());
    let half = || Keyring::new(key(include_str!("../../keyring/tests/keys/x25519-1.pub")), Vec::new()).unwrap();
    let whole = Keyring::new(key(include_str!("../../keyring/tests/keys/x25519-1.pem")), Vec::new()).unwrap();
    let store = UploadStore::new();
    let state = || Arc::new(BucketUploads::new(Arc::<UploadStore>::clone(&store)));
    let with_both = |uploads| process_with(&store, state(), half().with_upload_key(Arc::new(uploads)).unwrap());
    let (host, another_host) = (with_both(aes_key("uploads")), with_both(aes_key("uploads")));
    let first = content(FIVE, 1);
    let id = begin(&host).await.unwrap();
    let parts = [
        part(&host, &id, 1, first.clone()).await.unwrap(),
        part(&another_host, &id, 2, content(3_000, 2)).await.unwrap(),
    ];
    complete(&another_host, &id, &parts).await.unwrap();
    let request = || OpenRequest { at: at(), want: None, part: None, headers: HeaderMap::new(), checksums: false };
    let refused = host.open(request()).await.err().unwrap();
    assert!(matches!(&refused, Error::NoPrivateKey { key_id } if key_id.as_str() == "k1"), "{refused}");
    let home = process_with(&store, state(), whole);
    assert_eq!(read(&home).await, [&first[..], &content(3_000, 2)].concat());
    let without = begin(&process_with(&store, state(), half())).await.unwrap_err();
    assert!(matches!(without, Error::NoPrivateKey { .. }), "{without}");
}

async fn swept(objects: &SealedObjects) -> Swept {
    objects.sweep_uploads(Duration::ZERO).await.unwrap()
}

/// A client gives up waiting and sends the part again, and then the first attempt arrives at the store after all.
#[tokio::test]
async fn of_attempts_with_the_same_content_any_may_be_the_last() {
    let store = UploadStore::new();
    let (one, other) = (in_bucket(&store), in_bucket(&store));
    for (late, again, good) in [(1, 1, true), (1, 2, false)] {
        let id = begin(&one).await.unwrap();
        let gate = Arc::new(Semaphore::new(0));
        *store.gate.lock().unwrap() = Some(Arc::clone(&gate));
        let slow = {
            let (one, id) = (one.clone(), id.clone());
            tokio::spawn(async move { part(&one, &id, 1, content(FIVE, late)).await })
        };
        while store.gate.lock().unwrap().is_some() {
            tokio::task::yield_now().await;
        }
        let named = part(&other, &id, 1, content(FIVE, again)).await.unwrap();
        gate.add_permits(1);
        slow.await.unwrap().unwrap();
        let completed = complete(&other, &id, &[named]).await;
        assert_eq!(completed.is_ok(), good, "the store has the content of {late}, the client means {again}");
        if good {
            assert_eq!(read(&one).await, content(FIVE, again));
        }
    }
}
