//! JSON objects of strings: materials descriptions, encryption contexts and instruction files.
//!
//! Strict where a lenient reader could be made to see another map than the writer: a name stands once, values are
//! text, and nothing follows the object. FORMAT.md, 18.1.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::fmt::{self, Write as _};

use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, Visitor};

use super::MAX_JSON_LEN;

/// A value that is text, or a number as old writers left it in instruction files.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Value {
    Text(String),
    Number(u64),
}

struct Object<V>(BTreeMap<String, V>);

/// Parses one JSON object of strings, or `None`.
pub(super) fn texts(json: &str) -> Option<BTreeMap<String, String>> {
    parse(json.as_bytes())
}

/// Parses one JSON object of strings and numbers, or `None`.
pub(super) fn values(json: &[u8]) -> Option<BTreeMap<String, Value>> {
    parse(json)
}

/// Writes one JSON object without white space, in ASCII: S3 mangles headers beyond it, and a client in C++ reads an
/// instruction file up to the first blank.
pub(super) fn write(map: &BTreeMap<String, String>) -> Option<String> {
    let json = serde_json::to_string(map).ok()?;
    let mut ascii = String::with_capacity(json.len());
    for character in json.chars() {
        if matches!(character, ' '..='~') {
            ascii.push(character);
            continue;
        }
        // These stand within strings only, where control characters are escaped already.
        for unit in character.encode_utf16(&mut [0; 2]) {
            write!(ascii, "\\u{unit:04x}").ok()?;
        }
    }
    (ascii.len() <= MAX_JSON_LEN).then_some(ascii)
}

fn parse<'a, V: Deserialize<'a>>(json: &'a [u8]) -> Option<BTreeMap<String, V>> {
    if json.len() > MAX_JSON_LEN {
        return None;
    }
    serde_json::from_slice::<Object<V>>(json).ok().map(|object| object.0)
}

impl<'de, V: Deserialize<'de>> Deserialize<'de> for Object<V> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(ObjectVisitor(BTreeMap::new()))
    }
}

struct ObjectVisitor<V>(BTreeMap<String, V>);

impl<'de, V: Deserialize<'de>> Visitor<'de> for ObjectVisitor<V> {
    type Value = Object<V>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of strings")
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut access: A) -> Result<Object<V>, A::Error> {
        while let Some(name) = access.next_key()? {
            match self.0.entry(name) {
                Entry::Vacant(entry) => entry.insert(access.next_value()?),
                Entry::Occupied(_) => return Err(A::Error::custom("a name stands twice")),
            };
        }
        Ok(Object(self.0))
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ValueVisitor)
    }
}

struct ValueVisitor;

impl Visitor<'_> for ValueVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string or a number")
    }

    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(Value::Text(text.to_owned()))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Value, E> {
        Ok(Value::Number(number))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_of_a_map_is_read() {
        for json in [r#"{"a":"b/+"}"#, "\n{ \"a\" : \"b\\/\\u002B\" }\n", r#"{"\u0061":"b/\u002b"}"#] {
            assert_eq!(texts(json), Some(BTreeMap::from([("a".to_owned(), "b/+".to_owned())])), "{json}");
        }
        assert_eq!(texts("{}"), Some(BTreeMap::new()));
    }

    #[test]
    fn what_is_no_object_of_strings_is_refused() {
        let deep = "[".repeat(60_000);
        for json in [
            "",
            "null",
            "[]",
            r#""a""#,
            r#"{"a":1}"#,
            r#"{"a":null}"#,
            r#"{"a":{}}"#,
            r#"{"a":"b"}{}"#,
            r#"{"a":"b","a":"b"}"#,
            r#"{"a":"b","\u0061":"c"}"#,
            r#"{"a":"\ud800"}"#,
            &deep,
            &format!(r#"{{"a":{deep}"#),
        ] {
            assert_eq!(texts(json), None, "{json}");
        }
    }

    #[test]
    fn what_is_written_is_compact_ascii_and_read_back() {
        let map =
            BTreeMap::from([("a".to_owned(), "é\u{1f600} \"\u{7f}\n/".to_owned()), ("b".to_owned(), String::new())]);
        let json = write(&map).unwrap();
        assert_eq!(json, r#"{"a":"\u00e9\ud83d\ude00 \"\u007f\n/","b":""}"#);
        assert_eq!(texts(&json), Some(map));
        assert_eq!(write(&BTreeMap::new()).unwrap(), "{}");
        assert_eq!(write(&BTreeMap::from([("a".to_owned(), "b".repeat(MAX_JSON_LEN))])), None);
    }

    #[test]
    fn length_is_bounded() {
        let object = |len: usize| format!(r#"{{"a":"{}"}}"#, "b".repeat(len - 8));
        assert!(texts(&object(MAX_JSON_LEN)).is_some());
        assert!(texts(&object(MAX_JSON_LEN + 1)).is_none());
    }

    #[test]
    fn numbers_are_told_from_text() {
        assert_eq!(values(br#"{"n":128}"#), Some(BTreeMap::from([("n".to_owned(), Value::Number(128))])));
        for json in [r#"{"n":-1}"#, r#"{"n":1.5}"#, r#"{"n":true}"#, r#"{"n":null}"#, r#"{"n":[]}"#] {
            assert_eq!(values(json.as_bytes()), None, "{json}");
        }
        assert_eq!(values(b"{\"n\":\"\xff\"}"), None);
    }
}
