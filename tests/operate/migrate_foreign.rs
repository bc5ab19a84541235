//! `migrate` of what other programs encrypted: sealed where it lies or elsewhere, with all that belongs to it, and out again.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use sealgate_tests::bytes::noise;
use sealgate_tests::command::Ended;
use sealgate_tests::foreign::vector::named;
use serde_json::json;

use crate::foreign::{FAMILIES, Foreign, everything, one_of_each};
use crate::scene::{beside, command, run};

const OUT: &str = "[[rules]]\nbucket = \"out\"\nformat = \"none\"\n[[rules]]\nbucket = \"as-v3\"\nformat = \"s3ec-v3\"\nkeys = [\"rsa\"]\n";

fn migrate(scene: &Foreign, arguments: &[&str]) -> Ended {
    run(&scene.world, &[&["migrate", "--apply"], arguments].concat())
}

#[test]
fn every_format_is_sealed_where_it_lies() {
    let scene = Foreign::new("", &[]);
    let placed = everything();
    for (bucket, vector) in &placed {
        scene.place(bucket, &vector.id, vector);
    }
    let mut sealed = 0;
    for (bucket, _) in FAMILIES {
        let address = format!("s3://{bucket}");
        let dry = run(&scene.world, &["migrate", &address]).expect(0).summary();
        let done = migrate(&scene, &[&address]).expect(0);
        let count = done.summary()["counts"]["sealed"].as_u64().unwrap_or_default();
        assert_eq!(dry["counts"]["pending"].as_u64().unwrap_or_default(), count, "{bucket}: {dry}");
        sealed += usize::try_from(count).unwrap();
        let again = migrate(&scene, &[&address]).expect(0).summary();
        assert_eq!(again["counts"], json!({ "already": count }), "{bucket} has nothing left to do");
        let verified = run(&scene.world, &["verify", "--depth", "full", &address]).expect(0).summary();
        assert_eq!(verified["counts"], json!({ "verified": count }), "{bucket}");
    }
    assert_eq!(sealed, placed.len());
    for (bucket, vector) in &placed {
        scene.holds(bucket, &vector.id, &vector.plain());
        let stored = scene.world.stored(bucket, &vector.id);
        assert!(stored.metadata.iter().any(|(name, _)| name == "x-amz-meta-sealgate"), "{bucket}/{}", vector.id);
    }
}

#[test]
fn every_format_is_sealed_elsewhere_and_stays_where_it_was() {
    let scene = Foreign::new("", &["all"]);
    let placed = one_of_each();
    for (bucket, vector) in &placed {
        scene.place(bucket, &vector.id, vector);
    }
    for (bucket, _) in FAMILIES {
        let addresses = [format!("s3://{bucket}"), format!("s3://all/{bucket}/")];
        let addresses = addresses.each_ref().map(String::as_str);
        let before = scene.world.behind.request("GET", &format!("/{bucket}")).send().expect(200).all("ETag");
        let done = migrate(&scene, &addresses).expect(0).summary();
        let count = placed.iter().filter(|(other, _)| other == bucket).count();
        assert_eq!(done["counts"]["sealed"].as_u64().unwrap_or_default(), count as u64, "{bucket}: {done}");
        let after = scene.world.behind.request("GET", &format!("/{bucket}")).send().expect(200).all("ETag");
        assert_eq!(before, after, "{bucket} is as it was");
        let again = migrate(&scene, &addresses).expect(0).summary();
        assert_eq!(again["counts"]["already"].as_u64().unwrap_or_default(), count as u64, "{bucket}: {again}");
        assert_eq!(again["counts"]["beside"], done["counts"]["beside"]);
        assert!(again["counts"]["sealed"].is_null(), "{again}");
    }
    for (bucket, vector) in &placed {
        scene.holds("all", &format!("{bucket}/{}", vector.id), &vector.plain());
    }
}

#[test]
fn what_was_sealed_goes_out_as_amazons_and_as_plaintext() {
    let scene = Foreign::new(OUT, &["out", "as-v3"]);
    let content = noise(1, 200_000);
    let put = scene.world.front.object("PUT", "first", "a").header("x-amz-meta-colour", "red");
    put.header("content-type", "text/x-vector").header("x-amz-tagging", "a=1").body(&content).send().check(200);
    let done = migrate(&scene, &["s3://first", "s3://as-v3"]).expect(0);
    assert_eq!(done.outcome("a")["outcome"], "sealed", "it is encrypted as its rule says");
    let stored = scene.world.stored("as-v3", "a");
    assert!(stored.metadata.contains(&("x-amz-meta-x-amz-c".into(), "115".into())), "{:?}", stored.metadata);
    assert_eq!(stored.bytes.len(), content.len() + 16);
    scene.holds("as-v3", "a", &content);
    assert_eq!(migrate(&scene, &["s3://first", "s3://as-v3"]).expect(0).summary()["counts"], json!({ "already": 1 }));

    assert!(
        migrate(&scene, &["s3://as-v3", "s3://out"]).expect(1).outcome("a")["why"]
            .as_str()
            .unwrap()
            .contains("--unseal")
    );
    migrate(&scene, &["--unseal", "s3://as-v3", "s3://out"]).check(0);
    assert!(scene.world.stored("out", "a").bytes == content);
    scene.holds("out", "a", &content);
}

