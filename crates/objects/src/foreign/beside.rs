//! What lies beside an object and belongs to it: its instruction file, or the object with its wrapping key.
//!
//! A name alone makes nothing a companion: an object that has an envelope of its own is one of its own. A companion is
//! removed when its object has an envelope of its own, and never before: in whatever order things break off, there is
//! an object that can be read.

use bytes::Bytes;
use envelope::legacy::key_sidecar;
use envelope::s3ec::AesMasterKey;
use http::header::{ETAG, IF_MATCH};
use http::{HeaderMap, HeaderValue, Method, StatusCode};

use super::detect::{has_envelope, is_complete};
use super::instruction::{bounded, check};
use super::tools::ask_kms;
use super::{ForeignFormat, ForeignPolicy, Locked};
use crate::policy::Rule;
use crate::{Error, ObjectRef, SealedObjects, metadata};

/// What a companion is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Beside {
    /// An instruction file, with the envelope of its object or the wrapped key of it.
    InstructionFile,
    /// A wrapping key, itself wrapped by KMS.
    WrappedKey,
}

/// A companion as it was when its object was read.
pub(crate) struct Companion {
    at: ObjectRef,
    etag: HeaderValue,
}

impl Companion {
    pub(crate) fn key(&self) -> &str {
        &self.at.key
    }
}

impl ForeignPolicy {
    /// What is named so beside another object, and the key of that object.
    fn named_beside<'a>(&self, key: &'a str) -> Option<(Beside, &'a str)> {
        if self.names_instruction_file(key) {
            return Some((Beside::InstructionFile, key.strip_suffix(self.instruction_suffix.as_str())?));
        }
        let owner = key.strip_suffix(self.sidecar_suffix.as_str()).filter(|_| self.names_sidecar(key))?;
        Some((Beside::WrappedKey, owner))
    }
}

impl SealedObjects {
    /// What an object is that lies beside another one, with that one's name; `None` of objects of their own.
    ///
    /// # Errors
    /// Why it could not be looked at.
    pub async fn beside_another(&self, at: &ObjectRef) -> Result<Option<(Beside, ObjectRef)>, Error> {
        let rule = self.rule(&at.bucket, &at.key)?;
        let named = rule.foreign.as_deref().and_then(|policy| policy.named_beside(&at.key));
        let Some((beside, owner)) = named else { return Ok(None) };
        let Some(stored) = self.stored_headers(at).await? else { return Ok(None) };
        let of_its_own = metadata::envelope(&stored)?.is_some() || has_envelope(&stored);
        let owner = ObjectRef { bucket: at.bucket.clone(), key: owner.to_owned(), version: None };
        Ok((!of_its_own).then_some((beside, owner)))
    }

    /// Checks that a companion is what its name says, as far as that shows without its object.
    ///
    /// # Errors
    /// [`Error::Integrity`] when it is not.
    pub(crate) async fn check_beside(&self, at: &ObjectRef, beside: Beside) -> Result<(), Error> {
        match beside {
            Beside::InstructionFile => check(&self.companion_bytes(at).await?),
            Beside::WrappedKey => key_sidecar::blob(&self.companion_bytes(at).await?)
                .map(drop)
                .map_err(|error| Error::Integrity(error.to_string())),
        }
    }

    /// What is not ours of an object with these headers.
    pub(crate) async fn locked_of(
        &self,
        at: &ObjectRef,
        rule: &Rule,
        headers: &HeaderMap,
    ) -> Result<Option<Locked>, Error> {
        if metadata::envelope(headers)?.is_some() { Ok(None) } else { self.recognise(at, rule, headers).await }
    }

    /// What lies beside an object and is needed to read it.
    pub(crate) async fn companion_of(
        &self,
        at: &ObjectRef,
        rule: &Rule,
        locked: &Locked,
    ) -> Result<Option<Companion>, Error> {
        let Some(policy) = rule.foreign.as_deref() else { return Ok(None) };
        let key = match locked {
            locked if locked.is_in_instruction_file() => policy.instruction_key(&at.key),
            Locked::S3Ec { format: ForeignFormat::KeySidecar, .. } => policy.sidecar_key(&at.key),
            _ => return Ok(None),
        };
        let at = ObjectRef { bucket: at.bucket.clone(), key, version: None };
        let stored = self.stored_headers(&at).await?.ok_or(Error::Replaced)?;
        let etag = stored.get(ETAG).cloned().ok_or_else(|| Error::BadAnswer("an object without ETag".into()))?;
        Ok(Some(Companion { at, etag }))
    }

