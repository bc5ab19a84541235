//! What rules say about objects of other programs.

use super::{bad, good};
use crate::settings::{Contents, ForeignFormat, Padding, ReadPolicy};

#[test]
fn what_could_have_no_effect_or_never_holds_is_named() {
    for (text, expected) in [
        (
            "[[rules]]\nbucket = \"b\"\nformat = \"none\"\nreads = [\"s3ec-v3\"]\n",
            "FILE:1: rules[0].contents: `reads` names formats that are not \"plain\"",
        ),
        (
            "[[rules]]\nbucket = \"b\"\ncontents = \"s3ec-v3\"\n",
            "FILE:3: rules[0].contents: when everything is of one format",
        ),
        (
            "[[rules]]\nbucket = \"b\"\nformat = \"refused\"\ncontents = \"s3ec-v3\"\netag = \"md5\"\n",
            "FILE:5: rules[0].etag: objects of \"s3ec-v3\" keep no MD5",
        ),
        (
            "[[rules]]\nbucket = \"b\"\ncontents = \"mixed\"\nreads = [\"s3ec-v2\"]\n",
            "FILE:1: rules[0].commitment: objects of \"s3ec-v2\" do not commit to their key",
        ),
        (
            "[[rules]]\nbucket = \"b\"\ncontents = \"mixed\"\nreads = [\"s3ec-v1\"]\ncommitment = \"forbid-encrypt-allow-decrypt\"\n",
            "FILE:1: rules[0].legacy_content: must be true to read \"s3ec-v1\"",
        ),
        ("[[rules]]\nbucket = \"b\"\nkeys = [\"a\"]\n", "FILE:3: rules[0].keys: means nothing where no format"),
        ("[[rules]]\nbucket = \"b\"\nearly_release = false\n", "FILE:3: rules[0].early_release: means nothing"),
        (
            "[[rules]]\nbucket = \"b\"\ncontents = \"mixed\"\nreads = [\"s3ec-v3\"]\nkeys = [\"old\"]\n[[keys]]\nid = \"olt\"\nsecret = \"env:A\"\n",
            "FILE:5: rules[0].keys: there is no key \"old\" in [[keys]]; did you mean \"olt\"?",
        ),
        (
            "[[rules]]\nbucket = \"b\"\ncontents = \"mixed\"\nreads = [\"s3ec-v3\"]\ninstruction_suffix = \".x\"\n",
            "FILE:5: rules[0].instruction_suffix: means nothing with instruction_files = \"refused\"",
        ),
        (
            "[[rules]]\nbucket = \"b\"\ncontents = \"mixed\"\nreads = [\"s3ec-v3\"]\ncontext = { \"aws:x-amz-cek-alg\" = \"115\" }\n",
            "FILE:5: rules[0].context",
        ),
        (
            "[[rules]]\nbucket = \"b\"\ncontents = \"mixed\"\nreads = [\"fileson\", \"gpg\"]\n",
            "FILE:4: rules[0].reads: nothing tells objects of \"fileson\" and \"gpg\" apart",
        ),
        (
            "[[rules]]\nbucket = \"b\"\ncontents = \"mixed\"\nreads = [\"s3-encryption\", \"key-sidecar\"]\n",
            "FILE:4: rules[0].reads: nothing tells objects of \"s3-encryption\" and \"key-sidecar\" apart",
        ),
        (
            "[[rules]]\nbucket = \"b\"\ncontents = \"mixed\"\nreads = [\"rclone-crypt\", \"plaintext\"]\n",
            "FILE:4: rules[0].reads: nothing tells plaintext and objects of \"rclone-crypt\" apart",
        ),
        (
            "[[rules]]\nbucket = \"b\"\nformat = \"none\"\ncontents = \"mixed\"\nreads = [\"fileson\"]\n",
            "FILE:3: rules[0].format: nothing tells plaintext and objects of \"fileson\" apart",
        ),
        (
            "[[rules]]\nbucket = \"b\"\nformat = \"refused\"\ncontents = \"gpg\"\npadding = \"raw\"\n",
            "FILE:5: rules[0].padding: means nothing where \"kms-cbc\" is not read",
        ),
        (
            "[[rules]]\nbucket = \"b\"\nformat = \"refused\"\ncontents = \"gpg\"\nmd5_metadata = \"x-amz-meta-md5\"\n",
            "FILE:5: rules[0].md5_metadata: wants the name of a metadata field",
        ),
        (
            "[[rules]]\nbucket = \"b\"\nformat = \"refused\"\ncontents = \"key-sidecar\"\nsidecar_suffix = \"/\"\n",
            "FILE:5: rules[0].sidecar_suffix: wants 1 to 64 characters",
        ),
        ("[[rules]]\nbucket = \"b\"\nmd5_metadata = \"md5\"\n", "FILE:3: rules[0].md5_metadata: means nothing"),
    ] {
        let problem = bad(text);
        assert!(problem.lines().any(|line| line.starts_with(expected)), "{text}\n{problem}");
    }
}

