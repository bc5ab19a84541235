//! LIST of versions: its order, its pages, and against a model that keeps everything in one sorted list.

use http::StatusCode;
use proptest::prelude::*;
use tokio::runtime::Runtime;

use crate::client::{Client, object};
use crate::versions::{id, set, store, versioned};

/// What one page says: `key version` of versions and marks, and where the next begins.
struct Page {
    shown: Vec<(String, String, bool)>,
    prefixes: Vec<String>,
    next: Option<(String, Option<String>)>,
}

async fn page(client: &Client, query: &str) -> Page {
    let answer = client.get(&format!("/bucket?versions{query}")).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    let ids = answer.elements("VersionId").into_iter().zip(answer.elements("IsLatest"));
    let shown = answer.elements("Key").into_iter().zip(ids).map(|(key, (id, latest))| (key, id, latest == "true"));
    let shown = shown.collect();
    let prefixes = answer.text().split("<CommonPrefixes><Prefix>").skip(1);
    let prefixes = prefixes.map(|rest| rest.split_once('<').unwrap().0.to_owned()).collect();
    let next = answer.element("NextKeyMarker").map(|key| (key, answer.element("NextVersionIdMarker")));
    assert_eq!(answer.element("IsTruncated").unwrap() == "true", next.is_some());
    Page { shown, prefixes, next }
}

fn resume((key, version): &(String, Option<String>)) -> String {
    let version = version.as_ref().map(|version| format!("&version-id-marker={version}")).unwrap_or_default();
    format!("&key-marker={key}{version}")
}

/// All pages together, each of which must be full but the last.
async fn all(client: &Client, query: &str, limit: usize) -> (Vec<(String, String, bool)>, Vec<String>) {
    let (mut shown, mut prefixes, mut from) = (Vec::new(), Vec::new(), String::new());
    loop {
        let page = page(client, &format!("{query}&max-keys={limit}{from}")).await;
        let count = page.shown.len() + page.prefixes.len();
        shown.extend(page.shown);
        prefixes.extend(page.prefixes);
        let Some(next) = page.next else { return (shown, prefixes) };
        assert_eq!(count, limit);
        from = resume(&next);
    }
}

#[tokio::test]
async fn versions_and_marks_are_beside_each_other_newest_first() {
    let client = versioned().await;
    let mut written = Vec::new();
    for body in ["one", "two"] {
        written.push(store(&client, "/bucket/a", body).await);
    }
    let mark = id(&client.delete("/bucket/a").await);
    let other = store(&client, "/bucket/b", "three").await;
    let answer = client.get("/bucket?versions").await;
    assert_eq!(answer.elements("Size"), ["3", "3", "5"]);
    assert_eq!(answer.elements("ETag").len(), 3);
    assert_eq!(answer.element("Name").as_deref(), Some("bucket"));
    let page = page(&client, "").await;
    let expected = [
        ("a".to_owned(), mark, true),
        ("a".to_owned(), written[1].clone(), false),
        ("a".to_owned(), written[0].clone(), false),
        ("b".to_owned(), other, true),
    ];
    assert_eq!(page.shown, expected);
    let marks: Vec<_> = answer.text().match_indices("<DeleteMarker>").collect();
    assert_eq!(marks.len(), 1);
    assert!(marks[0].0 < answer.text().find("<Version>").unwrap());
}

#[tokio::test]
async fn a_page_goes_on_where_the_last_ended_whatever_came_and_went() {
    let client = Client::new().await;
    client.put("/bucket/a", "null").await;
    set(&client, "Enabled").await;
    let mut versions = Vec::new();
    for body in ["1", "2", "3"] {
        versions.push(store(&client, "/bucket/a", body).await);
    }
    let first = page(&client, "&max-keys=2").await;
    let next = first.next.unwrap();
    assert_eq!(next, ("a".to_owned(), Some(versions[1].clone())));
    client.delete(&format!("/bucket/a?versionId={}", versions[1])).await;
    store(&client, "/bucket/a", "4").await;
    let second = page(&client, &format!("&max-keys=1{}", resume(&next))).await;
    assert_eq!(second.shown, [("a".to_owned(), versions[0].clone(), false)]);
    let third = page(&client, &format!("&max-keys=1{}", resume(&second.next.unwrap()))).await;
    assert_eq!((third.shown, third.next), (vec![("a".to_owned(), "null".to_owned(), false)], None));
}

/// The `null` version is written again between two pages: it is among what was listed, and nothing comes twice.
#[tokio::test]
async fn a_page_that_ended_with_the_null_version_goes_on_behind_it() {
    let client = versioned().await;
    let old = store(&client, "/bucket/a", "old").await;
    set(&client, "Suspended").await;
    client.put("/bucket/a", "null").await;
    let first = page(&client, "&max-keys=1").await;
    assert_eq!(first.shown, [("a".to_owned(), "null".to_owned(), true)]);
    client.put("/bucket/a", "null again").await;
    let second = page(&client, &resume(&first.next.unwrap())).await;
    assert_eq!(second.shown, [("a".to_owned(), old.clone(), false)]);
    let by_name = page(&client, "&key-marker=a&version-id-marker=null").await;
    assert_eq!(by_name.shown, [("a".to_owned(), old, false)]);
}

