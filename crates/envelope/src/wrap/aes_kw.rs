//! AES-256 key wrap (RFC 3394) under a key that is derived for the object's name.
//!
//! RFC 3394 takes no associated data, so the binding goes into the derivation of the key that wraps.

use aes_kw::{KeyInit, KwAes256};
use zeroize::Zeroizing;

use super::Binding;
use crate::{DataKey, Error, WrappingSecret, cipher};

/// 32 bytes of key and 8 of check value.
pub(super) const WRAPPED_LEN: usize = 40;

const INFO: &[u8] = b"sealgate/1 wrap";

/// Wraps a data key for the name in `binding`.
///
/// # Errors
/// [`Error::ZeroKey`] when either key is all zero bytes.
pub fn wrap_a256kw(secret: &WrappingSecret, key: &DataKey, binding: &Binding) -> Result<Vec<u8>, Error> {
    if key.is_zero() {
        return Err(Error::ZeroKey);
    }
    let mut wrapped = vec![0; WRAPPED_LEN];
    wrapping_cipher(secret, binding)?.wrap_key(key.bytes(), &mut wrapped).map_err(|_| Error::Internal)?;
    Ok(wrapped)
}

/// Unwraps a data key that was wrapped for the name in `binding`.
///
/// # Errors
/// [`Error::Unwrap`] when secret, name or bytes are not those of the wrap; [`Error::ZeroKey`] for an all-zero secret.
pub fn unwrap_a256kw(secret: &WrappingSecret, wrapped: &[u8], binding: &Binding) -> Result<DataKey, Error> {
    let cipher = wrapping_cipher(secret, binding)?;
    if wrapped.len() != WRAPPED_LEN {
        return Err(Error::Unwrap);
    }
    let mut key = Zeroizing::new([0; 32]);
    cipher.unwrap_key(wrapped, key.as_mut_slice()).map_err(|_| Error::Unwrap)?;
    Ok(DataKey::from_bytes(*key))
}

fn wrapping_cipher(secret: &WrappingSecret, binding: &Binding) -> Result<KwAes256, Error> {
    if secret.is_zero() {
        return Err(Error::ZeroKey);
    }
    let derived = cipher::derive(secret.bytes(), b"", &[INFO, &binding.bound()?]);
    Ok(KwAes256::new((&*derived).into()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::BindingMode;

    fn binding(mode: BindingMode, bucket: &str, key: &str) -> Binding {
        Binding::new(mode, bucket, key).unwrap()
    }

    fn secret() -> WrappingSecret {
        WrappingSecret::from_bytes([1; 32])
    }

    #[test]
    fn a_wrapped_key_unwraps_under_the_same_name() {
        let here = binding(BindingMode::Object, "b", "k");
        let wrapped = wrap_a256kw(&secret(), &DataKey::from_bytes([2; 32]), &here).unwrap();
        assert_eq!(wrapped.len(), WRAPPED_LEN);
        assert_eq!(unwrap_a256kw(&secret(), &wrapped, &here).unwrap().bytes(), &[2; 32]);
    }

    #[test]
    fn another_name_mode_secret_or_length_is_refused() {
        let here = binding(BindingMode::Object, "b", "k");
        let wrapped = wrap_a256kw(&secret(), &DataKey::from_bytes([2; 32]), &here).unwrap();
        for there in [
            binding(BindingMode::Object, "b", "l"),
            binding(BindingMode::Object, "c", "k"),
            binding(BindingMode::Key, "b", "k"),
        ] {
            assert_eq!(unwrap_a256kw(&secret(), &wrapped, &there).unwrap_err(), Error::Unwrap);
        }
        let other = WrappingSecret::from_bytes([3; 32]);
        assert_eq!(unwrap_a256kw(&other, &wrapped, &here).unwrap_err(), Error::Unwrap);
        assert_eq!(unwrap_a256kw(&secret(), &wrapped[..39], &here).unwrap_err(), Error::Unwrap);
    }

    #[test]
    fn names_that_only_join_to_the_same_text_differ() {
        let wrapped =
            wrap_a256kw(&secret(), &DataKey::from_bytes([2; 32]), &binding(BindingMode::Object, "ab", "c")).unwrap();
        assert!(unwrap_a256kw(&secret(), &wrapped, &binding(BindingMode::Object, "a", "bc")).is_err());
    }

    #[test]
    fn all_zero_keys_neither_wrap_nor_are_wrapped() {
        let (zero, here) = (WrappingSecret::from_bytes([0; 32]), binding(BindingMode::None, "", ""));
        assert_eq!(wrap_a256kw(&zero, &DataKey::from_bytes([2; 32]), &here).unwrap_err(), Error::ZeroKey);
        assert_eq!(wrap_a256kw(&secret(), &DataKey::from_bytes([0; 32]), &here).unwrap_err(), Error::ZeroKey);
        assert_eq!(unwrap_a256kw(&zero, &[0; 40], &here).unwrap_err(), Error::ZeroKey);
    }
}
