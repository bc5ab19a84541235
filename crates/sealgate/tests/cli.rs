//! The program as people run it: arguments, messages, exit codes, files.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Output, Stdio};

use tempfile::TempDir;

/// The program in an environment of its own.
fn sealgate(home: &TempDir) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sealgate"));
    command.env_clear().env("HOME", home.path()).env("PATH", "/usr/bin:/bin").current_dir(home.path());
    command
}

fn run(home: &TempDir, arguments: &[&str]) -> Output {
    sealgate(home).args(arguments).output().unwrap()
}

fn out(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn err(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}

fn home() -> TempDir {
    tempfile::tempdir().unwrap()
}

#[test]
fn version_and_help_are_answers() {
    let home = home();
    assert!(out(&run(&home, &["--version"])).starts_with("sealgate "));
    let help = run(&home, &["serve", "--help"]);
    assert!(help.status.success() && out(&help).contains("Examples:"));
}

#[test]
fn wrong_arguments_leave_with_64() {
    let home = home();
    for arguments in [&["frobnicate"][..], &["serve", "--frobnicate"], &[], &["keygen", "--id", "a b"]] {
        let output = run(&home, arguments);
        assert_eq!(output.status.code(), Some(64), "{arguments:?}");
        assert!(!output.stderr.is_empty());
    }
}

#[test]
fn config_check_prints_values_and_their_sources() {
    let home = home();
    std::fs::write(home.path().join("a.toml"), "region = \"eu-north-1\"\n").unwrap();
    let mut command = sealgate(&home);
    command.env("SEALGATE_LOG__FILTER", "warn").args([
        "config",
        "check",
        "--config",
        "a.toml",
        "--listen",
        "127.0.0.1:9",
    ]);
    let output = command.output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", err(&output));
    let text = out(&output);
    let line = |start: &str| text.lines().find(|line| line.starts_with(start)).unwrap_or_default();
    assert!(line("region = \"eu-north-1\"").ends_with("# a.toml:1"), "{text}");
    assert!(line("log.filter = \"warn\"").ends_with("# SEALGATE_LOG__FILTER"), "{text}");
    assert!(line("listen = [\"127.0.0.1:9\"]").ends_with("# --listen"), "{text}");
    assert!(line("limits.drain = \"30s\"").ends_with("# default"), "{text}");
}

#[test]
fn an_unknown_setting_leaves_with_64_and_the_nearest_name() {
    let home = home();
    std::fs::write(home.path().join("a.toml"), "[[clients]]\nacess_key = \"x\"\n").unwrap();
    for command in [&["config", "check", "--config", "a.toml"][..], &["serve", "--config", "a.toml"]] {
        let output = run(&home, command);
        assert_eq!(output.status.code(), Some(64));
        assert!(err(&output).starts_with("sealgate: a.toml:2: clients[0].acess_key: "), "{}", err(&output));
        assert!(err(&output).contains("did you mean `access_key`?"), "{}", err(&output));
        assert!(output.stdout.is_empty());
    }
    assert!(!home.path().join(".local").exists(), "nothing is made before the settings are known to be good");
}

#[test]
fn a_file_that_is_not_there_leaves_with_64() {
    let home = home();
    let output = run(&home, &["serve", "--config", "missing.toml"]);
    assert_eq!(output.status.code(), Some(64));
    assert!(err(&output).contains("cannot read missing.toml"));
}

#[test]
fn a_literal_secret_leaves_with_64_and_is_not_repeated() {
    let home = home();
    std::fs::write(home.path().join("a.toml"), "[[clients]]\naccess_key = \"x\"\nsecret = \"hunter2\"\n").unwrap();
    let output = run(&home, &["config", "check", "--config", "a.toml"]);
    assert_eq!(output.status.code(), Some(64));
    let said = err(&output) + &out(&output);
    assert!(said.contains("file:PATH") && !said.contains("hunter2"), "{said}");
}

#[test]
fn a_secret_that_cannot_be_followed_leaves_with_64_before_a_port_is_bound() {
    let home = home();
    let text = "[[keys]]\nid = \"k\"\nsecret = \"env:NOT_SET\"\n";
    std::fs::write(home.path().join("a.toml"), text).unwrap();
    let output = run(&home, &["serve", "--config", "a.toml", "--listen", "127.0.0.1:0", "--admin", "off"]);
    assert_eq!(output.status.code(), Some(64), "{}", err(&output));
    assert!(err(&output).contains("NOT_SET"), "{}", err(&output));
    assert!(!err(&output).contains("listening"), "{}", err(&output));
}

#[test]
fn the_file_of_a_secret_that_others_may_read_is_warned_about() {
    let home = home();
    assert!(run(&home, &["keygen", "--id", "k"]).status.success());
    let text =
        "[[keys]]\nid = \"k\"\nsecret = \"file:k.key\"\n[[clients]]\naccess_key = \"a\"\nsecret = \"env:NOT_SET\"\n";
    std::fs::write(home.path().join("a.toml"), text).unwrap();
    for (mode, warned) in [(0o600, false), (0o640, true), (0o644, true)] {
        std::fs::set_permissions(home.path().join("k.key"), std::fs::Permissions::from_mode(mode)).unwrap();
        let output = run(&home, &["serve", "--config", "a.toml", "--listen", "127.0.0.1:0", "--admin", "off"]);
        assert_eq!(output.status.code(), Some(64));
        assert_eq!(err(&output).contains("open to other users"), warned, "{mode:o}: {}", err(&output));
    }
}

#[test]
fn keygen_writes_a_key_for_its_owner_and_says_what_to_add() {
    let home = home();
    let output = run(&home, &["keygen", "--id", "2026-11", "--out", "k.key"]);
    assert_eq!(output.status.code(), Some(0), "{}", err(&output));
    let path = home.path().join("k.key");
    assert_eq!(mode(&path), 0o600);
    let key = std::fs::read_to_string(&path).unwrap();
    assert!(key.contains("sealgate-key-1 "));
    let secret = key.split("sealgate-key-1 ").nth(1).unwrap().trim().to_owned();
    assert!(!out(&output).contains(&secret) && !err(&output).contains(&secret));

    // What it prints is a configuration.
    std::fs::write(home.path().join("a.toml"), out(&output)).unwrap();
    let check = run(&home, &["config", "check", "--config", "a.toml"]);
    assert_eq!(check.status.code(), Some(0), "{}", err(&check));
    assert!(out(&check).contains("keyring.primary = \"2026-11\""));
}

#[test]
fn a_key_that_is_not_the_one_of_its_check_value_is_refused_everywhere() {
    let home = home();
    let write = |check: &str| {
        let text = format!(
            "listen = \"127.0.0.1:0\"\nadmin = \"off\"\ndata = \"data\"\n[[keys]]\nid = \"main\"\nsecret = \"file:k.key\"\ncheck = \"{check}\"\n"
        );
        std::fs::write(home.path().join("a.toml"), text).unwrap();
    };
    // The first key of tests/vectors/key-checks.json.
    std::fs::write(home.path().join("k.key"), "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f")
        .unwrap();
    write("b195ae904b96b9c1");
    let check = run(&home, &["config", "check", "--keys", "--config", "a.toml"]);
    assert_eq!(check.status.code(), Some(0), "{}", err(&check));
    assert!(out(&check).contains("key main (aes): check = \"b195ae904b96b9c1\""), "{}", out(&check));

    write("b195ae904b96b9c2");
    assert_eq!(run(&home, &["config", "check", "--config", "a.toml"]).status.code(), Some(0), "no secret is followed");
    let objects = ["encrypt", "s3://b/k", "a.toml", "--out", "o", "--metadata", "m", "--config", "a.toml"];
    let commands = [
        &["serve", "--config", "a.toml"][..],
        &["config", "check", "--keys", "--config", "a.toml"],
        &["config", "check", "--keys", "--json", "--config", "a.toml"],
        &objects,
    ];
    for arguments in commands {
        let refused = run(&home, arguments);
        let said = out(&refused) + &err(&refused);
        assert_eq!(refused.status.code(), Some(64), "{arguments:?}: {said}");
        for word in ["main", "b195ae904b96b9c1", "b195ae904b96b9c2", "Put the right key back"] {
            assert!(said.contains(word), "{arguments:?}: {word}: {said}");
        }
    }
    assert!(!home.path().join("o").exists() && !home.path().join("m").exists());
}

#[test]
fn config_check_says_which_key_cannot_be_read_and_what_the_others_are() {
    let home = home();
    let keys = "[[keys]]\nid = \"gone\"\nsecret = \"file:gone.key\"\n[[keys]]\nid = \"made\"\nsecret = \"file:made.key\"\n\
                [keyring]\nprimary = \"made\"\n";
    std::fs::write(home.path().join("a.toml"), keys).unwrap();
    assert!(run(&home, &["keygen", "--id", "made"]).status.success());
    let check = run(&home, &["config", "check", "--keys", "--json", "--config", "a.toml"]);
    assert_eq!(check.status.code(), Some(64));
    let (said, key) = (out(&check), std::fs::read_to_string(home.path().join("made.key")).unwrap());
    let lines: Vec<serde_json::Value> = said.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let of = |id: &str| lines.iter().find(|line| line["event"] == "key" && line["id"] == id).unwrap().clone();
    assert!(of("gone")["check"].is_null() && of("gone")["problem"].as_str().unwrap().contains("gone.key"));
    assert!(of("made")["problem"].is_null() && of("made")["check"].as_str().unwrap().len() == 16);
    let setting = lines.iter().find(|line| line["name"] == "keyring.primary").unwrap();
    assert_eq!((&setting["value"], &setting["event"]), (&"\"made\"".into(), &"setting".into()));
    assert!(!said.contains(key.split("sealgate-key-1 ").nth(1).unwrap().trim()));
}

#[test]
fn keygen_never_replaces_a_file() {
    let home = home();
    assert!(run(&home, &["keygen", "--id", "k"]).status.success());
    let before = std::fs::read(home.path().join("k.key")).unwrap();
    let again = run(&home, &["keygen", "--id", "k"]);
    assert_eq!(again.status.code(), Some(1));
    assert!(err(&again).contains("exists"), "{}", err(&again));
    assert_eq!(std::fs::read(home.path().join("k.key")).unwrap(), before);
}

/// A running server; ended when dropped.
struct Running {
    child: Child,
    stdout: BufReader<ChildStdout>,
}

impl Running {
    fn start(home: &TempDir, arguments: &[&str]) -> Self {
        let mut command = sealgate(home);
        command.args(["serve", "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0"]).args(arguments);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        Self { child, stdout }
    }

    /// Everything said on standard output up to and with a line that holds `end`.
    fn read_to(&mut self, end: &str) -> String {
        let mut text = String::new();
        while !text.contains(end) {
            if self.stdout.read_line(&mut text).unwrap() == 0 {
                let mut log = String::new();
                std::io::Read::read_to_string(&mut self.child.stderr.take().unwrap(), &mut log).unwrap();
                panic!("no `{end}` in:\n{text}\n{log}");
            }
        }
        text
    }

    /// Asks it to end and waits until it has.
    fn end(mut self) -> Option<i32> {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").arg(pid).status().unwrap().success());
        self.child.wait().unwrap().code()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn the_first_run_makes_everything_and_the_second_finds_it() {
    let home = home();
    let mut first = Running::start(&home, &[]);
    let said = first.read_to("sealgate:first");
    let data = home.path().join(".local/share/sealgate");
    let credentials = std::fs::read_to_string(data.join("credentials")).unwrap();
    let field = |name: &str| {
        let line = credentials.lines().find(|line| line.starts_with(name)).unwrap();
        line.split_once(" = ").unwrap().1.to_owned()
    };
    assert!(said.contains(&field("aws_access_key_id")) && !said.contains(&field("aws_secret_access_key")));
    assert!(said.contains(&field("endpoint_url")), "{said}\n{credentials}");
    assert_eq!(mode(&data), 0o700);
    for file in ["credentials", "rclone.conf"] {
        assert_eq!(mode(&data.join(file)), 0o600, "{file}");
    }
    let keys: Vec<_> = std::fs::read_dir(data.join("keys")).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(keys.len(), 1);
    assert_eq!(mode(&keys[0]), 0o600);
    let key = std::fs::read(&keys[0]).unwrap();
    assert_eq!(first.end(), Some(0));

    let mut second = Running::start(&home, &[]);
    assert!(second.read_to("sealgate:first").contains(&field("aws_access_key_id")));
    assert_eq!(second.end(), Some(0));
    assert_eq!(std::fs::read(&keys[0]).unwrap(), key);
    let again = std::fs::read_to_string(data.join("credentials")).unwrap();
    assert!(again.contains(&field("aws_secret_access_key")));
}

#[test]
fn what_is_configured_is_not_made() {
    let home = home();
    assert!(run(&home, &["keygen", "--id", "k"]).status.success());
    let text =
        "[[keys]]\nid = \"k\"\nsecret = \"file:k.key\"\n[[clients]]\naccess_key = \"a\"\nsecret = \"command:echo b\"\n";
    std::fs::write(home.path().join("a.toml"), text).unwrap();
    let mut running = Running::start(&home, &["--config", "a.toml", "--store", "store", "--data", "data"]);
    let stderr = running.child.stderr.take().unwrap();
    let listening = BufReader::new(stderr).lines().map(Result::unwrap).find(|line| line.contains("health checks"));
    assert!(listening.is_some());
    assert_eq!(running.end(), Some(0));
    for made in ["data/keys", "data/credentials", "data/rclone.conf", "data/store", ".local"] {
        assert!(!home.path().join(made).exists(), "{made}");
    }
}
