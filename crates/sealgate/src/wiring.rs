//! The composition root: the only place that knows every room and puts them together.
//!
//! Nothing is decided here that settings or another room decide; each part is made, given what it needs
//! and handed on.

mod alone;
mod aws;
mod directory;
mod keys;
mod probe;
mod rules;
mod s3;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context;
use gateway::{Client, CorsRule, Gateway, GatewayOptions};
use objects::{
    BucketUploads, FactsFile, LocalUploads, PolicyTable, Random, RandomError, SealedObjects, Store, UploadState,
};
use s3s::auth::SecretKey;

pub(crate) use self::alone::{check_keys, objects_alone, objects_in, store_alone};
use self::directory::Directory;
use self::keys::Keys;
use self::probe::StoreProbe;
use crate::admin::Probe;
use crate::failure::Failure;
use crate::files;
use crate::firstrun::{self, FirstRun};
use crate::settings::{ClientSettings, CorsSettings, Permission, Settings, StoreSettings, Uploads};

/// Everything that answers requests.
pub(crate) struct Wired {
    /// For clients.
    pub(crate) gateway: Gateway,
    /// For readiness.
    pub(crate) probe: Box<dyn Probe>,
    /// For the sweep.
    pub(crate) objects: SealedObjects,
}

/// Follows the settings' references and puts the rooms together. Nothing is bound and no store is asked; a service that
/// keeps the key that wraps is.
pub(crate) async fn wire(settings: &Settings, local: &FirstRun) -> Result<Wired, Failure> {
    let policies = policies(settings, local).await?;
    let clients = clients(settings, local).await.map_err(Failure::Settings)?;
    let store = store(settings, local).await?;
    let mut objects = objects(settings, policies, Arc::clone(&store));
    check_key(&objects).await?;
    let probe = Box::new(StoreProbe::new(Arc::clone(&store)));
    if let Some(uploads) = uploads(settings, &store)? {
        objects = objects.with_uploads(uploads);
    }
    if let Some(facts) = facts(settings) {
        objects = objects.with_facts(facts);
    }
    let gateway = Gateway::with_options(objects.clone(), clients, options(settings));
    Ok(Wired { gateway, probe, objects })
}

/// A key that would not wrap is found before the first object is written. One that cannot be asked for now is no reason
/// not to serve what does not need it.
async fn check_key(objects: &SealedObjects) -> Result<(), Failure> {
    match objects.check_key().await {
        Err(objects::Error::KeyUnavailable { key_id, why }) => {
            tracing::warn!(%key_id, why, "the key that wraps new objects does not answer: nothing can be sealed for now");
            Ok(())
        }
        checked => checked.context("the key that wraps new objects").map_err(Failure::Settings),
    }
}

/// Rules and keys: what a server and a command have in common.
async fn policies(settings: &Settings, local: &FirstRun) -> Result<PolicyTable, Failure> {
    let Keys { sealing, masters } = keys::keys(settings, local).await.map_err(Failure::Settings)?;
    tracing::info!(?sealing, ?masters, "keys are read; the first one seals");
    let rules = rules::rules(&settings.rules, &masters).map_err(Failure::Settings)?;
    Ok(PolicyTable::new(rules, Arc::new(sealing)))
}

fn objects(settings: &Settings, policies: PolicyTable, store: Arc<dyn Store>) -> SealedObjects {
    let objects = SealedObjects::new(store, policies, Arc::new(SystemRandom));
    if settings.equal_parts { objects.with_equal_parts() } else { objects }
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

fn options(settings: &Settings) -> GatewayOptions {
    let rule = |rule: &CorsSettings| CorsRule {
        origins: rule.origins.clone(),
        methods: rule.methods.clone(),
        headers: rule.headers.clone(),
        expose: rule.expose.clone(),
        max_age: rule.max_age,
    };
    GatewayOptions { cors: settings.cors.iter().map(rule).collect(), domains: settings.domains.clone() }
}

/// The operating system's randomness.
struct SystemRandom;

impl Random for SystemRandom {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), RandomError> {
        getrandom::fill(bytes).map_err(|error| RandomError(error.to_string()))
    }
}

async fn clients(settings: &Settings, local: &FirstRun) -> anyhow::Result<Vec<Client>> {
    let mut clients = Vec::new();
    for client in &settings.clients {
        clients.push(self::client(client).await.with_context(|| format!("client {}", client.access_key))?);
    }
    clients.extend(local.credential.as_ref().map(|credential| Client {
        access_key: credential.access_key.clone(),
        secret: SecretKey::from(credential.secret.as_str()),
        buckets: vec!["*".to_owned()],
        permission: gateway::Permission::ReadWrite,
    }));
    Ok(clients)
}

async fn client(settings: &ClientSettings) -> anyhow::Result<Client> {
    let secret = settings.secret.read_text().await?;
    Ok(Client {
        access_key: settings.access_key.clone(),
        secret: SecretKey::from(secret.as_str()),
        buckets: settings.buckets.clone(),
        permission: match settings.permission {
            Permission::Read => gateway::Permission::Read,
            Permission::Write => gateway::Permission::Write,
            Permission::ReadWrite => gateway::Permission::ReadWrite,
        },
    })
}

async fn store(settings: &Settings, local: &FirstRun) -> Result<Arc<dyn Store>, Failure> {
    match &settings.store {
        StoreSettings::Directory(path) => {
            let path = directory_of(path.as_deref(), local)?;
            Ok(Arc::new(Directory::open(&path)?))
        }
        StoreSettings::S3(s3) => Ok(Arc::new(s3::store(s3).await.map_err(Failure::Settings)?)),
    }
}

fn directory_of(path: Option<&Path>, local: &FirstRun) -> anyhow::Result<PathBuf> {
    let inside = || local.data.as_ref().map(|data| data.join("store"));
    path.map(Path::to_owned).or_else(inside).context("no directory for the store")
}
