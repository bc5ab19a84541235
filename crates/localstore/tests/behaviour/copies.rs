//! Copies of objects, and parts copied from objects.

use futures::future::join_all;
use http::{Method, StatusCode};

use crate::client::{Answer, Client, object};
use crate::multipart::{PART_LEN, content};

const PAST: &str = "Wed, 21 Oct 2015 07:28:00 GMT";
const FUTURE: &str = "Wed, 21 Oct 2095 07:28:00 GMT";

/// A store with an object that has all kinds of properties, and its tag.
async fn with_source() -> (Client, String) {
    let client = Client::new().await;
    let headers = [
        ("content-type", "text/plain"),
        ("cache-control", "max-age=1"),
        ("x-amz-meta-one", "1"),
        ("x-amz-storage-class", "STANDARD_IA"),
        ("x-amz-website-redirect-location", "/there"),
        ("x-amz-tagging", "a=b"),
    ];
    let etag = client.put_with("/bucket/source", &headers, "content").await.etag();
    (client, etag)
}

fn shown<'a>(answer: &'a Answer, names: &[&str]) -> Vec<Option<&'a str>> {
    names.iter().map(|name| answer.header(name)).collect()
}

const NAMES: [&str; 6] = [
    "content-type",
    "cache-control",
    "x-amz-meta-one",
    "x-amz-tagging-count",
    "x-amz-storage-class",
    "x-amz-website-redirect-location",
];

#[tokio::test]
async fn a_copy_keeps_what_s3_copies() {
    let (client, etag) = with_source().await;
    client.put("/other-bucket", "").await;
    for target in ["/bucket/copy", "/other-bucket/source"] {
        let copied = client.copy("/bucket/source", target, &[]).await;
        assert_eq!(copied.status, StatusCode::OK, "{}", copied.text());
        let answer = client.get(target).await;
        assert_eq!(answer.body, "content");
        assert_eq!(answer.etag(), copied.element("ETag").unwrap());
        assert_ne!(answer.etag(), etag);
        let kept = [Some("text/plain"), Some("max-age=1"), Some("1"), Some("1"), None, None];
        assert_eq!(shown(&answer, &NAMES), kept);
    }
    assert_eq!(client.get("/bucket/source").await.etag(), etag);
    assert_eq!(client.staged(), 0);
}

#[tokio::test]
async fn a_copy_can_replace_metadata_and_tags() {
    let (client, _) = with_source().await;
    let replace =
        [("x-amz-metadata-directive", "REPLACE"), ("x-amz-meta-two", "2"), ("x-amz-storage-class", "GLACIER")];
    client.copy("bucket/source", "/bucket/copy", &replace).await;
    let answer = client.head("/bucket/copy").await;
    assert_eq!(shown(&answer, &NAMES), [Some("binary/octet-stream"), None, None, Some("1"), Some("GLACIER"), None]);
    assert_eq!(answer.header("x-amz-meta-two"), Some("2"));
    let retag = [("x-amz-tagging-directive", "REPLACE"), ("x-amz-tagging", "c=d&e=f")];
    client.copy("bucket/source", "/bucket/copy", &retag).await;
    let answer = client.head("/bucket/copy").await;
    assert_eq!(shown(&answer, &NAMES[..4]), [Some("text/plain"), Some("max-age=1"), Some("1"), Some("2")]);
    let unknown = client.copy("bucket/source", "/bucket/copy", &[("x-amz-metadata-directive", "MERGE")]).await;
    assert_eq!(unknown.code(), "InvalidArgument");
}

#[tokio::test]
async fn a_copy_onto_itself_must_change_something() {
    let (client, etag) = with_source().await;
    let target = "/bucket/source";
    assert_eq!(client.copy(target, target, &[]).await.code(), "InvalidRequest");
    assert_eq!(client.copy(target, target, &[("x-amz-meta-one", "2")]).await.code(), "InvalidRequest");
    assert_eq!(client.head(target).await.etag(), etag);
    let class = client.copy(target, target, &[("x-amz-storage-class", "GLACIER")]).await;
    assert_eq!(class.status, StatusCode::OK);
    let replace = [("x-amz-metadata-directive", "REPLACE"), ("x-amz-meta-one", "2")];
    for client in [{
        assert_eq!(client.copy(target, target, &replace).await.status, StatusCode::OK);
        client.reopen()
    }] {
        let answer = client.get(target).await;
        assert_eq!((answer.text(), answer.header("x-amz-meta-one")), ("content", Some("2")));
        assert_eq!(answer.header("x-amz-tagging-count"), Some("1"));
    }
}

