//! The tables, and how rows of records are called, so that those of an upload, and those of a part, stand beside each other.
//!
//! What is in them, and when they are written, is not known here.

use redb::TableDefinition;

use super::super::{Attempt, StateError, UploadName};
use super::file::trouble;

/// Uploads by name, as JSON.
pub(super) const UPLOADS: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("uploads 2");
/// Sealed records by `name/attempt`.
pub(super) const RECORDS: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("records 2");

pub(super) type ReadOnly = redb::ReadOnlyTable<&'static str, &'static [u8]>;
pub(super) type Table<'a> = redb::Table<'a, &'static str, &'static [u8]>;

/// The tables of a write.
pub(super) struct Tables<'a> {
    pub(super) uploads: Table<'a>,
    pub(super) records: Table<'a>,
}

impl Tables<'_> {
    /// The attempts at the parts of an upload, or at one of them.
    pub(super) fn attempts(&self, name: &UploadName, part: u16) -> Result<Vec<Attempt>, StateError> {
        let (first, last) = parts(name, part, part);
        attempts(&self.records, &first, &last)
    }
}

/// Stands among the attempts for what is noted of the upload itself: before its first part.
pub(super) fn note() -> Attempt {
    Attempt::begin(0, 0, [0; 16])
}

pub(super) fn record_name(name: &UploadName, attempt: &Attempt) -> String {
    format!("{}/{attempt}", name.as_str())
}

pub(super) fn held(name: &UploadName, attempt: &Attempt) -> String {
    format!("{}-{}", name.as_str(), attempt.held_name())
}

/// The first and the last name that records of these parts can have.
pub(super) fn parts(name: &UploadName, from: u16, to: u16) -> (String, String) {
    (format!("{}/{from:05}", name.as_str()), format!("{}/{to:05}~", name.as_str()))
}

pub(super) fn attempts(
    table: &impl redb::ReadableTable<&'static str, &'static [u8]>,
    first: &str,
    last: &str,
) -> Result<Vec<Attempt>, StateError> {
    let entries = table.range::<&str>(first..=last).map_err(trouble)?;
    entries
        .map(|entry| {
            let (name, _) = entry.map_err(trouble)?;
            let attempt = name.value().split_once('/').and_then(|(_, attempt)| Attempt::parse(attempt));
            attempt.ok_or_else(|| StateError::failed("a record without an attempt"))
        })
        .collect()
}
