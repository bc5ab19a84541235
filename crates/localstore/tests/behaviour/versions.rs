//! Versions: kept when the bucket is asked to, hidden by marks of deletion, and gone for ever only by name.

use http::{Method, StatusCode};

use crate::client::{Answer, Client};

pub(crate) const TARGET: &str = "/bucket/key";
const UNKNOWN: &str = "18bab0c2f4a7a001";

pub(crate) async fn set(client: &Client, status: &str) {
    let document = format!("<VersioningConfiguration><Status>{status}</Status></VersioningConfiguration>");
    let answer = client.put("/bucket?versioning", document).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
}

pub(crate) async fn versioned() -> Client {
    let client = Client::new().await;
    set(&client, "Enabled").await;
    client
}

/// Stores a version and answers with its name.
pub(crate) async fn store(client: &Client, target: &str, body: &str) -> String {
    id(&client.put(target, body.to_owned()).await)
}

pub(crate) fn id(answer: &Answer) -> String {
    assert!(answer.status.is_success(), "{}", answer.text());
    answer.header("x-amz-version-id").unwrap().to_owned()
}

pub(crate) fn of(target: &str, version: &str) -> String {
    format!("{target}?versionId={version}")
}

/// Checks all that is listed, as `key version latest` in any order.
async fn lists<const N: usize>(client: &Client, mut expected: [String; N]) {
    let page = client.get("/bucket?versions").await;
    let (keys, ids, latest) = (page.elements("Key"), page.elements("VersionId"), page.elements("IsLatest"));
    let shown = keys.iter().zip(ids).zip(latest).map(|((key, id), latest)| format!("{key} {id} {latest}"));
    let mut shown: Vec<_> = shown.collect();
    shown.sort();
    expected.sort();
    assert_eq!(shown, expected);
}

#[tokio::test]
async fn what_a_bucket_keeps_is_decided_durably() {
    let client = Client::new().await;
    let told = async |client: &Client| client.get("/bucket?versioning").await.element("Status");
    assert_eq!(told(&client).await, None);
    for status in ["Enabled", "Suspended", "Enabled"] {
        set(&client, status).await;
        assert_eq!(told(&client).await.as_deref(), Some(status));
    }
    let created = client.get("/").await.element("CreationDate");
    let client = client.reopen();
    assert_eq!(told(&client).await.as_deref(), Some("Enabled"));
    assert_eq!(client.get("/").await.element("CreationDate"), created);
    assert_eq!(client.get("/other-bucket?versioning").await.code(), "NoSuchBucket");
}

#[tokio::test]
async fn what_cannot_be_decided_is_refused_by_name() {
    let client = Client::new().await;
    for (inside, code) in [
        ("<Status>Enabled</Status><MfaDelete>Enabled</MfaDelete>", "NotImplemented"),
        ("<Status>Sometimes</Status>", "MalformedXML"),
        ("", "IllegalVersioningConfigurationException"),
    ] {
        let document = format!("<VersioningConfiguration>{inside}</VersioningConfiguration>");
        assert_eq!(client.put("/bucket?versioning", document.clone()).await.code(), code, "{document}");
    }
    assert_eq!(client.get("/bucket?versioning").await.element("Status"), None);
    let document =
        "<VersioningConfiguration><Status>Enabled</Status><MfaDelete>Disabled</MfaDelete></VersioningConfiguration>";
    assert_eq!(client.put("/bucket?versioning", document).await.status, StatusCode::OK);
    assert_eq!(client.put("/other-bucket?versioning", document).await.code(), "NoSuchBucket");
}

