//! The state of uploads on a disk that is damaged, full, or somebody else's.

use std::sync::atomic::{AtomicBool, Ordering};

use super::*;
use crate::{store, stream};

fn upload(key: &str) -> BegunUpload {
    BegunUpload { bucket: "b".into(), key: key.into(), store_id: "id".into(), token: "t".into(), begun: 100 }
}

fn name(key: &str) -> UploadName {
    upload(key).name()
}

fn attempt(part: u16, begun: u64, ended: u64) -> Attempt {
    Attempt::begin(part, begun, [u8::try_from(ended).unwrap(); 16]).end(ended)
}

fn open() -> (tempfile::TempDir, LocalUploads) {
    let directory = tempfile::tempdir().unwrap();
    let state = LocalUploads::open(directory.path()).unwrap();
    (directory, state)
}

fn files(directory: &tempfile::TempDir) -> usize {
    std::fs::read_dir(directory.path().join(FOLDER)).unwrap().count()
}

async fn hold(state: &LocalUploads, key: &str, attempt: &Attempt, bytes: &'static str) {
    state.hold(&name(key), attempt, store::full(bytes), bytes.len() as u64).await.unwrap();
}

async fn held(state: &LocalUploads, key: &str, attempt: &Attempt) -> Option<bytes::Bytes> {
    let body = state.held(&name(key), attempt, 0..4).await.unwrap()?;
    Some(stream::collect(body, 100).await.unwrap())
}

