//! A daemon over a store, and commands that use the daemon's own configuration file.

use std::path::{Path, PathBuf};
use std::process::Command;

use sealgate_tests::command::{Ended, Run};
use sealgate_tests::world::World;

/// The program under test.
pub(crate) fn program() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_sealgate-under-test"))
}

/// A daemon with `extra` in its configuration.
pub(crate) fn world(extra: &str) -> World {
    World::new(program(), extra)
}

/// Runs a command with the daemon's settings to its end.
pub(crate) fn run(world: &World, arguments: &[&str]) -> Ended {
    command(world, arguments).run()
}

/// The same, not started yet.
pub(crate) fn command(world: &World, arguments: &[&str]) -> Run {
    let folder = world.folders[0].path();
    let config = folder.join("sealgate.toml");
    let all: Vec<&str> = arguments.iter().copied().chain(["--config", config.to_str().unwrap()]).collect();
    Run::new(program(), folder, &all)
}

/// A path beside the daemon's files.
pub(crate) fn beside(world: &World, name: &str) -> PathBuf {
    world.folders[0].path().join(name)
}

/// Sends a signal to a process that was started here.
pub(crate) fn signal(pid: u32, name: &str) {
    assert!(Command::new("kill").args([&format!("-{name}"), &pid.to_string()]).status().unwrap().success());
}