#[tokio::test]
async fn every_version_stays_until_it_is_named() {
    let client = versioned().await;
    let (first, second) = (store(&client, TARGET, "first").await, store(&client, TARGET, "second").await);
    assert!(first < second, "{first} {second}");
    let client = client.reopen();
    assert_eq!(client.get(TARGET).await.body, "second");
    for (version, body) in [(&first, "first"), (&second, "second")] {
        let answer = client.get(&of(TARGET, version)).await;
        assert_eq!((answer.text(), id(&answer).as_str()), (body, version.as_str()));
        assert_eq!(id(&client.head(&of(TARGET, version)).await), *version);
    }
    let gone = client.delete(&of(TARGET, &second)).await;
    assert_eq!((id(&gone), gone.header("x-amz-delete-marker")), (second.clone(), None));
    let client = client.reopen();
    assert_eq!(client.get(TARGET).await.body, "first");
    assert_eq!(client.get(&of(TARGET, &second)).await.code(), "NoSuchVersion");
    assert_eq!(client.delete(&of(TARGET, &second)).await.status, StatusCode::NO_CONTENT);
    client.delete(&of(TARGET, &first)).await;
    assert_eq!(client.get(TARGET).await.code(), "NoSuchKey");
    assert_eq!(client.delete("/bucket").await.status, StatusCode::NO_CONTENT);
}

#[tokio::test]
async fn without_versions_nothing_speaks_of_them() {
    let client = Client::new().await;
    let put = client.put(TARGET, "x").await;
    let copy = client.copy(TARGET, "/bucket/copy", &[]).await;
    for answer in [put, copy, client.get(TARGET).await, client.delete("/bucket/copy").await] {
        assert!(answer.headers.keys().all(|name| !name.as_str().contains("version")), "{:?}", answer.headers);
    }
    assert_eq!(client.get(&of(TARGET, "null")).await.body, "x");
    assert_eq!(client.get(&of(TARGET, UNKNOWN)).await.code(), "NoSuchVersion");
    lists(&client, ["key null true".to_owned()]).await;
    assert_eq!(client.delete(&of(TARGET, "null")).await.status, StatusCode::NO_CONTENT);
    assert_eq!(client.get(TARGET).await.code(), "NoSuchKey");
    lists(&client, []).await;
}

#[tokio::test]
async fn a_mark_of_deletion_hides_and_goes() {
    let client = versioned().await;
    let version = store(&client, TARGET, "kept").await;
    let answer = client.delete(TARGET).await;
    let marker = id(&answer);
    assert_eq!((answer.status, answer.header("x-amz-delete-marker")), (StatusCode::NO_CONTENT, Some("true")));
    let client = client.reopen();
    for answer in [client.get(TARGET).await, client.head(TARGET).await] {
        assert_eq!(answer.status, StatusCode::NOT_FOUND);
        assert_eq!(
            (answer.header("x-amz-delete-marker"), answer.header("x-amz-version-id")),
            (Some("true"), Some(marker.as_str()))
        );
    }
    for answer in [client.get(&of(TARGET, &marker)).await, client.head(&of(TARGET, &marker)).await] {
        assert_eq!(answer.status, StatusCode::METHOD_NOT_ALLOWED);
        assert_eq!((answer.header("allow"), answer.header("x-amz-delete-marker")), (Some("DELETE"), Some("true")));
        assert!(answer.header("last-modified").is_some_and(|date| date.ends_with("GMT")));
    }
    assert!(client.get("/bucket?list-type=2").await.element("Key").is_none());
    assert!(client.get("/bucket").await.element("Key").is_none());
    lists(&client, [format!("key {version} false"), format!("key {marker} true")]).await;
    assert_eq!(client.delete("/bucket").await.code(), "BucketNotEmpty");
    let answer = client.delete(&of(TARGET, &marker)).await;
    assert_eq!((id(&answer), answer.header("x-amz-delete-marker")), (marker, Some("true")));
    let client = client.reopen();
    assert_eq!(client.get(TARGET).await.body, "kept");
}

