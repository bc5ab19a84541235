//! Upload state on local disk: records in one transactional file, so that they survive a kill at any point, and held bytes in files
//! beside it.

use std::collections::HashSet;
use std::ops::Range;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use async_trait::async_trait;
use redb::{Database, ReadableDatabase as _, ReadableTable as _, ReadableTableMetadata as _, TableDefinition};

use super::attempt::{first_parts, live};
use super::spool::{Spool, no_room};
use super::{Attempt, BegunUpload, Leftover, StateError, UploadName, UploadState};
use crate::store::Body;

/// Uploads by name, as JSON.
const UPLOADS: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("uploads 2");
/// Sealed records by `name/attempt`.
const RECORDS: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("records 2");

/// So many unfinished uploads are remembered. Backup programs have tens at a time; each may take 10,000 records of half a kilobyte,
/// and the daily sweep asks the store about every old one.
const UPLOADS_LIMIT: u64 = 10_000;

/// The file of records, in the data directory.
const FILE: &str = "uploads.redb";
/// The folder of held bytes beside it.
const FOLDER: &str = "uploads";

/// Upload state on local disk.
#[derive(Clone)]
pub struct LocalUploads {
    /// Nothing while it cannot be opened.
    database: Arc<RwLock<Option<Database>>>,
    open: Arc<Open>,
    spool: Spool,
    limit: u64,
}

/// Opens the file, and names the files of held bytes that there should be.
type Open = dyn Fn() -> Result<(Database, HashSet<String>), redb::Error> + Send + Sync;

impl LocalUploads {
    /// Opens `uploads.redb` and the folder `uploads` in a directory, or makes them. A file that is damaged is set aside with a
    /// warning: it is worth no more than the uploads that are unfinished just now.
    ///
    /// # Errors
    /// [`StateError`] when they cannot be opened or are in use by another process.
    pub fn open(directory: &Path) -> Result<Self, StateError> {
        let path = directory.join(FILE);
        let opened = match open(&path) {
            Err(error) if is_damage(&error) => {
                set_aside(&path, &error)?;
                open(&path)
            }
            opened => opened,
        };
        let (database, known) = opened.map_err(|error| unusable(&path, &error))?;
        let folder = directory.join(FOLDER);
        let spool = Spool::open(&folder, &known).map_err(|error| unusable(&folder, &error))?;
        let again: Arc<Open> = Arc::new(move || open(&path));
        Ok(Self { database: Arc::new(RwLock::new(Some(database))), open: again, spool, limit: UPLOADS_LIMIT })
    }

    fn write<T>(&self, change: impl FnOnce(&mut Tables<'_>) -> Result<T, StateError>) -> Result<T, StateError> {
        let database = self.database.read().unwrap_or_else(PoisonError::into_inner);
        let transaction = database.as_ref().ok_or(StateError::Closed)?.begin_write().map_err(trouble)?;
        let mut tables = Tables {
            uploads: transaction.open_table(UPLOADS).map_err(trouble)?,
            records: transaction.open_table(RECORDS).map_err(trouble)?,
        };
        let changed = change(&mut tables)?;
        drop(tables);
        transaction.commit().map_err(trouble)?;
        Ok(changed)
    }

    /// Runs what waits for the disk where waiting hurts nobody.
    async fn blocking<T: Send + 'static>(
        &self,
        work: impl Fn(&Self) -> Result<T, StateError> + Send + 'static,
    ) -> Result<T, StateError> {
        let this = self.clone();
        let retried = move || match work(&this) {
            Err(StateError::Closed) => this.reopen().and_then(|()| work(&this)),
            worked => worked,
        };
        tokio::task::spawn_blocking(retried).await.map_err(StateError::failed)?
    }

    /// Opens the file again. After any failure of the disk, such as one that was full for a moment, redb refuses everything else.
    fn reopen(&self) -> Result<(), StateError> {
        let mut database = self.database.write().unwrap_or_else(PoisonError::into_inner);
        // Whoever waited for this has it done already.
        let sound = |database: &Database| database.begin_read().is_ok() && database.begin_write().is_ok();
        if database.as_ref().is_some_and(sound) {
            return Ok(());
        }
        // The old one holds a lock on the file.
        drop(database.take());
        *database = Some((self.open)().map_err(trouble)?.0);
        tracing::warn!("the file of unfinished multipart uploads was opened again after a failure of the disk");
        Ok(())
    }

    fn table(&self, table: TableDefinition<'static, &str, &[u8]>) -> Result<ReadOnly, StateError> {
        let database = self.database.read().unwrap_or_else(PoisonError::into_inner);
        let transaction = database.as_ref().ok_or(StateError::Closed)?.begin_read().map_err(trouble)?;
        transaction.open_table(table).map_err(trouble)
    }
}

