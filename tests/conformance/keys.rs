//! Odd keys: every string S3 allows is a key of its own.

use sealgate_tests::answer::text;
use sealgate_tests::sign;
use sealgate_tests::stack::Room;

crate::cases![
    odd_keys_are_kept_apart,
    odd_keys_are_listed_as_they_are,
    dots_are_not_folders,
    slashes_are_kept_as_they_are,
    backslashes_are_no_slashes,
    a_key_of_1024_bytes_is_the_longest,
    directory_markers_are_empty_objects,
    control_characters_are_kept,
    case_is_kept,
    composed_and_decomposed_letters_differ,
];

const ODD: &[&str] = &[
    " ",
    "a b",
    "a+b",
    "a%20b",
    "a%2Fb",
    "%",
    "%%",
    "a&b=c",
    "a?b",
    "a#b",
    "a;b",
    "a:b",
    "a@b",
    "a=b",
    "a,b",
    "a'b",
    "a\"b",
    "a|b",
    "a<b>",
    "a^b`",
    "a{b}",
    "a[b]",
    "a~b",
    "a*b",
    "a$b",
    "a!b",
    "(a)",
    "größe",
    "日本語/キー",
    "🔒",
    "é",
    "a.",
    ".a",
    "-",
    "--x",
    "con",
    "nul.txt",
    "index.html",
    ".sealgate",
    "x-amz-meta",
    "sealgate",
    "a\u{a0}b",
    "trailing ",
    " leading",
    "~",
];

fn own_bucket(room: &Room<'_>) -> String {
    room.stack.new_bucket("keys")
}

fn odd_keys_are_kept_apart(room: &Room<'_>) {
    for key in ODD {
        room.store(key, key.as_bytes());
    }
    for key in ODD {
        room.holds(key, key.as_bytes());
    }
    room.delete("a+b").send().check(204);
    room.holds("a b", b"a b");
}

fn odd_keys_are_listed_as_they_are(room: &Room<'_>) {
    for key in ODD {
        room.store(key, b"x");
    }
    let mut expected: Vec<String> = ODD.iter().map(|key| format!("{}{key}", room.prefix)).collect();
    expected.sort();
    let plain = room.list().send().expect(200);
    let mut keys: Vec<String> = plain.all("Contents").iter().map(|entry| text(entry, "Key").unwrap()).collect();
    keys.sort();
    assert_eq!(keys, expected);
    let encoded = room.list().query("encoding-type", "url").send().expect(200);
    let decode = |entry: &String| {
        let key = text(entry, "Key").unwrap().replace('+', "%20");
        percent_encoding::percent_decode_str(&key).decode_utf8().unwrap().into_owned()
    };
    let mut keys: Vec<String> = encoded.all("Contents").iter().map(decode).collect();
    keys.sort();
    assert_eq!(keys, expected);
}

/// A client that does not normalise may send them; a store must not climb.
fn dots_are_not_folders(room: &Room<'_>) {
    let keys = ["a/../b", "./a", "../a", "..", ".", "a/./b", "../../../../../../etc/passwd", "a/.."];
    for key in keys {
        let put = room.put(key, key.as_bytes()).send();
        if put.status == 200 {
            room.holds(key, key.as_bytes());
        } else {
            assert!(matches!(put.status, 400 | 403), "{key}: {put:?}");
        }
    }
    room.lacks("b");
    room.lacks("a/b");
}

fn slashes_are_kept_as_they_are(room: &Room<'_>) {
    let bucket = own_bucket(room);
    let keys = ["a", "a/", "a//", "a//b", "a/b", "/", "//", "/a", "//a"];
    for key in keys {
        room.stack.object("PUT", &bucket, key).body(key.as_bytes()).send().check(200);
    }
    for key in keys {
        let answer = room.stack.object("GET", &bucket, key).send().expect(200);
        assert_eq!(answer.xml(), key);
    }
    let listed = room.stack.request("GET", &format!("/{bucket}")).query("list-type", "2").send().expect(200);
    assert_eq!(listed.all("Key").len(), keys.len(), "{listed:?}");
}

fn backslashes_are_no_slashes(room: &Room<'_>) {
    room.store("a\\b", b"back");
    room.holds("a\\b", b"back");
    room.lacks("a/b");
}

fn a_key_of_1024_bytes_is_the_longest(room: &Room<'_>) {
    for letter in ["k", "é", "/"] {
        let name = letter.repeat((1024 - room.prefix.len()) / letter.len());
        room.store(&name, b"long");
        room.holds(&name, b"long");
        room.delete(&name).send().check(204);
    }
}

fn directory_markers_are_empty_objects(room: &Room<'_>) {
    room.put("dir/", b"").header("content-type", "application/x-directory").send().check(200);
    room.store("dir/file", b"x");
    room.holds("dir/", b"");
    room.lacks("dir");
    let listed = room.list().query("delimiter", "/").send().expect(200);
    assert_eq!(listed.all("Contents").len(), 0, "{listed:?}");
    assert_eq!(listed.all("CommonPrefixes").len(), 1, "{listed:?}");
    let inside = room.bucket("GET").query("list-type", "2").query("prefix", &format!("{}dir/", room.prefix));
    assert_eq!(inside.send().expect(200).all("Size"), ["0", "1"]);
    room.delete("dir/").send().check(204);
    room.holds("dir/file", b"x");
}

fn control_characters_are_kept(room: &Room<'_>) {
    for key in ["a\tb", "a\nb", "a\rb", "\u{1}", "\u{7f}", "a\u{b}b"] {
        room.store(key, key.as_bytes());
        room.holds(key, key.as_bytes());
        let full = format!("{}{key}", room.prefix);
        let list = room.bucket("GET").query("list-type", "2").query("prefix", &full);
        let listed = list.query("encoding-type", "url").send().expect(200);
        let found = text(&listed.xml(), "Key").unwrap();
        assert!(found.ends_with(&sign::encode(key)), "{found:?}");
        room.delete(key).send().check(204);
    }
}

fn case_is_kept(room: &Room<'_>) {
    room.store("Key", b"upper");
    room.store("key", b"lower");
    room.holds("Key", b"upper");
    room.holds("key", b"lower");
}

fn composed_and_decomposed_letters_differ(room: &Room<'_>) {
    room.store("\u{e9}", b"composed");
    room.store("e\u{301}", b"decomposed");
    room.holds("\u{e9}", b"composed");
    room.holds("e\u{301}", b"decomposed");
}
