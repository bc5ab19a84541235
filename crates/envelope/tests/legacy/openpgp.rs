//! OpenPGP: what gpg wrote opens under passphrases and secret keys, and nothing that is not verified comes out.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use aws_lc_rs::cipher::{AES_256, EncryptingKey, EncryptionContext, UnboundCipherKey};
use aws_lc_rs::iv::FixedLength;
use envelope::legacy::Error;
use envelope::legacy::openpgp::{Key, check_md5, open};
use proptest::prelude::*;
use sha2::{Digest, Sha256};

use crate::vector::{Master, Vector, all};

const LIMIT: usize = 1 << 20;

/// Unlocking takes long, so it is done once for each key.
static KEYS: LazyLock<BTreeMap<String, Key>> = LazyLock::new(|| {
    let masters: BTreeMap<_, _> =
        all("gpg-").into_iter().map(|vector| (format!("{:?}", vector.master_key), vector.master_key)).collect();
    let key = |master| match master {
        Master::Passphrase { passphrase } => Key::from_passphrase(&passphrase).unwrap(),
        Master::Openpgp { secret_key, passphrase } => {
            Key::from_secret_key(secret_key.as_bytes(), passphrase.as_deref()).unwrap()
        }
        other => panic!("{other:?}"),
    };
    masters.into_iter().map(|(name, master)| (name, key(master))).collect()
});

fn key(vector: &Vector) -> &'static Key {
    &KEYS[&format!("{:?}", vector.master_key)]
}

fn stored(vector: &Vector) -> Vec<u8> {
    vector.stored(|_, _| panic!("messages are not made again"))
}

fn named(id: &str) -> Vector {
    all(id).remove(0)
}

#[test]
fn every_message_of_gpg_opens() {
    let vectors = all("gpg-");
    assert_eq!(vectors.len(), 16);
    for vector in vectors {
        let opened = open(key(&vector), &stored(&vector), LIMIT).unwrap();
        assert!(*opened == vector.plain(), "{}", vector.id);
        check_md5(&opened, &vector.metadata["md5"]).unwrap();
    }
}

#[test]
fn content_is_bounded_whatever_it_unpacks_to() {
    for id in ["gpg-rsa-compressible", "gpg-symmetric-large", "gpg-symmetric-short"] {
        let vector = named(id);
        let (key, stored, len) = (key(&vector), stored(&vector), vector.plain().len());
        assert!(open(key, &stored, len).is_ok(), "{id}");
        assert_eq!(open(key, &stored, len - 1).unwrap_err(), Error::TooLarge { limit: len - 1 }, "{id}");
        assert_eq!(open(key, &stored, 0).unwrap_err(), Error::TooLarge { limit: 0 }, "{id}");
    }
}

#[test]
fn another_key_and_another_passphrase_fail_alike() {
    let passphrase = Key::from_passphrase("wrong horse").unwrap();
    for vector in all("gpg-") {
        assert_eq!(open(&passphrase, &stored(&vector), LIMIT).unwrap_err(), Error::Content, "{}", vector.id);
    }
    for (key_of, id) in [
        ("gpg-ecc-short", "gpg-rsa-short"),
        ("gpg-rsa-short", "gpg-ecc-short"),
        ("gpg-ecc-short", "gpg-rsa-hidden"),
        ("gpg-rsa-short", "gpg-symmetric-short"),
        ("gpg-nistp256-short", "gpg-ecc-second-recipient"),
    ] {
        let refused = open(key(&named(key_of)), &stored(&named(id)), LIMIT).unwrap_err();
        assert_eq!(refused, Error::Content, "{key_of} {id}");
    }
}

#[test]
fn a_locked_secret_key_wants_its_passphrase() {
    let Master::Openpgp { secret_key, .. } = named("gpg-rsa-short").master_key else { panic!() };
    for passphrase in [None, Some(""), Some("other words")] {
        let refused = Key::from_secret_key(secret_key.as_bytes(), passphrase).unwrap_err();
        assert_eq!(refused, Error::InvalidKey { problem: "the passphrase does not unlock it" });
    }
    let Master::Openpgp { secret_key, .. } = named("gpg-ecc-short").master_key else { panic!() };
    assert!(Key::from_secret_key(secret_key.as_bytes(), Some("of no use")).is_ok());
    assert_eq!(format!("{:?}", key(&named("gpg-rsa-short"))), "openpgp::Key");
}

#[test]
fn a_cut_or_lengthened_message_is_refused() {
    let words = Key::from_passphrase("words").unwrap();
    let gpgs = ["gpg-ecc-short", "gpg-rsa-short", "gpg-rsa-compressible"].map(named);
    let gpgs = gpgs.iter().map(|vector| (vector.id.as_str(), key(vector), stored(vector)));
    for (id, key, stored) in gpgs.chain([("words", &words, protected(b"content"))]) {
        for len in (0..stored.len()).rev().step_by(7) {
            assert_eq!(open(key, &stored[..len], LIMIT).unwrap_err(), Error::Content, "{id} {len}");
        }
        let longer = [&stored[..], &stored[..]].concat();
        assert_eq!(open(key, &longer, LIMIT).unwrap_err(), Error::Content, "{id}");
    }
}

