//! Copies over a store in memory: what moves, what is written anew, and what is refused.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should panic")]

#[path = "support/memory_store.rs"]
#[expect(dead_code, reason = "some faults are for other tests")]
mod memory_store;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use http_body_util::BodyExt as _;
use keyring::{AesKey, Keyring, WrappingKey};
use memory_store::{Fault, MemoryStore};
use objects::{
    ChecksumName, Contents, Copied, CopiedObject, CopyRequest, DigestSet, Error, MetadataMode, ObjectRef, OpenRequest,
    Opened, OpenedObject, PolicyTable, Random, RandomError, Rule, SealRequest, SealedObjects, WriteFormat, store,
};

/// Counts up: good enough where nobody attacks.
struct Counter(AtomicU8);

impl Random for Counter {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), RandomError> {
        bytes.fill(self.0.fetch_add(1, Ordering::Relaxed) | 1);
        Ok(())
    }
}

fn rule(bucket: &str, seal: bool, contents: Contents, metadata: MetadataMode, keyring: &Arc<Keyring>) -> Rule {
    let format = if seal { WriteFormat::Sealed } else { WriteFormat::Plain };
    Rule { format, contents, reads_plaintext: true, metadata, ..Rule::sealed(bucket, Arc::clone(keyring)) }
}

/// Buckets named for their rules.
fn world() -> (Arc<MemoryStore>, SealedObjects) {
    let store = Arc::new(MemoryStore::default());
    let key = AesKey::new("k1".parse().unwrap(), envelope::WrappingSecret::from_bytes([7; 32]));
    let keyring = &Arc::new(Keyring::new(Arc::new(key), Vec::new()).unwrap());
    let rules = vec![
        rule("sealed", true, Contents::Sealed, MetadataMode::Sealed, keyring),
        rule("other", true, Contents::Sealed, MetadataMode::Sealed, keyring),
        rule("clear", true, Contents::Sealed, MetadataMode::Clear, keyring),
        rule("mixed", true, Contents::Mixed, MetadataMode::Sealed, keyring),
        rule("plain", false, Contents::Plain, MetadataMode::Clear, keyring),
        rule("export", false, Contents::Plain, MetadataMode::Clear, keyring),
    ];
    let policies = PolicyTable::new(rules);
    let objects = SealedObjects::new(Arc::<MemoryStore>::clone(&store), policies, Arc::new(Counter(AtomicU8::new(1))));
    (store, objects)
}

/// One bucket with a key of its own that the others do not read with, and one that reads with both.
fn two_keyrings() -> (Arc<MemoryStore>, SealedObjects) {
    let store = Arc::new(MemoryStore::default());
    let key = |id: &str, byte| -> Arc<dyn WrappingKey> {
        Arc::new(AesKey::new(id.parse().unwrap(), envelope::WrappingSecret::from_bytes([byte; 32])))
    };
    let (main, own) = (key("main", 7), key("own", 8));
    let ours = Keyring::new(Arc::clone(&main), Vec::new()).unwrap().withholding([own.id().clone()]);
    let theirs = Keyring::new(Arc::clone(&own), Vec::new()).unwrap().withholding([main.id().clone()]);
    let reading = Keyring::reading(vec![main, own]).unwrap();
    let rules = [("ours", ours), ("theirs", theirs), ("reading", reading)];
    let rules = rules.map(|(bucket, keyring)| Rule::sealed(bucket, Arc::new(keyring)));
    let policies = PolicyTable::new(rules.into());
    let objects = SealedObjects::new(Arc::<MemoryStore>::clone(&store), policies, Arc::new(Counter(AtomicU8::new(1))));
    (store, objects)
}