#[test]
fn a_wrong_key_costs_nothing() {
    let rule = "[[rules]]\nbucket = \"wrong\"\ncontents = \"mixed\"\nreads = [\"s3ec-v2\", \"s3ec-v3\"]\nkeys = [\"wrong\", \"kms\"]\n\
        commitment = \"forbid-encrypt-allow-decrypt\"\ninstruction_files = \"any\"\n";
    let scene = Foreign::new(rule, &["wrong"]);
    for id in ["v3-aes-java-short", "v2-aes-ruby-short-instruction"] {
        scene.place("wrong", id, &named(id));
    }
    scene.place("wrong", "zz", &named("v3-kms-python-short"));
    let before = scene.world.behind.request("GET", "/wrong").send().expect(200).all("ETag");
    let failed = migrate(&scene, &["s3://wrong"]).expect(1);
    assert_eq!(failed.outcome("zz")["outcome"], "sealed", "{failed:?}");
    assert_eq!((&failed.summary()["failed"], &failed.summary()["counts"]["beside"]), (&2.into(), &1.into()));
    assert!(failed.outcome("v3-aes-java-short")["why"].as_str().unwrap().contains("verification"), "{failed:?}");
    let after = scene.world.behind.request("GET", "/wrong").send().expect(200).all("ETag");
    assert_eq!(before[..3], after[..3], "what failed is as it was");
}

#[test]
fn what_lay_beside_an_object_goes_with_it_also_after_an_interruption() {
    let scene = Foreign::new(OUT, &["out"]);
    let (file, blob) = (named("v2-aes-ruby-short-instruction"), named("v1-sidecar-s3encryption"));
    scene.place("amazon", "a", &file);
    scene.place("beside", "a", &blob);
    for (bucket, companion) in [("amazon", "a.instruction"), ("beside", "a.key")] {
        let address = format!("s3://{bucket}/");
        let looked = run(&scene.world, &["verify", &address]).expect(0).summary();
        assert_eq!(looked["counts"], json!({ "foreign": 1, "beside": 1 }), "{bucket}");
        let found = run(&scene.world, &["inspect", "--json", &format!("{address}{companion}")]).expect(0).json();
        assert_eq!(found["belongs_to"], "a", "{found}");
        assert_eq!(
            run(&scene.world, &["inspect", "--json", &format!("{address}a")]).expect(0).json()["needs"],
            companion
        );
        assert_eq!(
            migrate(&scene, &[&address, "s3://out/"]).expect(1).summary()["counts"]["beside"],
            1,
            "--unseal is missing"
        );

        let before = scene.world.stored(bucket, companion);
        let done = migrate(&scene, &[&address]).expect(0);
        assert_eq!(done.outcome("a")["removed"], companion, "{done:?}");
        assert!(!scene.is_there(bucket, companion), "{bucket}");
        // As if it had broken off between the two.
        scene.world.replace(bucket, companion, &before);
        assert_eq!(run(&scene.world, &["migrate", &address]).expect(0).outcome(companion)["outcome"], "pending");
        assert!(scene.is_there(bucket, companion), "nothing was written");
        let again = migrate(&scene, &[&address]).expect(0).summary();
        assert_eq!(again["counts"], json!({ "already": 1, "removed": 1 }), "{bucket}");
        assert!(!scene.is_there(bucket, companion), "{bucket}");
        scene.world.get(bucket, "a").send().check(200);
    }
}

