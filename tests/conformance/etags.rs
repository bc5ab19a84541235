//! ETags: one for each version, the same in every answer, and good in every condition.
//!
//! Where the rule says so they are the MD5s that plain S3 shows; everywhere else they must never look like one.

use std::fmt::Write as _;

use sealgate_tests::answer::{Answer, text};
use sealgate_tests::bytes::noise;
use sealgate_tests::checksum::md5_hex;
use sealgate_tests::stack::Room;

crate::cases![
    an_etag_is_the_same_in_every_answer,
    parts_make_one_etag_in_every_answer,
    a_part_has_an_etag_of_its_own,
    one_part_counts_as_one,
    a_copy_shows_the_etag_it_keeps,
    a_write_is_conditional_on_the_shown_etag,
    a_delete_is_conditional_on_the_shown_etag,
    deletions_of_many_are_conditional_on_shown_etags,
    a_copy_is_conditional_on_the_shown_etag,
    a_completion_is_conditional_on_the_shown_etag,
    a_range_is_conditional_on_the_shown_etag,
    several_etags_are_one_condition,
    a_page_of_many_has_their_etags,
];

const FIVE: usize = 5 * 1024 * 1024;

/// Whether ETags are MD5s here.
fn md5s(room: &Room<'_>) -> bool {
    room.stack.name.contains("md5")
}

/// Checks the ETag of an object stored in one request.
#[track_caller]
fn is_of(room: &Room<'_>, etag: &str, body: &[u8]) {
    if md5s(room) {
        assert_eq!(etag, format!("\"{}\"", md5_hex(body)));
    } else {
        looks_like_no_md5(etag);
    }
}

/// Checks the ETag of an object stored in parts.
#[track_caller]
fn is_of_parts(room: &Room<'_>, etag: &str, parts: &[&[u8]]) {
    if md5s(room) {
        let digests: Vec<u8> = parts.iter().flat_map(|part| hex::decode(md5_hex(part)).unwrap()).collect();
        assert_eq!(etag, format!("\"{}-{}\"", md5_hex(&digests), parts.len()));
    } else {
        looks_like_no_md5(etag);
    }
}

#[track_caller]
fn looks_like_no_md5(etag: &str) {
    let bare = etag.trim_matches('"');
    assert!(!(bare.len() == 32 && bare.bytes().all(|byte| byte.is_ascii_hexdigit())), "{etag} looks like an MD5");
}

/// Every answer that names the ETag of an object, except those that wrote it.
#[track_caller]
fn everywhere(room: &Room<'_>, name: &str) -> String {
    let etag = room.head(name).send().expect(200).etag().to_owned();
    assert_eq!(room.get(name).send().expect(200).etag(), etag, "GET");
    assert_eq!(room.get(name).header("if-none-match", &etag).send().expect(304).etag(), etag, "304");
    assert_eq!(listed(&room.list().send().expect(200), room, name), etag, "LIST, version 2");
    let version_1 = room.bucket("GET").query("prefix", &room.prefix).send().expect(200);
    assert_eq!(listed(&version_1, room, name), etag, "LIST, version 1");
    let attributes = room.get(name).query("attributes", "").header("x-amz-object-attributes", "ETag");
    assert_eq!(format!("\"{}\"", attributes.send().expect(200).text("ETag").unwrap()), etag, "attributes");
    etag
}

fn listed(list: &Answer, room: &Room<'_>, name: &str) -> String {
    let key = format!("{}{name}", room.prefix);
    let entry = list.all("Contents").into_iter().find(|entry| text(entry, "Key").as_deref() == Some(&key)).unwrap();
    text(&entry, "ETag").unwrap()
}

fn an_etag_is_the_same_in_every_answer(room: &Room<'_>) {
    for (name, len) in [("empty", 0), ("small", 10), ("chunk", 65_536), ("large", 200_000)] {
        let body = noise(len as u64, len);
        let put = room.store(name, &body).etag().to_owned();
        is_of(room, &put, &body);
        assert_eq!(everywhere(room, name), put);
    }
    let etag = room.head("large").send().expect(200).etag().to_owned();
    for range in ["bytes=0-9", "bytes=70000-", "bytes=-5"] {
        assert_eq!(room.get("large").header("range", range).send().expect(206).etag(), etag);
    }
}

/// An upload of these parts; the ETag of its completion.
fn upload(room: &Room<'_>, name: &str, parts: &[&[u8]]) -> String {
    let id = room.object("POST", name).query("uploads", "").send().expect(200).text("UploadId").unwrap();
    let mut named = String::new();
    for (number, body) in (1..).zip(parts) {
        let put = room.put(name, body).query("partNumber", &format!("{number}")).query("uploadId", &id);
        let etag = put.send().expect(200).etag().to_owned();
        write!(named, "<Part><PartNumber>{number}</PartNumber><ETag>{etag}</ETag></Part>").unwrap();
    }
    complete(room, name, &id, &named, &[]).expect(200).text("ETag").unwrap()
}

