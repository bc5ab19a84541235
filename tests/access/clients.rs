//! Credentials that may do less than everything.

use std::fs;
use std::path::Path;

use sealgate_tests::request::Request;
use sealgate_tests::sign::Credential;
use sealgate_tests::world::World;
use tempfile::TempDir;

/// A world with a client that only reads `first`, and one that only writes there.
struct Scene {
    world: World,
    _secrets: TempDir,
}

fn credential(access_key: &str) -> Credential {
    Credential {
        access_key: access_key.into(),
        secret_key: format!("secret of {access_key}"),
        region: "us-east-1".into(),
    }
}

fn scene() -> Scene {
    let secrets = TempDir::new().unwrap();
    let client = |access_key: &str, permission: &str| {
        let path = secrets.path().join(access_key);
        fs::write(&path, credential(access_key).secret_key).unwrap();
        let lines = format!("secret = \"file:{}\"\nbuckets = [\"fir*\"]", path.display());
        format!("[[clients]]\naccess_key = \"{access_key}\"\n{lines}\npermission = \"{permission}\"\n")
    };
    let extra = client("reader", "read") + &client("writer", "write");
    let world = World::new(Path::new(crate::PROGRAM), &extra);
    world.seal("first", "a", 1);
    world.seal("second", "a", 2);
    Scene { world, _secrets: secrets }
}

fn denied(request: Request, who: &str) {
    request.by(credential(who)).send().refused(403, "AccessDenied");
}

#[test]
fn a_reader_reads_and_lists_and_nothing_else() {
    let Scene { world, _secrets } = scene();
    let object = |method: &str, key: &str| world.front.object(method, "first", key);
    object("GET", "a").by(credential("reader")).send().check(200);
    object("HEAD", "a").by(credential("reader")).send().check(200);
    world.front.request("GET", "/first").query("list-type", "2").by(credential("reader")).send().check(200);
    denied(object("PUT", "a").body(b"x"), "reader");
    denied(object("PUT", "new").body(b"x"), "reader");
    denied(object("DELETE", "a"), "reader");
    denied(world.front.request("POST", "/first").query("delete", "").body(b"<Delete/>"), "reader");
    denied(world.front.request("DELETE", "/first"), "reader");
    denied(world.front.request("PUT", "/first-new"), "reader");
    world.get("first", "a").send().check(200);
}

#[test]
fn a_writer_writes_and_cannot_read() {
    let Scene { world, _secrets } = scene();
    let object = |method: &str, key: &str| world.front.object(method, "first", key);
    object("PUT", "new").body(b"x").by(credential("writer")).send().check(200);
    denied(object("GET", "new"), "writer");
    denied(object("GET", "new").header("range", "bytes=0-0"), "writer");
    // Clients look whether an upload arrived, and what to skip.
    object("HEAD", "new").by(credential("writer")).send().check(200);
    world.front.request("GET", "/first").query("list-type", "2").by(credential("writer")).send().check(200);
    world.get("first", "new").send().check(200);
}

#[test]
fn a_bucket_that_is_not_named_is_out_of_reach() {
    let Scene { world, _secrets } = scene();
    for who in ["reader", "writer"] {
        denied(world.front.object("GET", "second", "a"), who);
        denied(world.front.object("PUT", "second", "a").body(b"x"), who);
        denied(world.front.object("DELETE", "second", "a"), who);
        denied(world.front.request("GET", "/second").query("list-type", "2"), who);
    }
    world.get("second", "a").send().check(200);
}

#[test]
fn buckets_out_of_reach_are_not_listed() {
    let Scene { world, _secrets } = scene();
    let answer = world.front.request("GET", "/").by(credential("reader")).send().expect(200);
    assert_eq!(answer.all("Name"), ["first"], "{answer:?}");
    let answer = world.front.request("GET", "/").send().expect(200);
    assert_eq!(answer.all("Name"), ["first", "second"], "{answer:?}");
}

#[test]
fn a_signature_for_another_region_is_taken() {
    let Scene { world, _secrets } = scene();
    let abroad = Credential { region: "eu-central-1".into(), ..credential("reader") };
    world.front.object("GET", "first", "a").by(abroad).send().check(200);
}
