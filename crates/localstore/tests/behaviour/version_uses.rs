//! What else speaks of versions: tags, copies, uploads in parts, attributes.

use http::{Method, StatusCode};

use crate::client::Client;
use crate::versions::{TARGET, id, of, store, versioned};

#[tokio::test]
async fn each_version_has_its_own_tags() {
    let client = versioned().await;
    let old = id(&client.put_with(TARGET, &[("x-amz-tagging", "n=1")], "one").await);
    let new = store(&client, TARGET, "two").await;
    let tags = async |client: &Client, version: &str| {
        let answer = client.get(&format!("{}&tagging", of(TARGET, version))).await;
        assert_eq!(id(&answer), version);
        answer.elements("Value")
    };
    let document =
        |value: &str| format!("<Tagging><TagSet><Tag><Key>n</Key><Value>{value}</Value></Tag></TagSet></Tagging>");
    assert_eq!(id(&client.put(&format!("{TARGET}?tagging"), document("3")).await), new);
    assert_eq!((tags(&client, &old).await, tags(&client, &new).await), (vec!["1".to_owned()], vec!["3".to_owned()]));
    assert_eq!(id(&client.put(&format!("{}&tagging", of(TARGET, &old)), document("2")).await), old);
    let client = client.reopen();
    assert_eq!((tags(&client, &old).await, tags(&client, &new).await), (vec!["2".to_owned()], vec!["3".to_owned()]));
    assert_eq!(client.head(&of(TARGET, &old)).await.header("x-amz-tagging-count"), Some("1"));
    client.delete(&format!("{}&tagging", of(TARGET, &new))).await;
    assert_eq!((tags(&client, &old).await, tags(&client, &new).await), (vec!["2".to_owned()], vec![]));
    let marker = id(&client.delete(TARGET).await);
    assert_eq!(client.put(&format!("{TARGET}?tagging"), document("4")).await.code(), "MethodNotAllowed");
    assert_eq!(client.get(&format!("{TARGET}?tagging")).await.code(), "NoSuchKey");
    assert_eq!(client.get(&format!("{}&tagging", of(TARGET, &marker))).await.code(), "MethodNotAllowed");
    for version in [&old, &new, &marker] {
        client.delete(&of(TARGET, version)).await;
    }
    assert_eq!(client.delete("/bucket").await.status, StatusCode::NO_CONTENT);
}

#[tokio::test]
async fn a_version_is_copied_and_an_old_one_restored() {
    let client = versioned().await;
    let old = id(&client.put_with(TARGET, &[("x-amz-meta-n", "1")], "old").await);
    let new = store(&client, TARGET, "new").await;
    assert_eq!(client.copy(TARGET, TARGET, &[]).await.code(), "InvalidRequest");
    let restored = client.copy(&of(TARGET, &old), TARGET, &[]).await;
    let latest = id(&restored);
    assert_eq!(restored.header("x-amz-copy-source-version-id"), Some(old.as_str()));
    assert!(latest > new);
    let answer = client.get(TARGET).await;
    assert_eq!((answer.text(), answer.header("x-amz-meta-n"), id(&answer)), ("old", Some("1"), latest));
    let marker = id(&client.delete(TARGET).await);
    assert_eq!(client.copy(&of(TARGET, &marker), "/bucket/copy", &[]).await.code(), "InvalidRequest");
    assert_eq!(client.copy(TARGET, "/bucket/copy", &[]).await.code(), "NoSuchKey");
    assert_eq!(client.copy(&of(TARGET, &new), "/bucket/copy", &[]).await.status, StatusCode::OK);
    assert_eq!(client.get("/bucket/copy").await.body, "new");
}

#[tokio::test]
async fn an_upload_in_parts_becomes_a_version() {
    let client = versioned().await;
    let old = store(&client, TARGET, "0123456789").await;
    let upload = client.begin(TARGET, &[]).await;
    let headers = [("x-amz-copy-source", of(TARGET, &old)), ("x-amz-copy-source-range", "bytes=2-4".to_owned())];
    let headers = headers.each_ref().map(|(name, value)| (*name, value.as_str()));
    let copied = client.put_with(&format!("{TARGET}?partNumber=1&uploadId={upload}"), &headers, "").await;
    assert_eq!(copied.header("x-amz-copy-source-version-id"), Some(old.as_str()));
    let parts = [(1, copied.element("ETag").unwrap())];
    let completed = client.complete(TARGET, &upload, &parts).await;
    let version = id(&completed);
    client.put(TARGET, "newest").await;
    let client = client.reopen();
    // Asked for once more, it is the same version, although that is no longer the latest.
    assert_eq!(id(&client.complete(TARGET, &upload, &parts).await), version);
    assert_eq!(client.get(&of(TARGET, &version)).await.body, "234");
    assert_eq!(
        client.get(&format!("{}&partNumber=1", of(TARGET, &version))).await.header("x-amz-mp-parts-count"),
        Some("1")
    );
    let asked = [("x-amz-object-attributes", "ObjectSize,ETag")];
    let told = client.call(Method::GET, &format!("{}&attributes", of(TARGET, &version)), &asked).await;
    assert_eq!((told.element("ObjectSize").as_deref(), id(&told)), (Some("3"), version.clone()));
    client.delete(&of(TARGET, &version)).await;
    assert_eq!(client.complete(TARGET, &upload, &parts).await.code(), "NoSuchUpload");
}
