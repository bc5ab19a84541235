//! The ordered index of a bucket's keys and their versions, in memory, and the walk over it that LIST needs.
//!
//! It holds what LIST and write conditions ask for and nothing else; content and headers stay on disk.

mod versions;

use std::collections::BTreeMap;
use std::collections::btree_map::Range;
use std::ops::Bound;

use crate::history::{Added, Entry, History};
use crate::version::{Version, Wanted};

pub(crate) use versions::{VersionItem, VersionPage};

/// Where a listing begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Position {
    Start,
    /// Behind a key, whether it exists or not.
    AfterKey(String),
    /// Behind everything that begins with a common prefix already listed.
    AfterPrefix(String),
}

/// One page to be listed.
#[derive(Debug)]
pub(crate) struct Query<'a> {
    pub(crate) prefix: &'a str,
    pub(crate) delimiter: Option<&'a str>,
    pub(crate) from: &'a Position,
    pub(crate) limit: usize,
}

/// An object, or all objects below a common prefix.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Item {
    Object(String, Entry),
    Prefix(String),
}

/// What a query found, in UTF-8 byte order.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Page {
    pub(crate) items: Vec<Item>,
    pub(crate) truncated: bool,
}

impl Page {
    /// Where the next page begins, if there is one.
    pub(crate) fn next(&self) -> Option<Position> {
        if !self.truncated {
            return None;
        }
        self.items.last().map(|item| match item {
            Item::Object(key, _) => Position::AfterKey(key.clone()),
            Item::Prefix(prefix) => Position::AfterPrefix(prefix.clone()),
        })
    }
}

/// All keys of a bucket in UTF-8 byte order. Bytes, not strings, so that "the first key behind this prefix" can be said.
#[derive(Debug, Default)]
pub(crate) struct Index {
    keys: BTreeMap<Box<[u8]>, History>,
}

impl Index {
    /// The object of a key; nothing if the latest version says that it was deleted.
    pub(crate) fn get(&self, key: &str) -> Option<&Entry> {
        self.find(key, Wanted::Latest).filter(|entry| !entry.marker)
    }

    /// A version of a key, which may say that it was deleted.
    pub(crate) fn find(&self, key: &str, wanted: Wanted) -> Option<&Entry> {
        self.keys.get(key.as_bytes())?.find(wanted)
    }

    /// All versions of a key, the newest first.
    pub(crate) fn history(&self, key: &str) -> impl Iterator<Item = &Entry> {
        self.keys.get(key.as_bytes()).into_iter().flat_map(|history| history.older_than(None))
    }

    pub(crate) fn insert(&mut self, key: &str, entry: Entry) -> Added {
        if let Some(history) = self.keys.get_mut(key.as_bytes()) {
            return history.add(entry);
        }
        self.keys.insert(key.as_bytes().into(), entry.into());
        Added::Beside
    }

    pub(crate) fn remove(&mut self, key: &str, version: Version) {
        if self.keys.get_mut(key.as_bytes()).is_some_and(|history| !history.remove(version)) {
            self.keys.remove(key.as_bytes());
        }
    }

    /// Whether there is nothing at all, not even an old version or a mark of a deletion.
    pub(crate) fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// One page of objects. Keys below a common prefix are skipped, not visited, so a page costs what it shows; only keys
    /// that were deleted and keep their versions are walked over.
    pub(crate) fn page(&self, query: &Query<'_>) -> Page {
        let mut page = Page::default();
        if query.limit == 0 {
            return page;
        }
        let mut walk = self.walk(&query.start());
        while let Some((key, history)) = walk.next() {
            if !key.starts_with(query.prefix.as_bytes()) {
                break;
            }
            let Some(entry) = history.latest().filter(|entry| !entry.marker) else { continue };
            if page.items.len() == query.limit {
                page.truncated = true;
                break;
            }
            let key = String::from_utf8_lossy(key);
            if let Some(common) = query.common_prefix(&key) {
                walk = self.walk(&Bound::Included(successor(common)));
                page.items.push(Item::Prefix(common.to_owned()));
            } else {
                page.items.push(Item::Object(key.into_owned(), entry.clone()));
            }
        }
        page
    }

    fn walk(&self, from: &Bound<Vec<u8>>) -> Range<'_, Box<[u8]>, History> {
        let from = from.as_ref().map(Vec::as_slice);
        self.keys.range::<[u8], _>((from, Bound::Unbounded))
    }
}

