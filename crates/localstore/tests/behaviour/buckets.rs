//! Buckets: made, found, listed, removed.

use http::{Method, StatusCode};

use crate::client::Client;

#[tokio::test]
async fn a_bucket_is_made_once_and_found() {
    let client = Client::new().await;
    let made = client.put("/another.bucket", "").await;
    assert_eq!((made.status, made.header("location")), (StatusCode::OK, Some("/another.bucket")));
    let again = client.put("/another.bucket", "").await;
    assert_eq!((again.status, again.code().as_str()), (StatusCode::CONFLICT, "BucketAlreadyOwnedByYou"));
    assert_eq!(client.head("/another.bucket").await.status, StatusCode::OK);
    assert_eq!(client.head("/third-bucket").await.status, StatusCode::NOT_FOUND);
    let location = client.get("/another.bucket?location").await;
    assert!(location.text().contains("<LocationConstraint"), "{}", location.text());
    assert_eq!(client.get("/third-bucket?location").await.code(), "NoSuchBucket");
}

#[tokio::test]
async fn names_that_s3_forbids_are_refused() {
    let client = Client::new().await;
    for name in ["ab", "Upper", "under_score", "192.168.0.1", "..", "a..b", "-a-"] {
        assert_eq!(client.put(&format!("/{name}"), "").await.code(), "InvalidBucketName", "{name}");
    }
}

#[tokio::test]
async fn only_an_empty_bucket_is_removed() {
    let client = Client::new().await;
    client.put("/bucket/key", "x").await;
    assert_eq!(client.delete("/bucket").await.code(), "BucketNotEmpty");
    client.delete("/bucket/key").await;
    assert_eq!(client.delete("/bucket").await.status, StatusCode::NO_CONTENT);
    assert_eq!(client.delete("/bucket").await.code(), "NoSuchBucket");
    assert_eq!(client.staged(), 0);
    assert_eq!(client.put("/bucket", "").await.status, StatusCode::OK);
    assert_eq!(client.head("/bucket/key").await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn buckets_are_listed_in_order_and_in_pages() {
    let client = Client::new().await;
    for name in ["beta", "alpha"] {
        client.put(&format!("/{name}"), "").await;
    }
    let names = |text: &str| -> Vec<String> {
        text.split("<Name>").skip(1).map(|rest| rest.split('<').next().unwrap().to_owned()).collect()
    };
    assert_eq!(names(client.get("/").await.text()), ["alpha", "beta", "bucket"]);
    assert_eq!(names(client.get("/?prefix=b").await.text()), ["beta", "bucket"]);
    let page = client.get("/?max-buckets=2").await;
    assert_eq!(names(page.text()), ["alpha", "beta"]);
    assert!(page.text().contains("<ContinuationToken>beta</ContinuationToken>"));
    let next = client.get("/?max-buckets=2&continuation-token=beta").await;
    assert_eq!(names(next.text()), ["bucket"]);
    assert!(!next.text().contains("ContinuationToken"));
}

#[tokio::test]
async fn an_upload_into_a_bucket_that_is_removed_meanwhile_is_refused() {
    let client = Client::new().await;
    let (sender, body) = crate::bodies::channel();
    let upload = client.start(crate::client::request(Method::PUT, "/bucket/key", &[("content-length", "4")], body));
    let removal = async {
        sender.send(Ok("ab".into())).await.unwrap();
        assert_eq!(client.delete("/bucket").await.status, StatusCode::NO_CONTENT);
        sender.send(Ok("cd".into())).await.unwrap();
        drop(sender);
    };
    let (answer, ()) = futures::future::join(upload, removal).await;
    assert_eq!(answer.status(), StatusCode::NOT_FOUND);
    assert_eq!(client.staged(), 0);
}
