//! Writing, reading and removing single objects.

use http::{Method, StatusCode};

use crate::client::{Client, object};

#[tokio::test]
async fn an_object_comes_back_with_everything_it_was_stored_with() {
    let client = Client::new().await;
    let kept = [
        ("content-type", "text/plain; charset=utf-8"),
        ("cache-control", "max-age=60"),
        ("content-disposition", "attachment; filename=\"a b\""),
        ("content-encoding", "gzip"),
        ("content-language", "de"),
        ("expires", "Wed, 21 Oct 2015 07:28:00 GMT"),
        ("x-amz-storage-class", "STANDARD_IA"),
        ("x-amz-website-redirect-location", "/elsewhere"),
        ("x-amz-meta-one", "1"),
        ("x-amz-meta-two", "a  b;=\"c\""),
    ];
    let put = client.put_with("/bucket/key", &kept, "content").await;
    assert_eq!(put.status, StatusCode::OK);
    for answer in [client.get("/bucket/key").await, client.head("/bucket/key").await] {
        assert_eq!(answer.status, StatusCode::OK);
        for (name, value) in kept {
            assert_eq!(answer.header(name), Some(value), "{name}");
        }
        assert_eq!(answer.header("content-length"), Some("7"));
        assert_eq!(answer.header("accept-ranges"), Some("bytes"));
        assert_eq!(answer.etag(), put.etag());
        assert!(answer.header("last-modified").unwrap().ends_with(" GMT"));
    }
    assert_eq!(client.get("/bucket/key").await.body, "content");
    assert!(client.head("/bucket/key").await.body.is_empty());
}

#[tokio::test]
async fn the_last_write_replaces_content_and_metadata() {
    let client = Client::new().await;
    let first = client.put_with("/bucket/key", &[("x-amz-meta-old", "1")], "long content").await;
    let second = client.put_with("/bucket/key", &[("x-amz-meta-new", "2")], "short").await;
    assert_ne!(first.etag(), second.etag());
    let answer = client.get("/bucket/key").await;
    assert_eq!(answer.body, "short");
    assert_eq!(answer.header("x-amz-meta-new"), Some("2"));
    assert_eq!(answer.header("x-amz-meta-old"), None);
    assert_eq!(answer.header("content-type"), Some("binary/octet-stream"));
}

#[tokio::test]
async fn an_etag_is_no_md5_and_no_two_writes_share_one() {
    let client = Client::new().await;
    let first = client.put("/bucket/a", "same").await.etag();
    let second = client.put("/bucket/b", "same").await.etag();
    assert_ne!(first, second);
    assert_eq!(first.len(), 36);
    assert!(first.starts_with('"') && first.ends_with("-1\""), "{first}");
}

#[tokio::test]
async fn an_empty_object_is_an_object() {
    let client = Client::new().await;
    client.put("/bucket/empty", "").await;
    let answer = client.get("/bucket/empty").await;
    assert_eq!((answer.status, answer.header("content-length")), (StatusCode::OK, Some("0")));
    let ranged = client.call(Method::GET, "/bucket/empty", &[("range", "bytes=0-")]).await;
    assert_eq!(ranged.code(), "InvalidRange");
}

#[tokio::test]
async fn every_legal_key_is_a_key_of_its_own() {
    let client = Client::new().await;
    let long = "é".repeat(512);
    let keys = [
        "a",
        "a/",
        "a//",
        "a/b",
        "a//b",
        "..",
        "../..",
        "./a",
        ".",
        "\u{1}\u{7f}",
        "a\nb",
        "%2e",
        "+",
        " ",
        &long,
        "/",
        "//",
        "bucket.json",
    ];
    for key in keys {
        assert_eq!(client.put(&object(key), format!("content of {key}")).await.status, StatusCode::OK, "{key:?}");
    }
    for key in keys {
        assert_eq!(client.get(&object(key)).await.text(), format!("content of {key}"));
    }
    for key in keys {
        assert_eq!(client.delete(&object(key)).await.status, StatusCode::NO_CONTENT);
        assert_eq!(client.get(&object(key)).await.code(), "NoSuchKey", "{key:?}");
    }
}

#[tokio::test]
async fn a_key_of_more_than_1024_bytes_is_refused() {
    let client = Client::new().await;
    let answer = client.put(&object(&"k".repeat(1025)), "").await;
    assert_eq!(answer.code(), "KeyTooLongError");
}

#[tokio::test]
async fn what_is_missing_is_named() {
    let client = Client::new().await;
    assert_eq!(client.get("/bucket/none").await.code(), "NoSuchKey");
    assert_eq!(client.head("/bucket/none").await.status, StatusCode::NOT_FOUND);
    assert_eq!(client.get("/other-bucket/none").await.code(), "NoSuchBucket");
    assert_eq!(client.put("/other-bucket/none", "x").await.code(), "NoSuchBucket");
    assert_eq!(client.delete("/bucket/none").await.status, StatusCode::NO_CONTENT);
    assert_eq!(client.delete("/other-bucket/none").await.code(), "NoSuchBucket");
    assert_eq!(client.get("/bucket/none?versionId=1234").await.code(), "InvalidArgument");
    assert_eq!(client.get("/bucket/none?versionId=18bab0c2f4a7a001").await.code(), "NoSuchVersion");
}

