//! Multipart uploads: parts sealed in any order, by any number of hands, and put together with a footer that lists them.
//!
//! The client's upload id is a token that carries the envelope, so a part needs nothing but the token to be sealed. What cannot
//! be known beforehand (salts, lengths, digests) is one small sealed record for each part in the [`UploadState`].

mod amazon;
pub(crate) mod answers;
mod choice;
mod complete;
mod holding;
mod listing;
mod part;
mod placement;
mod record;
mod sums;
mod sweep;
mod token;

use http::{HeaderMap, Method, Response};
use quick_xml::escape::escape;

pub(crate) use amazon::Windows;
pub use complete::{CompleteRequest, Completed, NamedPart};
pub(crate) use holding::Announcements;
pub use listing::ListedPart;
pub use part::{PartOutcome, PartRequest};
pub use sweep::Swept;

use self::record::PartRecord;
use self::token::{Checksum, Token};
use crate::policy::WriteFormat;
use crate::store::{self, Body};
use crate::uploads::{BegunUpload, StateError, UploadName, UploadState, now};
use crate::writer::Fresh;
use crate::{ChecksumName, Error, ObjectRef, SealedObjects, metadata, stream, writer};
use envelope::s3ec::ContentKeys;
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

/// An upload whose token was opened.
pub(crate) struct OpenUpload {
    pub(crate) keys: ObjectKeys,
    pub(crate) token: Token,
    pub(crate) name: UploadName,
    /// The keys of the content, when it will be an object in one of Amazon's formats.
    pub(crate) amazon: Option<ContentKeys>,
}

impl SealedObjects {
    /// Begins an upload. Under a rule that does not seal, the id is the store's own.
    ///
    /// # Errors
    /// Why the upload cannot be begun; see [`Error`].
    pub async fn create_upload(&self, mut request: CreateRequest) -> Result<UploadOutcome<Created>, Error> {
        let rule = self.rule(&request.at.bucket, &request.at.key)?;
        rule.check_write()?;
        let client_metadata = metadata::from_client(&request.headers, rule)?;
        let mut sealing = None;
        let mut amazon = None;
        if rule.encrypts() {
            if request.headers.contains_key("x-amz-server-side-encryption-customer-algorithm") {
                return Err(Error::CustomerKey);
            }
            writer::drop_plaintext_facts(&mut request.headers);
            let Fresh { keys, envelope, own } = self.fresh_keys(rule, &request.at, Upload::Multipart).await?;
            if let WriteFormat::S3Ec(format) = rule.format {
                self.placing()?;
                metadata::into_headers(&client_metadata, &mut request.headers)?;
                amazon = Some(self.fresh_amazon_keys(&request.at, rule, format, &mut request.headers).await?);
            } else {
                self.write_envelope(rule, &keys, &envelope, &client_metadata, &mut request.headers)?;
            }
            sealing = Some((keys, own.unwrap_or(envelope)));
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
                let name = UploadName::new(&request.at, &store_id);
                let kept = amazon.as_ref().map(|fresh| self.keep_amazon(&keys, &name, fresh)).transpose()?;
                let token = Token { envelope, store_id, checksum, amazon: kept };
                let text = token.write(&keys, &request.at);
                self.note(&request.at, &token, &text).await?;
                if let Some(file) = amazon.and_then(|fresh| fresh.instruction_file) {
                    self.note_instruction_file(&keys, &name, file).await?;
                }
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
            begun: now(),
        };
        let noted = self.uploads()?.begin(&upload).await;
        if noted.is_err() {
            // Nobody would ever find it again; what remains of it at the store after this is the store's to expire.
            let _ = self.forward_upload(Method::DELETE, at, &token.store_id).await;
        }
        Ok(noted?)
    }

    /// Gives an upload up, at the store and here. The store's own id will do too: listings show it of uploads that are not ours, or
    /// whose state was lost, and giving one up writes nothing.
    ///
    /// # Errors
    /// [`Error::NoSuchUpload`] for a token that is not ours.
    pub async fn abort_upload(&self, at: &ObjectRef, upload_id: &str) -> Result<Response<Body>, Error> {
        let store_id = if Token::is_token(upload_id) {
            self.open_upload(at, upload_id).await?.ok_or(Error::NoSuchUpload)?.token.store_id
        } else {
            self.rule(&at.bucket, &at.key)?;
            upload_id.to_owned()
        };
        let response = self.forward_upload(Method::DELETE, at, &store_id).await?;
        let gone = response.status().is_success() || response.status() == http::StatusCode::NOT_FOUND;
        if gone && let Some(uploads) = &self.uploads {
            let name = UploadName::new(at, &store_id);
            self.windows.forget(&name);
            uploads.forget(&name).await?;
        }
        Ok(response)
    }

    async fn forward_upload(&self, method: Method, at: &ObjectRef, store_id: &str) -> Result<Response<Body>, Error> {
        self.ask(method, at.uri_with(&format!("uploadId={}", crate::encode_value(store_id)))?, HeaderMap::new()).await
    }

    /// Opens a client's upload id; `None` when it is not a token, so that it can only be the store's own.
    pub(crate) async fn open_upload(&self, at: &ObjectRef, upload_id: &str) -> Result<Option<OpenUpload>, Error> {
        let rule = self.rule(&at.bucket, &at.key)?;
        if !Token::is_token(upload_id) {
            // Only where bytes are stored as they come may they be written as the store's own uploads are.
            return if rule.format == WriteFormat::Plain { Ok(None) } else { Err(Error::NoSuchUpload) };
        }
        let token = Token::read(upload_id)?;
        let keys = match self.unlock_upload(at, rule, &token.envelope).await {
            Ok(keys) => keys,
            Err(
                Error::Integrity(_) | Error::KeyRefused { .. } | Error::UnknownKey { .. } | Error::KeyWithheld { .. },
            ) => {
                return Err(Error::NoSuchUpload);
            }
            Err(error) => return Err(error),
        };
        Token::verify(&keys, at, upload_id)?;
        let name = UploadName::new(at, &token.store_id);
        let amazon = token.amazon.as_deref().map(|kept| amazon::content_keys(&keys, &name, kept)).transpose()?;
        Ok(Some(OpenUpload { keys, token, name, amazon }))
    }

    /// The records of up to `parts` parts with numbers above `after`.
    async fn part_records(&self, upload: &OpenUpload, after: u16, parts: usize) -> Result<Vec<PartRecord>, Error> {
        let records = self.uploads()?.records(&upload.name, after, parts).await?;
        records
            .into_iter()
            .map(|(attempt, sealed)| PartRecord::open(&upload.keys, &upload.name, attempt, &sealed))
            .collect()
    }

    pub(crate) fn uploads(&self) -> Result<&dyn UploadState, Error> {
        self.uploads.as_deref().ok_or(Error::NoUploadState)
    }
}

/// The document that begins a store's `CompleteMultipartUpload`.
pub(crate) fn complete_document(parts: &[(u16, String)]) -> String {
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

/// The store's id in an upload id of ours, without a look at whether it is authentic; `None` when it is not ours.
#[must_use]
pub fn store_upload_id(upload_id: &str) -> Option<String> {
    if Token::is_token(upload_id) { Token::read(upload_id).ok().map(|token| token.store_id) } else { None }
}

impl From<StateError> for Error {
    fn from(error: StateError) -> Self {
        match error {
            StateError::Failed(_) | StateError::Closed => Self::Internal(error.to_string()),
            StateError::Full(why) => Self::Busy(why),
            StateError::Store(error) => Self::Store(error),
        }
    }
}
