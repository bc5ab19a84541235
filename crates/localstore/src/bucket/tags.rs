//! Tags that were set after their object was written.
//!
//! They lie in a small file beside the object's, `<name>.tags`, because changing the record at the end of a file is not
//! atomic and copying a large object for a tag is absurd. The file names the object's `ETag`: a newer object of the key
//! has another, so that its tags are never taken for the old one's, wherever a crash comes.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use s3s::{S3Result, s3_error};
use serde::{Deserialize, Serialize};

use super::Bucket;
use crate::commit::write_small;
use crate::error::disk;
use crate::path::Address;
use crate::record::Record;
use crate::tag::Tag;
use crate::tagging::Tags;

/// What a `.tags` file says.
#[derive(Debug, Serialize, Deserialize)]
struct TagRecord {
    etag: Tag,
    tags: Tags,
}

impl Bucket {
    /// Replaces the tags of an object.
    pub(crate) fn set_tags(&self, key: &str, tags: Tags, staged: PathBuf) -> S3Result<()> {
        let _alive = self.alive()?;
        let address = Address::of(key);
        let _shard = self.lock(&address);
        let etag = self.index().get(key).map(|entry| entry.etag).ok_or_else(|| s3_error!(NoSuchKey))?;
        let written = serde_json::to_vec(&TagRecord { etag, tags })
            .map_err(io::Error::from)
            .and_then(|bytes| write_small(staged, &address.tags_file(&self.directory), &bytes));
        written.map_err(disk("write an object's tags"))
    }

    /// The tags of an object.
    pub(crate) fn tags(&self, key: &str) -> S3Result<Tags> {
        // So that no newer object comes between its file and its tags.
        let _shard = self.lock(&Address::of(key));
        self.open(key).map(|(_, record)| record.tags)
    }

    /// Removes the tags that were set for an object which is gone. Left behind, they mean nothing to another object.
    pub(super) fn forget_tags(&self, address: &Address) {
        match fs::remove_file(address.tags_file(&self.directory)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                tracing::warn!(%error, "the tags of an object that is gone are left behind");
            }
            _ => {}
        }
    }

    /// Puts tags set later in the place of those that came with the object.
    pub(super) fn add_later_tags(&self, address: &Address, record: &mut Record) -> io::Result<()> {
        let bytes = match fs::read(address.tags_file(&self.directory)) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(error),
        };
        let later: TagRecord = serde_json::from_slice(&bytes)?;
        if later.etag == record.etag {
            record.tags = later.tags;
        }
        Ok(())
    }
}

/// Whether a file holds tags, not an object.
pub(super) fn are_tags(file: &Path) -> bool {
    file.extension().is_some_and(|extension| extension == "tags")
}

/// Removes tags whose object went in the moment of a crash.
pub(super) fn sweep(file: &Path) -> io::Result<()> {
    if file.with_extension("").exists() { Ok(()) } else { fs::remove_file(file) }
}
