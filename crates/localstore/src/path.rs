//! Where things lie on disk: keys become hashes here and are never used as paths.

use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::version::Version;

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
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Address {
    shard: u8,
    name: String,
}

impl Address {
    pub(crate) fn of(key: &str) -> Self {
        let digest = Sha256::digest(key.as_bytes());
        Self { shard: digest[0], name: hex::encode(&digest[1..]) }
    }

    /// The address of the key whose version or tags lie in a file.
    pub(crate) fn of_file(file: &Path) -> Option<Self> {
        let shard = file.parent()?.file_name()?.to_str()?;
        let (name, _) = file.file_name()?.to_str()?.split_at_checked(2 * 31)?;
        Some(Self { shard: u8::from_str_radix(shard, 16).ok()?, name: name.to_owned() })
    }

    pub(crate) fn shard(&self) -> usize {
        usize::from(self.shard)
    }

    /// The directory that holds the object's file.
    pub(crate) fn directory(&self, bucket: &Path) -> PathBuf {
        shard(bucket, self.shard())
    }

    /// The file of one version of the object. Before the bucket keeps versions it is the hash alone.
    pub(crate) fn file(&self, bucket: &Path, version: Version) -> PathBuf {
        let directory = self.directory(bucket);
        if version == Version::FIRST {
            directory.join(&self.name)
        } else {
            directory.join(format!("{}.{version}", self.name))
        }
    }

    /// The file of a version's tags, if they were set after it was written.
    pub(crate) fn tags_file(&self, bucket: &Path, version: Version) -> PathBuf {
        let mut file = self.file(bucket, version).into_os_string();
        file.push(".tags");
        file.into()
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
            let file = Address::of(key).file(bucket, Version::FIRST);
            let rest = file.strip_prefix("/store/buckets/b/objects").unwrap().to_str().unwrap();
            assert_eq!(rest.len(), 2 + 1 + 62, "{rest}");
            assert!(rest.bytes().all(|byte| byte == b'/' || byte.is_ascii_hexdigit()));
        }
    }

    #[test]
    fn a_key_and_the_keys_below_it_have_different_files() {
        let bucket = Path::new("b");
        let file = |key| Address::of(key).file(bucket, Version::FIRST);
        assert_ne!(file("a"), file("a/"));
        assert_ne!(file("a/b"), file("a//b"));
    }

    #[test]
    fn a_version_and_its_tags_lie_beside_each_other() {
        let (bucket, address) = (Path::new("b"), Address::of("a"));
        let version = Version::parse("00000000000000a1").unwrap();
        assert_eq!(Address::of_file(&address.tags_file(bucket, version)), Some(address.clone()));
        let plain = address.file(bucket, Version::FIRST);
        assert_eq!(address.tags_file(bucket, Version::FIRST), plain.with_extension("tags"));
        assert_eq!(address.file(bucket, version), plain.with_extension("00000000000000a1"));
        assert_eq!(address.tags_file(bucket, version), plain.with_extension("00000000000000a1.tags"));
    }
}
