//! Multipart uploads: parts sealed in any order, by any number of hands, and put together with a footer that lists them.
//!
//! The client's upload id is a token that carries the envelope, so a part needs nothing but the token to be sealed. What cannot
//! be known beforehand (salts, lengths, digests) is one small sealed record for each part in the [`UploadState`].

mod answers;
mod complete;
mod part;
mod record;
mod token;

use http::{HeaderMap, Method, Response};
use quick_xml::escape::escape;

pub use complete::{CompleteRequest, Completed, NamedPart};
pub use part::{PartOutcome, PartRequest};

use self::record::PartRecord;
use self::token::{Checksum, Token};
use crate::store::{self, Body};
use crate::uploads::{BegunUpload, UploadName, UploadState};
use crate::{ChecksumName, Error, ObjectRef, SealedObjects, metadata, stream, writer};
use envelope::{ChecksumType, ObjectKeys, Upload};

/// The store's answers about uploads are documents of at most this many bytes.
const ANSWER_LIMIT: usize = 64 * 1024;

/// S3's highest part number.
pub(crate) const PART_LIMIT: u16 = 10_000;

/// Below this a part can only be the last one (S3 refuses it elsewhere).
pub(crate) const PART_MIN: u64 = 5 * 1024 * 1024;

/// An upload to begin.
pub struct CreateRequest {
    /// Where the object will be.
    pub at: ObjectRef,
    /// The client's headers that the store is to see, and the client's metadata.
    pub headers: HeaderMap,
    /// The checksum the client chose for the object.
    pub checksum: Option<(ChecksumName, ChecksumType)>,
}

/// How a request about an upload ended.
pub enum UploadOutcome<T> {
    /// It was done.
    Done(T),
    /// The store answered otherwise.
    Answer(Response<Body>),
}

/// An upload that was begun.
pub struct Created {
    /// The id for the client.
    pub upload_id: String,
    /// The store's answer headers.
    pub headers: HeaderMap,
}

/// A part as listings show it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedPart {
    /// Its number.
    pub number: u16,
    /// Its plaintext length.
    pub plain_len: u64,
    /// Its ETag as the client knows it.
    pub etag: String,
    /// When it was received, in seconds since 1970.
    pub modified: i64,
    /// Its checksums.
    pub checksums: std::collections::BTreeMap<ChecksumName, Vec<u8>>,
}

/// An upload whose token was opened.
pub(crate) struct OpenUpload {
    pub(crate) keys: ObjectKeys,
    pub(crate) token: Token,
    pub(crate) name: UploadName,
}

impl SealedObjects {
    /// Begins an upload. Under a rule that does not seal, the id is the store's own.
    ///
    /// # Errors
    /// Why the upload cannot be begun; see [`Error`].
    pub async fn create_upload(&self, mut request: CreateRequest) -> Result<UploadOutcome<Created>, Error> {
        let rule = self.rule(&request.at.bucket, &request.at.key)?;
        let client_metadata = metadata::from_client(&request.headers)?;
        let mut sealing = None;
        if rule.seal {
            writer::drop_plaintext_facts(&mut request.headers);
            let fresh =
                self.fresh_envelope(rule, &request.at, Upload::Multipart, &client_metadata, &mut request.headers);
            sealing = Some(fresh.await?);
        }
        metadata::check_size(&request.headers)?;
        let response = self.ask(Method::POST, request.at.uri_with("uploads=")?, request.headers).await?;
        let (parts, body) = response.into_parts();
        let answer = stream::collect(body, ANSWER_LIMIT).await.map_err(unreadable)?;
        if !parts.status.is_success() {
            return Ok(UploadOutcome::Answer(Response::from_parts(parts, store::full(answer))));
        }
        let store_id = answers::element(&answer, &["InitiateMultipartUploadResult", "UploadId"])?;
        let store_id = store_id.ok_or_else(|| Error::BadAnswer("an upload without an id".into()))?;
        let upload_id = match sealing {
            None => store_id,
            Some((keys, envelope)) => {
                let checksum = request.checksum.map(|(name, kind)| Checksum { name, kind });
                let token = Token { envelope, store_id, checksum };
                let text = token.write(&keys, &request.at);
                self.note(&request.at, &token, &text).await?;
                text
            }
        };
        Ok(UploadOutcome::Done(Created { upload_id, headers: parts.headers }))
    }

    async fn note(&self, at: &ObjectRef, token: &Token, text: &str) -> Result<(), Error> {
        let upload = BegunUpload {
            bucket: at.bucket.clone(),
            key: at.key.clone(),
            store_id: token.store_id.clone(),
            token: text.to_owned(),
        };
        Ok(self.uploads()?.begin(&UploadName::new(at, &token.store_id), &upload).await?)
    }

