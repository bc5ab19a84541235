//! What `serve` makes for itself when nothing is configured: a key and a client credential.
//!
//! Created only where absent, readable by the owner only, and found again on the next run. Whatever
//! is configured is used instead, and then nothing is made.

mod clients;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, anyhow, ensure};
use zeroize::Zeroizing;

pub(crate) use clients::{Credential, Endpoint, write_client_files};

use crate::files;
use crate::settings::{DataDirectory, KeySettings, SecretReference, Settings, StoreSettings, Uploads, is_key_id};

/// Keeps the keys of uploads under way on a host that only writes.
const UPLOAD_KEY: &str = "uploads.key";

/// What was found or made.
pub(crate) struct FirstRun {
    /// Keys in the data directory; empty when they are configured.
    pub(crate) keys: Vec<KeySettings>,
    /// The credential in the data directory; `None` when clients are configured.
    pub(crate) credential: Option<Credential>,
    /// The data directory, when anything in it is used.
    pub(crate) data: Option<PathBuf>,
}

impl FirstRun {
    /// Finds or makes what the settings leave open.
    pub(crate) fn prepare(settings: &Settings, endpoint: &Endpoint) -> anyhow::Result<Self> {
        // Without a data directory there are no uploads to keep.
        if settings.writes_only()
            && settings.upload_key.is_none()
            && settings.uploads == Uploads::Local
            && let Ok(data) = data_directory(&settings.data)
        {
            make_upload_key(&data)?;
        }
        let inside = matches!(settings.store, StoreSettings::Directory(None));
        let (no_keys, no_clients) = (settings.keys.is_empty(), settings.clients.is_empty());
        if !(inside || no_keys || no_clients) {
            return Ok(Self { keys: Vec::new(), credential: None, data: None });
        }
        let data = data_directory(&settings.data)?;
        files::create_directory(&data)?;
        let keys = if no_keys { find_or_make_keys(&data)? } else { Vec::new() };
        let credential = no_clients.then(|| Credential::find_or_make(&data, endpoint)).transpose()?;
        Ok(Self { keys, credential, data: Some(data) })
    }

    /// Finds what an earlier run made, for commands that make nothing. Clients are of no use to them.
    pub(crate) fn find(settings: &Settings) -> anyhow::Result<Self> {
        let inside = matches!(settings.store, StoreSettings::Directory(None));
        let no_keys = settings.keys.is_empty();
        let data = if inside || no_keys { Some(data_directory(&settings.data)?) } else { None };
        let keys = match data.as_ref().map(|data| data.join("keys")) {
            Some(directory) if no_keys && directory.exists() => keys_in(&directory)?,
            _ => Vec::new(),
        };
        Ok(Self { keys, credential: None, data })
    }

    /// The same with the client credential, for a server that reads its settings again and makes nothing either.
    pub(crate) fn find_again(settings: &Settings) -> anyhow::Result<Self> {
        let found = Self::find(settings)?;
        ensure!(
            !(settings.keys.is_empty() && found.keys.is_empty()),
            "there is no key: none under [[keys]], and none left in the data directory"
        );
        if !settings.clients.is_empty() {
            return Ok(found);
        }
        let data = data_directory(&settings.data)?;
        Ok(Self { credential: Some(Credential::find(&data)?), data: Some(data), ..found })
    }

    /// Where that is: files, and the directory to which a key may be added.
    pub(crate) fn files(settings: &Settings) -> Vec<PathBuf> {
        let Ok(data) = data_directory(&settings.data) else { return Vec::new() };
        let mut files = Vec::new();
        if settings.keys.is_empty() {
            let directory = data.join("keys");
            let keys = std::fs::read_dir(&directory).map(|entries| entries.flatten().map(|entry| entry.path()));
            files.extend(keys.into_iter().flatten());
            files.push(directory);
        }
        if settings.clients.is_empty() {
            files.push(data.join(clients::FILE));
        }
        if settings.writes_only() {
            files.push(data.join(UPLOAD_KEY));
        }
        files
    }

    /// The id of the key that wraps new objects, when the keys are these.
    pub(crate) fn primary(&self) -> Option<&str> {
        self.keys.last().map(|key| key.id.as_str())
    }

    /// What to say to a person who has just started us: never the secret, only where it is.
    pub(crate) fn introduction(&self, endpoint: &Endpoint) -> String {
        let (Some(credential), Some(data)) = (&self.credential, &self.data) else { return String::new() };
        let (url, access_key) = (&endpoint.url, &credential.access_key);
        let credentials = data.join("credentials").display().to_string();
        let rclone = quoted(&data.join("rclone.conf"));
        let keys = match self.keys.as_slice() {
            [] => String::new(),
            _ => format!(
                "  keys        in {}: keep a copy elsewhere, nothing opens the objects without\n",
                data.join("keys").display()
            ),
        };
        let shared = quoted(&data.join("credentials"));
        format!(
            "Sealgate is listening on {url}\n\n  access key  {access_key}\n  secret      in {credentials}\n{keys}\n\
             The aws CLI:\n  export AWS_SHARED_CREDENTIALS_FILE={shared} AWS_PROFILE=sealgate\n  \
             aws --endpoint-url {url} s3 mb s3://first\n  aws --endpoint-url {url} s3 cp FILE s3://first/\n\n\
             rclone:\n  rclone --config {rclone} copy FILE sealgate:first\n\n"
        )
    }
}

