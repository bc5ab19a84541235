//! Files that only their owner may read, written whole or not at all.

use std::fs::{self, DirBuilder, File};
use std::io::{self, Write};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use anyhow::Context;
use tempfile::NamedTempFile;

/// Whether a file was there before.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Created {
    /// It is ours, with the contents given.
    Now,
    /// It was there, and was left alone.
    Before,
}

/// Makes a directory, and what leads to it, for the owner only. One that exists is left as it is.
pub(crate) fn create_directory(path: &Path) -> anyhow::Result<()> {
    let made = DirBuilder::new().recursive(true).mode(0o700).create(path);
    made.with_context(|| format!("cannot create {}", path.display()))
}

/// Writes a file with mode 0600 unless there is one.
pub(crate) fn create(path: &Path, contents: &[u8]) -> anyhow::Result<Created> {
    let file = written(path, contents)?;
    match file.persist_noclobber(path) {
        Ok(_) => sync_directory(path).map(|()| Created::Now),
        Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists => Ok(Created::Before),
        Err(error) => Err(error.error).with_context(|| format!("cannot create {}", path.display())),
    }
}

/// Writes a file with mode 0600 in place of the one there, unless it holds just that.
pub(crate) fn replace(path: &Path, contents: &[u8]) -> anyhow::Result<()> {
    if fs::read(path).is_ok_and(|before| before == contents) {
        return Ok(());
    }
    let file = written(path, contents)?;
    file.persist(path).map_err(|error| error.error).with_context(|| format!("cannot write {}", path.display()))?;
    sync_directory(path)
}

/// A complete file beside `path`, on disk, with mode 0600, not named yet.
fn written(path: &Path, contents: &[u8]) -> anyhow::Result<NamedTempFile> {
    let directory = parent(path);
    let write = || {
        let mut file = NamedTempFile::new_in(&directory)?;
        file.write_all(contents)?;
        file.as_file().sync_all()?;
        Ok::<_, io::Error>(file)
    };
    write().with_context(|| format!("cannot write in {}", directory.display()))
}

fn sync_directory(path: &Path) -> anyhow::Result<()> {
    let directory = parent(path);
    let synced = File::open(&directory).and_then(|directory| directory.sync_all());
    synced.with_context(|| format!("cannot sync {}", directory.display()))
}

fn parent(path: &Path) -> PathBuf {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
        _ => PathBuf::from("."),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn only_the_owner_may_read_what_is_created() {
        let directory = tempfile::tempdir().unwrap();
        let inner = directory.path().join("a/b");
        create_directory(&inner).unwrap();
        assert_eq!(mode(&inner), 0o700);
        let file = inner.join("secret");
        assert_eq!(create(&file, b"1").unwrap(), Created::Now);
        assert_eq!(mode(&file), 0o600);
        replace(&file, b"2").unwrap();
        assert_eq!(mode(&file), 0o600);
        assert_eq!(fs::read(&file).unwrap(), b"2");
    }

    #[test]
    fn a_file_that_exists_is_left_alone_and_nothing_else_is_left_behind() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("secret");
        assert_eq!(create(&file, b"1").unwrap(), Created::Now);
        assert_eq!(create(&file, b"2").unwrap(), Created::Before);
        assert_eq!(fs::read(&file).unwrap(), b"1");
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
    }
}
