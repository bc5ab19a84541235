//! What clients are shown as ETags, what that costs, and what listings remember.

#![expect(clippy::unwrap_used, reason = "test code")]

#[expect(dead_code, reason = "shared with tests that need more of it")]
mod support {
    pub(crate) mod memory_store;
}

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use bytes::Bytes;
use envelope::{KeyId, WrappingSecret};
use http::HeaderMap;
use http_body_util::BodyExt as _;
use keyring::{AesKey, Keyring};
use md5::{Digest as _, Md5};
use objects::{
    ChecksumName, Contents, DigestSet, Error, EtagMode, FactsFile, ListRequest, ObjectRef, OpenRequest, Opened,
    PolicyTable, Random, RandomError, RangeSpec, Rule, SealRequest, SealedObjects, WriteFormat, store,
};
use support::memory_store::{Fault, MemoryStore};

/// Counts up: good enough where nobody attacks.
struct Counter(AtomicU8);

impl Random for Counter {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), RandomError> {
        bytes.fill(self.0.fetch_add(1, Ordering::Relaxed) | 1);
        Ok(())
    }
}

fn objects(store: &Arc<MemoryStore>, contents: Contents, etag: EtagMode) -> SealedObjects {
    let id: KeyId = "k1".parse().unwrap();
    let keyring = Keyring::new(Arc::new(AesKey::new(id, WrappingSecret::from_bytes([7; 32]))), Vec::new()).unwrap();
    let format = if contents == Contents::Plain { WriteFormat::Plain } else { WriteFormat::Sealed };
    let rule = Rule { format, contents, reads_plaintext: true, etag, ..Rule::sealed("*", Arc::new(keyring)) };
    let policies = PolicyTable::new(vec![rule]);
    SealedObjects::new(Arc::<MemoryStore>::clone(store), policies, Arc::new(Counter(1.into())))
}

fn at(key: &str) -> ObjectRef {
    ObjectRef { bucket: "bucket".into(), key: key.into(), version: None }
}

fn md5(body: &[u8]) -> String {
    format!("\"{:032x}\"", u128::from_be_bytes(Md5::digest(body).into()))
}

async fn put(objects: &SealedObjects, key: &str, body: &[u8]) -> String {
    let request = SealRequest {
        at: at(key),
        plain_len: body.len() as u64,
        headers: HeaderMap::new(),
        digests: DigestSet { md5: false, checksums: BTreeSet::from([ChecksumName::Crc64Nvme]) },
        verdict: Box::new(|_| Ok(())),
        body: store::full(Bytes::copy_from_slice(body)),
    };
    objects.seal(request).await.unwrap().etag.unwrap()
}

fn request(key: &str, want: Option<RangeSpec>) -> OpenRequest {
    OpenRequest { at: at(key), want, part: None, headers: HeaderMap::new(), checksums: false }
}

/// What HEAD and a read show.
async fn shown(objects: &SealedObjects, key: &str) -> String {
    let Opened::Object(head) = objects.head(request(key, None)).await.unwrap() else { panic!("no object") };
    let Opened::Object(read) = objects.open(request(key, Some(RangeSpec::From(0)))).await.unwrap() else {
        panic!("no object")
    };
    assert_eq!(head.etag, read.etag);
    head.etag.unwrap()
}

async fn try_page(objects: &SealedObjects) -> Result<String, Error> {
    let request = ListRequest { bucket: "bucket".into(), query: "list-type=2".into(), headers: HeaderMap::new() };
    let page = objects.list(request).await?.into_body().collect().await.unwrap().to_bytes();
    Ok(String::from_utf8(page.to_vec()).unwrap().replace("&quot;", "\""))
}

async fn page(objects: &SealedObjects) -> String {
    try_page(objects).await.unwrap()
}

fn entry(key: &str, body: &[u8], etag: &str) -> String {
    format!("<Key>{key}</Key><Size>{}</Size><ETag>{etag}</ETag>", body.len())
}

#[tokio::test]
async fn a_listing_asks_about_each_object_once() {
    let store = Arc::new(MemoryStore::default());
    let writer = objects(&store, Contents::Sealed, EtagMode::Md5);
    for key in ["a", "b", "c"] {
        assert_eq!(put(&writer, key, key.as_bytes()).await, md5(key.as_bytes()));
    }
    let cost = async |objects: &SealedObjects| {
        let before = store.requests();
        let page = page(objects).await;
        for key in ["a", "b", "c"] {
            assert!(page.contains(&entry(key, key.as_bytes(), &md5(key.as_bytes()))), "{page}");
        }
        store.requests() - before
    };
    assert_eq!(cost(&writer).await, 1, "it knows what it wrote");
    let other = objects(&store, Contents::Sealed, EtagMode::Md5);
    assert_eq!(cost(&other).await, 4);
    assert_eq!(cost(&other).await, 1);
}

