//! Single behaviours that no vector shows: large objects, tampering while it is read, files beside, keys, parts, versions.

use std::fmt::Write as _;

use sealgate_tests::bytes::noise;

use crate::cases;
use crate::negative::one_text;
use crate::scene::{Scene, bucket_of, holds};
use sealgate_tests::foreign::vector::named;

cases![
    a_large_object_is_verified_before_its_first_byte,
    what_was_verified_once_is_not_read_again_for_its_ranges,
    a_range_of_a_changed_object_is_refused_unless_the_rule_says_otherwise,
    content_that_changes_after_it_was_verified_never_leaves,
    early_release_breaks_off_at_the_end,
    failures_of_unauthenticated_content_are_few,
    a_description_chooses_the_key,
    another_key_opens_nothing,
    instruction_files_are_listed_and_read_as_they_are,
    an_exchanged_instruction_file_is_noticed_by_the_commitment,
    a_custom_suffix_names_the_instruction_file,
    plaintext_is_refused_where_it_is_not_named,
    a_format_that_is_declared_alone_admits_no_other,
    parts_are_read_by_their_numbers,
    versions_are_read_by_their_ids,
    new_objects_of_a_mixed_rule_are_sealed,
    markers_of_directories_are_empty,
    a_page_of_many_formats_has_true_sizes,
];

const MIB: usize = 1024 * 1024;

/// An object of five MiB and a bit under the envelope of a vector.
fn large(id: &str) -> (sealgate_tests::foreign::vector::Vector, Vec<u8>, Vec<u8>) {
    let vector = named(id);
    let plain = noise(5, 5 * MIB + 12_345);
    let stored = vector.encrypt(&plain);
    (vector, plain, stored)
}

fn a_large_object_is_verified_before_its_first_byte(scene: &Scene) {
    let vector = named("v3-aes-java-large");
    let plain = noise(70, 70 * MIB + 1);
    let mut stored = vector.encrypt(&plain);
    let bucket = bucket_of(&vector, "all");
    scene.place(&bucket, "seventy", &vector, &stored);
    holds(&scene.object("GET", &bucket, "seventy").send(), &plain);
    // Once verified, it is read once.
    holds(&scene.object("GET", &bucket, "seventy").send(), &plain);
    *stored.last_mut().unwrap() ^= 1;
    scene.place(&bucket, "seventy", &vector, &stored);
    one_text(&scene.object("GET", &bucket, "seventy").send());
    scene.object("DELETE", &bucket, "seventy").send().check(204);
}

fn what_was_verified_once_is_not_read_again_for_its_ranges(scene: &Scene) {
    let (vector, plain, stored) = large("v2-aes-java-large");
    let bucket = bucket_of(&vector, "all");
    scene.place(&bucket, "ranged", &vector, &stored);
    for (first, last) in [(0, 0), (MIB - 1, MIB), (3 * MIB + 5, 5 * MIB + 7), (5 * MIB, 5 * MIB + 12_344), (15, 17)] {
        let range = format!("bytes={first}-{last}");
        let answer = scene.object("GET", &bucket, "ranged").header("range", &range).send().expect(206);
        assert_eq!(answer.must("content-range"), format!("bytes {first}-{last}/{}", plain.len()));
        assert!(answer.body == plain[first..=last], "{range}");
    }
    holds(&scene.object("GET", &bucket, "ranged").send(), &plain);
}

fn a_range_of_a_changed_object_is_refused_unless_the_rule_says_otherwise(scene: &Scene) {
    for id in ["v3-aes-java-large", "v2-aes-java-large"] {
        let (vector, plain, mut stored) = large(id);
        stored[4 * MIB] ^= 1;
        for rule in ["all", "quick"] {
            let bucket = bucket_of(&vector, rule);
            scene.place(&bucket, "changed", &vector, &stored);
            let range = scene.object("GET", &bucket, "changed").header("range", "bytes=100-200").send();
            if rule == "all" {
                one_text(&range);
            } else {
                assert!(range.expect(206).body == plain[100..=200]);
            }
        }
    }
}