/// OpenPGP's CFB (RFC 9580, 12.9) of a message whose session key is the hash of the passphrase "words".
fn cfb(iv: [u8; 16], bytes: &[u8]) -> Vec<u8> {
    let key = EncryptingKey::cfb128(UnboundCipherKey::new(&AES_256, &Sha256::digest(b"words")).unwrap()).unwrap();
    let mut sealed = bytes.to_vec();
    key.less_safe_encrypt(&mut sealed, EncryptionContext::Iv128(FixedLength::from(iv))).unwrap();
    sealed
}

/// A packet of fewer than 192 bytes.
fn packet(tag: u8, body: &[u8]) -> Vec<u8> {
    [&[0xc0 | tag, u8::try_from(body.len()).unwrap()], body].concat()
}

/// What stands in front: AES-256, the passphrase hashed with SHA-256 and nothing else.
fn passphrase_packet() -> Vec<u8> {
    packet(3, &[4, 9, 0, 8])
}

const PREFIX: [u8; 18] = [7; 18];

fn literal(content: &[u8]) -> Vec<u8> {
    packet(11, &[b"b\0\0\0\0\0", content].concat())
}

/// A message with integrity protection to the passphrase "words".
fn protected(content: &[u8]) -> Vec<u8> {
    let hashed = [&PREFIX[..], &literal(content), &[0xd3, 0x14]].concat();
    let digest = sha1::Sha1::digest(&hashed);
    let body = [&[1][..], &cfb([0; 16], &[&hashed[..], &digest].concat())].concat();
    [passphrase_packet(), packet(18, &body)].concat()
}

#[test]
fn a_message_without_integrity_protection_is_refused() {
    let key = Key::from_passphrase("words").unwrap();
    let literal = literal(b"content");
    let opened = open(&key, &protected(b"content"), LIMIT).unwrap();
    assert_eq!(*opened, b"content", "the same with protection opens");

    let prefix = cfb([0; 16], &PREFIX);
    let rest = cfb(prefix[2..].try_into().unwrap(), &literal);
    let bare = [passphrase_packet(), packet(9, &[prefix, rest].concat())].concat();
    assert_eq!(open(&key, &bare, LIMIT).unwrap_err(), Error::Content);
    assert_eq!(open(&key, &literal, LIMIT).unwrap_err(), Error::Content, "not even encrypted");
}

#[test]
fn what_stretching_a_passphrase_may_cost_is_bounded() {
    let key = Key::from_passphrase("words").unwrap();
    let protected = packet(18, &[1; 60]);
    // Version 4, AES-256, Argon2 with 16 bytes of salt, passes, lanes, and a memory of 2^31 KiB.
    let greedy = [&[4, 9, 4][..], &[1; 16], &[1, 1, 31]].concat();
    assert_eq!(open(&key, &[packet(3, &greedy), protected.clone()].concat(), LIMIT).unwrap_err(), Error::Content);
    let many = [passphrase_packet().repeat(5), protected].concat();
    assert_eq!(open(&key, &many, LIMIT).unwrap_err(), Error::Content);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn a_flipped_bit_never_opens_as_something_else(which in 0_usize..3, at: u16, bit in 0_u8..8) {
        let vector = named(["gpg-rsa-short", "gpg-ecc-short", "gpg-nistp256-short"][which]);
        let mut stored = stored(&vector);
        let at = usize::from(at) % stored.len();
        stored[at] ^= 1 << bit;
        // Bits that nobody reads, as in the id of the recipient, may change; content may not.
        if let Ok(opened) = open(key(&vector), &stored, LIMIT) {
            prop_assert_eq!(&*opened, &vector.plain());
        }
    }

    #[test]
    fn a_flipped_bit_of_protected_content_is_refused(at: u16, bit in 0_u8..8) {
        let mut stored = protected(b"content");
        let start = passphrase_packet().len() + 3;
        let at = start + usize::from(at) % (stored.len() - start);
        stored[at] ^= 1 << bit;
        prop_assert_eq!(open(&Key::from_passphrase("words").unwrap(), &stored, LIMIT), Err(Error::Content));
    }

    #[test]
    fn any_bytes_are_a_message_or_are_refused(stored in prop::collection::vec(any::<u8>(), 0..300)) {
        let key = Key::from_passphrase("words").unwrap();
        prop_assert!(open(&key, &stored, LIMIT).is_err());
        prop_assert!(open(&key, &[passphrase_packet(), stored].concat(), LIMIT).is_err());
    }
}
