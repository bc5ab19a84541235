//! The file that lets long work go on where it was ended: by a signal, by a kill, by a power cut.
//!
//! It says how far a walk came and what failed on the way. It is only written whole, and losing it costs time and nothing else: all
//! long work may be done again over what is done already.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, anyhow};
use serde::{Deserialize, Serialize};

use crate::failure::Failure;
use crate::files;

/// Failures that are remembered; behind more than this a walk does not go on.
pub(crate) const MAX_FAILED: usize = 10_000;

/// How old the file may be while work is under way.
const EVERY: Duration = Duration::from_secs(1);

/// What the file says.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Position {
    /// What was asked for: a checkpoint is of one task.
    pub(crate) task: String,
    /// Everything up to this key was looked at.
    pub(crate) after: Option<String>,
    /// What failed among that, as key and version.
    pub(crate) failed: Vec<(String, Option<String>)>,
}

/// The file, if there is to be one.
pub(crate) struct Checkpoint {
    path: Option<PathBuf>,
    written: Instant,
}

impl Checkpoint {
    /// Reads where earlier work at `task` ended; the beginning when there is no file.
    pub(crate) fn open(path: Option<&Path>, task: &str) -> Result<(Self, Position), Failure> {
        let checkpoint = Self { path: path.map(Path::to_owned), written: Instant::now() };
        let start = Position { task: task.to_owned(), ..Position::default() };
        let Some(path) = path else { return Ok((checkpoint, start)) };
        let text = match std::fs::read(path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok((checkpoint, start)),
            Err(error) => return Err(Failure::Settings(anyhow!("cannot read {}: {error}", path.display()))),
        };
        let found: Position = serde_json::from_slice(&text)
            .with_context(|| format!("{} is no checkpoint", path.display()))
            .map_err(Failure::Settings)?;
        if found.task != task {
            let (path, other) = (path.display(), found.task);
            return Err(Failure::Settings(anyhow!(
                "{path} is the checkpoint of another task: {other}; this one is: {task}"
            )));
        }
        Ok((checkpoint, found))
    }

    /// Writes the file if it is old.
    pub(crate) fn refresh(&mut self, position: impl FnOnce() -> Position) -> anyhow::Result<()> {
        if self.path.is_none() || self.written.elapsed() < EVERY {
            return Ok(());
        }
        self.write(&position())
    }

    /// Writes the file.
    pub(crate) fn write(&mut self, position: &Position) -> anyhow::Result<()> {
        let Some(path) = &self.path else { return Ok(()) };
        files::replace(path, &serde_json::to_vec(position)?)?;
        self.written = Instant::now();
        Ok(())
    }

    /// Removes the file: everything is done.
    pub(crate) fn finish(self) -> anyhow::Result<()> {
        let Some(path) = self.path else { return Ok(()) };
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(error).with_context(|| format!("cannot remove {}", path.display()))
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_is_read_by_the_same_task_only() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("checkpoint");
        let (mut checkpoint, mut position) = Checkpoint::open(Some(&path), "rewrap s3://b/").unwrap();
        assert_eq!(position.after, None);
        position.after = Some("k".into());
        position.failed.push(("a".into(), Some("v".into())));
        checkpoint.write(&position).unwrap();
        let (checkpoint, found) = Checkpoint::open(Some(&path), "rewrap s3://b/").unwrap();
        assert_eq!(found, position);
        assert!(matches!(Checkpoint::open(Some(&path), "verify s3://b/"), Err(Failure::Settings(_))));
        checkpoint.finish().unwrap();
        assert!(!path.exists());
    }

    #[test]
    fn another_file_is_not_taken_for_one_and_not_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("checkpoint");
        std::fs::write(&path, "{}").unwrap();
        assert!(matches!(Checkpoint::open(Some(&path), "t"), Err(Failure::Settings(_))));
        assert_eq!(std::fs::read(&path).unwrap(), b"{}");
    }
}