fn content_that_changes_after_it_was_verified_never_leaves(scene: &Scene) {
    let (vector, plain, mut stored) = large("v3-aes-java-large");
    let bucket = bucket_of(&vector, "all");
    scene.place(&bucket, "later", &vector, &stored);
    let whole = scene.object("GET", &bucket, "later").header("range", "bytes=0-9").send().expect(206);
    stored[2 * MIB + 7] ^= 1;
    scene.place(&bucket, "later", &vector, &stored);
    one_text(&scene.object("GET", &bucket, "later").header("range", "bytes=2097152-2097200").send());
    let old = scene.object("GET", &bucket, "later").header("if-match", whole.etag()).send();
    old.refused(412, "PreconditionFailed");
    assert_eq!(whole.body, plain[..10]);
}

fn early_release_breaks_off_at_the_end(scene: &Scene) {
    let (vector, plain, mut stored) = large("v3-aes-java-large");
    let bucket = bucket_of(&vector, "quick");
    scene.place(&bucket, "early", &vector, &stored);
    holds(&scene.object("GET", &bucket, "early").send(), &plain);
    stored[3 * MIB] ^= 1;
    scene.place(&bucket, "early", &vector, &stored);
    let broken = scene.object("GET", &bucket, "early").send();
    assert!(broken.status == 200 && !broken.complete && broken.body.len() < plain.len(), "{broken:?}");
}

fn failures_of_unauthenticated_content_are_few(scene: &Scene) {
    let vector = named("v1-aes-java-short");
    let bucket = bucket_of(&vector, "all");
    let mut refusals = 0;
    for attempt in 0..60 {
        let mut stored = vector.stored();
        let at = stored.len() - 17;
        stored[at] ^= 0x80 | attempt;
        scene.place(&bucket, "oracle", &vector, &stored);
        let answer = scene.object("GET", &bucket, "oracle").send();
        match answer.status {
            500 => one_text(&answer),
            503 => {
                answer.refused(503, "SlowDown");
                refusals += 1;
            }
            other => panic!("{other}: {answer:?}"),
        }
    }
    assert_eq!(refusals, 52, "eight are let through");
    scene.place(&bucket, "another", &vector, &vector.stored());
    holds(&scene.object("GET", &bucket, "another").send(), &vector.plain());
}

fn a_description_chooses_the_key(scene: &Scene) {
    for id in ["v2-aes-java-short-matdesc", "v3-aes-java-short-matdesc"] {
        let vector = named(id);
        let bucket = scene.placed(&vector, "wrong-keys", id);
        holds(&scene.object("GET", &bucket, id).send(), &vector.plain());
    }
}

fn another_key_opens_nothing(scene: &Scene) {
    for id in ["v1-aes-java-short", "v2-aes-java-short", "v3-aes-java-short", "v2-aeswrap-java-short"] {
        let vector = named(id);
        let bucket = scene.placed(&vector, "wrong-keys", id);
        let answer = scene.object("GET", &bucket, id).send();
        // Padding of content that nothing authenticates may be right by chance; its content is not.
        if answer.status == 200 {
            assert!(!vector.is_gcm() && answer.body != vector.plain());
        } else {
            one_text(&answer);
        }
    }
    assert!(
        scene.logged("the data key cannot be unwrapped") && scene.logged("key `wrong`"),
        "the log says which and why"
    );
}

fn instruction_files_are_listed_and_read_as_they_are(scene: &Scene) {
    let vector = named("v2-aes-ruby-short-instruction");
    let bucket = scene.placed(&vector, "all", "file");
    let body = vector.instruction_file.clone().unwrap().into_bytes();
    assert_eq!(scene.listed(&bucket, "file.instruction").unwrap().0, body.len());
    assert_eq!(scene.listed(&bucket, "file").unwrap().0, vector.plain().len());
    holds(&scene.object("GET", &bucket, "file.instruction").send(), &body);
    let head = scene.object("HEAD", &bucket, "file.instruction").send().expect(200);
    assert_eq!(head.must("content-length"), body.len().to_string());
    let range = scene.object("GET", &bucket, "file.instruction").header("range", "bytes=2-6").send().expect(206);
    assert_eq!(range.body, body[2..=6]);
    // The name alone does not make one.
    scene.world.behind.object("PUT", &bucket, "plain.instruction").body(b"anything at all").send().check(200);
    one_text(&scene.object("GET", &bucket, "plain.instruction").send());
    let refused = scene.placed(&vector, "no-files", "file");
    scene.object("GET", &refused, "file.instruction").send().refused(403, "InvalidObjectState");
}