fn complete(room: &Room<'_>, name: &str, id: &str, parts: &str, headers: &[(&str, &str)]) -> Answer {
    let document = format!("<CompleteMultipartUpload>{parts}</CompleteMultipartUpload>");
    let request = room.object("POST", name).query("uploadId", id).body(document.as_bytes());
    headers.iter().fold(request, |request, (name, value)| request.header(name, value)).send()
}

fn parts_make_one_etag_in_every_answer(room: &Room<'_>) {
    let (first, second, third) = (noise(1, FIVE), noise(2, FIVE + 3), noise(3, 7));
    let parts: [&[u8]; 3] = [&first, &second, &third];
    let etag = upload(room, "a", &parts);
    is_of_parts(room, &etag, &parts);
    assert_eq!(everywhere(room, "a"), etag);
    for part in ["1", "3"] {
        assert_eq!(room.get("a").query("partNumber", part).send().expect(206).etag(), etag);
        assert_eq!(room.head("a").query("partNumber", part).send().expect(206).etag(), etag);
    }
}

fn a_part_has_an_etag_of_its_own(room: &Room<'_>) {
    let id = room.object("POST", "a").query("uploads", "").send().expect(200).text("UploadId").unwrap();
    let (large, small) = (noise(1, FIVE), noise(2, 100));
    let mut etags = Vec::new();
    for (number, body) in [("1", &large), ("2", &small)] {
        let put = room.put("a", body).query("partNumber", number).query("uploadId", &id).send().expect(200);
        is_of(room, put.etag(), body);
        etags.push(put.etag().to_owned());
    }
    room.store("source", &large);
    let copy = room.object("PUT", "a").query("partNumber", "3").query("uploadId", &id);
    let copy = copy.header("x-amz-copy-source", &format!("/{}/{}source", room.bucket, room.prefix));
    let etag = copy.header("x-amz-copy-source-range", "bytes=5-1004").send().expect(200).text("ETag").unwrap();
    is_of(room, &etag, &large[5..1_005]);
    etags.push(etag);
    let list = room.get("a").query("uploadId", &id).send().expect(200);
    let seen: Vec<String> = list.all("Part").iter().map(|part| text(part, "ETag").unwrap()).collect();
    assert_eq!(seen, etags);
    room.delete("a").query("uploadId", &id).send().check(204);
}

fn one_part_counts_as_one(room: &Room<'_>) {
    let body = noise(1, 3);
    let etag = upload(room, "a", &[&body]);
    is_of_parts(room, &etag, &[&body]);
    assert_eq!(everywhere(room, "a"), etag);
}

fn a_copy_shows_the_etag_it_keeps(room: &Room<'_>) {
    let body = noise(1, 100_000);
    room.store("source", &body);
    let parts: [&[u8]; 2] = [&noise(2, FIVE), &noise(3, 5)];
    upload(room, "parts", &parts);
    for (from, to) in [("source", "copy"), ("source", "source"), ("parts", "parts-copy")] {
        let copy = room.object("PUT", to).header("x-amz-metadata-directive", "REPLACE");
        let copy = copy.header("x-amz-copy-source", &format!("/{}/{}{from}", room.bucket, room.prefix));
        let etag = copy.send().expect(200).text("ETag").unwrap();
        assert_eq!(everywhere(room, to), etag);
        if from == "source" { is_of(room, &etag, &body) } else { looks_like_no_md5(&etag) }
    }
}

fn a_write_is_conditional_on_the_shown_etag(room: &Room<'_>) {
    let old = room.store("a", b"old").etag().to_owned();
    let new = room.put("a", b"new").header("if-match", &old).send().expect(200).etag().to_owned();
    assert_ne!(old, new);
    room.put("a", b"lost").header("if-match", &old).send().refused(412, "PreconditionFailed");
    room.put("a", b"lost").header("if-none-match", "*").send().refused(412, "PreconditionFailed");
    room.holds("a", b"new");
    let parts: [&[u8]; 2] = [&noise(1, FIVE), &noise(2, 5)];
    let etag = upload(room, "a", &parts);
    room.put("a", b"lost").header("if-match", &new).send().refused(412, "PreconditionFailed");
    room.put("a", b"last").header("if-match", &etag).send().check(200);
    room.holds("a", b"last");
}

