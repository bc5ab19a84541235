//! A process that is killed while versions come and go: every version it confirmed is there, and there is one `null`.
//!
//! The victim is this test binary started a second time, as in `crash.rs`, and for the same reason in a file of its own.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops where it is")]

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use http::{Method, Request, StatusCode};
use http_body_util::BodyExt;
use localstore::{DirectoryStore, Service};
use s3s::Body;

const VICTIM: &str = "LOCALSTORE_VERSIONED_VICTIM_DIRECTORY";
const FIRST_STEP: &str = "LOCALSTORE_VERSIONED_VICTIM_STEP";

/// What a victim does, over and over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Deed {
    Set(&'static str),
    Put,
    Delete,
}

const DEEDS: [Deed; 9] = [
    Deed::Set("Enabled"),
    Deed::Put,
    Deed::Put,
    Deed::Delete,
    Deed::Put,
    Deed::Set("Suspended"),
    Deed::Put,
    Deed::Put,
    Deed::Delete,
];

fn deed(step: usize) -> Deed {
    DEEDS[step % DEEDS.len()]
}

/// The step whose object or mark is the latest version after a step.
fn latest(step: usize) -> usize {
    (0..=step).rev().find(|step| !matches!(deed(*step), Deed::Set(_))).unwrap_or(0)
}

fn content(step: usize) -> Vec<u8> {
    u32::try_from(step).unwrap().to_le_bytes().repeat(50_000)
}

/// A step that was confirmed, and the version it made.
#[derive(Debug)]
struct Confirmed {
    step: usize,
    version: String,
}

#[test]
fn confirmed_versions_survive_a_kill_and_there_is_one_null() {
    let directory = tempfile::tempdir().unwrap();
    let mut confirmed = Vec::new();
    for confirmations in [1, 2, 3, 5, 8, 4, 7, 6, 9] {
        let next = confirmed.last().map_or(0, |last: &Confirmed| last.step + 1);
        confirmed.extend(run_until(directory.path(), next, confirmations));
        tokio::runtime::Runtime::new().unwrap().block_on(examine(directory.path(), &confirmed));
    }
}

/// Starts a victim, kills it after some confirmations, and answers with all it managed to send.
fn run_until(directory: &Path, step: usize, confirmations: usize) -> Vec<Confirmed> {
    let mut victim = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "the_victim_keeps_versions_until_it_is_killed", "--ignored", "--nocapture"])
        .env(VICTIM, directory)
        .env(FIRST_STEP, step.to_string())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(victim.stdout.take().unwrap()).lines().map(Result::unwrap);
    let mut confirmed = lines.filter_map(|line| {
        let (step, version) = line.strip_prefix("did ")?.split_once(' ')?;
        Some(Confirmed { step: step.parse().unwrap(), version: version.to_owned() })
    });
    let mut all: Vec<_> = confirmed.by_ref().take(confirmations).collect();
    victim.kill().unwrap();
    victim.wait().unwrap();
    all.extend(confirmed);
    all
}

async fn examine(directory: &Path, confirmed: &[Confirmed]) {
    let service = DirectoryStore::open(directory).unwrap().service();
    assert_eq!(std::fs::read_dir(directory.join("staging")).unwrap().count(), 0);
    for Confirmed { step, version } in confirmed.iter().filter(|confirmed| confirmed.version.len() == 16) {
        let (status, body) = call(&service, Method::GET, &format!("/bucket/key?versionId={version}"), Vec::new()).await;
        match deed(*step) {
            Deed::Put => assert!(status == StatusCode::OK && body == content(*step), "{step} {status}"),
            _ => assert_eq!(status, StatusCode::METHOD_NOT_ALLOWED, "{step}"),
        }
    }
    let (_, listed) = call(&service, Method::GET, "/bucket?versions", Vec::new()).await;
    let listed = String::from_utf8(listed).unwrap();
    assert!(listed.matches("<VersionId>null<").count() <= 1, "{listed}");
    assert_eq!(listed.matches("<IsLatest>true<").count(), usize::from(confirmed.len() > 1), "{listed}");
    // One more may have been done without the word getting out.
    let last = confirmed.last().unwrap().step;
    let (status, body) = call(&service, Method::GET, "/bucket/key", Vec::new()).await;
    let is = |step: usize| match deed(step) {
        Deed::Put => status == StatusCode::OK && body == content(step),
        _ => status == StatusCode::NOT_FOUND,
    };
    assert!(is(latest(last)) || is(latest(last + 1)), "after {last}: {status}");
}

#[tokio::test]
#[ignore = "started by the test above"]
#[expect(clippy::print_stdout, reason = "its parent listens")]
async fn the_victim_keeps_versions_until_it_is_killed() {
    let Some(directory) = std::env::var_os(VICTIM) else { return };
    let first: usize = std::env::var(FIRST_STEP).unwrap().parse().unwrap();
    let service = DirectoryStore::open(directory).unwrap().service();
    call(&service, Method::PUT, "/bucket", Vec::new()).await;
    for step in first.. {
        let request = match deed(step) {
            Deed::Set(status) => {
                let document = format!("<VersioningConfiguration><Status>{status}</Status></VersioningConfiguration>");
                Request::put("/bucket?versioning").body(Body::from(document))
            }
            Deed::Put => Request::put("/bucket/key").body(Body::from(content(step))),
            Deed::Delete => Request::delete("/bucket/key").body(Body::empty()),
        };
        let answer = service.call(request.unwrap()).await.unwrap();
        assert!(answer.status().is_success());
        let version = answer.headers().get("x-amz-version-id").map_or("-", |version| version.to_str().unwrap());
        println!("did {step} {version}");
    }
}

async fn call(service: &Service, method: Method, target: &str, body: Vec<u8>) -> (StatusCode, Vec<u8>) {
    let request = Request::builder().method(method).uri(target).body(Body::from(body)).unwrap();
    let (parts, body) = service.call(request).await.unwrap().into_parts();
    (parts.status, body.collect().await.unwrap().to_bytes().to_vec())
}
