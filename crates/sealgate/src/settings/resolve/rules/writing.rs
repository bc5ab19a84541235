//! What a rule writes in Amazon's formats, and what would contradict it.
//!
//! Settings that mean nothing there are named, because whoever wrote them expects something of them.

use objects::{CommitmentPolicy, ForeignFormat, InstructionFiles, S3EcWriteFormat, WriteFormat};

use super::super::Resolver;
use crate::settings::place::Path;
use crate::settings::raw::RawRule;
use crate::settings::{Contents, ForeignSettings, RuleSettings, Uploads};

/// Every `format`.
pub(super) const FORMATS: [(&str, WriteFormat); 5] = [
    ("sealed", WriteFormat::Sealed),
    ("s3ec-v3", WriteFormat::S3Ec(S3EcWriteFormat::V3)),
    ("s3ec-v2", WriteFormat::S3Ec(S3EcWriteFormat::V2)),
    ("none", WriteFormat::Plain),
    ("refused", WriteFormat::Refused),
];

/// What is there when nobody says: what is written.
pub(super) fn contents(format: WriteFormat) -> Contents {
    match format {
        WriteFormat::Plain => Contents::Plain,
        WriteFormat::S3Ec(_) => Contents::Foreign(reads(format)),
        _ => Contents::Sealed,
    }
}

/// The format that reads what is written.
pub(super) fn reads(format: WriteFormat) -> ForeignFormat {
    match format {
        WriteFormat::S3Ec(S3EcWriteFormat::V2) => ForeignFormat::S3EcV2,
        _ => ForeignFormat::S3EcV3,
    }
}

impl Resolver<'_> {
    /// Whether wrapped keys are written into instruction files; names what contradicts the format.
    pub(super) fn writing(
        &mut self,
        at: &Path,
        raw: &RawRule,
        format: Option<WriteFormat>,
        foreign: Option<&ForeignSettings>,
    ) -> Option<bool> {
        let files = raw.write_instruction_files.unwrap_or(false);
        let WriteFormat::S3Ec(format) = format? else {
            if raw.write_instruction_files.is_some() {
                let why = "means nothing where objects are not written in one of Amazon's formats";
                self.problem(&at.join("write_instruction_files"), why);
            }
            return Some(files);
        };
        self.meaningless_in_amazons_formats(at, raw);
        let foreign = foreign?;
        let contradicted = match (format, foreign.s3ec.commitment) {
            (S3EcWriteFormat::V2, CommitmentPolicy::ForbidEncryptAllowDecrypt)
            | (
                S3EcWriteFormat::V3,
                CommitmentPolicy::RequireEncryptAllowDecrypt | CommitmentPolicy::RequireEncryptRequireDecrypt,
            ) => None,
            (S3EcWriteFormat::V2, _) => {
                Some("format = \"s3ec-v2\" does not commit to its key and wants \"forbid-encrypt-allow-decrypt\"")
            }
            (S3EcWriteFormat::V3, _) => Some("forbids to write format = \"s3ec-v3\", which commits to its key"),
        };
        if let Some(why) = contradicted {
            self.problem(&at.join("commitment"), why);
        }
        let readable = match foreign.s3ec.instruction_files {
            InstructionFiles::Refused => false,
            InstructionFiles::Committed => format == S3EcWriteFormat::V3,
            InstructionFiles::Any => true,
        };
        if files && !readable {
            let wanted = if format == S3EcWriteFormat::V3 { "\"committed\"" } else { "\"any\"" };
            let why = format!("wants instruction_files = {wanted}, or what is written here could not be read here");
            self.problem(&at.join("write_instruction_files"), why);
        }
        Some(files)
    }

    /// Amazon's formats want one process to decide about an upload in parts.
    pub(in crate::settings::resolve) fn rules_have_their_uploads(
        &mut self,
        rules: &[RuleSettings],
        uploads: Option<Uploads>,
    ) {
        if uploads != Some(Uploads::Bucket) {
            return;
        }
        for (index, _) in rules.iter().enumerate().filter(|(_, rule)| matches!(rule.format, WriteFormat::S3Ec(_))) {
            let at = Path::of("rules").join(&index.to_string()).join("format");
            self.problem(
                &at,
                "wants uploads = \"local\": the parts of one upload become one message, and one process must know their places",
            );
        }
    }

    fn meaningless_in_amazons_formats(&mut self, at: &Path, raw: &RawRule) {
        if raw.metadata.as_deref() == Some("sealed") {
            self.problem(&at.join("metadata"), "cannot be sealed in Amazon's formats; leave it out or write \"clear\"");
        }
        if raw.etag.as_deref() == Some("md5") {
            self.problem(&at.join("etag"), "Amazon's formats keep no MD5 of the plaintext; leave it out");
        }
        let bound = [("binding", raw.binding.is_some()), ("bucket_identity", raw.bucket_identity.is_some())];
        for (name, _) in bound.iter().filter(|(_, written)| *written) {
            self.problem(&at.join(name), "means nothing in Amazon's formats, whose keys are tied to no name");
        }
    }
}
