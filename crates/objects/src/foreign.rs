//! Objects that other programs encrypted: which formats a rule lets be read, and how such an object becomes plaintext.
//!
//! The formats themselves are values and machines of `envelope`. Here they are recognised by what an object's headers
//! say ([`detect`]), unlocked with the rule's keys ([`locked`]), and read so that nothing unverified leaves unless the
//! rule says so ([`delivery`]). A new format is a variant in [`ForeignFormat`], [`Locked`] and [`ForeignObject`].

mod buffer;
mod copying;
mod delivery;
mod detect;
mod failures;
mod instruction;
mod length;
mod locked;
mod machines;
mod object;
mod reading;
mod verified;
mod writing;

use envelope::s3ec::{self, Context, InstructionFiles, ReadPolicy};
use keyring::MasterKeys;

pub(crate) use self::buffer::Buffers;
pub(crate) use self::copying::{kept_envelope, stays};
pub(crate) use self::failures::Failures;
pub(crate) use self::locked::Locked;
pub(crate) use self::object::ForeignObject;
pub(crate) use self::verified::VerifiedCache;
pub(crate) use self::writing::{AmazonMachine, Fresh, stored_len};

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
}

impl ForeignFormat {
    /// Every format by the name that settings have for it.
    pub const ALL: &[(&str, Self)] = &[("s3ec-v1", Self::S3EcV1), ("s3ec-v2", Self::S3EcV2), ("s3ec-v3", Self::S3EcV3)];

    /// The name that settings have for it.
    #[must_use]
    pub fn name(self) -> &'static str {
        Self::ALL.iter().find(|(_, format)| *format == self).map_or("", |(name, _)| *name)
    }

    /// Whether its envelopes have a field of this name in user metadata.
    fn reserves(self, name: &str) -> bool {
        match self {
            Self::S3EcV1 | Self::S3EcV2 | Self::S3EcV3 => s3ec::is_envelope_name(name),
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
}

impl ForeignPolicy {
    pub(crate) fn reads(&self, format: ForeignFormat) -> bool {
        self.reads.contains(&format)
    }

    /// Whether a user metadata name, without its prefix, belongs to an envelope and not to clients.
    pub(crate) fn is_reserved_name(&self, name: &str) -> bool {
        self.reads.iter().any(|format| format.reserves(name))
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
    }

    /// The plaintext length of a stored object when everything is of `format`, if arithmetic tells.
    pub(crate) fn listed_len(&self, format: ForeignFormat, key: &str, stored_len: u64) -> Option<u64> {
        if self.names_instruction_file(key) {
            return Some(stored_len);
        }
        match format {
            ForeignFormat::S3EcV1 => None,
            ForeignFormat::S3EcV2 if self.s3ec.legacy_content => None,
            // What is shorter than a tag is no such object: reading it says so.
            ForeignFormat::S3EcV2 | ForeignFormat::S3EcV3 => Some(stored_len.checked_sub(16).unwrap_or(stored_len)),
        }
    }
}