type ReadOnly = redb::ReadOnlyTable<&'static str, &'static [u8]>;
type Table<'a> = redb::Table<'a, &'static str, &'static [u8]>;

/// The tables of a write.
struct Tables<'a> {
    uploads: Table<'a>,
    records: Table<'a>,
}

impl Tables<'_> {
    /// The attempts at the parts of an upload, or at one of them.
    fn attempts(&self, name: &UploadName, part: u16) -> Result<Vec<Attempt>, StateError> {
        let (first, last) = parts(name, part, part);
        attempts(&self.records, &first, &last)
    }
}

#[async_trait]
impl UploadState for LocalUploads {
    fn is_in_buckets(&self) -> bool {
        false
    }

    async fn begin(&self, upload: &BegunUpload) -> Result<(), StateError> {
        let (name, value) = (upload.name(), serde_json::to_vec(upload).map_err(StateError::failed)?);
        self.blocking(move |this| {
            this.write(|tables| {
                if tables.uploads.len().map_err(trouble)? >= this.limit {
                    return Err(StateError::Full(format!(
                        "{} multipart uploads are unfinished, which is the limit; complete or abort some",
                        this.limit
                    )));
                }
                tables.uploads.insert(name.as_str(), value.as_slice()).map_err(trouble)?;
                Ok(())
            })
        })
        .await
    }

    async fn find(&self, name: &UploadName) -> Result<Option<BegunUpload>, StateError> {
        let name = name.clone();
        self.blocking(move |this| {
            let value = this.table(UPLOADS)?.get(name.as_str()).map_err(trouble)?;
            value.map(|value| serde_json::from_slice(value.value()).map_err(StateError::failed)).transpose()
        })
        .await
    }

    async fn hold(
        &self,
        name: &UploadName,
        attempt: &Attempt,
        sealed: Body,
        sealed_len: u64,
    ) -> Result<(), StateError> {
        self.spool.write(&held(name, attempt), sealed, sealed_len).await
    }

    async fn keep(&self, name: &UploadName, attempt: &Attempt, record: Vec<u8>) -> Result<bool, StateError> {
        let (name, attempt) = (name.clone(), attempt.clone());
        self.blocking(move |this| {
            let kept = this.write(|tables| {
                if tables.uploads.get(name.as_str()).map_err(trouble)?.is_none() {
                    return Ok(None);
                }
                let record_name = record_name(&name, &attempt);
                tables.records.insert(record_name.as_str(), record.as_slice()).map_err(trouble)?;
                let all = tables.attempts(&name, attempt.part())?;
                let live: HashSet<Attempt> = live(all.clone()).into_iter().collect();
                let dead: Vec<Attempt> = all.into_iter().filter(|attempt| !live.contains(attempt)).collect();
                for attempt in &dead {
                    tables.records.remove(self::record_name(&name, attempt).as_str()).map_err(trouble)?;
                }
                Ok(Some(dead))
            })?;
            let gone: Vec<String> = match &kept {
                Some(dead) => dead.iter().map(|dead| held(&name, dead)).collect(),
                None => vec![held(&name, &attempt)],
            };
            this.spool.remove(&gone);
            Ok(kept.is_some())
        })
        .await
    }

    async fn records(
        &self,
        name: &UploadName,
        after: u16,
        parts: usize,
    ) -> Result<Vec<(Attempt, Vec<u8>)>, StateError> {
        let name = name.clone();
        self.blocking(move |this| {
            let table = this.table(RECORDS)?;
            let (first, last) = self::parts(&name, after.saturating_add(1), u16::MAX);
            let attempts = first_parts(live(attempts(&table, &first, &last)?), parts);
            let record = |attempt: Attempt| {
                let record = table.get(record_name(&name, &attempt).as_str()).map_err(trouble)?;
                let record = record.ok_or_else(|| StateError::failed("a record is gone"))?.value().to_vec();
                Ok((attempt, record))
            };
            attempts.into_iter().map(record).collect()
        })
        .await
    }

    async fn held(&self, name: &UploadName, attempt: &Attempt, range: Range<u64>) -> Result<Option<Body>, StateError> {
        self.spool.read(&held(name, attempt), range).await
    }

    async fn forget(&self, name: &UploadName) -> Result<(), StateError> {
        let name = name.clone();
        self.blocking(move |this| {
            let held = this.write(|tables| {
                tables.uploads.remove(name.as_str()).map_err(trouble)?;
                let (first, last) = parts(&name, 0, u16::MAX);
                let attempts = attempts(&tables.records, &first, &last)?;
                let all = first.as_str()..=last.as_str();
                tables.records.retain_in(all, |_, _| false).map_err(trouble)?;
                Ok(attempts.iter().map(|attempt| held(&name, attempt)).collect::<Vec<_>>())
            })?;
            this.spool.remove(&held);
            Ok(())
        })
        .await
    }