    /// Gives an upload up, at the store and here.
    ///
    /// # Errors
    /// [`Error::NoSuchUpload`] for an id that is not ours.
    pub async fn abort_upload(&self, at: &ObjectRef, upload_id: &str) -> Result<Response<Body>, Error> {
        let Some(upload) = self.open_upload(at, upload_id).await? else {
            return self.forward_upload(Method::DELETE, at, upload_id).await;
        };
        let response = self.forward_upload(Method::DELETE, at, &upload.token.store_id).await?;
        if response.status().is_success() || response.status() == http::StatusCode::NOT_FOUND {
            self.uploads()?.forget(&upload.name).await?;
        }
        Ok(response)
    }

    async fn forward_upload(&self, method: Method, at: &ObjectRef, store_id: &str) -> Result<Response<Body>, Error> {
        self.ask(method, at.uri_with(&format!("uploadId={}", crate::encode_value(store_id)))?, HeaderMap::new()).await
    }

    /// All parts of an upload of ours, by number; `None` when the id is the store's own.
    ///
    /// # Errors
    /// [`Error::NoSuchUpload`] for an id that is not ours or was finished.
    pub async fn uploaded_parts(&self, at: &ObjectRef, upload_id: &str) -> Result<Option<Vec<ListedPart>>, Error> {
        let Some(upload) = self.open_upload(at, upload_id).await? else { return Ok(None) };
        if self.uploads()?.find(&upload.name).await?.is_none() {
            return Err(Error::NoSuchUpload);
        }
        let records = self.part_records(&upload).await?;
        Ok(Some(records.into_iter().map(PartRecord::listed).collect()))
    }

    /// The store's page of unfinished uploads, with the ids that clients know.
    ///
    /// # Errors
    /// [`Error::BadAnswer`] when it is no such page.
    pub async fn list_uploads(&self, bucket: &str, query: &str, headers: HeaderMap) -> Result<Response<Body>, Error> {
        let response = self.ask(Method::GET, crate::bucket_uri(bucket, query)?, headers).await?;
        if !response.status().is_success() {
            return Ok(response);
        }
        let (mut parts, body) = response.into_parts();
        let page = stream::collect(body, 16 * 1024 * 1024).await.map_err(unreadable)?;
        let mut tokens = Vec::new();
        for (key, store_id) in answers::listed_uploads(&page)? {
            let at = ObjectRef { bucket: bucket.to_owned(), key, version: None };
            let known = self.uploads()?.find(&UploadName::new(&at, &store_id)).await?;
            tokens.push(known.map_or(store_id, |upload| upload.token));
        }
        let mut tokens = tokens.into_iter();
        let page =
            crate::rewrite_elements(&page, &["ListMultipartUploadsResult", "Upload", "UploadId"], |_| tokens.next())?;
        parts.headers.insert(http::header::CONTENT_LENGTH, page.len().into());
        Ok(Response::from_parts(parts, store::full(page)))
    }

    /// Opens a client's upload id; `None` when it is not a token, so that it can only be the store's own.
    pub(crate) async fn open_upload(&self, at: &ObjectRef, upload_id: &str) -> Result<Option<OpenUpload>, Error> {
        let rule = self.rule(&at.bucket, &at.key)?;
        if !Token::is_token(upload_id) {
            // Under a rule that seals, nothing may be written but what is sealed.
            return if rule.seal { Err(Error::NoSuchUpload) } else { Ok(None) };
        }
        let token = Token::read(upload_id)?;
        let keys = match self.unlock(at, rule, &token.envelope).await {
            Ok(keys) => keys,
            Err(Error::Integrity(_) | Error::KeyRefused { .. } | Error::UnknownKey { .. }) => {
                return Err(Error::NoSuchUpload);
            }
            Err(error) => return Err(error),
        };
        Token::verify(&keys, at, upload_id)?;
        let name = UploadName::new(at, &token.store_id);
        Ok(Some(OpenUpload { keys, token, name }))
    }

    pub(crate) async fn part_records(&self, upload: &OpenUpload) -> Result<Vec<PartRecord>, Error> {
        let records = self.uploads()?.records(&upload.name).await?;
        records
            .into_iter()
            .map(|(number, sealed)| PartRecord::open(&upload.keys, &upload.name, number, &sealed))
            .collect()
    }

    pub(crate) fn uploads(&self) -> Result<&dyn UploadState, Error> {
        self.uploads.as_deref().ok_or(Error::NoUploadState)
    }
}

/// The document that begins a store's `CompleteMultipartUpload`.
fn complete_document(parts: &[(u16, String)]) -> String {
    let part = |(number, etag): &(u16, String)| {
        format!("<Part><PartNumber>{number}</PartNumber><ETag>{}</ETag></Part>", escape(etag))
    };
    let parts: String = parts.iter().map(part).collect();
    format!(
        "<CompleteMultipartUpload xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">{parts}</CompleteMultipartUpload>"
    )
}

#[expect(clippy::needless_pass_by_value, reason = "the shape that map_err wants")]
fn unreadable(error: crate::BoxError) -> Error {
    Error::BadAnswer(error.to_string())
}

impl From<crate::uploads::StateError> for Error {
    fn from(error: crate::uploads::StateError) -> Self {
        Self::Internal(error.to_string())
    }
}