#[tokio::test]
async fn what_is_kept_survives_reopening_and_is_forgotten_whole() {
    let (directory, state) = open();
    let (two, last, one) = (attempt(2, 1, 2), attempt(10_000, 1, 3), attempt(1, 1, 4));
    for key in ["a", "other"] {
        state.begin(&upload(key)).await.unwrap();
    }
    hold(&state, "a", &two, "held").await;
    for (attempt, record) in [(&two, "two"), (&last, "last"), (&one, "one")] {
        assert!(state.keep(&name("a"), attempt, record.into()).await.unwrap());
    }
    assert!(state.keep(&name("other"), &one, b"other".to_vec()).await.unwrap());
    drop(state);
    let state = LocalUploads::open(directory.path()).unwrap();
    assert_eq!(state.find(&name("a")).await.unwrap(), Some(upload("a")));
    let all = state.records(&name("a"), 0, 9).await.unwrap();
    assert_eq!(all, [(one.clone(), b"one".to_vec()), (two.clone(), b"two".to_vec()), (last, b"last".to_vec())]);
    assert_eq!(state.records(&name("a"), 1, 1).await.unwrap(), [(two.clone(), b"two".to_vec())]);
    assert_eq!(held(&state, "a", &two).await.unwrap(), "held");
    state.forget(&name("a")).await.unwrap();
    assert!(state.records(&name("a"), 0, 9).await.unwrap().is_empty());
    assert_eq!(state.find(&name("a")).await.unwrap(), None);
    assert_eq!(files(&directory), 0);
    assert_eq!(state.records(&name("other"), 0, 9).await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_later_attempt_replaces_an_earlier_one_and_what_it_held() {
    let (directory, state) = open();
    state.begin(&upload("a")).await.unwrap();
    let (first, second, beside) = (attempt(1, 10, 20), attempt(1, 30, 40), attempt(1, 35, 50));
    for attempt in [&first, &second, &beside] {
        hold(&state, "a", attempt, "held").await;
        assert!(state.keep(&name("a"), attempt, b"r".to_vec()).await.unwrap());
    }
    let left: Vec<Attempt> =
        state.records(&name("a"), 0, 9).await.unwrap().into_iter().map(|(attempt, _)| attempt).collect();
    assert_eq!(left, [second, beside], "those that raced are both there");
    assert_eq!((files(&directory), held(&state, "a", &first).await), (2, None));
}

#[tokio::test]
async fn an_attempt_that_comes_too_late_leaves_nothing() {
    let (directory, state) = open();
    let late = attempt(1, 1, 2);
    hold(&state, "a", &late, "held").await;
    assert!(!state.keep(&name("a"), &late, b"r".to_vec()).await.unwrap());
    assert!(state.records(&name("a"), 0, 9).await.unwrap().is_empty());
    assert_eq!(files(&directory), 0);
}

#[tokio::test]
async fn there_is_a_limit_to_unfinished_uploads() {
    let (_directory, state) = open();
    let state = LocalUploads { limit: 2, ..state };
    for key in ["a", "b"] {
        state.begin(&upload(key)).await.unwrap();
    }
    let error = state.begin(&upload("c")).await.unwrap_err();
    assert!(matches!(&error, StateError::Full(why) if why.contains("2 multipart uploads")), "{error}");
    state.forget(&name("a")).await.unwrap();
    state.begin(&upload("c")).await.unwrap();
}

#[tokio::test]
async fn old_uploads_are_found() {
    let (_directory, state) = open();
    state.begin(&upload("a")).await.unwrap();
    assert_eq!(state.leftovers(&[], 99).await.unwrap(), []);
    assert_eq!(state.leftovers(&[], 100).await.unwrap(), [Leftover::Upload(upload("a"))]);
}

#[tokio::test]
async fn a_damaged_file_is_set_aside() {
    for damage in [b"not a database at all".to_vec(), vec![0xa5; 100_000]] {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join(FILE);
        std::fs::write(&path, &damage).unwrap();
        let state = LocalUploads::open(directory.path()).unwrap();
        state.begin(&upload("a")).await.unwrap();
        let aside = directory.path().join("uploads.redb.damaged");
        assert_eq!(std::fs::read(aside).unwrap(), damage);
    }
}

#[tokio::test]
async fn a_file_in_use_is_not_touched() {
    let (directory, state) = open();
    let error = LocalUploads::open(directory.path()).err().unwrap().to_string();
    assert!(error.contains("uploads.redb") && error.contains("Another Sealgate"), "{error}");
    state.begin(&upload("a")).await.unwrap();
}

#[tokio::test]
async fn damage_in_the_middle_is_found_on_opening() {
    let (directory, state) = open();
    state.begin(&upload("a")).await.unwrap();
    for part in 1..200 {
        state.keep(&name("a"), &attempt(part, 1, 2), vec![7; 300]).await.unwrap();
    }
    drop(state);
    let path = directory.path().join(FILE);
    let sound = std::fs::read(&path).unwrap();
    for start in (0..sound.len()).step_by(sound.len() / 12) {
        let mut damaged = sound.clone();
        let end = damaged.len().min(start + 4_096);
        damaged[start..end].fill(0);
        for bytes in [&damaged[..], &sound[..start]] {
            std::fs::write(&path, bytes).unwrap();
            let state = LocalUploads::open(directory.path()).unwrap();
            state.begin(&upload("b")).await.unwrap();
            state.records(&name("a"), 0, 999).await.unwrap();
            state.forget(&name("a")).await.unwrap();
        }
    }
}

/// A disk that is full for as long as it is told so.
#[derive(Debug)]
struct Disk(redb::backends::FileBackend, Arc<AtomicBool>);

impl Disk {
    fn room(&self) -> std::io::Result<()> {
        let full = self.1.load(Ordering::SeqCst);
        if full { Err(std::io::ErrorKind::StorageFull.into()) } else { Ok(()) }
    }
}

impl redb::StorageBackend for Disk {
    fn len(&self) -> std::io::Result<u64> {
        self.0.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> std::io::Result<()> {
        self.0.read(offset, out)
    }

    fn set_len(&self, len: u64) -> std::io::Result<()> {
        self.room()?;
        self.0.set_len(len)
    }

    fn sync_data(&self) -> std::io::Result<()> {
        self.room()?;
        self.0.sync_data()
    }

    fn write(&self, offset: u64, data: &[u8]) -> std::io::Result<()> {
        self.room()?;
        self.0.write(offset, data)
    }

    fn close(&self) -> std::io::Result<()> {
        self.0.close()
    }
}

#[tokio::test]
async fn a_disk_that_was_full_for_a_moment_is_used_again() {
    let (directory, state) = open();
    let (path, full) = (directory.path().join(FILE), Arc::new(AtomicBool::new(false)));
    let switch = Arc::clone(&full);
    let open_disk = move || {
        let file = std::fs::OpenOptions::new().read(true).write(true).open(&path).unwrap();
        let disk = Disk(redb::backends::FileBackend::new(file)?, Arc::clone(&switch));
        let database = Database::builder().create_with_backend(disk)?;
        let known = file::prepare(&database)?;
        Ok((database, known))
    };
    drop(state.database.write().unwrap().take());
    let state = LocalUploads { open: Arc::new(open_disk), ..state };
    state.begin(&upload("before")).await.unwrap();
    full.store(true, Ordering::SeqCst);
    for _ in 0..3 {
        let error = state.begin(&upload("full")).await.unwrap_err();
        assert!(matches!(error, StateError::Full(_)), "{error}");
    }
    full.store(false, Ordering::SeqCst);
    state.begin(&upload("after")).await.unwrap();
    for key in ["before", "after"] {
        assert_eq!(state.find(&name(key)).await.unwrap(), Some(upload(key)));
    }
}

#[tokio::test]
async fn what_is_kept_is_for_the_owner_only() {
    use std::os::unix::fs::PermissionsExt as _;
    let (directory, state) = open();
    state.begin(&upload("a")).await.unwrap();
    let held_part = attempt(1, 1, 2);
    hold(&state, "a", &held_part, "held").await;
    let held_part = directory.path().join(FOLDER).join(super::held(&name("a"), &held_part));
    for (path, mode) in
        [(directory.path().join(FILE), 0o600), (held_part, 0o600), (directory.path().join(FOLDER), 0o700)]
    {
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, mode, "{}", path.display());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn uploads_that_come_and_go_disturb_no_reader() {
    let (_directory, state) = open();
    state.begin(&upload("stays")).await.unwrap();
    let read = async |state: LocalUploads| {
        for _ in 0..2_000 {
            assert_eq!(state.find(&name("stays")).await.unwrap(), Some(upload("stays")));
        }
    };
    let readers: Vec<_> = (0..3).map(|_| tokio::spawn(read(state.clone()))).collect();
    let mut turn = 0_u64;
    while readers.iter().any(|reader| !reader.is_finished()) {
        let key = format!("goes {turn}");
        state.begin(&upload(&key)).await.unwrap();
        assert!(state.keep(&name(&key), &attempt(1, 1, 2), vec![7; 3_000]).await.unwrap());
        state.forget(&name(&key)).await.unwrap();
        turn += 1;
    }
    for reader in readers {
        reader.await.unwrap();
    }
}
