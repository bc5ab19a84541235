//! Recognises an object of another program by its headers, and asks its rule. No key is touched here.
//!
//! Whoever can write the bucket chooses what stands in the headers, so what is half an envelope is an error and never
//! plaintext, and one decision serves the policy and the decryption alike.

use std::sync::Arc;

use bytes::Bytes;
use envelope::legacy::kms_cbc;
use envelope::s3ec::{self, Detection, Envelope, InstructionFiles, Partial, ReadPolicy};
use http::{HeaderMap, HeaderValue};
use sha2::{Digest as _, Sha256};

use super::{ForeignFormat, ForeignPolicy, Locked};
use crate::policy::{Contents, Rule};
use crate::{Error, ObjectRef, SealedObjects, USER_METADATA_PREFIX};

/// How a store says that it left out metadata.
const MISSING: &str = "x-amz-missing-meta";

impl SealedObjects {
    /// What an answer's headers say about an object that is not ours; `None` when they say nothing of any format.
    ///
    /// # Errors
    /// [`Error::NotRead`] and [`Error::Forbidden`] for what the rule does not let be read, [`Error::Integrity`] for what
    /// is no proper envelope.
    pub(crate) async fn recognise(
        &self,
        at: &ObjectRef,
        rule: &Rule,
        headers: &HeaderMap,
    ) -> Result<Option<Locked>, Error> {
        let Some(policy) = &rule.foreign else { return Ok(None) };
        let (envelope, file) = match of_headers(headers).map_err(|error| malformed(&error))? {
            Detection::Complete(envelope) => (*envelope, Bytes::new()),
            Detection::NeedsInstructionFile(partial) => {
                check_format(rule, policy, ForeignFormat::S3EcV3)?;
                if !policy.uses_instruction_files() {
                    return Err(forbidden(rule, s3ec::Rule::InstructionFiles));
                }
                self.completed(at, policy, headers, &partial).await?.ok_or_else(missing_file)?
            }
            Detection::NoEnvelope(_) if policy.names_instruction_file(&at.key) => {
                return Ok(Some(Locked::InstructionFile));
            }
            Detection::NoEnvelope(partial) if policy.s3ec.instruction_files == InstructionFiles::Any => {
                match self.completed(at, policy, headers, &partial).await? {
                    Some(completed) => completed,
                    None => return without_envelope(at, rule, policy, headers),
                }
            }
            Detection::NoEnvelope(_) => return without_envelope(at, rule, policy, headers),
        };
        let fingerprint = fingerprint(headers, &file);
        admit(rule, policy, envelope, fingerprint).map(Some)
    }

    /// The envelope with what its instruction file adds, and the file; `None` when there is no such file.
    async fn completed(
        &self,
        at: &ObjectRef,
        policy: &ForeignPolicy,
        headers: &HeaderMap,
        partial: &Partial,
    ) -> Result<Option<(Envelope, Bytes)>, Error> {
        // A directory's marker has no content, and therefore no envelope.
        if at.key.ends_with('/') && headers.get(http::header::CONTENT_LENGTH).is_some_and(|length| length == "0") {
            return Ok(None);
        }
        let Some(body) = self.instruction_file(at, policy).await? else { return Ok(None) };
        let envelope = partial.with_instruction_file(&body).map_err(|error| malformed(&error))?;
        Ok(Some((envelope, body)))
    }
}

/// Whether any field of an envelope stands among an answer's headers.
fn of_headers(headers: &HeaderMap) -> Result<Detection, s3ec::Error> {
    // Bytes beyond ASCII stand for the characters of the same numbers.
    let text = |value: &HeaderValue| value.as_bytes().iter().copied().map(char::from).collect::<String>();
    let metadata: Vec<(&str, String)> = headers
        .iter()
        .filter_map(|(name, value)| Some((name.as_str().strip_prefix(USER_METADATA_PREFIX)?, text(value))))
        .collect();
    let missing = headers
        .get(MISSING)
        .map_or(0, |value| value.to_str().ok().and_then(|text| text.trim().parse().ok()).unwrap_or(1));
    s3ec::detect(metadata.iter().map(|(name, value)| (*name, value.as_str())), missing)
}

/// Whether anything of an envelope is among the headers.
pub(super) fn has_envelope(headers: &HeaderMap) -> bool {
    !matches!(of_headers(headers), Ok(Detection::NoEnvelope(_)))
}

/// Whether all of an envelope is among the headers.
pub(super) fn is_complete(headers: &HeaderMap) -> bool {
    matches!(of_headers(headers), Ok(Detection::Complete(_)))
}

