//! Held bytes in files of their own, streamed both ways, up to a limit for all of them together.
//!
//! Knows names and bytes; which of them belong to what is its owner's business.

use std::collections::HashSet;
use std::io::{self, SeekFrom};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::BytesMut;
use http_body_util::BodyExt as _;
use tokio::fs::{File, OpenOptions};
use tokio::io::{AsyncReadExt as _, AsyncSeekExt as _, AsyncWriteExt as _};

use super::StateError;
use crate::store::{self, Body};

/// All held parts together may take so many bytes if nothing else is said: a last part for each of 2,000 uploads in parts of 8 MiB,
/// or three of 5 GiB. Of a sealed upload one part is held back, rarely a second one; of one in Amazon's formats what waits for parts
/// before it. So who comes here has left uploads behind, which the sweep will find, or is faster than the store.
const HELD_LIMIT: u64 = 16 * 1024 * 1024 * 1024;

/// Bytes read at once.
const PIECE: usize = 256 * 1024;

/// A folder of held bytes.
#[derive(Clone)]
pub(super) struct Spool {
    folder: Arc<PathBuf>,
    held: Arc<AtomicU64>,
    limit: u64,
}

impl Spool {
    /// Opens a folder or makes it, and removes every file in it that `known` does not name.
    pub(super) fn open(folder: &Path, known: &HashSet<String>) -> io::Result<Self> {
        use std::os::unix::fs::DirBuilderExt as _;
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        let mut held = 0;
        for entry in std::fs::read_dir(folder)? {
            let entry = entry?;
            if entry.file_name().to_str().is_some_and(|name| known.contains(name)) {
                held += entry.metadata()?.len();
            } else {
                std::fs::remove_file(entry.path())?;
            }
        }
        Ok(Self { folder: Arc::new(folder.to_owned()), held: Arc::new(AtomicU64::new(held)), limit: HELD_LIMIT })
    }

    /// The same, with room for `limit` bytes.
    pub(super) fn with_limit(self, limit: u64) -> Self {
        Self { limit, ..self }
    }

    /// Whether a part that waits for others may be held: a quarter of the room is kept for those it waits for.
    pub(super) fn check_room_to_wait(&self, len: u64) -> Result<(), StateError> {
        let held = self.held.load(Ordering::Relaxed);
        let fits = held.checked_add(len).is_some_and(|held| held <= self.limit - self.limit / 4);
        if fits { Ok(()) } else { Err(self.full(held)) }
    }

    fn full(&self, held: u64) -> StateError {
        StateError::Full(format!(
            "the data directory holds back {held} bytes of parts of unfinished uploads, and {} is the limit; complete or abort some, \
             send parts in their order, or raise held_parts_mib under [limits]",
            self.limit
        ))
    }

    /// Writes a body to a new file. It is on disk when this returns, and gone when it fails.
    pub(super) async fn write(&self, name: &str, body: Body, len: u64) -> Result<(), StateError> {
        let room = Room::take(self, name, len)?;
        write(&self.folder.join(name), &self.folder, body, len).await?;
        room.fill();
        Ok(())
    }

    /// Some bytes of a file; `None` when there is no such file.
    pub(super) async fn read(&self, name: &str, range: Range<u64>) -> Result<Option<Body>, StateError> {
        let mut file = match File::open(self.folder.join(name)).await {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(StateError::failed(error)),
        };
        file.seek(SeekFrom::Start(range.start)).await.map_err(StateError::failed)?;
        let left = range.end.saturating_sub(range.start);
        let pieces = futures::stream::try_unfold(file.take(left), |mut file| async move {
            let mut piece = BytesMut::with_capacity(PIECE);
            let count = file.read_buf(&mut piece).await?;
            Ok((count > 0).then(|| (piece.freeze(), file)))
        });
        Ok(Some(store::sized(left, pieces)))
    }

    /// Removes files; those that are not there are none's loss.
    pub(super) fn remove(&self, names: &[String]) {
        for name in names {
            let path = self.folder.join(name);
            let len = std::fs::metadata(&path).map_or(0, |file| file.len());
            match std::fs::remove_file(&path) {
                Ok(()) => drop(self.held.fetch_sub(len, Ordering::Relaxed)),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => tracing::warn!(%error, "held bytes could not be removed; the next start will"),
            }
        }
    }
}

