//! Data keys of which a key management service keeps the key: between the two stands an intermediate key.
//!
//! The service wraps the intermediate key, and the intermediate key wraps data keys as any local AES key does, bound to
//! the object's name. So a data key never leaves this crate, and the service is not asked for every object. Who asks
//! it, and for how many objects an intermediate key serves, is not known here.

use super::{Binding, BindingMode, unwrap_a256kw, wrap_a256kw};
use crate::s3ec::Context;
use crate::wrap::aes_kw::WRAPPED_LEN;
use crate::{DataKey, Error, WrappingSecret};

/// The longest wrapped intermediate key, in bytes. Services make some 200; metadata has room for no more.
pub const MAX_BLOB_LEN: usize = 1_024;

/// Names in an encryption context that begin so are this format's.
pub const RESERVED_CONTEXT: &str = "sealgate:";

/// Lengths of a whole wrap: that of the blob in two bytes, the blob, and the data key.
pub(super) const LENS: std::ops::RangeInclusive<usize> = 2 + 1 + WRAPPED_LEN..=2 + MAX_BLOB_LEN + WRAPPED_LEN;

/// The two halves of a wrap, both still wrapped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ServiceWrap<'a> {
    blob: &'a [u8],
    inner: &'a [u8],
}

/// Wraps a data key for the name in `binding` under an intermediate key, which the service wrapped as `blob`.
///
/// # Errors
/// [`Error::ZeroKey`] when either key is all zero bytes, [`Error::Internal`] when the blob is empty or too long.
pub fn wrap_under_service(
    intermediate: &WrappingSecret,
    blob: &[u8],
    key: &DataKey,
    binding: &Binding,
) -> Result<Vec<u8>, Error> {
    if blob.is_empty() || blob.len() > MAX_BLOB_LEN {
        return Err(Error::Internal);
    }
    let len = u16::try_from(blob.len()).map_err(|_| Error::Internal)?;
    let mut wrapped = len.to_be_bytes().to_vec();
    wrapped.extend_from_slice(blob);
    wrapped.extend_from_slice(&wrap_a256kw(intermediate, key, binding)?);
    Ok(wrapped)
}

impl<'a> ServiceWrap<'a> {
    /// Takes a wrap apart.
    ///
    /// # Errors
    /// [`Error::Unwrap`] when it is not written as the format says.
    pub fn parse(wrapped: &'a [u8]) -> Result<Self, Error> {
        let (len, rest) = wrapped.split_first_chunk().ok_or(Error::Unwrap)?;
        let (blob, inner) = rest.split_at_checked(usize::from(u16::from_be_bytes(*len))).ok_or(Error::Unwrap)?;
        if blob.is_empty() || blob.len() > MAX_BLOB_LEN || inner.len() != WRAPPED_LEN {
            return Err(Error::Unwrap);
        }
        Ok(Self { blob, inner })
    }

    /// The intermediate key, as the service wrapped it.
    pub fn blob(&self) -> &'a [u8] {
        self.blob
    }

    /// Unwraps the data key.
    ///
    /// # Errors
    /// [`Error::Unwrap`] when the intermediate key or the name is not that of the wrap.
    pub fn unwrap(&self, intermediate: &WrappingSecret, binding: &Binding) -> Result<DataKey, Error> {
        unwrap_a256kw(intermediate, self.inner, binding)
    }
}

impl Binding {
    /// The encryption context under which the service wraps the intermediate key for this name, without the pairs that
    /// a configuration adds. The object's key is bound by the inner wrap alone: an intermediate key serves a bucket.
    pub fn service_context(&self) -> Context {
        let mut context = Context::from([(format!("{RESERVED_CONTEXT}format"), "1".to_owned())]);
        if self.mode() == BindingMode::Object {
            context.insert(format!("{RESERVED_CONTEXT}bucket"), self.bucket().to_owned());
        }
        context
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn binding(mode: BindingMode, key: &str) -> Binding {
        Binding::new(mode, "photos", key).unwrap()
    }

    #[test]
    fn both_halves_come_back() {
        let (secret, key) = (WrappingSecret::from_bytes([1; 32]), DataKey::from_bytes([2; 32]));
        let wrapped = wrap_under_service(&secret, b"blob", &key, &binding(BindingMode::Object, "a")).unwrap();
        let parsed = ServiceWrap::parse(&wrapped).unwrap();
        assert_eq!((parsed.blob(), wrapped.len()), (b"blob".as_slice(), 2 + 4 + 40));
        assert!(LENS.contains(&wrapped.len()));
        assert_eq!(parsed.unwrap(&secret, &binding(BindingMode::Object, "a")).unwrap().bytes(), &[2; 32]);
        assert_eq!(parsed.unwrap(&secret, &binding(BindingMode::Object, "b")).unwrap_err(), Error::Unwrap);
        assert_eq!(parsed.unwrap(&secret, &binding(BindingMode::Key, "a")).unwrap_err(), Error::Unwrap);
    }

    #[test]
    fn what_is_not_written_so_is_refused() {
        let whole = [&[0, 4][..], b"blob", &[7; 40]].concat();
        assert!(ServiceWrap::parse(&whole).is_ok());
        for len in 0..whole.len() {
            assert_eq!(ServiceWrap::parse(&whole[..len]), Err(Error::Unwrap));
        }
        assert_eq!(ServiceWrap::parse(&[&[0, 0][..], &[7; 40]].concat()), Err(Error::Unwrap));
        assert_eq!(ServiceWrap::parse(&[&[4, 1][..], &[7; 1_065]].concat()), Err(Error::Unwrap));
        let (secret, key) = (WrappingSecret::from_bytes([1; 32]), DataKey::from_bytes([2; 32]));
        let here = binding(BindingMode::Object, "a");
        assert!(wrap_under_service(&secret, b"", &key, &here).is_err());
        assert!(wrap_under_service(&secret, &[1; 1_025], &key, &here).is_err());
    }

    #[test]
    fn the_service_is_told_the_bucket_where_it_is_bound() {
        let context = |mode| binding(mode, "a").service_context().into_iter().collect::<Vec<_>>();
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let format = || pair("sealgate:format", "1");
        assert_eq!(context(BindingMode::Object), [pair("sealgate:bucket", "photos"), format()]);
        assert_eq!(context(BindingMode::Key), [format()]);
        assert_eq!(context(BindingMode::None), [format()]);
    }
}
