//! What happens to objects where.

mod foreign;
mod keys;
mod tools;
mod writing;

use std::collections::BTreeSet;

use self::foreign::Reads;
use super::Resolver;
use super::people::is_pattern;
use crate::settings::place::Path;
use crate::settings::raw::RawRule;
use crate::settings::{Binding, Contents, ForeignFormat, RuleSettings, WriteFormat};

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
        let bucket = self.check(&at.join("bucket"), is_pattern(&raw.bucket).then(|| raw.bucket.clone()), || {
            "wants a bucket's name or a pattern with *; a part of a bucket is named with `prefix`".to_owned()
        });
        let format = raw.format.as_deref().unwrap_or("sealed");
        let format = self.choice(&at.join("format"), format, &writing::FORMATS);
        let names = raw.reads.as_ref().map(|reads| reads.0.as_slice()).unwrap_or_default();
        let reads = self.reads(&at.join("reads"), names);
        let contents = self.contents(&at.join("contents"), format, raw.contents.as_deref(), reads.as_ref());
        let foreign = match (contents, &reads) {
            (Some(Contents::Foreign(only)), _) => self.foreign(at, &raw, &[only]),
            (_, Some(reads)) => self.foreign(at, &raw, &reads.formats),
            (_, None) => None,
        };
        let writes_instruction_files = self.writing(at, &raw, format, foreign.as_ref().and_then(Option::as_ref));
        self.keys_have_a_meaning(at, &raw, format, contents);
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
            format: format?,
            contents: contents?,
            reads_plaintext: reads?.plaintext,
            md5_etags: md5_etags?,
            binding: binding?,
            clear_metadata: clear?,
            bucket_identity: raw.bucket_identity,
            primary: raw.primary,
            readers: raw.readers.map(|readers| readers.0),
            foreign: foreign?,
            writes_instruction_files: writes_instruction_files?,
        })
    }

    /// Whether ETags are MD5s.
    pub(super) fn etag(&mut self, at: &Path, etag: Option<&str>, contents: Option<Contents>) -> Option<bool> {
        let md5 = self.choice(at, etag.unwrap_or("opaque"), &[("opaque", false), ("md5", true)])?;
        match contents {
            Some(Contents::Plain) if md5 => {
                self.problem(at, "means nothing where nothing is sealed: the store's ETags pass as they are");
            }
            Some(Contents::Foreign(format)) if md5 => {
                let why = format!("objects of \"{}\" keep no MD5 of their plaintext; leave it out", format.name());
                self.problem(at, why);
            }
            _ => {}
        }
        Some(md5)
    }

    /// What is stored already, where new objects are stored in `format`; `reads` is what else may be read.
    pub(super) fn contents(
        &mut self,
        at: &Path,
        format: Option<WriteFormat>,
        written: Option<&str>,
        reads: Option<&Reads>,
    ) -> Option<Contents> {
        let (format, reads) = (format?, reads?);
        let mut choices = vec![("sealed", Contents::Sealed), ("mixed", Contents::Mixed), ("plain", Contents::Plain)];
        choices.extend(ForeignFormat::ALL.iter().map(|(name, format)| (*name, Contents::Foreign(*format))));
        let contents = match written {
            Some(written) => self.choice(at, written, &choices)?,
            None => writing::contents(format),
        };
        let conflict = match (format, contents) {
            (WriteFormat::Sealed, Contents::Plain) => {
                Some("format = \"sealed\" and contents = \"plain\" contradict each other")
            }
            (WriteFormat::Plain, Contents::Sealed) => {
                Some("format = \"none\" and contents = \"sealed\" contradict each other")
            }
            (WriteFormat::S3Ec(_), Contents::Sealed | Contents::Plain) => {
                Some("says that nothing here is of the format that is written; leave it out, or say \"mixed\"")
            }
            (WriteFormat::S3Ec(_), Contents::Foreign(_)) if contents == writing::contents(format) => None,
            (WriteFormat::S3Ec(_), Contents::Mixed) if !reads.formats.contains(&writing::reads(format)) => {
                Some("\"mixed\" wants the format that is written among `reads`")
            }
            (WriteFormat::Sealed | WriteFormat::Plain | WriteFormat::S3Ec(_), Contents::Foreign(_)) => Some(
                "when everything is of one format of another program, nothing else may be written: set format = \"refused\", or \
                 contents = \"mixed\" with that format among `reads`",
            ),
            (_, Contents::Mixed) if reads.is_empty() => {
                Some("\"mixed\" wants `reads` to say what else may be read here, such as reads = [\"plaintext\"]")
            }
            (_, Contents::Sealed | Contents::Foreign(_)) if !reads.is_empty() => {
                Some("`reads` names what else may be read, which wants contents = \"mixed\"")
            }
            (_, Contents::Plain) if !reads.formats.is_empty() => {
                Some("`reads` names formats that are not \"plain\", which wants contents = \"mixed\"")
            }
            _ => None,
        };
        match conflict {
            Some(why) => self.check(at, None, || why.to_owned()),
            None => Some(contents),
        }
    }
}
