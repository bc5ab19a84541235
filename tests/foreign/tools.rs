//! Objects of older tools: those of `tests/vectors/legacy`, and those that write Amazon's formats under the tool's name.

use sealgate_tests::foreign::tools::{family, stored};
use sealgate_tests::foreign::vector::{Vector, legacy, named};

use crate::cases;
use crate::negative::one_text;
use crate::positive::every_answer;
use crate::scene::{Scene, holds};

cases![
    a_tool_is_read_by_its_name_alone,
    a_wrapping_key_beside_the_object_opens_it,
    a_noted_md5_is_compared_and_never_shown,
    ambiguous_padding_is_taken_off_or_left,
    blocks_leave_as_they_verify,
    objects_of_tools_are_sealed_when_they_are_copied,
    what_is_too_short_is_refused_and_listed_as_it_is,
];

/// The rules of buckets whose objects are all of one tool, by the bucket's name.
pub(crate) const RULES: &[(&str, &str)] = &[
    ("fileson", "contents = \"fileson\"\nkeys = [\"fileson\"]\n"),
    ("fileson-raw", "contents = \"fileson\"\nkeys = [\"fileson-raw\"]\n"),
    ("rclone", "contents = \"rclone-crypt\"\nkeys = [\"rclone\"]\n"),
    ("rclone-two", "contents = \"rclone-crypt\"\nkeys = [\"rclone-two\"]\n"),
    (
        "gpg",
        "contents = \"gpg\"\nkeys = [\"gpg-words\", \"gpg-rsa\", \"gpg-ecc\", \"gpg-nist\"]\nmd5_metadata = \"md5\"\n",
    ),
    ("kms-cbc", "contents = \"kms-cbc\"\nkeys = [\"kms\"]\n"),
    ("kms-cbc-raw", "contents = \"kms-cbc\"\nkeys = [\"kms\"]\npadding = \"raw\"\n"),
    ("beside", "contents = \"key-sidecar\"\nkeys = [\"kms\"]\n"),
    ("aioboto3", "contents = \"aioboto3\"\nkeys = [\"aes32\", \"rsa\", \"kms\"]\n"),
    ("s3-encryption", "contents = \"s3-encryption\"\nkeys = [\"aes32\"]\n"),
    ("s3-encryption-fork", "contents = \"s3-encryption-fork\"\nkeys = [\"aes32\"]\n"),
];

/// Reads a vector of an older tool in every way there is.
pub(crate) fn reads(scene: &Scene, vector: &Vector) {
    let bucket = family(vector);
    scene.place(bucket, &vector.id, vector, &stored(vector));
    if vector.id == "rumney-zeropad-trailing-nul" {
        return;
    }
    every_answer(scene, vector, bucket);
    let answer = scene.object("GET", bucket, &vector.id).send();
    for name in ["x-amz-meta-encryption-key", "x-amz-meta-md5"] {
        assert_eq!(answer.header(name), None, "{name}");
    }
}

fn a_tool_is_read_by_its_name_alone(scene: &Scene) {
    for (tool, ids) in [
        (
            "aioboto3",
            &[
                "v1-sym-aioboto3-short",
                "v1-asym-aioboto3-short",
                "v2-kmsgcm-aioboto3-short",
                "v2-kmscbc-aioboto3-large",
            ][..],
        ),
        ("s3-encryption", &["v1-aes32-s3encryption-text", "v1-aes32-s3encryption-large"]),
        ("s3-encryption-fork", &["v2-aeswrap-gcm-s3encfork-large", "v2-aeswrap-cbc-s3encfork-parts"]),
    ] {
        for id in ids {
            let vector = named(id);
            scene.place(tool, id, &vector, &vector.stored());
            every_answer(scene, &vector, tool);
        }
        for id in ["v2-aes-java-short", "v2-aeswrap-java-short", "v3-aes-java-short", "v2-kms-python-short"] {
            let vector = named(id);
            scene.place(tool, id, &vector, &vector.stored());
            scene.object("GET", tool, id).send().refused(403, "InvalidObjectState");
            scene.object("HEAD", tool, id).send().check(403);
        }
    }
}

