//! What must never be seen: secrets in logs at any level, and plaintext or its digests where ciphertext is kept.

#![expect(clippy::unwrap_used, reason = "a test reports a failure by panicking")]

use std::fs;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use sealgate_tests::aws_chunked::Coding;
use sealgate_tests::bare::Bare;
use sealgate_tests::bytes::find;
use sealgate_tests::checksum::{Checksum, content_md5, md5_hex};
use sealgate_tests::daemon::{Daemon, KEY, Plan, Store, credential};
use sealgate_tests::request::{Payload, Proof, Request};
use sealgate_tests::sign::{Credential, sha256_hex};
use sealgate_tests::stack::{Kind, Stack};
use sealgate_tests::wire::{Address, Prepared};
use tempfile::TempDir;
use time::Duration;

/// Stands in bodies, in metadata and in a key's neighbourhood; nothing else contains it.
const MARKER: &str = "plaintext-marker-3141592653";
/// A key with which a client has the store itself encrypt.
const CUSTOMER_KEY: &[u8; 32] = b"a customer key of thirty-two byt";
const COLOUR: &str = "metadata-marker-2718281828";

fn start(folder: &Path, store: Store) -> (Daemon, Stack) {
    let program = Path::new(env!("CARGO_BIN_EXE_sealgate-under-test"));
    let daemon = Daemon::start(&Plan { program, folder, store, authority: None, filter: "trace", extra: "" });
    let stack = Stack {
        name: "secrets",
        kind: Kind::Sealgate,
        address: Address { socket: daemon.plain, tls: None },
        credential: credential(),
        ca_file: None,
        alive: Box::new(()),
    };
    stack.request("PUT", "/secret").send().check(200);
    (daemon, stack)
}

/// A body of several chunks with the marker all over it.
fn body() -> Vec<u8> {
    MARKER.repeat(10_000).into_bytes()
}

fn put(stack: &Stack, key: &str) -> Request {
    let put = stack.object("PUT", "secret", key).body(&body());
    put.header("x-amz-meta-colour", COLOUR).header("content-md5", &content_md5(&body()))
}

/// Signatures as they stood in `prepared`, wherever they stood.
fn signatures(prepared: &Prepared) -> Vec<String> {
    let body = String::from_utf8_lossy(&prepared.body).into_owned();
    let everything = [prepared.target.clone(), prepared.get("authorization").to_owned(), body].join("\n");
    let marks = ["X-Amz-Signature=", "&Signature=", "Signature=", "chunk-signature=", "AWS sealgate-tests:"];
    let after = |mark: &&str| {
        let rest = &everything[everything.find(*mark)? + mark.len()..];
        let end = rest.find(['&', '\r', '\n', ',']).unwrap_or(rest.len());
        Some(rest[..end].to_owned())
    };
    marks.iter().filter_map(after).collect()
}

fn traffic(stack: &Stack) -> Vec<String> {
    let chunked = Coding { signed: true, trailer: Some(Checksum::Sha256), chunk_len: 65_536 };
    let stranger = Credential { secret_key: "another secret nobody may see".into(), ..stack.credential.clone() };
    let get = || stack.object("GET", "secret", "a");
    let requests = [
        put(stack, "a"),
        put(stack, "b").payload(Payload::Chunked(chunked)),
        put(stack, "c").by(stranger),
        get(),
        get().header("range", "bytes=5-100000"),
        get().proof(Proof::Query(Duration::HOUR)),
        get().proof(Proof::Query2(Duration::HOUR)),
        get().proof(Proof::Header2),
        get().query("somethingnew", ""),
        get().header("x-amz-server-side-encryption-customer-key", &STANDARD.encode(CUSTOMER_KEY)),
        stack.request("GET", "/secret").query("list-type", "2"),
    ];
    let prepared: Vec<Prepared> = requests.into_iter().map(Request::prepare).collect();
    let statuses: Vec<u16> = prepared.iter().map(|prepared| prepared.send().status).collect();
    assert_eq!(statuses, [200, 200, 403, 200, 206, 200, 200, 403, 501, 200, 200]);
    let found: Vec<String> = prepared.iter().flat_map(signatures).filter(|signature| signature.len() > 20).collect();
    assert!(found.len() >= 10, "{found:?}");
    found
}

