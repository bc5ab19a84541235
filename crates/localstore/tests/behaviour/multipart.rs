//! Multipart uploads from their beginning to the object, and everything that can be wrong with one.

use bytes::Bytes;
use futures::future::join_all;
use http::{Method, StatusCode};

use crate::bodies::channel;
use crate::client::{Answer, Client, object, request};

const TARGET: &str = "/bucket/large";
pub(crate) const PART_LEN: usize = 5 << 20;

/// Content no two parts of which are alike.
pub(crate) fn content(number: u16, len: usize) -> Bytes {
    let seed = usize::from(number) * 7;
    (0..len).map(|n| u8::try_from((n / 3 + seed) % 251).unwrap()).collect::<Vec<_>>().into()
}

/// An upload of two whole parts and a rest, completed.
async fn upload(client: &Client, headers: &[(&str, &str)]) -> (String, Answer, Vec<u8>) {
    let id = client.begin(TARGET, headers).await;
    let bodies = [content(1, PART_LEN), content(2, PART_LEN + 1), content(3, 1000)];
    let mut parts = Vec::new();
    for (number, body) in (1..).zip(&bodies) {
        parts.push((number, client.part(TARGET, &id, number, body.clone()).await));
    }
    let answer = client.complete(TARGET, &id, &parts).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    (id, answer, bodies.concat())
}

#[tokio::test]
async fn parts_become_one_object_with_everything_it_was_begun_with() {
    let client = Client::new().await;
    let kept = [
        ("content-type", "text/plain"),
        ("cache-control", "max-age=1"),
        ("x-amz-meta-one", "1"),
        ("x-amz-storage-class", "STANDARD_IA"),
    ];
    let tagged = [&kept[..], &[("x-amz-tagging", "a=b&c=d")]].concat();
    let (_, completed, content) = upload(&client, &tagged).await;
    let etag = completed.element("ETag").unwrap();
    assert!(etag.ends_with("-3\"") && etag.len() == 36, "{etag}");
    assert_eq!(completed.element("Key").unwrap(), "large");
    for client in [&client.reopen()] {
        let answer = client.get(TARGET).await;
        assert!(answer.body == content);
        for (name, value) in kept {
            assert_eq!(answer.header(name), Some(value), "{name}");
        }
        assert_eq!(answer.header("x-amz-tagging-count"), Some("2"));
        assert_eq!(answer.etag(), etag);
        let list = client.get("/bucket").await;
        assert_eq!(list.element("ETag").unwrap(), etag);
        assert_eq!(list.element("Size").unwrap(), content.len().to_string());
        assert!(client.get("/bucket?uploads").await.element("UploadId").is_none());
    }
}

