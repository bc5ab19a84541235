//! The versions of one key in memory: what LIST and write conditions ask about each, and which of them is the latest.
//!
//! A key with one version, as all are in a bucket that keeps none, costs no more than that version.

use crate::record::{Moment, Record};
use crate::tag::Tag;
use crate::version::{Version, Wanted};

/// What LIST says about one version of an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) content_len: u64,
    pub(crate) version: Version,
    pub(crate) modified: Moment,
    /// Absent for `STANDARD`.
    pub(crate) storage_class: Option<Box<str>>,
    pub(crate) etag: Tag,
    /// Whether this is no object, but the mark that the key was deleted.
    pub(crate) marker: bool,
    /// Whether it was put together from the parts of an upload.
    pub(crate) assembled: bool,
}

impl Entry {
    pub(crate) fn new(record: &Record, version: Version) -> Self {
        Self {
            content_len: record.content_len,
            version,
            modified: record.modified,
            storage_class: record.headers.get("x-amz-storage-class").map(|class| class.as_str().into()),
            etag: record.etag,
            marker: record.marker,
            assembled: record.multipart.is_some(),
        }
    }
}

/// The versions of a key: at least one, and at most one of them `null`.
#[derive(Debug)]
pub(crate) enum History {
    One(Entry),
    /// The oldest first, so that the latest is added and found at the end.
    Many(Vec<Entry>),
}

/// What became of a version that was to be added.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Added {
    Beside,
    /// This older `null` version was put aside, and its file is to go.
    Replacing(Version),
    /// There is a newer `null` version, and the file of the one given is to go.
    Not,
}

impl History {
    /// All versions, the oldest first.
    pub(crate) fn entries(&self) -> &[Entry] {
        match self {
            Self::One(entry) => std::slice::from_ref(entry),
            Self::Many(entries) => entries,
        }
    }

    pub(crate) fn latest(&self) -> Option<&Entry> {
        self.entries().last()
    }

    pub(crate) fn find(&self, wanted: Wanted) -> Option<&Entry> {
        let entries = self.entries();
        match wanted {
            Wanted::Latest => self.latest(),
            Wanted::Null => entries.iter().rev().find(|entry| entry.version.is_null()),
            Wanted::Named(version) => {
                entries.binary_search_by_key(&version, |entry| entry.version).ok().and_then(|at| entries.get(at))
            }
        }
    }

    /// The versions that are older than `behind`, the newest first.
    pub(crate) fn older_than(&self, behind: Option<Version>) -> impl Iterator<Item = &Entry> {
        let entries = self.entries();
        let end = behind.map_or(entries.len(), |behind| entries.partition_point(|entry| entry.version < behind));
        entries.iter().take(end).rev()
    }

    /// Adds a version in its place. Of two that are `null` the newer stays.
    pub(crate) fn add(&mut self, entry: Entry) -> Added {
        // An object of a bucket without versions, written again.
        if let Self::One(only) = self
            && only.version == entry.version
        {
            *only = entry;
            return Added::Beside;
        }
        let null = if entry.version.is_null() { self.find(Wanted::Null).map(|null| null.version) } else { None };
        if null.is_some_and(|null| null > entry.version) {
            return Added::Not;
        }
        self.change(|entries| {
            entries.retain(|old| Some(old.version) != null);
            let at = entries.partition_point(|old| old.version < entry.version);
            entries.insert(at, entry);
        });
        null.map_or(Added::Beside, Added::Replacing)
    }

    /// Removes a version, and tells whether any is left.
    pub(crate) fn remove(&mut self, version: Version) -> bool {
        self.change(|entries| entries.retain(|entry| entry.version != version));
        !self.entries().is_empty()
    }

    fn change(&mut self, change: impl FnOnce(&mut Vec<Entry>)) {
        let mut entries = match std::mem::replace(self, Self::Many(Vec::new())) {
            Self::One(entry) => vec![entry],
            Self::Many(entries) => entries,
        };
        change(&mut entries);
        *self = match entries.len() {
            1 => entries.pop().map_or(Self::Many(Vec::new()), Self::One),
            _ => Self::Many(entries),
        };
    }
}

impl From<Entry> for History {
    fn from(entry: Entry) -> Self {
        Self::One(entry)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(number: u64) -> Version {
        Version::parse(&format!("{number:016x}")).unwrap()
    }

    fn entry(number: u64) -> Entry {
        Entry::new(&Record::new("k".to_owned(), number), version(number))
    }

    fn numbers(history: &History) -> Vec<u64> {
        history.entries().iter().map(|entry| entry.content_len).collect()
    }

    #[test]
    fn versions_are_in_order_whatever_order_they_came_in() {
        let mut history = History::from(entry(5));
        for number in [9, 3, 7] {
            assert_eq!(history.add(entry(number)), Added::Beside);
        }
        assert_eq!(numbers(&history), [3, 5, 7, 9]);
        assert_eq!(history.latest().unwrap().content_len, 9);
        assert_eq!(history.find(Wanted::Named(version(5))).unwrap().content_len, 5);
        assert!(history.find(Wanted::Null).is_none());
        assert!(history.remove(version(9)) && history.remove(version(3)) && history.remove(version(5)));
        assert!(matches!(history, History::One(_)));
        assert!(!history.remove(version(7)));
        assert!(history.latest().is_none());
    }

    #[test]
    fn of_two_null_versions_the_newer_stays() {
        let mut history = History::from(entry(0));
        assert_eq!(history.add(entry(5)), Added::Beside);
        assert_eq!(history.add(entry(8)), Added::Replacing(version(0)));
        assert_eq!(history.add(entry(6)), Added::Not);
        assert_eq!(numbers(&history), [5, 8]);
        assert_eq!(history.find(Wanted::Null).unwrap().content_len, 8);
    }

    #[test]
    fn without_versions_a_write_takes_the_place_of_the_last() {
        let mut history = History::from(entry(0));
        assert_eq!(history.add(Entry { content_len: 4, ..entry(0) }), Added::Beside);
        assert_eq!(numbers(&history), [4]);
    }

    #[test]
    fn a_walk_goes_on_behind_a_version_that_is_gone() {
        let mut history = History::from(entry(3));
        history.add(entry(5));
        history.add(entry(9));
        let older = |behind| history.older_than(behind).map(|entry| entry.content_len).collect::<Vec<_>>();
        assert_eq!(older(None), [9, 5, 3]);
        assert_eq!(older(Some(version(9))), [5, 3]);
        assert_eq!(older(Some(version(7))), [5, 3]);
        assert_eq!(older(Some(version(3))), [0_u64; 0]);
    }
}
