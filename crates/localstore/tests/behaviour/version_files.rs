//! Versions on disk: what a crash leaves, what is damaged, and that a store of before versions is one still.

use std::fs;
use std::path::PathBuf;

use http::StatusCode;

use crate::client::Client;
use crate::versions::{TARGET, of, set, store, versioned};

/// The files of the only key.
fn files(client: &Client) -> Vec<PathBuf> {
    let shards = fs::read_dir(client.directory().join("buckets/bucket/objects")).unwrap();
    let mut files: Vec<_> = shards
        .flat_map(|shard| fs::read_dir(shard.unwrap().path()).unwrap())
        .map(|file| file.unwrap().path())
        .collect();
    files.sort();
    files
}

#[tokio::test]
async fn a_store_that_keeps_no_versions_is_as_it_always_was() {
    let client = Client::new().await;
    client.put(TARGET, "one").await;
    client.put(TARGET, "two").await;
    let [file] = &files(&client)[..] else { panic!("{:?}", files(&client)) };
    assert_eq!(file.extension(), None);
    let read = |name: &str| fs::read_to_string(client.directory().join(name)).unwrap();
    assert_eq!(read("format"), "directory-store 1\n");
    assert!(!read("buckets/bucket/bucket.json").contains("versioning"));
    set(&client, "Enabled").await;
    assert_eq!(read("format"), "directory-store 2\n");
    client.put(TARGET, "three").await;
    assert_eq!(files(&client).len(), 2);
    let client = client.reopen();
    assert_eq!(client.get(&of(TARGET, "null")).await.body, "two");
}

#[tokio::test]
async fn of_two_null_versions_after_a_crash_the_older_goes() {
    for later in ["two", ""] {
        let client = Client::new().await;
        client.put(TARGET, "one").await;
        set(&client, "Suspended").await;
        let document = "<Tagging><TagSet><Tag><Key>n</Key><Value>1</Value></Tag></TagSet></Tagging>";
        client.put(&format!("{TARGET}?tagging"), document).await;
        let before: Vec<_> = files(&client).into_iter().map(|file| (fs::read(&file).unwrap(), file)).collect();
        assert_eq!(before.len(), 2);
        if later.is_empty() {
            client.delete(TARGET).await
        } else {
            client.put(TARGET, later).await
        };
        let after = files(&client);
        assert_eq!(after.len(), 1);
        for (bytes, file) in &before {
            assert!(!file.exists());
            fs::write(file, bytes).unwrap();
        }
        let client = client.reopen();
        assert_eq!(files(&client), after);
        let expected = if later.is_empty() { StatusCode::NOT_FOUND } else { StatusCode::OK };
        assert_eq!(client.get(TARGET).await.status, expected);
        client.delete(&of(TARGET, "null")).await;
        assert_eq!(client.reopen().get(TARGET).await.code(), "NoSuchKey");
    }
}

#[tokio::test]
async fn a_damaged_version_is_not_replaced_by_an_older_one() {
    let client = versioned().await;
    let old = store(&client, TARGET, "old").await;
    let new = store(&client, TARGET, "new").await;
    let damaged = files(&client).into_iter().find(|file| file.to_str().unwrap().ends_with(&new)).unwrap();
    fs::write(&damaged, "n").unwrap();
    let client = client.reopen();
    assert_eq!(client.get(TARGET).await.code(), "InternalError");
    assert_eq!(client.get(&of(TARGET, &new)).await.code(), "InternalError");
    assert_eq!(client.get(&of(TARGET, &old)).await.body, "old");
    let newest = store(&client, TARGET, "newest").await;
    assert!(newest > new);
    assert_eq!(client.get(TARGET).await.body, "newest");
    client.delete(&of(TARGET, &newest)).await;
    assert_eq!(client.get(TARGET).await.code(), "InternalError");
    client.delete(&of(TARGET, &new)).await;
    assert!(!damaged.exists());
    assert_eq!(client.get(TARGET).await.body, "old");
    client.delete(TARGET).await;
    let lost = store(&client, TARGET, "lost").await;
    let damaged = files(&client).into_iter().find(|file| file.to_str().unwrap().ends_with(&lost)).unwrap();
    fs::write(&damaged, "l").unwrap();
    assert_eq!(client.reopen().get(TARGET).await.code(), "InternalError");
}

#[tokio::test]
async fn a_file_that_is_no_version_is_left_alone() {
    let client = versioned().await;
    store(&client, TARGET, "x").await;
    let file = files(&client).remove(0);
    let stranger = file.with_extension("backup");
    fs::copy(&file, &stranger).unwrap();
    let client = client.reopen();
    assert_eq!(client.get("/bucket?versions").await.elements("VersionId").len(), 1);
    assert_eq!(client.get(TARGET).await.body, "x");
    assert!(stranger.exists());
}
