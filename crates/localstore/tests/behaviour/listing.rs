//! LIST in both versions, and against a model: what a plain sorted set of keys would answer.

use std::collections::BTreeSet;

use http::StatusCode;
use proptest::prelude::*;
use serde::Deserialize;

use crate::client::{Answer, Client, decode, object};

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Listing {
    #[serde(default)]
    contents: Vec<Content>,
    #[serde(default)]
    common_prefixes: Vec<CommonPrefix>,
    is_truncated: bool,
    max_keys: usize,
    key_count: Option<usize>,
    next_continuation_token: Option<String>,
    next_marker: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Content {
    key: String,
    #[serde(rename = "ETag")]
    etag: String,
    size: u64,
    last_modified: String,
    storage_class: String,
    owner: Option<serde::de::IgnoredAny>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct CommonPrefix {
    prefix: String,
}

impl Listing {
    fn parse(answer: &Answer) -> Self {
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
        quick_xml::de::from_str(answer.text()).unwrap()
    }

    fn keys(&self) -> Vec<String> {
        self.contents.iter().map(|content| decode(&content.key)).collect()
    }

    fn prefixes(&self) -> Vec<String> {
        self.common_prefixes.iter().map(|common| decode(&common.prefix)).collect()
    }

    fn len(&self) -> usize {
        self.contents.len() + self.common_prefixes.len()
    }
}

async fn client_with(keys: &[&str]) -> Client {
    let client = Client::new().await;
    for key in keys {
        assert_eq!(client.put(&object(key), (*key).to_owned()).await.status, StatusCode::OK);
    }
    client
}

async fn list(client: &Client, query: &str) -> Listing {
    Listing::parse(&client.get(&format!("/bucket?{query}")).await)
}

#[tokio::test]
async fn an_entry_says_what_head_says() {
    let client = client_with(&[]).await;
    client.put_with("/bucket/key", &[("x-amz-storage-class", "GLACIER")], "content").await;
    let head = client.head("/bucket/key").await;
    let listing = list(&client, "list-type=2").await;
    let [entry] = &listing.contents[..] else { panic!("{listing:?}") };
    assert_eq!((entry.etag.as_str(), entry.size), (head.etag().as_str(), 7));
    assert_eq!(entry.storage_class, "GLACIER");
    assert_eq!(&entry.last_modified[19..], ".000Z");
    let (date, time) = (head.header("last-modified").unwrap(), &entry.last_modified[11..19]);
    assert!(date.contains(time), "{date} {time}");
}

#[tokio::test]
async fn owners_come_with_version_one_and_on_request() {
    let client = client_with(&["a"]).await;
    assert!(list(&client, "").await.contents[0].owner.is_some());
    assert!(list(&client, "list-type=2").await.contents[0].owner.is_none());
    assert!(list(&client, "list-type=2&fetch-owner=true").await.contents[0].owner.is_some());
}

#[tokio::test]
async fn prefixes_and_keys_count_together() {
    let client = client_with(&["a", "b/1", "b/2", "c/1", "d"]).await;
    let first = list(&client, "list-type=2&delimiter=%2F&max-keys=2").await;
    assert_eq!((first.keys(), first.prefixes()), (vec!["a".to_owned()], vec!["b/".to_owned()]));
    assert_eq!((first.key_count, first.max_keys, first.is_truncated), (Some(2), 2, true));
    let token = first.next_continuation_token.unwrap();
    let rest = list(&client, &format!("list-type=2&delimiter=%2F&continuation-token={token}")).await;
    assert_eq!((rest.keys(), rest.prefixes()), (vec!["d".to_owned()], vec!["c/".to_owned()]));
    assert_eq!((rest.is_truncated, rest.next_continuation_token), (false, None));
}

#[tokio::test]
async fn an_empty_delimiter_is_none() {
    let client = client_with(&["a/b"]).await;
    for query in ["delimiter=", "list-type=2&delimiter="] {
        let answer = client.get(&format!("/bucket?{query}")).await;
        assert!(!answer.text().contains("Delimiter"));
        assert_eq!(Listing::parse(&answer).keys(), ["a/b"]);
    }
}

#[tokio::test]
async fn limits_are_those_of_s3() {
    let client = client_with(&["a", "b"]).await;
    let none = list(&client, "list-type=2&max-keys=0").await;
    assert_eq!((none.len(), none.is_truncated, none.key_count), (0, false, Some(0)));
    let one = list(&client, "list-type=2&max-keys=1").await;
    assert_eq!((one.keys(), one.is_truncated), (vec!["a".to_owned()], true));
    assert_eq!(list(&client, "list-type=2&max-keys=5000").await.max_keys, 1000);
    assert_eq!(client.get("/bucket?list-type=2&max-keys=-1").await.code(), "InvalidArgument");
    assert_eq!(client.get("/bucket?list-type=2&continuation-token=forged").await.code(), "InvalidArgument");
    assert_eq!(client.get("/no-bucket?list-type=2").await.code(), "NoSuchBucket");
}

#[tokio::test]
async fn starting_points_need_not_exist() {
    let client = client_with(&["a", "c", "e"]).await;
    for query in ["marker=b", "list-type=2&start-after=b"] {
        assert_eq!(list(&client, query).await.keys(), ["c", "e"]);
    }
    assert_eq!(list(&client, "list-type=2&start-after=c").await.keys(), ["e"]);
}

#[tokio::test]
async fn a_marker_that_is_a_common_prefix_goes_on_behind_it() {
    let client = client_with(&["a/1", "a/2", "b"]).await;
    let first = list(&client, "delimiter=%2F&max-keys=1").await;
    assert_eq!(first.next_marker.as_deref(), Some("a/"));
    assert_eq!(list(&client, "delimiter=%2F&marker=a%2F").await.keys(), ["b"]);
    assert_eq!(list(&client, "max-keys=1").await.next_marker, None);
}

#[tokio::test]
async fn strange_names_survive_url_encoding() {
    let keys = ["\u{1}", "\n", " ", "%2F", "&<>\"'", "+", "a/../b", "é"];
    let client = client_with(&keys).await;
    let answer = client.get("/bucket?list-type=2&encoding-type=url&prefix=&start-after=%01").await;
    assert!(answer.text().contains("<EncodingType>url</EncodingType>"));
    assert!(answer.text().contains("<StartAfter>%01</StartAfter>"));
    assert_eq!(Listing::parse(&answer).keys(), keys[1..]);
    assert_eq!(client.get("/bucket?encoding-type=html").await.code(), "InvalidArgument");
}

/// Which request to page with.
#[derive(Debug, Clone, Copy)]
enum Version {
    One,
    Two,
}

/// All pages of one listing, each checked on its own.
async fn all_pages(client: &Client, version: Version, query: &str, limit: usize) -> (Vec<String>, Vec<String>) {
    let (mut keys, mut prefixes) = (Vec::new(), Vec::new());
    let mut resume = String::new();
    loop {
        let kind = if matches!(version, Version::Two) { "list-type=2&" } else { "" };
        let page = list(client, &format!("{kind}encoding-type=url&max-keys={limit}&{query}{resume}")).await;
        assert!(page.len() <= limit);
        assert!(page.len() == limit || !page.is_truncated);
        keys.extend(page.keys());
        prefixes.extend(page.prefixes());
        if !page.is_truncated {
            return (keys, prefixes);
        }
        resume = match version {
            Version::Two => format!("&continuation-token={}", page.next_continuation_token.unwrap()),
            // Both are still encoded, as a query wants them.
            Version::One => {
                format!("&marker={}", page.next_marker.unwrap_or_else(|| page.contents.last().unwrap().key.clone()))
            }
        };
    }
}

/// What a sorted set would answer.
fn model(keys: &BTreeSet<String>, prefix: &str, delimiter: &str, after: &str) -> (Vec<String>, Vec<String>) {
    let (mut plain, mut rolled) = (Vec::new(), BTreeSet::new());
    for key in keys.iter().filter(|key| key.starts_with(prefix) && key.as_str() > after) {
        match key[prefix.len()..].find(delimiter).filter(|_| !delimiter.is_empty()) {
            Some(at) => drop(rolled.insert(key[..prefix.len() + at + delimiter.len()].to_owned())),
            None => plain.push(key.clone()),
        }
    }
    (plain, rolled.into_iter().collect())
}

fn encode(name: &str) -> String {
    name.bytes().fold(String::new(), |encoded, byte| format!("{encoded}%{byte:02X}"))
}

fn name(pieces: std::ops::Range<usize>) -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec!["a", "b", "/", "..", "-", "é", "\u{1}", "\u{10ffff}", "%", " +"]);
    prop::collection::vec(piece, pieces).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_listing_is_what_a_sorted_set_would_say(
        keys in prop::collection::btree_set(name(1..5), 0..14),
        asked in prop::collection::vec((name(0..3), prop::sample::select(vec!["", "/", "-", "a", "/.."]), name(0..3), 1..6_usize), 6),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let client = client_with(&keys.iter().map(String::as_str).collect::<Vec<_>>()).await;
            for (prefix, delimiter, after, limit) in asked {
                let query = format!("prefix={}&delimiter={}", encode(&prefix), encode(delimiter));
                let expected = model(&keys, &prefix, delimiter, "");
                for version in [Version::One, Version::Two] {
                    prop_assert_eq!(&all_pages(&client, version, &query, limit).await, &expected);
                }
                let started = format!("{query}&start-after={}", encode(&after));
                let expected = model(&keys, &prefix, delimiter, &after);
                prop_assert_eq!(all_pages(&client, Version::Two, &started, limit).await, expected);
            }
            Ok(())
        })?;
    }
}
