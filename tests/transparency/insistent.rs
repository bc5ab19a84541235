//! A store that wants a digest with every upload, as S3 does in buckets that lock their objects: clients notice nothing of it.
//!
//! The stores at hand do not insist, so somebody in front of them does; they have to understand what is then sent.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use sealgate_tests::answer::Answer;
use sealgate_tests::bytes::{find, noise};
use sealgate_tests::stack::Stack;
use sealgate_tests::world::daemon_at;
use tempfile::TempDir;

use crate::pair::{Pair, pairs};

const DOCUMENT: &str = "<Error><Code>InvalidRequest</Code><Message>Content-MD5 OR x-amz-checksum- HTTP header is required for Put \
                        Object requests with Object Lock parameters</Message></Error>";

/// Uploads that were passed on and uploads that were refused.
#[derive(Default)]
struct Count {
    passed: AtomicUsize,
    refused: AtomicUsize,
}

/// Passes requests on, one for each connection, but no upload without a digest.
fn insist(target: SocketAddr, count: Arc<Count>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for client in listener.incoming().map_while(Result::ok) {
            let count = Arc::clone(&count);
            thread::spawn(move || serve(client, target, &count));
        }
    });
    address
}

fn serve(mut client: TcpStream, target: SocketAddr, count: &Count) {
    let mut seen = Vec::new();
    let mut buffer = vec![0; 16_384];
    let end = loop {
        if let Some(at) = find(&seen, b"\r\n\r\n") {
            break at;
        }
        let Ok(read @ 1..) = client.read(&mut buffer) else { return };
        seen.extend_from_slice(&buffer[..read]);
    };
    let head = String::from_utf8_lossy(&seen[..end]).to_lowercase();
    let line = head.lines().next().unwrap_or_default().to_owned();
    let has = |name: &str| head.contains(&format!("\r\n{name}:"));
    // The path of an object has two slashes; a setting or a bucket has no content to vouch for.
    let is_upload = line.starts_with("put ") && line.matches('/').count() > 2 && !has("x-amz-copy-source");
    let is_beginning = line.starts_with("post ") && line.contains("?uploads");
    if is_upload || is_beginning {
        let vouched = has("x-amz-trailer") || has("x-amz-checksum-algorithm");
        if !vouched {
            count.refused.fetch_add(1, Ordering::SeqCst);
            let len = DOCUMENT.len();
            let answer =
                format!("HTTP/1.1 400 Bad Request\r\nconnection: close\r\ncontent-length: {len}\r\n\r\n{DOCUMENT}");
            let _ = client.write_all(answer.as_bytes());
            let _ = client.shutdown(Shutdown::Write);
            while let Ok(1..) = client.read(&mut buffer) {}
            return;
        }
        count.passed.fetch_add(1, Ordering::SeqCst);
    }
    // Not signed, so it may be added: the next request then comes over a connection of its own.
    seen.splice(end..end, b"\r\nconnection: close".iter().copied());
    let server = TcpStream::connect(target).unwrap();
    (&server).write_all(&seen).unwrap();
    let (from, to) = (client.try_clone().unwrap(), server.try_clone().unwrap());
    thread::spawn(move || pass(&from, &to));
    pass(&server, &client);
}

fn pass(mut from: &TcpStream, mut to: &TcpStream) {
    let _ = std::io::copy(&mut from, &mut to);
    let _ = to.shutdown(Shutdown::Write);
}

/// Uploads in parts and says what the object is.
fn in_parts(front: &Stack, bucket: &str) -> Vec<u8> {
    let create = front.object("POST", bucket, "parts").query("uploads", "").send().expect(200);
    let id = create.text("UploadId").unwrap();
    let bodies = [noise(1, 5 * 1024 * 1024), noise(2, 6_000_000), noise(3, 1000)];
    let parts = bodies.iter().zip(1..).map(|(body, number): (_, usize)| {
        let put = front.object("PUT", bucket, "parts").query("partNumber", &number.to_string()).query("uploadId", &id);
        let etag = put.body(body).send().expect(200).etag().to_owned();
        format!("<Part><PartNumber>{number}</PartNumber><ETag>{etag}</ETag></Part>")
    });
    let document = format!("<CompleteMultipartUpload>{}</CompleteMultipartUpload>", parts.collect::<String>());
    let complete = front.object("POST", bucket, "parts").query("uploadId", &id).body(document.as_bytes());
    assert!(complete.send().expect(200).text("ETag").is_some());
    bodies.concat()
}

/// A digest of ciphertext, or the way in which it was sent, is nobody's business.
fn shows_nothing(answer: &Answer, name: &str) {
    assert_eq!(answer.header("content-encoding"), None, "{name}: {answer:?}");
    assert_eq!(answer.header("x-amz-trailer"), None, "{name}: {answer:?}");
}

fn uploads_arrive(pair: &Pair) {
    let (folder, count) = (TempDir::new().unwrap(), Arc::new(Count::default()));
    let address = insist(pair.direct.address.socket, Arc::clone(&count));
    let endpoint = format!("http://{address}");
    let credential = pair.direct.credential.clone();
    let (_daemon, front) = daemon_at(Path::new(crate::PROGRAM), folder.path(), endpoint, credential, "");
    let bucket = front.new_bucket("insistent");
    for len in [0, 1, 65_536, 1_000_000, 20_000_000] {
        let body = noise(1, len);
        let put = front.object("PUT", &bucket, "a").header("x-amz-meta-colour", "red").body(&body).send().expect(200);
        shows_nothing(&put, pair.name);
        let get = front.object("GET", &bucket, "a").header("x-amz-checksum-mode", "ENABLED").send().expect(200);
        assert!(get.body == body, "{}: {len}", pair.name);
        assert_eq!(get.must("x-amz-meta-colour"), "red");
        shows_nothing(&get, pair.name);
    }
    assert_eq!(count.refused.load(Ordering::SeqCst), 1, "{}: it learns from one refusal", pair.name);
    let whole = in_parts(&front, &bucket);
    let get = front.object("GET", &bucket, "parts").send().expect(200);
    assert!(get.body == whole, "{}", pair.name);
    shows_nothing(&get, pair.name);
    assert_eq!(count.refused.load(Ordering::SeqCst), 1);
    assert!(count.passed.load(Ordering::SeqCst) >= 9);
}

#[test]
fn uploads_to_a_store_that_wants_digests_arrive() {
    pairs().iter().for_each(uploads_arrive);
}
