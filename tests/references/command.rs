//! `command:`, with a program that decrypts a file: what it prints becomes the key, and how it fails is said.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Stdio};

use sealgate_tests::bytes::noise;
use sealgate_tests::command::Run;
use sealgate_tests::daemon::{Daemon, Plan, Store};
use tempfile::TempDir;

use crate::{front, program, refused};

/// Undoes what [`lock`] does, for whoever has the word for it. Not for secrets.
const UNLOCK: &str = "#!/bin/sh\n\
    [ \"$(cat \"$1\")\" = opensesame ] || { echo \"unlock: $1 is no word for $2\" >&2; exit 7; }\n\
    tr 'A-Za-z' 'N-ZA-Mn-za-m' <\"$2\"\n";

/// A folder with the program, a key that it unlocks, and a word for it.
fn folder() -> TempDir {
    let folder = TempDir::new().unwrap();
    let program_file = folder.path().join("unlock");
    fs::write(&program_file, UNLOCK).unwrap();
    fs::set_permissions(&program_file, Permissions::from_mode(0o700)).unwrap();
    fs::write(folder.path().join("word"), "opensesame\n").unwrap();
    fs::write(folder.path().join("other"), "openbarley\n").unwrap();
    Run::new(program(), folder.path(), &["keygen", "--id", "locked", "--out", "plain.key"]).run().check(0);
    lock(&folder.path().join("plain.key"), &folder.path().join("locked.key"));
    folder
}

/// Leaves nothing of the plain key but its locked form.
fn lock(plain: &Path, locked: &Path) {
    let mut tr = Command::new("tr");
    let tr = tr.args(["A-Za-z", "N-ZA-Mn-za-m"]).stdin(fs::File::open(plain).unwrap()).stdout(Stdio::piped());
    fs::write(locked, tr.output().unwrap().stdout).unwrap();
    fs::remove_file(plain).unwrap();
}

fn key(command: &str) -> String {
    format!("[[keys]]\nid = \"locked\"\nsecret = \"command:{command}\"\n")
}

fn unlock(folder: &TempDir, word: &str) -> String {
    let at = |name: &str| folder.path().join(name).display().to_string();
    key(&format!("{} '{}' '{}'", at("unlock"), at(word), at("locked.key")))
}

#[test]
fn a_key_that_a_program_decrypts_seals_and_opens_and_does_so_again() {
    let (home, folder) = (TempDir::new().unwrap(), folder());
    let extra = unlock(&folder, "word") + "[keyring]\nprimary = \"locked\"\n";
    let plan = Plan {
        program: program(),
        folder: home.path(),
        store: Store::Directory,
        authority: None,
        filter: "debug",
        extra: &extra,
    };
    let mut daemon = Daemon::start(&plan);
    front(&daemon).request("PUT", "/first").send().check(200);
    front(&daemon).object("PUT", "first", "k").body(&noise(1, 100_000)).send().check(200);
    daemon.terminate();
    assert!(daemon.wait().success(), "{}", daemon.log());

    let daemon = Daemon::start(&plan);
    assert!(front(&daemon).object("GET", "first", "k").send().expect(200).body == noise(1, 100_000));
    assert!(!daemon.log().contains("sealgate-key-1"), "what the program printed is in the log");
}

#[test]
fn a_program_that_fails_says_why_and_its_output_is_not_repeated() {
    let folder = folder();
    let error = refused(&unlock(&folder, "other"), &[]);
    for part in ["key locked", "unlock failed (exit status: 7): unlock: ", "is no word for"] {
        assert!(error.contains(part), "{part}: {error}");
    }
    let half = refused(&key("sh -c 'echo half-of-a-secret; exit 3' passed-secret"), &[]);
    assert!(half.contains("sh failed (exit status: 3)"), "{half}");
    assert!(!half.contains("half-of-a-secret") && !half.contains("passed-secret"), "{half}");
}

#[test]
fn what_is_no_key_is_refused_without_being_shown() {
    for (command, why) in [
        ("true", "true printed nothing"),
        ("head -c 70000 /dev/zero", "head printed more than 64 KiB"),
        ("/no/such/program --with secret-argument", "cannot run /no/such/program; is it installed, and in the PATH"),
        ("echo not-a-key-but-secret", "command:echo"),
    ] {
        let error = refused(&key(command), &[]);
        assert!(error.contains("key locked") && error.contains(why), "{command}: {error}");
        assert!(!error.contains("secret-argument") && !error.contains("not-a-key-but-secret"), "{error}");
    }
}
