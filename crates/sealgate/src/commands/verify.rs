//! `verify`: whether what is stored is what was sealed.

use std::process::ExitCode;

use objects::{ObjectRef, SealedObjects, Verified};

use crate::cli::{Depth, Verify};
use crate::failure::Failure;
use crate::operate::{self, Done, Step, Task};

pub(super) fn run(asked: Verify) -> Result<ExitCode, Failure> {
    let Verify { address, depth, versions, walk, store } = asked;
    let depth = match depth {
        Depth::Quick => objects::Depth::Quick,
        Depth::Full => objects::Depth::Full,
    };
    super::with_objects(store, async move |objects: SealedObjects| {
        let what = if versions { "every version in " } else { "" };
        let name =
            format!("verify {}{what}{address}", if depth == objects::Depth::Full { "every byte of " } else { "" });
        let task = Task { name: &name, address: &address, versions, note: None };
        operate::walk(&objects, &task, &walk.into(), move |objects, at| step(objects, at, depth)).await
    })
}

async fn step(objects: SealedObjects, at: ObjectRef, depth: objects::Depth) -> Step {
    match objects.verify(&at, depth).await {
        Ok(Verified::Sealed { plain_len }) => Ok(Done::word("verified").bytes(plain_len).with("plain_len", plain_len)),
        Ok(Verified::Unsealed { plain_len }) => Ok(Done::word("unsealed").with("plain_len", plain_len)),
        Ok(Verified::Foreign { plain_len }) => Ok(Done::word("foreign").bytes(plain_len).with("plain_len", plain_len)),
        Ok(Verified::Beside) => Ok(Done::word("beside")),
        Ok(Verified::Gone) => Ok(Done::word("gone")),
        Err(error) => Err(error.to_string()),
    }
}
