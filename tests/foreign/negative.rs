//! What does not open: by the rule, with the reason and the setting; by the object, with one text for every cause.

use std::collections::BTreeMap;
use std::fs;

use serde_json::Value;

use crate::scene::{Scene, bucket_of};
use sealgate_tests::foreign::vector::{Vector, directory, named};

/// What clients are told of every object that does not open.
const ONE_TEXT: &str = "The stored object failed verification and was not returned.";

/// Checks that each rule that lacks something the vector needs refuses it and says what it lacks.
pub(crate) fn refused(scene: &Scene, vector: &Vector) {
    let (needs, key) = (vector.needs(), format!("refused/{}", vector.id));
    for (need, rule) in [
        ("commitment", "no-commitment"),
        ("legacy_wraps", "no-legacy-wraps"),
        ("legacy_content", "no-legacy-content"),
        ("instruction_files", "no-files"),
    ] {
        if !needs.contains(&need) {
            continue;
        }
        let bucket = scene.placed(vector, rule, &key);
        let answer = scene.object("GET", &bucket, &key).send();
        answer.refused(403, "InvalidObjectState");
        let (message, plaintext) = (answer.text("Message").unwrap(), vector.plain());
        assert!(message.contains(&bucket), "{message}");
        assert!(message.contains(need) || message.contains("`reads`"), "{need}: {message}");
        assert!(plaintext.len() < 16 || !answer.body.windows(16).any(|bytes| bytes == &plaintext[..16]));
        scene.object("HEAD", &bucket, &key).send().check(403);
        scene.object("GET", &bucket, &key).header("range", "bytes=0-0").send().refused(403, "InvalidObjectState");
    }
    let bucket = scene.placed(vector, "strict", &key);
    let status = scene.object("GET", &bucket, &key).send().status;
    assert_eq!(status, if needs.is_empty() { 200 } else { 403 }, "under the default policy");
    let bucket = scene.placed(vector, "no-keys", &key);
    if vector.key_type != "rsa" && bucket_of(vector, "all") == "aes32-all" {
        scene.object("GET", &bucket, &key).send().refused(403, "AccessDenied");
    }
}

/// Checks that nothing of an object is given out, and nothing of why.
pub(crate) fn fails(scene: &Scene, vector: &Vector) {
    let key = format!("fails/{}", vector.id);
    if vector.id == "neg-v2-under-require-decrypt" {
        // Nothing is wrong with it but the policy.
        let bucket = scene.placed(vector, "strict", &key);
        scene.object("GET", &bucket, &key).send().refused(403, "InvalidObjectState");
        let bucket = scene.placed(vector, "all", &key);
        scene.object("GET", &bucket, &key).send().check(200);
        return;
    }
    for rule in ["all", "quick"] {
        let bucket = scene.placed(vector, rule, &key);
        let whole = scene.object("GET", &bucket, &key).send();
        if whole.status == 200 {
            // The rule lets content go out early: its end never does.
            assert!(rule == "quick" && vector.is_gcm() && !whole.complete, "{}: {whole:?}", vector.id);
        } else {
            one_text(&whole);
        }
        if rule == "all" {
            one_text(&scene.object("GET", &bucket, &key).header("range", "bytes=0-0").send());
        }
        let copy = scene.object("PUT", "sealed", &key);
        let copy = copy.header("x-amz-copy-source", &format!("/{bucket}/{key}")).send();
        assert!(!copy.xml().contains("<CopyObjectResult"), "{copy:?}");
        scene.object("HEAD", "sealed", &key).send().check(404);
    }
}

#[track_caller]
pub(crate) fn one_text(answer: &sealgate_tests::answer::Answer) {
    answer.refused(500, "InternalError");
    assert_eq!(answer.text("Message").as_deref(), Some(ONE_TEXT), "{answer:?}");
}

/// Envelopes nobody writes: changes to those of other vectors.
pub(crate) fn rows() -> Vec<(String, Vector)> {
    let file: Value = serde_json::from_slice(&fs::read(directory().join("refused-envelopes.json")).unwrap()).unwrap();
    // Names that differ by case are one name on the way to a store.
    let rows = file["rows"].as_array().unwrap().iter().filter(|row| row["name"] != "a name twice in two cases");
    rows.map(|row| (row["name"].as_str().unwrap().to_owned(), changed(row))).collect()
}

fn changed(row: &Value) -> Vector {
    let mut vector = named(row["of"].as_str().unwrap());
    vector.id = format!("row-{}", row["name"].as_str().unwrap().replace(' ', "-"));
    let changes: BTreeMap<String, Option<String>> = serde_json::from_value(row["metadata"].clone()).unwrap();
    for (name, value) in changes {
        match value {
            Some(value) => vector.metadata.insert(name, value),
            None => vector.metadata.remove(&name),
        };
    }
    if let (Some(body), Some(file)) = (row["instruction_file"].as_str(), vector.instruction_file.as_mut()) {
        body.clone_into(file);
    }
    vector
}
