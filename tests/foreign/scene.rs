//! A daemon with a bucket for every kind of rule, over a store in which objects can be put as another tool left them.

use std::fmt::Write as _;
use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use sealgate_tests::answer::Answer;
use sealgate_tests::request::Request;
use sealgate_tests::world::World;
use tempfile::TempDir;

use crate::tools::ToolKey;
use crate::vector::{Vector, all, all_legacy, named};
use crate::{kms, tools};

/// The daemon under test.
const PROGRAM: &str = env!("CARGO_BIN_EXE_sealgate-under-test");

/// What a rule says, by the bucket's name without the keys it has.
const RULES: &[(&str, &str)] = &[
    ("all", GENEROUS),
    (
        "quick",
        "contents = \"mixed\"\nreads = [\"s3ec-v1\", \"s3ec-v2\", \"s3ec-v3\", \"plaintext\"]\ncommitment = \"forbid-encrypt-allow-decrypt\"\n\
         legacy_wraps = true\nlegacy_content = true\ninstruction_files = \"any\"\nunverified_ranges = true\nearly_release = true\n",
    ),
    ("strict", "contents = \"mixed\"\nreads = [\"s3ec-v3\"]\n"),
    (
        "no-commitment",
        "contents = \"mixed\"\nreads = [\"s3ec-v3\", \"plaintext\"]\nlegacy_wraps = true\nlegacy_content = true\ninstruction_files = \"any\"\n",
    ),
    (
        "no-legacy-wraps",
        "contents = \"mixed\"\nreads = [\"s3ec-v2\", \"s3ec-v3\"]\ncommitment = \"require-encrypt-allow-decrypt\"\nlegacy_content = true\n\
         instruction_files = \"any\"\n",
    ),
    (
        "no-legacy-content",
        "contents = \"mixed\"\nreads = [\"s3ec-v2\", \"s3ec-v3\"]\ncommitment = \"require-encrypt-allow-decrypt\"\nlegacy_wraps = true\n\
         instruction_files = \"any\"\n",
    ),
    (
        "no-files",
        "contents = \"mixed\"\nreads = [\"s3ec-v1\", \"s3ec-v2\", \"s3ec-v3\"]\ncommitment = \"require-encrypt-allow-decrypt\"\n\
         legacy_wraps = true\nlegacy_content = true\n",
    ),
    (
        "only-v1",
        "format = \"refused\"\ncontents = \"s3ec-v1\"\ncommitment = \"require-encrypt-allow-decrypt\"\nlegacy_wraps = true\n\
         legacy_content = true\ninstruction_files = \"any\"\n",
    ),
    (
        "only-v2",
        "format = \"refused\"\ncontents = \"s3ec-v2\"\ncommitment = \"require-encrypt-allow-decrypt\"\nlegacy_wraps = true\n\
         legacy_content = true\ninstruction_files = \"any\"\n",
    ),
    ("only-v3", "format = \"refused\"\ncontents = \"s3ec-v3\"\ninstruction_files = \"committed\"\n"),
    ("keep", KEEP),
    ("other-keep", KEEP),
    ("wrong-keys", GENEROUS),
    ("no-keys", GENEROUS),
];

const GENEROUS: &str = "contents = \"mixed\"\nreads = [\"s3ec-v1\", \"s3ec-v2\", \"s3ec-v3\"]\ncommitment = \"forbid-encrypt-allow-decrypt\"\n\
     legacy_wraps = true\nlegacy_content = true\ninstruction_files = \"any\"\n";

/// Where a copy stays what it is.
const KEEP: &str = "format = \"none\"\ncontents = \"mixed\"\nreads = [\"plaintext\", \"s3ec-v1\", \"s3ec-v2\", \"s3ec-v3\"]\n\
     commitment = \"forbid-encrypt-allow-decrypt\"\nlegacy_wraps = true\nlegacy_content = true\ninstruction_files = \"any\"\n";

/// Where new objects are written as other programs do.
const WRITING: &[(&str, &str)] = &[
    ("write-v3", "format = \"s3ec-v3\"\nkeys = [\"aes32\"]\n"),
    ("write-v2", "format = \"s3ec-v2\"\ncommitment = \"forbid-encrypt-allow-decrypt\"\nkeys = [\"aes32\"]\n"),
    (
        "write-files",
        "format = \"s3ec-v3\"\ninstruction_files = \"committed\"\nwrite_instruction_files = true\nkeys = [\"aes32\"]\n",
    ),
    ("write-rsa", "format = \"s3ec-v3\"\nkeys = [\"rsa\", \"aes32\"]\n"),
];

/// The daemon, its store, and the keys it was given.
pub(crate) struct Scene {
    pub(crate) world: World,
    _keys: TempDir,
}

/// The vectors whose keys there are, by the name of the keys.
const GROUPS: [(&str, &str); 4] = [
    ("aes32", "v1-aes-java-short"),
    ("aes16", "v1-aes16-ruby-short"),
    ("aes24", "v1-aes24-s3encryption-short"),
    ("sidecar", "v1-sidecar-s3encryption"),
];

impl Scene {
    pub(crate) fn start() -> Self {
        let keys = TempDir::new().unwrap();
        let config = config(keys.path());
        let world = World::new(Path::new(PROGRAM), &config);
        for (group, _) in GROUPS {
            for (rule, _) in RULES {
                world.behind.request("PUT", &format!("/{group}-{rule}")).send().check(200);
            }
        }
        let further = WRITING.iter().chain(tools::RULES).map(|(bucket, _)| *bucket);
        for bucket in ["sealed", "custom", "plain"].into_iter().chain(further) {
            world.behind.request("PUT", &format!("/{bucket}")).send().check(200);
        }
        Self { world, _keys: keys }
    }

