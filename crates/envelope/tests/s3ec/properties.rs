//! What holds for any object: ranges are slices, splits do not matter, and no byte string makes the parsers panic.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use envelope::s3ec::{Content, Context, Detection, Envelope, Suite, detect};
use hkdf::Hkdf;
use proptest::prelude::*;
use sha2::Sha512;

use crate::vector::{cbc, gcm, generous, open};

/// An object as a client leaves it, with KMS as the one who knows the data key.
#[derive(Debug)]
struct Object {
    metadata: Vec<(&'static str, String)>,
    stored: Vec<u8>,
    data_key: [u8; 32],
}

impl Object {
    fn new(suite: Suite, data_key: [u8; 32], id: [u8; 28], plain: &[u8]) -> Self {
        let blob = STANDARD.encode("blob");
        let (metadata, stored) = match suite {
            Suite::Cbc => (v2("AES/CBC/PKCS5Padding", "kms", &id[..16], "{}"), cbc(&data_key, &id[..16], plain)),
            Suite::Gcm => {
                let context = r#"{"aws:x-amz-cek-alg":"AES/GCM/NoPadding"}"#;
                (v2("AES/GCM/NoPadding", "kms+context", &id[..12], context), gcm(&data_key, &id[..12], b"", plain))
            }
            Suite::CommittingGcm => {
                let (commitment, key) = derived(&data_key, &id);
                let metadata = vec![
                    ("x-amz-c", "115".to_owned()),
                    ("x-amz-d", STANDARD.encode(commitment)),
                    ("x-amz-i", STANDARD.encode(id)),
                    ("x-amz-3", blob),
                    ("x-amz-w", "12".to_owned()),
                    ("x-amz-t", r#"{"aws:x-amz-cek-alg":"115"}"#.to_owned()),
                ];
                (metadata, gcm(&key, &[1; 12], &[0x00, 0x73], plain))
            }
        };
        Self { metadata, stored, data_key }
    }

    fn envelope(&self) -> Envelope {
        match detect(self.metadata.iter().map(|(name, value)| (*name, value.as_str())), 0).unwrap() {
            Detection::Complete(envelope) => *envelope,
            other => panic!("{other:?}"),
        }
    }

    fn content(&self) -> Content {
        let admitted = self.envelope().admit(&generous()).unwrap();
        admitted.kms(&Context::new()).unwrap().unlock(&self.data_key).unwrap()
    }
}

fn v2(suite: &str, wrap: &str, iv: &[u8], context: &str) -> Vec<(&'static str, String)> {
    vec![
        ("x-amz-key-v2", STANDARD.encode("blob")),
        ("x-amz-iv", STANDARD.encode(iv)),
        ("x-amz-cek-alg", suite.to_owned()),
        ("x-amz-wrap-alg", wrap.to_owned()),
        ("x-amz-matdesc", context.to_owned()),
    ]
}

fn derived(data_key: &[u8], id: &[u8]) -> ([u8; 28], [u8; 32]) {
    let (hkdf, mut commitment, mut key) = (Hkdf::<Sha512>::new(Some(id), data_key), [0; 28], [0; 32]);
    hkdf.expand(b"\x00\x73COMMITKEY", &mut commitment).unwrap();
    hkdf.expand(b"\x00\x73DERIVEKEY", &mut key).unwrap();
    (commitment, key)
}

fn suites() -> impl Strategy<Value = Suite> {
    prop_oneof![Just(Suite::Cbc), Just(Suite::Gcm), Just(Suite::CommittingGcm)]
}

fn objects() -> impl Strategy<Value = (Object, Vec<u8>)> {
    let bytes = prop::collection::vec(any::<u8>(), 0..200);
    (suites(), any::<[u8; 32]>(), any::<[u8; 16]>(), bytes).prop_map(|(suite, key, random, plain)| {
        let mut id = [1; 28];
        id[..16].copy_from_slice(&random);
        (Object::new(suite, key, id, &plain), plain)
    })
}

proptest! {
    #[test]
    fn the_whole_opens_in_any_split((object, plain) in objects(), piece in 1_usize..70) {
        prop_assert_eq!(open(&object.content(), &object.stored, None, piece).unwrap(), plain);
    }

    #[test]
    fn a_range_is_the_slice((object, plain) in objects(), from: u16, to: u16, piece in 1_usize..70) {
        prop_assume!(!plain.is_empty());
        let from = usize::from(from) % plain.len();
        let to = from + 1 + usize::from(to) % (plain.len() - from);
        let range = Some(from as u64..to as u64);
        prop_assert_eq!(open(&object.content(), &object.stored, range, piece).unwrap(), &plain[from..to]);
    }

    #[test]
    fn a_plan_fetches_no_more_than_two_blocks_beyond_the_range((object, plain) in objects(), from: u16, to: u16) {
        prop_assume!(plain.len() > 1);
        let from = usize::from(from) % (plain.len() - 1) + 1;
        let to = from + 1 + usize::from(to) % (plain.len() - from);
        let content = object.content();
        let extent = crate::vector::extent(&content, &object.stored).unwrap();
        let plan = content.open(extent, Some(from as u64..to as u64)).unwrap();
        prop_assert!(plan.fetch.end <= extent.stored_len());
        prop_assert!(plan.fetch.end - plan.fetch.start <= (to - from) as u64 + 46);
    }

    #[test]
    fn authenticated_content_refuses_any_change((object, _) in objects(), at: u16, bit in 0_u8..8) {
        prop_assume!(object.envelope().suite() != Suite::Cbc);
        let mut stored = object.stored.clone();
        let at = usize::from(at) % stored.len();
        stored[at] ^= 1_u8 << bit;
        prop_assert!(open(&object.content(), &stored, None, 16).is_err());
    }

    #[test]
    fn any_metadata_is_read_or_refused(values in prop::collection::btree_map(0_usize..16, "\\PC{0,40}", 0..16)) {
        const NAMES: [&str; 16] = [
            "x-amz-key", "x-amz-key-v2", "x-amz-iv", "x-amz-cek-alg", "x-amz-wrap-alg", "x-amz-tag-len",
            "x-amz-matdesc", "x-amz-3", "x-amz-c", "x-amz-d", "x-amz-i", "x-amz-w", "x-amz-m", "x-amz-t",
            "x-amz-unencrypted-content-length", "user",
        ];
        let found = detect(values.iter().map(|(name, value)| (NAMES[*name], value.as_str())), 0);
        prop_assert!(!matches!(found, Ok(Detection::Complete(_))), "random text is no envelope");
    }

    #[test]
    fn any_instruction_file_is_read_or_refused(body in prop::collection::vec(any::<u8>(), 0..300)) {
        let Detection::NoEnvelope(partial) = detect([], 0).unwrap() else { panic!() };
        prop_assert!(partial.with_instruction_file(&body).is_err(), "random bytes are no envelope");
    }
}
