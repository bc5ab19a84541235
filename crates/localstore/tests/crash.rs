//! A process that is killed while it writes: what it confirmed is there, and nothing is a mixture.
//!
//! The victim is this test binary started a second time. It says how far it came on its standard output, so the
//! killing needs no clock. It has a file of its own because a process being started holds copies of open files, the lock
//! of another test's store among them, for a moment.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops where it is")]

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use http::{Method, Request, Response, StatusCode};
use http_body_util::BodyExt;
use localstore::{DirectoryStore, Service};
use s3s::Body;

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
fn run_until(directory: &Path, confirmations: usize) -> u32 {
    let mut victim = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "the_victim_writes_until_it_is_killed", "--ignored", "--nocapture"])
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

async fn examine(directory: &Path, confirmed: u32) {
    let store = DirectoryStore::open(directory).unwrap();
    assert_eq!(std::fs::read_dir(directory.join("staging")).unwrap().count(), 0);
    let service = store.service();
    let mut newest = 0;
    for key in 0..KEYS {
        let answer = call(&service, Method::GET, key, None).await;
        if answer.status() == StatusCode::NOT_FOUND {
            continue;
        }
        let version = version(&answer).unwrap();
        let body = answer.into_body().collect().await.unwrap().to_bytes();
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
    let Some(directory) = std::env::var_os(VICTIM) else { return };
    let service = DirectoryStore::open(directory).unwrap().service();
    let bucket = Request::put("/bucket").body(Body::empty()).unwrap();
    service.call(bucket).await.unwrap();
    for version in next_version(&service).await.. {
        let answer = call(&service, Method::PUT, version % KEYS, Some(version)).await;
        assert_eq!(answer.status(), StatusCode::OK);
        println!("wrote {version}");
    }
}

/// Behind everything an earlier victim wrote.
async fn next_version(service: &Service) -> u32 {
    let mut newest = 0;
    for key in 0..KEYS {
        let answer = call(service, Method::HEAD, key, None).await;
        newest = newest.max(version(&answer).unwrap_or(0));
    }
    newest + 1
}

async fn call(service: &Service, method: Method, key: u32, written: Option<u32>) -> Response<Body> {
    let mut request = Request::builder().method(method).uri(format!("/bucket/{key}"));
    if let Some(version) = written {
        request = request.header("x-amz-meta-version", version);
    }
    let body = written.map_or_else(Body::empty, |version| Body::from(content(version)));
    service.call(request.body(body).unwrap()).await.unwrap()
}

fn version(answer: &Response<Body>) -> Option<u32> {
    let version = answer.headers().get("x-amz-meta-version")?;
    Some(version.to_str().unwrap().parse().unwrap())
}
