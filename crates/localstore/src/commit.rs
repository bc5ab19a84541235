//! A new object before it exists: a staged file that becomes visible in one rename or leaves no trace.
//!
//! Everything here blocks and belongs on a blocking thread. It knows neither buckets nor conditions.

use std::fs::{self, File, OpenOptions};
use std::io::{self, IoSlice, Read, Seek, SeekFrom, Write};
use std::ops::Range;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use bytes::Bytes;

use crate::record::Record;

/// A file in the staging directory. Dropped without [`Staged::publish`], it is removed.
#[derive(Debug)]
pub(crate) struct Staged {
    file: File,
    path: PathBuf,
    published: bool,
}

impl Staged {
    pub(crate) fn create(path: PathBuf) -> io::Result<Self> {
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path)?;
        Ok(Self { file, path, published: false })
    }

    /// Appends content without copying it together first.
    pub(crate) fn append(&mut self, pieces: &[Bytes]) -> io::Result<()> {
        let mut slices: Vec<_> =
            pieces.iter().filter(|piece| !piece.is_empty()).map(|piece| IoSlice::new(piece)).collect();
        let mut rest = slices.as_mut_slice();
        while !rest.is_empty() {
            match self.file.write_vectored(rest) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(written) => IoSlice::advance_slices(&mut rest, written),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Appends a stretch of another file. The system copies it, or shares it where the file system can; no byte of it
    /// comes into this process.
    pub(crate) fn append_file(&mut self, mut source: &File, bytes: Range<u64>) -> io::Result<()> {
        let wanted = bytes.end - bytes.start;
        source.seek(SeekFrom::Start(bytes.start))?;
        let copied = io::copy(&mut source.take(wanted), &mut self.file)?;
        if copied == wanted { Ok(()) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
    }

    /// A second handle, through which what was appended can be pushed to the disk while more arrives.
    pub(crate) fn handle(&self) -> io::Result<File> {
        self.file.try_clone()
    }

    /// Appends the record and waits until the disk has it all. After this only the name is missing.
    pub(crate) fn complete(&mut self, record: &Record) -> io::Result<()> {
        self.file.write_all(&record.encode()?)?;
        self.file.sync_all()
    }

    /// Makes the object visible, in place of an older one. Durable once the directory is synced.
    pub(crate) fn publish(mut self, target: &Path) -> io::Result<()> {
        fs::rename(&self.path, target)?;
        self.published = true;
        Ok(())
    }
}

impl Drop for Staged {
    fn drop(&mut self) {
        // A leftover is harmless and swept on the next open, so a failure here has no one to tell.
        if !self.published {
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Writes a small file so that it is there whole or not at all.
pub(crate) fn write_small(staged: PathBuf, target: &Path, content: &[u8]) -> io::Result<()> {
    let mut file = Staged::create(staged)?;
    file.file.write_all(content)?;
    file.file.sync_all()?;
    file.publish(target)?;
    if let Some(directory) = target.parent() {
        sync_directory(directory)?;
    }
    Ok(())
}

/// Waits until names made, changed or removed in a directory are on disk.
pub(crate) fn sync_directory(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

/// Creates a directory, and its parents, for the owner only.
pub(crate) fn create_directory(path: &Path) -> io::Result<()> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unpublished_file_leaves_no_trace() {
        let directory = tempfile::tempdir().unwrap();
        let mut staged = Staged::create(directory.path().join("new")).unwrap();
        staged.append(&[Bytes::from_static(b"half")]).unwrap();
        drop(staged);
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0);
    }

    #[test]
    fn stretches_of_other_files_are_appended_exactly() {
        let directory = tempfile::tempdir().unwrap();
        let source = directory.path().join("source");
        fs::write(&source, "0123456789").unwrap();
        let source = File::open(source).unwrap();
        let mut staged = Staged::create(directory.path().join("new")).unwrap();
        for bytes in [3..6, 0..1, 4..4, 8..10] {
            staged.append_file(&source, bytes).unwrap();
        }
        assert!(staged.append_file(&source, 9..11).is_err());
        staged.publish(&directory.path().join("there")).unwrap();
        assert_eq!(fs::read(directory.path().join("there")).unwrap(), b"3450899");
    }

    #[test]
    fn pieces_are_written_in_order_and_published_whole() {
        let directory = tempfile::tempdir().unwrap();
        let mut staged = Staged::create(directory.path().join("new")).unwrap();
        let pieces: Vec<_> = (0..3000_u32).map(|n| Bytes::from(n.to_string())).chain([Bytes::new()]).collect();
        staged.append(&pieces).unwrap();
        staged.publish(&directory.path().join("there")).unwrap();
        assert_eq!(fs::read(directory.path().join("there")).unwrap(), pieces.concat());
        assert!(!directory.path().join("new").exists());
    }
}
