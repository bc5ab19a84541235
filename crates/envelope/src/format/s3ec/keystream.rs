//! AES-CTR with the counter blocks of a GCM message, from any block on.
//!
//! It changes bytes and verifies nothing: `gcm.rs` and `sealer.rs` do. FORMAT.md, 18.4.

use aws_lc_rs::cipher::{DecryptingKey, DecryptionContext};
use aws_lc_rs::iv::FixedLength;
use zeroize::Zeroizing;

use super::keys::AesKey;
use super::{BLOCK, Error};

/// The counter of the first block of content; the one before encrypts the tag (NIST SP 800-38D, 7.1).
const FIRST: u32 = 2;

/// AES-CTR with the counter blocks of one GCM message.
pub(in crate::format) struct Keystream {
    key: DecryptingKey,
    iv: [u8; 12],
}

impl Keystream {
    pub(super) fn new(key: &AesKey, iv: [u8; 12]) -> Result<Self, Error> {
        Ok(Self { key: key.in_mode(DecryptingKey::ctr)?, iv })
    }

    /// Encrypts or decrypts content in place that begins at block `first`, counted from 0.
    pub(super) fn crypt(&self, first: u64, bytes: &mut [u8]) -> Result<(), Error> {
        let counter = u32::try_from(first).ok().and_then(|first| first.checked_add(FIRST)).ok_or(Error::Internal)?;
        self.apply(counter, bytes)
    }

    /// Encrypts a hash to a tag.
    pub(super) fn mask(&self, hash: &mut [u8; BLOCK]) -> Result<(), Error> {
        self.apply(1, hash)
    }

    /// The key of the hash: the encryption of the zero block, which is the keystream of that counter.
    pub(super) fn hash_key(&self) -> Result<Zeroizing<[u8; BLOCK]>, Error> {
        let mut hash_key = Zeroizing::new([0; BLOCK]);
        self.apply_block([0; BLOCK], hash_key.as_mut_slice())?;
        Ok(hash_key)
    }

    fn apply(&self, counter: u32, bytes: &mut [u8]) -> Result<(), Error> {
        let mut block = [0; BLOCK];
        let (iv, low) = block.split_at_mut(12);
        iv.copy_from_slice(&self.iv);
        low.copy_from_slice(&counter.to_be_bytes());
        self.apply_block(block, bytes)
    }

    fn apply_block(&self, block: [u8; BLOCK], bytes: &mut [u8]) -> Result<(), Error> {
        let context = DecryptionContext::Iv128(FixedLength::from(block));
        self.key.decrypt(bytes, context).map(|_| ()).map_err(|_| Error::Internal)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    const COUNTERS: &str =
        include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/vectors/s3ec/kat-gcm-ctr-counter.json"));

    fn bytes(row: &Value, field: &str) -> Vec<u8> {
        hex::decode(row[field].as_str().unwrap()).unwrap()
    }

    #[test]
    fn the_published_counters_of_ranges_hold() {
        let file: Value = serde_json::from_str(COUNTERS).unwrap();
        let rows = file["rows"].as_array().unwrap();
        assert!(!rows.is_empty());
        for row in rows {
            let key = AesKey::new(&[7; 32]).unwrap();
            let stream = Keystream::new(&key, bytes(row, "gcm_iv_hex").try_into().unwrap()).unwrap();
            let (mut found, mut expected) = ([0; 40], [0; 40]);
            stream.crypt(row["plaintext_offset"].as_u64().unwrap() / 16, &mut found).unwrap();
            stream.apply_block(bytes(row, "counter_block_hex").try_into().unwrap(), &mut expected).unwrap();
            assert_eq!(found, expected);
        }
    }

    #[test]
    fn the_counter_never_wraps() {
        let stream = Keystream::new(&AesKey::new(&[7; 32]).unwrap(), [1; 12]).unwrap();
        assert!(stream.crypt(u64::from(u32::MAX) - 2, &mut [0; 16]).is_ok());
        for first in [u64::from(u32::MAX) - 1, u64::from(u32::MAX) + 1, u64::MAX] {
            assert_eq!(stream.crypt(first, &mut [0; 16]), Err(Error::Internal));
        }
    }
}
