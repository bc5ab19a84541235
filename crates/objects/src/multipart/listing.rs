//! What clients may see of unfinished uploads: their parts as records have them, and the store's pages with the clients' ids.

use futures::{StreamExt as _, TryStreamExt as _};
use http::{HeaderMap, Method, Response};

use super::record::PartRecord;
use super::{answers, unreadable};
use crate::store::{self, Body};
use crate::uploads::UploadName;
use crate::{ChecksumName, Error, ObjectRef, SealedObjects, stream};

/// Questions about the uploads of a page that are open at the same time.
const FAN_OUT: usize = 16;

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

impl SealedObjects {
    /// Up to `limit` parts of an upload of ours with numbers above `after`, and whether more follow; `None` when the id is the
    /// store's own.
    ///
    /// # Errors
    /// [`Error::NoSuchUpload`] for an id that is not ours or was finished.
    pub async fn uploaded_parts(
        &self,
        at: &ObjectRef,
        upload_id: &str,
        after: u16,
        limit: usize,
    ) -> Result<Option<(Vec<ListedPart>, bool)>, Error> {
        let Some(upload) = self.open_upload(at, upload_id).await? else { return Ok(None) };
        if self.uploads()?.find(&upload.name).await?.is_none() {
            return Err(Error::NoSuchUpload);
        }
        let records = self.part_records(&upload, after, limit.saturating_add(1)).await?;
        let mut parts: Vec<ListedPart> = Vec::new();
        for part in records.into_iter().map(PartRecord::listed) {
            // Of attempts that raced, the last one is shown.
            parts.pop_if(|earlier| earlier.number == part.number);
            parts.push(part);
        }
        let truncated = limit > 0 && parts.len() > limit;
        parts.truncate(limit);
        Ok(Some((parts, truncated)))
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
        let page = self.without_reserved(page)?;
        let ids: Vec<_> =
            answers::listed_uploads(&page)?.into_iter().map(|(key, id)| self.known_id(bucket, key, id)).collect();
        let ids: Vec<String> = futures::stream::iter(ids).buffered(FAN_OUT).try_collect().await?;
        let mut ids = ids.into_iter();
        let page =
            crate::rewrite_elements(&page, &["ListMultipartUploadsResult", "Upload", "UploadId"], |_| ids.next())?;
        parts.headers.insert(http::header::CONTENT_LENGTH, page.len().into());
        Ok(Response::from_parts(parts, store::full(page)))
    }

    /// The id that clients know of an upload; the store's own when it is not ours.
    async fn known_id(&self, bucket: &str, key: String, store_id: String) -> Result<String, Error> {
        let at = ObjectRef { bucket: bucket.to_owned(), key, version: None };
        let Some(uploads) = &self.uploads else { return Ok(store_id) };
        let known = uploads.find(&UploadName::new(&at, &store_id)).await?;
        Ok(known.map_or(store_id, |upload| upload.token))
    }
}
