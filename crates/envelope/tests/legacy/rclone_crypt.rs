//! rclone's crypt content: what rclone wrote opens under both spellings of its passwords, whole and in ranges, and no
//! block comes out that was changed.

use std::sync::LazyLock;

use crypto_secretbox::aead::AeadInPlace;
use crypto_secretbox::{KeyInit, Nonce, XSalsa20Poly1305};
use envelope::legacy::rclone_crypt::{Key, plain_len, reveal};
use envelope::legacy::{self, OpenPlan};
use envelope::s3ec::Release;
use envelope::{Error, Transform};
use proptest::prelude::*;
use scrypt::Params;

use crate::vector::{Master, Vector, all, drive, ranges, slice};

const BLOCK: usize = 65_536;
const SALT: &[u8] = b"\xa8\x0d\xf4\x3a\x8f\xbd\x03\x08\xa7\xca\xb8\x3e\x58\x1f\x86\xb1";

fn words(vector: &Vector) -> [(&str, Option<&str>); 2] {
    let Master::RcloneCrypt { password, obscured_password, password2, obscured_password2 } = &vector.master_key else {
        panic!("{} is not rclone's", vector.id)
    };
    [(password, password2.as_deref()), (obscured_password, obscured_password2.as_deref())]
}

fn key(vector: &Vector) -> Key {
    let [(password, password2), _] = words(vector);
    Key::from_passwords(password, password2).unwrap()
}

fn cipher(password: &str, salt: &[u8]) -> XSalsa20Poly1305 {
    let mut derived = [0; 80];
    scrypt::scrypt(password.as_bytes(), salt, &Params::new(14, 8, 1).unwrap(), &mut derived).unwrap();
    XSalsa20Poly1305::new_from_slice(&derived[..32]).unwrap()
}

/// Blocks behind their header, as rclone describes them.
fn encrypt(cipher: &XSalsa20Poly1305, nonce: [u8; 24], plain: &[u8]) -> Vec<u8> {
    let mut stored = [b"RCLONE\0\0".as_slice(), &nonce].concat();
    let mut nonce = nonce;
    for block in plain.chunks(BLOCK) {
        let mut block = block.to_vec();
        let tag = cipher.encrypt_in_place_detached(&Nonce::from(nonce), b"", &mut block).unwrap();
        stored.extend_from_slice(&tag);
        stored.extend_from_slice(&block);
        for byte in &mut nonce {
            *byte = byte.wrapping_add(1);
            if *byte != 0 {
                break;
            }
        }
    }
    stored
}

fn stored(vector: &Vector) -> Vec<u8> {
    let [(password, password2), _] = words(vector);
    vector.stored(|first, plain| {
        let cipher = cipher(password, password2.map_or(SALT, str::as_bytes));
        encrypt(&cipher, first[8..].try_into().unwrap(), plain)
    })
}

fn plan(key: &Key, stored: &[u8], want: Option<std::ops::Range<u64>>) -> Result<OpenPlan, legacy::Error> {
    key.open(key.measure(stored.len() as u64)?, want)
}

/// A key, and an object of three blocks of which the last has 100 bytes.
struct Sample {
    key: Key,
    plain: Vec<u8>,
    stored: Vec<u8>,
}

static SAMPLE: LazyLock<Sample> = LazyLock::new(|| {
    let plain: Vec<u8> = (0..=250).cycle().take(2 * BLOCK + 100).collect();
    let stored = encrypt(&cipher("word", b"salt"), [0xff; 24], &plain);
    Sample { key: Key::from_passwords("word", Some("salt")).unwrap(), plain, stored }
});

fn refusal(stored: &[u8]) -> Error {
    drive(plan(&SAMPLE.key, stored, None).unwrap(), stored, 4099).unwrap_err()
}

#[test]
fn every_object_of_the_tool_opens_whole_and_in_ranges() {
    let vectors = all("rclone-crypt-");
    assert_eq!(vectors.len(), 6);
    for vector in vectors {
        let (key, plain, stored) = (key(&vector), vector.plain(), stored(&vector));
        assert_eq!(plain_len(stored.len() as u64).unwrap(), plain.len() as u64, "{}", vector.id);
        for piece in [997, 4099, 1 << 20] {
            let whole = plan(&key, &stored, None).unwrap();
            assert_eq!((whole.release, whole.head.clone()), (Release::PerChunk, None), "{}", vector.id);
            assert!(drive(whole, &stored, piece).unwrap() == plain, "{}", vector.id);
            for want in ranges(plain.len(), BLOCK) {
                let opened = drive(plan(&key, &stored, Some(want.clone())).unwrap(), &stored, piece).unwrap();
                assert!(opened == slice(&plain, &want), "{} {want:?}", vector.id);
            }
        }
    }
}

