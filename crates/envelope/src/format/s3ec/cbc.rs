//! AES-CBC, the content cipher of the oldest objects: decryption of whole blocks and the one look at the padding.
//!
//! Nothing authenticates such content. The padding is looked at once, before anything is released, and every way it
//! can be wrong is one error; afterwards the length is taken as known, so that no later failure tells about padding.
//! FORMAT.md, 18.4.

use aws_lc_rs::cipher::{DecryptingKey, DecryptionContext};
use aws_lc_rs::iv::FixedLength;
use subtle::{Choice, ConditionallySelectable, ConstantTimeEq, ConstantTimeLess};
use zeroize::Zeroizing;

use super::keys::AesKey;
use super::{BLOCK, Error};

/// AES-CBC with one key.
pub(in crate::format) struct Cbc(DecryptingKey);

impl Cbc {
    pub(in crate::format) fn new(key: &AesKey) -> Result<Self, Error> {
        Ok(Self(key.in_mode(DecryptingKey::cbc)?))
    }

    /// Decrypts whole blocks in place; `previous` is the stored block before them.
    pub(in crate::format) fn decrypt(&self, previous: [u8; BLOCK], bytes: &mut [u8]) -> Result<(), Error> {
        let context = DecryptionContext::Iv128(FixedLength::from(previous));
        self.0.decrypt(bytes, context).map(|_| ()).map_err(|_| Error::Internal)
    }

    /// How many bytes of padding the last stored block holds, 1 to 16.
    pub(super) fn padding(&self, previous: [u8; BLOCK], last: [u8; BLOCK]) -> Result<u64, Error> {
        let mut plain = Zeroizing::new(last);
        self.decrypt(previous, plain.as_mut_slice())?;
        padding(&plain).ok_or(Error::Content)
    }
}

/// The length of PKCS #7 padding, looking at every byte alike; only whether there is any shows.
fn padding(plain: &[u8; BLOCK]) -> Option<u64> {
    let [.., count] = *plain;
    let mut fits = !count.ct_eq(&0) & count.ct_lt(&17);
    for (from_end, byte) in (0_u8..).zip(plain.iter().rev()) {
        let is_padding = from_end.ct_lt(&count);
        fits &= Choice::conditional_select(&Choice::from(1), &byte.ct_eq(&count), is_padding);
    }
    bool::from(fits).then(|| u64::from(count))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_length_of_padding_is_read() {
        for count in 1..=16_u8 {
            let mut block = [0xaa; BLOCK];
            block[BLOCK - usize::from(count)..].fill(count);
            assert_eq!(padding(&block), Some(u64::from(count)));
        }
    }

    #[test]
    fn one_wrong_byte_is_wrong_padding() {
        for count in 2..=16_u8 {
            for at in BLOCK - usize::from(count)..BLOCK - 1 {
                let mut block = [0xaa; BLOCK];
                block[BLOCK - usize::from(count)..].fill(count);
                block[at] ^= 0x40;
                assert_eq!(padding(&block), None, "{count} {at}");
            }
        }
        for count in [0, 17, 32, 255] {
            assert_eq!(padding(&[count; BLOCK]), None);
        }
    }
}