#[tokio::test]
async fn a_copy_between_rules_goes_from_one_keyring_to_the_other() {
    let (store, objects) = two_keyrings();
    put(&objects, "ours/a", &plain(70_000), FIELDS).await;
    let done = store.log().len();
    copied(&objects, request("ours/a", "theirs/b", &[])).await;
    assert_eq!(store.log()[done..], ["HEAD /ours/a", "COPY /theirs/b"], "only the wrapped key is wrapped anew");
    let key_of = |path: &str| store.stored(path).0["x-amz-meta-sealgate"].to_str().unwrap().to_owned();
    assert!(key_of("/ours/a").contains("k=main;") && key_of("/theirs/b").contains("k=own;"));
    assert_eq!(read(&objects, "theirs/b").await.0, plain(70_000));
    // An object under a key that the rule does not read with, and a rule under which nothing is wrapped.
    store.restore("/ours/c", store.stored("/theirs/b"));
    let refused = objects.copy(request("ours/c", "theirs/d", &[])).await.err().unwrap();
    assert!(
        matches!(&refused, Error::KeyWithheld { key_id, rule } if key_id.as_str() == "own" && rule == "ours"),
        "{refused}"
    );
    let refused = objects.copy(request("ours/a", "reading/a", &[])).await.err().unwrap();
    assert!(matches!(&refused, Error::NoPrimary { rule } if rule == "reading"), "{refused}");
    let checked = objects.check_keys().await.into_iter();
    let checked: BTreeSet<_> = checked.map(|(id, checked)| (id.to_string(), checked.is_ok())).collect();
    assert_eq!(checked, ["main", "own"].map(|id| (id.to_owned(), true)).into(), "each key that wraps, once");
}

fn at(path: &str) -> ObjectRef {
    let (bucket, key) = path.split_once('/').unwrap();
    ObjectRef { bucket: bucket.into(), key: key.into(), version: None }
}

fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
    pairs.iter().map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value))).collect()
}

fn plain(len: usize) -> Bytes {
    (0..len).map(|index| u8::try_from(index % 251).unwrap()).collect()
}

async fn put(objects: &SealedObjects, path: &str, body: &Bytes, fields: &[(&'static str, &'static str)]) {
    let request = SealRequest {
        at: at(path),
        plain_len: body.len() as u64,
        headers: headers(fields),
        digests: DigestSet { md5: false, checksums: BTreeSet::from([ChecksumName::Crc32]) },
        verdict: Box::new(|_| Ok(())),
        body: store::full(body.clone()),
    };
    assert!(objects.seal(request).await.unwrap().response.status().is_success());
}

async fn opened(objects: &SealedObjects, path: &str) -> OpenedObject {
    let request = OpenRequest { at: at(path), want: None, part: None, headers: HeaderMap::new(), checksums: false };
    match objects.open(request).await.unwrap() {
        Opened::Object(object) => object,
        Opened::Answer(answer) => panic!("answered {}", answer.status()),
        Opened::Unsatisfiable { plain_len } => panic!("outside {plain_len}"),
    }
}

/// Content, metadata and content type of an object.
async fn read(objects: &SealedObjects, path: &str) -> (Bytes, Vec<(String, String)>, String) {
    let object = opened(objects, path).await;
    let kind = object.headers.get("content-type").map(|kind| kind.to_str().unwrap().to_owned());
    let metadata = object.metadata.into_iter().collect();
    (object.body.collect().await.unwrap().to_bytes(), metadata, kind.unwrap_or_default())
}

fn request(from: &str, to: &str, fields: &[(&'static str, &'static str)]) -> CopyRequest {
    let replace_metadata = fields.contains(&("x-amz-metadata-directive", "REPLACE"));
    CopyRequest { from: at(from), to: at(to), headers: headers(fields), replace_metadata }
}

async fn copied(objects: &SealedObjects, request: CopyRequest) -> CopiedObject {
    match objects.copy(request).await.unwrap() {
        Copied::Object(object) => object,
        Copied::Answer(answer) => panic!("answered {}", answer.status()),
        _ => panic!("not copied"),
    }
}

