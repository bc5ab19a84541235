//! `encrypt` and `decrypt`: what they make a server reads, and what a server makes they read, without asking anybody.

use std::fs;

use sealgate_tests::bytes::noise;
use sealgate_tests::daemon::KEY_ID;
use sealgate_tests::world::{PLAIN_LEN, Stored, World};

use crate::scene::{beside, command, run, upload, world};

/// Writes what the store has of an object into files, as `aws s3api get-object` would.
pub(crate) fn take_out(world: &World, key: &str) -> Stored {
    let stored = world.stored("first", key);
    fs::write(beside(world, "stored"), &stored.bytes).unwrap();
    let short = |(name, value): &(String, String)| {
        (name.strip_prefix("x-amz-meta-").unwrap().to_owned(), serde_json::Value::from(value.clone()))
    };
    let metadata: serde_json::Map<_, _> = stored.metadata.iter().map(short).collect();
    let head = serde_json::json!({ "ContentLength": stored.bytes.len(), "Metadata": metadata });
    fs::write(beside(world, "head.json"), head.to_string()).unwrap();
    stored
}

#[test]
fn what_was_encrypted_offline_is_an_object_once_it_is_stored() {
    let world = world("");
    for (number, len) in [0, 1, 65_536, 200_000, 5_300_000].into_iter().enumerate() {
        let (plain, out, metadata) = ("plain", format!("out-{number}"), format!("meta-{number}.json"));
        fs::write(beside(&world, plain), noise(1, len)).unwrap();
        let arguments = ["encrypt", "s3://first/a/ü", plain, "--out", &out, "--metadata", &metadata];
        assert!(run(&world, &arguments).expect(0).err.contains("aws s3api put-object --bucket first"));
        put_what_was_made(&world, "a/ü", &out, &metadata);
        assert!(world.get("first", "a/ü").send().expect(200).body == noise(1, len), "{len}");
    }
}

#[test]
fn what_is_stored_is_decrypted_without_a_store() {
    let world = world("");
    world.seal("first", "put", 5);
    let parts = [noise(1, 5_242_880), noise(2, 100_000)];
    upload(&world.front, "parts", &parts);
    for (key, content) in [("put", noise(5, PLAIN_LEN)), ("parts", parts.concat())] {
        take_out(&world, key);
        let address = format!("s3://first/{key}");
        let arguments = ["decrypt", &address, "stored", "--metadata", "head.json", "--out", key];
        run(&world, &arguments).check(0);
        assert!(fs::read(beside(&world, key)).unwrap() == content);
        let piped = command(&world, &["decrypt", &address, "-", "--metadata", "head.json"]);
        let (status, bytes) = piped.reading(&beside(&world, "stored")).bytes();
        assert!(status == 0 && bytes == content);
    }
}

/// Rules under which Amazon's formats are written and read with the daemon's own key.
fn amazon(settings: &str) -> World {
    world(&format!(
        "[[rules]]\nbucket = \"*\"\nkeys = [\"{KEY_ID}\"]\ncommitment = \"require-encrypt-allow-decrypt\"\n{settings}"
    ))
}

fn put_what_was_made(world: &World, key: &str, out: &str, metadata: &str) {
    let written: serde_json::Value = serde_json::from_slice(&fs::read(beside(world, metadata)).unwrap()).unwrap();
    let entry = |(name, value): (&String, &serde_json::Value)| {
        (format!("x-amz-meta-{name}"), value.as_str().unwrap().to_owned())
    };
    let metadata = written.as_object().unwrap().iter().map(entry).collect();
    let bytes = fs::read(beside(world, out)).unwrap();
    world.replace("first", key, &Stored { bytes, metadata });
}

#[test]
fn amazons_formats_are_made_and_opened_without_a_store() {
    let world = amazon("format = \"s3ec-v3\"\n");
    let content = noise(4, 200_000);
    world.front.object("PUT", "first", "theirs").body(&content).send().check(200);
    take_out(&world, "theirs");
    let arguments = ["decrypt", "s3://first/theirs", "stored", "--metadata", "head.json", "--out", "plain"];
    run(&world, &arguments).check(0);
    assert!(fs::read(beside(&world, "plain")).unwrap() == content);
    run(&world, &["encrypt", "s3://first/ours", "plain", "--out", "out", "--metadata", "out.json"]).check(0);
    put_what_was_made(&world, "ours", "out", "out.json");
    assert!(world.get("first", "ours").send().expect(200).body == content);
    let mut stored = fs::read(beside(&world, "stored")).unwrap();
    stored[7] ^= 1;
    fs::write(beside(&world, "changed"), stored).unwrap();
    let arguments = ["decrypt", "s3://first/theirs", "changed", "--metadata", "head.json", "--out", "never"];
    assert!(run(&world, &arguments).expect(1).err.contains("verification"));
    assert!(!beside(&world, "never").exists());
}

