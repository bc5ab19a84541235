//! fileson: the files of the tool itself open, whole and in ranges, under passwords and under key files.

use aws_lc_rs::cipher::{AES_128, AES_256, EncryptingKey, EncryptionContext, UnboundCipherKey};
use aws_lc_rs::iv::FixedLength;
use envelope::legacy::fileson::{Key, plain_len};
use envelope::legacy::{self, OpenPlan};
use envelope::s3ec::{Error as S3EcError, Release};
use envelope::{Error, Transform};
use proptest::prelude::*;

use crate::vector::{Master, Vector, all, drive, ranges, slice};

fn key(vector: &Vector) -> Key {
    match &vector.master_key {
        Master::FilesonPbkdf2 { password, salt, iterations, .. } => {
            Key::from_password(password, salt, *iterations).unwrap()
        }
        Master::FilesonRawkey { hex } => Key::from_key_file(hex).unwrap(),
        other => panic!("{other:?}"),
    }
}

fn key_bytes(vector: &Vector) -> Vec<u8> {
    match &vector.master_key {
        Master::FilesonPbkdf2 { derived_key_hex: hex, .. } | Master::FilesonRawkey { hex } => hex::decode(hex).unwrap(),
        other => panic!("{other:?}"),
    }
}

/// Encrypts from the first counter to the last byte in one call.
fn encrypt(key: &[u8], counter: &[u8], plain: &[u8]) -> Vec<u8> {
    let algorithm = if key.len() == 16 { &AES_128 } else { &AES_256 };
    let key = EncryptingKey::ctr(UnboundCipherKey::new(algorithm, key).unwrap()).unwrap();
    let context = EncryptionContext::Iv128(FixedLength::from(<[u8; 16]>::try_from(counter).unwrap()));
    let mut body = plain.to_vec();
    key.less_safe_encrypt(&mut body, context).unwrap();
    [counter, &body].concat()
}

fn stored(vector: &Vector) -> Vec<u8> {
    vector.stored(|first, plain| encrypt(&key_bytes(vector), &first[..16], plain))
}

fn plan(key: &Key, stored: &[u8], want: Option<std::ops::Range<u64>>) -> Result<OpenPlan, legacy::Error> {
    key.open(key.measure(stored.len() as u64)?, want)
}

#[test]
fn every_file_of_the_tool_opens_whole_and_in_ranges() {
    let vectors = all("fileson-");
    assert_eq!(vectors.len(), 5);
    for vector in vectors {
        let (key, plain, stored) = (key(&vector), vector.plain(), stored(&vector));
        assert_eq!(plain_len(stored.len() as u64).unwrap(), plain.len() as u64, "{}", vector.id);
        for piece in [7, 16, 4099] {
            assert!(drive(plan(&key, &stored, None).unwrap(), &stored, piece).unwrap() == plain, "{}", vector.id);
            for want in ranges(plain.len(), 16) {
                let opened = drive(plan(&key, &stored, Some(want.clone())).unwrap(), &stored, piece).unwrap();
                assert!(opened == slice(&plain, &want), "{} {want:?}", vector.id);
            }
        }
    }
}

#[test]
fn nothing_vouches_for_it_and_the_plan_says_so() {
    let key = Key::from_bytes(&[1; 32]).unwrap();
    let stored = [0; 100];
    assert_eq!(plan(&key, &stored, None).unwrap().release, Release::Never);
    assert_eq!(plan(&key, &stored, Some(20..30)).unwrap().release, Release::Never);
    assert_eq!(format!("{key:?}"), "fileson::Key");
}

#[test]
fn what_cannot_be_a_file_or_a_range_is_refused() {
    let key = Key::from_bytes(&[1; 16]).unwrap();
    assert_eq!(key.measure(15).unwrap_err(), legacy::Error::Content);
    for want in [0..0, 5..5, 0..85, 84..85, u64::MAX - 1..u64::MAX] {
        assert_eq!(plan(&key, &[0; 100], Some(want)).unwrap_err(), legacy::Error::InvalidRange);
    }
    for want in [None, Some(20..30)] {
        let plan = || plan(&key, &[0; 100], want.clone()).unwrap();
        let fetched = plan().fetch.end - plan().fetch.start + plan().head.map_or(0, |head| head.end);
        let push = |len: u64| {
            let (mut opener, mut out) = (plan().opener, bytes::BytesMut::new());
            opener.push(&vec![0; usize::try_from(len).unwrap()], &mut out)?;
            opener.finish(&mut out)
        };
        assert_eq!(push(fetched), Ok(()));
        assert_eq!(push(fetched - 1), Err(Error::S3Ec(S3EcError::Truncated { missing: 1 })));
        assert_eq!(push(fetched + 1), Err(Error::S3Ec(S3EcError::TrailingBytes)));
    }
}

proptest! {
    #[test]
    fn any_range_in_any_split_is_the_slice(
        long_key: bool, counter: [u8; 16], plain in prop::collection::vec(any::<u8>(), 1..200),
        from: u16, to: u16, piece in 1_usize..70,
    ) {
        let bytes = if long_key { vec![7; 32] } else { vec![7; 16] };
        let (key, stored) = (Key::from_bytes(&bytes).unwrap(), encrypt(&bytes, &counter, &plain));
        prop_assert_eq!(&drive(plan(&key, &stored, None).unwrap(), &stored, piece).unwrap(), &plain);
        let from = usize::from(from) % plain.len();
        let to = from + 1 + usize::from(to) % (plain.len() - from);
        let range = plan(&key, &stored, Some(from as u64..to as u64)).unwrap();
        prop_assert!(range.fetch.end - range.fetch.start <= (to - from + 31) as u64);
        prop_assert_eq!(drive(range, &stored, piece).unwrap(), &plain[from..to]);
    }

    #[test]
    fn counters_near_their_end_start_over(back in 0_u8..9, blocks in 1_usize..20, from_block in 0_u64..20) {
        let counter = (u128::MAX - u128::from(back)).to_be_bytes();
        let plain = vec![9; blocks * 16];
        let stored = encrypt(&[7; 32], &counter, &plain);
        let key = Key::from_bytes(&[7; 32]).unwrap();
        let start = from_block % blocks as u64 * 16;
        let range = plan(&key, &stored, Some(start..plain.len() as u64)).unwrap();
        prop_assert!(drive(range, &stored, 33).unwrap().iter().all(|byte| *byte == 9));
    }
}
