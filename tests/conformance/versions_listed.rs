//! `ListObjectVersions`: every version once, with the size and ETag it reads with, on pages of any length.

use sealgate_tests::answer::Answer;
use sealgate_tests::bytes::noise;
use sealgate_tests::stack::Room;

use crate::versions::Versioned;

crate::cases![
    pages_of_versions_lose_and_repeat_nothing,
    versions_and_markers_come_in_one_order,
    a_page_goes_on_behind_a_version,
    listings_of_objects_show_the_latest_only,
    prefixes_and_delimiters_work_on_versions,
    odd_names_are_listed,
    names_of_versions_are_encoded,
    the_latest_is_told,
];

impl Versioned<'_> {
    fn page(&self, query: &[(&str, &str)]) -> Answer {
        let list = self.request("GET").query("versions", "");
        query.iter().fold(list, |list, (name, value)| list.query(name, value)).send().expect(200)
    }

    /// What all pages name, a key and a version each.
    fn pages(&self, limit: usize) -> Vec<(String, String)> {
        let (mut shown, mut from) = (Vec::new(), None::<(String, String)>);
        let limit = limit.to_string();
        loop {
            let mut query = vec![("max-keys", limit.as_str())];
            if let Some((key, version)) = &from {
                query.extend([("key-marker", key.as_str()), ("version-id-marker", version.as_str())]);
            }
            let page = self.page(&query);
            let ids = page.all("VersionId");
            assert!(ids.len() <= limit.parse().unwrap(), "{page:?}");
            shown.extend(page.all("Key").into_iter().zip(ids));
            if page.text("IsTruncated").as_deref() != Some("true") {
                return shown;
            }
            from = Some((page.text("NextKeyMarker").unwrap(), page.text("NextVersionIdMarker").unwrap()));
        }
    }

    /// Checks that a page tells of each version what its head tells.
    fn agrees(&self, page: &Answer) {
        let xml = page.xml();
        for version in xml.split("<Version>").skip(1) {
            let version = version.split_once("</Version>").unwrap().0;
            let text = |name: &str| sealgate_tests::answer::text(version, name).unwrap();
            let head = self.version("HEAD", &text("Key"), &text("VersionId")).send().expect(200);
            assert_eq!(head.must("content-length"), text("Size"), "{version}");
            assert_eq!(head.etag(), text("ETag").replace("&quot;", "\""), "{version}");
        }
    }
}

fn pages_of_versions_lose_and_repeat_nothing(room: &Room<'_>) {
    let bucket = Versioned::new(room);
    let mut written = Vec::new();
    for (seed, key) in [(1, "a"), (2, "b"), (3, "a"), (4, "c d"), (5, "a")] {
        let len = 65_536 * usize::try_from(seed).unwrap() + 7;
        written.push((key.to_owned(), bucket.store(key, &noise(seed, len)).0));
    }
    written.push(("b".to_owned(), bucket.mark("b")));
    written.push(("b".to_owned(), bucket.store("b", b"").0));
    written.sort();
    for limit in [1, 2, 3, 1_000] {
        let mut shown = bucket.pages(limit);
        shown.sort();
        assert_eq!(shown, written, "by {limit}");
    }
    let page = bucket.list();
    assert_eq!((page.all("Size").len(), page.xml().matches("<DeleteMarker>").count()), (6, 1));
    bucket.agrees(&page);
}

/// Clients that ask for the state of a moment group what they read by key.
fn versions_and_markers_come_in_one_order(room: &Room<'_>) {
    let bucket = Versioned::new(room);
    let mut written = Vec::new();
    for key in ["a", "b"] {
        let old = bucket.store(key, b"old").0;
        let marker = bucket.mark(key);
        written.extend([bucket.store(key, b"new").0, marker, old]);
    }
    for limit in [6, 4, 1] {
        let shown: Vec<_> = bucket.pages(limit).into_iter().map(|(_, version)| version).collect();
        assert_eq!(shown, written, "by {limit}");
    }
    let page = bucket.list();
    let elements: Vec<_> = page.xml().match_indices("<DeleteMarker>").map(|(at, _)| at).collect();
    let versions: Vec<_> = page.xml().match_indices("<Version>").map(|(at, _)| at).collect();
    assert!(versions[0] < elements[0] && elements[0] < versions[1] && versions[2] < elements[1], "{page:?}");
}