#[test]
fn the_tools_of_a_rule_have_their_settings() {
    let settings = good(
        "[[rules]]\nbucket = \"b\"\ncontents = \"mixed\"\nreads = [\"kms-cbc\", \"gpg\", \"aioboto3\", \"key-sidecar\"]\n\
         padding = \"raw\"\nmd5_metadata = \"md5\"\nsidecar_suffix = \".kms\"\n\
         [[rules]]\nbucket = \"c\"\nformat = \"refused\"\ncontents = \"rclone-crypt\"\n",
    );
    let foreign = settings.rules[0].foreign.as_ref().unwrap();
    assert_eq!((foreign.padding, foreign.sidecar_suffix.as_str()), (Padding::Raw, ".kms"));
    assert_eq!(foreign.md5_metadata.as_deref(), Some("md5"));
    let foreign = settings.rules[1].foreign.as_ref().unwrap();
    assert_eq!((foreign.padding, foreign.sidecar_suffix.as_str()), (Padding::Auto, ".key"));
}

#[test]
fn a_rule_reads_what_it_names_of_other_programs() {
    let settings = good(
        "[[rules]]\nbucket = \"b\"\ncontents = \"mixed\"\nreads = [\"s3ec-v1\", \"s3ec-v3\", \"plaintext\", \"s3ec-v3\"]\n\
         commitment = \"require-encrypt-allow-decrypt\"\nlegacy_wraps = true\nlegacy_content = true\ninstruction_files = \"any\"\n\
         keys = \"k\"\ncontext = { tenant = \"a\" }\n[[keys]]\nid = \"k\"\nsecret = \"env:A\"\n\
         [[rules]]\nbucket = \"c\"\nformat = \"refused\"\ncontents = \"s3ec-v3\"\n",
    );
    let [mixed, one] = settings.rules.as_slice() else { panic!("two rules") };
    let foreign = mixed.foreign.as_ref().unwrap();
    assert!(mixed.contents == Contents::Mixed && mixed.reads_plaintext);
    assert_eq!(foreign.reads, [ForeignFormat::S3EcV1, ForeignFormat::S3EcV3]);
    assert!(foreign.s3ec.legacy_wraps && !foreign.s3ec.unverified_ranges && !foreign.s3ec.early_release);
    assert_eq!((foreign.keys.as_deref(), foreign.context["tenant"].as_str()), (Some(&["k".to_owned()][..]), "a"));
    assert_eq!(foreign.instruction_suffix, ".instruction");
    let foreign = one.foreign.as_ref().unwrap();
    assert!(one.contents == Contents::Foreign(ForeignFormat::S3EcV3) && !one.reads_plaintext);
    assert_eq!((foreign.reads.as_slice(), &foreign.s3ec), (&[ForeignFormat::S3EcV3][..], &ReadPolicy::default()));
}