/// A path for a shell's line.
fn quoted(path: &Path) -> String {
    let text = path.display().to_string();
    let plain = text.chars().all(|c| c.is_ascii_alphanumeric() || "/._-+@%".contains(c));
    if plain { text } else { format!("'{}'", text.replace('\'', "'\\''")) }
}

pub(crate) fn data_directory(data: &DataDirectory) -> anyhow::Result<PathBuf> {
    let data = data.0.as_ref().ok_or_else(|| {
        anyhow!("no data directory: neither HOME nor XDG_DATA_HOME is set; name one with --data or `data`")
    })?;
    std::path::absolute(data).context("there is no working directory")
}

/// The keys in the data directory, by name; the last one is the newest. Makes one if there is none.
fn find_or_make_keys(data: &Path) -> anyhow::Result<Vec<KeySettings>> {
    let directory = data.join("keys");
    files::create_directory(&directory)?;
    let keys = keys_in(&directory)?;
    if !keys.is_empty() {
        return Ok(keys);
    }
    let path = directory.join(format!("{}.key", today()));
    files::create(&path, new_key_file()?.as_bytes())?;
    tracing::info!(path = %path.display(), "made a wrapping key; keep a copy elsewhere");
    keys_in(&directory)
}

fn keys_in(directory: &Path) -> anyhow::Result<Vec<KeySettings>> {
    let entries = std::fs::read_dir(directory).with_context(|| format!("cannot read {}", directory.display()))?;
    let mut keys = Vec::new();
    for entry in entries {
        let path = entry.with_context(|| format!("cannot read {}", directory.display()))?.path();
        if path.extension().is_none_or(|extension| extension != "key") {
            continue;
        }
        let id = path.file_stem().and_then(|stem| stem.to_str()).filter(|id| is_key_id(id));
        let id = id.ok_or_else(|| anyhow!("{}: the name is not a key id", path.display()))?.to_owned();
        keys.push(KeySettings::aes(id, SecretReference::File(path)));
    }
    keys.sort_by(|a, b| a.id.cmp(&b.id));
    Ok(keys)
}

/// A new key, as a key file holds it.
pub(crate) fn new_key_file() -> anyhow::Result<Zeroizing<String>> {
    let mut key = Zeroizing::new([0_u8; 32]);
    getrandom::fill(key.as_mut_slice()).context("the system has no randomness")?;
    Ok(keyring::encode_key_file(&key))
}

/// The key in the data directory that keeps the keys of uploads under way, if there is one. Losing it loses unfinished
/// uploads and nothing else.
pub(crate) fn upload_key(data: &DataDirectory) -> anyhow::Result<Option<Arc<dyn keyring::WrappingKey>>> {
    let path = data_directory(data).ok().map(|data| data.join(UPLOAD_KEY)).filter(|path| path.exists());
    let Some(path) = path else { return Ok(None) };
    let contents = Zeroizing::new(std::fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?);
    let id = "sealgate-uploads".parse().map_err(|error| anyhow!("{error}"))?;
    let key = keyring::AesKey::from_key_file_contents(id, &contents).with_context(|| path.display().to_string())?;
    Ok(Some(Arc::new(key)))
}

fn make_upload_key(data: &Path) -> anyhow::Result<()> {
    files::create_directory(data)?;
    files::create(&data.join(UPLOAD_KEY), new_key_file()?.as_bytes()).map(drop)
}

/// The date, as a name.
pub(crate) fn today() -> String {
    time::OffsetDateTime::now_utc().date().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_run_finds_the_key_of_the_first() {
        let data = tempfile::tempdir().unwrap();
        let first = find_or_make_keys(data.path()).unwrap();
        let contents = std::fs::read(data.path().join(format!("keys/{}.key", first[0].id))).unwrap();
        let second = find_or_make_keys(data.path()).unwrap();
        assert_eq!((first.len(), second.len()), (1, 1));
        assert_eq!(first[0].id, second[0].id);
        assert_eq!(std::fs::read(data.path().join(format!("keys/{}.key", second[0].id))).unwrap(), contents);
    }

    #[test]
    fn a_key_added_later_wraps_new_objects() {
        let data = tempfile::tempdir().unwrap();
        find_or_make_keys(data.path()).unwrap();
        files::create(&data.path().join("keys/9999-01-01.key"), new_key_file().unwrap().as_bytes()).unwrap();
        let keys = find_or_make_keys(data.path()).unwrap();
        assert_eq!(keys.len(), 2);
        let run = FirstRun { keys, credential: None, data: None };
        assert_eq!(run.primary(), Some("9999-01-01"));
    }
}
