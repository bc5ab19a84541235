//! Settings that are no good leave everything as it was, say so in one line, and take effect when they are repaired.

use std::fs;

use crate::scene::{BUCKETS, KEY_ID, NOT_RELOADED, Scene, client, guest, key, key_file, replace, secret, shown};

/// A daemon that looks at its files all the time, and its settings.
fn scene() -> (Scene, String) {
    let scene = Scene::new("100ms", |_| format!("[keyring]\nprimary = \"{KEY_ID}\"\n"));
    let good = format!("[keyring]\nprimary = \"{KEY_ID}\"\n");
    scene.put("before", b"before");
    (scene, good)
}

/// Waits for the refusal, checks that it says this, and that all is as it was.
fn refused(scene: &Scene, times: usize, why: &[&str]) {
    let line = scene.daemon.heard(NOT_RELOADED, times);
    let error = line["error"].as_str().unwrap();
    assert!(line["level"] == "ERROR" && why.iter().all(|word| error.contains(word)), "{why:?} in {line}");
    assert!(!error.contains('\n'), "{error}");
    let before = shown(&fs::read_to_string(scene.folder.path().join("cert.pem")).unwrap());
    assert_eq!(scene.shown(), before);
    for stack in [&scene.http, &scene.https] {
        assert_eq!(stack.object("GET", BUCKETS[0], "before").send().expect(200).body, b"before");
        stack.object("PUT", BUCKETS[0], "after").body(b"after").send().check(200);
    }
    assert_eq!(scene.key_of("after"), KEY_ID);
}

#[test]
fn a_configuration_that_is_wrong_changes_nothing_until_it_is_repaired() {
    let (scene, good) = scene();
    let wrong: [(&str, &[&str]); 4] = [
        ("[[clients]\n", &["sealgate.toml", "TOML"]),
        ("[keyring]\nprimry = \"x\"\n", &["sealgate.toml:", "did you mean `primary`?"]),
        ("[keyring]\nprimary = \"nothing\"\n", &["keyring.primary", "there is no key \"nothing\""]),
        (
            "[[clients]]\naccess_key = \"a\"\nsecret = \"literally-secret\"\n",
            &["clients", "secrets are not written here"],
        ),
    ];
    for (times, (text, why)) in (1..).zip(wrong) {
        scene.write("100ms", text);
        refused(&scene, times, why);
    }
    assert!(!scene.daemon.log().contains("literally-secret"));
    // The file goes away altogether.
    fs::rename(scene.config(), scene.folder.path().join("away")).unwrap();
    refused(&scene, 5, &["cannot read", "sealgate.toml"]);
    fs::rename(scene.folder.path().join("away"), scene.config()).unwrap();
    refused(&scene, 6, &["secrets are not written here"]);
    scene.publish(&[("guest", "a word")]);
    scene.write("100ms", &(good + &client(scene.folder.path(), "guest")));
    assert_eq!(scene.changed(1), "clients +guest");
    scene.http.object("GET", BUCKETS[0], "before").by(guest("guest", "a word")).send().check(200);
}

#[test]
fn a_key_that_cannot_be_read_changes_nothing_until_it_is_repaired() {
    let (scene, _) = scene();
    let next = format!("[keyring]\nprimary = \"next\"\n{}", key(scene.folder.path(), "next"));
    scene.write("100ms", &next);
    refused(&scene, 1, &["key next", "cannot open", "secrets/next"]);
    let whole = key_file(9);
    scene.publish(&[("next", &whole[..whole.len() / 2])]);
    refused(&scene, 2, &["key next"]);
    scene.publish(&[("next", "")]);
    refused(&scene, 3, &["key next", "is empty"]);
    scene.publish(&[("next", &whole)]);
    assert_eq!(scene.changed(1), "keys +next; keyring.primary next");
    scene.put("after", b"after");
    assert_eq!(scene.key_of("after"), "next");
    let (_, half) = whole[..whole.len() / 2].split_once(' ').unwrap();
    assert!(!scene.daemon.log().contains(half), "the log holds half a key");
}

