//! The keys of older tools: which of the rule's keys opens an object, where the object itself says little or nothing.
//!
//! What stands in the object or beside it only ever goes to KMS, under one of the rule's keys.

use std::sync::Arc;

use envelope::legacy::kms_cbc::{self, Padding};
use envelope::legacy::{fileson, key_sidecar, rclone_crypt};
use envelope::s3ec::{self, Admitted, AesMasterKey, KeyKind};
use http::{HeaderMap, Method, StatusCode};
use keyring::MasterSecret;

use super::locked::{expected, wrong};
use super::message::Message;
use super::{ForeignPolicy, Locked};
use crate::policy::Rule;
use crate::{Error, ObjectRef, SealedObjects, stream};

/// fileson's key: what PBKDF2 made, or else an AES key that is the key itself.
pub(super) fn fileson(rule: &Rule, policy: &ForeignPolicy) -> Result<Arc<fileson::Key>, Error> {
    let derived = policy.keys.iter().find_map(|key| match &key.secret {
        MasterSecret::Pbkdf2(key) => Some(Arc::clone(key)),
        _ => None,
    });
    let given = || {
        policy.keys.iter().find_map(|key| match &key.secret {
            MasterSecret::Local(s3ec::MasterKey::Aes(key)) => fileson::Key::of(key).ok().map(Arc::new),
            _ => None,
        })
    };
    derived.or_else(given).ok_or_else(|| no_key(rule, "pbkdf2"))
}

/// rclone's key.
pub(super) fn rclone_crypt(rule: &Rule, policy: &ForeignPolicy) -> Result<Arc<rclone_crypt::Key>, Error> {
    let key = policy.keys.iter().find_map(|key| match &key.secret {
        MasterSecret::RcloneCrypt(key) => Some(Arc::clone(key)),
        _ => None,
    });
    key.ok_or_else(|| no_key(rule, "rclone-crypt"))
}

/// A message with the keys that may open it.
pub(super) fn message(rule: &Rule, policy: &ForeignPolicy, md5: Option<String>) -> Result<Message, Error> {
    let keys: Vec<_> = policy
        .keys
        .iter()
        .filter_map(|key| match &key.secret {
            MasterSecret::OpenPgp(key) => Some(Arc::clone(key)),
            _ => None,
        })
        .collect();
    if keys.is_empty() { Err(no_key(rule, "openpgp")) } else { Ok(Message::new(keys, md5)) }
}

/// Content of the recipe of KMS and CBC.
pub(super) async fn kms_cbc(
    rule: &Rule,
    policy: &ForeignPolicy,
    locked: &Locked,
    envelope: &kms_cbc::Envelope,
    padding: Padding,
) -> Result<kms_cbc::Content, Error> {
    let read = |plaintext: &[u8]| envelope.unlock(plaintext, padding).map_err(|error| wrong(locked, None, &error));
    ask_kms(rule, policy, locked, envelope.blob(), read).await
}

/// Asks the rule's keys in KMS in turn, each with the pairs that its objects carry: a service says which blobs are its own.
pub(super) async fn ask_kms<T>(
    rule: &Rule,
    policy: &ForeignPolicy,
    locked: &Locked,
    blob: &[u8],
    read: impl FnOnce(&[u8]) -> Result<T, Error>,
) -> Result<T, Error> {
    let mut refused = None;
    for key in policy.keys.iter().filter(|key| key.secret.kind() == Some(KeyKind::Kms)) {
        match key.decrypt(blob, expected(policy, key)).await {
            Ok(plaintext) => return read(&plaintext),
            Err(keyring::Error::Refused { .. }) => {
                refused = Some(wrong(locked, Some(key), &"the service refuses the wrapped key"));
            }
            Err(error) => return Err(error.into()),
        }
    }
    Err(refused.unwrap_or_else(|| no_key(rule, "aws-kms")))
}

impl SealedObjects {
    /// Content whose wrapping key lies, wrapped by KMS, in the object beside.
    pub(super) async fn beside(
        &self,
        at: &ObjectRef,
        rule: &Rule,
        policy: &ForeignPolicy,
        locked: &Locked,
        admitted: &Admitted,
    ) -> Result<s3ec::Content, Error> {
        let refused = |error: &dyn std::fmt::Display| wrong(locked, None, error);
        let beside = ObjectRef { bucket: at.bucket.clone(), key: policy.sidecar_key(&at.key), version: None };
        let response = self.ask(Method::GET, beside.uri()?, HeaderMap::new()).await?;
        if response.status() != StatusCode::OK {
            return Err(refused(&format!("the object with its key cannot be read: {}", response.status())));
        }
        let body = stream::collect(response.into_body(), key_sidecar::MAX_LEN).await;
        let body = body.map_err(|error| refused(&format!("the object with its key cannot be read: {error}")))?;
        let blob = key_sidecar::blob(&body).map_err(|error| refused(&error))?;
        let read = |plaintext: &[u8]| {
            let key = AesMasterKey::from_bytes(plaintext).map_err(|error| refused(&error))?;
            admitted.unlock(&s3ec::MasterKey::Aes(key)).map_err(|error| refused(&error))
        };
        ask_kms(rule, policy, locked, &blob, read).await
    }
}

fn no_key(rule: &Rule, kind: &'static str) -> Error {
    Error::NoForeignKey { rule: rule.buckets.clone(), kind }
}