#[tokio::test]
async fn marks_pile_up_even_where_nothing_was() {
    let client = versioned().await;
    let marks = [id(&client.delete(TARGET).await), id(&client.delete(TARGET).await)];
    assert_ne!(marks[0], marks[1]);
    lists(&client, [format!("key {} true", marks[1]), format!("key {} false", marks[0])]).await;
    for mark in &marks {
        assert_eq!(client.get(TARGET).await.header("x-amz-delete-marker"), Some("true"));
        client.delete(&of(TARGET, mark)).await;
    }
    assert_eq!(client.get(TARGET).await.header("x-amz-delete-marker"), None);
    assert_eq!(client.delete("/bucket").await.status, StatusCode::NO_CONTENT);
}

#[tokio::test]
async fn what_was_there_before_versions_is_null_and_stays() {
    let client = Client::new().await;
    client.put(TARGET, "before").await;
    set(&client, "Enabled").await;
    assert_eq!(id(&client.head(TARGET).await), "null");
    let named = store(&client, TARGET, "after").await;
    let client = client.reopen();
    lists(&client, [format!("key {named} true"), "key null false".to_owned()]).await;
    assert_eq!(client.get(&of(TARGET, "null")).await.body, "before");
    client.delete(&of(TARGET, &named)).await;
    assert_eq!(client.get(TARGET).await.body, "before");
    assert_eq!(id(&client.delete(&of(TARGET, "null")).await), "null");
    assert_eq!(client.get(&of(TARGET, "null")).await.code(), "NoSuchVersion");
    assert_eq!(client.get(TARGET).await.code(), "NoSuchKey");
}

