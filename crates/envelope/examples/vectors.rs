//! Writes the test vectors of the sealed format anew: `cargo run -p envelope --example vectors`.
//!
//! Running it on an unchanged tree changes nothing; a test holds the files to that.

#![expect(clippy::unwrap_used, reason = "a generator that cannot go on should stop")]

use std::fs;

#[path = "../tests/support/cases.rs"]
mod cases;
#[path = "../tests/support/forge.rs"]
mod forge;
#[path = "../tests/support/parts.rs"]
mod parts;
#[path = "../tests/support/parts_cases.rs"]
mod parts_cases;
#[path = "../tests/support/vector.rs"]
mod vector;

fn main() {
    let directory = vector::directory();
    // A vector that was renamed must not stay behind under its old name.
    let _ = fs::remove_dir_all(&directory);
    fs::create_dir_all(&directory).unwrap();
    for (name, vector) in cases::all() {
        fs::write(directory.join(format!("{name}.json")), vector::render(&vector)).unwrap();
    }
}
