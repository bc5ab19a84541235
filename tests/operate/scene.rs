//! A daemon over a store, and commands that use the daemon's own configuration file.

use std::path::{Path, PathBuf};
use std::process::Command;

use sealgate_tests::command::{Ended, Run};
use sealgate_tests::stack::Stack;
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

/// The id of the key that comes after the daemon's.
pub(crate) const NEXT_KEY: &str = "next";

/// What a configuration says when that key wraps and the daemon's first one is retired.
pub(crate) fn next_key(world: &World) -> String {
    let folder = world.folders[0].path();
    if !folder.join("next.key").exists() {
        Run::new(program(), folder, &["keygen", "--id", NEXT_KEY]).run().check(0);
    }
    let secret = folder.join("next.key");
    format!(
        "[[keys]]\nid = \"{NEXT_KEY}\"\nsecret = \"file:{}\"\n[keyring]\nprimary = \"{NEXT_KEY}\"\n",
        secret.display()
    )
}

/// A command with the settings of a daemon after the change of keys; `change` makes others of them.
pub(crate) fn command_after(world: &World, arguments: &[&str], change: impl Fn(String) -> String) -> Run {
    let next = next_key(world);
    command_with(world, arguments, |settings| change(settings + &next))
}

/// A command with what `change` makes of the daemon's settings.
pub(crate) fn command_with(world: &World, arguments: &[&str], change: impl Fn(String) -> String) -> Run {
    let folder = world.folders[0].path();
    let settings = std::fs::read_to_string(folder.join("sealgate.toml")).unwrap();
    let name = format!("{}.toml", sealgate_tests::bytes::unique("after"));
    std::fs::write(folder.join(&name), change(settings)).unwrap();
    Run::new(program(), folder, &[arguments, &["--config", &name]].concat())
}

/// The key id in the envelope that the store has for an object.
pub(crate) fn key_of(world: &World, bucket: &str, key: &str) -> String {
    let head = world.behind.object("HEAD", bucket, key).send().expect(200);
    let envelope = head.must("x-amz-meta-sealgate").to_owned();
    envelope.split(';').find_map(|field| field.strip_prefix("k=")).unwrap().to_owned()
}

/// Uploads an object with a tag in parts, numbered from 1.
pub(crate) fn upload(stack: &Stack, key: &str, parts: &[Vec<u8>]) {
    let begin = stack.object("POST", "first", key).query("uploads", "").header("x-amz-tagging", "a=1");
    let id = begin.send().expect(200).all("UploadId").remove(0);
    let send = |(number, part): (usize, &Vec<u8>)| {
        let put = stack.object("PUT", "first", key).query("partNumber", &number.to_string()).query("uploadId", &id);
        let etag = put.body(part).send().expect(200).must("etag").to_owned();
        format!("<Part><PartNumber>{number}</PartNumber><ETag>{etag}</ETag></Part>")
    };
    let list = (1..).zip(parts).map(send).collect::<Vec<_>>().concat();
    let document = format!("<CompleteMultipartUpload>{list}</CompleteMultipartUpload>");
    stack.object("POST", "first", key).query("uploadId", &id).body(document.as_bytes()).send().check(200);
}
