//! All facts of an object at once: those of its headers, its summary and its parts.

use std::sync::Arc;

use http::{HeaderMap, Response};

use super::{OpenRequest, Opened};
use crate::store::Body;
use crate::{Error, Facts, ObjectRef, SealedObjects};

/// What is known of an object.
pub struct Attributes {
    /// The store's answer headers.
    pub headers: HeaderMap,
    /// The ETag that clients are shown.
    pub etag: Option<String>,
    /// The plaintext length.
    pub plain_len: u64,
    /// The summary's facts, of objects of ours.
    pub facts: Option<Arc<Facts>>,
    /// Number and plaintext length of every part, of objects uploaded in parts.
    pub parts: Option<Vec<(u16, u64)>>,
}

impl SealedObjects {
    /// Learns all about an object without its content; or the store's answer when there is no object.
    ///
    /// # Errors
    /// Why the stored object cannot be opened; see [`Error`].
    pub async fn attributes(
        &self,
        at: &ObjectRef,
        headers: HeaderMap,
    ) -> Result<Result<Attributes, Response<Body>>, Error> {
        let request = OpenRequest { at: at.clone(), want: None, part: None, headers, checksums: true };
        let object = match self.head(request).await? {
            Opened::Object(object) => object,
            Opened::Answer(answer) => return Ok(Err(answer)),
            Opened::Unsatisfiable { .. } => return Err(Error::BadAnswer("a range nobody asked for".into())),
        };
        let headers = object.headers;
        let parts = if object.sealed { self.parts_of(at, &headers).await? } else { None };
        Ok(Ok(Attributes { headers, etag: object.etag, plain_len: object.plain_len, facts: object.facts, parts }))
    }
}
