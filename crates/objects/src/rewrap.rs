//! Giving a sealed object another name without touching its content: the same data key, wrapped for the new name.

mod foreign;
mod in_place;
mod parts;

use std::collections::BTreeMap;

use envelope::{Binding, ENVELOPE_NAME, Envelope, METADATA_NAME, ObjectKeys};
use http::{HeaderMap, HeaderName, HeaderValue};

use crate::policy::{MetadataMode, Rule};
use crate::random::draw;
use crate::{Error, ObjectRef, SealedObjects, USER_METADATA_PREFIX, metadata};

pub(crate) use in_place::taken;
pub use in_place::{RewrapRequest, Rewrapped};

/// A name with the rule that holds for it.
pub(crate) struct Place<'a> {
    pub(crate) at: &'a ObjectRef,
    pub(crate) rule: &'a Rule,
}

impl SealedObjects {
    /// The envelope that opens the object of `envelope` under the name `to`, and the object's keys.
    ///
    /// The data key must prove to be the one that sealed the object before it is wrapped again.
    pub(crate) async fn rewrap(
        &self,
        envelope: &Envelope,
        from: &Place<'_>,
        to: &Place<'_>,
    ) -> Result<(Envelope, ObjectKeys), Error> {
        let wrong = |error: envelope::Error| Error::Integrity(error.to_string());
        let (identity, key) = (from.rule.identity_of(&from.at.bucket), &from.at.key);
        let bound = Binding::new(envelope.binding_mode(), identity, key).map_err(wrong)?;
        let data_key = from.rule.keyring.unwrap(envelope.encrypted_data_key(), &bound).await;
        let data_key = data_key.map_err(|error| from.rule.blame(error))?;
        let keys = envelope.unlock(&data_key).map_err(wrong)?;
        let (identity, key) = (to.rule.identity_of(&to.at.bucket), &to.at.key);
        let bound = Binding::new(to.rule.binding, identity, key).map_err(|_| Error::BadName)?;
        let wrapped = to.rule.keyring.wrap(&data_key, &bound).await.map_err(|error| to.rule.blame(error))?;
        Ok((Envelope::new(envelope.upload(), to.rule.binding, wrapped, &keys), keys))
    }

    /// Whether the data key of `envelope` is wrapped as those of new objects under `rule` are.
    pub(crate) fn is_current(rule: &Rule, envelope: &Envelope) -> bool {
        let wrapped = envelope.encrypted_data_key();
        rule.keyring.primary_id() == Some(&wrapped.key_id) && envelope.binding_mode() == rule.binding
    }

    /// Writes `metadata` into `headers` as `rule` wants it kept, sealed anew where it is sealed.
    pub(crate) fn write_metadata(
        &self,
        rule: &Rule,
        keys: &ObjectKeys,
        metadata: &BTreeMap<String, String>,
        headers: &mut HeaderMap,
    ) -> Result<(), Error> {
        if rule.metadata == MetadataMode::Clear {
            return metadata::into_headers(metadata, headers);
        }
        if metadata.is_empty() {
            return Ok(());
        }
        let sealed = keys.seal_metadata(draw(self.random.as_ref())?, metadata);
        let sealed = sealed.map_err(|error| Error::Internal(error.to_string()))?;
        insert(headers, METADATA_NAME, &sealed)
    }
}

/// Writes `envelope` into `headers`.
pub(crate) fn write_envelope(envelope: &Envelope, headers: &mut HeaderMap) -> Result<(), Error> {
    insert(headers, ENVELOPE_NAME, &envelope.to_string())
}

/// Carries the sealed metadata of an object over as it is: `false` when that is not all of its metadata.
pub(crate) fn carry_sealed_metadata(stored: &HeaderMap, headers: &mut HeaderMap) -> Result<bool, Error> {
    if !metadata::clear(stored).is_empty() {
        return Ok(false);
    }
    if let Some(sealed) = stored.get(format!("{USER_METADATA_PREFIX}{METADATA_NAME}")) {
        let sealed = sealed.to_str().map_err(|_| Error::Integrity("the sealed metadata is not text".into()))?;
        insert(headers, METADATA_NAME, sealed)?;
    }
    Ok(true)
}

fn insert(headers: &mut HeaderMap, name: &str, value: &str) -> Result<(), Error> {
    let bad = |error: &dyn std::fmt::Display| Error::Internal(format!("the envelope cannot be written: {error}"));
    let name = HeaderName::try_from(format!("{USER_METADATA_PREFIX}{name}")).map_err(|error| bad(&error))?;
    headers.insert(name, HeaderValue::from_str(value).map_err(|error| bad(&error))?);
    Ok(())
}
