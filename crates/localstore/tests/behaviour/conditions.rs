//! Conditional requests over HTTP.

use http::{Method, StatusCode};

use crate::client::Client;

const PAST: &str = "Wed, 21 Oct 2015 07:28:00 GMT";
const FUTURE: &str = "Wed, 21 Oct 2095 07:28:00 GMT";

#[tokio::test]
async fn reads_follow_the_precedence_of_s3() {
    let client = Client::new().await;
    let etag = client.put("/bucket/key", "content").await.etag();
    let cases: [(&[(&str, &str)], u16); 11] = [
        (&[("if-match", &etag)], 200),
        (&[("if-match", "*")], 200),
        (&[("if-match", "\"other\"")], 412),
        (&[("if-none-match", &etag)], 304),
        (&[("if-none-match", "*")], 304),
        (&[("if-none-match", "\"other\"")], 200),
        (&[("if-modified-since", PAST)], 200),
        (&[("if-modified-since", FUTURE)], 304),
        (&[("if-unmodified-since", PAST)], 412),
        (&[("if-match", &etag), ("if-unmodified-since", PAST)], 200),
        (&[("if-none-match", &etag), ("if-modified-since", PAST)], 304),
    ];
    for (headers, status) in cases {
        for method in [Method::GET, Method::HEAD] {
            let answer = client.call(method.clone(), "/bucket/key", headers).await;
            assert_eq!(answer.status.as_u16(), status, "{method} {headers:?}");
            if status == 304 {
                assert_eq!(answer.etag(), etag);
                assert!(answer.body.is_empty());
            }
        }
    }
}

#[tokio::test]
async fn a_condition_is_checked_before_the_range() {
    let client = Client::new().await;
    client.put("/bucket/key", "content").await;
    let headers = [("if-match", "\"other\""), ("range", "bytes=100-")];
    assert_eq!(client.call(Method::GET, "/bucket/key", &headers).await.code(), "PreconditionFailed");
}

#[tokio::test]
async fn a_write_can_insist_on_being_the_first() {
    let client = Client::new().await;
    let first = client.put_with("/bucket/key", &[("if-none-match", "*")], "first").await;
    assert_eq!(first.status, StatusCode::OK);
    let second = client.put_with("/bucket/key", &[("if-none-match", "*")], "second").await;
    assert_eq!(second.code(), "PreconditionFailed");
    assert_eq!(client.get("/bucket/key").await.body, "first");
    let other = client.put_with("/bucket/key", &[("if-none-match", &first.etag())], "x").await;
    assert_eq!(other.code(), "NotImplemented");
}

#[tokio::test]
async fn a_write_can_insist_on_the_version_it_replaces() {
    let client = Client::new().await;
    let missing = client.put_with("/bucket/key", &[("if-match", "\"any\"")], "x").await;
    assert_eq!(missing.code(), "NoSuchKey");
    let first = client.put("/bucket/key", "first").await.etag();
    let second = client.put_with("/bucket/key", &[("if-match", &first)], "second").await;
    assert_eq!(second.status, StatusCode::OK);
    let stale = client.put_with("/bucket/key", &[("if-match", &first)], "third").await;
    assert_eq!(stale.code(), "PreconditionFailed");
    assert_eq!(client.get("/bucket/key").await.body, "second");
}

#[tokio::test]
async fn a_removal_can_insist_on_a_version() {
    let client = Client::new().await;
    let etag = client.put("/bucket/key", "content").await.etag();
    let other = client.call(Method::DELETE, "/bucket/key", &[("if-match", "\"other\"")]).await;
    assert_eq!(other.code(), "PreconditionFailed");
    assert_eq!(client.head("/bucket/key").await.status, StatusCode::OK);
    let same = client.call(Method::DELETE, "/bucket/key", &[("if-match", &etag)]).await;
    assert_eq!(same.status, StatusCode::NO_CONTENT);
    assert_eq!(client.head("/bucket/key").await.status, StatusCode::NOT_FOUND);
}
