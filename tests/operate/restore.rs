//! The day of the restore: there is a key file, there is the raw store, and there is no Sealgate.
//!
//! What opens the objects is the decryptor that was written from FORMAT.md alone.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use sealgate_tests::bytes::noise;
use sealgate_tests::command::Run;
use sealgate_tests::stack::Stack;
use sealgate_tests::world::{PLAIN_LEN, World, daemon};
use tempfile::TempDir;

use crate::scene::{NEXT_KEY, beside, command_after, command_with, next_key, program, upload, world};

/// Every kind of key that is a file, the one that the others are rotated to last.
const KINDS: [&str; 4] = ["aes", "passphrase", "rsa", "x25519"];
const LAST: &str = KINDS[3];
/// Cheap, as a test may be.
const ARGON2: &str = "$argon2id$v=19$m=19456,t=1,p=1$c2VhbGdhdGUgdmVjdG9ycw";

/// A Python that has what the decryptor needs: the one that is named, which has to, or one that is there.
fn python() -> Option<String> {
    if let Ok(named) = std::env::var("SEALGATE_TEST_PYTHON") {
        return Some(named);
    }
    let imports = "import cryptography.hazmat.primitives.kdf.argon2";
    let has = Command::new("python3").args(["-c", imports]).stderr(Stdio::null()).status();
    if !has.is_ok_and(|status| status.success()) {
        eprintln!("NOT RUN: no Python with the package cryptography; name one in SEALGATE_TEST_PYTHON");
        return None;
    }
    Some("python3".to_owned())
}

/// What is at hand: a Python, and a key file.
struct Hand<'a> {
    python: &'a str,
    key_file: PathBuf,
    argon2: Option<&'a str>,
}

impl Hand<'_> {
    /// Opens an object out of the raw store: its content, or what the decryptor says in refusal.
    fn open(&self, behind: &Stack, key: &str) -> Result<Vec<u8>, String> {
        let stored = behind.object("GET", "first", key).send().expect(200);
        let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("decryptor/unseal_wraps.py");
        let mut command = Command::new(self.python);
        command.arg(program).arg("--key-file").arg(&self.key_file).args(["--bucket", "first", "--name", key]);
        command.args(["--envelope", stored.must("x-amz-meta-sealgate")]);
        command.args(self.argon2.into_iter().flat_map(|costs| ["--argon2", costs]));
        if let Some((_, metadata)) = stored.headers.iter().find(|(name, _)| name == "x-amz-meta-sealgate-m") {
            // In one word: it may begin with a hyphen.
            command.arg(format!("--metadata={metadata}"));
        }
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut stdin = child.stdin.take().unwrap();
        let sent = std::thread::spawn(move || stdin.write_all(&stored.body));
        let output = child.wait_with_output().unwrap();
        // Who refuses an envelope does not read the content.
        let sent = sent.join().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        if !output.status.success() {
            return Err(said);
        }
        sent.unwrap();
        Ok(output.stdout)
    }
}

#[test]
fn a_key_file_and_the_raw_store_are_enough() {
    let Some(python) = python() else { return };
    let mut world = world("");
    world.seal("first", "a/ü +", 3);
    let parts = [noise(1, 5_242_880), noise(2, 12_345)];
    upload(&world.front, "parts", &parts);
    // What was rotated is no other.
    next_key(&world);
    command_after(&world, &["rewrap", "--apply", "s3://first/parts"], |settings| settings).run().check(0);
    world.daemon.kill();

    let hand = |name: String| Hand { python: &python, key_file: beside(&world, &name), argon2: None };
    let (first, second) = (hand("test.key".to_owned()), hand(format!("{NEXT_KEY}.key")));
    assert!(first.open(&world.behind, "a/ü +").unwrap() == noise(3, PLAIN_LEN));
    assert!(second.open(&world.behind, "parts").unwrap() == parts.concat());
    assert!(first.open(&world.behind, "parts").unwrap_err().contains("refused"));
}

