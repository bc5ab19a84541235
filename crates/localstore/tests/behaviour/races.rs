//! What happens at the same time: conditional writes have one winner, readers see one version.

use bytes::Bytes;
use futures::future::join_all;
use http::{Method, StatusCode};
use http_body_util::BodyExt;

use crate::bodies::channel;
use crate::client::{Client, object, request};
use crate::versions;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_first_writes_exactly_one_wins() {
    let client = Client::new().await;
    for round in 0..10 {
        let target = object(&format!("key {round}"));
        // Every upload has passed the early check before any may finish.
        let (senders, bodies): (Vec<_>, Vec<_>) = (0..8).map(|_| channel()).unzip();
        let headers = [("content-length", "8"), ("if-none-match", "*")];
        let uploads = bodies.into_iter().map(|body| client.send(request(Method::PUT, &target, &headers, body)));
        let feeding = async {
            for sender in &senders {
                sender.send(Ok(Bytes::from_static(b"from"))).await.unwrap();
            }
            // A channel of one has room again only when its upload has taken the first piece.
            for (number, sender) in senders.into_iter().enumerate() {
                sender.send(Ok(Bytes::from(format!("{number:04}")))).await.unwrap();
            }
        };
        let (answers, ()) = futures::future::join(join_all(uploads), feeding).await;
        let winners: Vec<_> = (0..8).filter(|number| answers[*number].status == StatusCode::OK).collect();
        assert_eq!(winners.len(), 1);
        assert!(answers.iter().all(|answer| answer.status == StatusCode::OK || answer.code() == "PreconditionFailed"));
        let stored = client.get(&target).await;
        assert_eq!(stored.text(), format!("from{:04}", winners[0]));
        assert_eq!(stored.etag(), answers[winners[0]].etag());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn increments_by_compare_and_swap_are_never_lost() {
    let client = Client::new().await;
    client.put("/bucket/counter", "0").await;
    let increment = async || {
        loop {
            let now = client.get("/bucket/counter").await;
            let next = (now.text().parse::<u32>().unwrap() + 1).to_string();
            let answer = client.put_with("/bucket/counter", &[("if-match", &now.etag())], next).await;
            match answer.code().as_str() {
                "200" => return,
                code => assert_eq!(code, "PreconditionFailed"),
            }
        }
    };
    let writer = async || {
        for _ in 0..5 {
            increment().await;
        }
    };
    join_all((0..4).map(|_| writer())).await;
    assert_eq!(client.get("/bucket/counter").await.body, "20");
}

#[tokio::test]
async fn a_reader_keeps_the_version_it_opened() {
    let client = Client::new().await;
    let old = vec![1; 3 << 20];
    client.put("/bucket/key", old.clone()).await;
    for change in ["overwrite", "remove"] {
        let current = client.get("/bucket/key").await.body;
        let answer = client.start(request(Method::GET, "/bucket/key", &[], s3s::Body::empty())).await;
        let mut body = answer.into_body();
        let first = body.frame().await.unwrap().unwrap().into_data().unwrap();
        if change == "overwrite" {
            client.put("/bucket/key", vec![2; 2 << 20]).await;
        } else {
            client.delete("/bucket/key").await;
        }
        let rest = body.collect().await.unwrap().to_bytes();
        assert!([first, rest].concat() == current, "{change}");
    }
    assert_eq!(client.get("/bucket/key").await.code(), "NoSuchKey");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn readers_never_see_a_mixture_of_two_versions() {
    let client = Client::new().await;
    let write = async |version: u8| {
        let name = version.to_string();
        let content = vec![version; 1000 * usize::from(version)];
        client.put_with("/bucket/key", &[("x-amz-meta-version", &name)], content).await
    };
    write(1).await;
    let writing = async {
        for version in (1..=9).cycle().take(50) {
            assert_eq!(write(version).await.status, StatusCode::OK);
        }
    };
    let reading = async {
        for _ in 0..100 {
            let answer = client.get("/bucket/key").await;
            let version: u8 = answer.header("x-amz-meta-version").unwrap().parse().unwrap();
            assert!(answer.body == vec![version; 1000 * usize::from(version)]);
        }
    };
    futures::future::join(writing, reading).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_is_replaced_all_the_time_is_always_found() {
    let client = versions::versioned().await;
    versions::set(&client, "Suspended").await;
    let write = async |n: u32| client.put("/bucket/key", n.to_string()).await;
    write(0).await;
    let writing = async {
        for n in 1..=50 {
            assert_eq!(write(n).await.status, StatusCode::OK);
        }
    };
    let reading = async {
        let mut newest = 0;
        for target in ["/bucket/key", "/bucket/key?versionId=null"].repeat(100) {
            let answer = client.get(target).await;
            assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
            let n: u32 = answer.text().parse().unwrap();
            assert!(n >= newest);
            newest = n;
        }
    };
    futures::future::join(writing, reading).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn versions_written_at_once_are_all_kept_and_one_is_the_latest() {
    let client = versions::versioned().await;
    let put = async |n: usize| versions::store(&client, "/bucket/key", &n.to_string()).await;
    let ids = join_all((0..16).map(put)).await;
    for (n, id) in ids.iter().enumerate() {
        assert_eq!(client.get(&versions::of("/bucket/key", id)).await.text(), n.to_string());
    }
    let latest = ids.iter().max().unwrap();
    assert_eq!(client.head("/bucket/key").await.header("x-amz-version-id"), Some(latest.as_str()));
}
