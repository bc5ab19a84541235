//! The room's one object: a store, the rules, and what every operation on them shares.

use std::sync::Arc;

use envelope::{Binding, Envelope, ObjectKeys};
use http::{HeaderMap, Method, Request, Response, Uri};

use crate::facts::{FactsCache, FactsFile};
use crate::policy::{PolicyTable, Rule};
use crate::store::{self, Body, Store};
use crate::{Error, ObjectRef, Random, UploadState};

/// Sealed objects on a store.
#[derive(Clone)]
pub struct SealedObjects {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) policies: Arc<PolicyTable>,
    pub(crate) random: Arc<dyn Random>,
    pub(crate) facts: Arc<FactsCache>,
    pub(crate) uploads: Option<Arc<dyn UploadState>>,
}

impl SealedObjects {
    /// Objects on `store`, written and read as `policies` say, with keys and nonces from `random`.
    #[must_use]
    pub fn new(store: Arc<dyn Store>, policies: PolicyTable, random: Arc<dyn Random>) -> Self {
        Self { store, policies: Arc::new(policies), random, facts: Arc::new(FactsCache::new(None)), uploads: None }
    }

    /// The same, with a place for the state of unfinished multipart uploads. Without one, uploads fail.
    #[must_use]
    pub fn with_uploads(mut self, uploads: Arc<dyn UploadState>) -> Self {
        self.uploads = Some(uploads);
        self
    }

    /// The same, with facts about objects remembered beyond the life of the process.
    #[must_use]
    pub fn with_facts(mut self, file: FactsFile) -> Self {
        self.facts = Arc::new(FactsCache::new(Some(file)));
        self
    }

    /// Sends a request that sealing does not concern and hands back the store's answer.
    ///
    /// # Errors
    /// [`Error::Store`] when there was no answer.
    pub async fn forward(&self, request: Request<Body>) -> Result<Response<Body>, Error> {
        Ok(self.store.send(request).await?)
    }

    pub(crate) fn rule(&self, bucket: &str, key: &str) -> Result<&Rule, Error> {
        self.policies.rule(bucket, key).ok_or_else(|| Error::NoRule { bucket: bucket.to_owned() })
    }

    /// Unwraps the data key of a sealed object and checks that it is the one that sealed it.
    pub(crate) async fn unlock(&self, at: &ObjectRef, rule: &Rule, envelope: &Envelope) -> Result<ObjectKeys, Error> {
        let binding = Binding::new(envelope.binding_mode(), rule.identity_of(&at.bucket), &at.key);
        let binding = binding.map_err(|error| Error::Integrity(error.to_string()))?;
        let key = self.policies.keyring().unwrap(envelope.encrypted_data_key(), &binding).await?;
        envelope.unlock(&key).map_err(|error| Error::Integrity(error.to_string()))
    }

    pub(crate) async fn ask(&self, method: Method, uri: Uri, headers: HeaderMap) -> Result<Response<Body>, Error> {
        let mut request = Request::builder().method(method).uri(uri).body(store::empty())?;
        *request.headers_mut() = headers;
        self.forward(request).await
    }
}
