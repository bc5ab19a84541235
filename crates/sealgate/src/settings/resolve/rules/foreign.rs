//! What a rule reads of other programs: the formats, the switches that are all off, and the keys.
//!
//! A switch that could have no effect, or a format that the switches never let through, is a mistake and is named.

use std::collections::BTreeMap;

use objects::{CommitmentPolicy, ForeignFormat, InstructionFiles, ReadPolicy};

use super::super::Resolver;
use super::tools::Tools;
use crate::settings::ForeignSettings;
use crate::settings::place::Path;
use crate::settings::raw::RawRule;

/// What official clients put behind an object's key to name its instruction file.
const INSTRUCTION_SUFFIX: &str = ".instruction";

/// The name in an encryption context that binds the content's algorithm.
const BOUND_ALGORITHM: &str = "aws:x-amz-cek-alg";

/// What is read beside our own objects.
pub(in crate::settings::resolve) struct Reads {
    pub(super) plaintext: bool,
    pub(super) formats: Vec<ForeignFormat>,
}

impl Reads {
    pub(super) fn is_empty(&self) -> bool {
        !self.plaintext && self.formats.is_empty()
    }
}

impl Resolver<'_> {
    pub(super) fn reads(&mut self, at: &Path, names: &[String]) -> Option<Reads> {
        let mut choices = vec![("plaintext", None)];
        choices.extend(ForeignFormat::ALL.iter().map(|(name, format)| (*name, Some(*format))));
        let reads: Vec<_> = names.iter().map(|name| self.choice(at, name, &choices)).collect();
        let reads: Vec<_> = reads.into_iter().collect::<Option<_>>()?;
        let mut formats: Vec<ForeignFormat> = Vec::new();
        for format in reads.iter().copied().flatten() {
            if !formats.contains(&format) {
                formats.push(format);
            }
        }
        let plaintext = reads.contains(&None);
        if plaintext {
            self.plaintext_differs(at, &formats);
        }
        Some(Reads { plaintext, formats })
    }

    /// How `formats` are read; the inner `None` when there are none.
    #[expect(clippy::option_option, reason = "a problem and an absence differ, and both are `?`-able")]
    pub(super) fn foreign(
        &mut self,
        at: &Path,
        raw: &RawRule,
        formats: &[ForeignFormat],
    ) -> Option<Option<ForeignSettings>> {
        if formats.is_empty() {
            self.no_foreign_settings(at, raw);
            return Some(None);
        }
        let s3ec = self.read_policy(at, raw);
        if let Some(policy) = &s3ec {
            self.formats_are_admitted(at, formats, policy);
        }
        self.formats_differ(at, formats);
        let suffix = self.instruction_suffix(at, raw, s3ec.as_ref());
        let tools = self.tools(at, raw, formats);
        let context = self.context(&at.join("context"), raw.context.as_ref());
        let keys = raw.keys.as_ref().map(|keys| keys.0.clone());
        if keys.as_ref().is_some_and(Vec::is_empty) {
            self.problem(&at.join("keys"), "wants names of keys; leave it out to let all of [[keys]] be used");
        }
        let (s3ec, context, instruction_suffix) = (s3ec?, context?, suffix?);
        let Tools { padding, md5_metadata, sidecar_suffix } = tools?;
        let reads = formats.to_vec();
        Some(Some(ForeignSettings {
            reads,
            s3ec,
            keys,
            context,
            instruction_suffix,
            padding,
            md5_metadata,
            sidecar_suffix,
        }))
    }

    fn no_foreign_settings(&mut self, at: &Path, raw: &RawRule) {
        let written = [
            ("commitment", raw.commitment.is_some()),
            ("legacy_wraps", raw.legacy_wraps.is_some()),
            ("legacy_content", raw.legacy_content.is_some()),
            ("unverified_ranges", raw.unverified_ranges.is_some()),
            ("early_release", raw.early_release.is_some()),
            ("instruction_files", raw.instruction_files.is_some()),
            ("instruction_suffix", raw.instruction_suffix.is_some()),
            ("padding", raw.padding.is_some()),
            ("md5_metadata", raw.md5_metadata.is_some()),
            ("sidecar_suffix", raw.sidecar_suffix.is_some()),
            ("keys", raw.keys.is_some()),
            ("context", raw.context.is_some()),
        ];
        for (name, _) in written.iter().filter(|(_, written)| *written) {
            self.problem(&at.join(name), "means nothing where no format of other programs is among `reads`");
        }
    }

    fn read_policy(&mut self, at: &Path, raw: &RawRule) -> Option<ReadPolicy> {
        let policies = [
            ("forbid-encrypt-allow-decrypt", CommitmentPolicy::ForbidEncryptAllowDecrypt),
            ("require-encrypt-allow-decrypt", CommitmentPolicy::RequireEncryptAllowDecrypt),
            ("require-encrypt-require-decrypt", CommitmentPolicy::RequireEncryptRequireDecrypt),
        ];
        let commitment = raw.commitment.as_deref().unwrap_or("require-encrypt-require-decrypt");
        let commitment = self.choice(&at.join("commitment"), commitment, &policies);
        let files = [
            ("refused", InstructionFiles::Refused),
            ("committed", InstructionFiles::Committed),
            ("any", InstructionFiles::Any),
        ];
        let written = raw.instruction_files.as_deref().unwrap_or("refused");
        let instruction_files = self.choice(&at.join("instruction_files"), written, &files);
        Some(ReadPolicy {
            commitment: commitment?,
            instruction_files: instruction_files?,
            legacy_wraps: raw.legacy_wraps.unwrap_or(false),
            legacy_content: raw.legacy_content.unwrap_or(false),
            unverified_ranges: raw.unverified_ranges.unwrap_or(false),
            early_release: raw.early_release.unwrap_or(false),
        })
    }

    /// A format of which the switches let no object through is one that somebody forgot to allow.
    fn formats_are_admitted(&mut self, at: &Path, formats: &[ForeignFormat], policy: &ReadPolicy) {
        let needs = |format: ForeignFormat| match format {
            ForeignFormat::S3EcV1 => (true, true),
            ForeignFormat::S3EcV2 => (true, false),
            _ => (false, false),
        };
        for format in formats {
            let ((uncommitted, legacy), name) = (needs(*format), format.name());
            if uncommitted && policy.commitment == CommitmentPolicy::RequireEncryptRequireDecrypt {
                let why = format!(
                    "objects of \"{name}\" do not commit to their key, which \"require-encrypt-require-decrypt\" (the default) demands; \
                     write commitment = \"require-encrypt-allow-decrypt\" to read them"
                );
                self.problem(&at.join("commitment"), why);
            }
            if legacy && !policy.legacy_wraps {
                let why = format!("must be true to read \"{name}\", whose keys are all wrapped in a legacy way");
                self.problem(&at.join("legacy_wraps"), why);
            }
            if legacy && !policy.legacy_content {
                let why = format!("must be true to read \"{name}\", whose content is all without authentication (CBC)");
                self.problem(&at.join("legacy_content"), why);
            }
        }
    }

    fn instruction_suffix(&mut self, at: &Path, raw: &RawRule, policy: Option<&ReadPolicy>) -> Option<String> {
        let at = at.join("instruction_suffix");
        let Some(suffix) = raw.instruction_suffix.clone() else { return Some(INSTRUCTION_SUFFIX.to_owned()) };
        if policy.is_some_and(|policy| policy.instruction_files == InstructionFiles::Refused) {
            self.problem(&at, "means nothing with instruction_files = \"refused\" (the default)");
        }
        let good = (1..=64).contains(&suffix.len()) && !suffix.contains('/') && !suffix.chars().any(char::is_control);
        self.check(&at, good.then_some(suffix), || "wants 1 to 64 characters without a slash".to_owned())
    }

    fn context(&mut self, at: &Path, written: Option<&BTreeMap<String, String>>) -> Option<BTreeMap<String, String>> {
        let context = written.cloned().unwrap_or_default();
        let good = !context.contains_key(BOUND_ALGORITHM);
        self.check(at, good.then_some(context), || format!("must not name {BOUND_ALGORITHM}, which is checked anyway"))
    }
}