/// Asks the rule whether an object with this envelope may be read: as one of the tools it names, or as one of Amazon's.
fn admit(rule: &Rule, policy: &Arc<ForeignPolicy>, envelope: Envelope, fingerprint: [u8; 32]) -> Result<Locked, Error> {
    // Ranges are not refused by the format: where the rule does not let them be read unverified they are verified here.
    let reads = ReadPolicy { unverified_ranges: true, ..policy.s3ec.clone() };
    for format in policy.reads.iter().copied().filter(|format| is_declared(rule, *format)) {
        let admitted = format.tool().and_then(|tool| envelope.clone().admit_as(tool, &reads).ok());
        if let Some(admitted) = admitted {
            return Ok(Locked::S3Ec { admitted: Box::new(admitted), format, fingerprint });
        }
    }
    let format = envelope.format().into();
    check_format(rule, policy, format)?;
    let admitted = envelope.admit(&reads).map_err(|error| match error {
        s3ec::Error::Refused(cause) => forbidden(rule, cause),
        other => malformed(&other),
    })?;
    Ok(Locked::S3Ec { admitted: Box::new(admitted), format, fingerprint })
}

/// An object without a field of Amazon's formats: the recipe of KMS and CBC has one of its own, and for the rest the rule
/// says what such objects are.
fn without_envelope(
    at: &ObjectRef,
    rule: &Rule,
    policy: &Arc<ForeignPolicy>,
    headers: &HeaderMap,
) -> Result<Option<Locked>, Error> {
    if policy.reads(ForeignFormat::KmsCbc) && is_declared(rule, ForeignFormat::KmsCbc) {
        let names = headers.iter().filter_map(|(name, value)| {
            Some((name.as_str().strip_prefix(USER_METADATA_PREFIX)?, value.to_str().unwrap_or("not text")))
        });
        let found = kms_cbc::detect(names).map_err(|error| Error::Integrity(error.to_string()))?;
        if let Some(envelope) = found {
            let fingerprint = Sha256::digest(envelope.blob()).into();
            return Ok(Some(Locked::KmsCbc { envelope, padding: policy.padding, fingerprint }));
        }
    }
    // A directory's marker has no content, and nobody encrypts none of it.
    let is_empty = headers.get(http::header::CONTENT_LENGTH).is_some_and(|length| length == "0");
    let bare = policy.bare().filter(|format| is_declared(rule, *format) && !(is_empty && at.key.ends_with('/')));
    Ok(bare.map(|format| match format {
        ForeignFormat::Gpg => Locked::Gpg { md5: noted_md5(policy, headers) },
        other => Locked::Bare(other),
    }))
}

/// What is noted of a message's content, as text that cannot be an MD5 when it is no text.
fn noted_md5(policy: &ForeignPolicy, headers: &HeaderMap) -> Option<String> {
    let name = format!("{USER_METADATA_PREFIX}{}", policy.md5_metadata.as_ref()?.to_ascii_lowercase());
    headers.get(name).map(|value| value.to_str().unwrap_or("not text").to_owned())
}

/// Whether objects of the format may be where the rule applies.
fn is_declared(rule: &Rule, format: ForeignFormat) -> bool {
    match rule.contents {
        Contents::Foreign(only) => only == format,
        _ => true,
    }
}

fn check_format(rule: &Rule, policy: &ForeignPolicy, format: ForeignFormat) -> Result<(), Error> {
    if is_declared(rule, format) && policy.reads(format) {
        return Ok(());
    }
    Err(Error::NotRead { rule: rule.buckets.clone(), format: format.name() })
}

fn forbidden(rule: &Rule, cause: s3ec::Rule) -> Error {
    let setting = match cause {
        s3ec::Rule::CommitmentPolicy => "commitment = \"require-encrypt-allow-decrypt\"",
        s3ec::Rule::LegacyWraps => "legacy_wraps = true",
        s3ec::Rule::LegacyContent => "legacy_content = true",
        s3ec::Rule::InstructionFiles => "instruction_files = \"committed\" or \"any\"",
        s3ec::Rule::UnverifiedRanges => "unverified_ranges = true",
        _ => "what it needs",
    };
    Error::Forbidden { rule: rule.buckets.clone(), cause: cause.to_string(), setting }
}

fn malformed(error: &s3ec::Error) -> Error {
    Error::Integrity(error.to_string())
}

fn missing_file() -> Error {
    Error::Integrity("the envelope's instruction file is not there".into())
}

/// Tells one envelope from another, so that what was learnt of an object is forgotten when its envelope changes: an ETag
/// does not always change with it.
fn fingerprint(headers: &HeaderMap, instruction_file: &[u8]) -> [u8; 32] {
    let mut hash = Sha256::new();
    // Headers of one name keep their order, and names are sorted: a store may send them in any.
    let mut fields: Vec<(&str, &[u8])> = headers
        .iter()
        .filter_map(|(name, value)| Some((name.as_str().strip_prefix(USER_METADATA_PREFIX)?, value.as_bytes())))
        .filter(|(name, _)| s3ec::is_envelope_name(name))
        .collect();
    fields.sort_by_key(|(name, _)| *name);
    for (name, value) in fields {
        hash.update((name.len() as u64).to_be_bytes());
        hash.update(name);
        hash.update((value.len() as u64).to_be_bytes());
        hash.update(value);
    }
    hash.update(instruction_file);
    hash.finalize().into()
}
