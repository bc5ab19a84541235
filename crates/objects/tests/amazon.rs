//! Objects written in Amazon's formats: what stands at the store, and uploads in parts that come in any order, again, and over a
//! store that is cut off at any request.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should panic")]

#[path = "support/upload_store.rs"]
mod upload_store;
#[path = "support/uploading.rs"]
mod uploading;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::{Bytes, BytesMut};
use envelope::s3ec::{
    self, AesMasterKey, CommitmentPolicy, Context, Detection, InstructionFiles, Measure, ReadPolicy, detect,
};
use envelope::{KeyId, Transform as _, WrappingSecret};
use http::{HeaderMap, HeaderName, HeaderValue};
use keyring::{AesKey, Keyring, MasterKey, MasterKeys, MasterSecret};
use objects::{
    BucketUploads, Computed, Contents, DigestSet, Error, ForeignFormat, ForeignPolicy, LocalUploads, Padding,
    PolicyTable, Rule, SealOutcome, SealRequest, SealedObjects, UploadState, WriteFormat, store,
};
use upload_store::UploadStore;
use uploading::{Counter, at, begin, complete, content, part};

const FIVE: usize = 5 * 1024 * 1024;

fn master_keys() -> MasterKeys {
    let secret = MasterSecret::Local(s3ec::MasterKey::Aes(AesMasterKey::from_bytes(&[9; 32]).unwrap()));
    let materials = Context::from([("name".to_owned(), "é".to_owned())]);
    let key = MasterKey { id: "amazon".parse().unwrap(), materials, context: Context::new(), secret };
    MasterKeys::new(vec![key]).unwrap()
}

fn rule(format: s3ec::WriteFormat) -> Rule {
    let (reads, commitment) = match format {
        s3ec::WriteFormat::V3 => (ForeignFormat::S3EcV3, CommitmentPolicy::RequireEncryptRequireDecrypt),
        s3ec::WriteFormat::V2 => (ForeignFormat::S3EcV2, CommitmentPolicy::ForbidEncryptAllowDecrypt),
    };
    let foreign = ForeignPolicy {
        reads: vec![reads],
        s3ec: ReadPolicy { commitment, instruction_files: InstructionFiles::Any, ..ReadPolicy::default() },
        keys: master_keys(),
        context: Context::new(),
        instruction_suffix: ".instruction".into(),
        padding: Padding::Auto,
        md5_metadata: None,
        sidecar_suffix: ".key".into(),
    };
    let id: KeyId = "k1".parse().unwrap();
    let keyring = Keyring::new(Arc::new(AesKey::new(id, WrappingSecret::from_bytes([7; 32]))), Vec::new()).unwrap();
    Rule {
        format: WriteFormat::S3Ec(format),
        contents: Contents::Foreign(reads),
        foreign: Some(Arc::new(foreign)),
        ..Rule::sealed("*", Arc::new(keyring))
    }
}

/// A process: everything but the store and what `uploads` keeps is its own.
fn process(store: &Arc<UploadStore>, uploads: Arc<dyn UploadState>, rule: Rule) -> SealedObjects {
    static SEED: AtomicU64 = AtomicU64::new(1);
    let seed = SEED.fetch_add(1, Ordering::Relaxed) << 32;
    let random = Arc::new(Counter(seed.into()));
    SealedObjects::new(Arc::<UploadStore>::clone(store), PolicyTable::new(vec![rule]), random).with_uploads(uploads)
}

fn on_disk(store: &Arc<UploadStore>, directory: &Path) -> SealedObjects {
    process(store, Arc::new(LocalUploads::open(directory).unwrap()), rule(s3ec::WriteFormat::V3))
}