#[tokio::test]
async fn a_part_of_an_object_is_read_by_its_number() {
    let client = Client::new().await;
    let (_, _, content) = upload(&client, &[]).await;
    let total = content.len();
    for (number, range) in [(1, 0..PART_LEN), (2, PART_LEN..2 * PART_LEN + 1), (3, 2 * PART_LEN + 1..total)] {
        let target = format!("{TARGET}?partNumber={number}");
        let answer = client.get(&target).await;
        assert_eq!(answer.status, StatusCode::PARTIAL_CONTENT);
        assert!(answer.body == content[range.clone()]);
        for answer in [answer, client.head(&target).await] {
            let shown = format!("bytes {}-{}/{total}", range.start, range.end - 1);
            assert_eq!(answer.header("content-range"), Some(shown.as_str()));
            assert_eq!(answer.header("content-length"), Some(range.len().to_string().as_str()));
            assert_eq!(answer.header("x-amz-mp-parts-count"), Some("3"));
        }
    }
    assert_eq!(client.get(&format!("{TARGET}?partNumber=4")).await.code(), "InvalidPartNumber");
    assert_eq!(client.head(TARGET).await.header("x-amz-mp-parts-count"), None);
    let across = format!("bytes={}-{}", PART_LEN - 10, PART_LEN + 9);
    let ranged = client.call(Method::GET, TARGET, &[("range", &across)]).await;
    assert!(ranged.body == content[PART_LEN - 10..PART_LEN + 10]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn parts_arrive_in_any_order_at_once_and_again() {
    let client = Client::new().await;
    let id = client.begin(TARGET, &[]).await;
    client.part(TARGET, &id, 40, "to be replaced").await;
    let numbers = [40, 7, 23, 1];
    let tags = join_all(numbers.map(|number| client.part(TARGET, &id, number, content(number, PART_LEN)))).await;
    let mut parts: Vec<_> = numbers.into_iter().zip(tags).collect();
    parts.sort();
    assert_eq!(client.complete(TARGET, &id, &parts).await.status, StatusCode::OK);
    let expected = [1, 7, 23, 40].map(|number| content(number, PART_LEN)).concat();
    assert!(client.get(TARGET).await.body == expected);
    // The parts of an object count from 1.
    assert!(client.get(&format!("{TARGET}?partNumber=2")).await.body == content(7, PART_LEN));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_one_part_sent_many_times_at_once_one_attempt_stays_whole() {
    let client = Client::new().await;
    let id = client.begin(TARGET, &[]).await;
    let attempts = join_all((0..8).map(|attempt| client.part(TARGET, &id, 1, content(attempt, 3000)))).await;
    let listed = client.get(&format!("{TARGET}?uploadId={id}")).await.element("ETag").unwrap();
    let winner = attempts.iter().position(|etag| *etag == listed).unwrap();
    assert_eq!(client.complete(TARGET, &id, &[(1, listed)]).await.status, StatusCode::OK);
    assert!(client.get(TARGET).await.body == content(u16::try_from(winner).unwrap(), 3000));
}

#[tokio::test]
async fn a_part_list_is_checked_and_the_upload_stays() {
    let client = Client::new().await;
    client.put(TARGET, "old").await;
    let id = client.begin(TARGET, &[]).await;
    let small = client.part(TARGET, &id, 1, "small").await;
    let large = client.part(TARGET, &id, 2, content(2, PART_LEN)).await;
    let replaced = client.part(TARGET, &id, 3, "first").await;
    let current = client.part(TARGET, &id, 3, "second").await;
    let cases: [(&[(u16, &String)], &str); 7] = [
        (&[], "MalformedXML"),
        (&[(2, &large), (1, &small)], "InvalidPartOrder"),
        (&[(2, &large), (2, &large)], "InvalidPartOrder"),
        (&[(2, &large), (4, &large)], "InvalidPart"),
        (&[(2, &large), (3, &replaced)], "InvalidPart"),
        (&[(1, &small), (2, &large)], "EntityTooSmall"),
        (&[(1, &small), (3, &current)], "EntityTooSmall"),
    ];
    for (parts, code) in cases {
        let parts: Vec<_> = parts.iter().map(|(number, etag)| (*number, (*etag).clone())).collect();
        assert_eq!(client.complete(TARGET, &id, &parts).await.code(), code);
    }
    let not_xml = client.post(&format!("{TARGET}?uploadId={id}"), "<".to_owned()).await;
    assert_eq!(not_xml.code(), "MalformedXML");
    assert_eq!(client.get(TARGET).await.body, "old");
    let parts = [(2, large.replace('"', "")), (3, format!("&quot;{}&quot;", current.replace('"', "")))];
    let wrong_len = client.complete_if(TARGET, &id, &parts, &[("x-amz-mp-object-size", "1")]).await;
    assert_eq!(wrong_len.code(), "InvalidRequest");
    let len = (PART_LEN + 6).to_string();
    let answer = client.complete_if(TARGET, &id, &parts, &[("x-amz-mp-object-size", &len)]).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    assert!(client.get(TARGET).await.body.ends_with(b"second"));
    assert_eq!(client.staged(), 0);
}

#[tokio::test]
async fn numbers_of_parts_have_bounds() {
    let client = Client::new().await;
    let id = client.begin(TARGET, &[]).await;
    for number in ["0", "10001", "-1"] {
        let answer = client.put(&format!("{TARGET}?partNumber={number}&uploadId={id}"), "x").await;
        assert_eq!(answer.code(), "InvalidArgument", "{number}");
    }
    let etag = client.part(TARGET, &id, 10_000, "").await;
    assert_eq!(client.complete(TARGET, &id, &[(10_000, etag)]).await.status, StatusCode::OK);
    assert_eq!(client.get(TARGET).await.body, "");
}

#[tokio::test]
async fn an_upload_belongs_to_its_key_and_ends_once() {
    let client = Client::new().await;
    let id = client.begin(TARGET, &[]).await;
    let etag = client.part(TARGET, &id, 1, "x").await;
    for (target, id) in [("/bucket/other", id.as_str()), (TARGET, "0"), (TARGET, "../../..")] {
        let query = format!("{target}?uploadId={id}");
        assert_eq!(client.put(&format!("{query}&partNumber=1"), "x").await.code(), "NoSuchUpload");
        assert_eq!(client.complete(target, id, &[(1, etag.clone())]).await.code(), "NoSuchUpload");
        assert_eq!(client.delete(&query).await.code(), "NoSuchUpload");
        assert_eq!(client.get(&query).await.code(), "NoSuchUpload");
    }
    let query = format!("{TARGET}?uploadId={id}");
    assert_eq!(client.delete(&query).await.status, StatusCode::NO_CONTENT);
    assert_eq!(client.delete(&query).await.code(), "NoSuchUpload");
    assert_eq!(client.put(&format!("{query}&partNumber=2"), "x").await.code(), "NoSuchUpload");
    assert_eq!(client.complete(TARGET, &id, &[(1, etag)]).await.code(), "NoSuchUpload");
    assert_eq!(client.get(TARGET).await.code(), "NoSuchKey");
    assert_eq!(client.staged(), 0);
    assert_eq!(client.call(Method::POST, "/other-bucket/key?uploads", &[]).await.code(), "NoSuchBucket");
}

#[tokio::test]
async fn completing_again_gives_the_same_answer_while_the_object_is_there() {
    let client = Client::new().await;
    let id = client.begin(TARGET, &[]).await;
    let parts = [(1, client.part(TARGET, &id, 1, "x").await)];
    let first = client.complete(TARGET, &id, &parts).await;
    let client = client.reopen();
    let again = client.complete(TARGET, &id, &parts).await;
    assert_eq!((again.status, again.text()), (StatusCode::OK, first.text()));
    client.put(TARGET, "other").await;
    assert_eq!(client.complete(TARGET, &id, &parts).await.code(), "NoSuchUpload");
}

#[tokio::test]
async fn a_completion_can_have_conditions() {
    let client = Client::new().await;
    let id = client.begin(TARGET, &[]).await;
    let parts = [(1, client.part(TARGET, &id, 1, "new").await)];
    let missing = client.complete_if(TARGET, &id, &parts, &[("if-match", "\"any\"")]).await;
    assert_eq!(missing.code(), "NoSuchKey");
    let etag = client.put(TARGET, "old").await.etag();
    let taken = client.complete_if(TARGET, &id, &parts, &[("if-none-match", "*")]).await;
    assert_eq!(taken.code(), "PreconditionFailed");
    let other = client.complete_if(TARGET, &id, &parts, &[("if-match", "\"other\"")]).await;
    assert_eq!(other.code(), "PreconditionFailed");
    let right = client.complete_if(TARGET, &id, &parts, &[("if-match", &etag)]).await;
    assert_eq!(right.status, StatusCode::OK);
    assert_eq!(client.get(TARGET).await.body, "new");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_first_completions_exactly_one_wins() {
    let client = Client::new().await;
    for round in 0..10 {
        let target = &object(&format!("key {round}"));
        let mut uploads = Vec::new();
        for number in 0..6_u8 {
            let id = client.begin(target, &[]).await;
            let parts = [(1, client.part(target, &id, 1, number.to_string()).await)];
            uploads.push((id, parts));
        }
        let condition = [("if-none-match", "*")];
        let answers =
            join_all(uploads.iter().map(|(id, parts)| client.complete_if(target, id, parts, &condition))).await;
        let winners: Vec<_> = (0..6).filter(|number| answers[*number].status == StatusCode::OK).collect();
        assert_eq!(winners.len(), 1);
        assert!(answers.iter().all(|answer| answer.status == StatusCode::OK || answer.code() == "PreconditionFailed"));
        assert_eq!(client.get(target).await.text(), winners[0].to_string());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn completions_of_one_upload_agree_and_an_abort_is_before_or_after() {
    let client = Client::new().await;
    for _ in 0..10 {
        let id = &client.begin(TARGET, &[]).await;
        let parts = &[(1, client.part(TARGET, id, 1, content(1, PART_LEN)).await)];
        let completing = join_all((0..4).map(|_| client.complete(TARGET, id, parts)));
        let query = format!("{TARGET}?uploadId={id}");
        let late = format!("{query}&partNumber=2");
        let (answers, aborted, late) =
            futures::join!(completing, client.delete(&query), client.put(&late, content(2, 1000)));
        let codes: Vec<_> = answers.iter().map(Answer::code).collect();
        let succeeded = aborted.code() == "NoSuchUpload";
        assert!(codes.iter().all(|code| *code == if succeeded { "200" } else { "NoSuchUpload" }), "{codes:?}");
        assert!(answers.windows(2).all(|pair| pair[0].element("ETag") == pair[1].element("ETag")));
        assert!(["200", "NoSuchUpload"].contains(&late.code().as_str()));
        assert_eq!(client.get(TARGET).await.status.is_success(), succeeded);
        assert!(client.get("/bucket?uploads").await.element("UploadId").is_none());
        client.delete(TARGET).await;
    }
    assert_eq!(client.staged(), 0);
}

#[tokio::test]
async fn a_part_that_breaks_off_leaves_the_earlier_one() {
    let client = Client::new().await;
    let id = client.begin(TARGET, &[]).await;
    let etag = client.part(TARGET, &id, 1, "whole").await;
    let (sender, body) = channel();
    sender.send(Ok(Bytes::from_static(b"half"))).await.unwrap();
    drop(sender);
    let target = format!("{TARGET}?partNumber=1&uploadId={id}");
    let answer = client.send(request(Method::PUT, &target, &[("content-length", "8")], body)).await;
    assert_eq!(answer.code(), "IncompleteBody");
    let wrong = client.put_with(&target, &[("content-md5", "1B2M2Y8AsgTpgAmY7PhCfg==")], "x").await;
    assert_eq!(wrong.code(), "BadDigest");
    assert_eq!(client.staged(), 0);
    assert_eq!(client.complete(TARGET, &id, &[(1, etag)]).await.status, StatusCode::OK);
    assert_eq!(client.get(TARGET).await.body, "whole");
}

#[tokio::test]
async fn any_legal_key_can_be_uploaded_to() {
    let client = Client::new().await;
    for key in ["..", "a//b", "\u{1}\u{7f}", "<&>", &"é".repeat(512)] {
        let target = object(key);
        let id = client.begin(&target, &[]).await;
        let parts = [(1, client.part(&target, &id, 1, "x").await)];
        assert_eq!(client.get(&format!("{target}?uploadId={id}")).await.status, StatusCode::OK);
        assert_eq!(client.complete(&target, &id, &parts).await.status, StatusCode::OK, "{key:?}");
        assert_eq!(client.get(&target).await.body, "x");
    }
}
