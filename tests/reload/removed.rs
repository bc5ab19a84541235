//! What is taken away is gone at once, whatever is remembered of it.

use sealgate_tests::bytes::noise;

use crate::scene::{BUCKETS, KEY_ID, Scene, key, key_file};

#[test]
fn a_removed_key_opens_nothing_any_more() {
    let scene = Scene::new("off", |_| format!("[keyring]\nprimary = \"{KEY_ID}\"\n"));
    scene.publish(&[("gone", &key_file(5))]);
    let folder = scene.folder.path();
    scene.write("off", &format!("[keyring]\nprimary = \"gone\"\n{}", key(folder, "gone")));
    scene.hang_up(1);
    scene.put("a", &noise(1, 200_000));
    let read = |method: &str| scene.http.object(method, BUCKETS[0], "a");
    // All that can be remembered of it is.
    read("GET").send().check(200);
    read("HEAD").header("x-amz-checksum-mode", "ENABLED").send().check(200);
    read("GET").header("range", "bytes=70000-70009").send().check(206);
    scene.write("off", &format!("[keyring]\nprimary = \"{KEY_ID}\"\n"));
    assert_eq!(scene.hang_up(2), format!("keys -gone; keyring.primary {KEY_ID}"));
    let refused = read("GET").send();
    refused.refused(403, "AccessDenied");
    assert!(refused.text("Message").unwrap().contains("gone"), "{refused:?}");
    read("GET").header("range", "bytes=70000-70009").send().refused(403, "AccessDenied");
    assert_eq!(read("HEAD").send().status, 403);
    let copy = scene.http.object("PUT", BUCKETS[0], "b").header("x-amz-copy-source", "/first/a").send();
    copy.refused(403, "AccessDenied");
    scene.put("c", b"c");
    assert_eq!(scene.get("c"), b"c");
}

#[test]
fn what_is_remembered_under_one_rule_is_not_believed_under_another() {
    let rule = |rule: &str| format!("[keyring]\nprimary = \"{KEY_ID}\"\n[[rules]]\nbucket = \"*\"\n{rule}\n");
    let amazon = rule("format = \"s3ec-v3\"\ncontents = \"mixed\"\nreads = [\"s3ec-v3\", \"plaintext\"]");
    let plain = rule("format = \"none\"\ncontents = \"mixed\"\nreads = \"plaintext\"");
    let scene = Scene::new("off", |_| amazon.clone());
    scene.put("a", &noise(3, 100_000));
    let listed = || {
        let list = scene.http.request("GET", "/first").query("list-type", "2").send().expect(200);
        let head = scene.http.object("HEAD", BUCKETS[0], "a").send().expect(200);
        assert_eq!(list.text("Size").unwrap(), head.must("content-length"));
        head.must("content-length").parse::<u64>().unwrap()
    };
    assert_eq!(listed(), 100_000);
    scene.write("off", &plain);
    scene.hang_up(1);
    assert!(listed() > 100_000, "as the store has it");
    scene.write("off", &amazon);
    scene.hang_up(2);
    assert_eq!(listed(), 100_000);
}

#[test]
fn what_was_verified_with_a_removed_key_is_not_given_out() {
    let amazon = |keys: &str| {
        format!("[keyring]\nprimary = \"{KEY_ID}\"\n[[rules]]\nbucket = \"*\"\nformat = \"s3ec-v3\"\nkeys = [{keys}]\n")
    };
    let scene = Scene::new("off", |_| format!("[keyring]\nprimary = \"{KEY_ID}\"\n"));
    scene.publish(&[("gone", &key_file(5))]);
    let both = amazon(&format!("\"gone\", \"{KEY_ID}\"")) + &key(scene.folder.path(), "gone");
    scene.write("off", &both);
    scene.hang_up(1);
    // Large enough that a range is answered by what an earlier reading has verified.
    let body = noise(2, 3_000_000);
    scene.put("a", &body);
    let range = || scene.http.object("GET", BUCKETS[0], "a").header("range", "bytes=2000000-2000009").send();
    for _ in 0..2 {
        assert_eq!(range().expect(206).body, body[2_000_000..2_000_010]);
    }
    // First only the rule forgets the key, then all do.
    scene.write("off", &(amazon(&format!("\"{KEY_ID}\"")) + &key(scene.folder.path(), "gone")));
    scene.hang_up(2);
    assert!(range().status >= 400, "{:?}", range());
    scene.write("off", &both);
    scene.hang_up(3);
    assert_eq!(range().expect(206).body, body[2_000_000..2_000_010]);
    scene.write("off", &amazon(&format!("\"{KEY_ID}\"")));
    scene.hang_up(4);
    assert!(range().status >= 400, "{:?}", range());
}
