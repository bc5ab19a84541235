//! A daemon with a bucket for every kind of rule, over a store in which objects can be put as another tool left them.

use std::fmt::Write as _;
use std::path::Path;

use sealgate_tests::answer::Answer;
use sealgate_tests::foreign::keys::{GROUPS, configuration};
use sealgate_tests::foreign::vector::{Vector, named};
use sealgate_tests::foreign::{instruction_file, object};
use sealgate_tests::request::Request;
use sealgate_tests::world::World;
use tempfile::TempDir;

use crate::tools;

/// The daemon under test.
pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_sealgate-under-test");

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
        object(&self.world.behind, bucket, key, vector, stored).send().check(200);
        instruction_file(&self.world.behind, bucket, key, vector);
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
    let mut config = format!("[keyring]\nprimary = \"test-1\"\n{}", configuration(folder));
    for (bucket, says) in tools::RULES {
        writeln!(config, "[[rules]]\nbucket = \"{bucket}\"\nformat = \"refused\"\n{says}").unwrap();
    }
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
