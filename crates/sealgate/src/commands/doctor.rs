//! `doctor`: whether this machine, these settings and that store work together, and what to set where they do not.

use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context, anyhow};
use objects::{ObjectRef, SealedObjects};
use serde_json::json;

use crate::cli::Doctor;
use crate::doctor::{Finding, State, examine_bucket, examine_writing, reach};
use crate::failure::Failure;
use crate::settings::{Settings, StoreSettings};
use crate::wiring;

pub(super) fn run(asked: Doctor) -> Result<ExitCode, Failure> {
    let Doctor { address, write, json, store } = asked;
    if write && address.is_none() {
        return Err(Failure::Settings(anyhow!("--write wants to know where: s3://BUCKET or s3://BUCKET/PREFIX")));
    }
    super::with_settings(&store.into(), async |settings: Settings| {
        let mut found = vec![Finding::good("settings", "can be used")];
        found.push(match wiring::check_keys(&settings).await {
            Ok(ids) => Finding::good("keys", format!("can be read: {ids}")),
            Err(failure) => Finding::bad("keys", failure.said()),
        });
        let store = match wiring::store_alone(&settings).await {
            Ok(store) => store,
            Err(failure) => {
                found.push(Finding::bad("store", failure.said()));
                return Ok(ended(&found, json));
            }
        };
        if sound(&found) {
            found.extend(wrapping(&wiring::objects_in(&settings, Arc::clone(&store)).await?).await);
        }
        let s3 = match &settings.store {
            StoreSettings::S3(s3) => Some(s3.as_ref()),
            StoreSettings::Directory(_) => None,
        };
        found.extend(reach(store.as_ref(), s3).await);
        if let Some(address) = address.filter(|_| sound(&found)) {
            found.extend(examine_bucket(store.as_ref(), &address.bucket, &address.key).await);
            if write {
                found.extend(examine_writing(store.as_ref(), &scratch(&address.bucket, &address.key)?).await);
            }
        }
        Ok(ended(&found, json))
    })
}

/// Says what was found, and whether it is good enough.
fn ended(found: &[Finding], json: bool) -> ExitCode {
    say(found, json);
    if sound(found) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn sound(found: &[Finding]) -> bool {
    found.iter().all(|finding| finding.state != State::Bad)
}

/// Whether the keys that wrap new objects do, wherever they are kept.
async fn wrapping(objects: &SealedObjects) -> Vec<Finding> {
    let say = |(key_id, checked): (_, Result<(), objects::Error>)| match checked {
        Ok(()) => Finding::good("key that wraps", format!("{key_id} wraps and unwraps")),
        Err(error) => Finding::bad("key that wraps", error.to_string()),
    };
    objects.check_keys().await.into_iter().map(say).collect()
}

/// A name that nobody has.
fn scratch(bucket: &str, prefix: &str) -> anyhow::Result<ObjectRef> {
    let mut random = [0; 16];
    getrandom::fill(&mut random).context("the system has no randomness")?;
    let key = format!("{prefix}sealgate-doctor-{:032x}", u128::from_be_bytes(random));
    Ok(ObjectRef { bucket: bucket.to_owned(), key, version: None })
}

fn say(found: &[Finding], json: bool) {
    for finding in found {
        if json {
            super::say(&format!("{}\n", finding.json()));
        } else {
            super::say(&format!("{:<8} {:<24} {}\n", finding.word(), finding.what, finding.said));
        }
    }
    let count = |state| found.iter().filter(|finding| finding.state == state).count();
    let (poor, bad) = (count(State::Poor), count(State::Bad));
    if json {
        super::say(&format!("{}\n", json!({ "event": "summary", "warnings": poor, "failed": bad })));
    } else {
        super::say(&format!("{bad} failed, {poor} warnings\n"));
    }
}
