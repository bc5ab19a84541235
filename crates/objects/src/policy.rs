//! Which rule holds for an object: the longest matching bucket and prefix wins, and no rule means no service.

use std::sync::Arc;

use envelope::{BindingMode, s3ec};
use keyring::{Keyring, WrappingKey};

use crate::{Error, ForeignFormat, ForeignPolicy};

/// How new objects are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum WriteFormat {
    /// In our own format.
    Sealed,
    /// In one of the formats of the Amazon S3 Encryption Clients.
    S3Ec(s3ec::WriteFormat),
    /// As they come.
    Plain,
    /// Not at all: nothing new may be written.
    Refused,
}

/// What a bucket or prefix holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Contents {
    /// Everything is ours; anything else is refused.
    Sealed,
    /// Ours and objects that are not; every object is asked what it is.
    Mixed,
    /// Nothing is ours; bytes pass as they are.
    Plain,
    /// Everything is of one format that another program writes; anything else is refused.
    Foreign(ForeignFormat),
}

/// What happens to the client's own metadata.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MetadataMode {
    /// Sealed with the object (the default).
    Sealed,
    /// Kept readable at the store.
    Clear,
}

/// What clients are shown as an object's ETag.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EtagMode {
    /// The store's, altered so that nobody takes it for the MD5 of the content (the default).
    Opaque,
    /// The MD5 of the content, as plain S3 has it; of uploads in parts the MD5 of the parts' MD5s and their number.
    Md5,
}

/// How objects of some buckets, or of a prefix in them, are written and read.
#[derive(Debug, Clone)]
pub struct Rule {
    /// A pattern of bucket names; `*` stands for any run of characters.
    pub buckets: String,
    /// The keys concerned start with this; empty for all.
    pub prefix: String,
    /// How new objects are stored.
    pub format: WriteFormat,
    /// What is there to be read.
    pub contents: Contents,
    /// Whether plaintext may be read where contents are mixed.
    pub reads_plaintext: bool,
    /// What of other programs may be read, where anything may.
    pub foreign: Option<Arc<ForeignPolicy>>,
    /// Whether the wrapped key of new objects in Amazon's formats goes into an instruction file.
    pub writes_instruction_files: bool,
    /// What clients are shown as ETags.
    pub etag: EtagMode,
    /// What the key wrap binds.
    pub binding: BindingMode,
    /// What happens to user metadata.
    pub metadata: MetadataMode,
    /// The bucket name that the wrap binds in place of the real one, for replicas under another name.
    pub bucket_identity: Option<String>,
    /// The key that wraps what is sealed here, and those that unwrap it.
    pub keyring: Arc<Keyring>,
}

impl Rule {
    /// A rule under which everything in `buckets` is sealed with `keyring`, with every other choice at its default.
    #[must_use]
    pub fn sealed(buckets: &str, keyring: Arc<Keyring>) -> Self {
        Self {
            buckets: buckets.to_owned(),
            prefix: String::new(),
            format: WriteFormat::Sealed,
            contents: Contents::Sealed,
            reads_plaintext: false,
            foreign: None,
            writes_instruction_files: false,
            etag: EtagMode::Opaque,
            binding: BindingMode::Object,
            metadata: MetadataMode::Sealed,
            bucket_identity: None,
            keyring,
        }
    }

    fn matches(&self, bucket: &str, key: &str) -> bool {
        key.starts_with(&self.prefix) && glob_matches(&self.buckets, bucket)
    }

    /// How exactly the rule speaks of what it matches: exact bucket names before patterns, longer ones first.
    fn exactness(&self) -> (usize, bool, usize) {
        (self.buckets.replace('*', "").len(), !self.buckets.contains('*'), self.prefix.len())
    }

    /// What the length of an object depends on besides the object: which formats of other programs are read, and how.
    pub(crate) fn reading(&self) -> String {
        self.foreign.as_ref().map(|policy| policy.reading()).unwrap_or_default()
    }

    /// Whether new objects are encrypted, in our format or in Amazon's.
    pub(crate) fn encrypts(&self) -> bool {
        matches!(self.format, WriteFormat::Sealed | WriteFormat::S3Ec(_))
    }

    /// Whether new objects are sealed in our own format.
    pub(crate) fn seals(&self) -> bool {
        self.format == WriteFormat::Sealed
    }

    /// Whether a store that has both ends of a copy may make it without us looking.
    pub(crate) fn passes(&self) -> bool {
        self.contents == Contents::Plain && self.format == WriteFormat::Plain
    }

    /// Whether objects in no format are read as they are.
    pub(crate) fn reads_plain(&self) -> bool {
        self.contents == Contents::Plain || (self.contents == Contents::Mixed && self.reads_plaintext)
    }

    /// Asks whether anything new may be written at all.
    pub(crate) fn check_write(&self) -> Result<(), Error> {
        match self.format {
            WriteFormat::Refused => Err(Error::WritesRefused { rule: self.buckets.clone() }),
            WriteFormat::Sealed | WriteFormat::S3Ec(_) | WriteFormat::Plain => Ok(()),
        }
    }

