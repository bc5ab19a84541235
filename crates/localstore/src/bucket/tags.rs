//! Tags that were set after their object was written.
//!
//! They lie in a small file beside the version's, `<name>.tags`, because changing the record at the end of a file is not
//! atomic and copying a large object for a tag is absurd. The file names the object's `ETag`: a newer object of the key
//! has another, so that its tags are never taken for the old one's, wherever a crash comes.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use s3s::S3Result;
use serde::{Deserialize, Serialize};

use super::Bucket;
use super::read::{absent, not_allowed};
use crate::commit::write_small;
use crate::error::disk;
use crate::path::Address;
use crate::record::Record;
use crate::tag::Tag;
use crate::tagging::Tags;
use crate::version::{Version, Wanted};

/// What a `.tags` file says.
#[derive(Debug, Serialize, Deserialize)]
struct TagRecord {
    etag: Tag,
    tags: Tags,
}

impl Bucket {
    /// Replaces the tags of a version, and answers with what it is called.
    pub(crate) fn set_tags(&self, key: &str, wanted: Wanted, tags: Tags, staged: PathBuf) -> S3Result<Option<String>> {
        let life = self.alive()?;
        let address = Address::of(key);
        let _shard = self.lock(&address);
        let (version, etag) = match self.index().find(key, wanted) {
            None => return Err(absent(wanted)),
            Some(marker) if marker.marker => return Err(not_allowed(marker)),
            Some(entry) => (entry.version, entry.etag),
        };
        if wanted == Wanted::Latest {
            self.refuse_outdated(&address, version)?;
        }
        let written = serde_json::to_vec(&TagRecord { etag, tags })
            .map_err(io::Error::from)
            .and_then(|bytes| write_small(staged, &address.tags_file(&self.directory, version), &bytes));
        written.map_err(disk("write an object's tags"))?;
        Ok(life.versioning().told(version))
    }

    /// The tags of a version, and what it is called.
    pub(crate) fn tags(&self, key: &str, wanted: Wanted) -> S3Result<(Tags, Option<String>)> {
        let address = Address::of(key);
        // So that no newer object comes between its file and its tags.
        let shard = self.lock(&address);
        let object = self.open_held((key, &address), wanted, &shard)?;
        Ok((object.record.tags, object.version_id))
    }

    /// Removes the tags that were set for a version which is gone. Left behind, they mean nothing to another.
    pub(super) fn forget_tags(&self, address: &Address, version: Version) {
        match fs::remove_file(address.tags_file(&self.directory, version)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                tracing::warn!(%error, "the tags of an object that is gone are left behind");
            }
            _ => {}
        }
    }

    /// Puts tags set later in the place of those that came with the object.
    pub(super) fn add_later_tags(&self, address: &Address, version: Version, record: &mut Record) -> io::Result<()> {
        let bytes = match fs::read(address.tags_file(&self.directory, version)) {
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
    if file.with_extension("").exists() {
        return Ok(());
    }
    match fs::remove_file(file) {
        // They went with their object, a moment ago.
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}