fn a_wrapping_key_beside_the_object_opens_it(scene: &Scene) {
    let vector = named("v1-sidecar-s3encryption");
    let (id, blob) = (vector.id.as_str(), vector.sidecar());
    scene.place("beside", id, &vector, &vector.stored());
    one_text(&scene.object("GET", "beside", id).send());
    let beside = |body: &[u8]| {
        scene.world.behind.object("PUT", "beside", &format!("{id}.key")).body(body).send().check(200);
    };
    beside(b"not a wrapped key");
    one_text(&scene.object("GET", "beside", id).send());
    beside(blob.as_bytes());
    every_answer(scene, &vector, "beside");
    assert_eq!(scene.listed("beside", &format!("{id}.key")).unwrap().0, blob.len());
    beside(&vector.raw_sidecar());
    holds(&scene.object("GET", "beside", id).send(), &vector.plain());
}

fn a_noted_md5_is_compared_and_never_shown(scene: &Scene) {
    let mut vector = legacy("gpg-ecc-short");
    for (noted, opens) in [(Some("00000000000000000000000000000000"), false), (Some("no digest"), false), (None, true)]
    {
        vector.metadata.clear();
        vector.metadata.extend(noted.map(|noted| ("md5".to_owned(), noted.to_owned())));
        scene.place("gpg", "noted", &vector, &stored(&vector));
        let answer = scene.object("GET", "gpg", "noted").send();
        if opens { holds(&answer, &vector.plain()) } else { one_text(&answer) }
    }
    let other = legacy("fileson-short");
    scene.place("gpg", "no message", &other, &stored(&other));
    one_text(&scene.object("GET", "gpg", "no message").send());
}

fn ambiguous_padding_is_taken_off_or_left(scene: &Scene) {
    let vector = legacy("rumney-zeropad-trailing-nul");
    let plain = vector.plain();
    for bucket in ["kms-cbc", "kms-cbc-raw"] {
        scene.place(bucket, "padded", &vector, &stored(&vector));
    }
    holds(&scene.object("GET", "kms-cbc", "padded").send(), &plain[..17]);
    let raw = scene.object("GET", "kms-cbc-raw", "padded").send();
    holds(&raw, &[&plain[..], &[0; 13]].concat());
    assert_eq!(scene.listed("kms-cbc-raw", "padded").unwrap().0, 32);
    let mut changed = stored(&vector);
    *changed.last_mut().unwrap() ^= 1;
    scene.place("kms-cbc", "changed", &vector, &changed);
    one_text(&scene.object("GET", "kms-cbc", "changed").send());
}

fn blocks_leave_as_they_verify(scene: &Scene) {
    let vector = legacy("rclone-crypt-large");
    let (plain, mut changed) = (vector.plain(), stored(&vector));
    changed[32 + 3 * 65_552 + 100] ^= 1;
    scene.place("rclone", "changed", &vector, &changed);
    let range = scene.object("GET", "rclone", "changed").header("range", "bytes=70000-196607").send().expect(206);
    assert!(range.complete && range.body == plain[70_000..=196_607]);
    one_text(&scene.object("GET", "rclone", "changed").header("range", "bytes=196608-").send());
    let whole = scene.object("GET", "rclone", "changed").send();
    if whole.status == 200 {
        assert!(!whole.complete && plain.starts_with(&whole.body) && whole.body.len() <= 196_608, "{whole:?}");
    } else {
        one_text(&whole);
    }
}

fn objects_of_tools_are_sealed_when_they_are_copied(scene: &Scene) {
    for id in ["fileson-large", "rclone-crypt-large", "gpg-rsa-short", "rumney-published-large"] {
        let vector = legacy(id);
        let (from, key) = (family(&vector), format!("copied/{id}"));
        scene.place(from, &key, &vector, &stored(&vector));
        let copy = scene.object("PUT", "sealed", &key).header("x-amz-copy-source", &format!("/{from}/{key}")).send();
        assert!(copy.status == 200 && copy.xml().contains("<CopyObjectResult"), "{copy:?}");
        holds(&scene.object("GET", "sealed", &key).send(), &vector.plain());
    }
}

fn what_is_too_short_is_refused_and_listed_as_it_is(scene: &Scene) {
    for bucket in ["fileson", "rclone", "gpg"] {
        scene.world.behind.object("PUT", bucket, "short").body(b"fifteen bytes..").send().check(200);
        one_text(&scene.object("GET", bucket, "short").send());
        assert_eq!(scene.listed(bucket, "short").unwrap().0, 15, "{bucket}");
        scene.world.behind.object("PUT", bucket, "folder/").body(b"").send().check(200);
        scene.object("PUT", bucket, "new").body(b"x").send().refused(403, "AccessDenied");
    }
}
