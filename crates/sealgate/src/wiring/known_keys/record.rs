//! The file of known keys: its text, and what it says.

use std::collections::BTreeMap;
use std::fmt::{self, Write};
use std::io::Read;
use std::path::Path;

use anyhow::{Context, anyhow};
use figment::Figment;
use figment::providers::{Format, Toml};
use keyring::{Canary, KeyCheck};
use serde::Deserialize;

/// More than thousands of keys take, less than a mistake.
const MAX_LEN: u64 = 1024 * 1024;

const HEADING: &str = "\
# By what Sealgate recognises its keys: another key under an id that stands here is refused at the start,
# before anything is written with it. `sealgate serve` keeps this file. Nothing in it is secret, and
# nothing in it is needed to read objects. Delete the lines of a key only if nothing was ever written
# with it.
";

/// What is known of keys, by id.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Record(BTreeMap<String, Known>);

/// What is known of one key.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Known {
    /// What the settings call its kind.
    pub(super) kind: String,
    pub(super) mark: Mark,
}

/// By what a key is recognised.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Mark {
    /// A key that is here.
    Check(KeyCheck),
    /// A key that a service keeps.
    Canary(Canary),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawRecord {
    #[serde(default)]
    keys: BTreeMap<String, RawKnown>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawKnown {
    kind: String,
    check: String,
    canary: Option<String>,
}

impl Record {
    /// Reads a file; none is an empty one.
    pub(super) fn read(path: &Path) -> anyhow::Result<Self> {
        let file = match std::fs::File::open(path) {
            Ok(file) => file,
            Err(error) if matches!(error.kind(), std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory) => {
                return Ok(Self::default());
            }
            Err(error) => return Err(error).with_context(|| unreadable(path)),
        };
        let mut text = String::new();
        file.take(MAX_LEN + 1).read_to_string(&mut text).with_context(|| unreadable(path))?;
        if text.len() as u64 > MAX_LEN {
            return Err(anyhow!("it is larger than 1 MiB").context(unreadable(path)));
        }
        Self::parse(&text).with_context(|| unreadable(path))
    }

    fn parse(text: &str) -> anyhow::Result<Self> {
        let raw: RawRecord = Figment::new().merge(Toml::string(text)).extract()?;
        let known = |(id, raw): (String, RawKnown)| {
            let wrong = |name| anyhow!("[keys.\"{id}\"] {name} is damaged");
            let check = raw.check.parse().map_err(|_| wrong("check"))?;
            let mark = match raw.canary {
                None => Mark::Check(check),
                Some(text) => Mark::Canary(Canary::from_text(&text, check).ok_or_else(|| wrong("canary"))?),
            };
            Ok((id.clone(), Known { kind: raw.kind, mark }))
        };
        raw.keys.into_iter().map(known).collect::<anyhow::Result<_>>().map(Self)
    }

    pub(super) fn get(&self, id: &str) -> Option<&Known> {
        self.0.get(id)
    }

    pub(super) fn insert(&mut self, id: String, known: Known) {
        self.0.insert(id, known);
    }

    /// As it is written.
    pub(super) fn text(&self) -> String {
        let mut text = HEADING.to_owned();
        for (id, Known { kind, mark }) in &self.0 {
            // Writing to a String cannot fail; ids and kinds need no escapes.
            let _ = write!(text, "\n[keys.\"{id}\"]\nkind = \"{kind}\"\n");
            let _ = match mark {
                Mark::Check(check) => writeln!(text, "check = \"{check}\""),
                Mark::Canary(canary) => {
                    writeln!(text, "check = \"{}\"\ncanary = \"{}\"", canary.check, canary.text())
                }
            };
        }
        text
    }
}

impl fmt::Display for Known {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.mark {
            Mark::Check(check) => write!(f, "check value {check} of kind \"{}\"", self.kind),
            Mark::Canary(_) => write!(f, "what a key of kind \"{}\" wrapped to be recognised by", self.kind),
        }
    }
}

fn unreadable(path: &Path) -> String {
    format!(
        "{}: what is known of keys cannot be read; repair the file, or delete it if you are certain that no key was exchanged",
        path.display()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(kind: &str, mark: Mark) -> Known {
        Known { kind: kind.to_owned(), mark }
    }

    #[test]
    fn what_is_written_reads_back() {
        let mut record = Record::default();
        record.insert("2026.11".to_owned(), known("aes", Mark::Check(KeyCheck::of(b"a"))));
        let canary = Canary { wrapped: vec![0, 255, 7], check: KeyCheck::of(b"b") };
        record.insert("kms_1".to_owned(), known("aws-kms", Mark::Canary(canary)));
        let text = record.text();
        assert!(text.starts_with("# By what Sealgate recognises its keys"));
        assert_eq!(Record::parse(&text).unwrap(), record);
        assert_eq!(Record::parse("# nothing yet\n").unwrap(), Record::default());
    }

    #[test]
    fn a_damaged_file_is_refused_and_not_taken_for_an_empty_one() {
        let good = "[keys.\"a\"]\nkind = \"aes\"\ncheck = \"0123456789abcdef\"\n";
        assert!(Record::parse(good).is_ok());
        for (from, to) in [
            ("0123456789abcdef", "0123456789abcde"),
            ("check", "chekc"),
            ("kind = \"aes\"", "kind = 1"),
            ("[keys.\"a\"]", "[kyes.\"a\"]"),
            ("kind", "canary = \"?\"\nkind"),
            ("\"aes\"", "\"aes"),
        ] {
            assert!(Record::parse(&good.replacen(from, to, 1)).is_err(), "{to}");
        }
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("known-keys.toml");
        assert_eq!(Record::read(&path).unwrap(), Record::default(), "no file");
        std::fs::write(&path, [0xff; 10]).unwrap();
        let error = format!("{:#}", Record::read(&path).unwrap_err());
        assert!(error.contains("known-keys.toml: what is known of keys cannot be read"), "{error}");
        std::fs::write(&path, "#".repeat(1024 * 1024 + 1)).unwrap();
        assert!(Record::read(&path).is_err());
    }
}
