//! The layers of ARCHITECTURE.md as code: who may depend on whom, and what a room must never see.
//!
//! Reads `cargo metadata` and the source tree; it knows nothing of what the crates do. A dependency that is not in the table
//! of rooms fails here, so that adding one is a decision somebody makes on purpose and reviews together with its reason.

#![expect(clippy::unwrap_used, reason = "a test reports a failure by panicking")]

mod register;
mod rooms;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fs;
use std::path::{Path, PathBuf};

use cargo_metadata::{DependencyKind, Metadata, MetadataCommand, PackageId};

use self::rooms::{ROOMS, Room};

/// The crate that holds the tests; it may see everything.
const TESTS: &str = "sealgate-tests";

#[test]
fn every_crate_of_the_workspace_has_a_room() {
    let metadata = workspace();
    let found: BTreeSet<String> =
        metadata.workspace_packages().iter().map(|package| package.name.to_string()).collect();
    let known: BTreeSet<String> = ROOMS.iter().map(|room| room.name).chain([TESTS]).map(String::from).collect();
    assert_eq!(
        found, known,
        "a crate was added or removed: give it a row in tests/layering/rooms.rs and in ARCHITECTURE.md"
    );
}

#[test]
fn dependencies_inside_the_tree_point_one_way() {
    complain(|room, name, in_tree| in_tree && !room.inside.contains(&name), "depends on a room it must not know");
}

#[test]
fn dependencies_from_outside_are_the_ones_in_the_table() {
    complain(
        |room, name, in_tree| !in_tree && !room.outside.contains(&name),
        "has an outside dependency that is not in the table",
    );
}

#[test]
fn no_room_reaches_what_it_must_never_see() {
    let metadata = workspace();
    let wrong: Vec<String> = ROOMS
        .iter()
        .flat_map(|room| {
            let reached = reachable(&metadata, room.name);
            room.never_reached
                .iter()
                .filter_map(move |name| reached.get(*name).map(|path| format!("{}: {path}", room.name)))
        })
        .collect();
    assert!(wrong.is_empty(), "these are reached and must not be:\n  {}", wrong.join("\n  "));
}

#[test]
fn every_source_file_says_what_it_is_for() {
    let root = workspace().workspace_root.into_std_path_buf();
    let mut files = Vec::new();
    for folder in ["crates", "tests"] {
        rust_files(&root.join(folder), &mut files);
    }
    let silent: Vec<_> = files.iter().filter(|file| !fs::read_to_string(file).unwrap().starts_with("//!")).collect();
    assert!(files.len() > ROOMS.len(), "the walk found almost nothing");
    assert!(silent.is_empty(), "these files do not open with `//!`: {silent:#?}");
}

/// Fails with every normal dependency for which `is_wrong(room, dependency, is it in the tree)` holds.
fn complain(is_wrong: impl Fn(&Room, &str, bool) -> bool, what: &str) {
    let metadata = workspace();
    let inside: BTreeSet<&str> = metadata.workspace_packages().iter().map(|package| package.name.as_str()).collect();
    let mut wrong = Vec::new();
    for room in ROOMS {
        let package = metadata.workspace_packages().into_iter().find(|package| package.name == room.name).unwrap();
        for dependency in package.dependencies.iter().filter(|dependency| dependency.kind == DependencyKind::Normal) {
            if is_wrong(room, &dependency.name, inside.contains(dependency.name.as_str())) {
                wrong.push(format!("{} {what}: {}", room.name, dependency.name));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn workspace() -> Metadata {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("../Cargo.toml");
    let options = ["--offline", "--locked"].map(String::from);
    MetadataCommand::new().manifest_path(manifest).other_options(options).exec().unwrap()
}

/// Everything `name` is built with when it is used (normal and build dependencies of normal ones), with the way to it.
fn reachable(metadata: &Metadata, name: &str) -> BTreeMap<String, String> {
    let resolve = metadata.resolve.as_ref().unwrap();
    let start = &metadata.workspace_packages().into_iter().find(|package| package.name == name).unwrap().id;
    let mut paths: BTreeMap<&PackageId, String> = BTreeMap::from([(start, name.to_owned())]);
    let mut queue = VecDeque::from([start]);
    while let Some(id) = queue.pop_front() {
        let node = resolve.nodes.iter().find(|node| &node.id == id).unwrap();
        for dependency in node
            .deps
            .iter()
            .filter(|dependency| dependency.dep_kinds.iter().any(|kind| kind.kind == DependencyKind::Normal))
        {
            if !paths.contains_key(&dependency.pkg) {
                let path = format!("{} -> {}", paths[id], metadata[&dependency.pkg].name);
                paths.insert(&dependency.pkg, path);
                queue.push_back(&dependency.pkg);
            }
        }
    }
    paths.into_iter().filter(|(id, _)| *id != start).map(|(id, path)| (metadata[id].name.to_string(), path)).collect()
}

fn rust_files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() && !path.ends_with("target") {
            rust_files(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}