    /// Puts an object in the store as its tool left it, with its instruction file.
    pub(crate) fn place(&self, bucket: &str, key: &str, vector: &Vector, stored: &[u8]) {
        let put = self.world.behind.object("PUT", bucket, key).body(stored).header("content-type", "text/x-vector");
        let put =
            vector.metadata.iter().fold(put, |put, (name, value)| put.header(&format!("x-amz-meta-{name}"), value));
        put.header("x-amz-meta-colour", "red").send().check(200);
        if let Some(body) = &vector.instruction_file {
            let put = self.world.behind.object("PUT", bucket, &format!("{key}.instruction"));
            put.header("x-amz-meta-x-amz-crypto-instr-file", "").body(body.as_bytes()).send().check(200);
        }
    }

    /// The same with the vector's own content; the bucket it is in.
    pub(crate) fn placed(&self, vector: &Vector, rule: &str, key: &str) -> String {
        let bucket = bucket_of(vector, rule);
        self.place(&bucket, key, vector, &vector.stored());
        bucket
    }

    pub(crate) fn object(&self, method: &str, bucket: &str, key: &str) -> Request {
        self.world.front.object(method, bucket, key)
    }

    /// The size and the ETag that a listing shows of one key.
    pub(crate) fn listed(&self, bucket: &str, key: &str) -> Option<(usize, String)> {
        let list = self.world.front.request("GET", &format!("/{bucket}")).query("list-type", "2").query("prefix", key);
        let page = list.send().expect(200);
        let entry = page
            .all("Contents")
            .into_iter()
            .find(|entry| sealgate_tests::answer::text(entry, "Key").as_deref() == Some(key))?;
        let text = |name: &str| sealgate_tests::answer::text(&entry, name).unwrap();
        Some((text("Size").parse().unwrap(), text("ETag")))
    }

    /// Whether the daemon has logged this.
    pub(crate) fn logged(&self, text: &str) -> bool {
        self.world.daemon.log().contains(text)
    }
}

/// The bucket in which a vector's keys are at hand under a rule.
pub(crate) fn bucket_of(vector: &Vector, rule: &str) -> String {
    assert!(RULES.iter().any(|(name, _)| *name == rule), "no rule {rule}");
    let same = |(_, id): &&(&str, &str)| named(id).master_key["hex"] == vector.master_key["hex"];
    let group = match vector.key_type.as_str() {
        "aes" => GROUPS.iter().find(same).unwrap_or_else(|| panic!("no keys for {}", vector.id)).0,
        _ => "aes32",
    };
    format!("{group}-{rule}")
}

/// Checks that an answer is a whole object with this plaintext.
#[track_caller]
pub(crate) fn holds(answer: &Answer, plain: &[u8]) {
    assert!(answer.status == 200 && answer.complete, "{answer:?}");
    assert_eq!(answer.must("content-length"), plain.len().to_string(), "{answer:?}");
    assert!(answer.body == plain, "the content differs: {answer:?}");
}

/// The keys of all vectors, and a rule for every bucket.
fn config(folder: &Path) -> String {
    let mut config = String::from("[keyring]\nprimary = \"test-1\"\n");
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
    for (bucket, says) in tools::RULES {
        writeln!(config, "[[rules]]\nbucket = \"{bucket}\"\nformat = \"refused\"\n{says}").unwrap();
    }
    for (group, id) in GROUPS {
        let key = secret(&folder.join(format!("{group}.key")), named(id).master_key["hex"].as_str().unwrap());
        writeln!(config, "[[keys]]\nid = \"{group}\"\nsecret = \"{key}\"").unwrap();
    }
    // The same key again, by the name that some objects give it.
    let key = secret(&folder.join("mk-2.key"), named("v2-aes-java-short-matdesc").master_key["hex"].as_str().unwrap());
    writeln!(config, "[[keys]]\nid = \"mk-2\"\nsecret = \"{key}\"\nmaterials = {{ key-name = \"mk-2\" }}").unwrap();
    for (group, _) in GROUPS {
        for (rule, says) in RULES {
            let keys = match *rule {
                "wrong-keys" => "\"wrong\", \"mk-2\"".to_owned(),
                "no-keys" if group == "aes32" => "\"rsa\"".to_owned(),
                "no-keys" => "\"wrong\"".to_owned(),
                _ => format!("\"{group}\", \"rsa\", \"kms\""),
            };
            writeln!(config, "[[rules]]\nbucket = \"{group}-{rule}\"\n{says}keys = [{keys}]").unwrap();
        }
    }
    let custom = GENEROUS.replace("\"any\"", "\"any\"\ninstruction_suffix = \".partner\"");
    writeln!(config, "[[rules]]\nbucket = \"custom\"\n{custom}keys = [\"aes32\", \"rsa\"]").unwrap();
    for (bucket, says) in WRITING {
        writeln!(config, "[[rules]]\nbucket = \"{bucket}\"\n{says}").unwrap();
    }
    config + "[[rules]]\nbucket = \"plain\"\nformat = \"none\"\n[[rules]]\nbucket = \"*\"\n"
}

/// Writes a file only its owner can read, and returns the reference to it.
fn secret(path: &Path, contents: &str) -> String {
    let mut file = OpenOptions::new().create(true).truncate(true).write(true).mode(0o600).open(path).unwrap();
    file.write_all(format!("{contents}\n").as_bytes()).unwrap();
    assert!(fs::metadata(path).unwrap().is_file());
    format!("file:{}", path.display())
}