async fn reopened(path: &Path) -> FactsFile {
    loop {
        // The last owner's thread lets go of the file when it has written what it was left.
        match FactsFile::open(path) {
            Ok(file) => return file,
            Err(_) => tokio::task::yield_now().await,
        }
    }
}

#[tokio::test]
async fn what_a_listing_learnt_outlives_the_process() {
    let store = Arc::new(MemoryStore::default());
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("facts.redb");
    let first = objects(&store, Contents::Sealed, EtagMode::Md5).with_facts(reopened(&path).await);
    put(&objects(&store, Contents::Sealed, EtagMode::Md5), "other", b"written elsewhere").await;
    put(&first, "own", b"written here").await;
    let wanted = page(&first).await;
    drop(first);
    let second = objects(&store, Contents::Sealed, EtagMode::Md5).with_facts(reopened(&path).await);
    let before = store.requests();
    assert_eq!(page(&second).await, wanted);
    assert_eq!(store.requests() - before, 1);
    drop(second);
    std::fs::remove_file(&path).unwrap();
    let third = objects(&store, Contents::Sealed, EtagMode::Md5).with_facts(reopened(&path).await);
    assert_eq!(page(&third).await, wanted, "the file may go at any time");
}

#[tokio::test]
async fn an_object_sealed_without_an_md5_shows_the_stores_etag_altered() {
    let store = Arc::new(MemoryStore::default());
    let before = put(&objects(&store, Contents::Sealed, EtagMode::Opaque), "a", b"old").await;
    assert!(before.ends_with("-0\""));
    let objects = objects(&store, Contents::Sealed, EtagMode::Md5);
    assert_eq!(shown(&objects, "a").await, before);
    assert!(page(&objects).await.contains(&entry("a", b"old", &before)));
    assert_eq!(objects.store_etag(&at("a"), &before).await.unwrap(), before.replace("-0", ""));
}

#[tokio::test]
async fn plaintext_among_sealed_objects_keeps_the_stores_etag() {
    let store = Arc::new(MemoryStore::default());
    let foreign = put(&objects(&store, Contents::Plain, EtagMode::Opaque), "foreign", &[1; 3_000]).await;
    let objects = objects(&store, Contents::Mixed, EtagMode::Md5);
    put(&objects, "own", b"own").await;
    for _ in 0..2 {
        assert_eq!(shown(&objects, "foreign").await, foreign);
        assert_eq!(shown(&objects, "own").await, md5(b"own"));
        let page = page(&objects).await;
        assert!(page.contains(&entry("foreign", &[1; 3_000], &foreign)), "{page}");
        assert!(page.contains(&entry("own", b"own", &md5(b"own"))), "{page}");
    }
}

#[tokio::test]
async fn a_read_costs_one_request_more_once() {
    let store = Arc::new(MemoryStore::default());
    let body = vec![5; 200_000];
    put(&objects(&store, Contents::Sealed, EtagMode::Md5), "key", &body).await;
    let objects = objects(&store, Contents::Sealed, EtagMode::Md5);
    for expected in [2, 1] {
        let before = store.requests();
        let Opened::Object(object) = objects.open(request("key", None)).await.unwrap() else { panic!("no object") };
        assert_eq!(object.etag, Some(md5(&body)));
        assert_eq!(object.body.collect().await.unwrap().to_bytes(), body);
        assert_eq!(store.requests() - before, expected);
    }
}

#[tokio::test]
async fn a_changed_end_is_never_an_etag() {
    let store = Arc::new(MemoryStore::default());
    put(&objects(&store, Contents::Sealed, EtagMode::Md5), "key", &vec![5; 200_000]).await;
    let len = store.stored("/bucket/key").1.len();
    store.flip("/bucket/key", len - 100);
    let objects = objects(&store, Contents::Sealed, EtagMode::Md5);
    for range in [None, Some(RangeSpec::FromTo(0, 9))] {
        assert!(matches!(objects.open(request("key", range)).await, Err(Error::Integrity(_))));
    }
    assert!(matches!(objects.head(request("key", None)).await, Err(Error::Integrity(_))));
    assert!(page(&objects).await.contains("<Size>200000</Size>"), "a page is not lost to one object");
}

#[tokio::test(start_paused = true)]
async fn a_listing_that_cannot_be_right_in_time_says_so() {
    let store = Arc::new(MemoryStore::default());
    let writer = objects(&store, Contents::Sealed, EtagMode::Md5);
    for key in ["a", "b", "c"] {
        put(&writer, key, key.as_bytes()).await;
    }
    store.misbehave(Fault::Hang("/bucket/b".into()));
    let objects = objects(&store, Contents::Sealed, EtagMode::Md5);
    assert!(matches!(try_page(&objects).await, Err(Error::ListingTooSlow)));
    store.behave();
    let before = store.requests();
    assert!(page(&objects).await.contains(&entry("b", b"b", &md5(b"b"))));
    assert_eq!(store.requests() - before, 2, "what was learnt in the first attempt is remembered");
}
