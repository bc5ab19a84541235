//! Sealed objects over a store that can be made to misbehave.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should panic")]

#[path = "support/memory_store.rs"]
#[expect(dead_code, reason = "some faults are for other tests")]
mod memory_store;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bytes::Bytes;
use envelope::{KeyId, WrappingSecret};
use http::{HeaderMap, HeaderName, HeaderValue};
use http_body_util::BodyExt as _;
use keyring::{AesKey, Keyring};
use memory_store::{Fault, MemoryStore};
use objects::{
    ChecksumName, Computed, Contents, DigestSet, Error, ListRequest, ObjectRef, OpenRequest, Opened, OpenedObject,
    PolicyTable, Random, RandomError, RangeSpec, Rule, SealRequest, SealedObjects, WriteFormat, store,
};

const CHUNK: usize = 65_536;

/// Counts up: good enough where nobody attacks.
struct Counter(std::sync::atomic::AtomicU8);

impl Random for Counter {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), RandomError> {
        bytes.fill(self.0.fetch_add(1, std::sync::atomic::Ordering::Relaxed) | 1);
        Ok(())
    }
}

fn rule(contents: Contents, keyring: Keyring) -> Rule {
    let format = if contents == Contents::Plain { WriteFormat::Plain } else { WriteFormat::Sealed };
    Rule { format, contents, reads_plaintext: true, ..Rule::sealed("*", Arc::new(keyring)) }
}

fn objects_with(store: &Arc<MemoryStore>, contents: Contents, key: u8) -> SealedObjects {
    let id: KeyId = "k1".parse().unwrap();
    let keyring = Keyring::new(Arc::new(AesKey::new(id, WrappingSecret::from_bytes([key; 32]))), Vec::new()).unwrap();
    let policies = PolicyTable::new(vec![rule(contents, keyring)]);
    SealedObjects::new(Arc::<MemoryStore>::clone(store), policies, Arc::new(Counter(1.into())))
}

fn sealed() -> (Arc<MemoryStore>, SealedObjects) {
    let store = Arc::new(MemoryStore::default());
    let objects = objects_with(&store, Contents::Sealed, 7);
    (store, objects)
}

fn at(key: &str) -> ObjectRef {
    ObjectRef { bucket: "bucket".into(), key: key.into(), version: None }
}

fn plain(len: usize) -> Bytes {
    (0..len).map(|index| u8::try_from(index % 251).unwrap()).collect()
}

fn put_request(key: &str, body: &Bytes) -> SealRequest {
    let pieces: Vec<_> = body.chunks(10_000).map(|piece| Ok(Bytes::copy_from_slice(piece))).collect();
    SealRequest {
        at: at(key),
        plain_len: body.len() as u64,
        headers: HeaderMap::new(),
        digests: DigestSet { md5: true, checksums: BTreeSet::from([ChecksumName::Crc32, ChecksumName::Sha256]) },
        verdict: Box::new(|_: &Computed| Ok(())),
        body: store::stream(futures::stream::iter(pieces)),
    }
}

async fn put(objects: &SealedObjects, key: &str, body: &Bytes) {
    let outcome = objects.seal(put_request(key, body)).await.unwrap();
    assert!(outcome.response.status().is_success());
}

fn get_request(key: &str, want: Option<RangeSpec>) -> OpenRequest {
    OpenRequest { at: at(key), want, part: None, headers: HeaderMap::new(), checksums: false }
}

async fn opened(objects: &SealedObjects, key: &str, want: Option<RangeSpec>) -> OpenedObject {
    match objects.open(get_request(key, want)).await.unwrap() {
        Opened::Object(object) => object,
        Opened::Answer(answer) => panic!("answered {}", answer.status()),
        Opened::Unsatisfiable { plain_len } => panic!("outside {plain_len}"),
    }
}

async fn read(objects: &SealedObjects, key: &str, want: Option<RangeSpec>) -> Bytes {
    opened(objects, key, want).await.body.collect().await.unwrap().to_bytes()
}

