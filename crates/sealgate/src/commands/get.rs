//! `get`: an object's content, without a server.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, anyhow};
use http::HeaderMap;
use http_body_util::BodyExt as _;
use objects::{Body, ObjectRef, OpenRequest, Opened, SealedObjects};
use tempfile::NamedTempFile;

use crate::cli::Get;
use crate::failure::Failure;

pub(super) fn run(asked: Get) -> Result<ExitCode, Failure> {
    let Get { object, to, store } = asked;
    let at = super::object_at(&object.address, object.version_id)?;
    refuse_to_replace(to.as_deref())?;
    super::with_objects(store, async move |objects: SealedObjects| open(&objects, at, to).await)
}

/// Nothing is read for a file that could not be written.
pub(super) fn refuse_to_replace(to: Option<&Path>) -> Result<(), Failure> {
    match to.filter(|to| to.exists()) {
        Some(to) => Err(Failure::Settings(anyhow!("{} exists and is left alone", to.display()))),
        None => Ok(()),
    }
}

/// Reads an object to where it goes.
pub(super) async fn open(objects: &SealedObjects, at: ObjectRef, to: Option<PathBuf>) -> Result<ExitCode, Failure> {
    let request = OpenRequest { at, want: None, part: None, headers: HeaderMap::new(), checksums: false };
    let object = match objects.open(request).await.map_err(anyhow::Error::from)? {
        Opened::Object(object) => object,
        Opened::Answer(answer) => {
            return Err(anyhow!("the store has no such object to read: {}", answer.status()).into());
        }
        Opened::Unsatisfiable { .. } => return Err(anyhow!("the store's answer makes no sense").into()),
    };
    write(object.body, object.plain_len, to).await?;
    Ok(ExitCode::SUCCESS)
}

async fn write(body: Body, plain_len: u64, to: Option<PathBuf>) -> anyhow::Result<()> {
    let Some(to) = to else { return copy(body, plain_len, &mut std::io::stdout().lock()).await };
    let folder = folder_of(&to);
    let mut file = NamedTempFile::new_in(folder).with_context(|| format!("cannot write in {}", folder.display()))?;
    copy(body, plain_len, &mut file).await?;
    file.as_file().sync_all().with_context(|| format!("cannot write {}", to.display()))?;
    file.persist_noclobber(&to)
        .map_err(|error| error.error)
        .with_context(|| format!("cannot write {}", to.display()))?;
    Ok(())
}

/// Where a file is, or will be.
pub(super) fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

async fn copy(mut body: Body, plain_len: u64, out: &mut impl std::io::Write) -> anyhow::Result<()> {
    let mut written = 0;
    while let Some(frame) = body.frame().await {
        let frame =
            frame.map_err(|error| anyhow!("the object is not what was sealed, or the store broke off: {error}"))?;
        if let Ok(data) = frame.into_data() {
            out.write_all(&data).context("cannot write")?;
            written += data.len() as u64;
        }
    }
    out.flush().context("cannot write")?;
    if written == plain_len { Ok(()) } else { Err(anyhow!("{written} bytes came where {plain_len} were announced")) }
}
