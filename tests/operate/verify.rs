//! `verify`: damage is found as deep as one looks, everything else is walked all the same, and interrupted work is taken up again.

use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader};

use sealgate_tests::command::Ended;
use sealgate_tests::world::{PLAIN_LEN, World};

use crate::scene::{beside, command, run, signal, world};

fn spoil(world: &World, key: &str, position: usize) {
    let mut stored = world.stored("first", key);
    stored.bytes[position] ^= 1;
    world.replace("first", key, &stored);
}

#[test]
fn a_sound_prefix_verifies_at_both_depths() {
    let world = world("");
    for number in 0..20 {
        world.seal("first", &format!("in/{number:02}"), number);
    }
    world.seal("first", "out", 99);
    for depth in ["quick", "full"] {
        let ended = run(&world, &["verify", "--depth", depth, "s3://first/in/"]).expect(0);
        let summary = ended.summary();
        assert_eq!(summary["counts"]["verified"], 20, "{ended:?}");
        assert_eq!(summary["failed"], 0);
        assert_eq!(summary["bytes"], 20 * PLAIN_LEN);
        assert_eq!(summary["complete"], true);
    }
}

#[test]
fn damage_is_listed_and_nothing_else_is() {
    let world = world("");
    for key in ["envelope", "footer", "content", "good", "moved"] {
        world.seal("first", key, 1);
    }
    let len = world.stored("first", "footer").bytes.len();
    spoil(&world, "footer", len - 100);
    spoil(&world, "content", 70_000);
    world.replace("first", "moved", &world.stored("first", "good"));
    let mut bare = world.stored("first", "envelope");
    bare.metadata.clear();
    world.replace("first", "envelope", &bare);

    let failed = |ended: &Ended| -> BTreeSet<String> {
        let lines = ended.lines();
        let failed = lines.iter().filter(|line| line["outcome"] == "failed");
        failed.map(|line| line["key"].as_str().unwrap().to_owned()).collect()
    };
    let quick = run(&world, &["verify", "s3://first"]).expect(1);
    assert_eq!(failed(&quick), BTreeSet::from(["envelope", "footer", "moved"].map(String::from)));
    let full = run(&world, &["verify", "--depth", "full", "s3://first"]).expect(1);
    assert_eq!(failed(&full), BTreeSet::from(["content", "envelope", "footer", "moved"].map(String::from)));
    assert_eq!(full.outcome("good")["outcome"], "verified");
    assert!(full.outcome("moved")["why"].as_str().unwrap().contains("does not unwrap"), "{full:?}");
    assert_eq!(full.summary()["failed"], 4);
}

#[test]
fn every_version_can_be_verified() {
    let world = world("");
    let on = "<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>";
    world.behind.request("PUT", "/first").query("versioning", "").body(on.as_bytes()).send().check(200);
    for number in 0..3 {
        world.seal("first", "a", number);
    }
    world.front.object("DELETE", "first", "a").send().check(204);
    assert_eq!(run(&world, &["verify", "s3://first"]).expect(0).summary()["counts"], serde_json::json!({}));
    let all = run(&world, &["verify", "--depth", "full", "--versions", "s3://first"]).expect(0);
    assert_eq!(all.summary()["counts"]["verified"], 3, "{all:?}");
}

#[test]
fn interrupted_work_goes_on_where_it_was() {
    let world = world("");
    for number in 0..60 {
        world.seal("first", &format!("{number:02}"), number);
    }
    spoil(&world, "03", 10);
    let arguments =
        ["verify", "--depth", "full", "--concurrency", "2", "--rate", "20", "--checkpoint", "at.json", "s3://first"];
    let mut child = command(&world, &arguments).start();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
    let begun: Vec<String> = lines.by_ref().take(10).collect();
    signal(child.id(), "INT");
    let rest: Vec<String> = lines.collect();
    assert_eq!(child.wait().unwrap().code(), Some(130));
    let summary: serde_json::Value = serde_json::from_str(rest.last().unwrap()).unwrap();
    assert_eq!((&summary["event"], &summary["complete"]), (&"summary".into(), &false.into()));
    let done = begun.len() + rest.len() - 1;
    assert!(done < 60, "it was not interrupted");
    assert!(beside(&world, "at.json").exists());

    // What failed is tried again first, and failed objects keep the checkpoint.
    let arguments = ["verify", "--depth", "full", "--checkpoint", "at.json", "s3://first"];
    let second = run(&world, &arguments).expect(1);
    let seen = second.lines().len() - 1;
    assert!(seen < 60 && seen + done >= 60, "{done} and then {seen}");
    assert_eq!(second.summary()["failed"], 1);
    assert!(beside(&world, "at.json").exists());
    world.seal("first", "03", 3);
    let third = run(&world, &arguments).expect(0);
    assert_eq!(third.outcome("03")["outcome"], "verified");
    assert!(third.lines().len() <= 3, "what was done is not done again: {third:?}");
    assert!(!beside(&world, "at.json").exists());
}
