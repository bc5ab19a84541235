//! Key bytes that must not wander: no copies, no printing, wiped when dropped.
//!
//! The bytes are visible inside this crate only. Everyone else holds the types and hands them back.

use std::fmt;

use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::KeyCheck;

/// The random key of one object, from which all its other keys derive. It leaves this crate only wrapped.
pub struct DataKey(Zeroizing<[u8; 32]>);

/// A key that wraps data keys. It never leaves this crate.
pub struct WrappingSecret(Zeroizing<[u8; 32]>);

impl DataKey {
    /// Takes 32 bytes that came from a random source or an unwrap.
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(Zeroizing::new(bytes))
    }

    pub(crate) fn bytes(&self) -> &[u8; 32] {
        &self.0
    }

    pub(crate) fn is_zero(&self) -> bool {
        is_zero(&self.0)
    }
}

impl WrappingSecret {
    /// Takes the 32 bytes of an AES-256 wrapping key.
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// By what it is recognised.
    pub fn check_value(&self) -> KeyCheck {
        KeyCheck::of(self.0.as_slice())
    }

    pub(crate) fn bytes(&self) -> &[u8; 32] {
        &self.0
    }

    pub(crate) fn is_zero(&self) -> bool {
        is_zero(&self.0)
    }
}

impl fmt::Debug for DataKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DataKey")
    }
}

impl fmt::Debug for WrappingSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WrappingSecret")
    }
}

fn is_zero(bytes: &[u8; 32]) -> bool {
    bytes.ct_eq(&[0; 32]).into()
}
