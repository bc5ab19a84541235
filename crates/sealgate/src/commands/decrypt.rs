//! `decrypt`: an object out of the bytes and the metadata that a store has of it, without a server and without a store.

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context, anyhow};

use crate::cli::Decrypt;
use crate::failure::Failure;
use crate::offline::{FileStore, read_metadata};

pub(super) fn run(asked: Decrypt) -> Result<ExitCode, Failure> {
    let Decrypt { address, from, metadata, envelope, sealed_metadata, out, keys } = asked;
    let at = super::object_at(&address, None)?;
    super::get::refuse_to_replace(out.as_deref())?;
    let mut entries = match &metadata {
        Some(path) => read_metadata(path).map_err(Failure::Settings)?,
        None => Vec::new(),
    };
    entries.extend(envelope.map(|envelope| ("sealgate".to_owned(), envelope)));
    entries.extend(sealed_metadata.map(|sealed| ("sealgate-m".to_owned(), sealed)));
    if entries.is_empty() {
        let why = "the object's metadata is wanted: --metadata FILE, or --envelope \"v=1;...\"";
        return Err(Failure::Settings(anyhow!(why)));
    }
    let store = Arc::new(FileStore::new(stored(&from)?, entries));
    super::with_objects_in(keys, store, async move |objects| super::get::open(&objects, at, out).await)
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
