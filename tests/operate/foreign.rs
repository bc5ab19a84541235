//! Where objects of other programs lie: their buckets, one for each family of formats, under rules that seal what is new.

use std::fmt::Write as _;

use sealgate_tests::foreign::keys::configuration;
use sealgate_tests::foreign::vector::{Vector, all, all_legacy, legacy, named};
use sealgate_tests::foreign::{instruction_file, object, tools};
use sealgate_tests::world::World;
use tempfile::TempDir;

use crate::scene::world;

/// What is read in a bucket of each name, and with which keys.
pub(crate) const FAMILIES: &[(&str, &str)] = &[
    (
        "amazon",
        "reads = [\"s3ec-v1\", \"s3ec-v2\", \"s3ec-v3\"]\nkeys = [\"aes32\", \"rsa\", \"kms\", \"mk-2\"]\nlegacy_wraps = true\n\
         legacy_content = true\ninstruction_files = \"any\"\ncommitment = \"forbid-encrypt-allow-decrypt\"\n",
    ),
    ("aioboto3", "reads = [\"aioboto3\"]\nkeys = [\"aes32\", \"rsa\", \"kms\"]\n"),
    ("s3-encryption", "reads = [\"s3-encryption\"]\nkeys = [\"aes32\"]\n"),
    ("s3-encryption-fork", "reads = [\"s3-encryption-fork\"]\nkeys = [\"aes32\"]\n"),
    ("beside", "reads = [\"key-sidecar\"]\nkeys = [\"kms\"]\n"),
    ("kms-cbc", "reads = [\"kms-cbc\"]\nkeys = [\"kms\"]\n"),
    ("fileson", "reads = [\"fileson\"]\nkeys = [\"fileson\"]\n"),
    ("fileson-raw", "reads = [\"fileson\"]\nkeys = [\"fileson-raw\"]\n"),
    ("rclone", "reads = [\"rclone-crypt\"]\nkeys = [\"rclone\"]\n"),
    ("rclone-two", "reads = [\"rclone-crypt\"]\nkeys = [\"rclone-two\"]\n"),
    (
        "gpg",
        "reads = [\"gpg\"]\nkeys = [\"gpg-words\", \"gpg-rsa\", \"gpg-ecc\", \"gpg-nist\"]\nmd5_metadata = \"md5\"\n",
    ),
];

/// The daemon with these buckets, and what its keys lie in.
pub(crate) struct Foreign {
    pub(crate) world: World,
    _keys: TempDir,
}

impl Foreign {
    /// With further rules at the end, and buckets of these names.
    pub(crate) fn new(rules: &str, buckets: &[&str]) -> Self {
        let keys = TempDir::new().unwrap();
        let mut extra = format!("[keyring]\nprimary = \"test-1\"\n{}", configuration(keys.path()));
        for (bucket, says) in FAMILIES {
            writeln!(extra, "[[rules]]\nbucket = \"{bucket}\"\ncontents = \"mixed\"\n{says}").unwrap();
        }
        let world = world(&format!("{extra}[[rules]]\nbucket = \"*\"\n{rules}"));
        for bucket in FAMILIES.iter().map(|(bucket, _)| bucket).chain(buckets) {
            world.behind.request("PUT", &format!("/{bucket}")).send().check(200);
        }
        Self { world, _keys: keys }
    }

    /// Puts an object with a tag into the store as its tool left it, with what lies beside it.
    pub(crate) fn place(&self, bucket: &str, key: &str, vector: &Vector) {
        self.place_content(bucket, key, vector, &stored(vector));
    }

    pub(crate) fn place_content(&self, bucket: &str, key: &str, vector: &Vector, stored: &[u8]) {
        let put = object(&self.world.behind, bucket, key, vector, stored).header("x-amz-tagging", "a=1");
        put.send().check(200);
        instruction_file(&self.world.behind, bucket, key, vector);
        if vector.id.contains("sidecar") {
            let put = self.world.behind.object("PUT", bucket, &format!("{key}.key"));
            put.body(vector.sidecar().as_bytes()).send().check(200);
        }
    }

