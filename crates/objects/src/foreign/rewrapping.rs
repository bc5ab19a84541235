//! Wrapping the data key of an object of Amazon's formats anew: for the first of the rule's keys, as new objects are.
//!
//! Content, message id and commitment stay; they belong to the data key and not to its wrap. Where the wrap is stored
//! is not known here.

use envelope::s3ec::{self, KeyKind, Suite, Wrap, Written};
use keyring::MasterKey;

use super::locked::{unwrapped, wrong};
use super::writing::writing_key;
use super::{ForeignFormat, ForeignPolicy, Locked};
use crate::policy::{Rule, WriteFormat};
use crate::{Error, SealedObjects};

/// A wrap that is not stored yet.
pub(crate) struct FreshWrap {
    /// The key that unwrapped the data key.
    pub(crate) from: String,
    /// The key that wraps it now.
    pub(crate) to: String,
    /// The whole envelope with the new wrap.
    pub(crate) written: Written,
}

impl SealedObjects {
    /// The data key of an object, unwrapped and wrapped anew; `None` when it is wrapped as those of new objects are.
    ///
    /// # Errors
    /// [`Error::NotRewrapped`] for formats whose data keys no current client wraps, or why the data key cannot be
    /// unwrapped or wrapped.
    pub(crate) async fn fresh_wrap(&self, rule: &Rule, locked: &Locked) -> Result<Option<FreshWrap>, Error> {
        let (Some(policy), Some(admitted)) = (rule.foreign.as_deref(), rewrappable(locked)) else {
            return Err(not_rewrapped(locked));
        };
        let to = writing_key(rule, policy)?;
        let (from, unwrapped) = unwrapped(rule, policy, locked, admitted).await?;
        let draft = unwrapped.draft().map_err(|error| match error {
            s3ec::Error::NoCurrentWrap => not_rewrapped(locked),
            error => wrong(locked, Some(from), &error),
        })?;
        if from.id == to.id && is_current(admitted.envelope(), to) {
            return Ok(None);
        }
        let written = self.wrapped(rule, policy, &draft).await?;
        Ok(Some(FreshWrap { from: from.id.to_string(), to: to.id.to_string(), written }))
    }
}

/// Which of the rule's keys an envelope asks for first, by what it says; nothing is unwrapped.
pub(crate) fn asked_key<'a>(policy: &'a ForeignPolicy, locked: &Locked) -> Option<&'a MasterKey> {
    let Locked::S3Ec { admitted, format, .. } = locked else { return None };
    let envelope = admitted.envelope();
    let known = || policy.keys.described(envelope.key_kind(), envelope.context());
    // The envelope of such an object speaks of the key beside it.
    if *format == ForeignFormat::KeySidecar { policy.keys.first(KeyKind::Kms) } else { known() }
}

/// How an envelope of Amazon's formats says that its data key is wrapped, and whether that is as new objects have it.
pub(crate) fn described_wrap(rule: &Rule, locked: &Locked) -> Option<(String, &'static str, bool)> {
    let (policy, Locked::S3Ec { admitted, .. }) = (rule.foreign.as_deref()?, locked) else { return None };
    let (key, envelope) = (asked_key(policy, locked)?, admitted.envelope());
    let writes = matches!(rule.format, WriteFormat::S3Ec(_));
    let current = writing_key(rule, policy).is_ok_and(|first| first.id == key.id && is_current(envelope, first));
    Some((key.id.to_string(), envelope.wrap().name(), writes && current))
}

/// The envelope of an object of Amazon's own V2 or V3 with content in GCM. What other tools write knows no other wrap.
fn rewrappable(locked: &Locked) -> Option<&s3ec::Admitted> {
    match locked {
        Locked::S3Ec { admitted, format: ForeignFormat::S3EcV2 | ForeignFormat::S3EcV3, .. }
            if admitted.envelope().suite() != Suite::Cbc =>
        {
            Some(admitted)
        }
        _ => None,
    }
}

fn not_rewrapped(locked: &Locked) -> Error {
    Error::NotRewrapped { format: locked.format().map_or("instruction file", ForeignFormat::name) }
}

/// Whether the wrap is the one that new objects get, with the description that belongs to the key.
fn is_current(envelope: &s3ec::Envelope, key: &MasterKey) -> bool {
    let described = || *envelope.context() == key.materials;
    match (key.secret.kind(), envelope.wrap()) {
        (Some(KeyKind::Aes), Wrap::AesGcm) | (Some(KeyKind::Rsa), Wrap::RsaOaepSha1) => described(),
        (Some(KeyKind::Kms), Wrap::KmsContext) => true,
        _ => false,
    }
}