fn a_page_goes_on_behind_a_version(room: &Room<'_>) {
    let bucket = Versioned::new(room);
    let versions: Vec<_> = (0..4).map(|n| bucket.store("a", &noise(n, 10)).0).collect();
    let (other, _) = bucket.store("b", b"b");
    let behind = bucket.page(&[("key-marker", "a"), ("version-id-marker", &versions[2])]);
    assert_eq!(behind.all("VersionId"), [versions[1].as_str(), &versions[0], &other]);
    assert_eq!(bucket.page(&[("key-marker", "a")]).all("VersionId"), [other]);
}

fn listings_of_objects_show_the_latest_only(room: &Room<'_>) {
    let bucket = Versioned::new(room);
    bucket.store("a", &noise(1, 70_000));
    let (_, latest) = bucket.store("a", &noise(2, 100_000));
    bucket.store("gone", b"x");
    bucket.mark("gone");
    for version in ["1", "2"] {
        let list = bucket.request("GET").query("list-type", version).send().expect(200);
        assert_eq!((list.all("Key"), list.all("Size")), (vec!["a".to_owned()], vec!["100000".to_owned()]));
        assert_eq!(list.text("ETag").unwrap().replace("&quot;", "\""), latest.etag());
    }
}

fn prefixes_and_delimiters_work_on_versions(room: &Room<'_>) {
    let bucket = Versioned::new(room);
    for key in ["top", "dir/a", "dir/a", "dir/sub/b"] {
        bucket.store(key, b"x");
    }
    let top = bucket.page(&[("delimiter", "/")]);
    assert_eq!((top.all("Key"), top.all("CommonPrefixes").len()), (vec!["top".to_owned()], 1), "{top:?}");
    assert!(top.xml().contains("<Prefix>dir/</Prefix>"), "{top:?}");
    let inner = bucket.page(&[("prefix", "dir/"), ("delimiter", "/")]);
    assert_eq!(inner.all("Key"), ["dir/a", "dir/a"]);
    assert!(inner.xml().contains("<Prefix>dir/sub/</Prefix>"), "{inner:?}");
    assert_eq!(bucket.page(&[("prefix", "dir/")]).all("Key"), ["dir/a", "dir/a", "dir/sub/b"]);
}

fn odd_names_are_listed(room: &Room<'_>) {
    let bucket = Versioned::new(room);
    bucket.store("a b+ü/c", &noise(1, 70_000));
    bucket.store("a b+ü/c", &noise(2, 7));
    let page = bucket.list();
    assert_eq!(
        (page.all("Key"), page.all("Size")),
        (vec!["a b+ü/c".to_owned(); 2], vec!["7".to_owned(), "70000".to_owned()])
    );
    bucket.agrees(&page);
}

fn names_of_versions_are_encoded(room: &Room<'_>) {
    let bucket = Versioned::new(room);
    bucket.store("a b+ü/c", &noise(1, 70_000));
    let page = bucket.page(&[("encoding-type", "url")]);
    let key = page.text("Key").unwrap();
    assert!(key == "a+b%2B%C3%BC/c" || key == "a%20b%2B%C3%BC/c", "{key}");
    assert_eq!((page.text("Size").as_deref(), page.text("EncodingType").as_deref()), (Some("70000"), Some("url")));
}

fn the_latest_is_told(room: &Room<'_>) {
    let bucket = Versioned::new(room);
    let (old, new) = (bucket.store("a", b"old").0, bucket.store("a", b"new").0);
    let latest = |page: &Answer| {
        let flags = page.all("VersionId").into_iter().zip(page.all("IsLatest"));
        flags.filter(|(_, latest)| latest == "true").map(|(id, _)| id).collect::<Vec<_>>()
    };
    assert_eq!(latest(&bucket.list()), std::slice::from_ref(&new));
    bucket.version("DELETE", "a", &new).send().check(204);
    assert_eq!(latest(&bucket.list()), [old]);
    let marker = bucket.mark("a");
    assert_eq!(latest(&bucket.list()), [marker]);
}
