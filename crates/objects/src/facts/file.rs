//! Gists that outlive the process, in a local file: bounded, and safe to delete.
//!
//! It is a cache, so it is written behind the requests and in batches, and whatever is wrong with it is repaired by beginning
//! again. There are two tables; when the younger one is full, the older one is emptied and takes over. So the file is
//! bounded, and what was learnt last stays longest, without an order of use to be kept on disk.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::Duration;

use redb::{
    Database, DatabaseError, ReadableDatabase as _, ReadableTable as _, ReadableTableMetadata as _, StorageError,
    TableDefinition,
};

use super::{Gist, GistKey};

/// The two generations. The number is the version of what they hold: another one is not read.
const TABLES: [Table; 2] = [TableDefinition::new("gists 1 even"), TableDefinition::new("gists 1 odd")];

/// Which of the two is being filled.
const YOUNGER: TableDefinition<'_, (), u8> = TableDefinition::new("younger 1");

/// Gists in a table when the other one is emptied; both together take less than 200 MB.
const GENERATION: u64 = 500_000;

/// Gists that wait to be written; when more come at once, some are not kept.
const WAITING: usize = 16_384;

/// How long the first of a batch waits for others.
const GATHERING: Duration = Duration::from_millis(500);

type Table = TableDefinition<'static, &'static [u8; 32], &'static [u8]>;

/// Facts about stored objects in a local file.
#[derive(Clone)]
pub struct FactsFile {
    database: Arc<Database>,
    waiting: SyncSender<(GistKey, Gist)>,
    /// Whether it failed once: it is not asked any more then, for a database that failed answers nothing until it is opened again.
    failed: Arc<AtomicBool>,
}

impl FactsFile {
    /// Opens the file, or makes it. A file that is damaged or of another kind is replaced by an empty one.
    ///
    /// # Errors
    /// When it can neither be opened nor made, or is in use by another process; the text says which.
    pub fn open(path: &Path) -> Result<Self, String> {
        Self::with_generation(path, GENERATION)
    }

    fn with_generation(path: &Path, generation: u64) -> Result<Self, String> {
        let database = match opened(path) {
            Err(DatabaseError::DatabaseAlreadyOpen) => return Err("another process uses it".into()),
            Err(DatabaseError::Storage(StorageError::Io(error))) if error.kind() != std::io::ErrorKind::InvalidData => {
                return Err(error.to_string());
            }
            Err(error) => {
                tracing::warn!(path = %path.display(), %error, "the facts remembered about objects cannot be read; beginning again");
                std::fs::remove_file(path).map_err(|error| error.to_string())?;
                opened(path).map_err(|error| error.to_string())?
            }
            Ok(database) => database,
        };
        let database = Arc::new(database);
        let (waiting, arriving) = sync_channel(WAITING);
        let writer = Arc::clone(&database);
        let work = move || write_all(&writer, &arriving, generation);
        std::thread::Builder::new().name("facts".into()).spawn(work).map_err(|error| error.to_string())?;
        Ok(Self { database, waiting, failed: Arc::default() })
    }

    /// Leaves a gist to be written soon.
    pub(super) fn note(&self, key: GistKey, gist: Gist) {
        // A full queue or a writer that gave up costs a request some day.
        let _ = self.waiting.try_send((key, gist));
    }

    /// What the file knows of each version, in order.
    pub(super) async fn find(&self, keys: Vec<GistKey>) -> Vec<Option<Gist>> {
        let (database, count) = (Arc::clone(&self.database), keys.len());
        if self.failed.load(Ordering::Relaxed) {
            return vec![None; count];
        }
        let read = tokio::task::spawn_blocking(move || read(&database, &keys)).await;
        match read {
            Ok(Ok(gists)) => gists,
            Ok(Err(error)) => {
                self.failed.store(true, Ordering::Relaxed);
                tracing::warn!(%error, "the facts remembered about objects cannot be read; from now on only memory remembers");
                vec![None; count]
            }
            // It panicked over damage.
            Err(_) => {
                self.failed.store(true, Ordering::Relaxed);
                vec![None; count]
            }
        }
    }
}

