//! A process that is killed in the middle of multipart uploads: finished parts are there, objects are whole.
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

const VICTIM: &str = "LOCALSTORE_UPLOADING_VICTIM_DIRECTORY";
const PART_LEN: usize = 5 << 20;
const PARTS: u32 = 3;

/// A part of version `n`: its number throughout.
fn content(version: u32) -> Vec<u8> {
    version.to_le_bytes().repeat(PART_LEN / 4)
}

#[test]
fn finished_parts_survive_a_kill_and_no_object_is_half_there() {
    let directory = tempfile::tempdir().unwrap();
    for confirmations in [1, 2, 3, 4, 6, 8] {
        let confirmed = run_until(directory.path(), confirmations);
        tokio::runtime::Runtime::new().unwrap().block_on(examine(directory.path(), &confirmed));
    }
}

/// What a victim said last before it was killed: a version and how many of its parts it had confirmed, more than there
/// are if it had completed it.
#[derive(Debug)]
struct Confirmed {
    version: u32,
    parts: u32,
}

fn run_until(directory: &Path, confirmations: usize) -> Confirmed {
    let mut victim = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "the_victim_uploads_until_it_is_killed", "--ignored", "--nocapture"])
        .env(VICTIM, directory)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(victim.stdout.take().unwrap()).lines().map(Result::unwrap);
    let mut confirmed = lines.filter_map(|line| {
        let (version, parts) = line.strip_prefix("wrote ")?.split_once(' ')?;
        Some(Confirmed { version: version.parse().unwrap(), parts: parts.parse().unwrap() })
    });
    let last = confirmed.by_ref().nth(confirmations - 1).unwrap();
    victim.kill().unwrap();
    victim.wait().unwrap();
    confirmed.last().unwrap_or(last)
}

async fn examine(directory: &Path, confirmed: &Confirmed) {
    let service = DirectoryStore::open(directory).unwrap().service();
    assert_eq!(std::fs::read_dir(directory.join("staging")).unwrap().count(), 0);
    let object = whole_object(&service).await;
    let uploads = texts(&call(&service, Method::GET, "/bucket?uploads", Vec::new()).await.1, "UploadId");
    if confirmed.parts > PARTS {
        // The next version may have got further without the word getting out.
        assert!(object.is_some_and(|(version, _)| version >= confirmed.version), "{confirmed:?} {object:?}");
    } else if object.is_none_or(|(version, _)| version < confirmed.version) {
        assert_eq!(uploads.len(), 1);
    }
    for id in uploads {
        let target = format!("/bucket/key?uploadId={id}");
        let (_, listed) = call(&service, Method::GET, &target, Vec::new()).await;
        let tags = texts(&listed, "ETag");
        if tags.is_empty() {
            assert_eq!(call(&service, Method::DELETE, &target, Vec::new()).await.0, StatusCode::NO_CONTENT);
            continue;
        }
        let (status, text) = call(&service, Method::POST, &target, part_list(&tags).into()).await;
        assert_eq!(status, StatusCode::OK, "{text}");
        let (version, parts) = whole_object(&service).await.unwrap();
        assert!(version >= confirmed.version);
        assert!(version > confirmed.version || parts >= confirmed.parts, "{confirmed:?} {parts}");
    }
}

/// The version of the object and how many parts it has, all of which must be of that version.
async fn whole_object(service: &Service) -> Option<(u32, u32)> {
    let request = Request::get("/bucket/key").body(Body::empty()).unwrap();
    let answer = service.call(request).await.unwrap();
    if answer.status() == StatusCode::NOT_FOUND {
        return None;
    }
    let body = answer.into_body().collect().await.unwrap().to_bytes();
    let version = u32::from_le_bytes(body[..4].try_into().unwrap());
    assert_eq!(body.len() % PART_LEN, 0);
    assert!(body.chunks(PART_LEN).all(|part| part == content(version)), "not version {version} throughout");
    Some((version, u32::try_from(body.len() / PART_LEN).unwrap()))
}

#[tokio::test]
#[ignore = "started by the test above"]
#[expect(clippy::print_stdout, reason = "its parent listens")]
async fn the_victim_uploads_until_it_is_killed() {
    let Some(directory) = std::env::var_os(VICTIM) else { return };
    let service = DirectoryStore::open(directory).unwrap().service();
    call(&service, Method::PUT, "/bucket", Vec::new()).await;
    let next = whole_object(&service).await.map_or(1, |(version, _)| version + 1);
    for version in next.. {
        let (_, begun) = call(&service, Method::POST, "/bucket/key?uploads", Vec::new()).await;
        let id = texts(&begun, "UploadId").remove(0);
        for part in 1..=PARTS {
            let target = format!("/bucket/key?partNumber={part}&uploadId={id}");
            assert_eq!(call(&service, Method::PUT, &target, content(version)).await.0, StatusCode::OK);
            println!("wrote {version} {part}");
        }
        let target = format!("/bucket/key?uploadId={id}");
        let tags = texts(&call(&service, Method::GET, &target, Vec::new()).await.1, "ETag");
        let (status, text) = call(&service, Method::POST, &target, part_list(&tags).into()).await;
        assert_eq!(status, StatusCode::OK, "{text}");
        println!("wrote {version} {}", PARTS + 1);
    }
}

fn part_list(tags: &[String]) -> String {
    let part = |(number, tag)| format!("<Part><PartNumber>{number}</PartNumber><ETag>{tag}</ETag></Part>");
    let parts = (1..=tags.len()).zip(tags).map(part).collect::<Vec<_>>().concat();
    format!("<CompleteMultipartUpload>{parts}</CompleteMultipartUpload>")
}

async fn call(service: &Service, method: Method, target: &str, body: Vec<u8>) -> (StatusCode, String) {
    let body = if body.is_empty() { Body::empty() } else { Body::from(body) };
    let request = Request::builder().method(method).uri(target).body(body).unwrap();
    let (parts, body) = service.call(request).await.unwrap().into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    (parts.status, String::from_utf8_lossy(&body).into_owned())
}

/// The texts of all elements of a name.
fn texts(xml: &str, name: &str) -> Vec<String> {
    let (start, end) = (format!("<{name}>"), format!("</{name}>"));
    xml.split(&start).skip(1).map(|rest| rest.split_once(&end).unwrap().0.to_owned()).collect()
}
