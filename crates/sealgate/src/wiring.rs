//! The composition root: the only place that knows every room and puts them together.
//!
//! Nothing is decided here that settings or another room decide; each part is made, given what it needs
//! and handed on. `lasting` makes what lives as long as the process, `exchanged` what may be another one later.

mod alone;
mod aws;
mod directory;
mod exchanged;
mod keys;
mod known_keys;
mod lasting;
mod probe;
mod rules;
mod s3;

use std::sync::Arc;

use anyhow::Context;
use gateway::{Client, Gateway};
use objects::{PolicyTable, Random, RandomError, SealedObjects, Store};
use tokio::sync::watch;

pub(crate) use self::alone::{check_keys, key_facts, objects_alone, objects_in, store_alone};
use self::keys::{Keys, Services};
use self::known_keys::Compared;
use crate::admin::Probe;
use crate::failure::Failure;
use crate::firstrun::FirstRun;
use crate::server::tls::Certificate;
use crate::settings::Settings;

/// What answers requests. Whoever answers takes it when a request begins and keeps it until that has ended.
pub(crate) struct Serving {
    /// For clients.
    pub(crate) gateway: Gateway,
    /// For the sweep.
    pub(crate) objects: SealedObjects,
    /// For handshakes.
    pub(crate) certificate: Option<Certificate>,
    /// Whom the gateway knows.
    pub(crate) clients: Vec<Client>,
    /// What keys of services remember.
    services: Services,
}

/// What answers requests now. A `watch` is the exchange: taking what is there is a short read lock and no wait, and it is part of
/// the runtime that we have anyway.
pub(crate) type Current = watch::Receiver<Arc<Serving>>;

/// Everything that runs.
pub(crate) struct Wired {
    /// For clients and the sweep.
    pub(crate) serving: Serving,
    /// For readiness.
    pub(crate) probe: Box<dyn Probe>,
}

/// Follows the settings' references and puts the rooms together. Nothing is bound and no store is asked; a service that
/// keeps the key that wraps is.
pub(crate) async fn wire(
    settings: &Settings,
    local: &FirstRun,
    certificate: Option<Certificate>,
) -> Result<Wired, Failure> {
    let services = Services::default();
    let (policies, known) = policies(settings, local, &services).await?;
    let clients = exchanged::clients(settings, local).await.map_err(Failure::Settings)?;
    let store = lasting::store(settings, local).await?;
    let objects = objects(settings, policies, Arc::clone(&store));
    check_primaries(&objects, |_| false).await?;
    known.remember().await;
    let objects = lasting::with_memory(objects, settings, &store)?;
    let gateway = Gateway::with_options(objects.clone(), clients.clone(), exchanged::options(settings));
    let serving = Serving { gateway, objects, certificate, clients, services };
    Ok(Wired { serving, probe: lasting::probe(&store) })
}

/// Rules, keys and clients anew, over the store and the memory that are there. Nothing is made but a note of keys that are
/// new. `is_new` says which keys are others than before: those have to answer, while the ones that served so far may be out
/// of reach for now.
pub(crate) async fn rewire(
    settings: &Settings,
    local: &FirstRun,
    certificate: Option<Certificate>,
    before: &Serving,
    is_new: impl Fn(&str) -> bool,
) -> Result<Serving, Failure> {
    let services = before.services.clone();
    let keys = keys::keys(settings, local, &services).await.map_err(Failure::Settings)?;
    let known = known_keys::compare(settings, keys.recognised()).await?;
    let policies = table(settings, &keys)?;
    let clients = exchanged::clients(settings, local).await.map_err(Failure::Settings)?;
    let objects = before.objects.with_policies(policies);
    check_primaries(&objects, is_new).await?;
    known.remember().await;
    let gateway = before.gateway.succeeded_by(objects.clone(), clients.clone(), exchanged::options(settings));
    services.forget_all_but(&settings.keys);
    Ok(Serving { gateway, objects, certificate, clients, services })
}

/// A key that would not wrap is found before the first object is written. One that cannot be asked for now is no reason
/// not to serve what does not need it, unless it `must_answer`.
async fn check_primaries(objects: &SealedObjects, must_answer: impl Fn(&str) -> bool) -> Result<(), Failure> {
    for (key_id, checked) in objects.check_keys().await {
        match checked {
            Err(objects::Error::KeyUnavailable { why, .. }) if !must_answer(key_id.as_str()) => {
                tracing::warn!(%key_id, why, "a key that wraps new objects does not answer: it can seal nothing for now");
            }
            checked => {
                checked.with_context(|| format!("key {key_id}, which wraps new objects")).map_err(Failure::Settings)?;
            }
        }
    }
    Ok(())
}

/// Rules and keys: what a server and a command have in common. The keys are those that were here before, as far as that is
/// known; who may write in the data directory has new ones remembered.
async fn policies(
    settings: &Settings,
    local: &FirstRun,
    services: &Services,
) -> Result<(PolicyTable, Compared), Failure> {
    let keys = keys::keys(settings, local, services).await.map_err(Failure::Settings)?;
    let compared = known_keys::compare(settings, keys.recognised()).await?;
    tracing::info!(sealing = ?keys, masters = ?keys.masters, "keys are read");
    Ok((table(settings, &keys)?, compared))
}

fn table(settings: &Settings, keys: &Keys) -> Result<PolicyTable, Failure> {
    let rules = rules::rules(&settings.rules, keys).map_err(Failure::Settings)?;
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