#[tokio::test]
async fn what_was_written_is_read_whole_and_in_part() {
    let (_, objects) = sealed();
    for len in [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK, 5 * 1024 * 1024 + 17] {
        let body = plain(len);
        put(&objects, "key", &body).await;
        assert_eq!(read(&objects, "key", None).await, body, "{len}");
        if len == 0 {
            continue;
        }
        let last = len as u64 - 1;
        for want in [
            RangeSpec::FromTo(0, 0),
            RangeSpec::FromTo(last / 2, last),
            RangeSpec::From(last),
            RangeSpec::Suffix(last.div_ceil(3).max(1)),
            RangeSpec::FromTo(0, u64::MAX),
        ] {
            let range = want.resolve(len as u64).unwrap();
            let range = usize::try_from(range.start).unwrap()..usize::try_from(range.end).unwrap();
            assert_eq!(read(&objects, "key", Some(want)).await, body.slice(range), "{len} {want:?}");
        }
    }
}

#[tokio::test]
async fn ranges_outside_the_object_are_told_its_length() {
    let (_, objects) = sealed();
    put(&objects, "key", &plain(100)).await;
    put(&objects, "empty", &plain(0)).await;
    for (key, want, len) in [
        ("key", RangeSpec::From(100), 100),
        ("key", RangeSpec::FromTo(1 << 40, 1 << 41), 100),
        ("key", RangeSpec::From(u64::MAX), 100),
        ("empty", RangeSpec::Suffix(1), 0),
        ("empty", RangeSpec::From(0), 0),
    ] {
        let answer = objects.open(get_request(key, Some(want))).await.unwrap();
        assert!(matches!(answer, Opened::Unsatisfiable { plain_len } if plain_len == len), "{key} {want:?}");
    }
}