#[tokio::test]
async fn what_is_asked_for_wrongly_is_refused() {
    let client = versioned().await;
    for query in
        ["&version-id-marker=null", "&key-marker=a&version-id-marker=wrong", "&max-keys=-1", "&encoding-type=xml"]
    {
        assert_eq!(client.get(&format!("/bucket?versions{query}")).await.code(), "InvalidArgument", "{query}");
    }
    assert_eq!(client.get("/other-bucket?versions").await.code(), "NoSuchBucket");
    client.put(&object("a \u{1}ü"), "x").await;
    let encoded = client.get("/bucket?versions&encoding-type=url&prefix=a%20").await;
    assert_eq!(
        (encoded.element("Key").as_deref(), encoded.element("Prefix").as_deref()),
        (Some("a%20%01%C3%BC"), Some("a%20"))
    );
}

/// One thing that happens to a bucket.
#[derive(Debug, Clone)]
enum Step {
    Put(&'static str),
    Delete(&'static str),
    /// Of all versions of all keys, the one at this place, modulo their number.
    Erase(usize),
    Set(&'static str),
    Reopen,
}

fn step() -> impl Strategy<Value = Step> {
    let key = || prop::sample::select(vec!["a", "a/1", "a/2", "b", "c/1"]);
    prop_oneof![
        4 => key().prop_map(Step::Put),
        2 => key().prop_map(Step::Delete),
        2 => any::<usize>().prop_map(Step::Erase),
        1 => prop::sample::select(vec!["Enabled", "Suspended"]).prop_map(Step::Set),
        1 => Just(Step::Reopen),
    ]
}

/// A bucket as a list: keys in order, of each the newest version first, and whether it is a mark of deletion.
#[derive(Debug, Default)]
struct Model {
    versions: Vec<(String, String, bool)>,
    status: Option<&'static str>,
}

impl Model {
    fn write(&mut self, key: &str, version: Option<&str>, marker: bool) {
        let version = version.unwrap_or("null");
        if version == "null" {
            self.versions.retain(|(of, version, _)| of != key || version != "null");
        }
        let at = self.versions.iter().position(|(of, ..)| of.as_str() >= key).unwrap_or(self.versions.len());
        self.versions.insert(at, (key.to_owned(), version.to_owned(), marker));
    }

    fn is_latest(&self, at: usize) -> bool {
        at == 0 || self.versions[at - 1].0 != self.versions[at].0
    }

    fn expected(&self, prefix: &str, delimited: bool) -> (Vec<(String, String, bool)>, Vec<String>) {
        let (mut versions, mut prefixes) = (Vec::new(), Vec::new());
        for (at, (key, version, _)) in self.versions.iter().enumerate() {
            let Some(rest) = key.strip_prefix(prefix) else { continue };
            match rest.split_once('/').filter(|_| delimited) {
                Some((stem, _)) => prefixes.push(format!("{prefix}{stem}/")),
                None => versions.push((key.clone(), version.clone(), self.is_latest(at))),
            }
        }
        prefixes.dedup();
        (versions, prefixes)
    }
}

async fn take(client: Client, model: &mut Model, step: &Step) -> Client {
    match step {
        Step::Put(key) => {
            let put = client.put(&object(key), "x").await;
            model.write(key, put.header("x-amz-version-id"), false);
        }
        Step::Delete(key) => {
            let removed = client.delete(&object(key)).await;
            if model.status.is_some() {
                assert_eq!(removed.header("x-amz-delete-marker"), Some("true"));
                model.write(key, removed.header("x-amz-version-id"), true);
            } else {
                model.versions.retain(|(of, ..)| of != key);
            }
        }
        Step::Erase(at) if !model.versions.is_empty() => {
            let (key, version, _) = model.versions.remove(at % model.versions.len());
            let removed = client.delete(&format!("{}?versionId={version}", object(&key))).await;
            assert_eq!(removed.status, StatusCode::NO_CONTENT);
        }
        Step::Erase(_) => {}
        Step::Set(status) => {
            set(&client, status).await;
            model.status = Some(status);
        }
        Step::Reopen => return client.reopen(),
    }
    client
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, ..ProptestConfig::default() })]

    #[test]
    fn every_listing_is_that_of_the_model(steps in prop::collection::vec(step(), 1..40)) {
        Runtime::new().unwrap().block_on(async {
            let (mut client, mut model) = (Client::new().await, Model::default());
            for step in &steps {
                client = take(client, &mut model, step).await;
            }
            for (query, prefix, delimited) in [("", "", false), ("&delimiter=/", "", true), ("&prefix=a/&delimiter=/", "a/", true)] {
                let expected = model.expected(prefix, delimited);
                for limit in [1, 2, 1000] {
                    prop_assert_eq!(&all(&client, query, limit).await, &expected, "{:?} by {}", query, limit);
                }
            }
            let live = |at: &usize| model.is_latest(*at) && !model.versions[*at].2;
            let live: Vec<_> = (0..model.versions.len()).filter(live).map(|at| model.versions[at].0.clone()).collect();
            prop_assert_eq!(client.get("/bucket?list-type=2").await.elements("Key"), live);
            Ok(())
        })?;
    }
}
