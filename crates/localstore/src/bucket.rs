//! One bucket while the store is open: its index, its locks, and the only code that adds or removes an object's file.
//!
//! Everything that changes a bucket blocks and belongs on a blocking thread, which a caller who goes away cannot stop
//! half-way.

mod tags;
mod uploads;

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::thread;

use s3s::{S3Result, s3_error};

use crate::commit::{Staged, create_directory, sync_directory};
use crate::conditions::{RemoveConditions, WriteConditions};
use crate::error::disk;
use crate::index::{Entry, Index, Page, Query};
use crate::multiparts::Multiparts;
use crate::path::{self, Address, SHARDS};
use crate::record::{Moment, Record};

/// Threads that read records on open. A disk answers several questions at once faster than one after the other.
const LOADERS: usize = 8;

/// A bucket and everything known about its objects without opening a file.
#[derive(Debug)]
pub(crate) struct Bucket {
    created: Moment,
    directory: PathBuf,
    index: RwLock<Index>,
    pub(crate) uploads: Multiparts,
    /// Held from a condition's check to its commit, by every key whose hash begins alike.
    shards: Vec<Mutex<Shard>>,
    /// Held by every change, and exclusively by the bucket's own removal.
    life: RwLock<Life>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Life {
    Alive,
    Removed,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shard {
    /// Its directory is yet to be created.
    Absent,
    Present,
}

impl Bucket {
    pub(crate) fn new(directory: PathBuf, created: Moment) -> Self {
        let shards = std::iter::repeat_with(|| Mutex::new(Shard::Absent)).take(SHARDS).collect();
        let uploads = Multiparts::new(&directory);
        Self { created, directory, index: RwLock::default(), uploads, shards, life: RwLock::new(Life::Alive) }
    }

    /// Reads every record below the directory into the index.
    pub(crate) fn load(directory: PathBuf, created: Moment) -> io::Result<Self> {
        let bucket = Self::new(directory, created);
        let next = AtomicUsize::new(0);
        thread::scope(|scope| {
            let loaders: Vec<_> = (0..LOADERS).map(|_| scope.spawn(|| bucket.load_shards(&next))).collect();
            let broken = |_| Err(io::Error::other("a loader did not end"));
            loaders.into_iter().try_for_each(|loader| loader.join().unwrap_or_else(broken))
        })?;
        bucket.uploads.load(|multipart| bucket.completed(&multipart.intent.key, &multipart.id).is_some())?;
        Ok(bucket)
    }

    /// Loads shards until none is left; several threads share the counter.
    fn load_shards(&self, next: &AtomicUsize) -> io::Result<()> {
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            let Some(shard) = self.shards.get(number) else { return Ok(()) };
            let files = match fs::read_dir(path::shard(&self.directory, number)) {
                Ok(files) => files,
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) => return Err(error),
            };
            *shard.lock().unwrap_or_else(PoisonError::into_inner) = Shard::Present;
            for file in files {
                let file = file?.path();
                if tags::are_tags(&file) { tags::sweep(&file)? } else { self.load_object(&file) }
            }
        }
    }

    fn load_object(&self, file: &Path) {
        match read_object(&self.directory, file) {
            Ok(record) => self.index_mut().insert(&record.key, Entry::from(&record)),
            // Neither hidden quietly nor a reason to withhold every other object; the file is left for its owner.
            Err(error) => {
                tracing::error!(file = %file.display(), %error, "an object's file is damaged and left out");
            }
        }
    }

    pub(crate) fn created(&self) -> Moment {
        self.created
    }

    pub(crate) fn page(&self, query: &Query<'_>) -> Page {
        self.index().page(query)
    }

    /// Whether a write has a chance, before its body is read. Only [`Bucket::commit`] decides.
    pub(crate) fn foresee(&self, key: &str, conditions: &WriteConditions) -> S3Result<()> {
        conditions.check(self.index().get(key))
    }

