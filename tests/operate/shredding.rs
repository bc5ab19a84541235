//! Keys of rules: objects under a rule's own key go with that key and with nothing else, and nobody is told otherwise.

use std::fs;
use std::path::Path;

use sealgate_tests::bytes::noise;
use sealgate_tests::command::Ended;
use sealgate_tests::daemon::{Daemon, KEY_ID};
use sealgate_tests::stack::Stack;
use sealgate_tests::world::{PLAIN_LEN, World, daemon};
use tempfile::TempDir;

use crate::offline::take_out;
use crate::scene::{command_with, key_of, program, run, upload, world};

/// The key of the rule for `money/`.
const FINANCE: &str = "finance";

const PARTS: [(u64, usize); 2] = [(1, 5_242_880), (2, 100_000)];

fn key_setting(file: &Path) -> String {
    format!("[[keys]]\nid = \"{FINANCE}\"\nsecret = \"file:{}\"\n[keyring]\nprimary = \"{KEY_ID}\"\n", file.display())
}

fn rules(of_money: &str) -> String {
    format!("[[rules]]\nbucket = \"*\"\n[[rules]]\nbucket = \"first\"\nprefix = \"money/\"\n{of_money}")
}

/// A world with a rule that has its own key, and the folder of that key.
fn two_keys(of_money: &str) -> (World, TempDir) {
    let keys = TempDir::new().unwrap();
    let file = keys.path().join("finance.key");
    fs::write(&file, noise(77, 32)).unwrap();
    (world(&(key_setting(&file) + &rules(of_money))), keys)
}

/// The daemon started again in the same place, after the end of the one before.
fn started_again(world: &mut World, extra: &str) -> (Daemon, Stack) {
    world.daemon.kill();
    daemon(program(), world.folders[0].path(), world.behind.url(), extra)
}

fn copy(stack: &Stack, from: &str, to: &str) -> u16 {
    stack.object("PUT", "first", to).header("x-amz-copy-source", &format!("first/{from}")).send().status
}

/// What the settings of the daemon were before this text, and this text.
fn serve_with(world: &World, extra: &str) -> Ended {
    let before = |settings: String| settings.split("[[keys]]\nid = \"finance\"").next().unwrap().to_owned();
    command_with(world, &["serve"], |settings| before(settings) + extra).run()
}

#[test]
fn a_rule_writes_with_its_own_key_and_copies_change_keys_between_rules() {
    let (world, _keys) = two_keys(&format!("primary = \"{FINANCE}\"\n"));
    world.seal("first", "money/a", 1);
    world.seal("first", "b", 2);
    upload(&world.front, "money/parts", &PARTS.map(|(seed, len)| noise(seed, len)));
    assert_eq!(copy(&world.front, "money/a", "out"), 200);
    assert_eq!(copy(&world.front, "b", "money/in"), 200);
    let keys = ["money/a", "money/parts", "money/in", "b", "out"].map(|key| key_of(&world, "first", key));
    assert_eq!(keys, [FINANCE, FINANCE, FINANCE, KEY_ID, KEY_ID]);
    assert!(world.get("first", "out").send().expect(200).body == noise(1, PLAIN_LEN));
    assert!(world.get("first", "money/in").send().expect(200).body == noise(2, PLAIN_LEN));
    let inspected = run(&world, &["inspect", "--json", "s3://first/money/a"]).expect(0);
    assert!(inspected.out.contains(FINANCE), "{inspected:?}");
    run(&world, &["verify", "--depth", "full", "s3://first"]).check(0);
    let current = run(&world, &["rewrap", "s3://first"]).expect(0).summary();
    assert_eq!(current["counts"], serde_json::json!({ "current": 5 }), "each is as its own rule wants it");
}

#[test]
fn rewrap_goes_over_to_the_key_of_the_rule() {
    let (mut world, keys) = two_keys("");
    for key in ["money/a", "b"] {
        world.seal("first", key, 1);
    }
    let own = key_setting(&keys.path().join("finance.key")) + &rules(&format!("primary = \"{FINANCE}\"\n"));
    let (_daemon, front) = started_again(&mut world, &own);
    let done = run(&world, &["rewrap", "--apply", "s3://first"]).expect(0);
    assert_eq!(done.summary()["counts"], serde_json::json!({ "current": 1, "rewrapped": 1 }));
    assert_eq!(["money/a", "b"].map(|key| key_of(&world, "first", key)), [FINANCE, KEY_ID]);
    assert!(front.object("GET", "first", "money/a").send().expect(200).body == noise(1, PLAIN_LEN));
}

