//! `DeleteObjects`: many keys in one request, each answered for.

use sealgate_tests::answer::Answer;
use sealgate_tests::checksum::{Checksum, content_md5};
use sealgate_tests::stack::Room;

crate::cases![
    many_objects_go_in_one_request,
    quiet_mode_names_nothing,
    odd_keys_are_deleted_too,
    the_checksum_of_the_request_is_checked,
    a_thousand_keys_are_one_request_and_more_are_too_many,
    xml_that_is_not_xml_is_malformed,
];

fn request_xml(keys: &[String], quiet: bool) -> String {
    let escape = |key: &String| key.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    let objects = keys.iter().fold(String::new(), |xml, key| xml + "<Object><Key>" + &escape(key) + "</Key></Object>");
    let quiet = if quiet { "<Quiet>true</Quiet>" } else { "" };
    format!("<Delete xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">{quiet}{objects}</Delete>")
}

fn send(room: &Room<'_>, names: &[&str], quiet: bool) -> Answer {
    let keys: Vec<String> = names.iter().map(|name| format!("{}{name}", room.prefix)).collect();
    let xml = request_xml(&keys, quiet);
    let md5 = content_md5(xml.as_bytes());
    room.bucket("POST").query("delete", "").header("content-md5", &md5).body(xml.as_bytes()).send()
}

fn many_objects_go_in_one_request(room: &Room<'_>) {
    for name in ["a", "b", "c", "d"] {
        room.store(name, b"x");
    }
    let answer = send(room, &["a", "b", "c", "never"], false).expect(200);
    let deleted = answer.all("Deleted");
    assert_eq!(deleted.len(), 4, "{answer:?}");
    for name in ["a", "b", "c"] {
        room.lacks(name);
    }
    room.holds("d", b"x");
}

fn quiet_mode_names_nothing(room: &Room<'_>) {
    room.store("a", b"x");
    let answer = send(room, &["a"], true).expect(200);
    assert!(answer.all("Deleted").is_empty(), "{answer:?}");
    room.lacks("a");
}

fn odd_keys_are_deleted_too(room: &Room<'_>) {
    let names = ["a b", "a+b", "a%20b", "a&b", "<a>", "größe/é", "a\"b'"];
    for name in names {
        room.store(name, b"x");
    }
    send(room, &names, false).check(200);
    for name in names {
        room.lacks(name);
    }
}

fn the_checksum_of_the_request_is_checked(room: &Room<'_>) {
    room.store("a", b"x");
    let xml = request_xml(&[format!("{}a", room.prefix)], false);
    let request = || room.bucket("POST").query("delete", "").body(xml.as_bytes());
    request().header("content-md5", &content_md5(b"other")).send().refused(400, "BadDigest");
    let crc = Checksum::Crc32;
    request().header(crc.header(), &crc.of(b"other")).send().refused(400, "BadDigest");
    room.holds("a", b"x");
    request().header(crc.header(), &crc.of(xml.as_bytes())).send().check(200);
    room.lacks("a");
}

fn a_thousand_keys_are_one_request_and_more_are_too_many(room: &Room<'_>) {
    room.store("k0999", b"x");
    let names: Vec<String> = (0..=1000).map(|number| format!("k{number:04}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    send(room, &names, true).refused(400, "MalformedXML");
    room.holds("k0999", b"x");
    let answer = send(room, &names[..1000], false).expect(200);
    assert_eq!(answer.all("Deleted").len(), 1000);
    room.lacks("k0999");
}

fn xml_that_is_not_xml_is_malformed(room: &Room<'_>) {
    let body = b"<Delete><Object>";
    let md5 = content_md5(body);
    let request = room.bucket("POST").query("delete", "").header("content-md5", &md5);
    request.body(body).send().refused(400, "MalformedXML");
}
