//! The open store: its buckets by name, and how its work gets off the asynchronous threads.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use s3s::config::{S3Config, StaticConfigProvider};
use s3s::service::S3ServiceBuilder;
use s3s::{S3Error, S3ErrorCode, S3Result, s3_error};

use crate::bucket::Bucket;
use crate::commit::sync_directory;
use crate::error::{Error, disk};
use crate::path::Layout;
use crate::root::Root;
use crate::service::Service;
use crate::version::Versioning;

/// S3 over one directory. Clones share the directory, which is released when the last of them is gone.
#[derive(Debug, Clone)]
pub struct DirectoryStore {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    root: Root,
    buckets: RwLock<BTreeMap<String, Arc<Bucket>>>,
    /// Serialises creation and removal of buckets, so that the map is never locked during disk work.
    changing: Mutex<()>,
}

impl DirectoryStore {
    /// Opens a directory, creating it if need be, and reads the record of every object in it.
    ///
    /// Blocks: call it before the runtime has other work, or from a blocking thread.
    ///
    /// # Errors
    /// When another process has the directory open, when it holds something else or a format of another version, and
    /// when the file system refuses.
    pub fn open(root: impl Into<PathBuf>) -> Result<Self, Error> {
        let root = Root::claim(Layout::new(root.into()))?;
        let buckets = root.load()?.into_iter().map(|(name, bucket)| (name, Arc::new(bucket))).collect();
        let inner = Inner { root, buckets: RwLock::new(buckets), changing: Mutex::new(()) };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// The store as an HTTP service **without authentication**: for use in process only. Whoever wants to listen on a
    /// network builds a service of their own around the store, with credentials.
    pub fn service(self) -> Service {
        let mut builder = S3ServiceBuilder::new(self);
        builder.set_config(Arc::new(StaticConfigProvider::new(Arc::new(Self::config()))));
        Service::new(builder.build())
    }

    /// The settings a service around this store needs.
    pub fn config() -> S3Config {
        let mut config = S3Config::default();
        // S3 stops a PUT at 5 GiB; what arrives here may be more than what its sender was allowed to send.
        config.put_object_max_size = None;
        // `x-id` would outrank the sub-resource: `PUT ?tagging&x-id=PutObject` would overwrite an object with its tags.
        config.operation_id_routing = false;
        config
    }

    pub(crate) fn layout(&self) -> &Layout {
        &self.inner.root.layout
    }

    pub(crate) fn bucket(&self, name: &str) -> S3Result<Arc<Bucket>> {
        self.buckets().get(name).cloned().ok_or_else(|| s3_error!(NoSuchBucket))
    }

    pub(crate) fn buckets(&self) -> RwLockReadGuard<'_, BTreeMap<String, Arc<Bucket>>> {
        self.inner.buckets.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Blocks.
    pub(crate) fn add_bucket(&self, name: &str) -> S3Result<()> {
        if !s3s::path::check_bucket_name(name) {
            return Err(s3_error!(InvalidBucketName));
        }
        let _changing = self.inner.changing.lock().unwrap_or_else(PoisonError::into_inner);
        if self.buckets().contains_key(name) {
            return Err(s3_error!(BucketAlreadyOwnedByYou));
        }
        let bucket = self.inner.root.create_bucket(name).map_err(disk("create a bucket"))?;
        self.buckets_mut().insert(name.to_owned(), Arc::new(bucket));
        Ok(())
    }

    /// Blocks.
    pub(crate) fn remove_bucket(&self, name: &str) -> S3Result<()> {
        let _changing = self.inner.changing.lock().unwrap_or_else(PoisonError::into_inner);
        let bucket = self.bucket(name)?;
        let grave = self.layout().staged();
        bucket.bury(&grave)?;
        self.buckets_mut().remove(name);
        sync_directory(&self.layout().buckets()).map_err(disk("sync a directory"))?;
        if let Err(error) = fs::remove_dir_all(&grave) {
            tracing::warn!(%error, "a removed bucket's directory is left for the next start to sweep");
        }
        Ok(())
    }

    /// Blocks.
    pub(crate) fn set_versioning(&self, name: &str, versioning: Versioning) -> S3Result<()> {
        // Serialised with other changes, because the directory's format is changed with the first bucket.
        let _changing = self.inner.changing.lock().unwrap_or_else(PoisonError::into_inner);
        let bucket = self.bucket(name)?;
        self.inner.root.admit_versions().map_err(disk("write the store's format"))?;
        bucket.set_versioning(versioning, self.layout().staged())
    }

    fn buckets_mut(&self) -> RwLockWriteGuard<'_, BTreeMap<String, Arc<Bucket>>> {
        self.inner.buckets.write().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Runs disk work where it may block. The work goes on even if nobody waits for it any more.
pub(crate) async fn blocking<T: Send + 'static>(work: impl FnOnce() -> S3Result<T> + Send + 'static) -> S3Result<T> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(error) => Err(S3Error::with_source(S3ErrorCode::InternalError, Box::new(error))),
    }
}
