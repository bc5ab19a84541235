//! Where things lie on disk: keys become hashes here and are never used as paths.

use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

/// How many directories the objects of a bucket are spread over.
pub(crate) const SHARDS: usize = 256;

/// The fixed places under the root.
#[derive(Debug, Clone)]
pub(crate) struct Layout {
    root: PathBuf,
}

impl Layout {
    pub(crate) fn new(root: PathBuf) -> Self {
        Self { root }
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    pub(crate) fn format(&self) -> PathBuf {
        self.root.join("format")
    }

    pub(crate) fn lock(&self) -> PathBuf {
        self.root.join("lock")
    }

    pub(crate) fn staging(&self) -> PathBuf {
        self.root.join("staging")
    }

    pub(crate) fn buckets(&self) -> PathBuf {
        self.root.join("buckets")
    }

    /// A fresh name in the staging directory.
    pub(crate) fn staged(&self) -> PathBuf {
        self.staging().join(uuid::Uuid::new_v4().simple().to_string())
    }

    /// The directory of a bucket, whose name has been validated: it then contains no separator and no `..`.
    pub(crate) fn bucket(&self, name: &str) -> PathBuf {
        self.buckets().join(name)
    }
}

/// The file that says when a bucket was created.
pub(crate) fn bucket_record(bucket: &Path) -> PathBuf {
    bucket.join("bucket.json")
}

/// The directory above a bucket's shards.
pub(crate) fn objects(bucket: &Path) -> PathBuf {
    bucket.join("objects")
}

/// The directory of a bucket's unfinished uploads, one directory each.
pub(crate) fn uploads(bucket: &Path) -> PathBuf {
    bucket.join("uploads")
}

/// The file that says what an unfinished upload is to become.
pub(crate) fn upload_record(upload: &Path) -> PathBuf {
    upload.join("upload.json")
}

/// The file of one part.
pub(crate) fn part(upload: &Path, number: u16) -> PathBuf {
    upload.join(format!("{number:05}"))
}

/// Where one key lives inside its bucket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Address {
    shard: u8,
    name: String,
}

impl Address {
    pub(crate) fn of(key: &str) -> Self {
        let digest = Sha256::digest(key.as_bytes());
        Self { shard: digest[0], name: hex::encode(&digest[1..]) }
    }

    pub(crate) fn shard(&self) -> usize {
        usize::from(self.shard)
    }

    /// The directory that holds the object's file.
    pub(crate) fn directory(&self, bucket: &Path) -> PathBuf {
        shard(bucket, self.shard())
    }

    /// The object's file.
    pub(crate) fn file(&self, bucket: &Path) -> PathBuf {
        self.directory(bucket).join(&self.name)
    }

    /// The file of the object's tags, if they were set after it was written.
    pub(crate) fn tags_file(&self, bucket: &Path) -> PathBuf {
        self.file(bucket).with_extension("tags")
    }
}

/// The directory of one shard.
pub(crate) fn shard(bucket: &Path, number: usize) -> PathBuf {
    objects(bucket).join(format!("{number:02x}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_never_part_of_its_path() {
        let bucket = Path::new("/store/buckets/b");
        for key in ["../../etc/passwd", "/", "a//b/", "\u{0}\n", "ключ", &"k".repeat(1024)] {
            let file = Address::of(key).file(bucket);
            let rest = file.strip_prefix("/store/buckets/b/objects").unwrap().to_str().unwrap();
            assert_eq!(rest.len(), 2 + 1 + 62, "{rest}");
            assert!(rest.bytes().all(|byte| byte == b'/' || byte.is_ascii_hexdigit()));
        }
    }

    #[test]
    fn a_key_and_the_keys_below_it_have_different_files() {
        let bucket = Path::new("b");
        assert_ne!(Address::of("a").file(bucket), Address::of("a/").file(bucket));
        assert_ne!(Address::of("a/b").file(bucket), Address::of("a//b").file(bucket));
    }
}