/// What a reader of Amazon's makes of what is stored.
fn opened(store: &UploadStore) -> Bytes {
    let (headers, stored) = store.stored("key");
    let text: Vec<(String, String)> = headers
        .iter()
        .filter_map(|(name, value)| {
            Some((name.as_str().strip_prefix("x-amz-meta-")?.to_owned(), value.to_str().unwrap().to_owned()))
        })
        .collect();
    let envelope = match detect(text.iter().map(|(name, value)| (name.as_str(), value.as_str())), 0).unwrap() {
        Detection::Complete(envelope) => *envelope,
        Detection::NoEnvelope(partial) | Detection::NeedsInstructionFile(partial) => {
            partial.with_instruction_file(&store.stored("key.instruction").1).unwrap()
        }
    };
    let policy = ReadPolicy {
        commitment: CommitmentPolicy::ForbidEncryptAllowDecrypt,
        instruction_files: InstructionFiles::Any,
        ..ReadPolicy::default()
    };
    assert_eq!(envelope.context()["name"], "é");
    let key = s3ec::MasterKey::Aes(AesMasterKey::from_bytes(&[9; 32]).unwrap());
    let content = envelope.admit(&policy).unwrap().unlock(&key).unwrap();
    let Measure::Known(extent) = content.measure(stored.len() as u64).unwrap() else { panic!() };
    let (mut opener, mut out) = (content.open(extent, None).unwrap().opener, BytesMut::new());
    opener.push(&stored, &mut out).unwrap();
    opener.finish(&mut out).unwrap();
    out.freeze()
}

fn put(body: Bytes, verdict: bool) -> SealRequest {
    let name = HeaderName::from_static("x-amz-meta-note");
    SealRequest {
        at: at(),
        plain_len: body.len() as u64,
        headers: HeaderMap::from_iter([(name, HeaderValue::from_static("clear"))]),
        digests: DigestSet::default(),
        verdict: Box::new(move |_: &Computed| if verdict { Ok(()) } else { Err("another digest".into()) }),
        body: store::full(body),
    }
}

async fn seal(objects: &SealedObjects, request: SealRequest) -> Result<SealOutcome, Error> {
    objects.seal(request).await
}

/// Numbers of the parts that came to the store, in their order.
fn numbers(store: &UploadStore) -> Vec<u16> {
    store.came().iter().map(|(number, _)| *number).collect()
}

/// Whatever happened, a part was the same bytes every time: no place was encrypted twice.
fn check_no_place_had_two_contents(store: &UploadStore) {
    let mut seen: BTreeMap<u16, Bytes> = BTreeMap::new();
    for (number, bytes) in store.came() {
        assert!(*seen.entry(number).or_insert_with(|| bytes.clone()) == bytes, "part {number} came with other bytes");
    }
}

fn held(directory: &Path) -> usize {
    std::fs::read_dir(directory.join("uploads")).unwrap().count()
}

#[tokio::test]
async fn an_object_is_what_readers_of_amazons_open() {
    let directory = tempfile::tempdir().unwrap();
    for format in [s3ec::WriteFormat::V3, s3ec::WriteFormat::V2] {
        for files in [false, true] {
            let (store, rule) = (UploadStore::new(), Rule { writes_instruction_files: files, ..rule(format) });
            let objects = process(&store, Arc::new(LocalUploads::open(directory.path()).unwrap()), rule);
            for len in [0, 1, 16, 70_000, 600_001] {
                let outcome = seal(&objects, put(content(len, 3), true)).await.unwrap();
                assert!(outcome.etag.unwrap().ends_with("-0\""));
                let (headers, stored) = store.stored("key");
                assert_eq!((headers["x-amz-meta-note"].as_bytes(), stored.len()), (b"clear".as_slice(), len + 16));
                assert_eq!(store.keys().len(), 1 + usize::from(files));
                assert!(opened(&store) == content(len, 3), "{format:?} {len}");
            }
            let names = store.stored("key").0;
            assert_eq!(names.contains_key("x-amz-meta-x-amz-3"), format == s3ec::WriteFormat::V3 && !files);
            if files {
                objects.forget_instruction_file(&at()).await;
                assert_eq!(store.keys(), ["key"]);
            }
        }
    }
}

