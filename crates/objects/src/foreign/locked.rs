//! An object that its rule lets be read, and the one place where a foreign data key is unwrapped.
//!
//! A description or a key that an envelope names only ever chooses among the rule's keys. What went wrong is said with
//! the format and the key for the log; callers learn nothing of it.

use envelope::legacy::kms_cbc::{self, Padding};
use envelope::legacy::{fileson, rclone_crypt};
use envelope::s3ec::{self, Admitted, Context, KeyKind, PlainLen, Suite};
use keyring::{MasterKey, MasterSecret};

use super::{ForeignFormat, ForeignObject, ForeignPolicy, tools};
use crate::policy::Rule;
use crate::{Error, ObjectRef, SealedObjects};

/// A foreign object whose key was not touched yet.
#[derive(Debug)]
pub(crate) enum Locked {
    /// One of Amazon's formats.
    S3Ec {
        /// What the policy admitted.
        admitted: Box<Admitted>,
        /// As which of the rule's formats.
        format: ForeignFormat,
        /// Tells its envelope from others.
        fingerprint: [u8; 32],
    },
    /// One of the recipe of KMS and CBC.
    KmsCbc {
        /// The wrapped key.
        envelope: kms_cbc::Envelope,
        /// What is done about padding.
        padding: Padding,
        /// Tells its envelope from others.
        fingerprint: [u8; 32],
    },
    /// An OpenPGP message.
    Gpg {
        /// What is noted as the MD5 of its content.
        md5: Option<String>,
    },
    /// One of a format that headers do not show.
    Bare(ForeignFormat),
    /// No encrypted object, but the instruction file of one, which is shown as it is.
    InstructionFile,
}

impl Locked {
    /// The format; `None` of an instruction file.
    pub(crate) fn format(&self) -> Option<ForeignFormat> {
        match self {
            Self::S3Ec { format, .. } | Self::Bare(format) => Some(*format),
            Self::KmsCbc { .. } => Some(ForeignFormat::KmsCbc),
            Self::Gpg { .. } => Some(ForeignFormat::Gpg),
            Self::InstructionFile => None,
        }
    }

    /// The plaintext length when the stored length tells it.
    pub(crate) fn plain_len(&self, stored_len: u64) -> Result<Option<u64>, Error> {
        match self {
            Self::S3Ec { admitted, .. } => {
                match admitted.envelope().plain_len(stored_len).map_err(|error| wrong(self, None, &error))? {
                    PlainLen::Exact(len) => Ok(Some(len)),
                    PlainLen::Between(_) => Ok(None),
                }
            }
            Self::KmsCbc { padding, .. } => {
                let padded = kms_cbc::padded_len(stored_len).map_err(|error| wrong(self, None, &error))?;
                Ok((*padding == Padding::Raw).then_some(padded))
            }
            Self::Bare(ForeignFormat::RcloneCrypt) => {
                rclone_crypt::plain_len(stored_len).map(Some).map_err(|error| wrong(self, None, &error))
            }
            Self::Bare(_) => fileson::plain_len(stored_len).map(Some).map_err(|error| wrong(self, None, &error)),
            Self::Gpg { .. } => Ok(None),
            Self::InstructionFile => Ok(Some(stored_len)),
        }
    }

    /// Whether the envelope, or a part of it, is in an instruction file.
    pub(crate) fn is_in_instruction_file(&self) -> bool {
        matches!(self, Self::S3Ec { admitted, .. } if admitted.envelope().is_in_instruction_file())
    }

    /// Whether nothing authenticates the content, so that failures must be few.
    pub(crate) fn is_unauthenticated(&self) -> bool {
        match self {
            Self::S3Ec { admitted, .. } => admitted.envelope().suite() == Suite::Cbc,
            Self::KmsCbc { .. } => true,
            Self::Bare(_) | Self::Gpg { .. } | Self::InstructionFile => false,
        }
    }

    /// Tells its envelope from others.
    pub(super) fn fingerprint(&self) -> [u8; 32] {
        match self {
            Self::S3Ec { fingerprint, .. } | Self::KmsCbc { fingerprint, .. } => *fingerprint,
            Self::Bare(_) | Self::Gpg { .. } | Self::InstructionFile => [0; 32],
        }
    }
}