#[test]
fn what_only_looks_like_a_companion_stays() {
    let scene = Foreign::new("", &[]);
    scene.place("amazon", "needed", &named("v1-aes-ruby-short-instruction"));
    let kept = [("amazon", "needed.instruction"), ("beside", "server.key"), ("amazon", "alone.instruction")];
    scene.world.front.object("PUT", "beside", "server").body(b"sealed").send().check(200);
    scene.world.front.object("PUT", "amazon", "sealed").body(b"sealed").send().check(200);
    scene.world.front.object("PUT", "amazon", "sealed.instruction").body(b"of its own").send().check(200);
    scene.world.behind.object("PUT", "beside", "server.key").body(b"-----BEGIN PRIVATE KEY-----").send().check(200);
    scene.world.behind.object("PUT", "amazon", "alone.instruction").body(b"{}").send().check(200);
    // Nothing can be done with the object: its file must outlive that.
    let mut spoilt = scene.world.stored("amazon", "needed");
    spoilt.bytes.pop();
    scene.world.replace("amazon", "needed", &spoilt);
    migrate(&scene, &["s3://amazon"]).check(1);
    let done = migrate(&scene, &["s3://beside"]).expect(0).summary();
    assert_eq!(done["counts"], json!({ "already": 1, "beside": 1 }));
    for (bucket, key) in kept {
        assert!(scene.is_there(bucket, key), "{bucket}/{key}");
    }
    assert_eq!(scene.world.get("amazon", "sealed.instruction").send().expect(200).body, b"of its own");
}

#[test]
fn plaintext_never_lies_beside_an_envelope() {
    let rule = "[[rules]]\nbucket = \"back\"\nformat = \"none\"\ncontents = \"mixed\"\nreads = [\"plaintext\", \"s3ec-v2\", \"s3ec-v3\"]\n\
        keys = [\"aes32\"]\ncommitment = \"forbid-encrypt-allow-decrypt\"\ninstruction_files = \"any\"\n";
    let scene = Foreign::new(rule, &["back"]);
    let (file, whole) = (named("v2-aes-ruby-short-instruction"), named("v3-aes-java-short"));
    scene.place("back", "file", &file);
    scene.place("back", "whole", &whole);
    let done = migrate(&scene, &["--unseal", "s3://back"]).expect(1);
    assert!(done.outcome("file")["why"].as_str().unwrap().contains("instruction file"), "{done:?}");
    assert_eq!(done.outcome("whole")["outcome"], "unsealed");
    scene.holds("back", "file", &file.plain());
    assert!(scene.world.stored("back", "whole").bytes == whole.plain());
}

#[test]
fn large_content_goes_in_parts() {
    let scene = Foreign::new("", &["all"]);
    let (vector, content) = (named("v3-aes-java-short"), noise(1, 12_000_000));
    scene.place_content("amazon", "large", &vector, &vector.encrypt(&content));
    let parts = ["--part-above", "5242880"];
    migrate(&scene, &[&parts[..], &["s3://amazon", "s3://all"]].concat()).check(0);
    migrate(&scene, &[&parts[..], &["s3://amazon"]].concat()).check(0);
    for bucket in ["all", "amazon"] {
        scene.holds(bucket, "large", &content);
        let found = run(&scene.world, &["inspect", "--json", &format!("s3://{bucket}/large")]).expect(0).json();
        assert_eq!(found["format"], "sealed-in-parts");
    }
}

#[test]
fn what_clients_write_meanwhile_stays_and_what_was_killed_goes_on() {
    const OBJECTS: usize = 120;
    let scene = Foreign::new("", &[]);
    let vector = named("v3-aes-java-short");
    for number in 0..OBJECTS {
        scene.place("amazon", &format!("o/{number:03}"), &vector);
    }
    let (stop, written) = (AtomicBool::new(false), Mutex::new(BTreeMap::new()));
    let arguments = ["migrate", "--apply", "--checkpoint", "m.json", "--concurrency", "4", "s3://amazon"];
    thread::scope(|scope| {
        let client = scope.spawn(|| {
            let mut round = 0_usize;
            while !stop.load(Ordering::Relaxed) {
                round += 1;
                let key = format!("o/{:03}", round * 37 % OBJECTS);
                let content = format!("of a client, round {round}");
                scene.world.front.object("PUT", "amazon", &key).body(content.as_bytes()).send().check(200);
                written.lock().unwrap().insert(key, content);
            }
        });
        let mut child = command(&scene.world, &arguments).start();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
        assert_eq!(lines.take(OBJECTS / 4).count(), OBJECTS / 4);
        child.kill().unwrap();
        assert!(!child.wait().unwrap().success(), "it was killed in the middle");
        let ended = command(&scene.world, &arguments).run();
        stop.store(true, Ordering::Relaxed);
        client.join().unwrap();
        ended.check(0);
    });
    assert!(!beside(&scene.world, "m.json").exists(), "all is done");
    let written = written.into_inner().unwrap();
    assert!(!written.is_empty());
    for number in 0..OBJECTS {
        let key = format!("o/{number:03}");
        let wanted = written.get(&key).map_or_else(|| vector.plain(), |content| content.clone().into_bytes());
        assert!(scene.world.get("amazon", &key).send().expect(200).body == wanted, "{key}");
    }
    let again = migrate(&scene, &["s3://amazon"]).expect(0).summary();
    assert_eq!(again["counts"], json!({ "already": OBJECTS }));
}
