//! Unfinished uploads: how they are listed, what a restart finds of them, and what they are to their bucket.

use std::fs;
use std::path::PathBuf;

use http::{Method, StatusCode};

use crate::client::{Client, object};
use crate::multipart::{PART_LEN, content};

const TARGET: &str = "/bucket/large";

fn directory(client: &Client, id: &str) -> PathBuf {
    client.directory().join("buckets/bucket/uploads").join(id)
}

#[tokio::test]
async fn parts_are_listed_page_by_page() {
    let client = Client::new().await;
    let id = client.begin(TARGET, &[("x-amz-checksum-algorithm", "CRC32"), ("x-amz-checksum-type", "COMPOSITE")]).await;
    for number in [9, 2, 4, 300] {
        client.part(TARGET, &id, number, "x".repeat(usize::from(number))).await;
    }
    let all = client.get(&format!("{TARGET}?uploadId={id}")).await;
    assert_eq!(all.elements("PartNumber"), ["2", "4", "9", "300"]);
    assert_eq!(all.elements("Size"), ["2", "4", "9", "300"]);
    assert_eq!(all.element("IsTruncated").unwrap(), "false");
    assert_eq!(all.element("ChecksumAlgorithm").unwrap(), "CRC32");
    assert_eq!(all.element("ChecksumType").unwrap(), "COMPOSITE");
    let first = client.get(&format!("{TARGET}?uploadId={id}&max-parts=2")).await;
    assert_eq!(first.elements("PartNumber"), ["2", "4"]);
    assert_eq!(first.element("IsTruncated").unwrap(), "true");
    let marker = first.element("NextPartNumberMarker").unwrap();
    let second = client.get(&format!("{TARGET}?uploadId={id}&max-parts=2&part-number-marker={marker}")).await;
    assert_eq!(second.elements("PartNumber"), ["9", "300"]);
    assert_eq!(second.element("IsTruncated").unwrap(), "false");
    let behind = client.get(&format!("{TARGET}?uploadId={id}&part-number-marker=300")).await;
    assert_eq!((behind.elements("PartNumber").len(), behind.element("IsTruncated").unwrap().as_str()), (0, "false"));
    let negative = client.get(&format!("{TARGET}?uploadId={id}&max-parts=-1")).await;
    assert_eq!(negative.code(), "InvalidArgument");
}

#[tokio::test]
async fn uploads_are_listed_by_key_and_age_page_by_page() {
    let client = Client::new().await;
    let mut expected = Vec::new();
    for key in ["a/1", "a/2", "b", "b", "c d"] {
        expected.push((key.to_owned(), client.begin(&object(key), &[]).await));
    }
    // Two begun within a millisecond have no order of their own.
    expected.sort();
    let (mut listed, mut markers) = (Vec::new(), String::new());
    loop {
        let page = client.get(&format!("/bucket?uploads&max-uploads=2{markers}")).await;
        listed.extend(page.elements("Key").into_iter().zip(page.elements("UploadId")));
        if page.element("IsTruncated").unwrap() == "false" {
            break;
        }
        let [key, id] = ["NextKeyMarker", "NextUploadIdMarker"].map(|name| page.element(name).unwrap());
        markers = format!("&key-marker={key}&upload-id-marker={id}");
    }
    assert_eq!(listed, expected);
    let grouped = client.get("/bucket?uploads&delimiter=/&encoding-type=url").await;
    assert_eq!(grouped.elements("CommonPrefixes"), ["<Prefix>a/</Prefix>"]);
    assert_eq!(grouped.elements("Key"), ["b", "b", "c%20d"]);
    let first = client.get("/bucket?uploads&delimiter=/&max-uploads=1").await;
    assert_eq!(first.element("NextKeyMarker").unwrap(), "a/");
    let rest = client.get("/bucket?uploads&delimiter=/&key-marker=a/").await;
    assert_eq!((rest.elements("Key").len(), rest.elements("CommonPrefixes").len()), (3, 0));
    assert_eq!(client.get("/bucket?uploads&prefix=a/").await.elements("Key"), ["a/1", "a/2"]);
    assert_eq!(client.get("/bucket?uploads&key-marker=b").await.elements("Key"), ["c d"]);
}