#[tokio::test]
async fn the_store_learns_nothing_of_the_plaintext() {
    let (store, objects) = sealed();
    let mut request = put_request("key", &Bytes::from_static(b"the marked plaintext"));
    for (name, value) in [
        ("x-amz-meta-owner", "marked owner"),
        ("content-md5", "digest"),
        ("x-amz-checksum-crc32", "digest"),
        ("content-type", "text/plain"),
    ] {
        request.headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    objects.seal(request).await.unwrap();
    let (headers, stored) = store.stored("/bucket/key");
    let names: Vec<&str> = headers.keys().map(HeaderName::as_str).collect();
    assert!(names.contains(&"content-type"));
    assert!(
        !names.iter().any(|name| name.contains("owner") || name.contains("md5") || name.contains("checksum")),
        "{names:?}"
    );
    let everything = format!("{headers:?}{}", String::from_utf8_lossy(&stored));
    assert!(!everything.contains("marked"));
    let object = opened(&objects, "key", None).await;
    assert_eq!(object.metadata, BTreeMap::from([("owner".to_owned(), "marked owner".to_owned())]));
}

#[tokio::test]
async fn a_refused_body_is_not_stored_and_the_old_object_stays() {
    for contents in [Contents::Sealed, Contents::Plain] {
        let store = Arc::new(MemoryStore::default());
        let objects = objects_with(&store, contents, 7);
        put(&objects, "key", &plain(10)).await;
        for len in [0, 1, 3 * CHUNK] {
            let mut request = put_request("key", &plain(len));
            request.verdict = Box::new(|_| Err("checksum".into()));
            let error = objects.seal(request).await.err().unwrap();
            assert!(matches!(error, Error::Body(cause) if cause.to_string() == "checksum"), "{contents:?} {len}");
        }
        for declared in [99, 101] {
            let mut request = put_request("key", &plain(100));
            request.plain_len = declared;
            assert!(matches!(objects.seal(request).await, Err(Error::Body(_))), "{contents:?} {declared}");
        }
        assert_eq!(read(&objects, "key", None).await, plain(10));
    }
}

#[tokio::test]
async fn a_corrupt_start_is_an_error_before_anything_is_answered() {
    let (store, objects) = sealed();
    for len in [100, 3 * CHUNK] {
        put(&objects, "key", &plain(len)).await;
        store.flip("/bucket/key", 5);
        assert!(matches!(objects.open(get_request("key", None)).await, Err(Error::Integrity(_))), "{len}");
        assert!(
            matches!(objects.open(get_request("key", Some(RangeSpec::From(0)))).await, Err(Error::Integrity(_))),
            "{len}"
        );
    }
}

#[tokio::test]
async fn a_corrupt_end_never_releases_the_last_chunk() {
    let (store, objects) = sealed();
    let body = plain(8 * CHUNK);
    put(&objects, "key", &body).await;
    let stored_len = store.stored("/bucket/key").1.len();
    for position in [7 * (CHUNK + 16) + 3, stored_len - 100, stored_len - 1] {
        store.flip("/bucket/key", position);
        let outcome = objects.open(get_request("key", None)).await;
        match outcome {
            Err(Error::Integrity(_)) => {}
            Ok(Opened::Object(object)) => assert!(object.body.collect().await.is_err(), "{position}"),
            _ => panic!("{position}"),
        }
        store.flip("/bucket/key", position);
    }
    assert_eq!(read(&objects, "key", None).await, body);
}

#[tokio::test]
async fn a_store_that_cuts_its_answer_short_breaks_the_body() {
    let (store, objects) = sealed();
    put(&objects, "key", &plain(20 * CHUNK)).await;
    store.misbehave(Fault::Cut(10 * CHUNK));
    let object = opened(&objects, "key", None).await;
    assert!(object.body.collect().await.is_err());
}

#[tokio::test]
async fn a_store_that_ignores_ranges_still_gives_the_right_bytes() {
    let (store, objects) = sealed();
    let body = plain(3 * CHUNK);
    put(&objects, "key", &body).await;
    store.misbehave(Fault::IgnoreRange);
    assert_eq!(read(&objects, "key", Some(RangeSpec::FromTo(70_000, 140_000))).await, body.slice(70_000..140_001));
}

#[tokio::test]
async fn an_object_replaced_between_two_requests_is_read_anew() {
    let (store, objects) = sealed();
    put(&objects, "key", &plain(CHUNK)).await;
    let old = store.stored("/bucket/key");
    put(&objects, "key", &plain(2 * CHUNK)).await;
    let new = store.stored("/bucket/key");
    store.restore("/bucket/key", old);
    store.misbehave(Fault::ReplaceAfterHead("/bucket/key".into(), new));
    assert_eq!(read(&objects, "key", Some(RangeSpec::Suffix(10))).await, plain(2 * CHUNK).slice(2 * CHUNK - 10..));
}

#[tokio::test]
async fn an_object_under_another_name_or_key_is_refused_by_key_id() {
    let (store, objects) = sealed();
    put(&objects, "key", &plain(10)).await;
    store.restore("/bucket/other", store.stored("/bucket/key"));
    let moved = objects.open(get_request("other", None)).await.err().unwrap();
    assert!(matches!(moved, Error::KeyRefused { key_id } if key_id.as_str() == "k1"));
    // A key of zeros cannot even be held.
    for byte in [6, 8, 255] {
        let stranger = objects_with(&store, Contents::Sealed, byte);
        assert!(matches!(stranger.open(get_request("key", None)).await, Err(Error::KeyRefused { .. })));
        assert!(matches!(stranger.head(get_request("key", None)).await, Err(Error::KeyRefused { .. })));
    }
}

#[tokio::test]
async fn plaintext_is_refused_unless_the_rule_says_otherwise() {
    let (store, objects) = sealed();
    let foreign = plain(200_000);
    put(&objects_with(&store, Contents::Plain, 7), "foreign", &foreign).await;
    assert!(matches!(objects.open(get_request("foreign", None)).await, Err(Error::NotSealed { .. })));
    assert!(matches!(
        objects.open(get_request("foreign", Some(RangeSpec::From(1)))).await,
        Err(Error::NotSealed { .. })
    ));
    assert!(matches!(objects.head(get_request("foreign", None)).await, Err(Error::NotSealed { .. })));
    let mixed = objects_with(&store, Contents::Mixed, 7);
    assert_eq!(read(&mixed, "foreign", None).await, foreign);
    for want in [RangeSpec::From(199_990), RangeSpec::FromTo(65_530, 65_540), RangeSpec::Suffix(7)] {
        let range = want.resolve(200_000).unwrap();
        let range = usize::try_from(range.start).unwrap()..usize::try_from(range.end).unwrap();
        let object = opened(&mixed, "foreign", Some(want)).await;
        assert_eq!((object.plain_len, object.sealed), (200_000, false));
        assert_eq!(object.body.collect().await.unwrap().to_bytes(), foreign.slice(range), "{want:?}");
    }
}

#[tokio::test]
async fn listings_show_plaintext_sizes() {
    let store = Arc::new(MemoryStore::default());
    let (ours, mixed) = (objects_with(&store, Contents::Sealed, 7), objects_with(&store, Contents::Mixed, 7));
    for len in [0, 1, CHUNK, 5 * 1024 * 1024] {
        put(&ours, &format!("sealed-{len}"), &plain(len)).await;
    }
    // A length that a sealed object of 1,744 bytes would have.
    put(&objects_with(&store, Contents::Plain, 7), "foreign", &plain(2_016)).await;
    let page = async |objects: &SealedObjects| {
        let request = ListRequest { bucket: "bucket".into(), query: "list-type=2".into(), headers: HeaderMap::new() };
        let page = objects.list(request).await.unwrap().into_body().collect().await.unwrap().to_bytes();
        String::from_utf8(page.to_vec()).unwrap()
    };
    let sealed_page = page(&ours).await;
    for len in [0, 1, CHUNK, 5 * 1024 * 1024] {
        assert!(sealed_page.contains(&format!("<Key>sealed-{len}</Key><Size>{len}</Size>")), "{sealed_page}");
    }
    let before = store.requests();
    assert!(page(&mixed).await.contains("<Key>foreign</Key><Size>2016</Size>"));
    assert!(store.requests() > before + 1);
    let before = store.requests();
    assert!(page(&mixed).await.contains("<Key>foreign</Key><Size>2016</Size>"));
    assert_eq!(store.requests(), before + 1, "sizes are remembered");
}

#[tokio::test]
async fn reads_cost_as_few_requests_as_the_format_promises() {
    let (store, objects) = sealed();
    put(&objects, "key", &plain(3 * CHUNK)).await;
    let cost = async |want| {
        let before = store.requests();
        read(&objects, "key", want).await;
        store.requests() - before
    };
    assert_eq!(cost(None).await, 1);
    assert_eq!(cost(Some(RangeSpec::FromTo(5, 100_000))).await, 1);
    assert_eq!(cost(Some(RangeSpec::From(5))).await, 1);
    assert_eq!(cost(Some(RangeSpec::Suffix(5))).await, 2);
}

#[tokio::test]
async fn checksums_come_back_from_the_summary() {
    let (store, objects) = sealed();
    put(&objects, "key", &plain(3 * CHUNK)).await;
    // Another process, which has nothing in memory.
    let objects = objects_with(&store, Contents::Sealed, 7);
    let before = store.requests();
    let head = objects.head(OpenRequest { checksums: true, ..get_request("key", None) }).await.unwrap();
    assert_eq!(store.requests() - before, 1);
    let Opened::Object(head) = head else { panic!() };
    let facts = head.facts.unwrap();
    assert_eq!((facts.plain_len, facts.checksums.len()), (3 * CHUNK as u64, 2));
    assert!(opened(&objects, "key", None).await.facts.is_some(), "remembered");
}
