//! One bucket while the store is open: its index, its locks, and the only code that adds or removes an object's file.
//!
//! Everything that changes a bucket blocks and belongs on a blocking thread, which a caller who goes away cannot stop
//! half-way.

mod load;
mod read;
mod remove;
mod tags;
mod uploads;

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use s3s::{S3Result, s3_error};
use serde::{Deserialize, Serialize};

use crate::commit::{Staged, create_directory, sync_directory, write_small};
use crate::conditions::WriteConditions;
use crate::error::disk;
use crate::history::{Added, Entry};
use crate::index::{Index, Page, Query, VersionPage};
use crate::multiparts::Multiparts;
use crate::path::{self, Address, SHARDS};
use crate::record::{Moment, Record};
use crate::version::{Clock, Version, Versioning};

pub(crate) use read::Object;
pub(crate) use remove::{Removal, Removed};

/// What a bucket's `bucket.json` says.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) struct BucketRecord {
    pub(crate) created: Moment,
    #[serde(default, skip_serializing_if = "is_unset")]
    pub(crate) versioning: Versioning,
}

impl BucketRecord {
    pub(crate) fn read(bucket: &Path) -> io::Result<Self> {
        Ok(serde_json::from_slice(&fs::read(path::bucket_record(bucket))?)?)
    }

    pub(crate) fn write(&self, bucket: &Path, staged: PathBuf) -> io::Result<()> {
        write_small(staged, &path::bucket_record(bucket), &serde_json::to_vec(self)?)
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands out references")]
fn is_unset(versioning: &Versioning) -> bool {
    *versioning == Versioning::Unset
}

/// A bucket and everything known about its objects without opening a file.
#[derive(Debug)]
pub(crate) struct Bucket {
    created: Moment,
    directory: PathBuf,
    index: RwLock<Index>,
    /// Versions whose files are damaged, and which the index therefore does not know.
    damaged: Mutex<BTreeSet<(Address, Version)>>,
    clock: Clock,
    pub(crate) uploads: Multiparts,
    /// Held from a condition's check to its commit, by every key whose hash begins alike.
    shards: Vec<Mutex<Shard>>,
    /// Held by every change, and exclusively by the bucket's own removal.
    life: RwLock<Life>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Life {
    Alive(Versioning),
    Removed,
}

impl Life {
    fn versioning(self) -> Versioning {
        match self {
            Self::Alive(versioning) => versioning,
            Self::Removed => Versioning::Unset,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shard {
    /// Its directory is yet to be created.
    Absent,
    Present,
}

impl Bucket {
    pub(crate) fn new(directory: PathBuf, record: BucketRecord) -> Self {
        Self {
            created: record.created,
            index: RwLock::default(),
            damaged: Mutex::default(),
            clock: Clock::default(),
            uploads: Multiparts::new(&directory),
            directory,
            shards: std::iter::repeat_with(|| Mutex::new(Shard::Absent)).take(SHARDS).collect(),
            life: RwLock::new(Life::Alive(record.versioning)),
        }
    }

    pub(crate) fn created(&self) -> Moment {
        self.created
    }

    pub(crate) fn page(&self, query: &Query<'_>) -> Page {
        self.index().page(query)
    }

    pub(crate) fn versions(&self, query: &Query<'_>, behind: Option<Version>) -> VersionPage {
        self.index().versions(query, behind)
    }

    /// Whether a write has a chance, before its body is read. Only [`Bucket::commit`] decides.
    pub(crate) fn foresee(&self, key: &str, conditions: &WriteConditions) -> S3Result<()> {
        conditions.check(self.index().get(key))
    }

    /// Makes a completed file the object of its key, if the conditions hold now, and answers with the version it became.
    pub(crate) fn commit(&self, staged: Staged, record: &Record, conditions: &WriteConditions) -> S3Result<Version> {
        let life = self.alive()?;
        let address = Address::of(&record.key);
        let mut shard = self.lock(&address);
        conditions.check(self.index().get(&record.key))?;
        let version = self.place(staged, record, (&address, &mut shard), life.versioning())?;
        sync_directory(&address.directory(&self.directory)).map_err(disk("sync a directory"))?;
        Ok(version)
    }

    /// Makes a completed file the latest version of its key: one rename, whether or not older versions stay.
    fn place(
        &self,
        staged: Staged,
        record: &Record,
        (address, shard): (&Address, &mut Shard),
        versioning: Versioning,
    ) -> S3Result<Version> {
        self.prepare(address, shard).map_err(disk("create a directory"))?;
        let version = match versioning {
            Versioning::Unset => Version::FIRST,
            Versioning::Enabled => self.clock.next(true),
            Versioning::Suspended => self.clock.next(false),
        };
        staged.publish(&address.file(&self.directory, version)).map_err(disk("rename an object into place"))?;
        // From here on the new object is there, whether or not the next sync succeeds.
        let added = self.index_mut().insert(&record.key, Entry::new(record, version));
        if version == Version::FIRST {
            self.forget_tags(address, version);
        }
        if let Added::Replacing(old) = added {
            // Not before the new one is durable. If a crash comes between, the next start sees two and removes the older.
            sync_directory(&address.directory(&self.directory)).map_err(disk("sync a directory"))?;
            self.discard(address, old).map_err(disk("remove a replaced version"))?;
        }
        Ok(version)
    }

    /// Removes the files of a version, if they are there.
    fn discard(&self, address: &Address, version: Version) -> io::Result<bool> {
        match fs::remove_file(address.file(&self.directory, version)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
            other => other?,
        }
        self.forget_tags(address, version);
        Ok(true)
    }

    /// What becomes of objects that are replaced or deleted.
    pub(crate) fn versioning(&self) -> Versioning {
        self.life.read().unwrap_or_else(PoisonError::into_inner).versioning()
    }

    /// Durably decides what becomes of objects that are replaced or deleted from now on.
    pub(crate) fn set_versioning(&self, versioning: Versioning, staged: PathBuf) -> S3Result<()> {
        // No write is under way while this is held: each belongs before or after.
        let mut life = self.life.write().unwrap_or_else(PoisonError::into_inner);
        if *life == Life::Removed {
            return Err(s3_error!(NoSuchBucket));
        }
        let record = BucketRecord { created: self.created, versioning };
        record.write(&self.directory, staged).map_err(disk("write a bucket's record"))?;
        *life = Life::Alive(versioning);
        Ok(())
    }

    /// Ends the bucket if it holds no version of any object, and its unfinished uploads with it: moves its directory to
    /// `grave`, where the next sweep would find it too.
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
        if *life == Life::Removed { Err(s3_error!(NoSuchBucket)) } else { Ok(life) }
    }

    fn lock(&self, address: &Address) -> MutexGuard<'_, Shard> {
        self.shards[address.shard()].lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn damaged(&self) -> MutexGuard<'_, BTreeSet<(Address, Version)>> {
        self.damaged.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn index(&self) -> RwLockReadGuard<'_, Index> {
        self.index.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn index_mut(&self) -> RwLockWriteGuard<'_, Index> {
        self.index.write().unwrap_or_else(PoisonError::into_inner)
    }
}
