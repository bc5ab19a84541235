//! The recipe of KMS and CBC: objects of both paddings open, and every way to be wrong is one.

use std::ops::Range;

use aws_lc_rs::cipher::{AES_256, EncryptingKey, EncryptionContext, UnboundCipherKey};
use aws_lc_rs::iv::FixedLength;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use envelope::legacy::Error;
use envelope::legacy::kms_cbc::{Content, Padding, detect};
use envelope::s3ec::{Extent, Measure, Release};
use proptest::prelude::*;

use crate::vector::{Master, Vector, all, drive, ranges, slice};

/// KMS is a table of one row without a context.
fn content(vector: &Vector, padding: Padding) -> Content {
    let Master::Kms { encryption_context, encrypted_data_key_base64, data_key_hex } = &vector.master_key else {
        panic!("{} has no key in KMS", vector.id)
    };
    let metadata = vector.metadata.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    let envelope = detect(metadata).unwrap().unwrap();
    assert_eq!(envelope.blob(), STANDARD.decode(encrypted_data_key_base64).unwrap());
    assert!(encryption_context.is_empty());
    envelope.unlock(&hex::decode(data_key_hex).unwrap(), padding).unwrap()
}

fn made(key: &[u8; 32], padding: Padding) -> Content {
    detect([("encryption-key", "AQID")]).unwrap().unwrap().unlock(key, padding).unwrap()
}

/// CBC of whole blocks behind their initialisation vector.
fn encrypt(key: &[u8], iv: &[u8], padded: &[u8]) -> Vec<u8> {
    let key = EncryptingKey::cbc(UnboundCipherKey::new(&AES_256, key).unwrap()).unwrap();
    let context = EncryptionContext::Iv128(FixedLength::from(<[u8; 16]>::try_from(iv).unwrap()));
    let mut body = padded.to_vec();
    key.less_safe_encrypt(&mut body, context).unwrap();
    [iv, &body].concat()
}

fn stored(vector: &Vector) -> Vec<u8> {
    let Master::Kms { data_key_hex, .. } = &vector.master_key else { panic!() };
    vector.stored(|first, plain| {
        let padded = [plain, b"/0".repeat(16).as_slice()].concat();
        encrypt(&hex::decode(data_key_hex).unwrap(), &first[..16], &padded)
    })
}

fn extent(content: &Content, stored: &[u8]) -> Result<Extent, Error> {
    match content.measure(stored.len() as u64)? {
        Measure::Known(extent) => Ok(extent),
        Measure::NeedsTail(tail) => content.extent_from_tail(stored.len() as u64, slice(stored, &tail)),
    }
}

fn open(content: &Content, stored: &[u8], want: Option<Range<u64>>, piece: usize) -> Vec<u8> {
    let plan = content.open(extent(content, stored).unwrap(), want).unwrap();
    assert_eq!(plan.release, Release::Never);
    drive(plan, stored, piece).unwrap()
}

#[test]
fn objects_of_both_paddings_open_whole_and_in_ranges() {
    let vectors = all("rumney-");
    assert_eq!(vectors.len(), 5);
    for vector in vectors {
        let (content, stored, mut plain) = (content(&vector, Padding::Auto), stored(&vector), vector.plain());
        if vector.id == "rumney-zeropad-trailing-nul" {
            // The padding is ambiguous: nobody can tell the content's own zero bytes from it.
            plain.truncate(17);
        }
        for piece in [5, 16, 4099] {
            assert!(open(&content, &stored, None, piece) == plain, "{}", vector.id);
            for want in ranges(plain.len(), 16) {
                let expected = slice(&plain, &want);
                assert!(open(&content, &stored, Some(want.clone()), piece) == expected, "{} {want:?}", vector.id);
            }
        }
    }
}

#[test]
fn raw_keeps_the_padding_and_needs_no_look_at_it() {
    for vector in all("rumney-") {
        let (content, stored, plain) = (content(&vector, Padding::Raw), stored(&vector), vector.plain());
        assert!(matches!(content.measure(stored.len() as u64), Ok(Measure::Known(_))));
        let opened = open(&content, &stored, None, 999);
        assert_eq!(opened.len(), stored.len() - 16, "{}", vector.id);
        assert!(opened.starts_with(&plain), "{}", vector.id);
        if vector.id.starts_with("rumney-published") {
            // The published recipe took off zero bytes only, and so kept its padding.
            assert!(vector.recipe_decrypt_output.unwrap().is(&opened), "{}", vector.id);
        }
    }
}

#[test]
fn every_way_to_be_wrong_is_one_error() {
    let key = [7; 32];
    let content = made(&key, Padding::Auto);
    let unpadded = encrypt(&key, &[1; 16], &[0xaa; 48]);
    let half_published = encrypt(&key, &[1; 16], b"/0/0/0/0/0/0/0/0");
    let good = encrypt(&key, &[1; 16], &[[0xaa; 32], [0; 32]].concat());
    for stored in [&unpadded[..], &half_published, &good[..63], &good[..16], &good[..0], &good[..48]] {
        assert_eq!(extent(&content, stored).unwrap_err(), Error::Content, "{}", stored.len());
    }
    assert_eq!(extent(&made(&[8; 32], Padding::Auto), &good).unwrap_err(), Error::Content);
    assert_eq!(content.extent_from_tail(80, &good[..47]).unwrap_err(), Error::Content, "not the bytes asked for");
    assert_eq!(extent(&content, &good).unwrap().plain_len(), 48);
    let extent = extent(&content, &good).unwrap();
    for want in [0..0, 48..48, 0..49, 48..49] {
        assert_eq!(content.open(extent, Some(want)).unwrap_err(), Error::InvalidRange);
    }
}

proptest! {
    #[test]
    fn any_range_in_any_split_is_the_slice(
        iv: [u8; 16], key: [u8; 32], published: bool, plain in prop::collection::vec(1_u8.., 1..200),
        from: u16, to: u16, piece in 1_usize..70,
    ) {
        let mut padded = plain.clone();
        if published {
            padded.truncate(plain.len() / 16 * 16);
        }
        let plain = padded.clone();
        padded.extend(if published { b"/0".repeat(16) } else { vec![0; 16 - plain.len() % 16] });
        let (content, stored) = (made(&key, Padding::Auto), encrypt(&key, &iv, &padded));
        prop_assert_eq!(&open(&content, &stored, None, piece), &plain);
        prop_assume!(!plain.is_empty());
        let from = usize::from(from) % plain.len();
        let to = from + 1 + usize::from(to) % (plain.len() - from);
        let want = from as u64..to as u64;
        let plan = content.open(extent(&content, &stored).unwrap(), Some(want.clone())).unwrap();
        prop_assert!(plan.fetch.end - plan.fetch.start <= (to - from) as u64 + 46);
        prop_assert_eq!(open(&content, &stored, Some(want), piece), &plain[from..to]);
    }

    #[test]
    fn any_tail_is_a_length_or_one_error(stored in prop::collection::vec(any::<u8>(), 0..100)) {
        match extent(&made(&[7; 32], Padding::Auto), &stored) {
            Ok(extent) => prop_assert!(extent.plain_len() + 17 <= stored.len() as u64),
            Err(error) => prop_assert_eq!(error, Error::Content),
        }
    }
}