#[tokio::test]
async fn an_upload_survives_a_restart_with_its_finished_parts() {
    let client = Client::new().await;
    let headers = [("x-amz-meta-kept", "yes"), ("x-amz-checksum-algorithm", "SHA256"), ("content-type", "a/b")];
    let id = client.begin(TARGET, &headers).await;
    let first = client.part(TARGET, &id, 1, content(1, PART_LEN)).await;
    let (parts, uploads) = (client.get(&format!("{TARGET}?uploadId={id}")).await, client.get("/bucket?uploads").await);
    let client = client.reopen();
    assert_eq!(client.get(&format!("{TARGET}?uploadId={id}")).await.body, parts.body);
    assert_eq!(client.get("/bucket?uploads").await.body, uploads.body);
    let second = client.part(TARGET, &id, 2, "rest").await;
    let client = client.reopen();
    let answer = client.complete(TARGET, &id, &[(1, first), (2, second)]).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    let client = client.reopen();
    let answer = client.get(TARGET).await;
    assert!(answer.body == [&content(1, PART_LEN)[..], b"rest"].concat());
    assert_eq!((answer.header("x-amz-meta-kept"), answer.header("content-type")), (Some("yes"), Some("a/b")));
    assert!(client.get("/bucket?uploads").await.element("UploadId").is_none());
}

#[tokio::test]
async fn an_upload_whose_object_was_committed_before_a_crash_is_finished() {
    let client = Client::new().await;
    let id = client.begin(TARGET, &[]).await;
    let parts = [(1, client.part(TARGET, &id, 1, "x").await)];
    let saved = client.directory().join("saved");
    fs::create_dir(&saved).unwrap();
    for file in fs::read_dir(directory(&client, &id)).unwrap() {
        let file = file.unwrap();
        fs::copy(file.path(), saved.join(file.file_name())).unwrap();
    }
    assert_eq!(client.complete(TARGET, &id, &parts).await.status, StatusCode::OK);
    fs::rename(saved, directory(&client, &id)).unwrap();
    let client = client.reopen();
    assert!(client.get("/bucket?uploads").await.element("UploadId").is_none());
    assert!(!directory(&client, &id).exists());
    assert_eq!(client.complete(TARGET, &id, &parts).await.status, StatusCode::OK);
}

#[tokio::test]
async fn leftovers_of_ended_uploads_are_swept() {
    let client = Client::new().await;
    let id = client.begin(TARGET, &[]).await;
    client.part(TARGET, &id, 1, "x").await;
    let grave = client.directory().join("staging/grave");
    fs::rename(directory(&client, &id), &grave).unwrap();
    fs::write(client.directory().join("staging/half-copied"), "half").unwrap();
    let client = client.reopen();
    assert_eq!(client.staged(), 0);
    assert_eq!(client.get(&format!("{TARGET}?uploadId={id}")).await.code(), "NoSuchUpload");
}

#[tokio::test]
async fn a_damaged_part_is_missing_and_can_be_sent_again() {
    let client = Client::new().await;
    let id = client.begin(TARGET, &[]).await;
    let etag = client.part(TARGET, &id, 1, "content").await;
    fs::write(directory(&client, &id).join("00001"), "damage").unwrap();
    let client = client.reopen();
    assert!(client.get(&format!("{TARGET}?uploadId={id}")).await.element("PartNumber").is_none());
    assert_eq!(client.complete(TARGET, &id, &[(1, etag)]).await.code(), "InvalidPart");
    let etag = client.part(TARGET, &id, 1, "again").await;
    assert_eq!(client.complete(TARGET, &id, &[(1, etag)]).await.status, StatusCode::OK);
    assert_eq!(client.get(TARGET).await.body, "again");
}

#[tokio::test]
async fn an_upload_is_no_object_and_goes_with_its_bucket() {
    let client = Client::new().await;
    let id = client.begin(TARGET, &[]).await;
    let etag = client.part(TARGET, &id, 1, "x").await;
    assert!(client.get("/bucket").await.element("Key").is_none());
    assert_eq!(client.get(TARGET).await.code(), "NoSuchKey");
    assert_eq!(client.delete("/bucket").await.status, StatusCode::NO_CONTENT);
    assert_eq!(client.complete(TARGET, &id, &[(1, etag)]).await.code(), "NoSuchBucket");
    assert_eq!(client.staged(), 0);
    let client = client.reopen();
    assert_eq!(client.call(Method::PUT, "/bucket", &[]).await.status, StatusCode::OK);
    assert!(client.get("/bucket?uploads").await.element("UploadId").is_none());
}
