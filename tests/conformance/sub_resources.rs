//! What nobody knows is refused: an unknown sub-resource is never treated as a plain request.

use sealgate_tests::request::Request;
use sealgate_tests::stack::Room;

crate::cases![
    on_an_object_they_change_nothing,
    on_an_object_they_read_nothing,
    on_a_bucket_they_change_nothing,
    on_a_bucket_they_list_nothing,
    an_empty_value_is_a_sub_resource_too,
    a_method_nobody_knows_is_refused,
];

/// The last two are headers that some signers move into the query; ignoring them would do something else than was asked.
const UNKNOWN: &[&str] = &["somethingnew", "renameObject", "annotation", "x-amz-unknown", "x-amz-copy-source"];

fn refused(request: Request) {
    let answer = request.send();
    assert_eq!((answer.status, answer.code().as_str()), (501, "NotImplemented"), "{answer:?}");
}

fn on_an_object_they_change_nothing(room: &Room<'_>) {
    room.store("a", b"x");
    for name in UNKNOWN {
        refused(room.put("a", b"<Xml/>").query(name, ""));
        refused(room.delete("a").query(name, ""));
        refused(room.object("POST", "a").query(name, "").body(b"<Xml/>"));
        refused(room.put("b", b"<Xml/>").query(name, "1"));
    }
    room.holds("a", b"x");
    room.lacks("b");
}

fn on_an_object_they_read_nothing(room: &Room<'_>) {
    room.store("a", b"x");
    for name in UNKNOWN {
        refused(room.get("a").query(name, ""));
        assert_eq!(room.head("a").query(name, "").send().status, 501);
    }
    refused(room.get("a").query("torrent", ""));
    refused(room.object("POST", "a").query("select", "").query("select-type", "2").body(b"<Xml/>"));
}

fn on_a_bucket_they_change_nothing(room: &Room<'_>) {
    let bucket = room.stack.new_bucket("unknown");
    let fresh = sealgate_tests::bytes::unique("fresh");
    refused(room.stack.request("DELETE", &format!("/{bucket}")).query("abac", ""));
    for name in UNKNOWN {
        refused(room.stack.request("DELETE", &format!("/{bucket}")).query(name, ""));
        refused(room.stack.request("PUT", &format!("/{fresh}")).query(name, "").body(b"<Xml/>"));
    }
    room.stack.request("HEAD", &format!("/{bucket}")).send().check(200);
    room.stack.request("HEAD", &format!("/{fresh}")).send().check(404);
}

fn on_a_bucket_they_list_nothing(room: &Room<'_>) {
    for name in UNKNOWN {
        refused(room.bucket("GET").query(name, ""));
    }
}

fn an_empty_value_is_a_sub_resource_too(room: &Room<'_>) {
    room.store("a", b"x");
    let mut prepared = room.delete("a").query("somethingnew", "").prepare();
    assert!(prepared.target.ends_with("?somethingnew"));
    prepared.target.push('=');
    prepared.send().refused(501, "NotImplemented");
    room.holds("a", b"x");
}

fn a_method_nobody_knows_is_refused(room: &Room<'_>) {
    room.store("a", b"x");
    for method in ["PATCH", "REPORT"] {
        let answer = room.object(method, "a").send();
        assert!(matches!(answer.status, 405 | 501), "{answer:?}");
    }
    room.holds("a", b"x");
}
