//! A bucket as a start finds it: every record is read into the index, and what a crash left over is removed.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::PoisonError;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use super::{Bucket, BucketRecord, Shard, tags};
use crate::history::{Added, Entry};
use crate::path::{self, Address};
use crate::record::Record;
use crate::version::Version;

/// Threads that read records on open. A disk answers several questions at once faster than one after the other.
const LOADERS: usize = 8;

impl Bucket {
    /// Reads every record below the directory into the index.
    pub(crate) fn load(directory: PathBuf, record: BucketRecord) -> io::Result<Self> {
        let bucket = Self::new(directory, record);
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
                if tags::are_tags(&file) { tags::sweep(&file)? } else { self.load_object(&file)? }
            }
        }
    }

    fn load_object(&self, file: &Path) -> io::Result<()> {
        let version = Version::of_file(file);
        if let Some(version) = version {
            self.clock.seen(version);
        }
        match read_object(&self.directory, file, version) {
            Ok((record, version)) => self.take_up(&record, version),
            // Neither hidden quietly nor a reason to withhold every other object; the file is left for its owner.
            Err(error) => {
                tracing::error!(file = %file.display(), %error, "an object's file is damaged and left out");
                if let Some(damaged) = Address::of_file(file).zip(version) {
                    self.damaged().insert(damaged);
                }
                Ok(())
            }
        }
    }

    fn take_up(&self, record: &Record, version: Version) -> io::Result<()> {
        let gone = match self.index_mut().insert(&record.key, Entry::new(record, version)) {
            Added::Beside => return Ok(()),
            Added::Replacing(older) => older,
            Added::Not => version,
        };
        // A crash came between a `null` version and the removal of the one it replaced.
        self.discard(&Address::of(&record.key), gone).map(drop)
    }
}

fn read_object(bucket: &Path, file: &Path, version: Option<Version>) -> io::Result<(Record, Version)> {
    let record = Record::read(&File::open(file)?)?;
    match version {
        Some(version) if Address::of(&record.key).file(bucket, version) == file => Ok((record, version)),
        _ => Err(io::Error::new(io::ErrorKind::InvalidData, "the record belongs to another file")),
    }
}