    /// The file of an object and its record, which stay together whatever happens to the key afterwards.
    pub(crate) fn open(&self, key: &str) -> S3Result<(File, Record)> {
        let address = Address::of(key);
        let file = match File::open(address.file(&self.directory)) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(s3_error!(NoSuchKey));
            }
            Err(error) => return Err(disk("open an object")(error)),
        };
        let mut record = Record::read(&file).map_err(disk("read an object's record"))?;
        self.add_later_tags(&address, &mut record).map_err(disk("read an object's tags"))?;
        Ok((file, record))
    }

    /// Makes a completed file the object of its key, if the conditions hold now.
    pub(crate) fn commit(&self, staged: Staged, record: &Record, conditions: &WriteConditions) -> S3Result<()> {
        let _alive = self.alive()?;
        let address = Address::of(&record.key);
        let mut shard = self.lock(&address);
        conditions.check(self.index().get(&record.key))?;
        self.prepare(&address, &mut shard).map_err(disk("create a directory"))?;
        staged.publish(&address.file(&self.directory)).map_err(disk("rename an object into place"))?;
        // From here on the new object is there, whether or not the next sync succeeds.
        self.index_mut().insert(&record.key, Entry::from(record));
        self.forget_tags(&address);
        sync_directory(&address.directory(&self.directory)).map_err(disk("sync a directory"))
    }

    /// Removes the objects whose conditions hold. The inner results are in the order asked for; the outer one fails if
    /// the disk cannot confirm the removals.
    pub(crate) fn remove(&self, keys: &[(String, RemoveConditions)]) -> S3Result<Vec<S3Result<()>>> {
        let _alive = self.alive()?;
        let mut touched = BTreeSet::new();
        let mut results = Vec::with_capacity(keys.len());
        for (key, conditions) in keys {
            let removed = self.remove_one(key, conditions);
            results.push(removed.map(|shard| touched.extend(shard)));
        }
        for number in touched {
            sync_directory(&path::shard(&self.directory, number)).map_err(disk("sync a directory"))?;
        }
        Ok(results)
    }

    /// Answers with the shard whose directory needs a sync.
    fn remove_one(&self, key: &str, conditions: &RemoveConditions) -> S3Result<Option<usize>> {
        let address = Address::of(key);
        let _shard = self.lock(&address);
        conditions.check(self.index().get(key))?;
        match fs::remove_file(address.file(&self.directory)) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(disk("remove an object")(error)),
        }
        self.index_mut().remove(key);
        self.forget_tags(&address);
        Ok(Some(address.shard()))
    }

    /// Ends the bucket if it holds no object, and its unfinished uploads with it: moves its directory to `grave`, where the next sweep would find it too.
    pub(crate) fn bury(&self, grave: &Path) -> S3Result<()> {
        let mut life = self.life.write().unwrap_or_else(PoisonError::into_inner);
        if *life == Life::Removed {
            return Err(s3_error!(NoSuchBucket));
        }
        if !self.index().is_empty() || self.holds_files().map_err(disk("look into a bucket"))? {
            return Err(s3_error!(BucketNotEmpty));
        }
        fs::rename(&self.directory, grave).map_err(disk("move a bucket away"))?;
        *life = Life::Removed;
        Ok(())
    }

    /// Whether a file is left that the index does not know, because it is damaged: removing the bucket would destroy it.
    fn holds_files(&self) -> io::Result<bool> {
        for shard in fs::read_dir(path::objects(&self.directory))? {
            for file in fs::read_dir(shard?.path())? {
                if !tags::are_tags(&file?.path()) {
                    return Ok(true);
                }
            }
        }
        Ok(false)
    }

    /// Creates a shard's directory for its first object.
    fn prepare(&self, address: &Address, shard: &mut Shard) -> io::Result<()> {
        if *shard == Shard::Absent {
            create_directory(&address.directory(&self.directory))?;
            sync_directory(&path::objects(&self.directory))?;
            *shard = Shard::Present;
        }
        Ok(())
    }

    /// Keeps the bucket from being removed while the guard lives.
    fn alive(&self) -> S3Result<RwLockReadGuard<'_, Life>> {
        let life = self.life.read().unwrap_or_else(PoisonError::into_inner);
        if *life == Life::Alive { Ok(life) } else { Err(s3_error!(NoSuchBucket)) }
    }

    fn lock(&self, address: &Address) -> MutexGuard<'_, Shard> {
        self.shards[address.shard()].lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn index(&self) -> RwLockReadGuard<'_, Index> {
        self.index.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn index_mut(&self) -> RwLockWriteGuard<'_, Index> {
        self.index.write().unwrap_or_else(PoisonError::into_inner)
    }
}

fn read_object(bucket: &Path, file: &Path) -> io::Result<Record> {
    let record = Record::read(&File::open(file)?)?;
    if Address::of(&record.key).file(bucket) == file {
        Ok(record)
    } else {
        Err(io::Error::new(io::ErrorKind::InvalidData, "the record belongs to another file"))
    }
}