async fn write(path: &Path, folder: &Path, mut body: Body, len: u64) -> Result<(), StateError> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).await.map_err(no_room)?;
    let mut left = len;
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(StateError::failed)?;
        let Ok(data) = frame.into_data() else { continue };
        left = left.checked_sub(data.len() as u64).ok_or_else(|| StateError::failed("more bytes than announced"))?;
        file.write_all(&data).await.map_err(no_room)?;
    }
    if left > 0 {
        return Err(StateError::failed("fewer bytes than announced"));
    }
    file.flush().await.map_err(no_room)?;
    file.sync_all().await.map_err(no_room)?;
    // Its name too.
    File::open(folder).await.map_err(StateError::failed)?.sync_all().await.map_err(StateError::failed)
}

pub(super) fn no_room(error: io::Error) -> StateError {
    if matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded) {
        return StateError::Full(format!("there is no room in the data directory to hold back a part: {error}"));
    }
    StateError::failed(error)
}

/// Room that was reserved for a file. Given back, with what there is of the file, when nobody fills it: the body may fail, and a
/// client that hangs up drops whoever is writing.
struct Room<'a> {
    spool: &'a Spool,
    path: PathBuf,
    len: u64,
    filled: bool,
}

impl<'a> Room<'a> {
    fn take(spool: &'a Spool, name: &str, len: u64) -> Result<Self, StateError> {
        let more = |held: u64| held.checked_add(len).filter(|held| *held <= spool.limit);
        match spool.held.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more) {
            Ok(_) => Ok(Self { spool, path: spool.folder.join(name), len, filled: false }),
            Err(held) => Err(spool.full(held)),
        }
    }

    fn fill(mut self) {
        self.filled = true;
    }
}

impl Drop for Room<'_> {
    fn drop(&mut self) {
        if !self.filled {
            // It may never have been made.
            let _ = std::fs::remove_file(&self.path);
            self.spool.held.fetch_sub(self.len, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stream;

    fn spool(limit: u64) -> (tempfile::TempDir, Spool) {
        let directory = tempfile::tempdir().unwrap();
        let spool = Spool { limit, ..Spool::open(&directory.path().join("held"), &HashSet::new()).unwrap() };
        (directory, spool)
    }

    #[tokio::test]
    async fn what_is_written_is_read_in_pieces() {
        let (_directory, spool) = spool(100);
        spool.write("a", store::full("0123456789"), 10).await.unwrap();
        let read = |range| {
            let spool = spool.clone();
            async move { stream::collect(spool.read("a", range).await.unwrap().unwrap(), 100).await.unwrap() }
        };
        assert_eq!((read(0..10).await, read(3..5).await), ("0123456789".into(), "34".into()));
        assert!(spool.read("b", 0..1).await.unwrap().is_none());
        let long = spool.read("a", 5..11).await.unwrap().unwrap();
        assert!(stream::collect(long, 100).await.is_err(), "there are not that many bytes");
    }

    #[tokio::test]
    async fn a_body_that_fails_leaves_nothing_and_takes_no_room() {
        let (directory, spool) = spool(10);
        let broken = store::stream(futures::stream::iter([Ok("0123".into()), Err("broken".into())]));
        assert!(spool.write("a", broken, 10).await.is_err());
        assert!(spool.write("a", store::full("short"), 10).await.is_err());
        assert!(spool.write("a", store::full("much too long"), 10).await.is_err());
        assert_eq!(std::fs::read_dir(directory.path().join("held")).unwrap().count(), 0);
        spool.write("a", store::full("0123456789"), 10).await.unwrap();
        assert!(matches!(spool.write("b", store::full("x"), 1).await, Err(StateError::Full(_))));
        spool.remove(&["a".into(), "never there".into()]);
        spool.write("b", store::full("x"), 1).await.unwrap();
    }

    #[tokio::test]
    async fn what_nobody_knows_is_removed_on_opening() {
        let (directory, spool) = spool(10);
        for name in ["known", "litter"] {
            spool.write(name, store::full("12345"), 5).await.unwrap();
        }
        let again = Spool::open(&directory.path().join("held"), &HashSet::from(["known".into()])).unwrap();
        assert_eq!(again.held.load(Ordering::Relaxed), 5);
        assert!(again.read("litter", 0..1).await.unwrap().is_none());
        assert!(again.read("known", 0..5).await.unwrap().is_some());
    }
}
