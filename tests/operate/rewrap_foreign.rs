//! `rewrap` of objects in Amazon's formats: the key changes, in the metadata or in the instruction file, and the content does not move.

use sealgate_tests::foreign::vector::{Vector, named};
use sealgate_tests::world::daemon;
use serde_json::json;
use tempfile::TempDir;

use crate::foreign::Foreign;
use crate::scene::{program, run};

/// A bucket in which everything is to be under the key `next`.
fn rules(format: &str) -> String {
    format!(
        "[[keys]]\nid = \"next\"\nsecret = \"env:NEXT\"\nmaterials = {{ wrap = \"next\" }}\n{}",
        rule(format, "\"next\", \"aes32\", \"rsa\", \"kms\", \"mk-2\"")
    )
}

fn rule(format: &str, keys: &str) -> String {
    let half = if format == "s3ec-v3" { "require" } else { "forbid" };
    let commitment = format!("{half}-encrypt-allow-decrypt");
    format!(
        "[[rules]]\nbucket = \"turn\"\nformat = \"{format}\"\ncontents = \"mixed\"\nreads = [\"s3ec-v1\", \"s3ec-v2\", \"s3ec-v3\"]\n\
         legacy_wraps = true\nlegacy_content = true\ninstruction_files = \"any\"\ncommitment = \"{commitment}\"\nkeys = [{keys}]\n"
    )
}

/// With the new key in a file: the daemon's environment is empty.
fn scene(format: &str) -> (Foreign, TempDir, String) {
    let home = TempDir::new().unwrap();
    sealgate_tests::command::Run::new(program(), home.path(), &["keygen", "--id", "next"]).run().check(0);
    let file = format!("file:{}", home.path().join("next.key").display());
    let scene = Foreign::new(&rules(format).replace("env:NEXT", &file), &["turn"]);
    (scene, home, file)
}

const TURNED: [&str; 9] = [
    "v2-aes-java-short",
    "v2-aes-java-short-matdesc",
    "v2-aes-ruby-short-instruction",
    "v2-aeswrap-java-short",
    "v2-rsaoaep256-java-short",
    "v3-aes-java-short",
    "v3-rsa-java-short",
    "v3-kms-python-short",
    "v3-kms-instruction",
];

/// What no current client wraps.
const LEFT: [&str; 3] = ["v1-aes-java-short", "v1-rsa-ruby-short-instruction", "v1-kms-ruby-short"];

/// What the store says of an object that is not its envelope.
fn dress(scene: &Foreign, key: &str) -> Vec<(String, String)> {
    let head = scene.world.behind.object("HEAD", "turn", key).send().expect(200);
    let kept =
        |name: &str| name.starts_with("x-amz-meta-") && !name.starts_with("x-amz-meta-x-amz") || name == "content-type";
    head.headers.iter().filter(|(name, _)| kept(name) || name == "x-amz-tagging-count").cloned().collect()
}