impl SealedObjects {
    /// Unwraps the data key of a foreign object and checks what can be checked before content is read.
    ///
    /// # Errors
    /// [`Error::NoForeignKey`] when the rule has no key of the kind, [`Error::TooManyFailures`] when the object failed too often
    /// of late, [`Error::Integrity`] for every other reason that lies in the object.
    pub(crate) async fn unlock_foreign(
        &self,
        at: &ObjectRef,
        rule: &Rule,
        locked: &Locked,
    ) -> Result<ForeignObject, Error> {
        let policy = rule.foreign.as_ref().ok_or_else(|| Error::Internal("a foreign object without a rule".into()))?;
        if locked.is_unauthenticated() {
            self.failures.check(at)?;
        }
        let opened = match locked {
            Locked::S3Ec { admitted, format: ForeignFormat::KeySidecar, .. } => {
                self.beside(at, rule, policy, locked, admitted).await.map(ForeignObject::S3Ec)
            }
            Locked::S3Ec { admitted, .. } => content(rule, policy, locked, admitted).await.map(ForeignObject::S3Ec),
            Locked::KmsCbc { envelope, padding, .. } => {
                tools::kms_cbc(rule, policy, locked, envelope, *padding).await.map(ForeignObject::KmsCbc)
            }
            Locked::Gpg { md5 } => tools::message(rule, policy, md5.clone()).map(ForeignObject::Gpg),
            Locked::Bare(ForeignFormat::RcloneCrypt) => {
                tools::rclone_crypt(rule, policy).map(ForeignObject::RcloneCrypt)
            }
            Locked::Bare(_) => tools::fileson(rule, policy).map(ForeignObject::Fileson),
            Locked::InstructionFile => Err(Error::Internal("an instruction file has no content".into())),
        };
        self.noting_failure(at, locked, opened)
    }

    /// Counts a failure of an object that nothing authenticates: whoever may change it could learn from many.
    pub(super) fn noting_failure<T>(
        &self,
        at: &ObjectRef,
        locked: &Locked,
        outcome: Result<T, Error>,
    ) -> Result<T, Error> {
        if locked.is_unauthenticated() && matches!(outcome, Err(Error::Integrity(_))) {
            self.failures.note(at);
        }
        outcome
    }
}

async fn content(
    rule: &Rule,
    policy: &ForeignPolicy,
    locked: &Locked,
    admitted: &Admitted,
) -> Result<s3ec::Content, Error> {
    let (key, unwrapped) = unwrapped(rule, policy, locked, admitted).await?;
    unwrapped.content().map_err(|error| wrong(locked, Some(key), &error))
}

/// The data key, and the key of the rule that unwrapped it.
pub(super) async fn unwrapped<'a>(
    rule: &Rule,
    policy: &'a ForeignPolicy,
    locked: &Locked,
    admitted: &'a Admitted,
) -> Result<(&'a MasterKey, s3ec::Unwrapped<'a>), Error> {
    let kind = admitted.envelope().key_kind();
    if kind == KeyKind::Kms {
        return ask_kms(rule, policy, locked, admitted).await;
    }
    let key = policy.keys.described(kind, admitted.envelope().context()).ok_or_else(|| no_key(rule, kind))?;
    match &key.secret {
        MasterSecret::Local(secret) => {
            admitted.unwrap(secret).map(|unwrapped| (key, unwrapped)).map_err(|error| wrong(locked, Some(key), &error))
        }
        MasterSecret::RsaPublic(_) => Err(Error::NoPrivateKey { key_id: key.id.clone() }),
        _ => Err(no_key(rule, kind)),
    }
}

/// Asks the rule's keys in order: a service says which blobs are its own.
async fn ask_kms<'a>(
    rule: &Rule,
    policy: &'a ForeignPolicy,
    locked: &Locked,
    admitted: &'a Admitted,
) -> Result<(&'a MasterKey, s3ec::Unwrapped<'a>), Error> {
    let mut refused = None;
    for key in policy.keys.iter().filter(|key| key.secret.kind() == Some(KeyKind::Kms)) {
        let ask = admitted.kms(expected(policy, key)).map_err(|error| wrong(locked, Some(key), &error));
        let ask = match ask {
            Ok(ask) => ask,
            // Another key may expect another context.
            Err(error) => {
                refused = refused.or(Some(error));
                continue;
            }
        };
        match key.decrypt(ask.blob(), ask.context()).await {
            Ok(plaintext) => {
                let unwrapped = ask.unwrap(&plaintext).map(|unwrapped| (key, unwrapped));
                return unwrapped.map_err(|error| wrong(locked, Some(key), &error));
            }
            Err(keyring::Error::Refused { .. }) => {
                refused =
                    Some(wrong(locked, Some(key), &"the service refuses the wrapped key or its encryption context"));
            }
            Err(error) => return Err(error.into()),
        }
    }
    Err(refused.unwrap_or_else(|| no_key(rule, KeyKind::Kms)))
}

/// The pairs an object must carry: the rule's, or those of the key.
pub(super) fn expected<'a>(policy: &'a ForeignPolicy, key: &'a MasterKey) -> &'a Context {
    if policy.context.is_empty() { &key.context } else { &policy.context }
}

fn no_key(rule: &Rule, kind: KeyKind) -> Error {
    let kind = match kind {
        KeyKind::Aes => "aes",
        KeyKind::Rsa => "rsa",
        KeyKind::Kms => "aws-kms",
    };
    Error::NoForeignKey { rule: rule.buckets.clone(), kind }
}

/// What is wrong with an object, with its format and the key that was used.
pub(super) fn wrong(locked: &Locked, key: Option<&MasterKey>, error: &dyn std::fmt::Display) -> Error {
    let format = locked.format().map_or("instruction file", ForeignFormat::name);
    Error::Integrity(match key {
        Some(key) => format!("{error} (format {format}, key `{}`)", key.id.as_str()),
        None => format!("{error} (format {format})"),
    })
}