fn pairs(metadata: &[(&str, &str)]) -> Vec<(String, String)> {
    metadata.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

const FIELDS: &[(&str, &str)] = &[("x-amz-meta-owner", "marked owner"), ("content-type", "text/x-test")];

#[tokio::test]
async fn a_sealed_object_is_copied_at_the_store_and_opens_under_its_new_name_only() {
    let (store, objects) = world();
    for len in [0, 1, 65_536, 300_000] {
        put(&objects, "sealed/a", &plain(len), FIELDS).await;
        let done = store.log().len();
        let copy = copied(&objects, request("sealed/a", "other/b ü", &[])).await;
        assert_eq!(store.log()[done..], ["HEAD /sealed/a", "COPY /other/b%20%C3%BC"]);
        assert_eq!(copy.last_modified.unwrap(), "2026-01-02T03:04:05.000Z");
        assert_eq!(copy.facts.unwrap().checksums.len(), 1, "known from the upload");
        let expected = (plain(len), pairs(&[("owner", "marked owner")]), "text/x-test".to_owned());
        assert_eq!(read(&objects, "other/b ü").await, expected);
        assert_eq!(read(&objects, "sealed/a").await, expected);
    }
    store.restore("/sealed/a", store.stored("/other/b%20%C3%BC"));
    let request =
        OpenRequest { at: at("sealed/a"), want: None, part: None, headers: HeaderMap::new(), checksums: false };
    assert!(matches!(objects.open(request).await, Err(Error::KeyRefused { .. })));
}

#[tokio::test]
async fn sealed_metadata_is_carried_as_it_is() {
    let (store, objects) = world();
    put(&objects, "sealed/a", &plain(10), FIELDS).await;
    copied(&objects, request("sealed/a", "sealed/b", &[("x-amz-meta-ignored", "1"), ("content-type", "x/y")])).await;
    let (before, after) = (store.stored("/sealed/a"), store.stored("/sealed/b"));
    assert_eq!(before.1, after.1);
    assert_eq!(before.0["x-amz-meta-sealgate-m"], after.0["x-amz-meta-sealgate-m"]);
    assert_ne!(before.0["x-amz-meta-sealgate"], after.0["x-amz-meta-sealgate"]);
    assert_eq!(after.0["content-type"], "text/x-test");
    assert!(!after.0.contains_key("x-amz-meta-ignored"));
}

#[tokio::test]
async fn a_touch_replaces_metadata_and_moves_no_content() {
    let (store, objects) = world();
    put(&objects, "sealed/a", &plain(200_000), FIELDS).await;
    let (before, sealed) = store.stored("/sealed/a");
    let done = store.log().len();
    let touch = [("x-amz-metadata-directive", "REPLACE"), ("x-amz-meta-mtime", "marked 1"), ("content-type", "a/b")];
    copied(&objects, request("sealed/a", "sealed/a", &touch)).await;
    assert_eq!(store.log()[done..], ["HEAD /sealed/a", "COPY /sealed/a"]);
    let (after, content) = store.stored("/sealed/a");
    assert_eq!(sealed, content);
    assert_ne!(before["x-amz-meta-sealgate-m"], after["x-amz-meta-sealgate-m"]);
    assert!(!format!("{after:?}").contains("marked"));
    let expected = (plain(200_000), pairs(&[("mtime", "marked 1")]), "a/b".to_owned());
    assert_eq!(read(&objects, "sealed/a").await, expected);
    copied(&objects, request("sealed/a", "sealed/a", &[("x-amz-metadata-directive", "REPLACE")])).await;
    assert_eq!(read(&objects, "sealed/a").await, (plain(200_000), pairs(&[]), String::new()));
}

#[tokio::test]
async fn the_targets_rule_says_how_metadata_is_kept() {
    let (store, objects) = world();
    put(&objects, "sealed/a", &plain(10), FIELDS).await;
    copied(&objects, request("sealed/a", "clear/a", &[])).await;
    let (headers, _) = store.stored("/clear/a");
    assert_eq!(headers["x-amz-meta-owner"], "marked owner");
    assert!(!headers.contains_key("x-amz-meta-sealgate-m"));
    copied(&objects, request("clear/a", "other/a", &[])).await;
    let (headers, _) = store.stored("/other/a");
    assert!(!format!("{headers:?}").contains("marked"));
    for path in ["clear/a", "other/a"] {
        assert_eq!(read(&objects, path).await.1, pairs(&[("owner", "marked owner")]), "{path}");
    }
}

#[tokio::test]
async fn a_copy_between_plain_and_sealed_streams_through_and_keeps_everything() {
    let (store, objects) = world();
    let body = plain(300_000);
    let fields = [FIELDS, &[("x-amz-tagging", "a=1&b=2"), ("x-amz-tagging-count", "2")]].concat();
    put(&objects, "plain/a", &body, &fields).await;
    let copy = copied(&objects, request("plain/a", "sealed/a", &[])).await;
    assert!(copy.facts.unwrap().checksums.contains_key(&ChecksumName::Crc64Nvme));
    let expected = (body.clone(), pairs(&[("owner", "marked owner")]), "text/x-test".to_owned());
    assert_eq!(read(&objects, "sealed/a").await, expected);
    let (headers, stored) = store.stored("/sealed/a");
    assert_eq!(headers["x-amz-tagging"], "a=1&b=2");
    assert!(!format!("{headers:?}").contains("marked") && stored.len() > body.len());
    assert!(!headers.keys().any(|name| name.as_str().starts_with("x-amz-copy-source")), "{headers:?}");
    copied(&objects, request("sealed/a", "export/a", &[])).await;
    assert_eq!(read(&objects, "export/a").await, expected);
    assert_eq!(store.stored("/export/a").1, body);
    let replace = [("x-amz-metadata-directive", "REPLACE"), ("x-amz-meta-new", "1"), ("content-type", "n/e")];
    copied(&objects, request("plain/a", "sealed/b", &replace)).await;
    assert_eq!(read(&objects, "sealed/b").await, (body, pairs(&[("new", "1")]), "n/e".to_owned()));
}

#[tokio::test]
async fn plain_rules_leave_the_copy_to_the_store() {
    let (store, objects) = world();
    put(&objects, "plain/a", &plain(10), FIELDS).await;
    let done = store.log().len();
    let answer = objects.copy(request("plain/a", "export/a", &[])).await.unwrap();
    assert!(matches!(answer, Copied::Answer(answer) if answer.status() == StatusCode::OK));
    assert_eq!(store.log()[done..], ["COPY /export/a"]);
    assert_eq!(read(&objects, "export/a").await.0, plain(10));
}

#[tokio::test]
async fn a_foreign_object_is_copied_only_where_its_rule_lets_it_be_read() {
    let (store, objects) = world();
    put(&objects, "plain/a", &plain(10), FIELDS).await;
    store.restore("/sealed/foreign", store.stored("/plain/a"));
    store.restore("/mixed/foreign", store.stored("/plain/a"));
    let refused = objects.copy(request("sealed/foreign", "other/a", &[])).await;
    assert!(matches!(refused, Err(Error::NotSealed { .. })));
    let refused = objects.copy(request("sealed/foreign", "plain/b", &[])).await;
    assert!(matches!(refused, Err(Error::NotSealed { .. })));
    copied(&objects, request("mixed/foreign", "sealed/a", &[])).await;
    assert_eq!(read(&objects, "sealed/a").await.0, plain(10));
    assert_ne!(store.stored("/sealed/a").1, plain(10));
}

#[tokio::test]
async fn a_source_that_fails_verification_is_not_copied() {
    let (store, objects) = world();
    put(&objects, "sealed/a", &plain(300_000), &[]).await;
    put(&objects, "sealed/b", &plain(5), &[]).await;
    let (mut headers, _) = store.stored("/sealed/b");
    headers.insert("etag", HeaderValue::from_static("\"of another\""));
    store.restore("/sealed/c", (headers, store.stored("/sealed/a").1));
    assert!(matches!(objects.copy(request("sealed/c", "other/c", &[])).await, Err(Error::KeyRefused { .. })));
    store.flip("/sealed/a", 290_000);
    assert!(matches!(objects.copy(request("sealed/a", "plain/a", &[])).await, Err(Error::Integrity(_))));
    let done = objects.open(OpenRequest {
        at: at("plain/a"),
        want: None,
        part: None,
        headers: HeaderMap::new(),
        checksums: false,
    });
    assert!(matches!(done.await.unwrap(), Opened::Answer(answer) if answer.status() == StatusCode::NOT_FOUND));
}

/// What is stored is longer than its content, and the limit is not that of the stored bytes.
#[tokio::test]
async fn the_limit_of_a_copy_is_that_of_the_content() {
    let (store, objects) = world();
    put(&objects, "sealed/a", &plain(300_000), &[]).await;
    let mut outcome = Vec::new();
    for plain_len in [objects::COPY_LIMIT - 1, objects::COPY_LIMIT, objects::COPY_LIMIT + 1] {
        store.claim(envelope::layout::sealed_len(plain_len).unwrap());
        // Between sealed names only the store moves content, and knows its own limits.
        copied(&objects, request("sealed/a", "other/a", &[])).await;
        outcome.push(match objects.copy(request("sealed/a", "plain/a", &[])).await {
            Ok(Copied::TooLarge) => "too large",
            // It was begun, and then there was not as much as was said.
            Err(Error::BadAnswer(_) | Error::Integrity(_)) => "begun",
            other => panic!("{:?}", other.map(|_| "another end")),
        });
    }
    assert_eq!(outcome, ["begun", "begun", "too large"]);
}

#[tokio::test]
async fn conditions_on_both_ends_hold() {
    let (store, objects) = world();
    put(&objects, "sealed/a", &plain(10), &[]).await;
    put(&objects, "sealed/taken", &plain(3), &[]).await;
    let etag = store.stored("/sealed/a").0["etag"].to_str().unwrap().to_owned();
    let conditioned = |name: &'static str, value: &str, to: &str| {
        let mut request = request("sealed/a", to, &[]);
        request.headers.insert(name, value.parse().unwrap());
        request
    };
    for (name, value) in
        [("x-amz-copy-source-if-match", "\"another\""), ("x-amz-copy-source-if-none-match", etag.as_str())]
    {
        for to in ["other/a", "plain/a"] {
            let answer = objects.copy(conditioned(name, value, to)).await.unwrap();
            assert!(matches!(answer, Copied::ConditionFailed), "{name} {to}");
        }
    }
    copied(&objects, conditioned("x-amz-copy-source-if-match", &etag, "other/a")).await;
    copied(&objects, conditioned("x-amz-copy-source-if-none-match", "\"another\"", "plain/a")).await;
    for to in ["other/a", "plain/a", "sealed/taken"] {
        let answer = objects.copy(conditioned("if-none-match", "*", to)).await.unwrap();
        assert!(matches!(answer, Copied::Answer(answer) if answer.status() == StatusCode::PRECONDITION_FAILED), "{to}");
    }
    copied(&objects, conditioned("if-none-match", "*", "other/free")).await;
    let answer = objects.copy(request("sealed/missing", "other/a", &[])).await.unwrap();
    assert!(matches!(answer, Copied::Answer(answer) if answer.status() == StatusCode::NOT_FOUND));
}

