//! The root directory: claimed for one process, checked for its format, swept of what a crash left behind.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::Path;

use crate::bucket::{Bucket, BucketRecord};
use crate::commit::{create_directory, sync_directory, write_small};
use crate::error::Error;
use crate::path::{self, Layout};
use crate::record::Moment;
use crate::version::Versioning;

/// What the `format` file says until a bucket is to keep versions.
const FORMAT: &str = "directory-store 1\n";
/// What it says from then on.
const FORMAT_WITH_VERSIONS: &str = "directory-store 2\n";

/// A claimed directory. The claim ends with the value, or with the process however it ends.
#[derive(Debug)]
pub(crate) struct Root {
    pub(crate) layout: Layout,
    _lock: File,
}

impl Root {
    /// Creates or reopens the directory and sweeps its staging area.
    pub(crate) fn claim(layout: Layout) -> Result<Self, Error> {
        let root = layout.root();
        create_root(root)?;
        refuse_strangers(&layout)?;
        let lock = lock(&layout)?;
        for directory in [layout.staging(), layout.buckets()] {
            create_directory(&directory).map_err(Error::io("create", &directory))?;
        }
        check_format(&layout)?;
        sweep(&layout.staging()).map_err(Error::io("empty", &layout.staging()))?;
        Ok(Self { layout, _lock: lock })
    }

    /// Every bucket below the root with its index.
    pub(crate) fn load(&self) -> Result<Vec<(String, Bucket)>, Error> {
        let buckets = self.layout.buckets();
        let mut loaded = Vec::new();
        for entry in fs::read_dir(&buckets).map_err(Error::io("list", &buckets))? {
            let directory = entry.map_err(Error::io("list", &buckets))?.path();
            let Some(name) = bucket_name(&directory) else {
                tracing::warn!(path = %directory.display(), "this is no bucket and is left alone");
                continue;
            };
            let bucket = load_bucket(&directory).map_err(Error::io("load", &directory))?;
            loaded.push((name, bucket));
        }
        Ok(loaded)
    }

    /// Creates a bucket whose name is free and valid: first aside, then in one rename.
    pub(crate) fn create_bucket(&self, name: &str) -> io::Result<Bucket> {
        let staged = self.layout.staged();
        let target = self.layout.bucket(name);
        let record = BucketRecord { created: Moment::now(), versioning: Versioning::Unset };
        create_directory(&path::objects(&staged))?;
        record.write(&staged, self.layout.staged())?;
        fs::rename(&staged, &target)?;
        sync_directory(&self.layout.buckets())?;
        Ok(Bucket::new(target, record))
    }

    /// Marks the directory as one that may hold versions, so that no program which does not know them takes the oldest
    /// version of an object for the object.
    pub(crate) fn admit_versions(&self) -> io::Result<()> {
        let path = self.layout.format();
        if fs::read_to_string(&path)? == FORMAT_WITH_VERSIONS {
            return Ok(());
        }
        write_small(self.layout.staged(), &path, FORMAT_WITH_VERSIONS.as_bytes())
    }
}

fn create_root(root: &Path) -> Result<(), Error> {
    if root.is_dir() {
        return Ok(());
    }
    create_directory(root).map_err(Error::io("create", root))?;
    // A parent we may not read cannot be synced; the system will write it in its own time.
    if let Some(parent) = root.parent() {
        let _ = sync_directory(parent);
    }
    Ok(())
}

fn bucket_name(directory: &Path) -> Option<String> {
    let name = directory.file_name()?.to_str()?;
    (s3s::path::check_bucket_name(name) && directory.is_dir()).then(|| name.to_owned())
}

fn load_bucket(directory: &Path) -> io::Result<Bucket> {
    Bucket::load(directory.to_owned(), BucketRecord::read(directory)?)
}

/// A directory with other contents is somebody's, and sweeping or filling it would be rude. Our own names are fine without
/// a format, because a crash may have come before it was written.
fn refuse_strangers(layout: &Layout) -> Result<(), Error> {
    let root = layout.root();
    if layout.format().exists() {
        return Ok(());
    }
    for entry in fs::read_dir(root).map_err(Error::io("list", root))? {
        let name = entry.map_err(Error::io("list", root))?.file_name();
        if !["lock", "staging", "buckets", "lost+found"].iter().any(|known| name == *known) {
            return Err(Error::ForeignDirectory { path: root.to_owned() });
        }
    }
    Ok(())
}

fn lock(layout: &Layout) -> Result<File, Error> {
    let path = layout.lock();
    let file =
        File::options().create(true).truncate(false).write(true).open(&path).map_err(Error::io("open", &path))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(Error::InUse { path: layout.root().to_owned() }),
        Err(TryLockError::Error(error)) => Err(Error::io("lock", &path)(error)),
    }
}

fn check_format(layout: &Layout) -> Result<(), Error> {
    let path = layout.format();
    match fs::read_to_string(&path) {
        Ok(found) if found == FORMAT || found == FORMAT_WITH_VERSIONS => Ok(()),
        Ok(found) => Err(Error::UnknownFormat { path: layout.root().to_owned(), found: found.trim().to_owned() }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            write_small(layout.staged(), &path, FORMAT.as_bytes()).map_err(Error::io("write", &path))
        }
        Err(error) => Err(Error::io("read", &path)(error)),
    }
}

/// Removes what uploads and bucket removals left behind when the process ended.
fn sweep(staging: &Path) -> io::Result<()> {
    for entry in fs::read_dir(staging)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            fs::remove_dir_all(entry.path())?;
        } else {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}