#[test]
fn passwords_are_understood_as_rclone_writes_them_in_its_settings() {
    for vector in all("rclone-crypt-") {
        let [plain, obscured] = words(&vector);
        assert_eq!(reveal(obscured.0).unwrap().as_str(), plain.0, "{}", vector.id);
        assert_eq!(obscured.1.map(|word| reveal(word).unwrap().to_string()).as_deref(), plain.1, "{}", vector.id);
    }
    assert_eq!(format!("{:?}", SAMPLE.key), "rclone_crypt::Key");
}

#[test]
fn a_changed_moved_or_foreign_block_is_refused() {
    let Sample { stored, .. } = &*SAMPLE;
    let changed = Error::Legacy(legacy::Error::Content);
    for at in [0, 7, 8, 31, 32, 47, 48, 32 + BLOCK + 16, stored.len() - 1] {
        let mut stored = stored.clone();
        stored[at] ^= 1;
        assert_eq!(refusal(&stored), changed, "{at}");
    }
    let block = BLOCK + 16;
    let swapped = [&stored[..32], &stored[32 + block..32 + 2 * block], &stored[32..32 + block]].concat();
    let dropped = [&stored[..32], &stored[32 + block..]].concat();
    for stored in [&swapped[..], &dropped, &stored[..stored.len() - 1], &stored[..32 + block + 17]] {
        assert_eq!(refusal(stored), changed);
    }
    let other = Key::from_passwords("word", Some("sold")).unwrap();
    assert_eq!(drive(plan(&other, stored, None).unwrap(), stored, 4099), Err(changed.clone()));
    // A cut behind a block is what nobody can notice; FORMAT.md says so.
    let cut = &stored[..32 + block];
    assert!(drive(plan(&SAMPLE.key, cut, None).unwrap(), cut, 4099).unwrap() == SAMPLE.plain[..BLOCK]);
}

#[test]
fn nothing_of_a_push_comes_out_when_a_block_in_it_is_refused() {
    let Sample { key, plain, stored } = &*SAMPLE;
    let mut changed = stored.clone();
    changed[32 + BLOCK + 16 + 5] ^= 1;
    let (mut opener, mut out) = (plan(key, &changed, None).unwrap().opener, bytes::BytesMut::new());
    let first = 32 + BLOCK + 16;
    opener.push(&changed[..first], &mut out).unwrap();
    assert!(out == plain[..BLOCK], "a block comes out as soon as it is whole");
    let error = Err(Error::Legacy(legacy::Error::Content));
    assert_eq!(opener.push(&changed[first..], &mut out), error);
    assert_eq!(out.len(), BLOCK);
    assert_eq!(opener.push(b"", &mut out), error, "the machine is spent");
    assert_eq!(opener.finish(&mut out), error);
}

#[test]
fn bytes_too_few_or_too_many_are_refused() {
    let Sample { key, stored, .. } = &*SAMPLE;
    for want in [None, Some(BLOCK as u64 + 5..BLOCK as u64 + 6)] {
        let plan = || plan(key, stored, want.clone()).unwrap();
        let head = plan().head.map_or(&[][..], |head| slice(stored, &head));
        let fetched = [head, slice(stored, &plan().fetch)].concat();
        let (mut opener, mut out) = (plan().opener, bytes::BytesMut::new());
        opener.push(&fetched[..fetched.len() - 1], &mut out).unwrap();
        assert_eq!(opener.finish(&mut out), Err(legacy::Error::Truncated { missing: 1 }.into()));
        let mut opener = plan().opener;
        opener.push(&fetched, &mut out).unwrap();
        assert_eq!(opener.push(b"x", &mut out), Err(legacy::Error::TrailingBytes.into()));
    }
    let len = SAMPLE.plain.len() as u64;
    for want in [0..0, 5..5, 0..len + 1, len..len + 1] {
        assert_eq!(plan(key, stored, Some(want)).unwrap_err(), legacy::Error::InvalidRange);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_range_in_any_split_is_the_slice(from: u32, to: u32, piece in 100_usize..70_000) {
        let Sample { key, plain, stored } = &*SAMPLE;
        let from = from as usize % plain.len();
        let to = from + 1 + to as usize % (plain.len() - from);
        let range = plan(key, stored, Some(from as u64..to as u64)).unwrap();
        prop_assert!(range.fetch.end - range.fetch.start <= (to - from + 2 * BLOCK + 3 * 16 + 32) as u64);
        prop_assert!(drive(range, stored, piece).unwrap() == plain[from..to]);
    }

    #[test]
    fn a_flipped_bit_is_refused_wherever_it_is(at: u32, bit in 0_u8..8) {
        let mut stored = SAMPLE.stored.clone();
        let at = at as usize % stored.len();
        stored[at] ^= 1 << bit;
        prop_assert_eq!(refusal(&stored), Error::Legacy(legacy::Error::Content));
    }

    #[test]
    fn lengths_invert(plain in 0_u64..1 << 40) {
        let stored = 32 + plain + plain.div_ceil(BLOCK as u64) * 16;
        prop_assert_eq!(plain_len(stored), Ok(plain));
    }
}
