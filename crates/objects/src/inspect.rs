//! What there is to say about one stored object, without its content: how it is sealed, with which key, and whether that holds.
//!
//! Unlike a read it does not stop at the first thing that is wrong: each check says for itself how it ended.

use std::collections::BTreeMap;
use std::sync::Arc;

use envelope::{Envelope, Upload, layout};
use http::{HeaderMap, Method, StatusCode};

use crate::foreign::{Beside, Locked, described_wrap};
use crate::policy::{Contents, Rule};
use crate::reader::{check_plain, content_length, is_marker, store_etag};
use crate::{Error, Facts, ForeignFormat, ObjectRef, SealedObjects, metadata};

/// What an object at the store is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Ours, uploaded in one request.
    Sealed,
    /// Ours, uploaded in parts.
    SealedInParts,
    /// It says that it is ours, in words that are not.
    Broken,
    /// Nothing in its metadata says that it is sealed.
    Unsealed,
    /// A directory's marker, in which there is nothing to seal.
    Marker,
    /// Another program encrypted it.
    Foreign(ForeignFormat),
    /// It lies beside another object and belongs to that.
    Beside(Beside),
}

impl Format {
    /// Its name in reports.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Sealed => "sealed",
            Self::SealedInParts => "sealed-in-parts",
            Self::Broken => "broken",
            Self::Unsealed => "unsealed",
            Self::Marker => "marker",
            Self::Foreign(format) => format.name(),
            Self::Beside(Beside::InstructionFile) => "instruction-file",
            Self::Beside(Beside::WrappedKey) => "wrapped-key",
        }
    }
}

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// What it is.
    pub name: &'static str,
    /// What is wrong with it, if anything is.
    pub problem: Option<String>,
}

/// What was found.
#[derive(Debug)]
pub struct Inspection {
    /// What the object is.
    pub format: Format,
    /// The store's answer headers.
    pub headers: HeaderMap,
    /// The store's ETag.
    pub store_etag: Option<String>,
    /// Its length at the store.
    pub stored_len: u64,
    /// The length of its content, as far as it could be found out.
    pub plain_len: Option<u64>,
    /// The bucket pattern of the rule that holds for it.
    pub rule: String,
    /// The key of the object that it belongs to, of what lies beside another one.
    pub belongs_to: Option<String>,
    /// The key of what lies beside it, without which it cannot be read.
    pub needs: Option<String>,
    /// How its key is wrapped.
    pub wrap: Option<Wrap>,
    /// What its end says about the content.
    pub facts: Option<Arc<Facts>>,
    /// Number and content length of each part, of objects uploaded in parts.
    pub parts: Option<Vec<(u16, u64)>>,
    /// The client's metadata.
    pub metadata: BTreeMap<String, String>,
    /// What was checked, in order. Nothing is looked at behind the first problem that hides it.
    pub checks: Vec<Check>,
}

/// What an envelope says about its key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wrap {
    /// The wrapping key's name.
    pub key_id: String,
    /// How the data key is wrapped.
    pub algorithm: String,
    /// What it is bound to: `object`, `key` or `none`.
    pub binding: &'static str,
    /// Whether that is how the rule writes new objects.
    pub is_current: bool,
}

impl Inspection {
    /// Whether nothing was found to be wrong.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        self.checks.iter().all(|check| check.problem.is_none())
    }

    fn is_unsealed(&mut self, at: &ObjectRef, rule: &Rule) {
        self.plain_len = Some(self.stored_len);
        self.metadata = metadata::clear(&self.headers);
        let marker = is_marker(at, &self.headers);
        if marker {
            self.format = Format::Marker;
        }
        let allowed = check_plain(at, rule, &self.headers);
        self.check("allowed by its rule", allowed);
    }

    /// What is beside our own objects, as far as it shows without a key.
    fn is_not_ours(&mut self, at: &ObjectRef, rule: &Rule, recognised: Result<Option<Locked>, Error>) {
        let locked = match recognised {
            Ok(None) => return self.is_unsealed(at, rule),
            Ok(Some(locked)) => locked,
            Err(error) => {
                self.check::<()>("allowed by its rule", Err(error));
                return;
            }
        };
        self.format = locked.format().map_or(Format::Unsealed, Format::Foreign);
        self.wrap = described_wrap(rule, &locked).map(|(key_id, algorithm, is_current)| Wrap {
            key_id,
            algorithm: algorithm.to_owned(),
            binding: "none",
            is_current,
        });
        self.plain_len = self.check("length", locked.plain_len(self.stored_len)).flatten();
        self.metadata = metadata::clear(&self.headers);
        if let Some(policy) = &rule.foreign {
            self.metadata.retain(|name, _| !policy.is_reserved_name(name));
        }
        self.check("allowed by its rule", Ok(()));
    }

    fn check<T>(&mut self, name: &'static str, outcome: Result<T, Error>) -> Option<T> {
        let (value, problem) = match outcome {
            Ok(value) => (Some(value), None),
            Err(error) => (None, Some(error.to_string())),
        };
        self.checks.push(Check { name, problem });
        value
    }
}

