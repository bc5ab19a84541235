//! The walk over every version of every key, which `ListObjectVersions` needs.

use std::ops::Bound;

use super::{Index, Position, Query, successor};
use crate::history::Entry;
use crate::version::Version;

/// One version of an object, or all versions of all objects below a common prefix.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum VersionItem {
    Version { key: String, entry: Entry, latest: bool },
    Prefix(String),
}

/// What a query found: keys in UTF-8 byte order, the newest version of each first.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct VersionPage {
    pub(crate) items: Vec<VersionItem>,
    pub(crate) truncated: bool,
}

impl VersionPage {
    fn push(&mut self, item: VersionItem, limit: usize) -> bool {
        self.truncated = self.items.len() == limit;
        if !self.truncated {
            self.items.push(item);
        }
        !self.truncated
    }
}

impl Index {
    /// One page of versions. If the query begins behind a key, `behind` takes it back to the versions of that key which
    /// are older: by their numbers, so that nothing is lost or repeated when versions come and go between pages.
    pub(crate) fn versions(&self, query: &Query<'_>, behind: Option<Version>) -> VersionPage {
        let mut page = VersionPage::default();
        if query.limit == 0 {
            return page;
        }
        let resumed = match query.from {
            Position::AfterKey(key) if key.starts_with(query.prefix) => behind.map(|version| (key, version)),
            _ => None,
        };
        let start = resumed.map_or_else(|| query.start(), |(key, _)| Bound::Included(key.clone().into_bytes()));
        let mut walk = self.walk(&start);
        while let Some((key, history)) = walk.next() {
            if !key.starts_with(query.prefix.as_bytes()) {
                break;
            }
            let key = String::from_utf8_lossy(key);
            let behind = resumed.filter(|(resumed, _)| **resumed == key).map(|(_, version)| version);
            if let Some(common) = query.common_prefix(&key) {
                walk = self.walk(&Bound::Included(successor(common)));
                if !page.push(VersionItem::Prefix(common.to_owned()), query.limit) {
                    break;
                }
                continue;
            }
            let newest = history.latest().map(|entry| entry.version);
            let mut items = history.older_than(behind).map(|entry| VersionItem::Version {
                key: key.clone().into_owned(),
                latest: newest == Some(entry.version),
                entry: entry.clone(),
            });
            if !items.all(|item| page.push(item, query.limit)) {
                break;
            }
        }
        page
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Record;

    fn version(number: u64) -> Version {
        Version::parse(&format!("{number:016x}")).unwrap()
    }

    /// Keys with the numbers of their versions.
    fn index(keys: &[(&str, &[u64])]) -> Index {
        let mut index = Index::default();
        for (key, numbers) in keys {
            for number in *numbers {
                index.insert(key, Entry::new(&Record::new((*key).to_owned(), *number), version(*number)));
            }
        }
        index
    }

    fn shown(page: &VersionPage) -> Vec<String> {
        let show = |item: &VersionItem| match item {
            VersionItem::Version { key, entry, latest } => {
                format!("{key}{}{}", entry.content_len, if *latest { "!" } else { "" })
            }
            VersionItem::Prefix(prefix) => prefix.clone(),
        };
        page.items.iter().map(show).collect()
    }

    fn page(index: &Index, delimiter: Option<&str>, from: &Position, behind: Option<u64>, limit: usize) -> VersionPage {
        index.versions(&Query { prefix: "", delimiter, from, limit }, behind.map(version))
    }

    #[test]
    fn versions_come_newest_first_and_page_by_page() {
        let index = index(&[("a", &[1, 3, 5]), ("b", &[7]), ("c", &[2, 9])]);
        let all = page(&index, None, &Position::Start, None, 9);
        assert_eq!((shown(&all).join(" ").as_str(), all.truncated), ("a5! a3 a1 b7! c9! c2", false));
        let first = page(&index, None, &Position::Start, None, 2);
        assert_eq!((shown(&first).join(" ").as_str(), first.truncated), ("a5! a3", true));
        let from = Position::AfterKey("a".to_owned());
        assert_eq!(shown(&page(&index, None, &from, Some(3), 2)).join(" "), "a1 b7!");
        assert_eq!(shown(&page(&index, None, &from, Some(1), 2)).join(" "), "b7! c9!");
        assert_eq!(shown(&page(&index, None, &from, None, 9)).join(" "), "b7! c9! c2");
        assert!(!page(&index, None, &Position::Start, None, 6).truncated);
        assert_eq!(page(&index, None, &Position::Start, None, 0), VersionPage::default());
    }

    #[test]
    fn all_versions_below_a_common_prefix_are_one_item() {
        let index = index(&[("a", &[1]), ("p/1", &[2, 3]), ("p/2", &[4]), ("q", &[5, 6])]);
        let first = page(&index, Some("/"), &Position::Start, None, 2);
        assert_eq!((shown(&first).join(" ").as_str(), first.truncated), ("a1! p/", true));
        let rest = page(&index, Some("/"), &Position::AfterPrefix("p/".to_owned()), None, 2);
        assert_eq!((shown(&rest).join(" ").as_str(), rest.truncated), ("q6! q5", false));
    }
}
