//! Objects without a server: what the commands that work on objects need of the rooms, beside a server that may be running.
//!
//! Nothing is made: a store or a key that is not there is an error. The files of a running server are not touched.

use std::path::Path;
use std::sync::Arc;

use anyhow::anyhow;
use objects::{BucketUploads, LocalUploads, SealedObjects, Store};

use super::keys::{KeyFacts, Services};
use super::lasting::{directory_of, store};
use super::{objects, policies};
use crate::failure::Failure;
use crate::firstrun::FirstRun;
use crate::settings::{Settings, StoreSettings, Uploads};

/// The objects that `serve` would serve with these settings. `scratch` is for what uploads in parts have to remember.
pub(crate) async fn objects_alone(settings: &Settings, scratch: Option<&Path>) -> Result<SealedObjects, Failure> {
    let local = find_keys(settings)?;
    refuse_to_make(settings, &local)?;
    let (policies, _) = policies(settings, &local, &Services::default()).await?;
    let store = store(settings, &local).await?;
    let objects = objects(settings, policies, Arc::clone(&store));
    Ok(match (settings.uploads, scratch) {
        // So that the state of uploads is not taken for objects.
        (Uploads::Bucket, _) => objects.with_uploads(Arc::new(BucketUploads::new(store))),
        (Uploads::Local, Some(scratch)) => {
            let uploads = LocalUploads::open(scratch).map_err(|error| Failure::Other(error.into()))?;
            objects.with_uploads(Arc::new(uploads))
        }
        (Uploads::Local, None) => objects,
    })
}

/// The store of the settings, with nothing in front of it.
pub(crate) async fn store_alone(settings: &Settings) -> Result<Arc<dyn Store>, Failure> {
    let local = FirstRun::find(settings)?;
    refuse_to_make(settings, &local)?;
    store(settings, &local).await
}

/// Reads every key, and names them.
pub(crate) async fn check_keys(settings: &Settings) -> Result<String, Failure> {
    let local = find_keys(settings)?;
    let keys = super::keys::keys(settings, &local, &Services::default()).await.map_err(Failure::Settings)?;
    super::known_keys::compare(settings, keys.recognised()).await?;
    let ids: Vec<&str> = keys.recognised().iter().map(|key| key.id.as_str()).collect();
    Ok(ids.join(", "))
}

/// Reads every key, and says what can be said of each.
pub(crate) async fn key_facts(settings: &Settings) -> Result<Vec<KeyFacts>, Failure> {
    let local = FirstRun::find(settings)?;
    let (facts, known) = super::keys::facts(settings, &local).await;
    super::known_keys::compare(settings, &known).await?;
    Ok(facts)
}

/// Objects with the keys and rules of the settings in another store than theirs.
pub(crate) async fn objects_in(settings: &Settings, store: Arc<dyn Store>) -> Result<SealedObjects, Failure> {
    let (policies, _) = policies(settings, &find_keys(settings)?, &Services::default()).await?;
    Ok(objects(settings, policies, store))
}

/// A directory that is not there would be made.
fn refuse_to_make(settings: &Settings, local: &FirstRun) -> Result<(), Failure> {
    if let StoreSettings::Directory(path) = &settings.store {
        let path = directory_of(path.as_deref(), local)?;
        if !path.is_dir() {
            return Err(Failure::Settings(anyhow!("there is no store in {}", path.display())));
        }
    }
    Ok(())
}

fn find_keys(settings: &Settings) -> Result<FirstRun, Failure> {
    let local = FirstRun::find(settings)?;
    if settings.keys.is_empty() && local.keys.is_empty() {
        let why =
            "there is no key: none under [[keys]], and none that an earlier run of `serve` left in the data directory";
        return Err(Failure::Settings(anyhow!(why)));
    }
    Ok(local)
}
