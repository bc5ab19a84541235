//! The keys of all vectors, as a configuration names them.

use std::fmt::Write as _;
use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use super::kms;
use super::tools::{self, ToolKey};
use super::vector::{Vector, all, all_legacy, named};

/// Keys of AES, by name, each with a vector that it opens.
pub const GROUPS: [(&str, &str); 4] = [
    ("aes32", "v1-aes-java-short"),
    ("aes16", "v1-aes16-ruby-short"),
    ("aes24", "v1-aes24-s3encryption-short"),
    ("sidecar", "v1-sidecar-s3encryption"),
];

/// `[[keys]]` for all of them, whose secrets are written into `folder`; a KMS is started for those it has.
#[must_use]
pub fn configuration(folder: &Path) -> String {
    let mut config = String::new();
    let rsa = all().into_iter().find(|vector| vector.key_type == "rsa").unwrap();
    let rsa = secret(&folder.join("rsa.pem"), rsa.master_key["private_pem"].as_str().unwrap());
    writeln!(config, "[[keys]]\nid = \"rsa\"\nkind = \"rsa\"\nsecret = \"{rsa}\"").unwrap();
    let wrong = secret(&folder.join("wrong.key"), &"5a".repeat(32));
    writeln!(config, "[[keys]]\nid = \"wrong\"\nsecret = \"{wrong}\"").unwrap();
    let rows: Vec<_> = all().iter().chain(&all_legacy()).filter_map(Vector::kms_row).collect();
    let (endpoint, password) = (kms::start(&rows), secret(&folder.join("kms.secret"), "anything"));
    writeln!(
        config,
        "[[keys]]\nid = \"kms\"\nkind = \"aws-kms\"\nkey = \"{}\"\nendpoint = \"{endpoint}\"\nregion = \"us-east-1\"\n\
         access_key = \"anybody\"\nsecret = \"{password}\"",
        kms::KEY
    )
    .unwrap();
    for ToolKey { id, kind, secret: first, more, second } in tools::keys() {
        writeln!(config, "[[keys]]\nid = \"{id}\"\nkind = \"{kind}\"").unwrap();
        if let Some(first) = first {
            writeln!(config, "secret = \"{}\"", secret(&folder.join(format!("{id}.first")), &first)).unwrap();
        }
        let second = second.map(|second| secret(&folder.join(format!("{id}.second")), &second));
        writeln!(config, "{}", more.replace("SECRET", second.as_deref().unwrap_or_default())).unwrap();
    }
    for (group, id) in GROUPS {
        let key = secret(&folder.join(format!("{group}.key")), named(id).master_key["hex"].as_str().unwrap());
        writeln!(config, "[[keys]]\nid = \"{group}\"\nsecret = \"{key}\"").unwrap();
    }
    // The same key again, by the name that some objects give it.
    let key = secret(&folder.join("mk-2.key"), named("v2-aes-java-short-matdesc").master_key["hex"].as_str().unwrap());
    writeln!(config, "[[keys]]\nid = \"mk-2\"\nsecret = \"{key}\"\nmaterials = {{ key-name = \"mk-2\" }}").unwrap();
    config
}

/// Writes a file only its owner can read, and returns the reference to it.
#[must_use]
pub fn secret(path: &Path, contents: &str) -> String {
    let mut file = OpenOptions::new().create(true).truncate(true).write(true).mode(0o600).open(path).unwrap();
    file.write_all(format!("{contents}\n").as_bytes()).unwrap();
    assert!(fs::metadata(path).unwrap().is_file());
    format!("file:{}", path.display())
}
