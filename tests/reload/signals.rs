//! SIGHUP from the first moment to the last, and what the supervisor is told.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::net::TcpListener;
use std::os::unix::net::UnixDatagram;
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use sealgate_tests::command::Run;
use sealgate_tests::daemon::TETHERED;
use tempfile::TempDir;

use crate::scene::{KEY_ID, Scene, program, replace};

/// A client whose secret a program prints, after it has done something.
fn asking(folder: &Path, first: &str) -> String {
    let script = folder.join("ask");
    fs::write(&script, format!("cd '{}'\n{first}\necho a word\n", folder.display())).unwrap();
    let secret = format!("command:/bin/sh {}", script.display());
    format!("[keyring]\nprimary = \"{KEY_ID}\"\n[[clients]]\naccess_key = \"guest\"\nsecret = \"{secret}\"\n")
}

#[test]
fn a_signal_during_the_start_is_heard_after_it() {
    let scene = Scene::new("off", |folder| asking(folder, "test -e once || { touch once; kill -HUP $PPID; }"));
    assert_eq!(scene.changed(1), "nothing");
    scene.put("a", b"a");
}

#[test]
fn signals_that_come_together_are_one_and_nobody_waits_for_a_slow_program() {
    let scene = Scene::new("off", |folder| asking(folder, ""));
    let inside = |name: &str| scene.folder.path().join(name);
    // The program goes on when it may.
    asking(scene.folder.path(), "while test -e held; do touch asked; sleep 0.01; done");
    fs::write(inside("held"), "").unwrap();
    scene.daemon.signal("HUP");
    while !inside("asked").exists() {
        thread::yield_now();
    }
    for round in 0..20 {
        scene.daemon.signal("HUP");
        scene.put(&format!("{round}"), b"a");
    }
    fs::remove_file(inside("held")).unwrap();
    assert_eq!(scene.changed(2), "nothing");
    // A third one is the one that is asked for now.
    scene.edit(|text| text.replace("\"guest\"", "\"other\""));
    assert_eq!(scene.hang_up(3), "clients +other -guest");
}

#[test]
fn a_signal_while_the_end_is_awaited_changes_nothing() {
    let mut scene = Scene::new("off", |_| format!("[keyring]\nprimary = \"{KEY_ID}\"\n"));
    scene.daemon.terminate();
    scene.daemon.signal("HUP");
    assert!(scene.daemon.wait().success());
}

#[test]
fn other_commands_end_by_it_as_ever() {
    let folder = TempDir::new().unwrap();
    // A store that takes connections and says nothing.
    let store = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = store.local_addr().unwrap();
    Run::new(program(), folder.path(), &["keygen", "--id", "k"]).run().check(0);
    let text = format!(
        "[store]\nkind = \"s3\"\nendpoint = \"http://{address}\"\naccess_key = \"a\"\nsecret = \"env:HOME\"\n[[keys]]\nid = \"k\"\nsecret = \"file:k.key\"\n"
    );
    fs::write(folder.path().join("a.toml"), text).unwrap();
    // Whoever runs the tests may have the signal ignored, as `nohup` does; that is inherited.
    let verify = ["--default-signal=HUP", program().to_str().unwrap(), "verify", "s3://b", "--config", "a.toml"];
    let mut child = Run::new(Path::new("/usr/bin/env"), folder.path(), &verify).start();
    let _connection = store.accept().unwrap();
    assert!(Command::new("kill").args(["-HUP", &child.id().to_string()]).status().unwrap().success());
    assert_eq!(child.wait().unwrap().signal(), Some(1));
}

/// A process that nobody waits for may stay behind as a zombie.
fn runs(pid: &str) -> bool {
    fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| !stat.contains(") Z "))
}

fn wait_until(what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_mins(1);
    while !condition() {
        assert!(Instant::now() < deadline, "{what}");
        thread::yield_now();
    }
}