/// Every way a byte string could be written down.
fn spellings(bytes: &[u8]) -> Vec<Vec<u8>> {
    let hex = hex::encode(bytes);
    let numbers = format!("{bytes:?}");
    let texts = [hex.to_uppercase(), hex, STANDARD.encode(bytes), URL_SAFE_NO_PAD.encode(bytes), numbers];
    texts.into_iter().map(String::into_bytes).chain([bytes.to_vec()]).collect()
}

fn assert_absent(haystack: &[u8], needle: &[u8], what: &str) {
    if let Some(at) = find(haystack, needle) {
        let start = at.saturating_sub(300);
        let end = haystack.len().min(at + needle.len() + 100);
        panic!("{what} is seen: {}", String::from_utf8_lossy(&haystack[start..end]));
    }
}

fn assert_log_is_clean(log: &str, signatures: &[String]) {
    let log = log.as_bytes();
    assert!(log.len() > 1000, "nothing was logged");
    for spelling in spellings(&KEY).into_iter().chain(spellings(CUSTOMER_KEY)) {
        assert_absent(log, &spelling, "the wrapping key");
    }
    let secrets =
        [&credential().secret_key, "another secret nobody may see", MARKER, COLOUR, "AWS4-HMAC-SHA256 Credential"];
    for secret in secrets {
        assert_absent(log, secret.as_bytes(), "a secret");
    }
    for signature in signatures {
        assert_absent(log, signature.as_bytes(), "a signature");
    }
}

fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { files(&path, found) } else { found.push(path) }
    }
}

fn assert_store_is_sealed(folder: &Path) {
    let mut paths = Vec::new();
    files(folder, &mut paths);
    let stored: Vec<Vec<u8>> = paths.iter().map(|path| fs::read(path).unwrap()).collect();
    let large = stored.iter().filter(|bytes| bytes.len() > body().len()).count();
    assert_eq!(large, 2, "the two objects are here");
    let mut needles =
        vec![MARKER.as_bytes().to_vec(), COLOUR.as_bytes().to_vec(), STANDARD.encode(MARKER).into_bytes()];
    let digests = [md5_hex(&body()), sha256_hex(&body())];
    let checksums = Checksum::ALL.map(|checksum| STANDARD.decode(checksum.of(&body())).unwrap());
    // Four bytes can turn up by chance; as text they cannot.
    needles.extend(checksums.iter().filter(|raw| raw.len() > 4).flat_map(|raw| spellings(raw)));
    needles.extend(checksums.iter().flat_map(|raw| [STANDARD.encode(raw).into_bytes()]));
    needles.extend(digests.iter().flat_map(|digest| spellings(&hex::decode(digest).unwrap())));
    needles.extend(spellings(&KEY));
    for bytes in &stored {
        for needle in &needles {
            assert_absent(bytes, needle, "plaintext, a digest of it, or a key");
        }
    }
}

#[test]
fn nothing_secret_is_logged_and_only_ciphertext_is_kept_on_the_embedded_store() {
    let folder = TempDir::new().unwrap();
    let (mut daemon, stack) = start(folder.path(), Store::Directory);
    let signatures = traffic(&stack);
    daemon.terminate();
    daemon.wait();
    assert_log_is_clean(&daemon.log(), &signatures);
    assert_store_is_sealed(&folder.path().join("store"));
}

#[test]
fn nothing_secret_is_logged_and_only_ciphertext_is_sent_to_a_store() {
    let (folder, behind) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let bare = Bare::start(behind.path());
    let endpoint = format!("http://{}", bare.socket);
    let (mut daemon, stack) = start(folder.path(), Store::S3 { endpoint, credential: credential(), ca_file: None });
    let signatures = traffic(&stack);
    daemon.terminate();
    daemon.wait();
    assert_log_is_clean(&daemon.log(), &signatures);
    drop(bare);
    assert_store_is_sealed(behind.path());
}

#[test]
fn files_the_daemon_makes_are_its_owners_only() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = TempDir::new().unwrap();
    let (daemon, stack) = start(folder.path(), Store::Directory);
    put(&stack, "a").send().check(200);
    drop(daemon);
    let mut paths = Vec::new();
    files(&folder.path().join("store"), &mut paths);
    let root = fs::metadata(folder.path().join("store")).unwrap().permissions().mode();
    assert_eq!(root & 0o077, 0, "others may enter the store: {root:o}");
}