impl SealedObjects {
    /// Looks at an object: its envelope, key, metadata and end, and not at its content. `None` when there is no such object.
    ///
    /// # Errors
    /// Why it could not be looked at at all. What is wrong with the object itself is among the checks.
    pub async fn inspect(&self, at: &ObjectRef) -> Result<Option<Inspection>, Error> {
        let rule = self.rule(&at.bucket, &at.key)?;
        let head = self.ask(Method::HEAD, at.uri()?, HeaderMap::new()).await?;
        match head.status() {
            StatusCode::OK => {}
            StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED => return Ok(None),
            status => return Err(Error::Refused { code: status.to_string(), message: "to HEAD".into() }),
        }
        let mut found = Inspection::new(rule, head.into_parts().0.headers)?;
        if rule.contents == Contents::Plain {
            found.plain_len = Some(found.stored_len);
            found.metadata = metadata::clear(&found.headers);
            return Ok(Some(found));
        }
        match metadata::envelope(&found.headers) {
            Ok(None) if self.is_beside(at, &mut found).await? => {}
            Ok(None) => {
                let recognised = self.recognise(at, rule, &found.headers).await;
                if let Ok(Some(locked)) = &recognised {
                    let needs = self.companion_of(at, rule, locked).await.ok().flatten();
                    found.needs = needs.map(|needs| needs.key().to_owned());
                }
                found.is_not_ours(at, rule, recognised);
            }
            envelope => self.inspect_sealed(at, rule, envelope, &mut found).await,
        }
        Ok(Some(found))
    }

    /// Whether an object belongs to another one; then it is looked at as that.
    async fn is_beside(&self, at: &ObjectRef, found: &mut Inspection) -> Result<bool, Error> {
        let Some((beside, owner)) = self.beside_another(at).await? else { return Ok(false) };
        found.format = Format::Beside(beside);
        found.plain_len = Some(found.stored_len);
        found.belongs_to = Some(owner.key);
        let content = self.check_beside(at, beside).await;
        found.check("content", content);
        Ok(true)
    }

    async fn inspect_sealed(
        &self,
        at: &ObjectRef,
        rule: &Rule,
        envelope: Result<Option<Envelope>, Error>,
        found: &mut Inspection,
    ) {
        found.format = Format::Broken;
        let Some(Some(envelope)) = found.check("envelope", envelope) else { return };
        found.format = if envelope.upload() == Upload::Put { Format::Sealed } else { Format::SealedInParts };
        if envelope.upload() == Upload::Put {
            found.plain_len = layout::plain_len(found.stored_len);
        }
        found.wrap = Some(Self::wrap_of(rule, &envelope));
        let Some(keys) = found.check("data key", self.unlock(at, rule, &envelope).await) else { return };
        if let Some(metadata) = found.check("metadata", metadata::opened(&found.headers, &keys)) {
            found.metadata = metadata;
        }
        let facts = self.facts_of(at, rule, &found.headers).await;
        let Some(facts) = found.check("summary", facts) else { return };
        found.plain_len = Some(facts.plain_len);
        found.facts = Some(facts);
        if envelope.upload() == Upload::Multipart {
            let parts = self.parts_of(at, &found.headers).await;
            found.parts = found.check("table of parts", parts).flatten();
        }
    }

    pub(crate) fn wrap_of(rule: &Rule, envelope: &Envelope) -> Wrap {
        let wrapped = envelope.encrypted_data_key();
        Wrap {
            key_id: wrapped.key_id.to_string(),
            algorithm: wrapped.algorithm.to_string(),
            binding: match envelope.binding_mode() {
                envelope::BindingMode::Object => "object",
                envelope::BindingMode::Key => "key",
                envelope::BindingMode::None => "none",
            },
            is_current: Self::is_current(rule, envelope),
        }
    }
}

impl Inspection {
    fn new(rule: &Rule, headers: HeaderMap) -> Result<Self, Error> {
        Ok(Self {
            format: Format::Unsealed,
            store_etag: store_etag(&headers).map(str::to_owned),
            stored_len: content_length(&headers)?,
            headers,
            plain_len: None,
            rule: rule.buckets.clone(),
            belongs_to: None,
            needs: None,
            wrap: None,
            facts: None,
            parts: None,
            metadata: BTreeMap::new(),
            checks: Vec::new(),
        })
    }
}