#[tokio::test]
async fn a_range_is_a_slice() {
    let client = Client::new().await;
    client.put("/bucket/key", "0123456789").await;
    for (range, expected, shown) in [
        ("bytes=2-4", "234", "bytes 2-4/10"),
        ("bytes=7-", "789", "bytes 7-9/10"),
        ("bytes=-4", "6789", "bytes 6-9/10"),
        ("bytes=0-99", "0123456789", "bytes 0-9/10"),
    ] {
        let answer = client.call(Method::GET, "/bucket/key", &[("range", range)]).await;
        assert_eq!((answer.status, answer.text()), (StatusCode::PARTIAL_CONTENT, expected), "{range}");
        assert_eq!(answer.header("content-range"), Some(shown));
        assert_eq!(answer.header("content-length"), Some(expected.len().to_string().as_str()));
    }
    let beyond = client.call(Method::GET, "/bucket/key", &[("range", "bytes=10-")]).await;
    assert_eq!((beyond.status, beyond.code().as_str()), (StatusCode::RANGE_NOT_SATISFIABLE, "InvalidRange"));
    assert_eq!(beyond.header("content-range"), Some("bytes */10"));
}

#[tokio::test]
async fn a_large_object_is_streamed_with_its_exact_length() {
    let client = Client::new().await;
    let content: Vec<u8> = (0..3_000_017_u32).map(|n| u8::try_from(n % 251).unwrap()).collect();
    client.put("/bucket/large", content.clone()).await;
    let answer = client.start(crate::client::request(Method::GET, "/bucket/large", &[], s3s::Body::empty())).await;
    assert_eq!(http_body::Body::size_hint(answer.body()).exact(), Some(3_000_017));
    let body = http_body_util::BodyExt::collect(answer.into_body()).await.unwrap().to_bytes();
    assert!(body == content);
    let ranged = client.call(Method::GET, "/bucket/large", &[("range", "bytes=524287-2097153")]).await;
    assert!(ranged.body == content[524_287..=2_097_153]);
}

#[tokio::test]
async fn the_only_part_of_an_object_is_the_whole() {
    let client = Client::new().await;
    client.put("/bucket/key", "0123").await;
    let first = client.get("/bucket/key?partNumber=1").await;
    assert_eq!((first.status, first.text()), (StatusCode::PARTIAL_CONTENT, "0123"));
    let head = client.head("/bucket/key?partNumber=1").await;
    assert_eq!((head.status, head.header("content-range")), (StatusCode::PARTIAL_CONTENT, Some("bytes 0-3/4")));
    assert_eq!(client.head("/bucket/key").await.status, StatusCode::OK);
    assert_eq!(client.get("/bucket/key?partNumber=2").await.code(), "InvalidPartNumber");
}

#[tokio::test]
async fn response_parameters_override_stored_headers() {
    let client = Client::new().await;
    client.put_with("/bucket/key", &[("content-type", "text/plain")], "x").await;
    let target = "/bucket/key?response-content-type=text%2Fhtml&response-cache-control=no-store";
    for answer in [client.get(target).await, client.head(target).await] {
        assert_eq!(answer.header("content-type"), Some("text/html"));
        assert_eq!(answer.header("cache-control"), Some("no-store"));
    }
}

#[tokio::test]
async fn what_cannot_be_kept_is_refused_and_checksums_are_not_repeated() {
    let client = Client::new().await;
    let locked = [("x-amz-object-lock-legal-hold", "ON")];
    assert_eq!(client.put_with("/bucket/key", &locked, "x").await.code(), "NotImplemented");
    assert_eq!(client.get("/bucket/key").await.code(), "NoSuchKey");
    let put = client.put_with("/bucket/key", &[("x-amz-checksum-crc32", "AAAAAA==")], "x").await;
    assert_eq!(put.status, StatusCode::OK);
    let get = client.call(Method::GET, "/bucket/key", &[("x-amz-checksum-mode", "ENABLED")]).await;
    for answer in [put, get] {
        assert!(answer.headers.keys().all(|name| !name.as_str().starts_with("x-amz-checksum")));
    }
}

#[tokio::test]
async fn operations_without_a_row_change_nothing() {
    let client = Client::new().await;
    client.put("/bucket/key", "content").await;
    for (method, target) in [
        (Method::PUT, "/bucket/key?tagging&x-id=PutObject"),
        (Method::PUT, "/bucket/key?acl"),
        (Method::POST, "/bucket/key?restore"),
        (Method::PUT, "/bucket?versioning"),
        (Method::DELETE, "/bucket?policy"),
    ] {
        let answer = client.call(method.clone(), target, &[]).await;
        assert!(!answer.status.is_success(), "{method} {target}");
    }
    assert_eq!(client.get("/bucket/key").await.body, "content");
}

#[tokio::test]
async fn many_objects_are_removed_in_one_request() {
    let client = Client::new().await;
    for key in ["a", "b", "c"] {
        client.put(&object(key), "x").await;
    }
    let etag = client.head("/bucket/c").await.etag();
    let body = "<Delete><Object><Key>a</Key></Object><Object><Key>gone</Key></Object>\
                <Object><Key>b</Key><ETag>\"other\"</ETag></Object></Delete>";
    let answer = client.post("/bucket?delete", body.to_owned()).await;
    assert_eq!(answer.status, StatusCode::OK);
    assert!(
        answer.text().contains("<Deleted><Key>a</Key></Deleted><Deleted><Key>gone</Key></Deleted>"),
        "{}",
        answer.text()
    );
    assert!(answer.text().contains("<Error><Code>PreconditionFailed</Code><Key>b</Key>"), "{}", answer.text());
    let body = format!("<Delete><Quiet>true</Quiet><Object><Key>c</Key><ETag>{etag}</ETag></Object></Delete>");
    let answer = client.post("/bucket?delete", body).await;
    assert!(!answer.text().contains("Deleted"), "{}", answer.text());
    let left = client.get("/bucket").await;
    assert!(left.text().contains("<Key>b</Key>") && !left.text().contains("<Key>c</Key>"));
}
