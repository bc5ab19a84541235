//! What lives as long as the process: the store with all that is remembered about it.
//!
//! Made once, at the start, before anything answers; it may create files, which nothing that is exchanged later does.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context;
use objects::{BucketUploads, FactsFile, LocalUploads, SealedObjects, Store, UploadState};

use super::directory::Directory;
use super::probe::StoreProbe;
use super::s3;
use crate::admin::Probe;
use crate::failure::Failure;
use crate::files;
use crate::firstrun::{self, FirstRun};
use crate::settings::{Settings, StoreSettings, Uploads};

/// What is asked whether the store answers.
pub(super) fn probe(store: &Arc<dyn Store>) -> Box<dyn Probe> {
    Box::new(StoreProbe::new(Arc::clone(store)))
}

/// The same objects, with what is remembered of them and of uploads under way.
pub(super) fn with_memory(
    mut objects: SealedObjects,
    settings: &Settings,
    store: &Arc<dyn Store>,
) -> Result<SealedObjects, Failure> {
    if let Some(uploads) = uploads(settings, store)? {
        objects = objects.with_uploads(uploads);
    }
    if let Some(facts) = facts(settings) {
        objects = objects.with_facts(facts);
    }
    Ok(objects)
}

/// The store of the settings.
pub(super) async fn store(settings: &Settings, local: &FirstRun) -> Result<Arc<dyn Store>, Failure> {
    match &settings.store {
        StoreSettings::Directory(path) => {
            let path = directory_of(path.as_deref(), local)?;
            Ok(Arc::new(Directory::open(&path)?))
        }
        StoreSettings::S3(s3) => Ok(Arc::new(s3::store(s3).await.map_err(Failure::Settings)?)),
    }
}

/// Where a store in a directory is.
pub(super) fn directory_of(path: Option<&Path>, local: &FirstRun) -> anyhow::Result<PathBuf> {
    let inside = || local.data.as_ref().map(|data| data.join("store"));
    path.map(Path::to_owned).or_else(inside).context("no directory for the store")
}

/// Where unfinished multipart uploads are remembered: in the buckets, or in the data directory when there can be one.
fn uploads(settings: &Settings, store: &Arc<dyn Store>) -> Result<Option<Arc<dyn UploadState>>, Failure> {
    if settings.uploads == Uploads::Bucket {
        return Ok(Some(Arc::new(BucketUploads::new(Arc::clone(store)))));
    }
    let Ok(data) = firstrun::data_directory(&settings.data) else {
        tracing::warn!("there is no data directory, so multipart uploads are refused; name one with --data or `data`");
        return Ok(None);
    };
    if let Err(error) = files::create_directory(&data) {
        tracing::warn!(%error, "the data directory cannot be used, so multipart uploads are refused");
        return Ok(None);
    }
    let uploads = LocalUploads::open(&data).map_err(|error| Failure::Settings(error.into()))?;
    Ok(Some(Arc::new(uploads.with_held_limit(settings.limits.held_parts))))
}

/// Where facts about objects outlive the process: a file in the data directory, when there can be one. Without it listings may
/// ask the store more often, and that is all.
fn facts(settings: &Settings) -> Option<FactsFile> {
    let path = firstrun::data_directory(&settings.data).ok()?.join("facts.redb");
    match FactsFile::open(&path) {
        Ok(file) => Some(file),
        Err(cause) => {
            tracing::warn!(path = %path.display(), cause, "facts about objects are remembered in memory only");
            None
        }
    }
}
