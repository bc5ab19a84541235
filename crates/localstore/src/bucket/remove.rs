//! What a DELETE does: in a bucket without versions the object goes; in one with versions a mark says that it is deleted,
//! and only a version that is named goes for ever.

use std::collections::BTreeSet;

use s3s::S3Result;

use super::{Bucket, Shard};
use crate::commit::{Staged, sync_directory};
use crate::conditions::RemoveConditions;
use crate::error::disk;
use crate::path::{self, Address, Layout};
use crate::record::Record;
use crate::version::{Version, Versioning, Wanted};

/// A removal that is asked for.
#[derive(Debug)]
pub(crate) struct Removal {
    pub(crate) key: String,
    pub(crate) wanted: Wanted,
    pub(crate) conditions: RemoveConditions,
}

/// What a removal did.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Removed {
    /// The version that was removed, or the mark that was made.
    pub(crate) version_id: Option<String>,
    /// Whether it is a mark of a deletion.
    pub(crate) marker: bool,
}

impl Bucket {
    /// Does the removals whose conditions hold. The inner results are in the order asked for; the outer one fails if the
    /// disk cannot confirm them.
    pub(crate) fn remove(&self, asked: &[Removal], layout: &Layout) -> S3Result<Vec<S3Result<Removed>>> {
        let life = self.alive()?;
        let mut touched = BTreeSet::new();
        let mut results = Vec::with_capacity(asked.len());
        for removal in asked {
            let address = Address::of(&removal.key);
            let mut shard = self.lock(&address);
            let done = match removal.wanted {
                Wanted::Latest => self.remove_latest(removal, (&address, &mut shard), life.versioning(), layout),
                _ => self.remove_version(removal, &address, life.versioning()),
            };
            results.push(done.map(|(removed, changed)| {
                touched.extend(changed.then_some(address.shard()));
                removed
            }));
        }
        for number in touched {
            sync_directory(&path::shard(&self.directory, number)).map_err(disk("sync a directory"))?;
        }
        Ok(results)
    }

    /// Removes the object, or marks it as deleted. Also tells whether anything was changed on disk.
    fn remove_latest(
        &self,
        Removal { key, conditions, .. }: &Removal,
        (address, shard): (&Address, &mut Shard),
        versioning: Versioning,
        layout: &Layout,
    ) -> S3Result<(Removed, bool)> {
        conditions.check(self.index().get(key))?;
        if versioning == Versioning::Unset {
            let changed = self.erase(key, address, Version::FIRST)?;
            return Ok((Removed::default(), changed));
        }
        let record = Record::deletion(key.clone());
        let mut staged = Staged::create(layout.staged()).map_err(disk("create a file"))?;
        staged.complete(&record).map_err(disk("mark an object as deleted"))?;
        let version = self.place(staged, &record, (address, shard), versioning)?;
        Ok((Removed { version_id: Some(version.id()), marker: true }, true))
    }

    /// Removes a version for ever. That it is not there is as good.
    fn remove_version(
        &self,
        Removal { key, wanted, conditions }: &Removal,
        address: &Address,
        versioning: Versioning,
    ) -> S3Result<(Removed, bool)> {
        let known = self.index().find(key, *wanted).cloned();
        conditions.check(known.as_ref())?;
        let version = match (&known, *wanted) {
            (Some(entry), _) => entry.version,
            (None, Wanted::Named(version)) => version,
            (None, _) => Version::FIRST,
        };
        let changed = self.erase(key, address, version)?;
        let marker = known.is_some_and(|entry| entry.marker);
        Ok((Removed { version_id: versioning.told(version), marker }, changed))
    }

    fn erase(&self, key: &str, address: &Address, version: Version) -> S3Result<bool> {
        let changed = self.discard(address, version).map_err(disk("remove an object"))?;
        self.index_mut().remove(key, version);
        self.damaged().remove(&(address.clone(), version));
        Ok(changed)
    }
}
