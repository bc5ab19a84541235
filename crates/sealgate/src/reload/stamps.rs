//! Whether files have changed, told by their metadata.
//!
//! Looks at files again and again in place of being told: what tells (inotify) sees nothing of a change on NFS or behind a bind
//! mount, and of the exchange of a symbolic link only when each folder on the way is watched. A look follows every link, costs
//! some microseconds and is the same everywhere. Contents are not its business.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt as _;
use std::path::PathBuf;
use std::time::Duration;

use tokio::task::spawn_blocking;

/// Between two looks at files that are being changed: who writes several of them, or one in place, is given time to finish.
const SETTLING: Duration = Duration::from_millis(500);

/// So often at most: files that never rest are read as they are.
const LOOKS: u32 = 20;

/// What is known of one file. The time of the last change of its inode shows what else would stay unseen: permissions, and
/// contents under an old time.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Stamp {
    There { device: u64, inode: u64, len: u64, modified: (i64, i64), changed: (i64, i64) },
    Absent(ErrorKind),
}

/// Files, each as it was when it was looked at.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Stamps(BTreeMap<PathBuf, Stamp>);

impl Stamps {
    /// Looks at files. They need not exist.
    pub(crate) fn of(files: impl IntoIterator<Item = PathBuf>) -> Self {
        let stamp = |path: PathBuf| {
            let stamp = match std::fs::metadata(&path) {
                Ok(found) => Stamp::There {
                    device: found.dev(),
                    inode: found.ino(),
                    len: found.len(),
                    modified: (found.mtime(), found.mtime_nsec()),
                    changed: (found.ctime(), found.ctime_nsec()),
                },
                Err(error) => Stamp::Absent(error.kind()),
            };
            (path, stamp)
        };
        Self(files.into_iter().map(stamp).collect())
    }

    /// The same, and these. Of files in both the earlier look counts, so that no change between the two is missed.
    pub(crate) fn and(mut self, others: Self) -> Self {
        for (path, stamp) in others.0 {
            self.0.entry(path).or_insert(stamp);
        }
        self
    }

    /// Which files these are.
    pub(crate) fn files(&self) -> impl Iterator<Item = PathBuf> {
        self.0.keys().cloned()
    }

    /// Returns when one of the files has changed and all have come to rest. `every`: how often to look; never when `None`.
    pub(crate) async fn changed(&self, every: Option<Duration>) {
        let Some(every) = every else { return std::future::pending().await };
        loop {
            tokio::time::sleep(every).await;
            let mut seen = self.again().await;
            if seen == *self {
                continue;
            }
            for _ in 0..LOOKS {
                tokio::time::sleep(every.min(SETTLING)).await;
                let before = std::mem::replace(&mut seen, self.again().await);
                if before == seen {
                    break;
                }
            }
            return;
        }
    }

    /// Another look at the same files, on a thread that may wait: a server of files that does not answer must not hold up requests.
    pub(crate) async fn again(&self) -> Self {
        let files: Vec<PathBuf> = self.files().collect();
        // A look that failed altogether has seen no change.
        spawn_blocking(|| Self::of(files)).await.unwrap_or_else(|_| self.clone())
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::{PermissionsExt as _, symlink};
    use std::path::Path;

    use super::*;

    fn stamps(path: &Path) -> Stamps {
        Stamps::of([path.to_owned()])
    }

    #[test]
    fn every_way_to_change_a_file_is_seen() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        let mut seen = vec![stamps(&path)];
        let mut look = |what: &str| {
            let now = stamps(&path);
            assert!(!seen.contains(&now), "{what} was not seen");
            seen.push(now);
        };
        fs::write(&path, "one").unwrap();
        look("a file that was made");
        fs::write(&path, "longer").unwrap();
        look("another length");
        fs::write(folder.path().join("new"), "shorte").unwrap();
        fs::rename(folder.path().join("new"), &path).unwrap();
        look("another file under the name");
        let times = fs::metadata(&path).unwrap().modified().unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o400)).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().modified().unwrap(), times);
        look("other permissions");
        fs::remove_file(&path).unwrap();
        assert_eq!(stamps(&path), seen[0]);
    }

    #[test]
    fn a_link_on_the_way_may_be_exchanged() {
        let folder = tempfile::tempdir().unwrap();
        let inside = |name: &str| folder.path().join(name);
        for version in ["..1", "..2"] {
            fs::create_dir(inside(version)).unwrap();
            fs::write(inside(version).join("key"), "same length").unwrap();
        }
        symlink("..1", inside("..data")).unwrap();
        symlink("..data/key", inside("key")).unwrap();
        let before = stamps(&inside("key"));
        symlink("..2", inside("..data_tmp")).unwrap();
        fs::rename(inside("..data_tmp"), inside("..data")).unwrap();
        assert_ne!(stamps(&inside("key")), before);
    }

    #[tokio::test]
    async fn changes_are_told_when_they_are_over_and_the_first_look_counts() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        let first = stamps(&path);
        fs::write(&path, "one").unwrap();
        let both = first.and(stamps(&path));
        both.changed(Some(Duration::from_millis(1))).await;
        let quiet = stamps(&path);
        let quiet =
            tokio::time::timeout(Duration::from_millis(50), quiet.changed(Some(Duration::from_millis(1)))).await;
        assert!(quiet.is_err(), "nothing had changed");
    }
}
