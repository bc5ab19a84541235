//! Where fresh keys and nonces come from: an injected source, so that this room never asks the operating system.

/// The source of randomness failed; nothing may be sealed without it.
#[derive(Debug, thiserror::Error)]
#[error("the source of randomness failed: {0}")]
pub struct RandomError(pub String);

/// A cryptographically secure source of random bytes.
pub trait Random: Send + Sync + 'static {
    /// Fills `bytes` with random bytes.
    ///
    /// # Errors
    /// [`RandomError`] when the source cannot deliver; `bytes` must then not be used.
    fn fill(&self, bytes: &mut [u8]) -> Result<(), RandomError>;
}

/// Draws an array of `N` random bytes.
pub(crate) fn draw<const N: usize>(random: &dyn Random) -> Result<[u8; N], RandomError> {
    let mut bytes = [0; N];
    random.fill(&mut bytes)?;
    Ok(bytes)
}
