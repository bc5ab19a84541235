//! A process that is killed while it writes: what it confirmed is there, and nothing is a mixture.
//!
//! The victim is this test binary started a second time. It says how far it came on its standard output, so the
//! killing needs no clock.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use http::StatusCode;
use localstore::DirectoryStore;

use crate::client::{Client, object, request};

const VICTIM: &str = "LOCALSTORE_VICTIM_DIRECTORY";
const KEYS: u32 = 3;

/// Version `n` of a key: its number, often enough that a write takes several pieces.
fn content(version: u32) -> Vec<u8> {
    version.to_le_bytes().repeat(150_000 + usize::try_from(version % 7).unwrap())
}

#[test]
fn what_was_confirmed_survives_a_kill_and_nothing_is_half_there() {
    let directory = tempfile::tempdir().unwrap();
    for confirmed_before_the_kill in [1, 2, 5, 9, 14] {
        let confirmed = run_until(directory.path(), confirmed_before_the_kill);
        tokio::runtime::Runtime::new().unwrap().block_on(examine(directory.path(), confirmed));
    }
}

/// Starts a victim, kills it after some confirmations, and answers with the last one it managed to send.
fn run_until(directory: &std::path::Path, confirmations: usize) -> u32 {
    let mut victim = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "crash::the_victim_writes_until_it_is_killed", "--ignored", "--nocapture"])
        .env(VICTIM, directory)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(victim.stdout.take().unwrap()).lines().map(Result::unwrap);
    let mut confirmed = lines.filter_map(|line| line.strip_prefix("wrote ").map(|version| version.parse().unwrap()));
    let mut last = confirmed.by_ref().nth(confirmations - 1).unwrap();
    victim.kill().unwrap();
    victim.wait().unwrap();
    if let Some(later) = confirmed.last() {
        last = later;
    }
    last
}

async fn examine(directory: &std::path::Path, confirmed: u32) {
    let store = DirectoryStore::open(directory).unwrap();
    assert_eq!(std::fs::read_dir(directory.join("staging")).unwrap().count(), 0);
    let service = store.service();
    let mut newest = 0;
    for key in 0..KEYS {
        let get = request(http::Method::GET, &object(&key.to_string()), &[], s3s::Body::empty());
        let answer = service.call(get).await.unwrap();
        if answer.status() == StatusCode::NOT_FOUND {
            continue;
        }
        let version: u32 = answer.headers()["x-amz-meta-version"].to_str().unwrap().parse().unwrap();
        let body = http_body_util::BodyExt::collect(answer.into_body()).await.unwrap().to_bytes();
        assert!(body == content(version), "key {key} is not version {version}");
        newest = newest.max(version);
    }
    // One more may have been committed without the word getting out.
    assert!(newest == confirmed || newest == confirmed + 1, "confirmed {confirmed}, found {newest}");
}

#[tokio::test]
#[ignore = "started by the test above"]
#[expect(clippy::print_stdout, reason = "its parent listens")]
async fn the_victim_writes_until_it_is_killed() {
    let directory = std::env::var_os(VICTIM).unwrap();
    let service = DirectoryStore::open(directory).unwrap().service();
    service.call(request(http::Method::PUT, "/bucket", &[], s3s::Body::empty())).await.unwrap();
    for version in next_version(&service).await.. {
        let name = version.to_string();
        let headers = [("x-amz-meta-version", name.as_str())];
        let body = s3s::Body::from(content(version));
        let put = request(http::Method::PUT, &object(&(version % KEYS).to_string()), &headers, body);
        assert_eq!(service.call(put).await.unwrap().status(), StatusCode::OK);
        println!("wrote {version}");
    }
}

/// Behind everything an earlier victim wrote.
async fn next_version(service: &s3s::service::S3Service) -> u32 {
    let mut next = 1;
    for key in 0..KEYS {
        let head = request(http::Method::HEAD, &object(&key.to_string()), &[], s3s::Body::empty());
        let answer = service.call(head).await.unwrap();
        if let Some(version) = answer.headers().get("x-amz-meta-version") {
            next = next.max(version.to_str().unwrap().parse::<u32>().unwrap() + 1);
        }
    }
    next
}

#[tokio::test]
async fn a_removal_that_was_confirmed_survives_a_restart() {
    let client = Client::new().await;
    client.put("/bucket/key", "x").await;
    client.delete("/bucket/key").await;
    let client = client.reopen();
    assert_eq!(client.get("/bucket/key").await.code(), "NoSuchKey");
    assert_eq!(client.delete("/bucket").await.status, StatusCode::NO_CONTENT);
    let client = client.reopen();
    assert_eq!(client.head("/bucket").await.status, StatusCode::NOT_FOUND);
}
