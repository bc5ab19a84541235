//! What happens to objects where.

use std::collections::BTreeSet;

use super::Resolver;
use super::people::is_pattern;
use crate::settings::place::Path;
use crate::settings::raw::{OneOrMany, RawRule};
use crate::settings::{Binding, Contents, RuleSettings};

impl Resolver<'_> {
    pub(super) fn rules(&mut self, raw: Vec<RawRule>) -> Option<Vec<RuleSettings>> {
        let mut seen = BTreeSet::new();
        let rules: Vec<_> = raw
            .into_iter()
            .enumerate()
            .map(|(index, rule)| {
                let at = Path::of("rules").join(&index.to_string());
                let prefix = rule.prefix.clone().unwrap_or_default();
                if !seen.insert((rule.bucket.clone(), prefix)) {
                    self.problem(&at.join("bucket"), "there are two rules for this bucket and prefix");
                }
                self.rule(&at, rule)
            })
            .collect();
        rules.into_iter().collect()
    }

    pub(super) fn rule(&mut self, at: &Path, raw: RawRule) -> Option<RuleSettings> {
        let bucket = self.check(&at.join("bucket"), is_pattern(&raw.bucket).then_some(raw.bucket), || {
            "wants a bucket's name or a pattern with *; a part of a bucket is named with `prefix`".to_owned()
        });
        let format = raw.format.as_deref().unwrap_or("sealed");
        let seal = match format {
            "s3ec-v2" | "s3ec-v3" => self.check(&at.join("format"), None, || {
                format!("\"{format}\" is not supported in this version; use \"sealed\" or \"none\"")
            }),
            _ => self.choice(&at.join("format"), format, &[("sealed", true), ("none", false)]),
        };
        let contents = self.contents(at, seal, raw.contents.as_deref(), raw.reads);
        let md5_etags = self.etag(&at.join("etag"), raw.etag.as_deref(), contents);
        let bindings = [("object", Binding::Object), ("key", Binding::Key), ("none", Binding::None)];
        let binding = self.choice(&at.join("binding"), raw.binding.as_deref().unwrap_or("object"), &bindings);
        let metadata = raw.metadata.as_deref().unwrap_or("sealed");
        let clear = self.choice(&at.join("metadata"), metadata, &[("sealed", false), ("clear", true)]);
        if raw.bucket_identity.as_deref() == Some("") {
            self.problem(&at.join("bucket_identity"), "wants a name");
        }
        Some(RuleSettings {
            bucket: bucket?,
            prefix: raw.prefix.unwrap_or_default(),
            seal: seal?,
            contents: contents?,
            md5_etags: md5_etags?,
            binding: binding?,
            clear_metadata: clear?,
            bucket_identity: raw.bucket_identity,
        })
    }

    /// Whether ETags are MD5s.
    pub(super) fn etag(&mut self, at: &Path, etag: Option<&str>, contents: Option<Contents>) -> Option<bool> {
        let md5 = self.choice(at, etag.unwrap_or("opaque"), &[("opaque", false), ("md5", true)])?;
        if md5 && contents == Some(Contents::Plain) {
            self.problem(at, "means nothing where nothing is sealed: the store's ETags pass as they are");
        }
        Some(md5)
    }

    pub(super) fn contents(
        &mut self,
        at: &Path,
        seal: Option<bool>,
        written: Option<&str>,
        reads: Option<OneOrMany>,
    ) -> Option<Contents> {
        let seal = seal?;
        let choices = [("sealed", Contents::Sealed), ("mixed", Contents::Mixed), ("plain", Contents::Plain)];
        let contents_at = at.join("contents");
        let contents = match written {
            Some(written) => self.choice(&contents_at, written, &choices)?,
            None if seal => Contents::Sealed,
            None => Contents::Plain,
        };
        let reads = self.reads(&at.join("reads"), reads)?;
        let conflict = match (seal, contents, reads) {
            (true, Contents::Plain, _) => Some("format = \"sealed\" and contents = \"plain\" contradict each other"),
            (false, Contents::Sealed, _) => Some("format = \"none\" and contents = \"sealed\" contradict each other"),
            (_, Contents::Mixed, false) => {
                Some("\"mixed\" wants `reads` to say what else may be read here, such as reads = [\"plaintext\"]")
            }
            (true, Contents::Sealed, true) => {
                Some("`reads` names what else may be read, which wants contents = \"mixed\"")
            }
            _ => None,
        };
        match conflict {
            Some(why) => self.check(&contents_at, None, || why.to_owned()),
            None => Some(contents),
        }
    }

    /// Whether plaintext may be read.
    pub(super) fn reads(&mut self, at: &Path, reads: Option<OneOrMany>) -> Option<bool> {
        let names = reads.map(|reads| reads.0).unwrap_or_default();
        let known: Vec<_> = names
            .iter()
            .map(|name| match name.as_str() {
                "s3ec-v1" | "s3ec-v2" | "s3ec-v3" => {
                    self.check(at, None, || format!("\"{name}\" is not supported in this version; only \"plaintext\""))
                }
                _ => self.choice(at, name, &[("plaintext", ())]),
            })
            .collect();
        known.into_iter().collect::<Option<Vec<()>>>().map(|known| !known.is_empty())
    }
}
