//! `doctor`: what works is said to work, what does not is named with what to set, and nothing is left behind.

use std::path::Path;

use sealgate_tests::bare::Bare;
use sealgate_tests::command::{Ended, Run};
use sealgate_tests::daemon::{Daemon, Plan, Store};
use sealgate_tests::world::{World, daemon};
use tempfile::TempDir;

use crate::scene::{command_with, program, run, world};

fn state(ended: &Ended, check: &str) -> (String, String) {
    let lines = ended.lines();
    let line = lines.iter().find(|line| line["check"] == check).unwrap_or_else(|| panic!("{check}: {ended:?}"));
    let text = |name: &str| line[name].as_str().unwrap().to_owned();
    (text("state"), text("said"))
}

fn is_empty(world: &World, bucket: &str) -> bool {
    let listed = world.behind.request("GET", &format!("/{bucket}")).query("list-type", "2").send().expect(200);
    let uploads = world.behind.request("GET", &format!("/{bucket}")).query("uploads", "").send().expect(200);
    listed.all("Key").is_empty() && uploads.all("UploadId").is_empty()
}

#[test]
fn a_sound_store_passes_and_is_left_as_it_was() {
    let world = world("");
    let found = run(&world, &["doctor", "--json", "s3://first/in/"]).expect(0);
    for check in [
        "settings",
        "keys",
        "key that wraps",
        "name",
        "port",
        "answer",
        "credentials",
        "list objects",
        "list uploads",
        "list versions",
    ] {
        assert_eq!(state(&found, check).0, "ok", "{found:?}");
    }
    assert!(!found.out.contains("\"write\""), "nothing is written unless it is said");
    let found = run(&world, &["doctor", "--json", "--write", "s3://first/in/"]).expect(0);
    for check in [
        "write",
        "read",
        "ETags",
        "If-None-Match on writes",
        "If-Match on writes",
        "copies with If-Match",
        "uploads in parts",
        "parts of any size",
        "list parts",
        "abort uploads",
        "delete",
    ] {
        assert_eq!(state(&found, check).0, "ok", "{found:?}");
    }
    assert!(is_empty(&world, "first"));
    let text = run(&world, &["doctor", "s3://first"]).expect(0).out;
    assert!(text.ends_with("0 failed, 0 warnings\n"), "{text}");
}

#[test]
fn a_store_that_wants_equal_parts_is_recognised() {
    let folders = [TempDir::new().unwrap(), TempDir::new().unwrap()];
    let bare = Bare::demanding_equal_parts(folders[1].path());
    let endpoint = format!("http://{}", bare.socket);
    let (_daemon, front) = daemon(program(), folders[0].path(), endpoint, "equal_parts = true\n");
    front.request("PUT", "/first").send().check(200);
    let config = folders[0].path().join("sealgate.toml");
    let arguments = ["doctor", "--json", "--write", "s3://first", "--config", config.to_str().unwrap()];
    let found = Run::new(program(), Path::new(folders[0].path()), &arguments).run().expect(0);
    let (state, said) = state(&found, "parts of any size");
    assert!(state == "warning" && said.contains("equal_parts = true"), "{found:?}");
}

#[test]
fn what_is_wrong_with_the_settings_is_named() {
    let world = world("");
    let mistaken = |from: &'static str, to: &'static str| {
        let arguments = ["doctor", "--json", "s3://first"];
        command_with(&world, &arguments, move |settings| settings.replace(from, to)).run().expect(1)
    };
    let secret = mistaken("store.secret", "test.key");
    let (found, said) = state(&secret, "credentials");
    assert!(found == "failed" && said.contains("store.secret"), "{secret:?}");
    let stranger =
        mistaken("access_key = \"sealgate-tests\"\nsecret = \"file:", "access_key = \"stranger\"\nsecret = \"file:");
    assert_eq!(state(&stranger, "credentials").0, "failed", "{stranger:?}");
    let missing = run(&world, &["doctor", "--json", "s3://missing"]).expect(1);
    let (found, said) = state(&missing, "bucket");
    assert!(found == "failed" && said.contains("missing"), "{missing:?}");
    assert!(!missing.out.contains("list objects"), "one cause, one line: {missing:?}");
}

#[test]
fn a_directory_in_use_is_one_finding_among_others() {
    let folder = TempDir::new().unwrap();
    let plan = Plan {
        program: program(),
        folder: folder.path(),
        store: Store::Directory,
        authority: None,
        filter: "info",
        extra: "",
    };
    let _daemon = Daemon::start(&plan);
    let config = folder.path().join("sealgate.toml");
    let arguments = ["doctor", "--json", "--config", config.to_str().unwrap()];
    let found = Run::new(program(), folder.path(), &arguments).run().expect(1);
    assert_eq!(state(&found, "keys").0, "ok", "{found:?}");
    let (found, said) = state(&found, "store");
    assert!(found == "failed" && said.contains("in use by another process"), "{said}");
}

/// The store here is a Sealgate that lets these credentials do some things and not others.
#[test]
fn each_permission_that_is_missing_is_named() {
    let clients = ["read", "write"].map(|permission| {
        format!(
            "[[clients]]\naccess_key = \"{permission}er\"\nsecret = \"command:/bin/echo {permission}\"\n\
             permission = \"{permission}\"\n"
        )
    });
    let world = world(&clients.concat());
    let as_client = |permission: &'static str| {
        let (behind, front) = (world.behind.url(), world.front.url());
        let store = format!("access_key = \"{permission}er\"\nsecret = \"command:/bin/echo {permission}\"");
        let change = move |settings: String| {
            let to = settings.find("store.secret\"").unwrap() + "store.secret\"".len();
            let from = settings[..to].rfind("access_key").unwrap();
            [&settings[..from], &store, &settings[to..]].concat().replace(&behind, &front)
        };
        command_with(&world, &["doctor", "--json", "--write", "s3://first/in/"], change).run().expect(1)
    };
    let reader = as_client("read");
    let (found, said) = state(&reader, "write");
    assert!(found == "failed" && said.contains("s3:PutObject"), "{reader:?}");
    assert_eq!(state(&reader, "list objects").0, "ok", "{reader:?}");
    let writer = as_client("write");
    let (found, said) = state(&writer, "read");
    assert!(found == "failed" && said.contains("s3:GetObject"), "{writer:?}");
    assert_eq!(state(&writer, "write").0, "ok", "{writer:?}");
    assert!(is_empty(&world, "first"));
}