#[tokio::test]
async fn a_body_that_is_not_believed_leaves_what_was_there() {
    let (directory, store) = (tempfile::tempdir().unwrap(), UploadStore::new());
    let objects = on_disk(&store, directory.path());
    seal(&objects, put(content(100, 1), true)).await.unwrap();
    for len in [0, 5, 600_001] {
        assert!(matches!(seal(&objects, put(content(len, 2), false)).await, Err(Error::Body(_))));
        let short = SealRequest { plain_len: len as u64 + 1, ..put(content(len, 2), true) };
        assert!(matches!(seal(&objects, short).await, Err(Error::Body(_))));
    }
    assert!(opened(&store) == content(100, 1));
}

#[tokio::test]
async fn what_cannot_be_written_is_refused_before_the_store_hears_of_it() {
    let (directory, store) = (tempfile::tempdir().unwrap(), UploadStore::new());
    let objects = on_disk(&store, directory.path());
    let most = (1_u64 << 36) - 32;
    let large = SealRequest { plain_len: most + 1, ..put(Bytes::new(), true) };
    assert!(matches!(seal(&objects, large).await, Err(Error::TooLarge { .. })));
    let mut wordy = put(Bytes::new(), true);
    wordy.headers.insert("x-amz-meta-long", HeaderValue::try_from("v".repeat(1_950)).unwrap());
    assert!(matches!(seal(&objects, wordy).await, Err(Error::MetadataTooLarge { .. })));
    assert_eq!(store.requests(), 0);

    let shared =
        process(&store, Arc::new(BucketUploads::new(Arc::<UploadStore>::clone(&store))), rule(s3ec::WriteFormat::V3));
    assert!(matches!(begin(&shared).await, Err(Error::SharedUploads)));
    assert_eq!(store.requests(), 0);
}

#[tokio::test]
async fn parts_in_any_order_are_one_message() {
    for order in [[1, 2, 3, 4], [4, 3, 2, 1], [2, 4, 1, 3], [3, 1, 4, 2]] {
        let (directory, store) = (tempfile::tempdir().unwrap(), UploadStore::new());
        let objects = on_disk(&store, directory.path());
        let id = begin(&objects).await.unwrap();
        // Parts that begin and end within blocks of the cipher.
        let lens = [FIVE + 3, FIVE, FIVE + 14, 7];
        let mut parts = Vec::new();
        for number in order {
            let body = content(lens[usize::from(number) - 1], u8::try_from(number).unwrap());
            parts.push(part(&objects, &id, number, body).await.unwrap());
        }
        parts.sort_by_key(|part| part.number);
        let listed = objects.uploaded_parts(&at(), &id, 0, 10).await.unwrap().unwrap().0;
        assert_eq!(listed.iter().map(|part| part.plain_len).collect::<Vec<_>>(), lens.map(|len| len as u64));
        let done = complete(&objects, &id, &parts).await.unwrap();
        assert_eq!(done.parts, 4);
        let whole: Vec<u8> = lens.iter().zip(1..).flat_map(|(len, seed)| content(*len, seed)).collect();
        assert!(opened(&store) == whole, "{order:?}");
        check_no_place_had_two_contents(&store);
        assert_eq!(held(directory.path()), 0);
        let again = complete(&objects, &id, &parts).await.unwrap();
        assert_eq!(again.etag, done.etag, "completing again gives the same answer");
    }
}

#[tokio::test]
async fn a_part_is_sent_when_all_before_it_and_one_behind_it_are_there() {
    let (directory, store) = (tempfile::tempdir().unwrap(), UploadStore::new());
    let objects = on_disk(&store, directory.path());
    let id = begin(&objects).await.unwrap();
    for (number, sent, waiting) in [(3, vec![], 1), (1, vec![1], 1), (2, vec![1, 2], 1), (4, vec![1, 2, 3], 1)] {
        part(&objects, &id, number, content(FIVE, 1)).await.unwrap();
        assert_eq!((numbers(&store), held(directory.path())), (sent, waiting), "after part {number}");
    }
}

