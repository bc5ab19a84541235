//! Instruction files: the second object beside an encrypted one that holds its envelope, or the wrapped key of it.
//!
//! They are small, are fetched only where the rule looks at them, and cannot be pinned to a version of their object:
//! only a key commitment in the object itself notices that one was exchanged.

use bytes::Bytes;
use envelope::s3ec::{self, MAX_JSON_LEN};
use http::{HeaderMap, Method, Response, StatusCode};

use super::ForeignPolicy;
use crate::store::Body;
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

/// Reads a body that is no longer than an instruction file may be.
pub(super) async fn bounded(response: Response<Body>) -> Result<Bytes, Error> {
    let body = stream::collect(response.into_body(), MAX_JSON_LEN).await;
    body.map_err(|error| Error::Integrity(format!("the instruction file cannot be read: {error}")))
}

/// Whether these bytes are an instruction file. Nothing else may be read in the place of one.
pub(super) fn check(body: &[u8]) -> Result<(), Error> {
    s3ec::check_instruction_file(body).map_err(|error| Error::Integrity(error.to_string()))
}