impl Query<'_> {
    /// The part of a key up to the first delimiter behind the prefix, if there is one.
    pub(crate) fn common_prefix<'k>(&self, key: &'k str) -> Option<&'k str> {
        let delimiter = self.delimiter?;
        let rest = key.strip_prefix(self.prefix)?;
        let at = rest.find(delimiter)?;
        key.get(..self.prefix.len() + at + delimiter.len())
    }

    fn start(&self) -> Bound<Vec<u8>> {
        let first = self.prefix.as_bytes().to_vec();
        match self.from {
            Position::AfterKey(key) if key.as_bytes() >= first.as_slice() => Bound::Excluded(key.clone().into_bytes()),
            Position::AfterPrefix(prefix) => Bound::Included(first.max(successor(prefix))),
            Position::Start | Position::AfterKey(_) => Bound::Included(first),
        }
    }
}

/// The smallest byte string behind everything that begins with `prefix`. No byte of UTF-8 is 0xFF, so the last one can
/// always be raised.
fn successor(prefix: &str) -> Vec<u8> {
    let mut bytes = prefix.as_bytes().to_vec();
    if let Some(last) = bytes.last_mut() {
        *last += 1;
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Record;

    fn entry() -> Entry {
        Entry::new(&Record::new("k".to_owned(), 1), Version::FIRST)
    }

    fn index(keys: &[&str]) -> Index {
        let mut index = Index::default();
        for key in keys {
            index.insert(key, entry());
        }
        index
    }

    fn names(page: &Page) -> Vec<&str> {
        page.items
            .iter()
            .map(|item| match item {
                Item::Object(name, _) | Item::Prefix(name) => name.as_str(),
            })
            .collect()
    }

    fn query<'a>(prefix: &'a str, delimiter: Option<&'a str>, from: &'a Position, limit: usize) -> Query<'a> {
        Query { prefix, delimiter, from, limit }
    }

    #[test]
    fn keys_come_in_utf8_byte_order() {
        let index = index(&["a", "b", "a/b", "a.b", "B", "é", "\u{10000}", "\u{ffff}"]);
        let page = index.page(&query("", None, &Position::Start, 100));
        assert_eq!(names(&page), ["B", "a", "a.b", "a/b", "b", "é", "\u{ffff}", "\u{10000}"]);
        assert_eq!(page.next(), None);
    }

    #[test]
    fn a_page_ends_behind_a_common_prefix_and_goes_on_after_it() {
        let index = index(&["a", "p/1", "p/2", "p0", "q"]);
        let first = index.page(&query("", Some("/"), &Position::Start, 2));
        assert_eq!(names(&first), ["a", "p/"]);
        let next = first.next().unwrap();
        assert_eq!(next, Position::AfterPrefix("p/".to_owned()));
        let second = index.page(&query("", Some("/"), &next, 2));
        assert_eq!(names(&second), ["p0", "q"]);
        assert!(!second.truncated);
    }

    #[test]
    fn a_delimiter_inside_the_prefix_does_not_count() {
        let index = index(&["a/b/c", "a/b/d/e", "a/c"]);
        let page = index.page(&query("a/b/", Some("/"), &Position::Start, 10));
        assert_eq!(names(&page), ["a/b/c", "a/b/d/"]);
    }

    #[test]
    fn a_start_before_the_prefix_is_the_prefix() {
        let index = index(&["a", "b/1", "b/2", "c"]);
        let from = Position::AfterKey("a".to_owned());
        assert_eq!(names(&index.page(&query("b/", None, &from, 10))), ["b/1", "b/2"]);
        let from = Position::AfterKey("c".to_owned());
        assert!(index.page(&query("b/", None, &from, 10)).items.is_empty());
    }

    #[test]
    fn a_page_of_nothing_is_not_truncated() {
        let page = index(&["a"]).page(&query("", None, &Position::Start, 0));
        assert_eq!(page, Page::default());
    }

    #[test]
    fn deleted_keys_are_neither_shown_nor_counted() {
        let mut index = index(&["a", "b/1", "b/2", "c/1", "d"]);
        let mark = |index: &mut Index, key: &str| {
            let version = Version::parse("00000000000000ff").unwrap();
            index.insert(key, Entry::new(&Record::deletion(key.to_owned()), version));
        };
        for key in ["a", "b/1", "c/1", "d"] {
            mark(&mut index, key);
        }
        let page = index.page(&query("", Some("/"), &Position::Start, 1));
        assert_eq!((names(&page), page.truncated), (vec!["b/"], false));
        assert!(index.get("a").is_none() && index.find("a", Wanted::Latest).is_some_and(|entry| entry.marker));
        index.remove("a", Version::parse("00000000000000ff").unwrap());
        assert!(index.get("a").is_some());
        index.remove("a", Version::FIRST);
        assert!(index.find("a", Wanted::Latest).is_none());
    }
}