#[tokio::test]
async fn the_same_part_again_is_the_same_and_another_is_refused_once_it_has_its_place() {
    let (directory, store) = (tempfile::tempdir().unwrap(), UploadStore::new());
    let objects = on_disk(&store, directory.path());
    let id = begin(&objects).await.unwrap();
    part(&objects, &id, 1, content(FIVE, 9)).await.unwrap();
    let first = part(&objects, &id, 1, content(FIVE, 1)).await.unwrap();
    let last = part(&objects, &id, 2, content(5, 2)).await.unwrap();
    assert_eq!(part(&objects, &id, 1, content(FIVE, 1)).await.unwrap().etag, first.etag);
    let refused = part(&objects, &id, 1, content(FIVE, 9)).await.unwrap_err();
    assert!(matches!(&refused, Error::BadPart(why) if why.contains("part 1")), "{refused}");
    assert!(matches!(part(&objects, &id, 1, content(FIVE + 1, 1)).await, Err(Error::BadPart(_))));
    complete(&objects, &id, &[first, last]).await.unwrap();
    assert!(opened(&store) == [content(FIVE, 1), content(5, 2)].concat());
    check_no_place_had_two_contents(&store);
}

#[tokio::test]
async fn a_list_that_ends_earlier_has_its_tag_behind_and_one_with_a_gap_is_refused() {
    let (directory, store) = (tempfile::tempdir().unwrap(), UploadStore::new());
    let objects = on_disk(&store, directory.path());
    let id = begin(&objects).await.unwrap();
    let mut parts = Vec::new();
    for number in 1..=4 {
        parts.push(part(&objects, &id, number, content(FIVE, 1)).await.unwrap());
    }
    let gap = [parts[0].clone(), parts[2].clone()];
    let refused = complete(&objects, &id, &gap).await.err().unwrap();
    assert!(matches!(&refused, Error::BadPart(why) if why.contains("part 2")), "{refused}");
    complete(&objects, &id, &parts[..2]).await.unwrap();
    assert!(opened(&store) == [content(FIVE, 1), content(FIVE, 1)].concat());
    assert_eq!(store.came().last().unwrap().1.len(), 16, "the tag alone");
}

#[tokio::test]
async fn numbers_may_leave_gaps_and_the_last_part_may_be_empty() {
    let (directory, store) = (tempfile::tempdir().unwrap(), UploadStore::new());
    let objects = on_disk(&store, directory.path());
    let id = begin(&objects).await.unwrap();
    let mut parts = Vec::new();
    for (number, len) in [(5, FIVE), (2, FIVE + 1), (9_000, 0)] {
        parts.push(part(&objects, &id, number, content(len, 1)).await.unwrap());
    }
    parts.sort_by_key(|part| part.number);
    complete(&objects, &id, &parts).await.unwrap();
    assert!(opened(&store) == [content(FIVE + 1, 1), content(FIVE, 1)].concat());
}

#[tokio::test]
async fn there_is_one_end_and_so_one_list() {
    let (directory, store) = (tempfile::tempdir().unwrap(), UploadStore::new());
    let objects = on_disk(&store, directory.path());
    let id = begin(&objects).await.unwrap();
    let mut parts = Vec::new();
    for number in 1..=3 {
        parts.push(part(&objects, &id, number, content(FIVE, 1)).await.unwrap());
    }
    store.ends_at.store(store.requests(), Ordering::SeqCst);
    assert!(complete(&objects, &id, &parts).await.is_err());
    store.ends_at.store(usize::MAX, Ordering::SeqCst);
    let refused = complete(&objects, &id, &parts[..2]).await.err().unwrap();
    assert!(matches!(&refused, Error::BadPart(why) if why.contains("another list")), "{refused}");
    complete(&objects, &id, &parts).await.unwrap();
    assert_eq!(opened(&store).len(), 3 * FIVE);
}