fn a_delete_is_conditional_on_the_shown_etag(room: &Room<'_>) {
    let old = room.store("a", b"old").etag().to_owned();
    let new = room.store("a", b"new").etag().to_owned();
    room.delete("a").header("if-match", &old).send().refused(412, "PreconditionFailed");
    room.holds("a", b"new");
    room.delete("a").header("if-match", &new).send().check(204);
    room.lacks("a");
}

fn deletions_of_many_are_conditional_on_shown_etags(room: &Room<'_>) {
    let old = room.store("a", b"old").etag().to_owned();
    let etags = ["a", "b", "c"].map(|name| room.store(name, format!("new {name}").as_bytes()).etag().to_owned());
    let entry =
        |name: &str, etag: &str| format!("<Object><Key>{}{name}</Key><ETag>{etag}</ETag></Object>", room.prefix);
    let plain = format!("<Object><Key>{}c</Key></Object>", room.prefix);
    let document = format!("<Delete>{}{plain}{}</Delete>", entry("a", &old), entry("b", &etags[1]));
    let request = room.bucket("POST").query("delete", "").body(document.as_bytes());
    let md5 = sealgate_tests::checksum::content_md5(document.as_bytes());
    let answer = request.header("content-md5", &md5).send().expect(200);
    assert_eq!(answer.all("Deleted").len(), 2, "{answer:?}");
    assert_eq!(answer.text("Code").unwrap(), "PreconditionFailed");
    room.holds("a", b"new a");
    room.lacks("b");
    room.lacks("c");
}

fn a_copy_is_conditional_on_the_shown_etag(room: &Room<'_>) {
    let old = room.store("source", b"old").etag().to_owned();
    let new = room.store("source", b"new").etag().to_owned();
    let copy = |condition: &str, etag: &str| {
        let source = format!("/{}/{}source", room.bucket, room.prefix);
        let copy = room.object("PUT", "copy").header("x-amz-copy-source", &source);
        copy.header(&format!("x-amz-copy-source-{condition}"), etag).send()
    };
    copy("if-match", &old).refused(412, "PreconditionFailed");
    copy("if-none-match", &new).refused(412, "PreconditionFailed");
    room.lacks("copy");
    copy("if-match", &new).check(200);
    copy("if-none-match", &old).check(200);
    room.holds("copy", b"new");
}

fn a_completion_is_conditional_on_the_shown_etag(room: &Room<'_>) {
    let old = room.store("a", b"old").etag().to_owned();
    let new = room.store("a", b"new").etag().to_owned();
    let id = room.object("POST", "a").query("uploads", "").send().expect(200).text("UploadId").unwrap();
    let part = room.put("a", b"parts").query("partNumber", "1").query("uploadId", &id).send().expect(200);
    let part = format!("<Part><PartNumber>1</PartNumber><ETag>{}</ETag></Part>", part.etag());
    complete(room, "a", &id, &part, &[("if-match", &old)]).refused(412, "PreconditionFailed");
    room.holds("a", b"new");
    complete(room, "a", &id, &part, &[("if-match", &new)]).check(200);
    room.holds("a", b"parts");
}

fn a_range_is_conditional_on_the_shown_etag(room: &Room<'_>) {
    let old = room.store("a", b"old content").etag().to_owned();
    let new = room.store("a", b"new content").etag().to_owned();
    let get = |etag: &str| room.get("a").header("range", "bytes=0-2").header("if-range", etag).send();
    assert_eq!(get(&new).expect(206).body, b"new");
    assert_eq!(get(&old).expect(200).body, b"new content");
}

fn several_etags_are_one_condition(room: &Room<'_>) {
    let old = room.store("a", b"old").etag().to_owned();
    let new = room.store("a", b"new").etag().to_owned();
    room.get("a").header("if-none-match", &format!("{old}, {new}")).send().check(304);
    room.get("a").header("if-none-match", &old).send().check(200);
    room.get("a").header("if-match", &new).send().check(200);
    room.get("a").header("if-none-match", &format!("W/{new}")).send().check(304);
}

fn a_page_of_many_has_their_etags(room: &Room<'_>) {
    let names: Vec<String> = (0..40).map(|number| format!("{number:02}")).collect();
    let etags: Vec<String> = names.iter().map(|name| room.store(name, name.as_bytes()).etag().to_owned()).collect();
    for _ in 0..2 {
        let list = room.list().send().expect(200);
        let seen: Vec<String> = list.all("Contents").iter().map(|entry| text(entry, "ETag").unwrap()).collect();
        assert_eq!(seen, etags);
    }
    let list = room.list().query("max-keys", "7").send().expect(200);
    let seen: Vec<String> = list.all("Contents").iter().map(|entry| text(entry, "ETag").unwrap()).collect();
    assert_eq!(seen, etags[..7]);
}