#[test]
fn a_key_that_is_no_reader_of_the_rule_opens_nothing_there() {
    let (mut world, keys) = two_keys("");
    world.seal("first", "money/old", 1);
    let own =
        key_setting(&keys.path().join("finance.key")) + &rules(&format!("primary = \"{FINANCE}\"\nreaders = []\n"));
    let (daemon_without, front) = started_again(&mut world, &own);
    let refused = front.object("GET", "first", "money/old").send().expect(403);
    assert_eq!(refused.all("Code"), ["AccessDenied"]);
    for word in [KEY_ID, "`readers`", "`first`"] {
        assert!(refused.xml().contains(word), "{refused:?}");
    }
    assert_eq!(copy(&front, "money/old", "b"), 403);
    assert_eq!(front.object("HEAD", "first", "money/old").send().status, 403);
    // Named, it reads again.
    let named = own.replace("readers = []", &format!("readers = [\"{KEY_ID}\"]"));
    let (_daemon, front) = {
        drop(daemon_without);
        daemon(program(), world.folders[0].path(), world.behind.url(), &named)
    };
    assert!(front.object("GET", "first", "money/old").send().expect(200).body == noise(1, PLAIN_LEN));
}

#[test]
fn a_key_that_is_destroyed_takes_the_objects_of_its_rule_and_no_others() {
    let (mut world, keys) = two_keys(&format!("primary = \"{FINANCE}\"\n"));
    for key in ["money/a", "moneybox", "b"] {
        world.seal("first", key, 1);
    }
    upload(&world.front, "money/parts", &PARTS.map(|(seed, len)| noise(seed, len)));
    let own = key_setting(&keys.path().join("finance.key")) + &rules(&format!("primary = \"{FINANCE}\"\n"));

    fs::remove_file(keys.path().join("finance.key")).unwrap();
    world.daemon.kill();
    let refused = serve_with(&world, &own).expect(64);
    assert!(refused.err.contains("key finance") && refused.err.contains("finance.key"), "{refused:?}");

    let (_daemon, front) = started_again(&mut world, &rules(""));
    for (key, doors) in [("money/a", ["", "bytes=0-9"]), ("money/parts", ["", "bytes=-10"])] {
        for range in doors {
            let get = front.object("GET", "first", key);
            let get = if range.is_empty() { get } else { get.header("range", range) };
            let refused = get.send().expect(403);
            assert!(refused.all("Code") == ["AccessDenied"] && refused.xml().contains(FINANCE), "{refused:?}");
        }
        let head = front.object("HEAD", "first", key).send();
        assert!(head.status == 403 && head.header("content-length").is_none_or(|len| len == "0"), "{head:?}");
        assert_eq!(
            front
                .object("GET", "first", key)
                .query("attributes", "")
                .header("x-amz-object-attributes", "ObjectSize")
                .send()
                .status,
            403
        );
        assert_eq!(copy(&front, key, "stolen"), 403);
        assert!(run(&world, &["get", &format!("s3://first/{key}")]).expect(1).err.contains(FINANCE));
        take_out(&world, key);
        let out = ["decrypt", &format!("s3://first/{key}"), "stored", "--metadata", "head.json", "--out", "plain"];
        assert!(run(&world, &out).expect(1).err.contains(FINANCE));
        assert!(!world.folders[0].path().join("plain").exists());
    }
    for work in [&["rewrap", "--apply", "s3://first"][..], &["verify", "s3://first"]] {
        let done = run(&world, work).expect(1);
        for key in ["money/a", "money/parts"] {
            assert!(done.outcome(key)["why"].as_str().unwrap().contains(FINANCE), "{done:?}");
        }
        assert!(done.outcome("b")["why"].is_null(), "{done:?}");
    }
    assert_eq!(front.object("GET", "first", "stolen").send().status, 404);
    for key in ["moneybox", "b"] {
        assert!(front.object("GET", "first", key).send().expect(200).body == noise(1, PLAIN_LEN));
    }
    // What is gone can still be seen to have been there, and be deleted.
    let listed = front.request("GET", "/first").query("list-type", "2").send().expect(200);
    assert_eq!(listed.all("Key"), ["b", "money/a", "money/parts", "moneybox"]);
    front.object("DELETE", "first", "money/a").send().check(204);
    front.object("PUT", "first", "money/a").body(&noise(3, PLAIN_LEN)).send().check(200);
    assert!(front.object("GET", "first", "money/a").send().expect(200).body == noise(3, PLAIN_LEN));
}
