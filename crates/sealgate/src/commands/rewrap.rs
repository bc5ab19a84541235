//! `rewrap`: rotation, object by object, without moving content.

use std::process::ExitCode;

use objects::{RewrapRequest, Rewrapped, SealedObjects};

use crate::cli::Rewrap;
use crate::failure::Failure;
use crate::operate::{self, Done, Manner, Step, Task};

const DRY: &str = "nothing was written; --apply does it";
const LEFT: &str = "old versions stay under the keys they were wrapped with: those listed as \"left\" need theirs";

pub(super) fn run(asked: Rewrap) -> Result<ExitCode, Failure> {
    let Rewrap { address, apply, versions, delete_replaced, copy_limit, walk, store } = asked;
    super::with_objects(store, async move |objects: SealedObjects| {
        let name = match (apply, versions) {
            (true, true) => format!("rewrap --versions {address}"),
            (true, false) => format!("rewrap {address}"),
            (false, _) => format!("dry run of rewrap {address}"),
        };
        let note = if apply { versions.then_some(LEFT) } else { Some(DRY) };
        let task = Task { name: &name, address: &address, versions, note };
        let manner = Manner::from(walk);
        operate::walk(&objects, &task, &manner, move |objects, at| {
            step(objects, RewrapRequest { at, apply, copy_limit, delete_replaced })
        })
        .await
    })
}

async fn step(objects: SealedObjects, request: RewrapRequest) -> Step {
    let outcome = objects.rewrap_object(&request).await.map_err(|error| error.to_string())?;
    Ok(match outcome {
        Rewrapped::Done { from, to } if request.apply => Done::word("rewrapped").with("from", from).with("to", to),
        Rewrapped::Done { from, to } => Done::word("pending").with("from", from).with("to", to),
        Rewrapped::Left { from } => Done::word("left").with("from", from),
        Rewrapped::Current => Done::word("current"),
        Rewrapped::Unsealed => Done::word("unsealed"),
        Rewrapped::Foreign { format } => Done::word("foreign").with("format", format),
        Rewrapped::Beside => Done::word("beside"),
        Rewrapped::Gone => Done::word("gone"),
    })
}
