//! Upload state on local disk: records in one transactional file, so that they survive a kill at any point, and held bytes in files
//! beside it.

mod file;
mod rows;
#[cfg(test)]
mod tests;

use std::collections::HashSet;
use std::ops::Range;
use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock};

use async_trait::async_trait;
use redb::{Database, ReadableDatabase as _, ReadableTable as _, ReadableTableMetadata as _, TableDefinition};

use self::file::{is_damage, open, set_aside, trouble, unusable};
use self::rows::{RECORDS, ReadOnly, Tables, UPLOADS, attempts, held, note, parts, record_name};
use super::attempt::{first_parts, live};
use super::spool::Spool;
use super::{Attempt, BegunUpload, Leftover, PlacingUploads, StateError, UploadName, UploadState};
use crate::store::Body;

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

    /// The same, with room for `limit` bytes of held parts.
    #[must_use]
    pub fn with_held_limit(mut self, limit: u64) -> Self {
        self.spool = self.spool.with_limit(limit);
        self
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

    /// Reads from a table. What the table lends does not keep its pages from being written anew, so nothing of it is handed out.
    fn read<T>(
        &self,
        table: TableDefinition<'static, &str, &[u8]>,
        look: impl FnOnce(&ReadOnly) -> Result<T, StateError>,
    ) -> Result<T, StateError> {
        let database = self.database.read().unwrap_or_else(PoisonError::into_inner);
        let transaction = database.as_ref().ok_or(StateError::Closed)?.begin_read().map_err(trouble)?;
        look(&transaction.open_table(table).map_err(trouble)?)
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
            this.read(UPLOADS, |table| {
                let value = table.get(name.as_str()).map_err(trouble)?;
                value.map(|value| serde_json::from_slice(value.value()).map_err(StateError::failed)).transpose()
            })
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
            this.read(RECORDS, |table| {
                let (first, last) = self::parts(&name, after.saturating_add(1), u16::MAX);
                let attempts = first_parts(live(attempts(table, &first, &last)?), parts);
                let record = |attempt: Attempt| {
                    let record = table.get(record_name(&name, &attempt).as_str()).map_err(trouble)?;
                    let record = record.ok_or_else(|| StateError::failed("a record is gone"))?.value().to_vec();
                    Ok((attempt, record))
                };
                attempts.into_iter().map(record).collect()
            })
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
            this.read(UPLOADS, |table| {
                let mut old = Vec::new();
                for entry in table.range::<&str>(..).map_err(trouble)? {
                    let (_, value) = entry.map_err(trouble)?;
                    let upload: BegunUpload = serde_json::from_slice(value.value()).map_err(StateError::failed)?;
                    if upload.begun <= moment {
                        old.push(Leftover::Upload(upload));
                    }
                }
                Ok(old)
            })
        })
        .await
    }

    fn placing(&self) -> Option<&dyn PlacingUploads> {
        Some(self)
    }
}

#[async_trait]
impl PlacingUploads for LocalUploads {
    fn check_room_to_wait(&self, sealed_len: u64) -> Result<(), StateError> {
        self.spool.check_room_to_wait(sealed_len)
    }

    async fn release(&self, name: &UploadName, attempt: &Attempt) -> Result<(), StateError> {
        let held = held(name, attempt);
        self.blocking(move |this| {
            this.spool.remove(std::slice::from_ref(&held));
            Ok(())
        })
        .await
    }

    async fn note(&self, name: &UploadName) -> Result<Option<Vec<u8>>, StateError> {
        let note = record_name(name, &note());
        self.blocking(move |this| {
            this.read(RECORDS, |records| {
                Ok(records.get(note.as_str()).map_err(trouble)?.map(|note| note.value().to_vec()))
            })
        })
        .await
    }

    async fn keep_note(&self, name: &UploadName, value: Vec<u8>) -> Result<bool, StateError> {
        self.keep(name, &note(), value).await
    }
}
