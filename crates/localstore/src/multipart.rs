//! One multipart upload until it is completed or aborted: what it is to become, and its parts.
//!
//! The only code that touches an upload's directory. It knows nothing of the object that will come of it, and of the
//! bucket only where its own directory lies. Except for [`Multipart::open`] and [`Multipart::close`] it blocks.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io;
use std::ops::Bound;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use s3s::{S3Result, s3_error};
use serde::{Deserialize, Serialize};
use tokio::sync::{OwnedRwLockReadGuard, OwnedRwLockWriteGuard, RwLock};

use crate::commit::{Staged, sync_directory};
use crate::path;
use crate::record::{Moment, Record};
use crate::tag::Tag;

/// What an upload is to become: the content of its `upload.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Intent {
    pub(crate) key: String,
    pub(crate) initiated: Moment,
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) metadata: BTreeMap<String, String>,
    pub(crate) tags: BTreeMap<String, String>,
    /// Kept to be told again; nothing is computed or verified by it.
    pub(crate) checksum_algorithm: Option<String>,
    pub(crate) checksum_type: Option<String>,
}

/// What is known of a part without opening its file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Part {
    pub(crate) content_len: u64,
    pub(crate) etag: Tag,
    pub(crate) modified: Moment,
}

impl From<&Record> for Part {
    fn from(record: &Record) -> Self {
        Self { content_len: record.content_len, etag: record.etag, modified: record.modified }
    }
}

/// Whether an upload still takes parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Life {
    Open,
    Closed,
}

/// Keeps an upload open, together with others.
pub(crate) type Open = OwnedRwLockReadGuard<Life>;
/// Keeps an upload to its holder, who may close it.
pub(crate) type Closing = OwnedRwLockWriteGuard<Life>;

/// An unfinished upload.
#[derive(Debug)]
pub(crate) struct Multipart {
    pub(crate) id: String,
    pub(crate) intent: Intent,
    directory: PathBuf,
    /// Shared by parts being added, held alone from the check of a completion's part list to its end. Asynchronous, so that
    /// a part that arrives during a long completion waits without a thread.
    life: Arc<RwLock<Life>>,
    parts: Mutex<BTreeMap<u16, Part>>,
}

impl Multipart {
    pub(crate) fn new(id: String, intent: Intent, directory: PathBuf) -> Self {
        Self { id, intent, directory, life: Arc::new(RwLock::new(Life::Open)), parts: Mutex::default() }
    }

    /// Reads an upload's directory.
    pub(crate) fn load(id: String, directory: PathBuf) -> io::Result<Self> {
        let intent = serde_json::from_slice(&fs::read(path::upload_record(&directory))?)?;
        let multipart = Self::new(id, intent, directory);
        for entry in fs::read_dir(&multipart.directory)? {
            let file = entry?.path();
            let Some(number) = part_number(&file) else { continue };
            match File::open(&file).and_then(|file| Record::read(&file)) {
                Ok(record) => drop(multipart.parts().insert(number, Part::from(&record))),
                // The client will be told that the part is missing and send it again.
                Err(error) => tracing::error!(file = %file.display(), %error, "a part is damaged and left out"),
            }
        }
        Ok(multipart)
    }

    /// Waits while a completion is under way, and fails if it succeeded.
    pub(crate) async fn open(&self) -> S3Result<Open> {
        let life = Arc::clone(&self.life).read_owned().await;
        if *life == Life::Open { Ok(life) } else { Err(s3_error!(NoSuchUpload)) }
    }

    /// Waits until nobody else works on the upload. Nothing if it was closed meanwhile.
    pub(crate) async fn close(&self) -> Option<Closing> {
        let life = Arc::clone(&self.life).write_owned().await;
        (*life == Life::Open).then_some(life)
    }

    /// Makes a completed file the part of its number, in place of an earlier one. Durable when it returns.
    pub(crate) fn add(&self, _open: &Open, number: u16, staged: Staged, record: &Record) -> io::Result<()> {
        {
            // One attempt after the other, so that memory names the one whose file is there.
            let mut parts = self.parts();
            staged.publish(&path::part(&self.directory, number))?;
            parts.insert(number, Part::from(record));
        }
        sync_directory(&self.directory)
    }

    /// Some parts behind a number, in order, and whether more follow.
    pub(crate) fn page(&self, after: u16, limit: usize) -> (Vec<(u16, Part)>, bool) {
        let parts = self.parts();
        let mut rest = parts.range((Bound::Excluded(after), Bound::Unbounded)).map(|(number, part)| (*number, *part));
        let page = rest.by_ref().take(limit).collect();
        (page, limit > 0 && rest.next().is_some())
    }

    /// The part of a number, if there is one.
    pub(crate) fn part(&self, number: u16) -> Option<Part> {
        self.parts().get(&number).copied()
    }

    /// Appends the content of a part to a file.
    pub(crate) fn copy_part(&self, number: u16, target: &mut Staged) -> io::Result<()> {
        let file = File::open(path::part(&self.directory, number))?;
        let record = Record::read(&file)?;
        target.append_file(&file, 0..record.content_len)
    }

    /// Ends the upload: moves its directory to `grave`, where the next sweep would find it too, and removes it there.
    pub(crate) fn bury(&self, closing: &mut Closing, grave: &Path) -> io::Result<()> {
        fs::rename(&self.directory, grave)?;
        **closing = Life::Closed;
        if let Some(uploads) = self.directory.parent() {
            sync_directory(uploads)?;
        }
        if let Err(error) = fs::remove_dir_all(grave) {
            tracing::warn!(%error, "the parts of an ended upload are left for the next start to sweep");
        }
        Ok(())
    }

    fn parts(&self) -> MutexGuard<'_, BTreeMap<u16, Part>> {
        self.parts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn part_number(file: &Path) -> Option<u16> {
    file.file_name()?.to_str()?.parse().ok()
}
