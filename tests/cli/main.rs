//! Every command as it is typed: what it answers, how it refuses, and the status scripts rely on.
//!
//! Nothing here needs a server or a store that answers.

#![expect(clippy::unwrap_used, reason = "a test reports a failure by panicking")]

mod keygen;

use std::path::Path;

use sealgate_tests::command::{Ended, Run};
use tempfile::TempDir;

fn run(home: &TempDir, arguments: &[&str]) -> Ended {
    Run::new(Path::new(env!("CARGO_BIN_EXE_sealgate-under-test")), home.path(), arguments).run()
}

/// Settings of a store that nobody should ask.
fn home() -> TempDir {
    let home = TempDir::new().unwrap();
    run(&home, &["keygen", "--id", "k"]).check(0);
    let text = "[store]\nkind = \"s3\"\nendpoint = \"http://127.0.0.1:1\"\naccess_key = \"a\"\nsecret = \"env:HOME\"\n\
        [[keys]]\nid = \"k\"\nsecret = \"file:k.key\"\n";
    std::fs::write(home.path().join("a.toml"), text).unwrap();
    home
}

/// The commands that work on objects, with an address for each.
const ON_OBJECTS: [&[&str]; 5] = [
    &["inspect", "s3://b/k"],
    &["get", "s3://b/k"],
    &["verify", "s3://b/k"],
    &["rewrap", "s3://b/k"],
    &["migrate", "s3://b/k"],
];

/// All of them but those that only say something about the program.
const COMMANDS: [&str; 11] =
    ["serve", "keygen", "inspect", "get", "verify", "rewrap", "migrate", "encrypt", "decrypt", "doctor", "completions"];

#[test]
fn every_command_has_help_with_examples() {
    let home = TempDir::new().unwrap();
    for command in COMMANDS {
        let help = run(&home, &[command, "--help"]).expect(0);
        assert!(help.out.contains("Examples:"), "{command}: {}", help.out);
    }
}

#[test]
fn what_is_no_address_is_refused() {
    let home = home();
    for command in ["inspect", "get", "verify", "rewrap", "migrate"] {
        for address in ["b/k", "s3:b/k", "s3://", "https://b/k"] {
            let refused = run(&home, &[command, address]).expect(64);
            assert!(refused.err.contains("s3://BUCKET"), "{refused:?}");
        }
    }
    for command in ["inspect", "get"] {
        let refused = run(&home, &[command, "s3://bucket", "--config", "a.toml"]).expect(64);
        assert!(refused.err.contains("names a bucket"), "{refused:?}");
    }
}

#[test]
fn impossible_flags_are_refused() {
    let home = home();
    for flags in [["--concurrency", "0"], ["--concurrency", "1000"], ["--rate", "0"], ["--depth", "deep"]] {
        let refused = run(&home, &["verify", "s3://b", flags[0], flags[1]]).expect(64);
        assert!(refused.err.contains(flags[0]), "{refused:?}");
    }
    for limit in ["1000", "5368709121", "1G"] {
        let refused = run(&home, &["rewrap", "s3://b", "--copy-limit", limit]).expect(64);
        assert!(refused.err.contains("--copy-limit"), "{refused:?}");
    }
}

#[test]
fn places_that_overlap_are_refused() {
    let home = home();
    let refused = run(&home, &["migrate", "s3://b", "s3://b/new/", "--config", "a.toml"]).expect(64);
    assert!(refused.err.contains("overlap"), "{refused:?}");
}

#[test]
fn offline_work_needs_its_files_and_replaces_none() {
    let home = home();
    std::fs::write(home.path().join("plain"), "content").unwrap();
    let encrypt = |more: &[&str]| run(&home, &[&["encrypt", "s3://b/k", "plain", "--config", "a.toml"], more].concat());
    assert!(encrypt(&["--out", "x"]).expect(64).err.contains("--metadata"));
    assert!(encrypt(&["--out", "plain", "--metadata", "m"]).expect(64).err.contains("exists"));
    assert!(encrypt(&["--out", "x", "--metadata", "plain"]).expect(64).err.contains("exists"));
    assert!(!home.path().join("x").exists());
    let decrypt = |more: &[&str]| run(&home, &[&["decrypt", "s3://b/k", "plain", "--config", "a.toml"], more].concat());
    assert!(decrypt(&[]).expect(64).err.contains("--envelope"));
    assert!(decrypt(&["--metadata", "plain"]).expect(64).err.contains("neither a map"));
    assert!(decrypt(&["--envelope", "v=1"]).expect(1).err.contains("verification"));
    assert_eq!(std::fs::read(home.path().join("plain")).unwrap(), b"content");
}

