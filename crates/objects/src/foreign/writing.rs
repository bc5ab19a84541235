//! Writing Amazon's formats: a data key for each object, wrapped with the rule's first key, and what readers are told.
//!
//! Everything random is drawn here; what the bytes mean is the business of `envelope`.

use bytes::BytesMut;
use envelope::Transform as _;
use envelope::s3ec::{self, ContentKeys, Draft, GcmSealer, Metadata, RsaPublicKey, WriteFormat, Written};
use http::{HeaderMap, HeaderName, HeaderValue};
use keyring::{MasterKey, MasterSecret};

use super::ForeignPolicy;
use super::locked::expected;
use crate::checking::Checker;
use crate::policy::Rule;
use crate::random::draw;
use crate::store::BoxError;
use crate::stream::Machine;
use crate::{Error, ObjectRef, SealedObjects, USER_METADATA_PREFIX};

/// What a new object is sealed with.
pub(crate) struct Fresh {
    pub(crate) keys: ContentKeys,
    /// The body of its instruction file, when its wrapped key is to be there.
    pub(crate) instruction_file: Option<String>,
}

impl SealedObjects {
    /// Draws and wraps a data key for one new object, and writes its envelope into `headers`.
    ///
    /// # Errors
    /// [`Error::NoForeignKey`] when the rule has no key to wrap with, or why the key would not;
    /// [`Error::NamesInstructionFile`] for a key that is kept for those.
    pub(crate) async fn fresh_amazon_keys(
        &self,
        at: &ObjectRef,
        rule: &Rule,
        format: WriteFormat,
        headers: &mut HeaderMap,
    ) -> Result<Fresh, Error> {
        let policy = rule.foreign.as_deref().ok_or_else(|| no_key(rule))?;
        if rule.writes_instruction_files && at.key.ends_with(&policy.instruction_suffix) {
            return Err(Error::NamesInstructionFile { suffix: policy.instruction_suffix.clone() });
        }
        let draft = Draft::new(format, draw(self.random.as_ref())?, draw(self.random.as_ref())?)
            .map_err(|error| internal(&error))?;
        let written = self.wrapped(rule, policy, &draft).await?;
        let (metadata, instruction_file) = if rule.writes_instruction_files {
            written
                .into_instruction_file()
                .map(|(metadata, file)| (metadata, Some(file)))
                .map_err(|error| unwritable(&error))?
        } else {
            (written.into_metadata(), None)
        };
        write(metadata, headers)?;
        Ok(Fresh { keys: draft.content_keys().map_err(|error| internal(&error))?, instruction_file })
    }

    /// The envelope of a draft, wrapped with the first key that Amazon's formats know.
    pub(super) async fn wrapped(&self, rule: &Rule, policy: &ForeignPolicy, draft: &Draft) -> Result<Written, Error> {
        let key = writing_key(rule, policy)?;
        match &key.secret {
            MasterSecret::Local(s3ec::MasterKey::Aes(aes)) => {
                draft.wrap_aes(aes, draw(self.random.as_ref())?, &key.materials).map_err(|error| unwritable(&error))
            }
            MasterSecret::Local(s3ec::MasterKey::Rsa(rsa)) => {
                let public = RsaPublicKey::of_private(rsa).map_err(|error| internal(&error))?;
                draft.wrap_rsa(&public, &key.materials).map_err(|error| unwritable(&error))
            }
            MasterSecret::RsaPublic(public) => {
                draft.wrap_rsa(public, &key.materials).map_err(|error| unwritable(&error))
            }
            MasterSecret::Kms(_) => {
                let ask = draft.kms(expected(policy, key)).map_err(|error| unwritable(&error))?;
                let blob = key.encrypt(ask.plaintext(), ask.context()).await?;
                ask.wrapped(&blob).map_err(|error| unwritable(&error))
            }
            _ => Err(no_key(rule)),
        }
    }
}

/// The key that wraps the data keys of new objects.
pub(super) fn writing_key<'a>(rule: &Rule, policy: &'a ForeignPolicy) -> Result<&'a MasterKey, Error> {
    policy.keys.iter().find(|key| key.secret.kind().is_some()).ok_or_else(|| no_key(rule))
}

/// Writes the fields of an envelope as user metadata.
pub(crate) fn write(metadata: Metadata, headers: &mut HeaderMap) -> Result<(), Error> {
    let bad = |error: &dyn std::fmt::Display| Error::Internal(format!("the envelope cannot be written: {error}"));
    for (name, value) in metadata {
        let name = HeaderName::try_from(format!("{USER_METADATA_PREFIX}{name}")).map_err(|error| bad(&error))?;
        headers.insert(name, HeaderValue::try_from(value).map_err(|error| bad(&error))?);
    }
    Ok(())
}

fn no_key(rule: &Rule) -> Error {
    Error::NoForeignKey { rule: rule.buckets.clone(), kind: "aes\", \"rsa\" or \"aws-kms" }
}

fn internal(error: &s3ec::Error) -> Error {
    Error::Internal(error.to_string())
}

/// What settings said of a key cannot be written down.
fn unwritable(error: &s3ec::Error) -> Error {
    Error::Keyring(format!("the rule's key cannot be used for Amazon's formats: {error}"))
}

/// Seals while it checks; the tag, without which the store has not all of the object, waits for the verdict.
pub(crate) struct AmazonMachine {
    sealer: GcmSealer,
    checker: Checker,
}

impl AmazonMachine {
    /// For a body of `plain_len` bytes.
    ///
    /// # Errors
    /// [`Error::TooLarge`] for more than the format can hold.
    pub(crate) fn new(keys: &ContentKeys, plain_len: u64, checker: Checker) -> Result<Self, Error> {
        let sealer = keys.sealer(Some(plain_len)).map_err(|_| too_large(plain_len))?;
        Ok(Self { sealer, checker })
    }
}

/// The stored length of a body of `plain_len` bytes.
///
/// # Errors
/// [`Error::TooLarge`] for more than the format can hold.
pub(crate) fn stored_len(plain_len: u64) -> Result<u64, Error> {
    ContentKeys::stored_len(plain_len).map_err(|_| too_large(plain_len))
}

fn too_large(plain_len: u64) -> Error {
    Error::TooLarge { plain_len }
}

impl Machine for AmazonMachine {
    fn push(&mut self, input: &[u8], out: &mut BytesMut) -> Result<(), BoxError> {
        self.checker.update(input);
        self.sealer.push(input, out).map_err(Into::into)
    }

    fn finish(self, out: &mut BytesMut) -> Result<(), BoxError> {
        self.checker.finish()?;
        self.sealer.finish(out).map_err(Into::into)
    }
}
