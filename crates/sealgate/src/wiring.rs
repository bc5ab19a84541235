//! The composition root: the only place that knows every room and puts them together.
//!
//! Nothing is decided here that settings or another room decide; each part is made, given what it needs
//! and handed on. `lasting` makes what lives as long as the process, `exchanged` what may be another one later.

mod alone;
mod aws;
mod directory;
mod exchanged;
mod keys;
mod lasting;
mod probe;
mod rules;
mod s3;

use std::sync::Arc;

use anyhow::Context;
use gateway::Gateway;
use objects::{PolicyTable, Random, RandomError, SealedObjects, Store};

pub(crate) use self::alone::{check_keys, objects_alone, objects_in, store_alone};
use crate::admin::Probe;
use crate::failure::Failure;
use crate::firstrun::FirstRun;
use crate::settings::Settings;

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
    let clients = exchanged::clients(settings, local).await.map_err(Failure::Settings)?;
    let store = lasting::store(settings, local).await?;
    let objects = objects(settings, policies, Arc::clone(&store));
    check_primaries(&objects).await?;
    let objects = lasting::with_memory(objects, settings, &store)?;
    let gateway = Gateway::with_options(objects.clone(), clients, exchanged::options(settings));
    Ok(Wired { gateway, probe: lasting::probe(&store), objects })
}

/// A key that would not wrap is found before the first object is written. One that cannot be asked for now is no reason
/// not to serve what does not need it.
async fn check_primaries(objects: &SealedObjects) -> Result<(), Failure> {
    for (key_id, checked) in objects.check_keys().await {
        match checked {
            Err(objects::Error::KeyUnavailable { why, .. }) => {
                tracing::warn!(%key_id, why, "a key that wraps new objects does not answer: it can seal nothing for now");
            }
            checked => {
                checked.with_context(|| format!("key {key_id}, which wraps new objects")).map_err(Failure::Settings)?;
            }
        }
    }
    Ok(())
}

/// Rules and keys: what a server and a command have in common.
async fn policies(settings: &Settings, local: &FirstRun) -> Result<PolicyTable, Failure> {
    let keys = keys::keys(settings, local).await.map_err(Failure::Settings)?;
    tracing::info!(sealing = ?keys, masters = ?keys.masters, "keys are read");
    let rules = rules::rules(&settings.rules, &keys).map_err(Failure::Settings)?;
    Ok(PolicyTable::new(rules))
}

fn objects(settings: &Settings, policies: PolicyTable, store: Arc<dyn Store>) -> SealedObjects {
    let objects = SealedObjects::new(store, policies, Arc::new(SystemRandom));
    if settings.equal_parts { objects.with_equal_parts() } else { objects }
}

/// The operating system's randomness.
struct SystemRandom;

impl Random for SystemRandom {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), RandomError> {
        getrandom::fill(bytes).map_err(|error| RandomError(error.to_string()))
    }
}