#[tokio::test]
async fn a_suspended_bucket_replaces_only_what_is_null() {
    let client = versioned().await;
    let named = store(&client, TARGET, "named").await;
    set(&client, "Suspended").await;
    for body in ["one", "two"] {
        let put = client.put(TARGET, body).await;
        assert_eq!((put.status, put.header("x-amz-version-id")), (StatusCode::OK, None));
    }
    let client = client.reopen();
    assert_eq!(client.get(TARGET).await.body, "two");
    lists(&client, ["key null true".to_owned(), format!("key {named} false")]).await;
    let marked = client.delete(TARGET).await;
    assert_eq!((id(&marked).as_str(), marked.header("x-amz-delete-marker")), ("null", Some("true")));
    lists(&client, [format!("key {named} false"), "key null true".to_owned()]).await;
    assert_eq!(client.get(&of(TARGET, "null")).await.status, StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(client.get(&of(TARGET, &named)).await.body, "named");
    let client = client.reopen();
    client.put(TARGET, "three").await;
    lists(&client, ["key null true".to_owned(), format!("key {named} false")]).await;
    set(&client, "Enabled").await;
    let newest = store(&client, TARGET, "four").await;
    lists(&client, [format!("key {newest} true"), "key null false".to_owned(), format!("key {named} false")]).await;
    assert_eq!(client.get(&of(TARGET, "null")).await.body, "three");
    let files = |directory: &std::path::Path| std::fs::read_dir(directory).unwrap().count();
    let shard =
        std::fs::read_dir(client.directory().join("buckets/bucket/objects")).unwrap().next().unwrap().unwrap().path();
    assert_eq!(files(&shard), 3);
}

#[tokio::test]
async fn conditions_look_at_the_latest_version() {
    let client = versioned().await;
    let only_new = [("if-none-match", "*")];
    assert_eq!(client.put_with(TARGET, &only_new, "one").await.status, StatusCode::OK);
    assert_eq!(client.put_with(TARGET, &only_new, "two").await.code(), "PreconditionFailed");
    let old = client.head(TARGET).await.etag();
    client.put(TARGET, "two").await;
    assert_eq!(client.put_with(TARGET, &[("if-match", &old)], "three").await.code(), "PreconditionFailed");
    let new = client.head(TARGET).await.etag();
    let stale = client.call(Method::DELETE, TARGET, &[("if-match", &old)]).await;
    assert_eq!(stale.code(), "PreconditionFailed");
    assert_eq!(client.call(Method::DELETE, TARGET, &[("if-match", &new)]).await.status, StatusCode::NO_CONTENT);
    assert_eq!(client.put_with(TARGET, &[("if-match", &new)], "three").await.code(), "NoSuchKey");
    assert_eq!(client.put_with(TARGET, &only_new, "three").await.status, StatusCode::OK);
    assert_eq!(client.get(TARGET).await.body, "three");
    assert_eq!(client.get("/bucket?versions").await.elements("VersionId").len(), 4);
}

#[tokio::test]
async fn what_is_no_version_is_refused() {
    let client = versioned().await;
    store(&client, TARGET, "x").await;
    for method in [Method::GET, Method::DELETE] {
        for wrong in ["", "1234", "latest"] {
            assert_eq!(
                client.call(method.clone(), &of(TARGET, wrong), &[]).await.code(),
                "InvalidArgument",
                "{wrong:?}"
            );
        }
    }
    assert_eq!(client.get(&of(TARGET, UNKNOWN)).await.code(), "NoSuchVersion");
    assert_eq!(client.get(&of(TARGET, "null")).await.code(), "NoSuchVersion");
    assert_eq!(client.get(&format!("{}&tagging", of(TARGET, UNKNOWN))).await.code(), "NoSuchVersion");
    assert_eq!(client.get("/bucket?versions").await.elements("VersionId").len(), 1);
}

#[tokio::test]
async fn many_removals_mark_and_remove() {
    let client = versioned().await;
    let version = store(&client, TARGET, "x").await;
    let other = store(&client, "/bucket/other", "y").await;
    let marker = id(&client.delete("/bucket/other").await);
    let body = format!(
        "<Delete><Object><Key>key</Key></Object><Object><Key>key</Key><VersionId>{version}</VersionId></Object>\
         <Object><Key>other</Key><VersionId>{marker}</VersionId></Object>\
         <Object><Key>other</Key><VersionId>{UNKNOWN}</VersionId></Object>\
         <Object><Key>other</Key><VersionId>wrong</VersionId></Object></Delete>"
    );
    let answer = client.post("/bucket?delete", body).await;
    let entries: Vec<&str> = answer.text().split("<Deleted>").skip(1).collect();
    assert_eq!(entries.len(), 4, "{}", answer.text());
    assert!(entries[0].contains("<DeleteMarker>true</DeleteMarker>") && !entries[0].contains("<VersionId>"));
    assert!(entries[1].contains(&format!("<VersionId>{version}</VersionId>")) && !entries[1].contains("Marker"));
    assert!(entries[2].contains(&format!("<VersionId>{marker}</VersionId>")));
    assert!(entries[2].contains(&format!("<DeleteMarkerVersionId>{marker}</DeleteMarkerVersionId>")));
    assert_eq!(answer.elements("Code"), ["NoSuchVersion"]);
    let made = answer.element("DeleteMarkerVersionId").unwrap();
    let client = client.reopen();
    assert_eq!(client.get("/bucket/other").await.body, "y");
    lists(&client, [format!("other {other} true"), format!("key {made} true")]).await;
}

#[tokio::test]
async fn a_long_list_is_marked_in_its_order() {
    let client = versioned().await;
    let etag = client.put("/bucket/0", "kept").await.etag();
    let entry = |key: usize| {
        let condition = if key == 0 { "<ETag>\"other\"</ETag>" } else { "" };
        format!("<Object><Key>{key}</Key>{condition}</Object>")
    };
    let entries: String = (0..150).map(entry).collect();
    let answer = client.post("/bucket?delete", format!("<Delete>{entries}</Delete>")).await;
    assert_eq!(answer.elements("Code"), ["PreconditionFailed"]);
    let marks = answer.elements("DeleteMarkerVersionId");
    assert_eq!(marks.len(), 149);
    assert!(marks.is_sorted());
    assert_eq!(client.staged(), 0);
    let client = client.reopen();
    assert_eq!(client.get("/bucket/0").await.etag(), etag);
    assert_eq!(client.get("/bucket/149").await.header("x-amz-version-id"), Some(marks[148].as_str()));
}
