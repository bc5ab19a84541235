//! `ListObjects`, both versions: order, prefixes, delimiters and pages.

use sealgate_tests::answer::{Answer, text};
use sealgate_tests::request::Request;
use sealgate_tests::stack::Room;

crate::cases![
    keys_come_in_byte_order,
    a_prefix_narrows_the_listing,
    a_delimiter_rolls_keys_up,
    a_delimiter_may_be_any_string,
    pages_cover_everything_once,
    pages_cover_common_prefixes_once,
    start_after_skips_what_is_before,
    max_keys_zero_lists_nothing,
    more_than_a_thousand_keys_are_never_in_one_page,
    an_empty_delimiter_is_no_delimiter,
    a_token_that_is_none_is_refused,
    a_number_that_is_none_is_refused,
    version_1_pages_by_marker,
    version_1_pages_by_prefix,
    an_encoding_is_told_and_applied,
    an_unknown_encoding_is_refused,
    an_entry_has_what_clients_read,
    the_answer_repeats_the_question,
];

fn fill(room: &Room<'_>, names: &[&str]) {
    for name in names {
        room.store(name, name.as_bytes());
    }
}

/// The keys without the room's prefix.
fn keys(room: &Room<'_>, answer: &Answer) -> Vec<String> {
    let strip = |entry: &String| text(entry, "Key").unwrap().strip_prefix(&room.prefix).unwrap().to_owned();
    answer.all("Contents").iter().map(strip).collect()
}

fn prefixes(room: &Room<'_>, answer: &Answer) -> Vec<String> {
    let strip = |entry: &String| text(entry, "Prefix").unwrap().strip_prefix(&room.prefix).unwrap().to_owned();
    answer.all("CommonPrefixes").iter().map(strip).collect()
}

fn version_1(room: &Room<'_>) -> Request {
    room.bucket("GET").query("prefix", &room.prefix)
}

const TREE: &[&str] = &["a", "a/1", "a/2", "a/b/1", "a0", "aa", "b", "b/0", "b/1", "c/d/e"];

fn keys_come_in_byte_order(room: &Room<'_>) {
    let names = ["z", "a/b", "a", "a-b", "é", "Z", "10", "9", "~", "ａ", "😀"];
    fill(room, &names);
    let mut expected = names.map(String::from).to_vec();
    expected.sort();
    assert_eq!(keys(room, &room.list().send().expect(200)), expected);
}

fn a_prefix_narrows_the_listing(room: &Room<'_>) {
    fill(room, TREE);
    let list = |prefix: &str| {
        let full = format!("{}{prefix}", room.prefix);
        let answer = room.bucket("GET").query("list-type", "2").query("prefix", &full).send().expect(200);
        keys(room, &answer)
    };
    assert_eq!(list("a/"), ["a/1", "a/2", "a/b/1"]);
    assert_eq!(list("a"), ["a", "a/1", "a/2", "a/b/1", "a0", "aa"]);
    assert_eq!(list("nothing"), Vec::<String>::new());
}

fn a_delimiter_rolls_keys_up(room: &Room<'_>) {
    fill(room, TREE);
    let answer = room.list().query("delimiter", "/").send().expect(200);
    assert_eq!(keys(room, &answer), ["a", "a0", "aa", "b"]);
    assert_eq!(prefixes(room, &answer), ["a/", "b/", "c/"]);
    assert_eq!(answer.text("KeyCount").unwrap(), "7");
}

fn a_delimiter_may_be_any_string(room: &Room<'_>) {
    fill(room, &["x--1", "x--2", "y-1", "z"]);
    let answer = room.list().query("delimiter", "--").send().expect(200);
    assert_eq!(keys(room, &answer), ["y-1", "z"]);
    assert_eq!(prefixes(room, &answer), ["x--"]);
}

fn pages_cover_everything_once(room: &Room<'_>) {
    fill(room, TREE);
    for size in ["1", "3", "9", "10", "11"] {
        let mut found = Vec::new();
        let mut token: Option<String> = None;
        loop {
            let list = room.list().query("max-keys", size);
            let list = token.iter().fold(list, |list, token| list.query("continuation-token", token));
            let answer = list.send().expect(200);
            found.extend(keys(room, &answer));
            assert_eq!(answer.text("KeyCount").unwrap(), keys(room, &answer).len().to_string());
            token = answer.text("NextContinuationToken");
            assert_eq!(answer.text("IsTruncated").unwrap(), token.is_some().to_string());
            if token.is_none() {
                break;
            }
        }
        assert_eq!(found, TREE, "pages of {size}");
    }
}

fn pages_cover_common_prefixes_once(room: &Room<'_>) {
    fill(room, TREE);
    let (mut found, mut token) = (Vec::new(), None::<String>);
    loop {
        let list = room.list().query("delimiter", "/").query("max-keys", "2");
        let list = token.iter().fold(list, |list, token| list.query("continuation-token", token));
        let answer = list.send().expect(200);
        found.extend(keys(room, &answer).into_iter().chain(prefixes(room, &answer)));
        token = answer.text("NextContinuationToken");
        if token.is_none() {
            break;
        }
    }
    found.sort();
    assert_eq!(found, ["a", "a/", "a0", "aa", "b", "b/", "c/"]);
}

