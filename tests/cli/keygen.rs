//! `keygen`: what it makes is taken by a configuration and by a server, and what it says tells nobody the key.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

use sealgate_tests::command::Ended;
use sealgate_tests::stack::Stack;
use sealgate_tests::world::{World, daemon};
use serde_json::Value;
use tempfile::TempDir;

use crate::run;

const PROGRAM: &str = env!("CARGO_BIN_EXE_sealgate-under-test");

/// The kinds that are made here, with the rest of the command line and the ending of the file.
const KINDS: [(&str, &[&str], &str); 4] =
    [("aes", &[], "key"), ("passphrase", &[], "pass"), ("rsa", &["--bits", "2048"], "pem"), ("x25519", &[], "pem")];

fn keygen(home: &TempDir, kind: &str, more: &[&str]) -> Ended {
    run(home, &[&["keygen", "--id", "new", "--kind", kind], more].concat())
}

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}

/// The secret as it could be found in something that was said.
fn secret_of(home: &TempDir, ending: &str) -> String {
    let text = std::fs::read_to_string(home.path().join(format!("new.{ending}"))).unwrap();
    let line = text.lines().rfind(|line| !line.starts_with(['#', '-'])).unwrap();
    line.trim_start_matches("sealgate-key-1 ").to_owned()
}

/// What is printed, with the new key as the primary one.
fn as_primary(block: &str) -> String {
    format!("{block}[keyring]\nprimary = \"new\"\n")
}

#[test]
fn what_is_printed_is_taken_as_it_is_and_holds_no_secret() {
    for (kind, more, ending) in KINDS {
        let home = TempDir::new().unwrap();
        let made = keygen(&home, kind, more).expect(0);
        assert_eq!(mode(&home.path().join(format!("new.{ending}"))), 0o600, "{kind}");
        let secret = secret_of(&home, ending);
        assert!(secret.len() > 20 && !made.out.contains(&secret) && !made.err.contains(&secret), "{kind}: {made:?}");
        let other =
            "[store]\nkind = \"s3\"\nregion = \"us-east-1\"\n[[keys]]\nid = \"old\"\nsecret = \"file:old.key\"\n";
        std::fs::write(home.path().join("a.toml"), format!("{other}{}", as_primary(&made.out))).unwrap();
        let check = run(&home, &["config", "check", "--config", "a.toml"]).expect(0);
        let value =
            made.out.lines().find_map(|line| line.strip_prefix("check = ")).unwrap().trim_matches('"').to_owned();
        let other = made.out.replace(&value, "0123456789abcdef");
        for (block, status) in [(&made.out, 0), (&other, 64)] {
            std::fs::write(home.path().join("b.toml"), block).unwrap();
            let keys = run(&home, &["config", "check", "--keys", "--config", "b.toml"]).expect(status);
            assert!(format!("{}{}", keys.out, keys.err).contains(&value), "{kind}: {keys:?}");
        }
        assert!(check.out.contains("keyring.primary = \"new\""), "{kind}: {check:?}");
    }
}

/// Which key wrapped the data key of an object.
fn key_of(behind: &Stack, key: &str) -> String {
    let head = behind.object("HEAD", "first", key).send().expect(200);
    let envelope = head.must("x-amz-meta-sealgate").to_owned();
    envelope.split(';').find_map(|field| field.strip_prefix("k=")).unwrap().to_owned()
}

#[test]
fn a_server_seals_and_opens_with_every_kind() {
    for (kind, more, _) in KINDS {
        let home = TempDir::new().unwrap();
        let world = World::new(Path::new(PROGRAM), &as_primary(&keygen(&home, kind, more).expect(0).out));
        world.seal("first", "a", 1);
        assert_eq!(key_of(&world.behind, "a"), "new", "{kind}");
        assert!(world.get("first", "a").send().expect(200).body.len() > 100_000, "{kind}");
    }
}

#[test]
fn a_public_half_writes_what_only_the_private_one_reads() {
    for (kind, more) in [("rsa", &["--bits", "2048"][..]), ("x25519", &[])] {
        let home = TempDir::new().unwrap();
        let block = keygen(&home, kind, more).expect(0).out;
        // The line that is there as a comment, in place of the one above it.
        let lines = block.lines().filter(|line| !line.starts_with("secret"));
        let lines: Vec<&str> = lines.map(|line| line.strip_prefix("# public").map_or(line, |_| &line[2..])).collect();
        let public = lines.join("\n") + "\n";
        assert_eq!(public.matches("public = \"file:").count(), 1, "{public}");
        let world = World::new(Path::new(PROGRAM), &as_primary(&public));
        world.front.object("PUT", "first", "a").body(b"content").send().check(200);
        assert_eq!(key_of(&world.behind, "a"), "new", "{kind}");
        let refused = world.get("first", "a").send();
        assert!(refused.status == 403 && refused.xml().contains("new"), "{kind}: {refused:?}");
        let folder = TempDir::new().unwrap();
        let (_daemon, front) = daemon(Path::new(PROGRAM), folder.path(), world.behind.url(), &as_primary(&block));
        assert_eq!(front.object("GET", "first", "a").send().expect(200).body, b"content", "{kind}");
    }
}