fn an_exchanged_instruction_file_is_noticed_by_the_commitment(scene: &Scene) {
    let (vector, other) = (named("v3-aes-java-short"), named("v3-aes-java-large"));
    let bucket = bucket_of(&vector, "only-v3");
    let split = |vector: &sealgate_tests::foreign::vector::Vector,
                 wrapped: &sealgate_tests::foreign::vector::Vector| {
        let mut vector = vector.clone();
        let file =
            serde_json::json!({ "x-amz-3": wrapped.metadata["x-amz-3"], "x-amz-w": wrapped.metadata["x-amz-w"] });
        vector.metadata.retain(|name, _| ["x-amz-c", "x-amz-d", "x-amz-i"].contains(&name.as_str()));
        vector.instruction_file = Some(file.to_string());
        vector
    };
    scene.place(&bucket, "own", &split(&vector, &vector), &vector.stored());
    holds(&scene.object("GET", &bucket, "own").send(), &vector.plain());
    assert_eq!(scene.listed(&bucket, "own").unwrap().0, vector.plain().len());
    scene.place(&bucket, "exchanged", &split(&vector, &other), &vector.stored());
    one_text(&scene.object("GET", &bucket, "exchanged").send());
    scene.place(&bucket, "gone", &split(&vector, &vector), &vector.stored());
    scene.world.behind.object("DELETE", &bucket, "gone.instruction").send().check(204);
    one_text(&scene.object("GET", &bucket, "gone").send());
}

fn a_custom_suffix_names_the_instruction_file(scene: &Scene) {
    let vector = named("v1-aes-ruby-short-instruction");
    let body = vector.instruction_file.clone().unwrap();
    let mut bare = vector.clone();
    bare.instruction_file = None;
    scene.place("custom", "shared", &bare, &vector.stored());
    scene.world.behind.object("PUT", "custom", "shared.partner").body(body.as_bytes()).send().check(200);
    holds(&scene.object("GET", "custom", "shared").send(), &vector.plain());
}

fn plaintext_is_refused_where_it_is_not_named(scene: &Scene) {
    let put =
        |bucket: &str| scene.world.behind.object("PUT", bucket, "as-it-came").body(b"as it came").send().check(200);
    for bucket in ["aes32-all", "aes32-strict", "aes32-only-v3"] {
        put(bucket);
        scene.object("GET", bucket, "as-it-came").send().refused(403, "InvalidObjectState");
        scene.object("HEAD", bucket, "as-it-came").send().check(403);
    }
    put("aes32-quick");
    holds(&scene.object("GET", "aes32-quick", "as-it-came").send(), b"as it came");
    assert_eq!(scene.listed("aes32-quick", "as-it-came").unwrap().0, 10);
}

fn a_format_that_is_declared_alone_admits_no_other(scene: &Scene) {
    let v2 = named("v2-aes-java-short");
    let bucket = scene.placed(&v2, "only-v3", "older");
    scene.object("GET", &bucket, "older").send().refused(403, "InvalidObjectState");
    scene.object("PUT", "sealed", "ours").body(b"sealed").send().check(200);
    let ours = scene.world.stored("sealed", "ours");
    scene.world.replace(&bucket, "ours", &ours);
    scene.object("GET", &bucket, "ours").send().refused(403, "InvalidObjectState");
    scene.object("PUT", &bucket, "new").body(b"x").send().refused(403, "AccessDenied");
}

fn parts_are_read_by_their_numbers(scene: &Scene) {
    let (vector, plain, stored) = large("v2-aes-java-large");
    for rule in ["all", "quick"] {
        let bucket = bucket_of(&vector, rule);
        let behind = |method: &str| scene.world.behind.object(method, &bucket, "parts");
        let begin = vector.metadata.iter().fold(behind("POST").query("uploads", ""), |begin, (name, value)| {
            begin.header(&format!("x-amz-meta-{name}"), value)
        });
        let id = begin.send().expect(200).text("UploadId").unwrap();
        // The last part holds the tag alone.
        let (content, tag) = stored.split_at(stored.len() - 16);
        let mut list = String::from("<CompleteMultipartUpload>");
        for (number, part) in [(1, content), (2, tag)] {
            let put = behind("PUT").query("partNumber", &number.to_string()).query("uploadId", &id).body(part);
            let etag = put.send().expect(200).etag().to_owned();
            write!(list, "<Part><PartNumber>{number}</PartNumber><ETag>{etag}</ETag></Part>").unwrap();
        }
        let list = list + "</CompleteMultipartUpload>";
        behind("POST").query("uploadId", &id).body(list.as_bytes()).send().check(200);
        holds(&scene.object("GET", &bucket, "parts").send(), &plain);
        let part = scene.object("GET", &bucket, "parts").query("partNumber", "1").send().expect(206);
        assert!(part.body == plain && part.must("x-amz-mp-parts-count") == "2", "{part:?}");
        assert_eq!(part.must("content-range"), format!("bytes 0-{}/{}", plain.len() - 1, plain.len()));
        let empty = scene.object("GET", &bucket, "parts").query("partNumber", "2").send().expect(206);
        assert!(empty.body.is_empty() && empty.must("content-length") == "0", "{empty:?}");
        scene.object("GET", &bucket, "parts").query("partNumber", "3").send().check(416);
        let head = scene.object("HEAD", &bucket, "parts").query("partNumber", "1").send().expect(206);
        assert_eq!(head.must("content-length"), plain.len().to_string());
    }
}

