//! `DeleteObject`: gone is gone, twice is fine, neighbours stay.

use sealgate_tests::stack::Room;

crate::cases![
    a_deleted_object_is_gone,
    deleting_what_is_not_there_succeeds,
    neighbours_of_a_deleted_object_stay,
    a_delete_in_a_missing_bucket_is_no_such_bucket,
];

fn a_deleted_object_is_gone(room: &Room<'_>) {
    room.store("a", b"x");
    room.delete("a").send().check(204);
    room.lacks("a");
    room.get("a").send().refused(404, "NoSuchKey");
    assert_eq!(room.list().send().expect(200).text("KeyCount").unwrap(), "0");
}

fn deleting_what_is_not_there_succeeds(room: &Room<'_>) {
    room.delete("nothing").send().check(204);
}

fn neighbours_of_a_deleted_object_stay(room: &Room<'_>) {
    for name in ["a", "a/b", "a/b/c", "ab", "a.b"] {
        room.store(name, name.as_bytes());
    }
    room.delete("a/b").send().check(204);
    room.lacks("a/b");
    for name in ["a", "a/b/c", "ab", "a.b"] {
        room.holds(name, name.as_bytes());
    }
}

fn a_delete_in_a_missing_bucket_is_no_such_bucket(room: &Room<'_>) {
    let missing = sealgate_tests::bytes::unique("missing");
    room.stack.object("DELETE", &missing, "a").send().refused(404, "NoSuchBucket");
}
