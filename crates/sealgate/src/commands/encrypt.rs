//! `encrypt`: what a PUT would store, in files, without a server and without a store.

use std::collections::BTreeSet;
use std::io::Read as _;
use std::path::{Path, PathBuf};
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
    let Encrypt { address, from, out, metadata, instruction_file, length, keys } = asked;
    let at = super::object_at(&address, None)?;
    for path in [Some(&out), Some(&metadata), instruction_file.as_ref()] {
        super::get::refuse_to_replace(path.map(PathBuf::as_path))?;
    }
    let staged = Staged::beside(&out)?;
    let companion = instruction_file.map(|path| Staged::beside(&path)).transpose()?;
    let store = FileStore::new(&at, staged.reopen()?, Vec::new()).map_err(anyhow::Error::from)?;
    let store = Arc::new(store.with_companion(companion.as_ref().map(Staged::reopen).transpose()?));
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
        let companion = companion.filter(|companion| !companion.is_empty());
        if written.is_empty() && companion.is_none() {
            return Err(Failure::Settings(anyhow!("the rule for {address} seals nothing (format = \"none\")")));
        }
        if files::create(&metadata, format!("{}\n", Value::Object(written)).as_bytes())? == Created::Before {
            return Err(anyhow!("{} exists and is left alone", metadata.display()).into());
        }
        staged.keep()?;
        companion.map(Staged::keep).transpose()?;
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

/// A file that appears whole or not at all.
struct Staged {
    file: NamedTempFile,
    path: PathBuf,
}

impl Staged {
    fn beside(path: &Path) -> anyhow::Result<Self> {
        let folder = super::get::folder_of(path);
        let file = NamedTempFile::new_in(folder).with_context(|| format!("cannot write in {}", folder.display()))?;
        Ok(Self { file, path: path.to_owned() })
    }

    fn reopen(&self) -> anyhow::Result<std::fs::File> {
        self.file.reopen().context("cannot write")
    }

    fn is_empty(&self) -> bool {
        self.file.as_file().metadata().is_ok_and(|metadata| metadata.len() == 0)
    }

    fn keep(self) -> anyhow::Result<()> {
        let Self { file, path } = self;
        file.persist_noclobber(&path).map_err(|error| anyhow!("cannot write {}: {}", path.display(), error.error))?;
        Ok(())
    }
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