fn versions_are_read_by_their_ids(scene: &Scene) {
    let (first, second) = (named("v1-aes-java-short"), named("v3-aes-java-large"));
    let bucket = bucket_of(&first, "other-keep");
    let versioning = b"<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>";
    scene.world.behind.request("PUT", &format!("/{bucket}")).query("versioning", "").body(versioning).send().check(200);
    let id = |scene: &Scene| {
        scene.object("HEAD", &bucket, "versioned").send().expect(200).must("x-amz-version-id").to_owned()
    };
    scene.place(&bucket, "versioned", &first, &first.stored());
    let old = id(scene);
    scene.place(&bucket, "versioned", &second, &second.stored());
    let get = |id: &str| scene.object("GET", &bucket, "versioned").query("versionId", id);
    holds(&get(&old).send(), &first.plain());
    assert_eq!(get(&old).header("range", "bytes=1-3").send().expect(206).body, first.plain()[1..=3]);
    holds(&get(&id(scene)).send(), &second.plain());
    let list =
        scene.world.front.request("GET", &format!("/{bucket}")).query("versions", "").query("prefix", "versioned");
    let page = list.send().expect(200);
    let size = |entry: &String| sealgate_tests::answer::text(entry, "Size").unwrap();
    let sizes: Vec<String> = page.all("Version").iter().map(size).collect();
    assert_eq!(sizes, [second.plain().len().to_string(), first.plain().len().to_string()]);
}

fn new_objects_of_a_mixed_rule_are_sealed(scene: &Scene) {
    let bucket = "aes32-all";
    scene.object("PUT", bucket, "new").header("x-amz-meta-colour", "blue").body(b"new").send().check(200);
    let stored = scene.world.stored(bucket, "new");
    assert!(stored.metadata.iter().any(|(name, _)| name == "x-amz-meta-sealgate"));
    let read = scene.object("GET", bucket, "new").send();
    holds(&read, b"new");
    assert_eq!(read.must("x-amz-meta-colour"), "blue");
    assert_eq!(scene.listed(bucket, "new").unwrap().0, 3);
}

fn markers_of_directories_are_empty(scene: &Scene) {
    for bucket in ["aes32-all", "aes32-only-v3"] {
        scene.world.behind.object("PUT", bucket, "folder/").body(b"").send().check(200);
        holds(&scene.object("GET", bucket, "folder/").send(), b"");
        assert_eq!(scene.listed(bucket, "folder/").unwrap().0, 0);
    }
}

fn a_page_of_many_formats_has_true_sizes(scene: &Scene) {
    let ids = [
        "v1-aes-java-large",
        "v1-rsa-java-short",
        "v2-aes-java-short",
        "v2-aeswrap-cbc-s3encfork-short",
        "v3-rsa-java-large",
    ];
    for id in ids {
        let vector = named(id);
        scene.placed(&vector, "all", &format!("page/{id}"));
    }
    for _ in 0..2 {
        let list = scene.world.front.request("GET", "/aes32-all").query("list-type", "2").query("prefix", "page/");
        let page = list.send().expect(200);
        let size = |entry: &String| sealgate_tests::answer::text(entry, "Size").unwrap().parse().unwrap();
        let sizes: Vec<usize> = page.all("Contents").iter().map(size).collect();
        let mut wanted: Vec<(&str, usize)> = ids.iter().map(|id| (*id, named(id).plain().len())).collect();
        wanted.sort_unstable();
        assert_eq!(sizes, wanted.iter().map(|(_, len)| *len).collect::<Vec<_>>());
    }
}
