//! Objects without a server: what the commands that work on objects need of the rooms, beside a server that may be running.
//!
//! Nothing is made: a store or a key that is not there is an error. The files of a running server are not touched.

use std::sync::Arc;

use anyhow::anyhow;
use objects::{BucketUploads, SealedObjects};

use super::{directory_of, objects};
use crate::failure::Failure;
use crate::firstrun::FirstRun;
use crate::settings::{Settings, StoreSettings, Uploads};

/// The objects that `serve` would serve with these settings.
pub(crate) async fn objects_alone(settings: &Settings) -> Result<SealedObjects, Failure> {
    let local = FirstRun::find(settings)?;
    if settings.keys.is_empty() && local.keys.is_empty() {
        let why =
            "there is no key: none under [[keys]], and none that an earlier run of `serve` left in the data directory";
        return Err(Failure::Settings(anyhow!(why)));
    }
    if let StoreSettings::Directory(path) = &settings.store {
        let path = directory_of(path.as_deref(), &local)?;
        if !path.is_dir() {
            return Err(Failure::Settings(anyhow!("there is no store in {}", path.display())));
        }
    }
    let (objects, store) = objects(settings, &local).await?;
    Ok(match settings.uploads {
        // So that the state of uploads is not taken for objects.
        Uploads::Bucket => objects.with_uploads(Arc::new(BucketUploads::new(store))),
        Uploads::Local => objects,
    })
}
