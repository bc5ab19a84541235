//! `decrypt`: an object out of the bytes and the metadata that a store has of it, without a server and without a store.

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context, anyhow};
use objects::{Format, ObjectRef, SealedObjects};

use crate::cli::Decrypt;
use crate::failure::Failure;
use crate::offline::{FileStore, read_metadata};

pub(super) fn run(asked: Decrypt) -> Result<ExitCode, Failure> {
    let Decrypt { address, from, metadata, envelope, sealed_metadata, instruction_file, out, keys } = asked;
    let at = super::object_at(&address, None)?;
    super::get::refuse_to_replace(out.as_deref())?;
    let mut entries = match &metadata {
        Some(path) => read_metadata(path).map_err(Failure::Settings)?,
        None => Vec::new(),
    };
    entries.extend(envelope.map(|envelope| ("sealgate".to_owned(), envelope)));
    entries.extend(sealed_metadata.map(|sealed| ("sealgate-m".to_owned(), sealed)));
    let companion = instruction_file.as_deref().map(stored).transpose()?;
    let store = FileStore::new(&at, stored(&from)?, entries).map_err(anyhow::Error::from)?;
    let store = Arc::new(store.with_companion(companion));
    super::with_objects_in(keys, store, async move |objects| {
        refuse_plaintext(&objects, &at, metadata.is_some()).await?;
        super::get::open(&objects, at, out).await
    })
}

/// A rule may let plaintext through, and nobody would notice that nothing was opened.
async fn refuse_plaintext(objects: &SealedObjects, at: &ObjectRef, has_metadata: bool) -> Result<(), Failure> {
    let found = objects.inspect(at).await.map_err(anyhow::Error::from)?;
    let Some(found) = found.filter(|found| matches!(found.format, Format::Unsealed | Format::Marker)) else {
        return Ok(());
    };
    if has_metadata {
        let why = "nothing in this metadata says that the object is encrypted, and its rule names no format that does without";
        return Err(anyhow!("{why} (the rule for {})", found.rule).into());
    }
    let why = "the object's metadata is wanted: --metadata FILE, or --envelope \"v=1;...\"";
    Err(Failure::Settings(anyhow!(why)))
}

/// The stored bytes as a file that can be read from any place. What comes on standard input is ciphertext, which may lie on a disk.
fn stored(from: &Path) -> anyhow::Result<std::fs::File> {
    if from != Path::new("-") {
        return std::fs::File::open(from).with_context(|| format!("cannot read {}", from.display()));
    }
    let mut file = tempfile::tempfile().context("cannot make a temporary file")?;
    std::io::copy(&mut std::io::stdin().lock(), &mut file).context("cannot read standard input")?;
    Ok(file)
}