#[test]
fn a_key_in_a_second_object_is_a_second_file() {
    let world = amazon("format = \"s3ec-v3\"\ninstruction_files = \"any\"\nwrite_instruction_files = true\n");
    let content = noise(5, 100_000);
    fs::write(beside(&world, "plain"), &content).unwrap();
    let encrypt = ["encrypt", "s3://first/k", "plain", "--out", "out", "--metadata", "out.json"];
    let refused = run(&world, &encrypt).expect(1);
    assert!(refused.err.contains("--instruction-file") && !beside(&world, "out").exists(), "{refused:?}");
    run(&world, &[&encrypt[..], &["--instruction-file", "out.instruction"]].concat()).check(0);
    put_what_was_made(&world, "k", "out", "out.json");
    let instruction = Stored { bytes: fs::read(beside(&world, "out.instruction")).unwrap(), metadata: Vec::new() };
    world.replace("first", "k.instruction", &instruction);
    assert!(world.get("first", "k").send().expect(200).body == content);
    let decrypt = ["decrypt", "s3://first/k", "out", "--metadata", "out.json", "--out", "opened"];
    run(&world, &decrypt).check(1);
    run(&world, &[&decrypt[..], &["--instruction-file", "out.instruction"]].concat()).check(0);
    assert!(fs::read(beside(&world, "opened")).unwrap() == content);
}

#[test]
fn plaintext_is_not_taken_for_something_that_was_opened() {
    let world = world("[[rules]]\nbucket = \"*\"\ncontents = \"mixed\"\nreads = [\"plaintext\"]\n");
    fs::write(beside(&world, "plain"), b"never encrypted").unwrap();
    fs::write(beside(&world, "other.json"), "{\"a\": \"b\"}").unwrap();
    let decrypt = ["decrypt", "s3://first/k", "plain"];
    let refused = run(&world, &[&decrypt[..], &["--metadata", "other.json"]].concat()).expect(1);
    assert!(refused.out.is_empty() && refused.err.contains("nothing in this metadata"), "{refused:?}");
    let refused = run(&world, &decrypt).expect(64);
    assert!(refused.out.is_empty() && refused.err.contains("--metadata FILE"), "{refused:?}");
}

#[test]
fn standard_input_is_sealed_with_and_without_its_length() {
    let world = world("");
    let content = noise(3, 300_000);
    fs::write(beside(&world, "plain"), &content).unwrap();
    for (out, length) in [("a", None), ("b", Some("300000"))] {
        let metadata = format!("{out}.json");
        let mut arguments = vec!["encrypt", "s3://first/k", "-", "--out", out, "--metadata", &metadata];
        arguments.extend(length.iter().flat_map(|length| ["--length", length]));
        command(&world, &arguments).reading(&beside(&world, "plain")).run().check(0);
        let (status, bytes) = command(&world, &["decrypt", "s3://first/k", out, "--metadata", &metadata]).bytes();
        assert!(status == 0 && bytes == content, "{out}");
    }
    let arguments = ["encrypt", "s3://first/k", "-", "--out", "c", "--metadata", "c.json", "--length", "5"];
    let refused = command(&world, &arguments).reading(&beside(&world, "plain")).run().expect(1);
    assert!(!beside(&world, "c").exists() && !beside(&world, "c.json").exists(), "{refused:?}");
}

#[test]
fn another_name_another_byte_or_another_envelope_opens_nothing() {
    let world = world("");
    world.seal("first", "a", 5);
    world.seal("first", "b", 5);
    let other = take_out(&world, "b");
    let stored = take_out(&world, "a");
    let decrypt = |address: &str, from: &str, metadata: &str| {
        let ended = run(&world, &["decrypt", address, from, "--metadata", metadata, "--out", "plain"]).expect(1);
        assert!(!beside(&world, "plain").exists(), "{ended:?}");
        ended.err
    };
    assert!(decrypt("s3://first/b", "stored", "head.json").contains("does not unwrap"));
    assert!(decrypt("s3://second/a", "stored", "head.json").contains("does not unwrap"));
    fs::write(beside(&world, "other"), &other.bytes).unwrap();
    assert!(decrypt("s3://first/a", "other", "head.json").contains("verification"));
    fs::write(beside(&world, "cut"), &stored.bytes[..stored.bytes.len() - 1]).unwrap();
    assert!(decrypt("s3://first/a", "cut", "head.json").contains("verification"));
}
