//! Data keys wrapped under AES keys: AES-GCM, AES key wrap (RFC 3394) and the AES-ECB of format V1.

use aes_kw::{KeyInit, KwAes128, KwAes192, KwAes256};
use aws_lc_rs::cipher::{DecryptingKey, DecryptionContext};
use subtle::{Choice, ConditionallySelectable, ConstantTimeEq};
use zeroize::Zeroizing;

use super::super::gcm::Gcm;
use super::super::keys::AesKey;
use super::super::{BLOCK, Error};

/// `nonce || ciphertext || tag`; the associated data binds the content algorithm.
pub(super) fn gcm(key: &AesKey, wrapped: &[u8], bound: &[u8]) -> Result<AesKey, Error> {
    let (nonce, sealed) = wrapped.split_first_chunk::<12>().ok_or(Error::Unwrap)?;
    let plain = Gcm::new(key, *nonce, bound)?.open(sealed).map_err(|_| Error::Unwrap)?;
    AesKey::new(&plain).ok_or(Error::Unwrap)
}

/// The same for writing.
pub(in super::super) fn gcm_wrapped(
    key: &AesKey,
    nonce: [u8; 12],
    plain: &AesKey,
    bound: &[u8],
) -> Result<Vec<u8>, Error> {
    let sealed = Gcm::new(key, nonce, bound)?.seal(plain.bytes())?;
    Ok([nonce.as_slice(), &sealed].concat())
}

/// RFC 3394 with the default check value.
pub(super) fn key_wrap(key: &AesKey, wrapped: &[u8]) -> Result<AesKey, Error> {
    let len = wrapped.len().checked_sub(8).filter(|len| matches!(len, 16 | 24 | 32)).ok_or(Error::Unwrap)?;
    let mut plain = Zeroizing::new(vec![0; len]);
    let unwrapped = match key.bytes().len() {
        16 => KwAes128::new_from_slice(key.bytes()).map(|key| key.unwrap_key(wrapped, &mut plain).is_ok()),
        24 => KwAes192::new_from_slice(key.bytes()).map(|key| key.unwrap_key(wrapped, &mut plain).is_ok()),
        _ => KwAes256::new_from_slice(key.bytes()).map(|key| key.unwrap_key(wrapped, &mut plain).is_ok()),
    };
    match unwrapped {
        Ok(true) => AesKey::new(&plain).ok_or(Error::Unwrap),
        Ok(false) => Err(Error::Unwrap),
        Err(_) => Err(Error::Internal),
    }
}

/// Electronic code book with PKCS #7 padding, which is no check anybody may learn the outcome of.
pub(super) fn ecb(key: &AesKey, wrapped: &[u8], substitute: &Zeroizing<[u8; 32]>) -> Result<AesKey, Error> {
    // The length is no secret. The lengths of padded keys are these, and the substitute is as long as the key would be.
    let (len, other_len) = match wrapped.len() {
        48 => (32, 32),
        32 => (16, 24),
        _ => return Err(Error::Unwrap),
    };
    let mut plain = Zeroizing::new(wrapped.to_vec());
    let cipher = key.in_mode(DecryptingKey::ecb)?;
    cipher.decrypt(&mut plain, DecryptionContext::None).map_err(|_| Error::Internal)?;
    if bool::from(is_padded(&plain, other_len) & !is_padded(&plain, len)) {
        return AesKey::new(plain.get(..other_len).ok_or(Error::Internal)?).ok_or(Error::Internal);
    }
    let padded = is_padded(&plain, len);
    let mut chosen = Zeroizing::new(vec![0; len]);
    for ((chosen, found), other) in chosen.iter_mut().zip(plain.iter()).zip(substitute.iter()) {
        *chosen = u8::conditional_select(other, found, padded);
    }
    AesKey::new(&chosen).ok_or(Error::Internal)
}

/// Whether the bytes from `len` on are padding to whole blocks, looking at all of them whatever they are.
fn is_padded(plain: &[u8], len: usize) -> Choice {
    let padding = plain.get(len..).unwrap_or_default();
    let expected = u8::try_from(padding.len()).unwrap_or_default();
    let fits = Choice::from(u8::from((1..=BLOCK).contains(&padding.len())));
    padding.iter().fold(fits, |so_far, byte| so_far & byte.ct_eq(&expected))
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::cipher::{AES_256, EncryptingKey, UnboundCipherKey};

    use super::*;

    fn wrapping() -> AesKey {
        AesKey::new(&[7; 32]).unwrap()
    }

    fn ecb_wrapped(plain: &[u8]) -> Vec<u8> {
        let mut wrapped = plain.to_vec();
        let key = EncryptingKey::ecb(UnboundCipherKey::new(&AES_256, &[7; 32]).unwrap()).unwrap();
        key.encrypt(&mut wrapped).unwrap();
        wrapped
    }

    fn unwrapped(plain: &[u8]) -> Vec<u8> {
        ecb(&wrapping(), &ecb_wrapped(plain), &Zeroizing::new([9; 32])).unwrap().bytes().to_vec()
    }

    #[test]
    fn padded_keys_of_every_length_are_unwrapped() {
        for len in [16_usize, 24, 32] {
            let pad = 16 - len % 16;
            let padded = [vec![3; len], vec![u8::try_from(pad).unwrap(); pad]].concat();
            assert_eq!(unwrapped(&padded), vec![3; len]);
        }
    }

    #[test]
    fn wrong_padding_shows_only_as_another_key() {
        for (len, at) in [(48_usize, 47), (48, 32), (32, 31), (32, 16)] {
            let mut padded = [vec![3; len - 16], vec![16; 16]].concat();
            padded[at] ^= 1;
            assert_eq!(unwrapped(&padded), vec![9; len - 16], "{len} {at}");
        }
        let zeros = [vec![3; 32], vec![0; 16]].concat();
        assert_eq!(unwrapped(&zeros), vec![9; 32]);
    }

    #[test]
    fn lengths_that_are_no_wrapped_key_are_refused() {
        for len in [0, 8, 16, 24, 31, 33, 40, 47, 49, 64, 1024] {
            let (key, wrapped) = (wrapping(), vec![1; len]);
            assert_eq!(ecb(&key, &wrapped, &Zeroizing::new([9; 32])).is_ok(), len == 32 || len == 48, "{len}");
            assert_eq!(key_wrap(&key, &wrapped).err(), Some(Error::Unwrap));
            assert_eq!(gcm(&key, &wrapped, b"115").err(), Some(Error::Unwrap));
        }
    }
}
