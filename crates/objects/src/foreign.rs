//! Objects that other programs encrypted: which formats a rule lets be read, and how such an object becomes plaintext.
//!
//! The formats themselves are values and machines of `envelope`. Here they are recognised by what an object's headers
//! say ([`detect`]), unlocked with the rule's keys ([`locked`]), and read so that nothing unverified leaves unless the
//! rule says so ([`delivery`]). A new format is a variant in [`ForeignFormat`], [`Locked`] and [`ForeignObject`].

mod beside;
mod buffer;
mod copying;
mod delivery;
mod detect;
mod failures;
mod instruction;
mod length;
mod locked;
mod machines;
mod message;
mod object;
mod reading;
mod rewrapping;
mod tools;
mod verified;
mod writing;

use envelope::legacy::kms_cbc::{self, Padding};
use envelope::legacy::{fileson, rclone_crypt};
use envelope::s3ec::{self, Context, InstructionFiles, ReadPolicy, Tool};
use keyring::MasterKeys;

pub use self::beside::Beside;
pub(crate) use self::buffer::Buffers;
pub(crate) use self::copying::{kept_envelope, stays};
pub(crate) use self::failures::Failures;
pub(crate) use self::instruction::MARK as INSTRUCTION_MARK;
pub(crate) use self::locked::Locked;
pub(crate) use self::object::ForeignObject;
pub(crate) use self::rewrapping::{FreshWrap, asked_key, described_wrap};
pub(crate) use self::verified::VerifiedCache;
pub(crate) use self::writing::{AmazonMachine, Fresh, stored_len, write as write_fields};

/// A format that another program writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ForeignFormat {
    /// Format V1 of the Amazon S3 Encryption Clients.
    S3EcV1,
    /// Format V2 of the Amazon S3 Encryption Clients.
    S3EcV2,
    /// Format V3 of the Amazon S3 Encryption Clients, which commits to its key.
    S3EcV3,
    /// What aioboto3 writes of Amazon's formats.
    Aioboto3,
    /// What s3-encryption writes of Amazon's formats.
    S3Encryption,
    /// What the fork of s3-encryption writes of Amazon's formats.
    S3EncryptionFork,
    /// What s3-encryption or its fork writes under a key that lies wrapped in an object beside.
    KeySidecar,
    /// The recipe of a data key from KMS and AES-CBC.
    KmsCbc,
    /// fileson's encrypted files.
    Fileson,
    /// OpenPGP messages.
    Gpg,
    /// The content of rclone crypt remotes.
    RcloneCrypt,
}

impl ForeignFormat {
    /// Every format by the name that settings have for it.
    pub const ALL: &[(&str, Self)] = &[
        ("s3ec-v1", Self::S3EcV1),
        ("s3ec-v2", Self::S3EcV2),
        ("s3ec-v3", Self::S3EcV3),
        ("aioboto3", Self::Aioboto3),
        ("s3-encryption", Self::S3Encryption),
        ("s3-encryption-fork", Self::S3EncryptionFork),
        ("key-sidecar", Self::KeySidecar),
        ("kms-cbc", Self::KmsCbc),
        ("fileson", Self::Fileson),
        ("gpg", Self::Gpg),
        ("rclone-crypt", Self::RcloneCrypt),
    ];

    /// The name that settings have for it.
    #[must_use]
    pub fn name(self) -> &'static str {
        Self::ALL.iter().find(|(_, format)| *format == self).map_or("", |(name, _)| *name)
    }

    /// The tool of Amazon's formats that it is named after.
    fn tool(self) -> Option<Tool> {
        match self {
            Self::Aioboto3 => Some(Tool::Aioboto3),
            Self::S3Encryption => Some(Tool::S3Encryption),
            Self::S3EncryptionFork => Some(Tool::S3EncryptionFork),
            Self::KeySidecar => Some(Tool::KeySidecar),
            _ => None,
        }
    }

    /// Whether nothing in an object's headers tells it from others, so that the rule alone says what it is.
    #[must_use]
    pub fn is_bare(self) -> bool {
        matches!(self, Self::Fileson | Self::Gpg | Self::RcloneCrypt)
    }

    /// Whether the two cannot be told apart, so that a rule names one of them only.
    #[must_use]
    pub fn excludes(self, other: Self) -> bool {
        let beside = |one: Self, other: Self| {
            one == Self::KeySidecar
                && matches!(other, Self::S3EcV1 | Self::S3EcV2 | Self::S3Encryption | Self::S3EncryptionFork)
        };
        self != other && (self.is_bare() && other.is_bare() || beside(self, other) || beside(other, self))
    }

    /// Whether its envelopes have a field of this name in user metadata.
    fn reserves(self, name: &str) -> bool {
        match self {
            Self::Fileson | Self::Gpg | Self::RcloneCrypt => false,
            Self::KmsCbc => name.eq_ignore_ascii_case(kms_cbc::KEY_NAME),
            _ => s3ec::is_envelope_name(name),
        }
    }
}

