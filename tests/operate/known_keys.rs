//! Another key under an old id is noticed at the start, before anything is written with it, without any setting.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

use sealgate_tests::bytes::noise;
use sealgate_tests::daemon::KEY_ID;
use sealgate_tests::world::{PLAIN_LEN, World, daemon};
use tempfile::TempDir;

use crate::scene::{beside, key_of, program, run, world};

/// The key that is exchanged.
const OWN: &str = "own";

/// A kind of key: what its settings say beside the file, and two files of it.
struct Kind {
    settings: &'static str,
    files: [Vec<u8>; 2],
}

fn kinds() -> [Kind; 3] {
    const X25519: [&str; 2] = [
        include_str!("../../crates/keyring/tests/keys/x25519-1.pem"),
        include_str!("../../crates/keyring/tests/keys/x25519-2.pem"),
    ];
    const ARGON2: &str = "kind = \"passphrase\"\nargon2 = \"$argon2id$v=19$m=19456,t=1,p=1$c2VhbGdhdGUgdmVjdG9ycw\"\n";
    [
        Kind { settings: "kind = \"aes\"\n", files: [noise(1, 32), noise(2, 32)] },
        Kind { settings: ARGON2, files: ["correct horse", "correct house"].map(|words| words.as_bytes().to_vec()) },
        Kind { settings: "kind = \"x25519\"\n", files: X25519.map(|pem| pem.as_bytes().to_vec()) },
    ]
}

/// A world that seals with a key of this kind, the folder of the key, and the settings of both.
fn sealing_with(kind: &Kind) -> (World, TempDir, String) {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("own.key");
    fs::write(&file, &kind.files[0]).unwrap();
    let key = format!("[[keys]]\nid = \"{OWN}\"\nsecret = \"file:{}\"\n{}", file.display(), kind.settings);
    let settings = format!("{key}[keyring]\nprimary = \"{OWN}\"\n");
    (world(&settings), folder, settings)
}

fn record(world: &World) -> PathBuf {
    beside(world, "data").join("known-keys.toml")
}

#[test]
fn another_key_under_the_same_id_is_refused_before_anything_is_written() {
    for kind in kinds() {
        let (mut world, folder, settings) = sealing_with(&kind);
        world.seal("first", "a", 1);
        world.daemon.kill();
        let known = fs::read_to_string(record(&world)).unwrap();
        assert!(known.contains("[keys.\"own\"]") && known.contains(&format!("[keys.\"{KEY_ID}\"]")), "{known}");
        assert_eq!(fs::metadata(record(&world)).unwrap().permissions().mode() & 0o777, 0o600);

        let key = folder.path().join("own.key");
        fs::write(&key, &kind.files[1]).unwrap();
        fs::write(beside(&world, "plain"), b"plain").unwrap();
        let encrypt = ["encrypt", "s3://first/b", "plain", "--out", "sealed", "--metadata", "m.json"];
        for arguments in
            [&["serve"][..], &["rewrap", "--apply", "s3://first"], &encrypt, &["config", "check", "--keys"]]
        {
            let refused = run(&world, arguments).expect(64);
            for word in ["key own ", "known-keys.toml", "Put the old key back", "an id of its own", "[keys.\"own\"]"] {
                assert!(refused.err.contains(word), "{arguments:?}: {word}: {refused:?}");
            }
        }
        assert!(!beside(&world, "sealed").exists());
        assert_eq!(fs::read_to_string(record(&world)).unwrap(), known, "what was known stays known");
        let listed = world.behind.request("GET", "/first").query("list-type", "2").send().expect(200);
        assert_eq!(listed.all("Key"), ["a"]);

        fs::write(&key, &kind.files[0]).unwrap();
        let (_daemon, front) = daemon(program(), world.folders[0].path(), world.behind.url(), &settings);
        assert!(front.object("GET", "first", "a").send().expect(200).body == noise(1, PLAIN_LEN));
    }
}

#[test]
fn a_change_that_is_meant_has_two_ways() {
    let [kind, ..] = kinds();
    let (mut world, folder, settings) = sealing_with(&kind);
    world.daemon.kill();
    let key = folder.path().join("own.key");
    fs::write(&key, &kind.files[1]).unwrap();
    run(&world, &["serve"]).check(64);
    // Under another id it is another key.
    let named_anew = settings.replace(&format!("\"{OWN}\""), "\"newer\"");
    let (renamed, front) = daemon(program(), world.folders[0].path(), world.behind.url(), &named_anew);
    front.object("PUT", "first", "a").body(b"1").send().check(200);
    assert_eq!(key_of(&world, "first", "a"), "newer");
    drop(renamed);
    let known = fs::read_to_string(record(&world)).unwrap();
    assert!(known.contains("[keys.\"newer\"]") && known.contains("[keys.\"own\"]"), "an old id is not free again");
    // Without its lines the old id is free.
    let (before, after) = known.split_once("[keys.\"own\"]").unwrap();
    let after = after.split_once("\n[").map(|(_, rest)| format!("[{rest}")).unwrap_or_default();
    fs::write(record(&world), format!("{before}{after}")).unwrap();
    let (_daemon, front) = daemon(program(), world.folders[0].path(), world.behind.url(), &settings);
    front.object("PUT", "first", "b").body(b"1").send().check(200);
    assert_eq!(key_of(&world, "first", "b"), OWN);
}

#[test]
fn a_record_that_cannot_be_read_is_not_taken_for_an_empty_one() {
    let [kind, ..] = kinds();
    let (mut world, _folder, _) = sealing_with(&kind);
    world.daemon.kill();
    fs::write(record(&world), "[keys.\"own\"]\nkind = \"aes\"\n").unwrap();
    let refused = run(&world, &["serve"]).expect(64);
    assert!(refused.err.contains("known-keys.toml") && refused.err.contains("repair the file"), "{refused:?}");
}

#[test]
fn commands_note_nothing_and_a_server_without_a_place_for_it_serves_and_says_so() {
    let [kind, ..] = kinds();
    let (mut world, _folder, settings) = sealing_with(&kind);
    world.seal("first", "a", 1);
    world.daemon.kill();
    fs::remove_file(record(&world)).unwrap();
    run(&world, &["verify", "s3://first"]).check(0);
    run(&world, &["config", "check", "--keys"]).check(0);
    assert!(!record(&world).exists());

    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("data"), b"no directory").unwrap();
    let (daemon, front) = daemon(program(), folder.path(), world.behind.url(), &settings);
    assert!(front.object("GET", "first", "a").send().expect(200).body == noise(1, PLAIN_LEN));
    let log = daemon.log();
    assert!(log.contains("keys cannot be remembered") && log.contains("`check`"), "{log}");
}
