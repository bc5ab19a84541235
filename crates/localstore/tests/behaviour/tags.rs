//! Object tags: with the object, after it, and never those of another.

use std::fs;

use http::{Method, StatusCode};

use crate::client::{Answer, Client};

const TARGET: &str = "/bucket/key";

async fn set(client: &Client, tags: &[(&str, &str)]) -> Answer {
    let tag = |(key, value): &(&str, &str)| format!("<Tag><Key>{key}</Key><Value>{value}</Value></Tag>");
    let tags = tags.iter().map(tag).collect::<Vec<_>>().concat();
    client.put(&format!("{TARGET}?tagging"), format!("<Tagging><TagSet>{tags}</TagSet></Tagging>")).await
}

async fn told(client: &Client) -> Vec<(String, String)> {
    let answer = client.get(&format!("{TARGET}?tagging")).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    let count = client.head(TARGET).await.header("x-amz-tagging-count").map(str::to_owned);
    let tags: Vec<_> = answer.elements("Key").into_iter().zip(answer.elements("Value")).collect();
    assert_eq!(count, (!tags.is_empty()).then(|| tags.len().to_string()));
    tags
}

fn owned(tags: &[(&str, &str)]) -> Vec<(String, String)> {
    tags.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

#[tokio::test]
async fn tags_are_set_with_the_object_after_it_and_removed() {
    let client = Client::new().await;
    let put = client.put_with(TARGET, &[("x-amz-tagging", "one=1&two=%C3%BC+b")], "content").await;
    assert_eq!(told(&client).await, owned(&[("one", "1"), ("two", "ü b")]));
    assert_eq!(set(&client, &[("three", "3")]).await.status, StatusCode::OK);
    assert_eq!(told(&client).await, owned(&[("three", "3")]));
    let client = client.reopen();
    assert_eq!(told(&client).await, owned(&[("three", "3")]));
    let answer = client.get(TARGET).await;
    assert_eq!((answer.text(), answer.etag()), ("content", put.etag()));
    assert_eq!(client.delete(&format!("{TARGET}?tagging")).await.status, StatusCode::NO_CONTENT);
    let client = client.reopen();
    assert_eq!(told(&client).await, []);
    assert_eq!(client.get("/bucket").await.elements("Key"), ["key"]);
}

#[tokio::test]
async fn tags_go_with_their_object() {
    let client = Client::new().await;
    client.put(TARGET, "old").await;
    set(&client, &[("a", "b")]).await;
    client.put(TARGET, "new").await;
    assert_eq!(told(&client).await, []);
    set(&client, &[("c", "d")]).await;
    client.copy(TARGET, "/bucket/copy", &[]).await;
    assert_eq!(client.head("/bucket/copy").await.header("x-amz-tagging-count"), Some("1"));
    client.delete("/bucket/copy").await;
    client.delete(TARGET).await;
    assert_eq!(client.get(&format!("{TARGET}?tagging")).await.code(), "NoSuchKey");
    assert_eq!(set(&client, &[("a", "b")]).await.code(), "NoSuchKey");
    assert_eq!(client.delete("/bucket").await.status, StatusCode::NO_CONTENT);
}

#[tokio::test]
async fn tags_that_s3_refuses_are_refused() {
    let client = Client::new().await;
    client.put_with(TARGET, &[("x-amz-tagging", "kept=1")], "content").await;
    let many: Vec<_> = (0..11).map(|n| n.to_string()).collect();
    let many: Vec<_> = many.iter().map(|n| (n.as_str(), "v")).collect();
    assert_eq!(set(&client, &many).await.code(), "BadRequest");
    assert_eq!(set(&client, &[("a", "1"), ("a", "2")]).await.code(), "InvalidTag");
    assert_eq!(set(&client, &[("", "1")]).await.code(), "InvalidTag");
    let put = client.put_with(TARGET, &[("x-amz-tagging", "a=1&a=2")], "x").await;
    assert_eq!(put.code(), "InvalidArgument");
    let versioned = client.get(&format!("{TARGET}?tagging&versionId=18bab0c2f4a7a001")).await;
    assert_eq!(versioned.code(), "NoSuchVersion");
    assert_eq!(told(&client).await, owned(&[("kept", "1")]));
}

#[tokio::test]
async fn tags_of_an_object_that_went_in_a_crash_are_nobodys() {
    let client = Client::new().await;
    client.put(TARGET, "old").await;
    set(&client, &[("a", "b")]).await;
    let shards = client.directory().join("buckets/bucket/objects");
    let shard = fs::read_dir(shards).unwrap().next().unwrap().unwrap().path();
    let tags = fs::read_dir(&shard).unwrap().map(|file| file.unwrap().path()).find(|file| file.extension().is_some());
    let tags = tags.unwrap();
    let saved = fs::read(&tags).unwrap();
    client.call(Method::DELETE, TARGET, &[]).await;
    fs::write(&tags, &saved).unwrap();
    client.put(TARGET, "new").await;
    fs::write(&tags, &saved).unwrap();
    assert_eq!(told(&client).await, []);
    client.delete(TARGET).await;
    fs::write(&tags, &saved).unwrap();
    let client = client.reopen();
    assert!(!tags.exists());
    assert!(client.get("/bucket").await.element("Key").is_none());
}
