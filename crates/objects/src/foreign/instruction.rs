//! Instruction files: the second object beside an encrypted one that holds its envelope, or the wrapped key of it.
//!
//! They are small, are fetched only where the rule looks at them, and cannot be pinned to a version of their object:
//! only a key commitment in the object itself notices that one was exchanged.

use bytes::Bytes;
use envelope::s3ec::{self, MAX_JSON_LEN};
use http::header::CONTENT_LENGTH;
use http::{HeaderMap, Method, Request, Response, StatusCode};

use super::ForeignPolicy;
use crate::policy::Rule;
use crate::store::{self, Body};
use crate::{Error, ObjectRef, SealedObjects, stream};

impl SealedObjects {
    /// The body of an object's instruction file; `None` when there is none.
    pub(super) async fn instruction_file(
        &self,
        at: &ObjectRef,
        policy: &ForeignPolicy,
    ) -> Result<Option<Bytes>, Error> {
        let file = ObjectRef { bucket: at.bucket.clone(), key: policy.instruction_key(&at.key), version: None };
        let response = self.ask(Method::GET, file.uri()?, HeaderMap::new()).await?;
        match response.status() {
            StatusCode::OK => bounded(response).await.map(Some),
            StatusCode::NOT_FOUND => Ok(None),
            status => Err(Error::Integrity(format!("the instruction file cannot be read: {status}"))),
        }
    }
}

impl SealedObjects {
    /// Stores the instruction file of an object that was just stored, with what `fields` say of how the store keeps it.
    ///
    /// The object comes first: what is refused must not cost the object before it its key. Between the two the new object
    /// cannot be read.
    ///
    /// # Errors
    /// [`Error::Store`] or [`Error::BadAnswer`] when it could not be stored: the object has to be written again.
    pub(crate) async fn put_instruction_file(
        &self,
        at: &ObjectRef,
        rule: &Rule,
        fields: &HeaderMap,
        body: String,
    ) -> Result<(), Error> {
        let Some(policy) = rule.foreign.as_deref() else { return Ok(()) };
        let file = ObjectRef { bucket: at.bucket.clone(), key: policy.instruction_key(&at.key), version: None };
        let mut request = Request::builder().method(Method::PUT).uri(file.uri()?);
        for (name, value) in fields.iter().filter(|(name, _)| goes_along(name.as_str())) {
            request = request.header(name, value);
        }
        let request = request.header(CONTENT_LENGTH, body.len()).header(MARK, "").body(store::full(body))?;
        let answer = self.forward(request).await?;
        if answer.status().is_success() {
            return Ok(());
        }
        Err(Error::BadAnswer(format!(
            "the object was stored and its instruction file was not ({}); write the object again",
            answer.status()
        )))
    }

    /// Whether an object may have an instruction file that goes with it.
    #[must_use]
    pub fn may_have_instruction_file(&self, at: &ObjectRef) -> bool {
        self.companion(at).is_some()
    }

    fn companion(&self, at: &ObjectRef) -> Option<ObjectRef> {
        let rule = self.rule(&at.bucket, &at.key).ok()?;
        let policy = rule.foreign.as_deref().filter(|policy| policy.uses_instruction_files())?;
        let is_one = at.key.ends_with(&policy.instruction_suffix);
        let key = policy.instruction_key(&at.key);
        // A version that goes for good may not be the one whose file is there now.
        (!is_one && at.version.is_none()).then(|| ObjectRef { bucket: at.bucket.clone(), key, version: None })
    }

    /// Removes the instruction file of an object that was just removed, where there may be one.
    pub async fn forget_instruction_file(&self, at: &ObjectRef) {
        let Some(file) = self.companion(at) else { return };
        let Ok(uri) = file.uri() else { return };
        match self.ask(Method::DELETE, uri, HeaderMap::new()).await {
            Ok(answer) if answer.status().is_success() || answer.status() == StatusCode::NOT_FOUND => {}
            Ok(answer) => {
                tracing::warn!(status = %answer.status(), "the instruction file of a removed object is still there");
            }
            Err(error) => {
                tracing::warn!(%error, "the instruction file of a removed object is still there");
            }
        }
    }
}

/// Says what the object is; readers do not ask for it.
pub(crate) const MARK: &str = "x-amz-meta-x-amz-crypto-instr-file";

/// Who may read it and how the store keeps it are as for its object, but for a key of the client's own: reads of the file have none.
fn goes_along(name: &str) -> bool {
    name == "x-amz-acl"
        || name.starts_with("x-amz-grant-")
        || name == "x-amz-storage-class"
        || (name.starts_with("x-amz-server-side-encryption") && !name.contains("-customer-"))
        || name == "x-amz-expected-bucket-owner"
        || name == "x-amz-request-payer"
}

/// Reads a body that is no longer than an instruction file may be.
pub(super) async fn bounded(response: Response<Body>) -> Result<Bytes, Error> {
    let body = stream::collect(response.into_body(), MAX_JSON_LEN).await;
    body.map_err(|error| Error::Integrity(format!("the instruction file cannot be read: {error}")))
}

/// Whether these bytes are an instruction file. Nothing else may be read in the place of one.
pub(super) fn check(body: &[u8]) -> Result<(), Error> {
    s3ec::check_instruction_file(body).map_err(|error| Error::Integrity(error.to_string()))
}
