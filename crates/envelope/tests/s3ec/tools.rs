//! Tools that write Amazon's formats and are not Amazon's: naming one admits its objects and nothing else.

use envelope::s3ec::{Error, ReadPolicy, Release, Rule, Tool};

use crate::vector as support;
use crate::vector::{Vector, generous, named, open};

const TOOLS: [Tool; 4] = [Tool::Aioboto3, Tool::S3Encryption, Tool::S3EncryptionFork, Tool::KeySidecar];

fn positive() -> Vec<Vector> {
    support::all().into_iter().filter(|vector| vector.expect == "ok").collect()
}

fn is_from(vector: &Vector, tool: Tool) -> bool {
    let (original, fork) = (vector.id.contains("s3encryption"), vector.id.contains("s3encfork"));
    match tool {
        Tool::Aioboto3 => vector.id.contains("aioboto3"),
        Tool::S3Encryption => original,
        Tool::S3EncryptionFork => fork,
        _ => original || fork,
    }
}

/// What the strictest policy with the tool's name beside it makes of an object.
fn admitted(vector: &Vector, tool: Tool) -> Result<(), Error> {
    vector.envelope().unwrap().admit_as(tool, &ReadPolicy::default()).map(|_| ())
}

#[test]
fn a_tool_admits_all_its_objects_without_further_switches() {
    for tool in TOOLS {
        let own: Vec<_> = positive().into_iter().filter(|vector| is_from(vector, tool)).collect();
        assert!(own.len() >= 6, "{tool:?}");
        for vector in own {
            assert_eq!(admitted(&vector, tool), Ok(()), "{tool:?} {}", vector.id);
        }
    }
}

/// Objects another program wrote in just the shape of a tool's. Whoever names the tool reads them too.
fn looks_like(vector: &Vector, tool: Tool) -> bool {
    let in_file = vector.instruction_file.is_some();
    let v1 = vector.id.starts_with("v1-") && !vector.id.contains("s3encryption") && !in_file;
    tool == Tool::Aioboto3 && v1
}

#[test]
fn a_tool_admits_nothing_of_another_shape() {
    let mut refused = 0;
    for tool in TOOLS {
        for vector in positive() {
            if is_from(&vector, tool) || looks_like(&vector, tool) {
                assert_eq!(admitted(&vector, tool), Ok(()), "{tool:?} {}", vector.id);
            } else {
                assert_eq!(admitted(&vector, tool), Err(Error::Refused(Rule::OtherTool)), "{tool:?} {}", vector.id);
                refused += 1;
            }
        }
    }
    assert!(refused > 200);
}

#[test]
fn one_other_field_makes_it_another_tools_object() {
    for (id, tool, field, value) in [
        ("v2-kmsgcm-aioboto3-short", Tool::Aioboto3, "x-amz-tag-len", ""),
        ("v2-kmsgcm-aioboto3-short", Tool::Aioboto3, "x-amz-wrap-alg", "kms+context"),
        ("v2-kmsgcm-aioboto3-short", Tool::Aioboto3, "x-amz-wrap-alg", "AESWrap"),
        ("v2-kmscbc-aioboto3-short", Tool::Aioboto3, "x-amz-tag-len", "0"),
        ("v2-aeswrap-gcm-s3encfork-short", Tool::S3EncryptionFork, "x-amz-tag-len", "128"),
        ("v2-aeswrap-gcm-s3encfork-short", Tool::S3EncryptionFork, "x-amz-wrap-alg", "AES/GCM"),
        ("v2-aeswrap-cbc-s3encfork-short", Tool::S3EncryptionFork, "x-amz-tag-len", ""),
        ("v2-aeswrap-cbc-s3encfork-short", Tool::KeySidecar, "x-amz-tag-len", ""),
    ] {
        let mut vector = named(id);
        assert_eq!(admitted(&vector, tool), Ok(()), "{id}");
        vector.metadata.insert(field.to_owned(), value.to_owned());
        let refused = vector.envelope().map(|envelope| envelope.admit_as(tool, &generous()).err());
        // GCM wraps take 128 only, so with the fork's 16 such an envelope is malformed already.
        assert!(!matches!(refused, Ok(None)), "{id} {field} {value}");
    }
}

#[test]
fn what_a_range_takes_is_still_the_policys_to_say() {
    let strict = ReadPolicy::default();
    let vector = named("v2-aeswrap-gcm-s3encfork-short");
    for (policy, allowed) in [(&strict, false), (&generous(), true)] {
        let admitted = vector.envelope().unwrap().admit_as(Tool::S3EncryptionFork, policy).unwrap();
        let content = admitted.unlock(&vector.local_key()).unwrap();
        assert_eq!(open(&content, &vector.stored(), None, 7).unwrap(), vector.plain());
        assert_eq!(open(&content, &vector.stored(), Some(1..5), 7).is_ok(), allowed);
        let extent = support::extent(&content, &vector.stored()).unwrap();
        assert_eq!(content.open(extent, None).unwrap().release, Release::AtEnd);
    }
}
