//! `encrypt`: what a PUT would store, in files, without a server and without a store.

use std::collections::BTreeSet;
use std::io::Read as _;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context, anyhow};
use http::HeaderMap;
use objects::store::{full, sized};
use objects::{Body, ChecksumName, DigestSet, SealRequest};
use serde_json::{Map, Value};
use tempfile::NamedTempFile;
use tokio_util::io::ReaderStream;

use crate::cli::Encrypt;
use crate::failure::Failure;
use crate::files::{self, Created};
use crate::offline::FileStore;

/// Standard input has no length, and the format begins with knowing it.
const MAX_UNANNOUNCED: usize = 64 * 1024 * 1024;

pub(super) fn run(asked: Encrypt) -> Result<ExitCode, Failure> {
    let Encrypt { address, from, out, metadata, length, keys } = asked;
    let at = super::object_at(&address, None)?;
    super::get::refuse_to_replace(Some(&out))?;
    super::get::refuse_to_replace(Some(&metadata))?;
    let folder = super::get::folder_of(&out);
    let staged = NamedTempFile::new_in(folder).with_context(|| format!("cannot write in {}", folder.display()))?;
    let file = staged.reopen().context("cannot write")?;
    let store = Arc::new(FileStore::new(file, Vec::new()));
    let kept = Arc::clone(&store);
    super::with_objects_in(keys, store, async move |objects| {
        let (plain_len, body) = plaintext(&from, length).await?;
        let request = SealRequest {
            at,
            plain_len,
            headers: HeaderMap::new(),
            digests: DigestSet { md5: false, checksums: BTreeSet::from([ChecksumName::Crc64Nvme]) },
            verdict: Box::new(|_| Ok(())),
            body,
        };
        objects.seal(request).await.map_err(anyhow::Error::from)?;
        let written: Map<String, Value> =
            kept.metadata().into_iter().map(|(name, value)| (name, Value::String(value))).collect();
        if written.is_empty() {
            return Err(Failure::Settings(anyhow!("the rule for {address} seals nothing (format = \"none\")")));
        }
        if files::create(&metadata, format!("{}\n", Value::Object(written)).as_bytes())? == Created::Before {
            return Err(anyhow!("{} exists and is left alone", metadata.display()).into());
        }
        staged.persist_noclobber(&out).map_err(|error| anyhow!("cannot write {}: {}", out.display(), error.error))?;
        eprintln!(
            "sealed for {address}; to store it: aws s3api put-object --bucket {} --key '{}' --body {} --metadata file://{}",
            address.bucket,
            address.key,
            out.display(),
            metadata.display()
        );
        Ok(ExitCode::SUCCESS)
    })
}

/// What is to be sealed, and its length.
async fn plaintext(from: &Path, length: Option<u64>) -> anyhow::Result<(u64, Body)> {
    if from != Path::new("-") {
        let file = tokio::fs::File::open(from).await.with_context(|| format!("cannot read {}", from.display()))?;
        let len = file.metadata().await.with_context(|| format!("cannot read {}", from.display()))?.len();
        return Ok((len, streamed(len, file)));
    }
    if let Some(len) = length {
        let stdin = tokio::fs::File::open("/dev/stdin").await.context("cannot read standard input")?;
        return Ok((len, streamed(len, stdin)));
    }
    let mut bytes = Vec::new();
    let limit = MAX_UNANNOUNCED as u64 + 1;
    std::io::stdin().lock().take(limit).read_to_end(&mut bytes).context("cannot read standard input")?;
    if bytes.len() > MAX_UNANNOUNCED {
        return Err(anyhow!("more than 64 MiB came on standard input: say how many with --length, or name a file"));
    }
    Ok((bytes.len() as u64, full(bytes)))
}

fn streamed(len: u64, from: impl tokio::io::AsyncRead + Send + 'static) -> Body {
    use futures::StreamExt as _;
    sized(len, ReaderStream::new(from).map(|piece| piece.map_err(Into::into)))
}
