//! The crate performs no I/O: no file, network, environment, clock or thread appears in its source.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::fs;
use std::path::{Path, PathBuf};

const FORBIDDEN: [&str; 10] = [
    "std::fs",
    "std::net",
    "std::env",
    "std::time",
    "std::io",
    "std::process",
    "std::thread",
    "getrandom",
    "SystemRandom",
    "_ne_bytes",
];

#[test]
fn no_source_file_reaches_outside_the_process() {
    let files = sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"));
    assert!(files.len() > 15);
    for file in files {
        let text = fs::read_to_string(&file).unwrap();
        // The one trait through which the OpenPGP library hands out what it read from memory.
        let text = if file.ends_with("legacy/openpgp.rs") { text.replace("use std::io::Read;", "") } else { text };
        for word in FORBIDDEN {
            assert!(!text.contains(word), "{} uses {word}", file.display());
        }
    }
}

#[test]
fn every_source_file_opens_with_its_purpose() {
    for file in sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src")) {
        assert!(fs::read_to_string(&file).unwrap().starts_with("//! "), "{}", file.display());
    }
}

fn sources(directory: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { sources(&path) } else { vec![path] }).collect()
}