    /// Whether clients are shown MD5s of plaintext, which only the objects themselves know.
    pub(crate) fn shows_md5(&self) -> bool {
        self.etag == EtagMode::Md5 && self.contents != Contents::Plain
    }

    /// Whether entries of listings have to be asked what they are.
    pub(crate) fn listings_ask(&self) -> bool {
        matches!(self.contents, Contents::Mixed | Contents::Foreign(_)) || self.shows_md5()
    }

    /// What a key of this rule said, with the settings of the rule that it concerns.
    pub(crate) fn blame(&self, error: keyring::Error) -> Error {
        match error {
            keyring::Error::Withheld { key_id } => Error::KeyWithheld { key_id, rule: self.buckets.clone() },
            keyring::Error::NoPrimary => Error::NoPrimary { rule: self.buckets.clone() },
            other => other.into(),
        }
    }

    /// The name of `bucket` as the key wrap knows it.
    pub(crate) fn identity_of<'a>(&'a self, bucket: &'a str) -> &'a str {
        self.bucket_identity.as_deref().unwrap_or(bucket)
    }
}

/// All rules.
pub struct PolicyTable {
    rules: Vec<Rule>,
}

impl PolicyTable {
    /// A table of `rules`; their order does not matter.
    #[must_use]
    pub fn new(mut rules: Vec<Rule>) -> Self {
        rules.sort_by_key(|rule| std::cmp::Reverse(rule.exactness()));
        Self { rules }
    }

    /// The rule for an object, if any rule speaks of it.
    pub(crate) fn rule(&self, bucket: &str, key: &str) -> Option<&Rule> {
        self.rules.iter().find(|rule| rule.matches(bucket, key))
    }

    /// Whether anything is sealed in a bucket.
    pub(crate) fn seals_in(&self, bucket: &str) -> bool {
        self.rules.iter().any(|rule| rule.seals() && glob_matches(&rule.buckets, bucket))
    }

    /// The buckets that are named without a star and in which something is sealed.
    pub(crate) fn named_sealed_buckets(&self) -> Vec<String> {
        let sealing = self.rules.iter().filter(|rule| rule.seals() && !rule.buckets.contains('*'));
        let mut names: Vec<String> = sealing.map(|rule| rule.buckets.clone()).collect();
        names.sort_unstable();
        names.dedup();
        names
    }

    /// The keys that wrap what is written under any rule, each once.
    pub(crate) fn primaries(&self) -> Vec<Arc<dyn WrappingKey>> {
        let mut primaries: Vec<Arc<dyn WrappingKey>> = Vec::new();
        for rule in self.rules.iter().filter(|rule| rule.encrypts()) {
            if let Ok(primary) = rule.keyring.primary()
                && !primaries.iter().any(|known| known.id() == primary.id())
            {
                primaries.push(Arc::clone(primary));
            }
        }
        primaries
    }
}

/// Whether `name` fits `pattern`, in which `*` stands for any run of characters and everything else for itself.
#[must_use]
pub fn glob_matches(pattern: &str, name: &str) -> bool {
    let mut pieces = pattern.split('*');
    let Some(rest) = name.strip_prefix(pieces.next().unwrap_or("")) else { return false };
    let Some(last) = pieces.next_back() else { return rest.is_empty() };
    let Some(mut rest) = rest.strip_suffix(last) else { return false };
    for piece in pieces {
        match rest.find(piece) {
            Some(at) => rest = &rest[at + piece.len()..],
            None => return false,
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_stand_for_any_run() {
        for (pattern, name) in
            [("*", ""), ("*", "x"), ("a*", "a"), ("*-b", "a-b"), ("a*c*e", "abcde"), ("a", "a"), ("a**b", "ab")]
        {
            assert!(glob_matches(pattern, name), "{pattern} {name}");
        }
        for (pattern, name) in [("", "x"), ("a", "ab"), ("a*a", "a"), ("a*c", "ab"), ("*x*", "abc"), ("a*b*b", "ab")] {
            assert!(!glob_matches(pattern, name), "{pattern} {name}");
        }
    }

    fn rule(buckets: &str, prefix: &str) -> Rule {
        Rule { prefix: prefix.into(), ..Rule::sealed(buckets, Arc::default()) }
    }

    #[test]
    fn the_longest_match_wins() {
        let mut rules = [rule("*", ""), rule("log*", ""), rule("logs", ""), rule("logs", "old/"), rule("*", "old/")];
        rules.sort_by_key(|rule| std::cmp::Reverse(rule.exactness()));
        let find = |bucket, key| {
            let found = rules.iter().find(|rule| rule.matches(bucket, key)).unwrap();
            (found.buckets.as_str(), found.prefix.as_str())
        };
        assert_eq!(find("logs", "old/a"), ("logs", "old/"));
        assert_eq!(find("logs", "new"), ("logs", ""));
        assert_eq!(find("logbook", "new"), ("log*", ""));
        assert_eq!(find("other", "old/"), ("*", "old/"));
        assert_eq!(find("other", "x"), ("*", ""));
    }
}