/// Opens the database with all its tables. Some damage makes it panic where it should refuse.
fn opened(path: &Path) -> Result<Database, DatabaseError> {
    let panicked = |_| Err(DatabaseError::Storage(StorageError::Corrupted("it panicked".into())));
    std::panic::catch_unwind(|| open_and_prepare(path)).unwrap_or_else(panicked)
}

fn open_and_prepare(path: &Path) -> Result<Database, DatabaseError> {
    let io = |error| DatabaseError::Storage(StorageError::Io(error));
    let database = Database::builder().create_file(private(path).map_err(io)?)?;
    match prepare(&database) {
        Ok(()) => Ok(database),
        Err(error) => Err(DatabaseError::Storage(StorageError::Corrupted(error.to_string()))),
    }
}

/// Opens the file, or makes it for its owner alone: it tells what content there is.
fn private(path: &Path) -> std::io::Result<std::fs::File> {
    let mut options = std::fs::OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

fn prepare(database: &Database) -> Result<(), redb::Error> {
    let transaction = database.begin_write()?;
    for table in TABLES {
        transaction.open_table(table)?;
    }
    transaction.open_table(YOUNGER)?;
    Ok(transaction.commit()?)
}

fn read(database: &Database, keys: &[GistKey]) -> Result<Vec<Option<Gist>>, redb::Error> {
    let transaction = database.begin_read()?;
    let [even, odd] = [transaction.open_table(TABLES[0])?, transaction.open_table(TABLES[1])?];
    let mut found = Vec::with_capacity(keys.len());
    for GistKey(key) in keys {
        let bytes = match even.get(key)? {
            Some(bytes) => Some(bytes),
            None => odd.get(key)?,
        };
        found.push(bytes.and_then(|bytes| decode(bytes.value())));
    }
    Ok(found)
}

/// Writes what arrives, until nobody is left to send.
fn write_all(database: &Database, arriving: &Receiver<(GistKey, Gist)>, generation: u64) {
    while let Ok(first) = arriving.recv() {
        let mut batch = vec![first];
        let deadline = std::time::Instant::now() + GATHERING;
        while batch.len() < WAITING {
            let left = deadline.saturating_duration_since(std::time::Instant::now());
            let Ok(next) = arriving.recv_timeout(left) else { break };
            batch.push(next);
        }
        if let Err(error) = write(database, &batch, generation) {
            tracing::warn!(%error, "facts about objects cannot be remembered on disk; listings may ask the store more often");
            return;
        }
    }
}

fn write(database: &Database, batch: &[(GistKey, Gist)], generation: u64) -> Result<(), redb::Error> {
    let transaction = database.begin_write()?;
    {
        let mut pointer = transaction.open_table(YOUNGER)?;
        let mut younger = pointer.get(())?.map_or(0, |value| usize::from(value.value() % 2));
        if transaction.open_table(TABLES[younger])?.len()? >= generation {
            younger = 1 - younger;
            transaction.delete_table(TABLES[younger])?;
            pointer.insert((), u8::from(younger == 1))?;
        }
        let mut table = transaction.open_table(TABLES[younger])?;
        for (GistKey(key), gist) in batch {
            table.insert(key, encode(gist).as_slice())?;
        }
        transaction.open_table(TABLES[1 - younger])?;
    }
    Ok(transaction.commit()?)
}

/// Length, then a byte of flags, then number of parts and MD5 as the flags say.
fn encode(gist: &Gist) -> Vec<u8> {
    let flags = [gist.sealed, gist.parts.is_some(), gist.md5.is_some(), gist.complete];
    let flags = flags.into_iter().rev().fold(0, |byte, flag| byte << 1 | u8::from(flag));
    let mut bytes = gist.plain_len.to_be_bytes().to_vec();
    bytes.push(flags);
    bytes.extend(gist.parts.into_iter().flat_map(u32::to_be_bytes));
    bytes.extend(gist.md5.into_iter().flatten());
    bytes
}

/// `None` for bytes that are no gist: then the object is asked.
fn decode(bytes: &[u8]) -> Option<Gist> {
    let (plain_len, rest) = bytes.split_first_chunk::<8>()?;
    let (flags, mut rest) = rest.split_first()?;
    let (mut parts, mut md5) = (None, None);
    if flags & 2 != 0 {
        let (count, behind) = rest.split_first_chunk::<4>()?;
        (parts, rest) = (Some(u32::from_be_bytes(*count)), behind);
    }
    if flags & 4 != 0 {
        let (digest, behind) = rest.split_first_chunk::<16>()?;
        (md5, rest) = (Some(*digest), behind);
    }
    let known = *flags < 16 && rest.is_empty();
    let (plain_len, sealed, complete) = (u64::from_be_bytes(*plain_len), flags & 1 != 0, flags & 8 != 0);
    known.then_some(Gist { plain_len, sealed, complete, md5, parts })
}

#[cfg(test)]
mod tests {
    use super::*;

    const GIST: Gist = Gist { plain_len: 7, sealed: true, complete: true, md5: Some([9; 16]), parts: Some(3) };

    fn key(name: &str) -> GistKey {
        GistKey::new("b", name, "e", "")
    }

    #[test]
    fn a_gist_reads_as_it_was_written() {
        let plain = Gist::plain(8);
        for gist in
            [GIST, plain, Gist { complete: false, ..GIST }, Gist { md5: None, ..GIST }, Gist { parts: None, ..GIST }]
        {
            let bytes = encode(&gist);
            assert_eq!(decode(&bytes), Some(gist));
            assert_eq!(decode(&bytes[..bytes.len() - 1]), None);
            assert_eq!(decode(&[bytes.as_slice(), &[0]].concat()), None);
        }
        assert_eq!(decode(&[0, 0, 0, 0, 0, 0, 0, 0, 16]), None, "flags of another version");
    }

    #[test]
    fn the_oldest_generation_goes() {
        let folder = tempfile::tempdir().unwrap();
        let database = opened(&folder.path().join("facts")).unwrap();
        let known = |name: &str| read(&database, &[key(name)]).unwrap()[0] == Some(GIST);
        for names in [["a", "b"], ["c", "d"]] {
            write(&database, &names.map(|name| (key(name), GIST)), 2).unwrap();
        }
        assert!(["a", "b", "c", "d"].into_iter().all(known));
        write(&database, &[(key("e"), GIST)], 2).unwrap();
        assert!(["c", "d", "e"].into_iter().all(known));
        assert!(!["a", "b"].into_iter().any(known));
    }

    #[tokio::test]
    async fn what_was_noted_is_there_after_reopening() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("facts");
        let file = FactsFile::open(&path).unwrap();
        #[cfg(unix)]
        assert_eq!(std::os::unix::fs::MetadataExt::mode(&std::fs::metadata(&path).unwrap()) & 0o777, 0o600);
        assert!(FactsFile::open(&path).err().unwrap().contains("another process"));
        file.note(key("a"), GIST);
        drop(file);
        // The writer finishes its work and lets go of the file.
        let reopened = loop {
            match FactsFile::open(&path) {
                Ok(file) => break file,
                Err(_) => tokio::task::yield_now().await,
            }
        };
        assert_eq!(reopened.find(vec![key("b"), key("a")]).await, [None, Some(GIST)]);
    }

    #[tokio::test]
    async fn a_damaged_file_never_answers_wrongly() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("facts");
        let whole = {
            let database = opened(&path).unwrap();
            write(&database, &[(key("a"), GIST)], 10).unwrap();
            drop(database);
            std::fs::read(&path).unwrap()
        };
        for page in 0..8 {
            let mut damaged = whole.clone();
            damaged[page * 4_096..(page + 1) * 4_096].fill(0);
            std::fs::write(&path, damaged).unwrap();
            let file = FactsFile::open(&path).unwrap();
            assert!(matches!(file.find(vec![key("a")]).await[..], [None | Some(GIST)]), "page {page}");
            drop(file);
            while std::fs::remove_file(&path).is_err() {}
        }
    }

    #[tokio::test]
    async fn a_file_of_another_kind_is_begun_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("facts");
        std::fs::write(&path, "not a database at all").unwrap();
        let file = FactsFile::open(&path).unwrap();
        assert_eq!(file.find(vec![key("a")]).await, [None]);
        assert!(FactsFile::open(folder.path()).is_err(), "a directory is left alone");
    }
}
