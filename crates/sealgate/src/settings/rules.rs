//! `[[rules]]`: what is stored where, and how. The keys that a rule names are those of `[[keys]]`.

use super::{Context, ForeignFormat, KeySettings, Padding, ReadPolicy, WriteFormat};

/// One of `[[rules]]`
#[derive(Debug, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each stands for itself and is written by its name")]
pub(crate) struct RuleSettings {
    pub(crate) bucket: String,
    pub(crate) prefix: String,
    pub(crate) format: WriteFormat,
    pub(crate) contents: Contents,
    /// Whether plaintext may be read where contents are mixed.
    pub(crate) reads_plaintext: bool,
    /// Whether ETags are MD5s of plaintext.
    pub(crate) md5_etags: bool,
    pub(crate) binding: Binding,
    pub(crate) clear_metadata: bool,
    pub(crate) bucket_identity: Option<String>,
    /// The id among `keys` of the one that wraps here, where it is not the one of all.
    pub(crate) primary: Option<String>,
    /// The ids among `keys` of those that unwrap here beside it; all of them when `None`.
    pub(crate) readers: Option<Vec<String>>,
    /// What of other programs is read, where anything is.
    pub(crate) foreign: Option<ForeignSettings>,
    pub(crate) writes_instruction_files: bool,
}

/// What a rule reads of other programs, and how.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct ForeignSettings {
    pub(crate) reads: Vec<ForeignFormat>,
    pub(crate) s3ec: ReadPolicy,
    /// Ids among `keys`; all of them when `None`.
    pub(crate) keys: Option<Vec<String>>,
    /// The encryption context that every object must carry.
    pub(crate) context: Context,
    pub(crate) instruction_suffix: String,
    pub(crate) padding: Padding,
    pub(crate) md5_metadata: Option<String>,
    pub(crate) sidecar_suffix: String,
}

/// What is stored where a rule applies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Contents {
    /// Only our objects.
    Sealed,
    /// Ours, and plaintext that may be read.
    Mixed,
    /// Nothing of ours.
    Plain,
    /// Everything is of one format that another program writes.
    Foreign(ForeignFormat),
}

/// What a wrapped key is tied to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Binding {
    Object,
    Key,
    None,
}

impl RuleSettings {
    /// Whether new objects are encrypted here, so that a key has to wrap.
    pub(crate) fn encrypts(&self) -> bool {
        matches!(self.format, WriteFormat::Sealed | WriteFormat::S3Ec(_))
    }
}

/// Whether a key that wraps new objects under one of these rules cannot unwrap them.
pub(super) fn writes_only(rules: &[RuleSettings], primary: Option<&str>, keys: &[KeySettings]) -> bool {
    let wrapping = |rule: &RuleSettings| {
        let primary = rule.primary.as_deref().or(primary);
        keys.iter().any(|key| Some(key.id.as_str()) == primary && key.is_public_half())
    };
    rules.iter().filter(|rule| rule.encrypts()).any(wrapping)
}
