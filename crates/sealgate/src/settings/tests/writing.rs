//! What a rule may say where objects are written in Amazon's formats.

use super::{bad, good};
use crate::settings::{Contents, ForeignFormat};

#[test]
fn a_rule_writes_amazons_formats_without_contradiction() {
    let rule = |says: &str| format!("[[rules]]\nbucket = \"b\"\n{says}");
    let v3 = good(&rule("format = \"s3ec-v3\"\ninstruction_files = \"committed\"\nwrite_instruction_files = true\n"));
    assert_eq!(v3.rules[0].contents, Contents::Foreign(ForeignFormat::S3EcV3));
    assert!(v3.rules[0].writes_instruction_files && v3.rules[0].foreign.is_some());
    let v2 = good(&rule("format = \"s3ec-v2\"\ncommitment = \"forbid-encrypt-allow-decrypt\"\nmetadata = \"clear\"\n"));
    assert_eq!(v2.rules[0].contents, Contents::Foreign(ForeignFormat::S3EcV2));
    good(&rule("format = \"s3ec-v3\"\ncontents = \"mixed\"\nreads = [\"s3ec-v3\", \"plaintext\"]\n"));
    for (says, expected) in [
        ("format = \"s3ec-v2\"\n", "rules[0].commitment: format = \"s3ec-v2\" does not commit"),
        (
            "format = \"s3ec-v3\"\ncommitment = \"forbid-encrypt-allow-decrypt\"\n",
            "FILE:4: rules[0].commitment: forbids to write format = \"s3ec-v3\"",
        ),
        ("format = \"s3ec-v3\"\ncontents = \"sealed\"\n", "FILE:4: rules[0].contents: says that nothing here"),
        (
            "format = \"s3ec-v3\"\ncontents = \"s3ec-v2\"\n",
            "FILE:4: rules[0].contents: when everything is of one format",
        ),
        (
            "format = \"s3ec-v3\"\ncontents = \"mixed\"\nreads = [\"plaintext\"]\n",
            "FILE:4: rules[0].contents: \"mixed\" wants the format that is written",
        ),
        ("format = \"s3ec-v3\"\nwrite_instruction_files = true\n", "FILE:4: rules[0].write_instruction_files: wants"),
        ("write_instruction_files = true\n", "FILE:3: rules[0].write_instruction_files: means nothing"),
        ("format = \"s3ec-v3\"\nmetadata = \"sealed\"\n", "FILE:4: rules[0].metadata: cannot be sealed"),
        ("format = \"s3ec-v3\"\netag = \"md5\"\n", "FILE:4: rules[0].etag: Amazon's formats keep no MD5"),
        ("format = \"s3ec-v3\"\nbinding = \"key\"\n", "FILE:4: rules[0].binding: means nothing"),
        ("format = \"s3ec-v3\"\n[store]\nuploads = \"bucket\"\n", "FILE:3: rules[0].format: wants uploads = \"local\""),
        ("[limits]\nheld_parts_mib = 5\n", "FILE:4: limits.held_parts_mib: wants a number of MiB"),
    ] {
        let problem = bad(&rule(says));
        assert!(problem.lines().any(|line| line.contains(expected)), "{says}\n{problem}");
    }
}