#[test]
fn a_doctor_is_told_where_to_write() {
    let refused = run(&home(), &["doctor", "--write", "--config", "a.toml"]).expect(64);
    assert!(refused.err.contains("s3://BUCKET"), "{refused:?}");
}

#[test]
fn a_doctor_names_what_is_between_here_and_the_store() {
    let home = home();
    let found = run(&home, &["doctor", "--json", "--config", "a.toml"]).expect(1);
    let state = |check: &str| found.lines().iter().find(|line| line["check"] == check).unwrap()["state"].clone();
    assert_eq!((state("keys"), state("name")), ("ok".into(), "ok".into()));
    assert_eq!((state("port"), state("answer")), ("failed".into(), "failed".into()));
    let text = std::fs::read_to_string(home.path().join("a.toml")).unwrap();
    std::fs::write(home.path().join("b.toml"), text.replace("127.0.0.1:1", "nowhere.invalid:1")).unwrap();
    let found = run(&home, &["doctor", "--config", "b.toml"]).expect(1);
    assert!(found.out.contains("nowhere.invalid has no address"), "{found:?}");
    std::fs::remove_file(home.path().join("k.key")).unwrap();
    let found = run(&home, &["doctor", "--config", "a.toml"]).expect(1);
    assert!(found.out.contains("k.key"), "{found:?}");
}

#[test]
fn settings_are_those_of_serve_and_as_strict() {
    let home = home();
    std::fs::write(home.path().join("wrong.toml"), "[store]\nknid = \"s3\"\n").unwrap();
    for command in ON_OBJECTS {
        let refused = run(&home, &[command, &["--config", "wrong.toml"]].concat()).expect(64);
        assert!(refused.err.contains("did you mean `kind`?"), "{refused:?}");
        let refused = run(&home, &[command, &["--config", "missing.toml"]].concat()).expect(64);
        assert!(refused.err.contains("cannot read missing.toml"), "{refused:?}");
    }
}

#[test]
fn nothing_is_made_that_is_not_there() {
    let home = TempDir::new().unwrap();
    for command in ON_OBJECTS {
        let refused = run(&home, command).expect(64);
        assert!(refused.err.contains("there is no key"), "{refused:?}");
    }
    run(&home, &["keygen", "--id", "k"]).check(0);
    std::fs::write(home.path().join("a.toml"), "[[keys]]\nid = \"k\"\nsecret = \"file:k.key\"\n").unwrap();
    for command in ON_OBJECTS {
        let refused = run(&home, &[command, &["--config", "a.toml"]].concat()).expect(64);
        assert!(refused.err.contains("there is no store in"), "{refused:?}");
    }
    assert!(!home.path().join(".local").exists());
}

#[test]
fn a_store_that_cannot_be_reached_is_a_failure() {
    let home = home();
    for command in ON_OBJECTS {
        let failed = run(&home, &[command, &["--config", "a.toml"]].concat()).expect(1);
        assert!(failed.err.contains("the store cannot be reached"), "{failed:?}");
    }
}

#[test]
fn a_checkpoint_of_another_task_is_refused() {
    let home = home();
    std::fs::write(home.path().join("c.json"), r#"{"task":"verify s3://b/other","after":"k","failed":[]}"#).unwrap();
    let refused = run(&home, &["verify", "s3://b/k", "--checkpoint", "c.json", "--config", "a.toml"]).expect(64);
    assert!(refused.err.contains("another task: verify s3://b/other"), "{refused:?}");
    std::fs::write(home.path().join("c.json"), "something of mine").unwrap();
    let refused = run(&home, &["verify", "s3://b/k", "--checkpoint", "c.json", "--config", "a.toml"]).expect(64);
    assert!(refused.err.contains("is no checkpoint"), "{refused:?}");
    assert_eq!(std::fs::read(home.path().join("c.json")).unwrap(), b"something of mine");
}

#[test]
fn shells_and_the_manual_know_every_command() {
    let home = TempDir::new().unwrap();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = run(&home, &["completions", shell]).expect(0).out;
        assert!(COMMANDS.iter().all(|command| script.contains(command)), "{shell}");
    }
    assert_eq!(run(&home, &["completions", "cmd"]).status, 64);
    let manual = run(&home, &["man"]).expect(0).out;
    assert!(manual.starts_with(".ie") || manual.contains(".TH sealgate 1"), "{manual}");
    for command in COMMANDS {
        assert!(manual.contains(&format!(".SH \"SEALGATE {}\"", command.to_uppercase())), "{command}: {manual}");
    }
    assert!(manual.contains("\\-\\-checkpoint"), "{manual}");
}