#[tokio::test]
async fn an_upload_goes_on_after_a_death_at_any_request() {
    let lens = [(2, FIVE + 5), (1, FIVE), (3, 100)];
    let whole = [content(FIVE, 1), content(FIVE + 5, 2), content(100, 3)].concat();
    let mut ended = false;
    for cut in 1.. {
        let (directory, store) = (tempfile::tempdir().unwrap(), UploadStore::new());
        let mut objects = on_disk(&store, directory.path());
        let id = begin(&objects).await.unwrap();
        store.ends_at.store(store.requests() + cut - 1, Ordering::SeqCst);
        let mut parts = Vec::new();
        let mut done = false;
        for _ in 0..2 {
            parts.clear();
            for (number, len) in lens {
                if let Ok(part) = part(&objects, &id, number, content(len, u8::try_from(number).unwrap())).await {
                    parts.push(part);
                }
            }
            parts.sort_by_key(|part| part.number);
            done = parts.len() == 3 && complete(&objects, &id, &parts).await.is_ok();
            if done {
                break;
            }
            // Another process, and the store is there again.
            drop(objects);
            objects = on_disk(&store, directory.path());
            store.ends_at.store(usize::MAX, Ordering::SeqCst);
        }
        if !done {
            // The store had completed it, and only the answer was lost: the parts are not known any more.
            complete(&objects, &id, &parts).await.unwrap();
        }
        assert!(opened(&store) == whole, "cut off at request {cut}");
        check_no_place_had_two_contents(&store);
        if store.ends_at.load(Ordering::SeqCst) != usize::MAX {
            ended = true;
            break;
        }
    }
    assert!(ended);
}

#[tokio::test]
async fn parts_that_wait_leave_room_for_those_they_wait_for() {
    let (directory, store) = (tempfile::tempdir().unwrap(), UploadStore::new());
    let limit = 4 * (FIVE as u64 + 4096);
    let uploads = LocalUploads::open(directory.path()).unwrap().with_held_limit(limit);
    let objects = process(&store, Arc::new(uploads), rule(s3ec::WriteFormat::V3));
    let id = begin(&objects).await.unwrap();
    let mut parts = Vec::new();
    for number in [2, 3, 4] {
        parts.push(part(&objects, &id, number, content(FIVE, 1)).await.unwrap());
    }
    let full = part(&objects, &id, 5, content(FIVE, 1)).await.unwrap_err();
    assert!(matches!(&full, Error::Busy(why) if why.contains("held_parts_mib")), "{full}");
    for number in [1, 5] {
        parts.push(part(&objects, &id, number, content(FIVE, 1)).await.unwrap());
    }
    parts.sort_by_key(|part| part.number);
    complete(&objects, &id, &parts).await.unwrap();
    assert_eq!(opened(&store).len(), 5 * FIVE);
}

#[tokio::test]
async fn giving_an_upload_up_removes_what_was_held() {
    let (directory, store) = (tempfile::tempdir().unwrap(), UploadStore::new());
    let objects = on_disk(&store, directory.path());
    let id = begin(&objects).await.unwrap();
    for number in [2, 3] {
        part(&objects, &id, number, content(FIVE, 1)).await.unwrap();
    }
    assert_eq!(held(directory.path()), 2);
    assert!(objects.abort_upload(&at(), &id).await.unwrap().status().is_success());
    assert_eq!(held(directory.path()), 0);
    assert!(matches!(part(&objects, &id, 1, content(FIVE, 1)).await, Err(Error::NoSuchUpload)));
}

#[tokio::test]
async fn an_upload_may_have_its_wrapped_key_in_an_instruction_file() {
    for format in [s3ec::WriteFormat::V3, s3ec::WriteFormat::V2] {
        let (directory, store) = (tempfile::tempdir().unwrap(), UploadStore::new());
        let rule = Rule { writes_instruction_files: true, ..rule(format) };
        let objects = process(&store, Arc::new(LocalUploads::open(directory.path()).unwrap()), rule);
        let id = begin(&objects).await.unwrap();
        let only = part(&objects, &id, 1, content(100, 1)).await.unwrap();
        complete(&objects, &id, &[only]).await.unwrap();
        assert!(opened(&store) == content(100, 1));
        assert_eq!(store.keys(), ["key", "key.instruction"]);
    }
}