#[test]
fn another_key_under_a_known_id_changes_nothing() {
    let (scene, good) = scene();
    scene.publish(&[("other", &key_file(9))]);
    scene.write("100ms", &(good + &key(scene.folder.path(), "other")));
    assert_eq!(scene.changed(1), "keys +other");
    scene.publish(&[("other", &key_file(10))]);
    refused(&scene, 1, &["key other", "is not the key that was used under this id before"]);
    scene.publish(&[("other", &key_file(9))]);
    assert_eq!(scene.changed(2), "nothing");
}

#[test]
fn a_certificate_that_is_no_good_changes_nothing_until_it_is_repaired() {
    let (scene, _) = scene();
    let ((cert, cert_key), (other, other_key)) = (scene.authority.renewed(), scene.authority.renewed());
    scene.publish(&[("tls.crt", &cert)]);
    refused(&scene, 1, &["tls: cert and key do not fit together"]);
    scene.publish(&[("tls.crt", &cert[..cert.len() / 2]), ("tls.key", &cert_key)]);
    refused(&scene, 2, &["tls.cert"]);
    scene.publish(&[("tls.crt", &cert), ("tls.key", &cert_key[..cert_key.len() / 2])]);
    refused(&scene, 3, &["tls.key: no private key in PEM form"]);
    scene.publish(&[("tls.key", &cert_key)]);
    assert_eq!(scene.changed(1), "certificate (until 4096-01-01T00:00:00Z)");
    assert_eq!(scene.shown(), shown(&cert));
    // Not every program exchanges links: some write in place, one file after the other.
    fs::write(secret(scene.folder.path(), "tls.crt"), &other).unwrap();
    fs::write(secret(scene.folder.path(), "tls.key"), &other_key).unwrap();
    assert_eq!(scene.changed(2), "certificate (until 4096-01-01T00:00:00Z)");
    assert_eq!(scene.shown(), shown(&other));
}

#[test]
fn a_file_that_comes_later_is_noticed() {
    let (scene, good) = scene();
    let file = scene.folder.path().join("guest.secret");
    let text = format!("{good}[[clients]]\naccess_key = \"guest\"\nsecret = \"file:{}\"\n", file.display());
    scene.write("100ms", &text);
    refused(&scene, 1, &["client guest", "guest.secret"]);
    replace(&file, "a word");
    assert_eq!(scene.changed(1), "clients +guest");
    replace(&file, "another word");
    assert_eq!(scene.changed(2), "clients ~guest");
    let asks = |word: &str| scene.http.object("GET", BUCKETS[0], "before").by(guest("guest", word)).send();
    asks("another word").check(200);
    asks("a word").refused(403, "SignatureDoesNotMatch");
}

#[test]
fn what_needs_another_start_is_named_and_the_rest_takes_effect() {
    let (scene, _) = scene();
    scene.publish(&[("guest", "a word")]);
    let more = client(scene.folder.path(), "guest") + "[limits]\nconnections = 7\n[reload]";
    scene.edit(|text| {
        text.replacen("listen = \"127.0.0.1:0\"", "listen = \"127.0.0.1:1\"", 1)
            .replace("filter = \"info\"", "filter = \"warn\"")
            .replace("region = \"us-east-1\"", "region = \"eu-central-1\"")
            .replace("[reload]", &more)
    });
    let line = scene.daemon.heard("changed settings that take effect at the next start", 1);
    assert_eq!(
        (line["settings"].as_str().unwrap(), line["level"].as_str().unwrap()),
        ("listen, store, log, limits", "WARN")
    );
    assert!(scene.changed(1).contains("clients +guest"));
    scene.http.object("GET", BUCKETS[0], "before").by(guest("guest", "a word")).send().check(200);
}