    /// Checks what a client sees of an object that was placed.
    #[track_caller]
    pub(crate) fn holds(&self, bucket: &str, key: &str, plain: &[u8]) {
        let read = self.world.get(bucket, key).send();
        assert!(read.status == 200 && read.body == plain, "{bucket}/{key}: {read:?}");
        for (name, value) in
            [("x-amz-meta-colour", "red"), ("content-type", "text/x-vector"), ("x-amz-tagging-count", "1")]
        {
            assert_eq!(read.must(name), value, "{bucket}/{key}");
        }
        assert!(read.headers.iter().all(|(name, _)| !name.contains("x-amz-meta-x-amz")), "{bucket}/{key}: {read:?}");
        let list = self.world.front.request("GET", &format!("/{bucket}")).query("list-type", "2").query("prefix", key);
        let page = list.send().expect(200);
        let entries = page.all("Contents").into_iter();
        let text = |entry: &String, name: &str| sealgate_tests::answer::text(entry, name);
        let entry = entries.into_iter().find(|entry| text(entry, "Key").as_deref() == Some(key)).unwrap();
        assert_eq!(text(&entry, "Size").unwrap(), plain.len().to_string(), "{bucket}/{key} in a listing");
    }

    pub(crate) fn is_there(&self, bucket: &str, key: &str) -> bool {
        self.world.behind.object("HEAD", bucket, key).send().status == 200
    }
}

fn stored(vector: &Vector) -> Vec<u8> {
    let of_tool = vector.id.starts_with("fileson") || vector.id.starts_with("rumney") || vector.id.starts_with("gpg");
    if of_tool || vector.id.starts_with("rclone") { tools::stored(vector) } else { vector.stored() }
}

/// Every vector that is read, with its bucket; but for the long ones, which other suites read.
pub(crate) fn everything() -> Vec<(&'static str, Vector)> {
    let mut found: Vec<(&str, Vector)> = Vec::new();
    let opens = |vector: &Vector| {
        vector.expect == "ok"
            && (vector.key_type != "aes" || vector.master_key == named("v1-aes-java-short").master_key)
    };
    for vector in all().into_iter().filter(opens) {
        let bucket = match vector.id.as_str() {
            id if id.contains("sidecar") => "beside",
            id if id.contains("aioboto3") => "aioboto3",
            id if id.contains("s3encryption") => "s3-encryption",
            id if id.contains("s3encfork") => "s3-encryption-fork",
            _ => "amazon",
        };
        found.push((bucket, vector));
    }
    found.push(("beside", named("v1-sidecar-s3encryption")));
    let ambiguous = "rumney-zeropad-trailing-nul";
    found.extend(
        all_legacy().into_iter().filter(|vector| vector.id != ambiguous).map(|vector| (tools::family(&vector), vector)),
    );
    found.retain(|(_, vector)| !["python-large", "python-mpu"].iter().any(|long| vector.id.ends_with(long)));
    found
}

/// One of each kind, by bucket: what is enough where the format makes no difference.
pub(crate) fn one_of_each() -> Vec<(&'static str, Vector)> {
    let of_tools = ["fileson-short", "rclone-crypt-short", "gpg-rsa-short", "rumney-zeropad-short"].map(legacy);
    let of_amazon = [
        "v1-aes-java-short",
        "v2-aes-java-short",
        "v3-aes-java-short",
        "v1-rsa-ruby-short-instruction",
        "v2-kms-ruby-short-instruction",
        "v3-kms-instruction",
    ];
    let mut found: Vec<_> = of_amazon.map(|id| ("amazon", named(id))).into();
    found.push(("aioboto3", named("v2-kmsgcm-aioboto3-short")));
    found.push(("s3-encryption", named("v1-aes32-s3encryption-short")));
    found.push(("beside", named("v1-sidecar-s3encryption")));
    found.extend(of_tools.map(|vector| (tools::family(&vector), vector)));
    found
}
