//! The directory as its owner sees it: who may open it, what a restart finds, what is swept.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use http::StatusCode;
use localstore::{DirectoryStore, Error};

use crate::client::{Client, object};

fn files(directory: PathBuf) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { found.extend(files(path)) } else { found.push(path) }
    }
    found
}

#[tokio::test]
async fn a_restart_finds_everything_as_it_was() {
    let client = Client::new().await;
    client.put("/bucket/gone", "x").await;
    let put =
        client.put_with("/bucket/a%2Fb", &[("x-amz-meta-a", "b"), ("x-amz-storage-class", "GLACIER")], "content").await;
    client.delete("/bucket/gone").await;
    let (head, list) = (client.head("/bucket/a%2Fb").await, client.get("/bucket?list-type=2").await);
    let client = client.reopen();
    let again = client.head("/bucket/a%2Fb").await;
    assert_eq!(again.headers, head.headers);
    assert_eq!(again.etag(), put.etag());
    assert_eq!(client.get("/bucket?list-type=2").await.body, list.body);
    let conditional = client.put_with("/bucket/a%2Fb", &[("if-none-match", "*")], "x").await;
    assert_eq!(conditional.code(), "PreconditionFailed");
}

#[tokio::test]
async fn leftovers_of_a_crash_are_swept_and_never_listed() {
    let client = Client::new().await;
    client.put("/bucket/key", "content").await;
    fs::write(client.directory().join("staging/half-written"), "half").unwrap();
    fs::create_dir_all(client.directory().join("staging/half-made-bucket/objects")).unwrap();
    let client = client.reopen();
    assert_eq!(client.staged(), 0);
    assert_eq!(client.get("/bucket/key").await.body, "content");
    assert_eq!(client.get("/").await.text().matches("<Name>").count(), 1);
}

#[tokio::test]
async fn a_damaged_file_is_left_out_and_left_alone() {
    let client = Client::new().await;
    client.put(&object("a"), "content").await;
    let before = files(client.directory().join("buckets/bucket/objects"));
    client.put(&object("b"), "content").await;
    let [damaged] = &before[..] else { panic!("{before:?}") };
    let bytes = fs::read(damaged).unwrap();
    fs::write(damaged, &bytes[..bytes.len() - 1]).unwrap();
    let damaged = damaged.clone();
    let client = client.reopen();
    let list = client.get("/bucket").await;
    assert!(list.text().contains("<Key>b</Key>") && !list.text().contains("<Key>a</Key>"));
    assert_eq!(client.get(&object("b")).await.body, "content");
    assert_eq!(client.get(&object("a")).await.code(), "InternalError");
    client.delete(&object("b")).await;
    assert_eq!(client.delete("/bucket").await.code(), "BucketNotEmpty");
    assert!(damaged.exists());
    assert_eq!(client.put(&object("a"), "again").await.status, StatusCode::OK);
    assert_eq!(client.get(&object("a")).await.body, "again");
}

#[tokio::test]
async fn a_file_under_another_keys_name_is_left_out() {
    let client = Client::new().await;
    client.put(&object("a"), "content").await;
    let file = files(client.directory().join("buckets/bucket/objects")).remove(0);
    fs::rename(&file, file.with_file_name("0".repeat(62))).unwrap();
    let client = client.reopen();
    assert!(!client.get("/bucket").await.text().contains("<Key>"));
}

#[tokio::test]
async fn a_directory_belongs_to_one_store_at_a_time() {
    let client = Client::new().await;
    let error = DirectoryStore::open(client.directory()).unwrap_err();
    assert!(matches!(error, Error::InUse { .. }));
    assert!(error.to_string().contains(client.directory().to_str().unwrap()));
    client.reopen();
}

#[test]
fn a_directory_with_other_contents_is_refused_and_untouched() {
    let directory = tempfile::tempdir().unwrap();
    fs::create_dir(directory.path().join("staging")).unwrap();
    fs::write(directory.path().join("staging/thesis"), "precious").unwrap();
    fs::write(directory.path().join("letter"), "precious").unwrap();
    let error = DirectoryStore::open(directory.path()).unwrap_err();
    assert!(matches!(error, Error::ForeignDirectory { .. }));
    assert_eq!(files(directory.path().to_owned()).len(), 2);
}

#[test]
fn a_store_of_an_unknown_format_is_refused_and_untouched() {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("format"), "directory-store 3\n").unwrap();
    fs::create_dir(directory.path().join("staging")).unwrap();
    fs::write(directory.path().join("staging/upload"), "half").unwrap();
    let error = DirectoryStore::open(directory.path()).unwrap_err();
    assert!(matches!(error, Error::UnknownFormat { .. }));
    assert!(error.to_string().contains("directory-store 3"));
    assert!(directory.path().join("staging/upload").exists());
}

#[tokio::test]
async fn nobody_but_the_owner_can_look_inside() {
    let parent = tempfile::tempdir().unwrap();
    let root = parent.path().join("deep/root");
    let service = DirectoryStore::open(&root).unwrap().service();
    for target in ["/bucket", "/bucket/key"] {
        let request = crate::client::request(http::Method::PUT, target, &[], s3s::Body::empty());
        assert_eq!(service.call(request).await.unwrap().status(), StatusCode::OK);
    }
    let mode = |path: &std::path::Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&root), 0o700);
    for file in files(root.join("buckets")) {
        assert_eq!(mode(&file), 0o600, "{}", file.display());
        assert_eq!(mode(file.parent().unwrap()), 0o700);
    }
}

#[tokio::test]
async fn a_removal_that_was_confirmed_survives_a_restart() {
    let client = Client::new().await;
    client.put("/bucket/key", "x").await;
    client.delete("/bucket/key").await;
    let client = client.reopen();
    assert_eq!(client.get("/bucket/key").await.code(), "NoSuchKey");
    assert_eq!(client.delete("/bucket").await.status, StatusCode::NO_CONTENT);
    let client = client.reopen();
    assert_eq!(client.head("/bucket").await.status, StatusCode::NOT_FOUND);
}