#[test]
fn a_terminal_that_is_closed_ends_it_and_one_that_is_not_does_not() {
    let folder = TempDir::new().unwrap();
    let serve = format!("exec {} serve --data data --listen 127.0.0.1:0 --admin off", program().display());
    let mut terminal = Command::new("script")
        .args(["-qefc", &format!("echo $$ > pid; {serve}"), "seen"])
        .current_dir(folder.path())
        .env_clear()
        .env("HOME", folder.path())
        .env("PATH", "/usr/bin:/bin")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let seen = |text: &str| fs::read_to_string(folder.path().join("seen")).is_ok_and(|seen| seen.contains(text));
    wait_until("it never listened", || seen("Sealgate is listening"));
    let pid = fs::read_to_string(folder.path().join("pid")).unwrap().trim().to_owned();
    assert!(Command::new("kill").args(["-HUP", &pid]).status().unwrap().success());
    wait_until("it never reloaded", || seen("reloaded"));
    assert!(runs(&pid));
    terminal.kill().unwrap();
    terminal.wait().unwrap();
    wait_until("it goes on without anybody", || !runs(&pid));
}

#[test]
fn the_supervisor_is_told() {
    let folder = TempDir::new().unwrap();
    let socket = folder.path().join("notify");
    let told = UnixDatagram::bind(&socket).unwrap();
    told.set_read_timeout(Some(Duration::from_mins(1))).unwrap();
    let arguments = ["serve", "--data", "data", "--listen", "127.0.0.1:0", "--admin", "off"];
    let mut command = Command::new(program());
    command
        .args(arguments)
        .current_dir(folder.path())
        .env_clear()
        .env("HOME", folder.path())
        .env("NOTIFY_SOCKET", &socket);
    // It goes when this process goes.
    command.env(TETHERED, "1").stdin(Stdio::piped());
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let _tether = child.stdin.take();
    let (id, stderr) = (child.id().to_string(), child.stderr.take());
    let next = || {
        let mut buffer = [0; 256];
        let len = told.recv(&mut buffer).unwrap();
        String::from_utf8_lossy(&buffer[..len]).into_owned()
    };
    let send = |name: &str| assert!(Command::new("kill").args([name, &id]).status().unwrap().success());
    assert_eq!(next(), "READY=1\n");
    // Who read its log is gone: nobody hears it any more, and that is all.
    drop(stderr);
    send("-HUP");
    let reloading = next();
    assert!(reloading.starts_with("RELOADING=1\nMONOTONIC_USEC="), "{reloading}");
    assert_eq!(next(), "READY=1\n");
    send("-TERM");
    assert_eq!(next(), "STOPPING=1\n");
    assert!(child.wait().unwrap().success());
}

#[test]
fn what_the_first_run_made_is_found_again_and_nothing_is_made() {
    let folder = TempDir::new().unwrap();
    let arguments = ["serve", "--data", "data", "--listen", "127.0.0.1:0", "--admin", "off"];
    let mut command = Command::new(program());
    command.args(arguments).current_dir(folder.path()).env_clear().env("HOME", folder.path());
    command.env("SEALGATE_RELOAD__WATCH", "100ms").env("SEALGATE_LOG__FORMAT", "text");
    // It goes when this process goes.
    command.env(TETHERED, "1").stdin(Stdio::piped());
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let _tether = child.stdin.take();
    let mut log = BufReader::new(child.stderr.take().unwrap()).lines().map(Result::unwrap);
    let mut says = |words: &[&str]| {
        // Flags and environment count as they did at the start.
        let mut lines = log.by_ref().inspect(|line| assert!(!line.contains("at the next start"), "{line}"));
        lines.find(|line| words.iter().all(|word| line.contains(word))).unwrap()
    };
    says(&["listening"]);
    let (data, keys) = (folder.path().join("data"), folder.path().join("data/keys"));
    let first = fs::read_dir(&keys).unwrap().next().unwrap().unwrap().path();
    replace(&keys.join("9999-01-01.key"), &crate::scene::key_file(3));
    says(&["reloaded", "keys +9999-01-01; keyring.primary 9999-01-01"]);
    fs::rename(data.join("credentials"), data.join("away")).unwrap();
    says(&["not reloaded", "credentials"]);
    assert!(!data.join("credentials").exists(), "a reload has made a client");
    fs::rename(data.join("away"), data.join("credentials")).unwrap();
    says(&["reloaded", "nothing"]);
    fs::remove_file(first).unwrap();
    says(&["reloaded", "keys -"]);
    assert_eq!(fs::read_dir(&keys).unwrap().count(), 1);
    child.kill().unwrap();
    child.wait().unwrap();
    let _ = log.by_ref().count();
}
