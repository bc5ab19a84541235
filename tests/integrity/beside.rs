//! What lies at the store beside the objects of clients: nothing.

use sealgate_tests::answer::text;
use sealgate_tests::bytes::noise;
use sealgate_tests::stack::Stack;
use sealgate_tests::world::{BUCKETS, World};

const BUCKET: &str = BUCKETS[0];

/// Key and length of everything in the bucket.
fn listed(stack: &Stack, query: &str) -> Vec<String> {
    let answer = stack.request("GET", &format!("/{BUCKET}")).query(query, "").send().expect(200);
    let entry = |name: &str| answer.all(name).iter().map(|entry| text(entry, "Key").unwrap()).collect::<Vec<_>>();
    [entry("Contents"), entry("Version"), entry("DeleteMarker"), entry("Upload")].concat()
}

fn upload(world: &World, key: &str) -> String {
    world.front.object("POST", BUCKET, key).query("uploads", "").send().expect(200).text("UploadId").unwrap()
}

/// Every way to make an object and to leave one unfinished.
fn traffic(world: &World) {
    let object = |method: &str, key: &str| world.front.object(method, BUCKET, key);
    world.seal(BUCKET, "put", 1);
    object("PUT", "empty").send().check(200);
    object("PUT", "copy").header("x-amz-copy-source", &format!("/{BUCKET}/put")).send().check(200);
    let id = upload(world, "parts");
    let part = object("PUT", "parts").query("partNumber", "1").query("uploadId", &id).body(&noise(1, 70_000));
    let etag = part.send().expect(200).etag().to_owned();
    let document = format!("<Part><PartNumber>1</PartNumber><ETag>{etag}</ETag></Part>");
    let document = format!("<CompleteMultipartUpload>{document}</CompleteMultipartUpload>");
    object("POST", "parts").query("uploadId", &id).body(document.as_bytes()).send().check(200);
    let id = upload(world, "aborted");
    object("PUT", "aborted").query("partNumber", "1").query("uploadId", &id).body(b"x").send().check(200);
    object("DELETE", "aborted").query("uploadId", &id).send().check(204);
    object("PUT", "refused").header("content-md5", "AAAAAAAAAAAAAAAAAAAAAA==").body(b"x").send().check(400);
    world.seal(BUCKET, "deleted", 2);
    object("DELETE", "deleted").send().check(204);
}

#[test]
fn nothing_lies_beside_the_objects_of_clients() {
    let world = crate::world();
    traffic(&world);
    for stack in [&world.front, &world.behind] {
        assert_eq!(listed(stack, "list-type"), ["copy", "empty", "parts", "put"]);
        assert_eq!(listed(stack, "versions"), ["copy", "empty", "parts", "put"]);
        assert!(listed(stack, "uploads").is_empty());
    }
    for key in ["copy", "empty", "parts", "put"] {
        world.front.object("DELETE", BUCKET, key).send().check(204);
    }
    world.front.request("DELETE", &format!("/{BUCKET}")).send().check(204);
}

#[test]
fn versions_lie_alone_too() {
    let world = crate::world();
    let document = b"<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>";
    let request = world.front.request("PUT", &format!("/{BUCKET}")).query("versioning", "");
    request.body(document).send().check(200);
    traffic(&world);
    let expected = ["copy", "deleted", "empty", "parts", "put", "deleted"];
    for stack in [&world.front, &world.behind] {
        assert_eq!(listed(stack, "versions"), expected);
    }
}
