//! What a bucket does with multipart uploads: begins them, adds parts, and makes an object of one or ends it.
//!
//! Everything here blocks. Whether an upload may be worked on is settled before, by its guards.

use std::fs::File;
use std::sync::Arc;

use s3s::{S3Result, s3_error};

use super::Bucket;
use crate::assembly::{PartList, assemble};
use crate::commit::Staged;
use crate::conditions::WriteConditions;
use crate::error::disk;
use crate::multipart::{Closing, Intent, Life, Multipart, Open};
use crate::path::{Address, Layout};
use crate::record::Record;
use crate::version::Version;

impl Bucket {
    /// Begins a multipart upload.
    pub(crate) fn begin(&self, intent: Intent, layout: &Layout) -> S3Result<Arc<Multipart>> {
        let _alive = self.alive()?;
        self.uploads.begin(intent, &layout.staged(), layout.staged()).map_err(disk("begin an upload"))
    }

    /// Makes a completed file a part of an upload.
    pub(crate) fn add_part(
        &self,
        (multipart, open): (&Multipart, &Open),
        number: u16,
        staged: Staged,
        record: &Record,
    ) -> S3Result<()> {
        let _alive = self.alive()?;
        multipart.add(open, number, staged, record).map_err(disk("add a part"))
    }

    /// Makes the parts of an upload the object of its key, if the list and the conditions hold. Blocks for as long as it
    /// takes to copy the object.
    pub(crate) fn complete(
        &self,
        (multipart, mut closing): (&Multipart, Closing),
        (list, expected_len): (&PartList, Option<u64>),
        conditions: &WriteConditions,
        layout: &Layout,
    ) -> S3Result<(Record, Version)> {
        let chosen = list.choose(|number| multipart.part(number))?;
        let content_len: u64 = chosen.iter().map(|(_, part)| part.content_len).sum();
        if expected_len.is_some_and(|expected_len| expected_len != content_len) {
            return Err(s3_error!(InvalidRequest, "x-amz-mp-object-size is not the sum of the parts' sizes."));
        }
        self.foresee(&multipart.intent.key, conditions)?;
        // Not held while copying, which may take minutes: a bucket that goes meanwhile takes the parts with it.
        let assembled = assemble(multipart, &chosen, layout.staged());
        let (staged, record) = assembled.or_else(|error| self.alive().and(Err(error)))?;
        let version = self.commit(staged, &record, conditions)?;
        *closing = Life::Closed;
        // The object is there. Parts that stay are recognised by its record on the next start.
        if let Err(error) = multipart.bury(&mut closing, &layout.staged()) {
            tracing::warn!(%error, "the parts of a completed upload are left for the next start to remove");
        }
        self.uploads.forget(multipart);
        Ok((record, version))
    }

    /// Ends an upload and removes its parts.
    pub(crate) fn abort(&self, multipart: &Multipart, mut closing: Closing, layout: &Layout) -> S3Result<()> {
        let _alive = self.alive()?;
        multipart.bury(&mut closing, &layout.staged()).map_err(disk("remove an upload"))?;
        self.uploads.forget(multipart);
        Ok(())
    }

    /// The version an upload became, as long as it is there.
    pub(crate) fn completed(&self, key: &str, upload: &str) -> Option<(Record, Version)> {
        let assembled: Vec<_> = {
            let index = self.index();
            index.history(key).filter(|entry| entry.assembled).map(|entry| entry.version).collect()
        };
        let read = |version: &Version| {
            let file = File::open(Address::of(key).file(&self.directory, *version)).ok()?;
            Record::read(&file).ok().map(|record| (record, *version))
        };
        let became = |record: &Record| record.multipart.as_ref().is_some_and(|assembly| assembly.upload == upload);
        assembled.iter().filter_map(read).find(|(record, _)| became(record))
    }
}
