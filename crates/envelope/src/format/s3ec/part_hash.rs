//! What is left of a sealed part for the tag of the whole, and that tag.
//!
//! The hash of GCM is a polynomial in the key of the hash, so the hash of a part shifts by a power of that key to its
//! place (NIST SP 800-38D, 6.4). Parts may begin and end within a block; the bytes of such a block are kept until its
//! other half is there. FORMAT.md, 18.6.

use std::fmt;

use ghash::GHash;
use ghash::universal_hash::UniversalHash;

use super::gcm::{bits, lengths};
use super::keystream::Keystream;
use super::{BLOCK, Error};

/// Bytes of a block, as offsets are counted.
pub(super) const BLOCK_LEN: u64 = 16;

/// What is left of a part for the tag of the whole. It tells about the key of the hash: to be kept sealed.
#[derive(Clone, PartialEq, Eq)]
pub struct PartHash {
    pub(super) offset: u64,
    pub(super) plain_len: u64,
    /// The end of a block that began before the part.
    pub(super) head: Vec<u8>,
    /// Of the whole blocks, from zero.
    pub(super) hash: [u8; BLOCK],
    /// The beginning of a block that goes on behind the part.
    pub(super) tail: Vec<u8>,
}

impl PartHash {
    /// Where the part begins.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// How long it is.
    pub fn plain_len(&self) -> u64 {
        self.plain_len
    }

    /// The whole blocks that were hashed.
    fn blocks(&self) -> u64 {
        let ends = u64::try_from(self.head.len().saturating_add(self.tail.len())).unwrap_or(u64::MAX);
        self.plain_len.saturating_sub(ends) / BLOCK_LEN
    }

    /// As bytes, to be sealed and kept.
    pub fn to_bytes(&self) -> Vec<u8> {
        let counted = |bytes: &[u8]| u8::try_from(bytes.len()).unwrap_or_default();
        let mut bytes = Vec::with_capacity(64);
        bytes.extend_from_slice(&self.offset.to_be_bytes());
        bytes.extend_from_slice(&self.plain_len.to_be_bytes());
        bytes.extend_from_slice(&self.hash);
        for end in [&self.head, &self.tail] {
            bytes.push(counted(end));
            bytes.extend_from_slice(end);
        }
        bytes
    }

    /// Reads what [`Self::to_bytes`] wrote; `None` for anything else.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (offset, rest) = bytes.split_first_chunk::<8>()?;
        let (plain_len, rest) = rest.split_first_chunk::<8>()?;
        let (hash, rest) = rest.split_first_chunk::<BLOCK>()?;
        let (head, rest) = counted(rest)?;
        let (tail, rest) = counted(rest)?;
        let (offset, plain_len) = (u64::from_be_bytes(*offset), u64::from_be_bytes(*plain_len));
        let read = Self { offset, plain_len, head, hash: *hash, tail };
        (rest.is_empty() && read.fits()).then_some(read)
    }

    /// Whether the ends are as long as place and length say.
    fn fits(&self) -> bool {
        let to_boundary = BLOCK_LEN.saturating_sub(self.offset % BLOCK_LEN) % BLOCK_LEN;
        let head = to_boundary.min(self.plain_len);
        let tail = self.plain_len.saturating_sub(head) % BLOCK_LEN;
        let is = |end: &[u8], len: u64| u64::try_from(end.len()).ok() == Some(len);
        is(&self.head, head) && is(&self.tail, tail)
    }
}

fn counted(bytes: &[u8]) -> Option<(Vec<u8>, &[u8])> {
    let (len, rest) = bytes.split_first()?;
    let (field, rest) = rest.split_at_checked(usize::from(*len).min(BLOCK))?;
    Some((field.to_vec(), rest))
}

/// The tag of the message that the parts make.
pub(super) fn tag<'a>(
    keystream: &Keystream,
    aad: &[u8],
    parts: impl IntoIterator<Item = &'a PartHash>,
) -> Result<[u8; BLOCK], Error> {
    let key = keystream.hash_key()?;
    let mut first = GHash::new((&*key).into());
    first.update_padded(aad);
    let mut sum = Sum { key: &key, hash: first.finalize().into(), open: Vec::new() };
    let mut end: u64 = 0;
    for part in parts {
        if part.offset != end {
            return Err(Error::PartsApart);
        }
        sum.append(part)?;
        end = end.checked_add(part.plain_len).ok_or(Error::TooLong)?;
    }
    sum.close()?;
    let sealed_bits = end.checked_mul(8).ok_or(Error::TooLong)?;
    sum.block(lengths(bits(aad)?, sealed_bits));
    let mut tag = sum.hash;
    keystream.mask(&mut tag)?;
    Ok(tag)
}

/// The hash of a message so far, and the bytes of a block that is not whole yet.
struct Sum<'a> {
    key: &'a [u8; BLOCK],
    hash: [u8; BLOCK],
    open: Vec<u8>,
}

