//! The day of the restore: there is the key file, there is the raw store, and there is no Sealgate.
//!
//! What opens the objects is the decryptor that was written from FORMAT.md alone.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use sealgate_tests::bytes::noise;
use sealgate_tests::world::{PLAIN_LEN, World};

use crate::scene::{NEXT_KEY, beside, command_after, next_key, upload, world};

/// A Python that has what the decryptor needs: the one that is named, which has to, or one that is there.
fn python() -> Option<String> {
    if let Ok(named) = std::env::var("SEALGATE_TEST_PYTHON") {
        return Some(named);
    }
    let has = Command::new("python3").args(["-c", "import cryptography"]).stderr(Stdio::null()).status();
    has.is_ok_and(|status| status.success()).then(|| "python3".to_owned())
}

/// Opens an object out of the raw store with nothing but a key file.
fn open(python: &str, world: &World, key: &str, key_file: &Path) -> Vec<u8> {
    let stored = world.stored("first", key);
    let field = |name: &str| stored.metadata.iter().find(|(found, _)| found == name).map(|(_, value)| value.clone());
    let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("decryptor/unseal_multipart.py");
    let mut command = Command::new(python);
    command.arg(program).arg("--key-file").arg(key_file).args(["--bucket", "first", "--name", key]);
    command.args(["--envelope", &field("x-amz-meta-sealgate").unwrap()]);
    if let Some(metadata) = field("x-amz-meta-sealgate-m") {
        command.args(["--metadata", &metadata]);
    }
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let sent = std::thread::spawn(move || stdin.write_all(&stored.bytes));
    let output = child.wait_with_output().unwrap();
    sent.join().unwrap().unwrap();
    assert!(output.status.success(), "{key}");
    output.stdout
}

#[test]
fn a_key_file_and_the_raw_store_are_enough() {
    let Some(python) = python() else {
        eprintln!("NOT RUN: no Python with the package cryptography; name one in SEALGATE_TEST_PYTHON");
        return;
    };
    let world = world("");
    world.seal("first", "a/ü +", 3);
    let parts = [noise(1, 5_242_880), noise(2, 12_345)];
    upload(&world.front, "parts", &parts);
    // What was rotated is no other.
    next_key(&world);
    command_after(&world, &["rewrap", "--apply", "s3://first/parts"], |settings| settings).run().check(0);

    let (first, second) = (beside(&world, "test.key"), beside(&world, &format!("{NEXT_KEY}.key")));
    assert!(open(&python, &world, "a/ü +", &first) == noise(3, PLAIN_LEN));
    assert!(open(&python, &world, "parts", &second) == parts.concat());
}
