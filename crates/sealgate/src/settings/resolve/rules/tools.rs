//! What a rule says of single tools: padding, noted digests and keys beside objects; and which formats exclude each other.

use objects::{ForeignFormat, Padding};

use super::super::Resolver;
use crate::settings::place::Path;
use crate::settings::raw::RawRule;

/// What s3-encryption's README puts behind an object's key to name the object with its wrapped key.
const SIDECAR_SUFFIX: &str = ".key";

/// The settings of single tools.
pub(super) struct Tools {
    pub(super) padding: Padding,
    pub(super) md5_metadata: Option<String>,
    pub(super) sidecar_suffix: String,
}

impl Resolver<'_> {
    pub(super) fn tools(&mut self, at: &Path, raw: &RawRule, formats: &[ForeignFormat]) -> Option<Tools> {
        let written = [
            ("padding", raw.padding.is_some(), ForeignFormat::KmsCbc),
            ("md5_metadata", raw.md5_metadata.is_some(), ForeignFormat::Gpg),
            ("sidecar_suffix", raw.sidecar_suffix.is_some(), ForeignFormat::KeySidecar),
        ];
        for (name, _, format) in written.iter().filter(|(_, written, format)| *written && !formats.contains(format)) {
            self.problem(&at.join(name), format!("means nothing where \"{}\" is not read", format.name()));
        }
        if raw.format.as_deref() == Some("none") {
            self.plaintext_differs(&at.join("format"), formats);
        }
        let paddings = [("auto", Padding::Auto), ("raw", Padding::Raw)];
        let padding = self.choice(&at.join("padding"), raw.padding.as_deref().unwrap_or("auto"), &paddings);
        let md5 = raw.md5_metadata.clone();
        let good = md5.as_ref().is_none_or(|name| is_metadata_name(name));
        let md5_metadata = self.check(&at.join("md5_metadata"), good.then_some(md5), || {
            "wants the name of a metadata field without \"x-amz-meta-\": letters, digits, \"-\", \"_\" and \".\""
                .to_owned()
        });
        let suffix = raw.sidecar_suffix.clone().unwrap_or_else(|| SIDECAR_SUFFIX.to_owned());
        let good = (1..=64).contains(&suffix.len()) && !suffix.contains('/') && !suffix.chars().any(char::is_control);
        let sidecar_suffix = self.check(&at.join("sidecar_suffix"), good.then_some(suffix), || {
            "wants 1 to 64 characters without a slash".to_owned()
        });
        Some(Tools { padding: padding?, md5_metadata: md5_metadata?, sidecar_suffix: sidecar_suffix? })
    }

    /// Two formats that nobody can tell apart would make one of them garbage.
    pub(super) fn formats_differ(&mut self, at: &Path, formats: &[ForeignFormat]) {
        for (index, one) in formats.iter().enumerate() {
            for other in formats.iter().skip(index + 1).filter(|other| one.excludes(**other)) {
                let why = format!(
                    "nothing tells objects of \"{}\" and \"{}\" apart; give each a rule of its own",
                    one.name(),
                    other.name()
                );
                self.problem(&at.join("reads"), why);
            }
        }
    }

    /// What has no envelope is plaintext or of such a format, and not both.
    pub(super) fn plaintext_differs(&mut self, at: &Path, formats: &[ForeignFormat]) {
        if let Some(bare) = formats.iter().find(|format| format.is_bare()) {
            let why =
                format!("nothing tells plaintext and objects of \"{}\" apart; read one of them here", bare.name());
            self.problem(at, why);
        }
    }
}

fn is_metadata_name(name: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    (1..=128).contains(&name.len()) && name.bytes().all(fits) && !name.to_ascii_lowercase().starts_with("x-amz-meta-")
}
