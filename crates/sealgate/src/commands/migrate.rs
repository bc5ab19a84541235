//! `migrate`: into sealing, out of it, or elsewhere.

use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context, anyhow};
use objects::{MigrateRequest, Migrated, ObjectRef, SealedObjects};

use crate::cli::Migrate;
use crate::failure::Failure;
use crate::operate::{self, Address, Done, Manner, Step, Task};

const DRY: &str = "nothing was written; --apply does it";

pub(super) fn run(asked: Migrate) -> Result<ExitCode, Failure> {
    let Migrate { from, to, apply, unseal, part_above, walk, store } = asked;
    let to = to.unwrap_or_else(|| from.clone());
    refuse_overlap(&from, &to)?;
    // What is too large for one request is held here, sealed, as far as it has to wait.
    let scratch = tempfile::tempdir().context("cannot make a temporary directory")?;
    super::with_objects_and(store, Some(scratch.path()), async |objects: SealedObjects| {
        let what = format!("migrate {from}{}", if from == to { " in place".to_owned() } else { format!(" to {to}") });
        let name = if apply { what } else { format!("dry run of {what}") };
        let task = Task { name: &name, address: &from, versions: false, note: (!apply).then_some(DRY) };
        let manner = Manner::from(walk);
        let target = Arc::new((from.clone(), to));
        operate::walk(&objects, &task, &manner, move |objects, at| {
            let to = target_of(&target.0, &target.1, &at);
            step(objects, MigrateRequest { from: at, to, apply, unseal, part_above })
        })
        .await
    })
}

/// A walk must not come upon what it writes.
fn refuse_overlap(from: &Address, to: &Address) -> Result<(), Failure> {
    let within = from.key.starts_with(&to.key) || to.key.starts_with(&from.key);
    if from != to && from.bucket == to.bucket && within {
        return Err(Failure::Settings(anyhow!(
            "{from} and {to} overlap; only the same place, or another one, will do"
        )));
    }
    Ok(())
}

/// The name of an object under the other prefix.
fn target_of(from: &Address, to: &Address, at: &ObjectRef) -> ObjectRef {
    let rest = at.key.strip_prefix(&from.key).unwrap_or(&at.key);
    ObjectRef { bucket: to.bucket.clone(), key: format!("{}{rest}", to.key), version: None }
}

async fn step(objects: SealedObjects, request: MigrateRequest) -> Step {
    let outcome = objects.migrate_object(&request).await.map_err(|error| error.to_string())?;
    Ok(match outcome {
        Migrated::Done { plain_len, sealed, removed } => {
            let word = match (request.apply, sealed) {
                (false, _) => "pending",
                (true, true) => "sealed",
                (true, false) => "unsealed",
            };
            let done = Done::word(word).bytes(plain_len).with("plain_len", plain_len).with("to", request.to.key);
            match removed {
                Some(key) => done.with("removed", key),
                None => done,
            }
        }
        Migrated::Already => Done::word("already"),
        Migrated::Beside => Done::word("beside"),
        Migrated::Orphan if request.apply => Done::word("removed"),
        Migrated::Orphan => Done::word("pending"),
        Migrated::Gone => Done::word("gone"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> Address {
        text.parse().unwrap()
    }

    #[test]
    fn the_rest_of_a_key_is_kept() {
        let at = ObjectRef { bucket: "a".into(), key: "x/y/z".into(), version: None };
        for (to, key) in [("s3://b", "y/z"), ("s3://b/q/", "q/y/z"), ("s3://b/q", "qy/z")] {
            assert_eq!(target_of(&address("s3://a/x/"), &address(to), &at).key, key);
        }
    }

    #[test]
    fn a_place_within_the_other_is_refused() {
        for (from, to) in [("s3://b", "s3://b/new/"), ("s3://b/old/", "s3://b"), ("s3://b/a", "s3://b/ab")] {
            assert!(refuse_overlap(&address(from), &address(to)).is_err(), "{from} {to}");
        }
        for (from, to) in [("s3://b", "s3://b"), ("s3://b/a/", "s3://b/b/"), ("s3://a", "s3://b/new/")] {
            assert!(refuse_overlap(&address(from), &address(to)).is_ok(), "{from} {to}");
        }
    }
}