#[tokio::test]
async fn a_copy_can_have_conditions_on_both_ends() {
    let (client, etag) = with_source().await;
    let old = client.put("/bucket/target", "old").await.etag();
    let cases: [(&[(&str, &str)], &str); 14] = [
        (&[("x-amz-copy-source-if-match", "\"other\"")], "PreconditionFailed"),
        (&[("x-amz-copy-source-if-none-match", &etag)], "PreconditionFailed"),
        (&[("x-amz-copy-source-if-modified-since", FUTURE)], "PreconditionFailed"),
        (&[("x-amz-copy-source-if-unmodified-since", PAST)], "PreconditionFailed"),
        (
            &[("x-amz-copy-source-if-none-match", &etag), ("x-amz-copy-source-if-modified-since", PAST)],
            "PreconditionFailed",
        ),
        (&[("if-none-match", "*")], "PreconditionFailed"),
        (&[("if-match", "\"other\"")], "PreconditionFailed"),
        (&[("if-none-match", "\"other\"")], "NotImplemented"),
        (&[("x-amz-copy-source-if-match", &etag)], "200"),
        (&[("x-amz-copy-source-if-match", &etag), ("x-amz-copy-source-if-unmodified-since", PAST)], "200"),
        (&[("x-amz-copy-source-if-none-match", "\"other\"")], "200"),
        (&[("x-amz-copy-source-if-modified-since", PAST)], "200"),
        (&[("x-amz-copy-source-if-unmodified-since", FUTURE)], "200"),
        (&[("x-amz-object-lock-mode", "GOVERNANCE")], "NotImplemented"),
    ];
    for (headers, code) in cases {
        assert_eq!(client.copy("/bucket/source", "/bucket/target", headers).await.code(), code, "{headers:?}");
    }
    let stale = client.copy("/bucket/source", "/bucket/target", &[("if-match", &old)]).await;
    assert_eq!(stale.code(), "PreconditionFailed");
}

#[tokio::test]
async fn sources_are_named_in_every_encoding() {
    let client = Client::new().await;
    for key in ["a b", "a/b", "..", "a//b/", "%2F", "+", "\u{1}", "ü?versionId=x", "/"] {
        let target = object(key);
        client.put(&target, format!("content of {key}")).await;
        let whole = target.replace('/', "%2F");
        for source in [target.as_str(), &target[1..], &whole] {
            let copied = client.copy(source, "/bucket/copy", &[]).await;
            assert_eq!(copied.status, StatusCode::OK, "{source}: {}", copied.text());
            assert_eq!(client.get("/bucket/copy").await.text(), format!("content of {key}"));
        }
    }
    client.put("/bucket/key", "x").await;
    for (source, code) in [
        ("/bucket/none", "NoSuchKey"),
        ("/other-bucket/key", "NoSuchBucket"),
        ("/bucket/key?versionId=18bab0c2f4a7a001", "NoSuchVersion"),
        ("/bucket/key?versionId=null", "200"),
    ] {
        assert_eq!(client.copy(source, "/bucket/copy", &[]).await.code(), code, "{source}");
    }
    assert_eq!(client.copy("/bucket/key", "/other-bucket/copy", &[]).await.code(), "NoSuchBucket");
    assert!(client.copy("bucket", "/bucket/copy", &[]).await.status.is_client_error());
}

