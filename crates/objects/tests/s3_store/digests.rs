//! A store that takes no upload without a digest, as S3 does where objects are locked.

use bytes::Bytes;
use futures::stream::iter;
use http::{Request, StatusCode};
use objects::store::{self, LengthMismatch};
use objects::{Store as _, StoreError};

use super::secure;
use super::wire::{Head, Server};
use super::{pieces, put, put_in_pieces, refusal, settings, store_at, store_with, text};

const REFUSAL: &str = "<Error><Code>InvalidRequest</Code><Message>Content-MD5 OR x-amz-checksum- HTTP header is required for \
                       Put Object requests with Object Lock parameters</Message></Error>";

fn is_vouched(head: &Head) -> bool {
    head.header("x-amz-trailer").is_some() || head.header("x-amz-checksum-algorithm").is_some()
}

/// Answers with what came, once it is vouched for.
async fn insisting() -> Server {
    Server::start(|_, mut wire| async move {
        while let Some((head, body)) = wire.request().await {
            if is_vouched(&head) {
                let named =
                    ["x-amz-content-sha256", "x-amz-decoded-content-length", "content-encoding", "x-amz-checksum-type"];
                let named = named.map(|name| format!("x-seen-{name}: {}", head.header(name).unwrap_or("-")));
                let named: Vec<&str> = named.iter().map(String::as_str).collect();
                wire.answer(200, &named, &String::from_utf8_lossy(&body)).await;
            } else {
                wire.answer(400, &[], REFUSAL).await;
            }
        }
    })
    .await
}

#[tokio::test]
async fn an_upload_is_repeated_with_its_checksum_behind_it_and_the_bucket_remembered() {
    let server = insisting().await;
    let store = store_at(&server.url);
    for _ in 0..2 {
        let response = store.send(put(pieces(&["1234", "56789"]), 9)).await.expect("an answer");
        assert_eq!(response.status(), StatusCode::OK);
        let seen = |name: &str| response.headers()[format!("x-seen-{name}")].to_str().expect("text").to_owned();
        assert_eq!(seen("x-amz-content-sha256"), "STREAMING-UNSIGNED-PAYLOAD-TRAILER");
        assert_eq!(
            (seen("x-amz-decoded-content-length").as_str(), seen("content-encoding").as_str()),
            ("9", "aws-chunked")
        );
        // The check value of the catalogue of CRCs.
        let expected = "9\r\n123456789\r\n0\r\nx-amz-checksum-crc64nvme:rosUhgp5mIg=\r\n\r\n";
        assert_eq!(text(response).await, expected);
    }
    // Once the bucket is known, a body above the window passes too.
    let store = store_with(objects::store::s3::S3StoreSettings { replay_window: 10, ..settings(&server.url) });
    let large = || put_in_pieces(&[b'x'; 1000], 100);
    assert_eq!(store.send(large()).await.expect("an answer").status(), StatusCode::BAD_REQUEST);
    assert_eq!(store.send(large()).await.expect("an answer").status(), StatusCode::OK);
}

#[tokio::test]
async fn uploads_in_parts_name_the_checksum_of_their_parts() {
    let server = insisting().await;
    let request = Request::post("/bucket/key?uploads=").header("x-amz-object-lock-mode", "GOVERNANCE");
    let response = store_at(&server.url).send(request.body(store::empty()).expect("request")).await;
    let response = response.expect("an answer");
    assert_eq!(
        (response.status(), &response.headers()["x-seen-x-amz-checksum-type"]),
        (StatusCode::OK, &"FULL_OBJECT".parse().expect("a value"))
    );
}

#[tokio::test]
async fn what_has_a_digest_or_is_no_upload_is_refused_as_it_was() {
    let server = insisting().await;
    let store = store_at(&server.url);
    let document = Request::put("/bucket?policy=").header("content-md5", "x").body(store::full("{}")).expect("request");
    let copy = Request::put("/bucket/key").header("x-amz-copy-source", "/b/k").body(store::empty()).expect("request");
    for request in [document, copy] {
        let response = store.send(request).await.expect("an answer");
        assert_eq!(response.status(), StatusCode::BAD_REQUEST);
        assert_eq!(text(response).await, REFUSAL);
    }
}

#[tokio::test]
async fn a_body_that_fails_has_no_checksum_behind_it() {
    let server = insisting().await;
    let store = store_at(&server.url);
    store.send(put(pieces(&["first"]), 5)).await.expect("an answer");
    let short = iter([Ok(Bytes::from_static(b"short"))]);
    let error = refusal(store.send(put(store::stream(short), 6)).await);
    let StoreError::RequestBody(cause) = error else { panic!("{error:?}") };
    assert_eq!(cause.downcast_ref(), Some(&LengthMismatch::Short { declared: 6, got: 5 }));
}

#[tokio::test]
async fn others_understand_a_vouched_upload_and_its_signature() {
    let store = store_at(&secure::start_mirror().await);
    let request = |body: Vec<u8>| {
        let len = body.len().to_string();
        let request = Request::put("/locked/key").header("content-length", len).header("content-encoding", "gzip");
        request.body(store::full(body)).expect("request")
    };
    for len in [1, 9, 70_000, 600_000] {
        let body = super::noise(len);
        let response = store.send(request(body.clone())).await.expect("an answer");
        assert_eq!(response.status(), StatusCode::OK, "{len}: {}", text(response).await);
        assert_eq!(response.headers()["x-seen-content-encoding"], "aws-chunked,gzip");
        let got = http_body_util::BodyExt::collect(response.into_body()).await.expect("whole").to_bytes();
        assert!(got == body, "{len}");
    }
}
