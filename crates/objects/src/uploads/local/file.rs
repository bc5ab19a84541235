//! The file of records as a file: made for its owner alone, looked through for damage, set aside when it is damaged.

use std::collections::HashSet;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use redb::{Database, ReadableTable as _};

use super::{RECORDS, UPLOADS};
use crate::uploads::spool::no_room;
use crate::uploads::{Attempt, StateError};

/// Opens a file, or makes it, looks whether all of it is sound, and names every file of held bytes that there should be.
pub(super) fn open(path: &Path) -> Result<(Database, HashSet<String>), redb::Error> {
    let look = || {
        let mut options = std::fs::OpenOptions::new();
        let file = options.read(true).write(true).create(true).truncate(false).mode(0o600).open(path)?;
        let mut database = Database::builder().create_file(file)?;
        database.check_integrity()?;
        let known = prepare(&database)?;
        Ok((database, known))
    };
    // Some damage redb meets with a panic.
    let looked = std::panic::catch_unwind(look);
    looked.unwrap_or_else(|_| Err(redb::Error::Corrupted("its pages make no sense".to_owned())))
}

/// Makes the tables, and names every file of held bytes that there should be.
pub(super) fn prepare(database: &Database) -> Result<HashSet<String>, redb::Error> {
    let transaction = database.begin_write()?;
    transaction.open_table(UPLOADS)?;
    let mut known = HashSet::new();
    for entry in transaction.open_table(RECORDS)?.iter()? {
        let (record, _) = entry?;
        let held = record
            .value()
            .split_once('/')
            .and_then(|(name, attempt)| Some(format!("{name}-{}", Attempt::parse(attempt)?.held_name())));
        known.extend(held);
    }
    transaction.commit()?;
    Ok(known)
}

/// What a failure of the file means.
pub(super) fn trouble(error: impl Into<redb::Error>) -> StateError {
    match error.into() {
        // A commit that failed half-way is called damage until the file is opened again, which repairs it.
        redb::Error::PreviousIo | redb::Error::DatabaseClosed | redb::Error::Corrupted(_) => StateError::Closed,
        redb::Error::Io(error) => no_room(error),
        error => StateError::failed(error),
    }
}

/// Whether the file itself is at fault, so that another one would do.
pub(super) fn is_damage(error: &redb::Error) -> bool {
    use std::io::ErrorKind::{InvalidData, UnexpectedEof};
    match error {
        redb::Error::Corrupted(_) | redb::Error::UpgradeRequired(_) | redb::Error::RepairAborted => true,
        redb::Error::Io(error) => matches!(error.kind(), InvalidData | UnexpectedEof),
        _ => false,
    }
}

pub(super) fn set_aside(path: &Path, error: &redb::Error) -> Result<(), StateError> {
    let aside = PathBuf::from(format!("{}.damaged", path.display()));
    std::fs::rename(path, &aside).map_err(|error| unusable(path, &error))?;
    tracing::warn!(
        file = %path.display(), set_aside_as = %aside.display(), cause = %error,
        "the file of unfinished multipart uploads is damaged and was set aside; clients begin unfinished uploads again",
    );
    Ok(())
}

pub(super) fn unusable(path: &Path, error: &dyn std::fmt::Display) -> StateError {
    StateError::Failed(format!(
        "{}: {error}. Another Sealgate may be using it; otherwise it may be deleted, which loses unfinished uploads only",
        path.display()
    ))
}
