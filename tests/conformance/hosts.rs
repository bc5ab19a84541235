//! The bucket in the host's name, for the domains that are ours; under every other name it stands in the path.

use sealgate_tests::request::{Proof, Request};
use sealgate_tests::sign::encode_path;
use sealgate_tests::stack::Room;
use time::Duration;

crate::cases![
    an_object_is_the_same_by_host_and_by_path,
    a_bucket_is_listed_by_its_host,
    a_url_with_a_bucket_in_the_host_is_verified,
    the_domain_itself_is_path_style,
    every_other_host_is_path_style,
    a_bucket_that_is_missing_is_missing_by_host_too,
];

/// What the daemons under test are told is theirs.
const DOMAIN: &str = "s3.sealgate.test";

/// A request whose bucket stands in the host.
fn hosted(room: &Room<'_>, method: &str, bucket: &str, name: &str) -> Request {
    let host = format!("{bucket}.{DOMAIN}:{}", room.stack.address.socket.port());
    room.stack.request(method, &format!("/{}", encode_path(name))).header("host", &host)
}

fn an_object_is_the_same_by_host_and_by_path(room: &Room<'_>) {
    let key = format!("{}a b/+c", room.prefix);
    hosted(room, "PUT", room.bucket, &key).body(b"by host").send().check(200);
    room.holds("a b/+c", b"by host");
    let answer = hosted(room, "GET", room.bucket, &key).send().expect(200);
    assert_eq!(answer.body, b"by host");
    hosted(room, "DELETE", room.bucket, &key).send().check(204);
    room.lacks("a b/+c");
}

fn a_bucket_is_listed_by_its_host(room: &Room<'_>) {
    room.store("a", b"x");
    let page = hosted(room, "GET", room.bucket, "").query("list-type", "2").query("prefix", &room.prefix).send();
    assert_eq!(page.expect(200).all("Key"), [format!("{}a", room.prefix)]);
}

fn a_url_with_a_bucket_in_the_host_is_verified(room: &Room<'_>) {
    room.store("a", b"x");
    let key = format!("{}a", room.prefix);
    let url = || hosted(room, "GET", room.bucket, &key).proof(Proof::Query(Duration::HOUR));
    assert_eq!(url().send().expect(200).body, b"x");
    let mut moved = url().prepare();
    moved.set("host", &format!("another.{DOMAIN}"));
    moved.send().refused(403, "SignatureDoesNotMatch");
}

fn the_domain_itself_is_path_style(room: &Room<'_>) {
    room.store("a", b"x");
    assert_eq!(room.get("a").header("host", DOMAIN).send().expect(200).body, b"x");
}

fn every_other_host_is_path_style(room: &Room<'_>) {
    room.store("a", b"x");
    for host in ["storage.elsewhere.test", "a.b.c.test:9000", "localhost"] {
        assert_eq!(room.get("a").header("host", host).send().expect(200).body, b"x", "{host}");
    }
}

fn a_bucket_that_is_missing_is_missing_by_host_too(room: &Room<'_>) {
    hosted(room, "GET", "nobody-made-this-one", "a").send().refused(404, "NoSuchBucket");
}
