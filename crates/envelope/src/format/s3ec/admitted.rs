//! An envelope the read policy has let pass: the only thing that unwraps a data key.
//!
//! KMS is not called from here. What it has to be asked is checked and handed out; its answer is taken back.
//! FORMAT.md, 18.3.

use std::fmt;

use super::algorithms::Wrap;
use super::envelope::Envelope;
use super::keys::{AesKey, MasterKey};
use super::{Content, Context, Draft, Error, ReadPolicy, wrap};

/// The reserved name that binds the content algorithm to a key wrapped by KMS.
pub(super) const BOUND_ALGORITHM: &str = "aws:x-amz-cek-alg";

/// The name under which older clients note the KMS key.
const NOTED_KEY: &str = "kms_cmk_id";

/// An envelope that may be read.
#[derive(Debug)]
pub struct Admitted {
    envelope: Envelope,
    policy: ReadPolicy,
}

/// The data key of an envelope, unwrapped.
pub struct Unwrapped<'a> {
    admitted: &'a Admitted,
    key: AesKey,
}

/// What to ask KMS, checked against what is expected.
#[derive(Debug)]
pub struct KmsDecrypt<'a> {
    admitted: &'a Admitted,
}

impl Admitted {
    pub(super) fn new(envelope: Envelope, policy: &ReadPolicy) -> Self {
        Self { envelope, policy: policy.clone() }
    }

    /// What was admitted.
    pub fn envelope(&self) -> &Envelope {
        &self.envelope
    }

    /// Unwraps the data key with a key that is at hand, and checks the key commitment.
    ///
    /// # Errors
    /// [`Error::WrongKeyKind`] when another kind of key is needed, [`Error::Unwrap`] when this one does not fit, and
    /// [`Error::Commitment`]. With format V1 a wrong key mostly shows only in the content.
    pub fn unlock(&self, key: &MasterKey) -> Result<Content, Error> {
        self.unwrap(key)?.content()
    }

    /// Unwraps the data key with a key that is at hand.
    ///
    /// # Errors
    /// [`Error::WrongKeyKind`] when another kind of key is needed, [`Error::Unwrap`] when this one does not fit.
    pub fn unwrap(&self, key: &MasterKey) -> Result<Unwrapped<'_>, Error> {
        Ok(Unwrapped { admitted: self, key: wrap::unwrap(&self.envelope, key)? })
    }

    /// Checks the stored encryption context against the pairs `expected` for this object, and says what to ask KMS.
    ///
    /// # Errors
    /// [`Error::WrongKeyKind`] when no key of KMS is needed; [`Error::StoredContext`] when the context is another or
    /// does not bind the content algorithm; [`Error::ExpectedContext`] when it cannot be expected.
    pub fn kms(&self, expected: &Context) -> Result<KmsDecrypt<'_>, Error> {
        if expected.contains_key(BOUND_ALGORITHM) {
            return Err(Error::ExpectedContext { problem: "holds the reserved name aws:x-amz-cek-alg" });
        }
        match self.envelope.wrap {
            Wrap::KmsContext => self.check_bound_context(expected)?,
            Wrap::Kms => self.check_unbound_context(expected)?,
            _ => return Err(Error::WrongKeyKind),
        }
        Ok(KmsDecrypt { admitted: self })
    }

    fn check_bound_context(&self, expected: &Context) -> Result<(), Error> {
        let stored = &self.envelope.context;
        let bound =
            stored.get(BOUND_ALGORITHM).ok_or(Error::StoredContext { problem: "binds no content algorithm" })?;
        if bound != self.envelope.suite().bound_name() {
            return Err(Error::StoredContext { problem: "binds another content algorithm" });
        }
        let rest = stored.iter().filter(|(name, _)| ![BOUND_ALGORITHM, NOTED_KEY].contains(&name.as_str()));
        if rest.eq(expected.iter().filter(|(name, _)| *name != NOTED_KEY)) {
            return Ok(());
        }
        Err(Error::StoredContext { problem: "is not the one expected for this object" })
    }

    /// Pairs that were expected of an object with `kms+context` must not be dropped by calling it `kms`.
    fn check_unbound_context(&self, expected: &Context) -> Result<(), Error> {
        if !expected.is_empty() {
            return Err(Error::ExpectedContext { problem: "cannot be checked with the legacy wrap kms" });
        }
        if self.envelope.context.contains_key(BOUND_ALGORITHM) {
            return Err(Error::StoredContext { problem: "is one of kms+context under the legacy wrap kms" });
        }
        Ok(())
    }
}

impl Unwrapped<'_> {
    /// The content that it opens.
    ///
    /// # Errors
    /// [`Error::Commitment`] when it is not the key that the object commits to.
    pub fn content(self) -> Result<Content, Error> {
        Content::unlock(&self.admitted.envelope, &self.admitted.policy, self.key)
    }

    /// The same data key for the same content, to be wrapped anew as the current clients do.
    ///
    /// # Errors
    /// [`Error::Commitment`] as above; [`Error::NoCurrentWrap`] when the current clients wrap no such key.
    pub fn draft(self) -> Result<Draft, Error> {
        Draft::of(&self.admitted.envelope, self.key)
    }
}

impl<'a> KmsDecrypt<'a> {
    /// The wrapped key, KMS's `CiphertextBlob`.
    pub fn blob(&self) -> &[u8] {
        &self.admitted.envelope.wrapped_key
    }

    /// The encryption context to send, exactly as it was stored.
    pub fn context(&self) -> &Context {
        &self.admitted.envelope.context
    }

    /// The KMS key the writer noted, if any. Nothing vouches for it: the key to ask is the configured one.
    pub fn noted_key(&self) -> Option<&str> {
        self.context().get(NOTED_KEY).map(String::as_str)
    }

    /// Takes the plaintext KMS answered with, and checks the key commitment. Wiping the argument is the caller's.
    ///
    /// # Errors
    /// [`Error::Unwrap`] when it is no data key, [`Error::Commitment`] when it is not the one of this object.
    pub fn unlock(self, plaintext: &[u8]) -> Result<Content, Error> {
        self.unwrap(plaintext)?.content()
    }

    /// Takes the plaintext KMS answered with. Wiping the argument is the caller's.
    ///
    /// # Errors
    /// [`Error::Unwrap`] when it is no data key.
    pub fn unwrap(self, plaintext: &[u8]) -> Result<Unwrapped<'a>, Error> {
        Ok(Unwrapped { admitted: self.admitted, key: AesKey::new(plaintext).ok_or(Error::Unwrap)? })
    }
}

impl fmt::Debug for Unwrapped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Unwrapped")
    }
}