#[tokio::test]
async fn a_source_replaced_after_the_look_is_looked_at_again() {
    let (store, objects) = world();
    put(&objects, "sealed/a", &plain(10), FIELDS).await;
    let old = store.stored("/sealed/a");
    put(&objects, "sealed/a", &plain(20), &[("x-amz-meta-new", "1")]).await;
    let new = store.stored("/sealed/a");
    for to in ["other/a", "plain/a"] {
        store.restore("/sealed/a", old.clone());
        store.misbehave(Fault::ReplaceAfterHead("/sealed/a".into(), new.clone()));
        copied(&objects, request("sealed/a", to, &[])).await;
        let (content, metadata, _) = read(&objects, to).await;
        assert_eq!((content, metadata), (plain(20), pairs(&[("new", "1")])), "{to}");
    }
}

#[tokio::test]
async fn the_version_that_was_named_is_looked_at_and_copied() {
    let (store, objects) = world();
    put(&objects, "sealed/a", &plain(10), &[]).await;
    for to in ["other/a", "plain/a"] {
        let done = store.log().len();
        let mut request = request("sealed/a", to, &[]);
        request.from.version = Some("v+1".into());
        copied(&objects, request).await;
        assert_eq!(store.log()[done], "HEAD /sealed/a?versionId=v%2B1", "{to}");
    }
    assert_eq!(store.stored("/other/a").0["x-amz-copy-source"], "/sealed/a?versionId=v%2B1");
    assert!(store.log().contains(&"GET /sealed/a?versionId=v%2B1".to_owned()));
}

#[tokio::test]
async fn a_success_that_ends_in_an_error_is_an_error() {
    let (store, objects) = world();
    put(&objects, "sealed/a", &plain(10), &[]).await;
    store.misbehave(Fault::LateError);
    let answer = objects.copy(request("sealed/a", "other/a", &[])).await.unwrap();
    assert!(matches!(answer, Copied::Failed(xml) if xml.ends_with(b"</Error>")));
}

#[tokio::test]
async fn reserved_metadata_and_too_much_of_it_are_refused() {
    let (_, objects) = world();
    put(&objects, "sealed/a", &plain(10), &[]).await;
    let forged = [("x-amz-metadata-directive", "REPLACE"), ("x-amz-meta-sealgate", "v=1")];
    for to in ["other/a", "plain/a"] {
        assert!(matches!(objects.copy(request("sealed/a", to, &forged)).await, Err(Error::BadMetadata(_))), "{to}");
    }
    let mut large = request("sealed/a", "other/a", &[("x-amz-metadata-directive", "REPLACE")]);
    large.headers.insert("x-amz-meta-a", "v".repeat(2_000).parse().unwrap());
    assert!(matches!(objects.copy(large).await, Err(Error::MetadataTooLarge { .. })));
}