impl Sum<'_> {
    fn append(&mut self, part: &PartHash) -> Result<(), Error> {
        self.open.extend_from_slice(&part.head);
        if self.open.len() == BLOCK {
            self.close()?;
        }
        let blocks = part.blocks();
        if blocks > 0 {
            if !self.open.is_empty() {
                return Err(Error::PartsApart);
            }
            self.hash = xor(product(self.hash, &power(self.key, blocks)), part.hash);
        }
        self.open.extend_from_slice(&part.tail);
        Ok(())
    }

    /// Takes the open block as it is, filled up with zero bytes.
    fn close(&mut self) -> Result<(), Error> {
        if self.open.is_empty() {
            return Ok(());
        }
        self.open.resize(BLOCK, 0);
        let block = self.open.as_slice().try_into().map_err(|_| Error::Internal)?;
        self.open.clear();
        self.block(block);
        Ok(())
    }

    fn block(&mut self, block: [u8; BLOCK]) {
        self.hash = product(xor(self.hash, block), self.key);
    }
}

/// The product in the field of GCM: the hash of one block is its product with the key.
fn product(block: [u8; BLOCK], by: &[u8; BLOCK]) -> [u8; BLOCK] {
    let mut hash = GHash::new(by.into());
    hash.update_padded(&block);
    hash.finalize().into()
}

/// `key` to the power of `exponent`, by squaring.
fn power(key: &[u8; BLOCK], exponent: u64) -> [u8; BLOCK] {
    // One, with the bits in the order of GCM.
    let mut result = [0; BLOCK];
    result[0] = 0x80;
    let (mut square, mut left) = (*key, exponent);
    while left > 0 {
        if left & 1 == 1 {
            result = product(result, &square);
        }
        square = product(square, &square);
        left >>= 1;
    }
    result
}

fn xor(one: [u8; BLOCK], other: [u8; BLOCK]) -> [u8; BLOCK] {
    (u128::from_be_bytes(one) ^ u128::from_be_bytes(other)).to_be_bytes()
}

impl fmt::Debug for PartHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("PartHash");
        shown.field("offset", &self.offset).field("plain_len", &self.plain_len).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use bytes::BytesMut;
    use serde_json::Value;
    use sha2::{Digest, Sha256};

    use super::super::envelope::MAX_GCM_PLAIN;
    use super::super::keys::AesKey;
    use super::super::parts::PartSealer;
    use super::*;
    use crate::Transform;

    const COMBINED: &str =
        include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/vectors/s3ec/kat-ghash-combine.json"));

    fn bytes(row: &Value, field: &str) -> Vec<u8> {
        hex::decode(row[field].as_str().unwrap()).unwrap()
    }

    fn chain(seed: &str, len: usize) -> Vec<u8> {
        let blocks = (0..len.div_ceil(32)).flat_map(|index| Sha256::digest(format!("{seed}:{index}")));
        blocks.take(len).collect()
    }

    #[test]
    fn the_published_answers_of_combining_hold() {
        let file: Value = serde_json::from_str(COMBINED).unwrap();
        let rows = file["rows"].as_array().unwrap();
        assert_eq!(rows.len(), 1);
        for row in rows {
            let key = AesKey::new(&bytes(row, "key_hex")).unwrap();
            let keystream = || Keystream::new(&key, bytes(row, "iv_hex").try_into().unwrap()).unwrap();
            assert_eq!(keystream().hash_key().unwrap().as_slice(), bytes(row, "H_hex"));
            let plain = chain(
                row["seed"].as_str().unwrap(),
                usize::try_from(row["plaintext_length"].as_u64().unwrap()).unwrap(),
            );
            let (mut offset, mut hashes) = (0, Vec::new());
            for (part, len) in row["parts"].as_array().unwrap().iter().zip(row["part_lengths"].as_array().unwrap()) {
                let (len, mut sealed) = (usize::try_from(len.as_u64().unwrap()).unwrap(), BytesMut::new());
                let mut machine = PartSealer::new(keystream(), offset as u64, len as u64).unwrap();
                machine.push(&plain[offset..offset + len], &mut sealed).unwrap();
                let hash = machine.finish(&mut sealed).unwrap();
                assert_eq!(hex::encode(Sha256::digest(&sealed)), part["ciphertext_sha256"].as_str().unwrap());
                if hash.tail.is_empty() {
                    assert_eq!(hash.hash.as_slice(), bytes(part, "ghash_hex"));
                    assert_eq!(hash.blocks(), part["blocks"].as_u64().unwrap());
                }
                hashes.push(PartHash::from_bytes(&hash.to_bytes()).unwrap());
                offset += len;
            }
            let tag = tag(&keystream(), &bytes(row, "aad_hex"), &hashes).unwrap();
            assert_eq!(tag.as_slice(), bytes(row, "tag_hex"));
        }
    }

    #[test]
    fn what_is_no_hash_of_a_part_is_refused() {
        let sealer =
            |offset| PartSealer::new(Keystream::new(&AesKey::new(&[7; 32]).unwrap(), [1; 12]).unwrap(), offset, 0);
        let hash = sealer(5).unwrap().finish(&mut BytesMut::new()).unwrap();
        let good = hash.to_bytes();
        assert!(PartHash::from_bytes(&good) == Some(hash));
        for wrong in
            [&good[1..], &[&good[..], &[0]].concat(), b"", &[&good[..8], &[0; 8], &good[16..32], &[1, 0, 0]].concat()]
        {
            assert!(PartHash::from_bytes(wrong).is_none());
        }
        assert_eq!(sealer(MAX_GCM_PLAIN).err(), None);
        assert_eq!(sealer(MAX_GCM_PLAIN + 1).err(), Some(Error::TooLong));
    }
}