#[test]
fn programs_are_told_everything_but_the_secret() {
    for (kind, more, ending) in KINDS {
        let home = TempDir::new().unwrap();
        let made = keygen(&home, kind, &[more, &["--json"]].concat()).expect(0);
        let said = made.json();
        assert_eq!((&said["id"], &said["kind"]), (&Value::from("new"), &Value::from(kind)));
        let path = |field: &str| Path::new(said[field].as_str().unwrap()).to_owned();
        assert!(path("secret").is_absolute() && path("secret").exists());
        assert_eq!(said["public"].is_string(), matches!(kind, "rsa" | "x25519"));
        assert_eq!(said["argon2"].is_string(), kind == "passphrase");
        assert_eq!(said["check"].as_str().unwrap().len(), 16);
        assert!(said["settings"].as_str().unwrap().starts_with("[[keys]]"));
        assert!(!made.out.contains(&secret_of(&home, ending)), "{kind}");
    }
}

#[test]
fn rsa_keys_have_the_length_that_is_asked_for() {
    for (more, bits) in [(&[][..], 3072), (&["--bits", "2048"], 2048), (&["--bits", "4096"], 4096)] {
        let home = TempDir::new().unwrap();
        keygen(&home, "rsa", more).check(0);
        let text = std::fs::read_to_string(home.path().join("new.pub")).unwrap();
        let text: String = text.lines().filter(|line| !line.starts_with('-')).collect();
        let der = base64::Engine::decode(&base64::engine::general_purpose::STANDARD, text).unwrap();
        let key = aws_lc_rs::rsa::PublicEncryptingKey::from_der(&der).unwrap();
        assert_eq!(key.key_size_bits(), bits);
    }
    let home = TempDir::new().unwrap();
    assert!(keygen(&home, "rsa", &["--bits", "1024"]).expect(64).err.contains("3072"));
    assert!(keygen(&home, "aes", &["--bits", "3072"]).expect(64).err.contains("--kind rsa"));
    assert_eq!(std::fs::read_dir(home.path()).unwrap().count(), 0);
}

#[test]
fn keys_of_services_are_made_there() {
    for (kind, command, fill) in [
        ("aws-kms", "aws kms create-key", "REGION:ACCOUNT"),
        ("vault-transit", "bao write transit/keys/sealgate-new", ""),
    ] {
        let home = TempDir::new().unwrap();
        let said = keygen(&home, kind, &[]).expect(0).out;
        assert!(said.contains(command) && said.contains("No file was written") && said.contains(fill), "{said}");
        let json = keygen(&home, kind, &["--json"]).expect(0).json();
        assert!(json["command"].as_str().unwrap().starts_with(command) && json["kind"] == kind, "{json}");
        assert!(keygen(&home, kind, &["--out", "x"]).expect(64).err.contains("--out"));
        assert_eq!(std::fs::read_dir(home.path()).unwrap().count(), 0);
        std::fs::write(home.path().join("a.toml"), format!("[store]\nkind = \"s3\"\nregion = \"us-east-1\"\n{said}"))
            .unwrap();
        run(&home, &["config", "check", "--config", "a.toml"]).check(0);
    }
}

#[test]
fn keys_of_other_tools_are_made_by_those() {
    let home = TempDir::new().unwrap();
    for (kind, tool) in [("pbkdf2", "fileson"), ("openpgp", "gpg --armor"), ("rclone-crypt", "rclone")] {
        let refused = keygen(&home, kind, &[]).expect(64);
        assert!(refused.err.contains(tool) && refused.err.contains("config/examples/"), "{refused:?}");
    }
    assert_eq!(std::fs::read_dir(home.path()).unwrap().count(), 0);
}

#[test]
fn files_are_never_replaced_and_never_written_by_halves() {
    let home = TempDir::new().unwrap();
    let missing = keygen(&home, "aes", &["--out", "keys/new.key"]).expect(64);
    assert!(missing.err.contains("there is no directory keys") && missing.err.contains("mkdir"), "{missing:?}");
    assert!(keygen(&home, "rsa", &["--out", "new.pub"]).expect(64).err.contains("private half"));
    std::fs::write(home.path().join("new.pub"), "mine").unwrap();
    let refused = keygen(&home, "x25519", &[]).expect(1);
    assert!(refused.err.contains("new.pub exists"), "{refused:?}");
    assert!(!home.path().join("new.pem").exists());
    assert_eq!(std::fs::read(home.path().join("new.pub")).unwrap(), b"mine");
}

#[test]
fn a_terminal_is_shown_once_what_fits_on_paper() {
    for (kind, more, ending) in KINDS {
        let home = TempDir::new().unwrap();
        let line = [&[PROGRAM, "keygen", "--id", "new", "--kind", kind], more].concat().join(" ");
        let script =
            Command::new("script").args(["-qec", &line, "/dev/null"]).current_dir(home.path()).output().unwrap();
        let seen = String::from_utf8_lossy(&script.stdout).into_owned();
        assert!(script.status.success(), "{seen}");
        let times = usize::from(matches!(kind, "aes" | "passphrase"));
        assert_eq!(seen.matches(&secret_of(&home, ending)).count(), times, "{kind}: {seen}");
        if kind == "passphrase" {
            assert_eq!(seen.matches("argon2  $argon2id$").count(), 1, "{seen}");
        }
        assert!(times == 1 || seen.contains("too long for paper"), "{seen}");
    }
}
