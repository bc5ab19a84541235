//! Tags are beside an object, not in it: set, replaced and deleted without touching the content.

use sealgate_tests::stack::Room;

crate::cases![
    tags_come_with_an_upload,
    tags_are_replaced_as_a_whole,
    tags_are_deleted,
    a_document_that_is_none_is_refused,
    a_changed_document_is_refused,
];

fn document(tags: &[(&str, &str)]) -> Vec<u8> {
    let tags = tags.iter().map(|(name, value)| format!("<Tag><Key>{name}</Key><Value>{value}</Value></Tag>"));
    format!("<Tagging><TagSet>{}</TagSet></Tagging>", tags.collect::<String>()).into_bytes()
}

fn tags(room: &Room<'_>, name: &str) -> Vec<(String, String)> {
    let answer = room.get(name).query("tagging", "").send().expect(200);
    let mut tags: Vec<_> = answer.all("Key").into_iter().zip(answer.all("Value")).collect();
    tags.sort();
    tags
}

fn pair(name: &str, value: &str) -> (String, String) {
    (name.to_owned(), value.to_owned())
}

fn tags_come_with_an_upload(room: &Room<'_>) {
    room.put("a", b"x").header("x-amz-tagging", "colour=red&size=a%20b").send().check(200);
    assert_eq!(tags(room, "a"), [pair("colour", "red"), pair("size", "a b")]);
    room.holds("a", b"x");
    assert_eq!(room.head("a").send().expect(200).header("x-amz-meta-colour"), None);
}

fn tags_are_replaced_as_a_whole(room: &Room<'_>) {
    let etag = room.put("a", b"x").header("x-amz-tagging", "old=1").send().expect(200).etag().to_owned();
    room.put("a", &document(&[("new", "2"), ("more", "3")])).query("tagging", "").send().check(200);
    assert_eq!(tags(room, "a"), [pair("more", "3"), pair("new", "2")]);
    room.holds("a", b"x");
    assert_eq!(room.head("a").send().expect(200).etag(), etag);
}

fn tags_are_deleted(room: &Room<'_>) {
    room.put("a", b"x").header("x-amz-tagging", "old=1").send().check(200);
    room.delete("a").query("tagging", "").send().check(204);
    assert!(tags(room, "a").is_empty());
    room.holds("a", b"x");
}

fn a_document_that_is_none_is_refused(room: &Room<'_>) {
    room.store("a", b"x");
    let answer = room.put("a", b"<Tagging><TagSet><Tag>").query("tagging", "").send();
    assert_eq!((answer.status, answer.code().as_str()), (400, "MalformedXML"), "{answer:?}");
    room.holds("a", b"x");
}

fn a_changed_document_is_refused(room: &Room<'_>) {
    room.put("a", b"x").header("x-amz-tagging", "old=1").send().check(200);
    let mut prepared = room.put("a", &document(&[("new", "2")])).query("tagging", "").prepare();
    let last = prepared.body.len() - 1;
    prepared.body[last] ^= 1;
    prepared.send().refused(400, "XAmzContentSHA256Mismatch");
    assert_eq!(tags(room, "a"), [pair("old", "1")]);
}