    async fn clear(&self, _: &str) -> Result<bool, StateError> {
        Ok(false)
    }

    async fn leftovers(&self, _: &[String], moment: u64) -> Result<Vec<Leftover>, StateError> {
        self.blocking(move |this| {
            let mut old = Vec::new();
            for entry in this.table(UPLOADS)?.range::<&str>(..).map_err(trouble)? {
                let (_, value) = entry.map_err(trouble)?;
                let upload: BegunUpload = serde_json::from_slice(value.value()).map_err(StateError::failed)?;
                if upload.begun <= moment {
                    old.push(Leftover::Upload(upload));
                }
            }
            Ok(old)
        })
        .await
    }
}

fn record_name(name: &UploadName, attempt: &Attempt) -> String {
    format!("{}/{attempt}", name.as_str())
}

fn held(name: &UploadName, attempt: &Attempt) -> String {
    format!("{}-{}", name.as_str(), attempt.held_name())
}

/// The first and the last name that records of these parts can have.
fn parts(name: &UploadName, from: u16, to: u16) -> (String, String) {
    (format!("{}/{from:05}", name.as_str()), format!("{}/{to:05}~", name.as_str()))
}

fn attempts(
    table: &impl redb::ReadableTable<&'static str, &'static [u8]>,
    first: &str,
    last: &str,
) -> Result<Vec<Attempt>, StateError> {
    let entries = table.range::<&str>(first..=last).map_err(trouble)?;
    entries
        .map(|entry| {
            let (name, _) = entry.map_err(trouble)?;
            let attempt = name.value().split_once('/').and_then(|(_, attempt)| Attempt::parse(attempt));
            attempt.ok_or_else(|| StateError::failed("a record without an attempt"))
        })
        .collect()
}

/// Opens a file, or makes it, looks whether all of it is sound, and names every file of held bytes that there should be.
fn open(path: &Path) -> Result<(Database, HashSet<String>), redb::Error> {
    let look = || {
        let mut options = std::fs::OpenOptions::new();
        let file = options.read(true).write(true).create(true).truncate(false).mode(0o600).open(path)?;
        let mut database = Database::builder().create_file(file)?;
        database.check_integrity()?;
        let known = prepare(&database)?;
        Ok((database, known))
    };
    // Some damage redb meets with a panic.
    let looked = std::panic::catch_unwind(look);
    looked.unwrap_or_else(|_| Err(redb::Error::Corrupted("its pages make no sense".to_owned())))
}

/// Makes the tables, and names every file of held bytes that there should be.
fn prepare(database: &Database) -> Result<HashSet<String>, redb::Error> {
    let transaction = database.begin_write()?;
    transaction.open_table(UPLOADS)?;
    let mut known = HashSet::new();
    for entry in transaction.open_table(RECORDS)?.iter()? {
        let (record, _) = entry?;
        let held = record
            .value()
            .split_once('/')
            .and_then(|(name, attempt)| Some(format!("{name}-{}", Attempt::parse(attempt)?.held_name())));
        known.extend(held);
    }
    transaction.commit()?;
    Ok(known)
}

/// What a failure of the file means.
fn trouble(error: impl Into<redb::Error>) -> StateError {
    match error.into() {
        redb::Error::PreviousIo | redb::Error::DatabaseClosed => StateError::Closed,
        redb::Error::Io(error) => no_room(error),
        error => StateError::failed(error),
    }
}

/// Whether the file itself is at fault, so that another one would do.
fn is_damage(error: &redb::Error) -> bool {
    use std::io::ErrorKind::{InvalidData, UnexpectedEof};
    match error {
        redb::Error::Corrupted(_) | redb::Error::UpgradeRequired(_) | redb::Error::RepairAborted => true,
        redb::Error::Io(error) => matches!(error.kind(), InvalidData | UnexpectedEof),
        _ => false,
    }
}

fn set_aside(path: &Path, error: &redb::Error) -> Result<(), StateError> {
    let aside = PathBuf::from(format!("{}.damaged", path.display()));
    std::fs::rename(path, &aside).map_err(|error| unusable(path, &error))?;
    tracing::warn!(
        file = %path.display(), set_aside_as = %aside.display(), cause = %error,
        "the file of unfinished multipart uploads is damaged and was set aside; clients begin unfinished uploads again",
    );
    Ok(())
}

fn unusable(path: &Path, error: &dyn std::fmt::Display) -> StateError {
    StateError::Failed(format!(
        "{}: {error}. Another Sealgate may be using it; otherwise it may be deleted, which loses unfinished uploads only",
        path.display()
    ))
}

#[cfg(test)]
mod tests {
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
            let known = prepare(&database)?;
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
}
