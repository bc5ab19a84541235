//! What may be read: the commitment policy of the official clients and the switches that are all off.
//!
//! Asked once, before any key is touched, about the format that detection decided. FORMAT.md, 18.5.

use super::algorithms::{Format, Suite};
use super::envelope::Envelope;
use super::{Error, Rule};

/// Whether objects must commit to their key, by the names the official clients use. Only the half about decryption has an
/// effect here; what is written is said by [`WriteFormat`](super::WriteFormat).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum CommitmentPolicy {
    /// Objects of all formats are read; the clients write V2.
    ForbidEncryptAllowDecrypt,
    /// Objects of all formats are read; the clients write V3.
    RequireEncryptAllowDecrypt,
    /// Only objects that commit to their key are read: format V3.
    #[default]
    RequireEncryptRequireDecrypt,
}

/// Which objects may have their wrapped key in an instruction file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum InstructionFiles {
    /// None.
    #[default]
    Refused,
    /// Those that commit to their key, so that a replaced file is noticed.
    Committed,
    /// All: who can write the file can make the object mean something else.
    Any,
}

/// What may be read, strictest by default.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each switch stands for itself and is configured by its name")]
pub struct ReadPolicy {
    /// Whether objects must commit to their key.
    pub commitment: CommitmentPolicy,
    /// Which objects may have their wrapped key in an instruction file.
    pub instruction_files: InstructionFiles,
    /// Data keys may be wrapped in ways that do not bind the content algorithm.
    pub legacy_wraps: bool,
    /// Content may be encrypted without authentication (CBC).
    pub legacy_content: bool,
    /// Ranges of content that is only authentic as a whole may be read without verifying it.
    pub unverified_ranges: bool,
    /// Whole content may be sent on while its verification is still to come, its last block held back.
    pub early_release: bool,
}

/// When opened bytes may be believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Release {
    /// At once: every byte was verified before the machine gave it out.
    PerChunk,
    /// Once the last byte has gone through without an error, and not before.
    AtEnd,
    /// As at the end, but the policy lets them be sent on before.
    Early,
    /// Never: nothing vouches for them.
    Never,
}

pub(super) fn check(envelope: &Envelope, policy: &ReadPolicy) -> Result<(), Error> {
    let commits = envelope.format() == Format::V3;
    let refuse = |rule| Err(Error::Refused(rule));
    if !commits && policy.commitment == CommitmentPolicy::RequireEncryptRequireDecrypt {
        return refuse(Rule::CommitmentPolicy);
    }
    let in_file_allowed = match policy.instruction_files {
        InstructionFiles::Refused => false,
        InstructionFiles::Committed => commits,
        InstructionFiles::Any => true,
    };
    if envelope.is_in_instruction_file() && !in_file_allowed {
        return refuse(Rule::InstructionFiles);
    }
    if envelope.wrap().is_legacy() && !policy.legacy_wraps {
        return refuse(Rule::LegacyWraps);
    }
    if envelope.suite() == Suite::Cbc && !policy.legacy_content {
        return refuse(Rule::LegacyContent);
    }
    Ok(())
}
