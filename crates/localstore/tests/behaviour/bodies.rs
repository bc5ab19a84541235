//! Bodies that lie, break off or dawdle: nothing is committed, the old object stays, nothing is left behind.

use std::io;

use bytes::Bytes;
use futures::StreamExt;
use http::{Method, StatusCode};
use http_body::Frame;
use http_body_util::StreamBody;
use s3s::Body;
use tokio::sync::mpsc;

use crate::client::{Answer, Client, request};

/// A body fed by a test.
pub(crate) fn channel() -> (mpsc::Sender<io::Result<Bytes>>, Body) {
    let (sender, receiver) = mpsc::channel(1);
    let stream = futures::stream::unfold(receiver, |mut receiver| async move {
        receiver.recv().await.map(|piece| (piece, receiver))
    });
    (sender, body(stream))
}

fn body(pieces: impl futures::Stream<Item = io::Result<Bytes>> + Send + 'static) -> Body {
    Body::http_body_unsync(StreamBody::new(pieces.map(|piece| piece.map(Frame::data))))
}

async fn put(client: &Client, announced: &str, pieces: Vec<io::Result<Bytes>>) -> Answer {
    let body = body(futures::stream::iter(pieces));
    client.send(request(Method::PUT, "/bucket/key", &[("content-length", announced)], body)).await
}

async fn with_old_object() -> Client {
    let client = Client::new().await;
    client.put_with("/bucket/key", &[("x-amz-meta-version", "old")], "old content").await;
    client
}

async fn assert_untouched(client: Client) {
    assert_eq!(client.staged(), 0);
    for client in [&client.reopen()] {
        let answer = client.get("/bucket/key").await;
        assert_eq!((answer.text(), answer.header("x-amz-meta-version")), ("old content", Some("old")));
    }
}

#[tokio::test]
async fn a_body_shorter_than_announced_is_refused() {
    let client = with_old_object().await;
    let answer = put(&client, "11", Vec::new()).await;
    assert_eq!((answer.status, answer.code().as_str()), (StatusCode::BAD_REQUEST, "IncompleteBody"));
    let answer = put(&client, "11", vec![Ok("new".into())]).await;
    assert_eq!(answer.code(), "IncompleteBody");
    assert_untouched(client).await;
}

#[tokio::test]
async fn a_body_longer_than_announced_is_refused() {
    let client = with_old_object().await;
    let answer = put(&client, "3", vec![Ok("new content".into())]).await;
    assert_eq!((answer.status, answer.code().as_str()), (StatusCode::BAD_REQUEST, "IncompleteBody"));
    assert_untouched(client).await;
}

#[tokio::test]
async fn a_body_that_breaks_off_is_refused() {
    let client = with_old_object().await;
    let large = Bytes::from(vec![7; 1 << 20]);
    let answer = put(&client, "3145728", vec![Ok(large.clone()), Ok(large), Err(io::Error::other("reset"))]).await;
    assert_eq!(answer.code(), "IncompleteBody");
    assert_untouched(client).await;
}

#[tokio::test]
async fn a_body_of_unknown_length_is_refused() {
    let client = with_old_object().await;
    let (_sender, body) = channel();
    let answer = client.send(request(Method::PUT, "/bucket/key", &[], body)).await;
    assert_eq!((answer.status, answer.code().as_str()), (StatusCode::LENGTH_REQUIRED, "MissingContentLength"));
    assert_untouched(client).await;
}

#[tokio::test]
async fn a_wrong_md5_is_refused_and_a_right_one_accepted() {
    let client = with_old_object().await;
    let wrong = client.put_with("/bucket/key", &[("content-md5", "1B2M2Y8AsgTpgAmY7PhCfg==")], "new").await;
    assert_eq!(wrong.code(), "BadDigest");
    let malformed = client.put_with("/bucket/key", &[("content-md5", "abc")], "new").await;
    assert_eq!(malformed.code(), "InvalidDigest");
    let right = client.put_with("/bucket/empty", &[("content-md5", "1B2M2Y8AsgTpgAmY7PhCfg==")], "").await;
    assert_eq!(right.status, StatusCode::OK);
    assert_untouched(client).await;
}

#[tokio::test]
async fn a_condition_that_cannot_hold_is_refused_before_the_body_is_read() {
    let client = with_old_object().await;
    let (sender, body) = channel();
    let headers = [("content-length", "4"), ("if-none-match", "*")];
    let answer = client.send(request(Method::PUT, "/bucket/key", &headers, body)).await;
    assert_eq!(answer.code(), "PreconditionFailed");
    assert!(sender.is_closed());
    assert_untouched(client).await;
}

#[test]
fn a_client_that_goes_away_leaves_nothing_behind() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let client = runtime.block_on(async {
        let client = with_old_object().await;
        let (sender, body) = channel();
        let headers = [("content-length", "2097152")];
        let mut upload = Box::pin(client.start(request(Method::PUT, "/bucket/key", &headers, body)));
        let piece = Bytes::from(vec![7; 1 << 20]);
        assert!(futures::poll!(&mut upload).is_pending());
        sender.send(Ok(piece)).await.unwrap();
        assert!(futures::poll!(&mut upload).is_pending());
        drop(upload);
        client
    });
    // Ending the runtime waits for the writes that were under way.
    drop(runtime);
    assert_eq!(client.staged(), 0);
    tokio::runtime::Runtime::new().unwrap().block_on(assert_untouched(client));
}
