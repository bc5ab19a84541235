//! The register of known failures in `tests/README.md`: every test it names is there.

use std::fs;
use std::path::Path;

use super::rust_files;

/// Whether `name` (suite or crate, file, function) is a test of this tree.
fn exists(tree: &Path, name: &str) -> bool {
    let parts: Vec<&str> = name.split("::").collect();
    let [suite, file, function] = parts[..] else { return false };
    let mut files = Vec::new();
    for folder in [tree.join("tests").join(suite), tree.join("crates").join(suite)] {
        if folder.is_dir() {
            rust_files(&folder, &mut files);
        }
    }
    let in_file = files.iter().filter(|path| path.file_stem().is_some_and(|stem| stem == file));
    let signature = format!("fn {function}(");
    in_file.into_iter().any(|path| fs::read_to_string(path).unwrap().contains(&signature))
}

/// Every second stretch between backticks stands inside a pair of them.
fn named(register: &str) -> Vec<&str> {
    register.split('`').skip(1).step_by(2).filter(|name| name.contains("::")).collect()
}

#[test]
fn every_named_test_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let register = fs::read_to_string(root.join("tests/README.md")).unwrap();
    let names = named(&register);
    let missing: Vec<&&str> = names.iter().filter(|name| !exists(&root, name)).collect();
    assert!(names.len() > 50, "the register names almost nothing");
    assert!(missing.is_empty(), "tests/README.md names tests that are not there: {missing:#?}");
}

#[test]
fn a_test_that_is_not_there_is_missed() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    assert!(exists(&root, "layering::register::every_named_test_exists"));
    for name in
        ["layering::register::nothing_by_this_name_", "layering::main::every_named_test_exists", "nowhere::a::b"]
    {
        assert!(!exists(&root, name), "{name}");
    }
}
