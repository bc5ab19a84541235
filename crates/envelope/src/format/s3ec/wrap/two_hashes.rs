//! RSA-OAEP with SHA-256 for the label and SHA-1 for the mask (RFC 8017, 7.1.2), which is what the JDK's own provider makes of
//! `RSA/ECB/OAEPWithSHA-256AndMGF1Padding`. Unwrapping only; knows no other padding.
//!
//! aws-lc-rs has no OAEP whose hashes differ, and no RSA without padding. So the exponentiation is crypto-bigint's, whose
//! time does not depend on the numbers, and the padding is taken off here, looking at all of it before judging any.

use crypto_bigint::modular::{BoxedMontyForm, BoxedMontyParams};
use crypto_bigint::{BoxedUint, Odd};
use sha1::{Digest, Sha1};
use sha2::Sha256;
use subtle::{Choice, ConstantTimeEq};
use zeroize::Zeroizing;

use super::super::Error;
use super::super::keys::AesKey;

/// Tags of DER.
const INTEGER: u8 = 0x02;
const OCTETS: u8 = 0x04;
const SEQUENCE: u8 = 0x30;

/// Bytes of SHA-256, and so of the seed.
const HASH: usize = 32;

/// The numbers of a private key, big-endian as DER has them.
pub(in super::super) struct Numbers {
    modulus: Vec<u8>,
    exponent: Zeroizing<Vec<u8>>,
}

impl Numbers {
    /// Out of PKCS #8 in DER; `None` when it is not.
    pub(in super::super) fn of_pkcs8(der: &[u8]) -> Option<Self> {
        let mut outer = element(&mut &*der, SEQUENCE)?;
        element(&mut outer, INTEGER)?;
        element(&mut outer, SEQUENCE)?;
        let mut inner = element(&mut element(&mut outer, OCTETS)?, SEQUENCE)?;
        element(&mut inner, INTEGER)?;
        let modulus = unsigned(element(&mut inner, INTEGER)?).to_vec();
        element(&mut inner, INTEGER)?;
        let exponent = Zeroizing::new(unsigned(element(&mut inner, INTEGER)?).to_vec());
        Some(Self { modulus, exponent })
    }

    /// `wrapped` to the power of the private exponent, as long as the modulus.
    fn raised(&self, wrapped: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let bits = u32::try_from(self.modulus.len().checked_mul(8)?).ok()?;
        let number = |bytes: &[u8]| BoxedUint::from_be_slice(bytes, bits).ok();
        let modulus = number(&self.modulus)?;
        let base = number(wrapped)?;
        if wrapped.len() != self.modulus.len() || base >= modulus {
            return None;
        }
        let params = BoxedMontyParams::new(Option::<Odd<BoxedUint>>::from(Odd::new(modulus))?);
        let exponent = Zeroizing::new(number(&self.exponent)?);
        let raised = Zeroizing::new(BoxedMontyForm::new(base, &params).pow(&exponent).retrieve());
        let bytes = Zeroizing::new(raised.to_be_bytes().to_vec());
        // Numbers are held in whole words.
        bytes.get(bytes.len().checked_sub(self.modulus.len())?..).map(|bytes| Zeroizing::new(bytes.to_vec()))
    }
}

/// The AES key in `wrapped`.
pub(super) fn unwrap(numbers: &Numbers, wrapped: &[u8]) -> Result<AesKey, Error> {
    opened(numbers, wrapped).ok_or(Error::Unwrap)
}

fn opened(numbers: &Numbers, wrapped: &[u8]) -> Option<AesKey> {
    let encoded = numbers.raised(wrapped)?;
    let (first, rest) = encoded.split_first()?;
    let (seed, block) = rest.split_at_checked(HASH)?;
    let (mut seed, mut block) = (Zeroizing::new(seed.to_vec()), Zeroizing::new(block.to_vec()));
    mask(&mut seed, &block);
    mask(&mut block, &seed);
    let (label, rest) = block.split_at_checked(HASH)?;
    let good = first.ct_eq(&0) & label.ct_eq(&Sha256::digest(b""));
    // Keys have three lengths, so there is nothing to search for in the padding.
    let found = [16, 24, 32].map(|len| key_of(rest, len, good));
    found.into_iter().flatten().next()
}

/// The last `len` bytes, if everything before is zeros and a one.
fn key_of(rest: &[u8], len: usize, good: Choice) -> Option<AesKey> {
    let (padding, key) = rest.split_at_checked(rest.len().checked_sub(len)?)?;
    let (marker, zeros) = padding.split_last()?;
    let zero = zeros.iter().fold(Choice::from(1), |so_far, byte| so_far & byte.ct_eq(&0));
    bool::from(good & marker.ct_eq(&1) & zero).then(|| AesKey::new(key)).flatten()
}

/// MGF1 with SHA-1 (RFC 8017, B.2.1), over `target`.
fn mask(target: &mut [u8], seed: &[u8]) {
    for (counter, piece) in (0u32..).zip(target.chunks_mut(20)) {
        let hash = Sha1::new().chain_update(seed).chain_update(counter.to_be_bytes()).finalize();
        piece.iter_mut().zip(hash).for_each(|(byte, mask)| *byte ^= mask);
    }
}

/// The content of the element of DER at the front, which is taken off.
fn element<'a>(rest: &mut &'a [u8], tag: u8) -> Option<&'a [u8]> {
    let (found, after) = rest.split_first()?;
    let (len, after) = after.split_first()?;
    let (len, after) = if *len < 0x80 {
        (usize::from(*len), after)
    } else {
        let (digits, after) = after.split_at_checked(usize::from(*len & 0x7f))?;
        let number =
            digits.iter().try_fold(0usize, |so_far, digit| so_far.checked_mul(256)?.checked_add(usize::from(*digit)));
        (number?, after)
    };
    let (content, after) = after.split_at_checked(len)?;
    *rest = after;
    (*found == tag).then_some(content)
}

/// Without the zero that keeps a number positive.
fn unsigned(number: &[u8]) -> &[u8] {
    number.strip_prefix(&[0]).unwrap_or(number)
}