impl From<s3ec::Format> for ForeignFormat {
    fn from(format: s3ec::Format) -> Self {
        match format {
            s3ec::Format::V1 => Self::S3EcV1,
            s3ec::Format::V2 => Self::S3EcV2,
            s3ec::Format::V3 => Self::S3EcV3,
        }
    }
}

/// What of other programs a rule lets be read, and with which keys.
#[derive(Debug, Clone)]
pub struct ForeignPolicy {
    /// The formats.
    pub reads: Vec<ForeignFormat>,
    /// What may be read of Amazon's formats.
    pub s3ec: ReadPolicy,
    /// The keys, in order: the first of a kind opens what describes no key.
    pub keys: MasterKeys,
    /// The pairs of encryption context that every object under the rule must carry; those of the key when empty.
    pub context: Context,
    /// What follows an object's key in the key of its instruction file.
    pub instruction_suffix: String,
    /// What is done about the padding of the recipe of KMS and CBC.
    pub padding: Padding,
    /// The user metadata name, without its prefix, under which the MD5 of an OpenPGP message's content is noted.
    pub md5_metadata: Option<String>,
    /// What follows an object's key in the key of the object with its wrapped key.
    pub sidecar_suffix: String,
}

impl ForeignPolicy {
    /// What is read, and what the length of that depends on, in words that stay the same.
    pub(crate) fn reading(&self) -> String {
        let mut names: Vec<_> = self.reads.iter().map(|format| format.name()).collect();
        names.sort_unstable();
        let padding = match self.padding {
            Padding::Auto => "",
            Padding::Raw => " raw",
        };
        names.join(" ") + padding
    }

    pub(crate) fn reads(&self, format: ForeignFormat) -> bool {
        self.reads.contains(&format)
    }

    /// Whether a user metadata name, without its prefix, belongs to an envelope and not to clients.
    pub(crate) fn is_reserved_name(&self, name: &str) -> bool {
        let is_md5 = |noted: &String| self.reads(ForeignFormat::Gpg) && noted.eq_ignore_ascii_case(name);
        self.reads.iter().any(|format| format.reserves(name)) || self.md5_metadata.as_ref().is_some_and(is_md5)
    }

    /// The one format that objects are of whose headers say nothing.
    pub(crate) fn bare(&self) -> Option<ForeignFormat> {
        self.reads.iter().copied().find(|format| format.is_bare())
    }

    /// The key of the object with an object's wrapped key.
    pub(crate) fn sidecar_key(&self, key: &str) -> String {
        format!("{key}{}", self.sidecar_suffix)
    }

    /// Whether `key` is named as the object with a wrapped key is.
    pub(crate) fn names_sidecar(&self, key: &str) -> bool {
        self.reads(ForeignFormat::KeySidecar)
            && key.len() > self.sidecar_suffix.len()
            && key.ends_with(&self.sidecar_suffix)
    }

    /// The key of an object's instruction file.
    pub(crate) fn instruction_key(&self, key: &str) -> String {
        format!("{key}{}", self.instruction_suffix)
    }

    /// Whether instruction files are looked at.
    pub(crate) fn uses_instruction_files(&self) -> bool {
        self.s3ec.instruction_files != InstructionFiles::Refused
    }

    /// Whether `key` is named as an instruction file is.
    pub(crate) fn names_instruction_file(&self, key: &str) -> bool {
        self.uses_instruction_files()
            && key.len() > self.instruction_suffix.len()
            && key.ends_with(&self.instruction_suffix)
    }

    /// Whether what is read under this policy is read under `other` too, with the same keys and out of the same files.
    pub(crate) fn opens_like(&self, other: &Self) -> bool {
        let ids = |policy: &Self| policy.keys.iter().map(|key| key.id.clone()).collect::<Vec<_>>();
        ids(self) == ids(other)
            && self.context == other.context
            && (!self.uses_instruction_files() || self.instruction_suffix == other.instruction_suffix)
            && self.padding == other.padding
            && self.md5_metadata == other.md5_metadata
    }

    /// The plaintext length of a stored object when everything is of `format`, if arithmetic tells.
    pub(crate) fn listed_len(&self, format: ForeignFormat, key: &str, stored_len: u64) -> Option<u64> {
        if self.names_instruction_file(key) || self.names_sidecar(key) {
            return Some(stored_len);
        }
        // What is too short is no such object: reading it says so.
        let or_stored = |plain_len: Option<u64>| Some(plain_len.unwrap_or(stored_len));
        match format {
            ForeignFormat::S3EcV2 if self.s3ec.legacy_content => None,
            ForeignFormat::S3EcV2 | ForeignFormat::S3EcV3 => or_stored(stored_len.checked_sub(16)),
            ForeignFormat::Fileson => or_stored(fileson::plain_len(stored_len).ok()),
            ForeignFormat::RcloneCrypt => or_stored(rclone_crypt::plain_len(stored_len).ok()),
            ForeignFormat::KmsCbc if self.padding == Padding::Raw => or_stored(kms_cbc::padded_len(stored_len).ok()),
            // Padding or compression decide.
            _ => None,
        }
    }
}