#[tokio::test]
async fn a_copy_of_parts_is_one_piece() {
    let client = Client::new().await;
    let target = "/bucket/large";
    let id = client.begin(target, &[]).await;
    let parts = [
        (1, client.part(target, &id, 1, content(1, PART_LEN)).await),
        (2, client.part(target, &id, 2, content(2, 10)).await),
    ];
    client.complete(target, &id, &parts).await;
    let copied = client.copy(target, "/bucket/copy", &[]).await;
    assert!(copied.element("ETag").unwrap().ends_with("-1\""));
    assert!(client.get("/bucket/copy").await.body == [content(1, PART_LEN), content(2, 10)].concat());
    assert_eq!(client.get("/bucket/copy?partNumber=2").await.code(), "InvalidPartNumber");
    // Another object's upload is not its own.
    assert_eq!(client.complete("/bucket/copy", &id, &parts).await.code(), "NoSuchUpload");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_first_copies_exactly_one_wins_and_none_is_a_mixture() {
    let client = Client::new().await;
    for number in 0..6_u16 {
        client.put(&object(&number.to_string()), content(number, 100_000)).await;
    }
    let condition = [("if-none-match", "*")];
    let sources: Vec<_> = (0..6).map(|number| format!("/bucket/{number}")).collect();
    let answers = join_all(sources.iter().map(|source| client.copy(source, "/bucket/copy", &condition))).await;
    let winners: Vec<_> = (0..6_u16).filter(|number| answers[usize::from(*number)].status == StatusCode::OK).collect();
    assert_eq!(winners.len(), 1);
    assert!(client.get("/bucket/copy").await.body == content(winners[0], 100_000));
}

#[tokio::test]
async fn parts_are_copied_whole_and_in_ranges() {
    let client = Client::new().await;
    let source = content(9, PART_LEN + 1000);
    let etag = client.put("/bucket/source", source.clone()).await.etag();
    let target = "/bucket/target";
    let id = client.begin(target, &[]).await;
    let part = async |number: u16, headers: &[(&str, &str)]| {
        client.copy("/bucket/source", &format!("{target}?partNumber={number}&uploadId={id}"), headers).await
    };
    let first = part(1, &[("x-amz-copy-source-if-match", &etag)]).await;
    let range = format!("bytes=17-{}", PART_LEN + 16);
    let second = part(2, &[("x-amz-copy-source-range", &range)]).await;
    let third = part(3, &[("x-amz-copy-source-range", "bytes=5-9")]).await;
    for (headers, code) in [
        ([("x-amz-copy-source-range", "bytes=0-99999999")], "InvalidRange"),
        ([("x-amz-copy-source-range", "bytes=5-")], "InvalidArgument"),
        ([("x-amz-copy-source-if-none-match", etag.as_str())], "PreconditionFailed"),
    ] {
        assert_eq!(part(3, &headers).await.code(), code);
    }
    assert_eq!(part(0, &[]).await.code(), "InvalidArgument");
    let stranger = client.copy("/bucket/source", &format!("{target}?partNumber=1&uploadId=none"), &[]).await;
    assert_eq!(stranger.code(), "NoSuchUpload");
    let parts = [(1, first), (2, second), (3, third)];
    let parts = parts.map(|(number, answer)| (number, answer.element("ETag").unwrap()));
    assert_eq!(client.complete(target, &id, &parts).await.status, StatusCode::OK);
    let expected = [&source[..], &source[17..PART_LEN + 17], &source[5..10]].concat();
    assert!(client.get(target).await.body == expected);
    assert_eq!(client.staged(), 0);
}

#[tokio::test]
async fn attributes_are_told_as_far_as_asked_for() {
    let (client, etag) = with_source().await;
    let ask = async |key: &str, names: &str, more: &[(&str, &str)]| {
        let headers = [&[("x-amz-object-attributes", names)], more].concat();
        client.call(Method::GET, &format!("/bucket/{key}?attributes"), &headers).await
    };
    let all = ask("source", "ETag,ObjectSize,StorageClass,ObjectParts,Checksum", &[]).await;
    assert_eq!(all.status, StatusCode::OK, "{}", all.text());
    assert_eq!(all.element("ETag").unwrap(), etag.replace('"', ""));
    assert_eq!(all.element("ObjectSize").unwrap(), "7");
    assert_eq!(all.element("StorageClass").unwrap(), "STANDARD_IA");
    assert!(all.element("ObjectParts").is_none() && all.header("last-modified").is_some());
    let some = ask("source", "ObjectSize", &[]).await;
    assert_eq!((some.element("ETag"), some.element("StorageClass")), (None, None));
    let two = ask("source", "ETag", &[("x-amz-object-attributes", "ObjectSize")]).await;
    assert!(two.element("ETag").is_some() && two.element("ObjectSize").is_some());
    assert_eq!(ask("source", "Colour", &[]).await.code(), "InvalidArgument");
    assert_eq!(ask("none", "ETag", &[]).await.code(), "NoSuchKey");
    let id = client.begin("/bucket/large", &[]).await;
    let parts = [
        (3, client.part("/bucket/large", &id, 3, content(1, PART_LEN)).await),
        (5, client.part("/bucket/large", &id, 5, "rest").await),
    ];
    client.complete("/bucket/large", &id, &parts).await;
    let parts = ask("large", "ObjectParts", &[]).await;
    assert_eq!(parts.element("PartsCount").unwrap(), "2");
    assert_eq!(parts.elements("PartNumber"), ["1", "2"]);
    assert_eq!(parts.elements("Size"), [PART_LEN.to_string(), "4".to_owned()]);
    let first = ask("large", "ObjectParts", &[("x-amz-max-parts", "1")]).await;
    assert_eq!((first.elements("PartNumber").len(), first.element("IsTruncated").unwrap().as_str()), (1, "true"));
    let rest = ask("large", "ObjectParts", &[("x-amz-part-number-marker", "1")]).await;
    assert_eq!((rest.elements("PartNumber").len(), rest.element("IsTruncated").unwrap().as_str()), (1, "false"));
}
