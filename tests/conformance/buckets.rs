//! Buckets: made, found, listed, located and removed.

use sealgate_tests::bytes::unique;
use sealgate_tests::stack::Room;

crate::cases![
    a_new_bucket_is_found_and_listed,
    a_missing_bucket_is_not_found,
    making_a_bucket_again_hurts_nobody,
    an_empty_bucket_can_be_removed,
    a_bucket_with_objects_stays,
    a_name_no_bucket_may_have_is_refused,
    the_location_is_told,
    a_trailing_slash_means_the_bucket,
];

fn at(room: &Room<'_>, method: &str, bucket: &str) -> sealgate_tests::request::Request {
    room.stack.request(method, &format!("/{bucket}"))
}

fn a_new_bucket_is_found_and_listed(room: &Room<'_>) {
    let bucket = room.stack.new_bucket("listed");
    at(room, "HEAD", &bucket).send().check(200);
    let listed = room.stack.request("GET", "/").send().expect(200);
    assert!(listed.all("Name").contains(&bucket), "{listed:?}");
    let entry = listed.all("Bucket").into_iter().find(|entry| entry.contains(&bucket)).unwrap();
    assert!(entry.contains("<CreationDate>2"), "{entry}");
}

fn a_missing_bucket_is_not_found(room: &Room<'_>) {
    let missing = unique("missing");
    at(room, "HEAD", &missing).send().check(404);
    at(room, "GET", &missing).query("list-type", "2").send().refused(404, "NoSuchBucket");
    at(room, "DELETE", &missing).send().refused(404, "NoSuchBucket");
}

fn making_a_bucket_again_hurts_nobody(room: &Room<'_>) {
    let bucket = room.stack.new_bucket("again");
    room.stack.object("PUT", &bucket, "kept").body(b"x").send().check(200);
    let answer = at(room, "PUT", &bucket).send();
    if answer.status != 200 {
        answer.refused(409, "BucketAlreadyOwnedByYou");
    }
    room.stack.object("HEAD", &bucket, "kept").send().check(200);
}

fn an_empty_bucket_can_be_removed(room: &Room<'_>) {
    let bucket = room.stack.new_bucket("removed");
    room.stack.object("PUT", &bucket, "a/b").body(b"x").send().check(200);
    room.stack.object("DELETE", &bucket, "a/b").send().check(204);
    at(room, "DELETE", &bucket).send().check(204);
    at(room, "HEAD", &bucket).send().check(404);
}

fn a_bucket_with_objects_stays(room: &Room<'_>) {
    let bucket = room.stack.new_bucket("full");
    room.stack.object("PUT", &bucket, "a").body(b"x").send().check(200);
    at(room, "DELETE", &bucket).send().refused(409, "BucketNotEmpty");
    room.stack.object("HEAD", &bucket, "a").send().check(200);
}

fn a_name_no_bucket_may_have_is_refused(room: &Room<'_>) {
    for name in ["ab", "UPPER-case", "under_score", "a..b", "-dash", "192.168.1.1"] {
        let answer = at(room, "PUT", name).send();
        answer.refused(400, "InvalidBucketName");
    }
    // Escaped so that it reaches the server as a name.
    let answer = room.stack.request("PUT", "/%2e%2e").send();
    assert!(matches!(answer.status, 400 | 403 | 404), "{answer:?}");
}

fn the_location_is_told(room: &Room<'_>) {
    let answer = room.bucket("GET").query("location", "").send().expect(200);
    assert!(answer.xml().contains("LocationConstraint"), "{answer:?}");
}

fn a_trailing_slash_means_the_bucket(room: &Room<'_>) {
    room.store("a", b"x");
    let request = room.stack.request("GET", &format!("/{}/", room.bucket));
    let answer = request.query("list-type", "2").query("prefix", &room.prefix).send().expect(200);
    assert_eq!(answer.all("Key").len(), 1, "{answer:?}");
    room.stack.request("HEAD", &format!("/{}/", room.bucket)).send().check(200);
}
