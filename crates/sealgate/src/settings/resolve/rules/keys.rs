//! Which keys a rule names: those that wrap and unwrap what is sealed, and those of other formats.

use super::super::Resolver;
use super::super::keys::{no_such_key, only_reads};
use crate::settings::place::Path;
use crate::settings::raw::RawRule;
use crate::settings::{Contents, KeySettings, RuleSettings, WriteFormat};

impl Resolver<'_> {
    /// Keys are named for what is sealed; where nothing is, somebody expects something else.
    pub(super) fn keys_have_a_meaning(
        &mut self,
        at: &Path,
        raw: &RawRule,
        format: Option<WriteFormat>,
        contents: Option<Contents>,
    ) {
        let (Some(format), Some(contents)) = (format, contents) else { return };
        let sealed = matches!(contents, Contents::Sealed | Contents::Mixed);
        if raw.primary.is_some() && !sealed && !matches!(format, WriteFormat::S3Ec(_)) {
            self.problem(&at.join("primary"), "means nothing where nothing is sealed");
        }
        if raw.readers.is_some() && !sealed {
            self.problem(&at.join("readers"), "means nothing where no sealed object can be");
        }
    }

    /// Whether the keys that rules name are there, and can do what they are named for.
    pub(in crate::settings::resolve) fn rules_name_keys(&mut self, rules: &[RuleSettings], keys: &[KeySettings]) {
        for (index, rule) in rules.iter().enumerate() {
            let at = Path::of("rules").join(&index.to_string());
            let foreign = rule.foreign.iter().filter_map(|foreign| foreign.keys.as_ref()).flatten();
            for id in foreign {
                self.key_is_there(&at.join("keys"), id, keys);
            }
            if let Some(id) = &rule.primary
                && self.key_is_there(&at.join("primary"), id, keys).is_some_and(|key| !key.seals())
            {
                self.problem(&at.join("primary"), only_reads(id));
            }
            for id in rule.readers.iter().flatten() {
                match self.key_is_there(&at.join("readers"), id, keys) {
                    Some(key) if !key.seals() => self.problem(&at.join("readers"), only_reads(id)),
                    // The one that wraps here may be named among them, whatever it is.
                    Some(key) if key.is_public_half() && rule.primary.as_ref() != Some(id) => {
                        let why = format!("only the public half of key \"{id}\" is here, which opens nothing");
                        self.problem(&at.join("readers"), why);
                    }
                    _ => {}
                }
            }
        }
    }

    fn key_is_there<'a>(&mut self, at: &Path, id: &str, keys: &'a [KeySettings]) -> Option<&'a KeySettings> {
        let found = keys.iter().find(|key| key.id == id);
        self.check(at, found, || no_such_key(id, keys))
    }
}