    /// Removes what an object needed before it was written anew. `false` when that is somebody else's by now, or the
    /// object is.
    pub(crate) async fn forget_companion(&self, owner: &ObjectRef, companion: &Companion) -> Result<bool, Error> {
        let rule = self.rule(&owner.bucket, &owner.key)?;
        let Some(now) = self.stored_headers(owner).await? else { return Ok(false) };
        if !stands_alone(rule, &now)? {
            return Ok(false);
        }
        let there = self.stored_headers(&companion.at).await?;
        if there.as_ref().and_then(|there| there.get(ETAG)) != Some(&companion.etag) {
            return Ok(false);
        }
        let headers = HeaderMap::from_iter([(IF_MATCH, companion.etag.clone())]);
        let answer = self.ask(Method::DELETE, companion.at.uri()?, headers).await?;
        match answer.status() {
            status if status.is_success() => Ok(true),
            StatusCode::NOT_FOUND | StatusCode::PRECONDITION_FAILED | StatusCode::CONFLICT => Ok(false),
            status => Err(Error::CompanionStays { key: companion.at.key.clone(), why: status.to_string() }),
        }
    }

    /// A companion that nobody needs any more: its object has an envelope of its own, and it is what its name says.
    pub(crate) async fn orphan(
        &self,
        at: &ObjectRef,
        (beside, owner): &(Beside, ObjectRef),
    ) -> Result<Option<Companion>, Error> {
        let rule = self.rule(&owner.bucket, &owner.key)?;
        let Some(headers) = self.stored_headers(owner).await? else { return Ok(None) };
        let Some(stored) = self.stored_headers(at).await? else { return Ok(None) };
        if !stands_alone(rule, &headers)? || !self.is_proven(at, rule, *beside).await? {
            return Ok(None);
        }
        Ok(stored.get(ETAG).map(|etag| Companion { at: at.clone(), etag: etag.clone() }))
    }

    /// Whether something is a companion beyond doubt: envelope fields, or a blob that KMS opens and that holds a key.
    async fn is_proven(&self, at: &ObjectRef, rule: &Rule, beside: Beside) -> Result<bool, Error> {
        let Some(policy) = rule.foreign.as_deref() else { return Ok(false) };
        let bytes = match self.companion_bytes(at).await {
            Ok(bytes) => bytes,
            Err(Error::Integrity(_)) => return Ok(false),
            Err(error) => return Err(error),
        };
        if beside == Beside::InstructionFile {
            return Ok(check(&bytes).is_ok());
        }
        let Ok(blob) = key_sidecar::blob(&bytes) else { return Ok(false) };
        let read = |plaintext: &[u8]| Ok(AesMasterKey::from_bytes(plaintext).is_ok());
        match ask_kms(rule, policy, &Locked::Bare(ForeignFormat::KeySidecar), &blob, read).await {
            Err(Error::Integrity(_) | Error::NoForeignKey { .. }) => Ok(false),
            outcome => outcome,
        }
    }

    async fn companion_bytes(&self, at: &ObjectRef) -> Result<Bytes, Error> {
        let response = self.ask(Method::GET, at.uri()?, HeaderMap::new()).await?;
        match response.status() {
            StatusCode::OK => bounded(response).await,
            StatusCode::NOT_FOUND => Err(Error::Replaced),
            status => Err(Error::Integrity(format!("it cannot be read: {status}"))),
        }
    }
}

/// Whether an object with these headers is encrypted and brings all of its envelope itself.
fn stands_alone(rule: &Rule, headers: &HeaderMap) -> Result<bool, Error> {
    if metadata::envelope(headers)?.is_some() {
        return Ok(true);
    }
    // Where keys lie beside objects, older objects look complete and are not.
    let beside = rule.foreign.as_deref().is_some_and(|policy| policy.reads(ForeignFormat::KeySidecar));
    Ok(!beside && is_complete(headers))
}