fn start_after_skips_what_is_before(room: &Room<'_>) {
    fill(room, TREE);
    let after = |name: &str| {
        let list = room.list().query("start-after", &format!("{}{name}", room.prefix));
        keys(room, &list.send().expect(200))
    };
    assert_eq!(after("a/2"), ["a/b/1", "a0", "aa", "b", "b/0", "b/1", "c/d/e"]);
    assert_eq!(after("a/9"), ["a/b/1", "a0", "aa", "b", "b/0", "b/1", "c/d/e"]);
    assert_eq!(after("z"), Vec::<String>::new());
}

fn max_keys_zero_lists_nothing(room: &Room<'_>) {
    fill(room, &["a"]);
    let answer = room.list().query("max-keys", "0").send().expect(200);
    assert_eq!(keys(room, &answer), Vec::<String>::new());
    assert_eq!(answer.text("IsTruncated").unwrap(), "false");
}

fn more_than_a_thousand_keys_are_never_in_one_page(room: &Room<'_>) {
    let answer = room.list().query("max-keys", "5000").send().expect(200);
    assert!(["1000", "5000"].contains(&answer.text("MaxKeys").unwrap().as_str()), "{answer:?}");
}

fn an_empty_delimiter_is_no_delimiter(room: &Room<'_>) {
    fill(room, TREE);
    let list = room.list().query("delimiter", "").query("start-after", "").prepare();
    assert_eq!(keys(room, &list.send().expect(200)), TREE);
}

fn a_token_that_is_none_is_refused(room: &Room<'_>) {
    let answer = room.list().query("continuation-token", "").send();
    assert!(answer.status == 200 || answer.code() == "InvalidArgument", "{answer:?}");
}

fn a_number_that_is_none_is_refused(room: &Room<'_>) {
    for number in ["x", "-1", "99999999999999999999"] {
        room.list().query("max-keys", number).send().refused(400, "InvalidArgument");
    }
}

fn version_1_pages_by_marker(room: &Room<'_>) {
    fill(room, TREE);
    let (mut found, mut marker) = (Vec::new(), String::new());
    loop {
        let answer = version_1(room).query("max-keys", "3").query("marker", &marker).send().expect(200);
        let page = keys(room, &answer);
        found.extend(page.clone());
        if answer.text("IsTruncated").unwrap() == "false" {
            break;
        }
        marker = format!("{}{}", room.prefix, page.last().unwrap());
    }
    assert_eq!(found, TREE);
}

fn version_1_pages_by_prefix(room: &Room<'_>) {
    fill(room, TREE);
    let (mut found, mut marker) = (Vec::new(), String::new());
    loop {
        let list = version_1(room).query("delimiter", "/").query("max-keys", "2").query("marker", &marker);
        let answer = list.send().expect(200);
        found.extend(keys(room, &answer).into_iter().chain(prefixes(room, &answer)));
        let Some(next) = answer.text("NextMarker") else { break };
        assert!(next > marker, "the marker does not move: {answer:?}");
        marker = next;
    }
    found.sort();
    assert_eq!(found, ["a", "a/", "a0", "aa", "b", "b/", "c/"]);
}

fn an_encoding_is_told_and_applied(room: &Room<'_>) {
    fill(room, &["a b", "c+d/e"]);
    for list in [room.list(), version_1(room)] {
        let answer = list.query("encoding-type", "url").query("delimiter", "/").send().expect(200);
        assert_eq!(answer.text("EncodingType").unwrap(), "url");
        let entries = answer.all("Contents");
        let key = text(&entries[0], "Key").unwrap();
        assert!(key.ends_with("a+b") || key.ends_with("a%20b"), "{key}");
        let rolled = text(&answer.all("CommonPrefixes")[0], "Prefix").unwrap();
        assert!(rolled.ends_with("c%2Bd/") || rolled.ends_with("c%2Bd%2F"), "{rolled}");
    }
}

fn an_unknown_encoding_is_refused(room: &Room<'_>) {
    room.list().query("encoding-type", "base64").send().refused(400, "InvalidArgument");
}

fn an_entry_has_what_clients_read(room: &Room<'_>) {
    room.store("a", b"abc");
    for answer in [room.list().send().expect(200), version_1(room).send().expect(200)] {
        let entry = answer.all("Contents").remove(0);
        let date = text(&entry, "LastModified").unwrap();
        assert!(date.starts_with("20") && date.ends_with('Z') && date.contains('T'), "{date}");
        assert_eq!(text(&entry, "Size").unwrap(), "3");
        assert_eq!(text(&entry, "StorageClass").unwrap(), "STANDARD");
        assert!(text(&entry, "ETag").unwrap().starts_with('"'), "{entry}");
    }
}

fn the_answer_repeats_the_question(room: &Room<'_>) {
    let answer = room.list().query("delimiter", "/").query("max-keys", "7").send().expect(200);
    assert_eq!(answer.text("Name").unwrap(), room.bucket);
    assert_eq!(answer.text("Prefix").unwrap(), room.prefix);
    assert_eq!(answer.text("Delimiter").unwrap(), "/");
    assert_eq!(answer.text("MaxKeys").unwrap(), "7");
}
