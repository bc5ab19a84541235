//! Key types can neither be copied, printed nor compared, and say only their names.
//!
//! The absences are checked by the compiler: each check compiles only while the trait is not implemented.

use std::collections::BTreeMap;

use bytes::BytesMut;
use envelope::{
    ChecksumType, DataKey, ObjectKeys, Opener, PartMap, RangeOpener, Sealer, Segment, SegmentSealer, SegmentsOpener,
    Summary, WrappingSecret, layout, legacy, s3ec, seal_footer,
};

/// Two blanket ways to be `Absent` that collide, and so fail to compile, when the type has the trait.
macro_rules! assert_absent {
    ($type:ty: $($absent:path),+) => {
        $(const _: fn() = || {
            trait Absent<Proof> {
                fn proof() {}
            }
            impl<T: ?Sized> Absent<()> for T {}
            struct Present;
            impl<T: ?Sized + $absent> Absent<Present> for T {}
            let _ = <$type as Absent<_>>::proof;
        };)+
    };
}

assert_absent!(DataKey: Clone, Copy, std::fmt::Display, PartialEq, std::hash::Hash, serde::Serialize, AsRef<[u8]>, std::ops::Deref);
assert_absent!(WrappingSecret: Clone, Copy, std::fmt::Display, PartialEq, std::hash::Hash, serde::Serialize, AsRef<[u8]>, std::ops::Deref);
assert_absent!(ObjectKeys: Clone, Copy, std::fmt::Display, PartialEq, std::hash::Hash, serde::Serialize, AsRef<[u8]>, std::ops::Deref);
assert_absent!(DataKey: From<[u8; 32]>, Default);
assert_absent!(Sealer: Clone);
assert_absent!(Opener: Clone);
assert_absent!(SegmentSealer: Clone);
assert_absent!(SegmentsOpener: Clone);
assert_absent!(s3ec::AesMasterKey: Clone, Copy, std::fmt::Display, PartialEq, std::hash::Hash, serde::Serialize, AsRef<[u8]>, std::ops::Deref, From<[u8; 32]>, Default);
assert_absent!(s3ec::RsaMasterKey: Clone, Copy, std::fmt::Display, PartialEq, std::hash::Hash, serde::Serialize, AsRef<[u8]>, std::ops::Deref, Default);
assert_absent!(s3ec::Draft: Clone, Copy, std::fmt::Display, PartialEq, std::hash::Hash, serde::Serialize);
assert_absent!(s3ec::KmsEncrypt<'static>: Clone, Copy, std::fmt::Display, PartialEq, std::hash::Hash, serde::Serialize);
assert_absent!(s3ec::ContentKeys: Clone, Copy, std::fmt::Display, PartialEq, std::hash::Hash, serde::Serialize, AsRef<[u8]>, std::ops::Deref);
assert_absent!(s3ec::GcmSealer: Clone);
assert_absent!(s3ec::PartSealer: Clone);
assert_absent!(s3ec::Content: Clone, Copy, std::fmt::Display, PartialEq, std::hash::Hash, serde::Serialize);
assert_absent!(s3ec::Opener: Clone);
assert_absent!(s3ec::GcmVerifier: Clone);
assert_absent!(legacy::fileson::Key: Clone, Copy, std::fmt::Display, PartialEq, std::hash::Hash, serde::Serialize, AsRef<[u8]>, std::ops::Deref, From<[u8; 32]>, Default);
assert_absent!(legacy::rclone_crypt::Key: Clone, Copy, std::fmt::Display, PartialEq, std::hash::Hash, serde::Serialize, AsRef<[u8]>, std::ops::Deref, From<[u8; 32]>, Default);
assert_absent!(legacy::openpgp::Key: Clone, Copy, std::fmt::Display, PartialEq, std::hash::Hash, serde::Serialize, AsRef<[u8]>, std::ops::Deref, Default);
assert_absent!(legacy::kms_cbc::Content: Clone, Copy, std::fmt::Display, PartialEq, std::hash::Hash, serde::Serialize);
assert_absent!(legacy::Opener: Clone);

#[test]
fn debug_output_of_a_key_is_its_name() {
    assert_eq!(format!("{:?}", DataKey::from_bytes([0xab; 32])), "DataKey");
    assert_eq!(format!("{:#?}", WrappingSecret::from_bytes([0xab; 32])), "WrappingSecret");
    assert_eq!(format!("{:?}", keys()), "ObjectKeys");
    let draft = s3ec::Draft::new(s3ec::WriteFormat::V3, [0xab; 32], [0xcd; 28]).unwrap();
    assert_eq!(format!("{draft:?} {:?}", draft.content_keys().unwrap()), "Draft(V3) ContentKeys");
    assert!(!format!("{:?}", draft.kms(&BTreeMap::new()).unwrap()).contains("171"));
}

#[test]
fn debug_output_of_a_machine_shows_neither_keys_nor_content() {
    let mut sealer = Sealer::new(keys(), 10).unwrap();
    sealer.push(b"content", &mut BytesMut::new()).unwrap();
    assert_eq!(format!("{sealer:?}"), "Sealer { plain_len: 10, missing: 3, .. }");
    let opener = Opener::new(keys(), 256).unwrap();
    assert_eq!(format!("{opener:?}"), "Opener { plain_len: 0, missing: 256, .. }");
    let range = RangeOpener::new(keys(), 9, &layout::span(9, 2..5).unwrap());
    assert_eq!(format!("{range:?}"), "RangeOpener { missing: 25, take: 3, .. }");
    let sealer = SegmentSealer::new(&keys(), [1; 24], 10).unwrap();
    assert_eq!(format!("{sealer:?}"), "SegmentSealer { plain_len: 10, missing: 10, .. }");
    let segments = [Segment { part: 1, plain_len: 9, salt: [1; 24] }];
    let (none, nonces) = (BTreeMap::new(), [[1; 12], [2; 12]]);
    let footer = seal_footer(&keys(), &segments, None, &none, ChecksumType::FullObject, nonces, &mut |_| ()).unwrap();
    let map = PartMap::open(&keys(), &Summary::open(&keys(), &footer).unwrap(), b"", 25 + 256).unwrap();
    let opener = SegmentsOpener::new(&keys(), &map, 2..5).unwrap();
    assert_eq!(format!("{opener:?}"), "SegmentsOpener { missing: 25, take: 3, .. }");
}

#[test]
fn errors_tell_nothing_of_what_they_refused() {
    let secret = BTreeMap::from([("name".to_owned(), "value".to_owned())]);
    let sealed = keys().seal_metadata([1; 12], &secret).unwrap();
    let other = ObjectKeys::derive(&DataKey::from_bytes([2; 32]));
    let error = other.open_metadata(&sealed).unwrap_err();
    for text in [error.to_string(), format!("{error:?}")] {
        assert!(!text.contains("value") && !text.contains(&sealed[..8]), "{text}");
    }
}

fn keys() -> ObjectKeys {
    ObjectKeys::derive(&DataKey::from_bytes([0xab; 32]))
}
