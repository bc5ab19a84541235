//! The room's one object: a store, the rules, and what every operation on them shares.

use std::sync::Arc;

use envelope::{Binding, Envelope, KeyId, ObjectKeys};
use http::{HeaderMap, Method, Request, Response, Uri};
use keyring::WrappingKey;

use crate::facts::{FactsCache, FactsFile};
use crate::foreign::{Buffers, Failures, VerifiedCache};
use crate::multipart::{Announcements, Windows};
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
    pub(crate) announcements: Arc<Announcements>,
    pub(crate) windows: Arc<Windows>,
    pub(crate) equal_parts: bool,
    pub(crate) buffers: Arc<Buffers>,
    pub(crate) verified: Arc<VerifiedCache>,
    pub(crate) failures: Arc<Failures>,
}

impl SealedObjects {
    /// Objects on `store`, written and read as `policies` say, with keys and nonces from `random`.
    #[must_use]
    pub fn new(store: Arc<dyn Store>, policies: PolicyTable, random: Arc<dyn Random>) -> Self {
        Self {
            store,
            policies: Arc::new(policies),
            random,
            facts: Arc::new(FactsCache::new(None)),
            uploads: None,
            announcements: Arc::new(Announcements::new()),
            windows: Arc::new(Windows::new()),
            equal_parts: false,
            buffers: Arc::new(Buffers::new()),
            verified: Arc::new(VerifiedCache::new()),
            failures: Arc::new(Failures::new()),
        }
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

    /// The same, for a store that demands that all parts of an upload but the last have the same size.
    #[must_use]
    pub fn with_equal_parts(mut self) -> Self {
        self.equal_parts = true;
        self
    }

    /// The same store, and all that is remembered of it and of uploads under way, with other rules and keys.
    ///
    /// What was proved about objects of other programs was proved with the former keys and under the former rules, so it is
    /// forgotten; everything else that is remembered is used only when a data key was unwrapped, or says what listings show.
    #[must_use]
    pub fn with_policies(&self, policies: PolicyTable) -> Self {
        let verified = Arc::new(VerifiedCache::new());
        Self { policies: Arc::new(policies), verified, ..self.clone() }
    }

    /// Tries every key that wraps what is written under some rule, and says how it went: [`Error::KeyUnavailable`] when that
    /// cannot be told for now, otherwise why it would not wrap and unwrap.
    pub async fn check_keys(&self) -> Vec<(KeyId, Result<(), Error>)> {
        let check = |key: Arc<dyn WrappingKey>| async move {
            let checked = key.check().await.map_err(Error::from);
            (key.id().clone(), checked)
        };
        futures::future::join_all(self.policies.primaries().into_iter().map(check)).await
    }

    /// Sends a request that sealing does not concern and hands back the store's answer.
    ///
    /// # Errors
    /// [`Error::Store`] when there was no answer.
    pub async fn forward(&self, request: Request<Body>) -> Result<Response<Body>, Error> {
        Ok(self.store.send(request).await?)
    }

    pub(crate) fn rule(&self, bucket: &str, key: &str) -> Result<&Rule, Error> {
        if self.is_reserved(key) {
            return Err(Error::Reserved);
        }
        self.policies.rule(bucket, key).ok_or_else(|| Error::NoRule { bucket: bucket.to_owned() })
    }

    /// Unwraps the data key of a sealed object and checks that it is the one that sealed it.
    pub(crate) async fn unlock(&self, at: &ObjectRef, rule: &Rule, envelope: &Envelope) -> Result<ObjectKeys, Error> {
        let key = rule.keyring.unwrap(envelope.encrypted_data_key(), &binding(at, rule, envelope)?).await;
        let key = key.map_err(|error| rule.blame(error))?;
        envelope.unlock(&key).map_err(|error| Error::Integrity(error.to_string()))
    }

    /// The same for an upload that is under way.
    pub(crate) async fn unlock_upload(
        &self,
        at: &ObjectRef,
        rule: &Rule,
        envelope: &Envelope,
    ) -> Result<ObjectKeys, Error> {
        let key = rule.keyring.unwrap_for_upload(envelope.encrypted_data_key(), &binding(at, rule, envelope)?).await;
        let key = key.map_err(|error| rule.blame(error))?;
        envelope.unlock(&key).map_err(|error| Error::Integrity(error.to_string()))
    }

    pub(crate) async fn ask(&self, method: Method, uri: Uri, headers: HeaderMap) -> Result<Response<Body>, Error> {
        let mut request = Request::builder().method(method).uri(uri).body(store::empty())?;
        *request.headers_mut() = headers;
        self.forward(request).await
    }
}

/// What the wrap of an object at this name must be bound to.
fn binding(at: &ObjectRef, rule: &Rule, envelope: &Envelope) -> Result<Binding, Error> {
    let binding = Binding::new(envelope.binding_mode(), rule.identity_of(&at.bucket), &at.key);
    binding.map_err(|error| Error::Integrity(error.to_string()))
}