#[test]
fn the_key_of_amazons_objects_changes_and_their_content_does_not_move() {
    for format in ["s3ec-v3", "s3ec-v2"] {
        let (scene, _home, file) = scene(format);
        let vectors: Vec<Vector> = TURNED.iter().chain(&LEFT).map(|id| named(id)).collect();
        for vector in &vectors {
            scene.place("turn", &vector.id, vector);
        }
        scene.world.front.object("PUT", "turn", "new").body(b"new").send().check(200);
        let before: Vec<_> = TURNED.map(|id| (scene.world.stored("turn", id).bytes, dress(&scene, id))).into();
        let untouched: Vec<_> = LEFT.map(|id| scene.world.stored("turn", id)).into();
        let files = ["v2-aes-ruby-short-instruction", "v3-kms-instruction"];
        let etag =
            |key: &str| scene.world.behind.object("HEAD", "turn", key).send().expect(200).must("etag").to_owned();
        let etags = files.map(&etag);

        let dry = run(&scene.world, &["rewrap", "s3://turn"]).expect(1).summary();
        assert_eq!(dry["counts"], json!({ "pending": TURNED.len(), "current": 1, "beside": 3 }), "{dry}");
        let done = run(&scene.world, &["rewrap", "--apply", "s3://turn"]).expect(1);
        assert_eq!(
            done.summary()["counts"],
            json!({ "rewrapped": TURNED.len(), "current": 1, "beside": 3 }),
            "{done:?}"
        );
        assert_eq!(done.outcome("v3-kms-python-short")["from"], "kms");
        for id in LEFT {
            let why = done.outcome(id)["why"].as_str().unwrap().to_owned();
            assert!(why.contains("migrate"), "{id}: {why}");
        }
        assert_eq!(files.map(&etag), etags, "an object with an instruction file is not written at all");
        for (id, (bytes, dress_before)) in TURNED.iter().zip(before) {
            assert!(scene.world.stored("turn", id).bytes == bytes && dress(&scene, id) == dress_before, "{id}");
        }
        for (id, stored) in LEFT.iter().zip(untouched) {
            assert!(scene.world.stored("turn", id).metadata == stored.metadata, "{id} is as it was");
        }
        let again = run(&scene.world, &["rewrap", "--apply", "s3://turn"]).expect(1).summary();
        assert_eq!(again["counts"], json!({ "current": TURNED.len() + 1, "beside": 3 }));

        // What is left is written anew, and its instruction file goes.
        let moved = run(&scene.world, &["migrate", "--apply", "s3://turn"]).expect(0).summary();
        assert_eq!(moved["failed"], 0, "{moved}");
        assert!(!scene.is_there("turn", "v1-rsa-ruby-short-instruction.instruction"));
        let last = run(&scene.world, &["rewrap", "s3://turn"]).expect(0).summary();
        assert_eq!(last["counts"]["current"], TURNED.len() + LEFT.len() + 1, "{last}");

        // Whoever has the new key and no other reads them all.
        let key = format!("[[keys]]\nid = \"next\"\nsecret = \"{file}\"\nmaterials = {{ wrap = \"next\" }}\n");
        let home = TempDir::new().unwrap();
        let extra = format!("{key}[keyring]\nprimary = \"test-1\"\n{}", rule(format, "\"next\""));
        let (_daemon, front) = daemon(program(), home.path(), scene.world.behind.url(), &extra);
        for vector in &vectors {
            let read = front.object("GET", "turn", &vector.id).send();
            assert!(read.status == 200 && read.body == vector.plain(), "{}: {read:?}", vector.id);
        }
        assert_eq!(front.object("GET", "turn", "new").send().expect(200).body, b"new");
    }
}

#[test]
fn what_cannot_be_unwrapped_is_listed_and_left() {
    let (scene, _home, _) = scene("s3ec-v3");
    let (mut vector, file) = (named("v3-aes-java-short"), named("v3-kms-instruction"));
    let stored = vector.stored();
    vector.metadata.insert("x-amz-d".into(), named("v3-aes-java-large").metadata["x-amz-d"].clone());
    scene.place_content("turn", "spoilt", &vector, &stored);
    scene.place("turn", "file", &file);
    scene.world.behind.object("DELETE", "turn", "file.instruction").send().check(204);
    scene.world.behind.object("PUT", "turn", "plain").body(b"plain").send().check(200);
    let done = run(&scene.world, &["rewrap", "--apply", "s3://turn"]).expect(1);
    assert_eq!(done.summary()["failed"], 3, "{done:?}");
    for (key, why) in [("spoilt", "commits"), ("file", "not there"), ("plain", "not sealed")] {
        assert!(done.outcome(key)["why"].as_str().unwrap().contains(why), "{key}: {done:?}");
    }
}

#[test]
fn where_new_objects_are_sealed_those_of_others_are_named() {
    let scene = Foreign::new("", &[]);
    scene.place("amazon", "a", &named("v3-aes-java-short"));
    scene.place("amazon", "b", &named("v2-aes-ruby-short-instruction"));
    scene.world.front.object("PUT", "amazon", "c").body(b"sealed").send().check(200);
    let done = run(&scene.world, &["rewrap", "--apply", "s3://amazon"]).expect(0);
    assert_eq!(done.summary()["counts"], json!({ "foreign": 2, "beside": 1, "current": 1 }));
    assert_eq!(done.outcome("a")["format"], "s3ec-v3");
    scene.holds("amazon", "a", &named("v3-aes-java-short").plain());
}