/// Makes a key of every kind in a folder of their own.
fn key_files() -> TempDir {
    let files = TempDir::new().unwrap();
    for kind in ["aes", "rsa", "x25519"] {
        Run::new(program(), files.path(), &["keygen", "--kind", kind, "--id", kind, "--out", kind]).run().check(0);
    }
    std::fs::write(files.path().join("passphrase"), "words that only tests know\n").unwrap();
    files
}

/// The settings of who has all keys and seals with one.
fn settings(files: &TempDir, primary: &str) -> String {
    let mut settings = String::new();
    for kind in KINDS {
        let path = files.path().join(kind).display().to_string();
        writeln!(settings, "[[keys]]\nid = \"{kind}\"\nkind = \"{kind}\"\nsecret = \"file:{path}\"").unwrap();
        if kind == "passphrase" {
            writeln!(settings, "argon2 = \"{ARGON2}\"").unwrap();
        }
    }
    settings + &format!("[keyring]\nprimary = \"{primary}\"\n")
}

/// The contents of an object that a daemon with this primary key has sealed whole, and of one in parts.
fn contents(kind: &str) -> (Vec<u8>, [Vec<u8>; 2]) {
    let seed = kind.len() as u64;
    (noise(seed, PLAIN_LEN), [noise(seed + 10, 5_242_880), noise(seed + 20, 777)])
}

fn seal_both(front: &Stack, kind: &str) {
    let (whole, parts) = contents(kind);
    let put = front.object("PUT", "first", &format!("{kind}/whole")).header("x-amz-meta-colour", "blue");
    put.body(&whole).send().check(200);
    upload(front, &format!("{kind}/parts"), &parts);
}

/// Opens both with one key file and nothing else.
fn restores(hand: &Hand<'_>, behind: &Stack, kind: &str) {
    let (whole, parts) = contents(kind);
    assert!(hand.open(behind, &format!("{kind}/whole")).unwrap() == whole, "{kind}");
    assert!(hand.open(behind, &format!("{kind}/parts")).unwrap() == parts.concat(), "{kind}");
}

/// Rotates everything to the last key, with the settings of the first daemon.
fn rotate(world: &World, files: &TempDir) {
    let change = |mine: String| mine.replace(&settings(files, KINDS[0]), &settings(files, LAST));
    let done = command_with(world, &["rewrap", "--apply", "s3://first"], change).run().expect(0);
    let counts = &done.summary()["counts"];
    assert_eq!((&counts["rewrapped"], &counts["current"]), (&6.into(), &2.into()), "{done:?}");
}

#[test]
fn any_kind_of_key_file_restores_what_it_sealed_and_what_was_rotated_to_it() {
    let Some(python) = python() else { return };
    let files = key_files();
    let mut world = world(&settings(&files, KINDS[0]));
    seal_both(&world.front, KINDS[0]);
    for kind in &KINDS[1..] {
        let folder = TempDir::new().unwrap();
        let (_daemon, front) = daemon(program(), folder.path(), world.behind.url(), &settings(&files, kind));
        seal_both(&front, kind);
    }
    world.daemon.kill();

    let hands = KINDS.map(|kind| Hand {
        python: &python,
        key_file: files.path().join(kind),
        argon2: (kind == "passphrase").then_some(ARGON2),
    });
    for (hand, kind) in hands.iter().zip(KINDS) {
        restores(hand, &world.behind, kind);
    }
    rotate(&world, &files);
    let (last, others) = hands.split_last().unwrap();
    for kind in KINDS {
        restores(last, &world.behind, kind);
    }
    for (hand, kind) in others.iter().zip(KINDS) {
        let said = hand.open(&world.behind, &format!("{kind}/whole")).unwrap_err();
        assert!(said.contains("refused"), "the key of before opens nothing any more: {said}");
    }
}
