//! An object that is too large to be copied in one request, copied onto itself in parts: the same parts where the store tells them.
//!
//! Still no content moves through us, and the last step has the same condition.

use futures::{StreamExt as _, TryStreamExt as _};
use http::header::{CONTENT_LENGTH, ETAG, IF_MATCH};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};

use super::in_place::{COPY_SOURCE, COPY_SOURCE_IF_MATCH, source, taken};
use crate::multipart::{PART_LIMIT, PART_MIN, answers, complete_document};
use crate::reader::content_length;
use crate::store::{self, Body};
use crate::{Error, ObjectRef, SealedObjects, encode_value};

/// Requests about parts that are open at the same time.
const FAN_OUT: usize = 8;

const RANGE: HeaderName = HeaderName::from_static("x-amz-copy-source-range");
const PARTS_COUNT: HeaderName = HeaderName::from_static("x-amz-mp-parts-count");

impl SealedObjects {
    /// Copies the object that was seen as `stored` onto itself with `headers`.
    pub(super) async fn copy_in_parts(
        &self,
        at: &ObjectRef,
        mut headers: HeaderMap,
        stored: &HeaderMap,
        copy_limit: u64,
    ) -> Result<HeaderMap, Error> {
        let etag = stored.get(ETAG).ok_or_else(|| Error::BadAnswer("an object without ETag".into()))?;
        let lens = self.part_lens(at, etag, content_length(stored)?, copy_limit).await?;
        if let Some(tags) = self.tags(at, HeaderMap::new(), stored).await? {
            headers.insert(HeaderName::from_static("x-amz-tagging"), tags);
        }
        let (_, begun) = taken(self.ask(Method::POST, at.uri_with("uploads=")?, headers).await?).await?;
        let id = answers::element(&begun, &["InitiateMultipartUploadResult", "UploadId"])?;
        let id = id.ok_or_else(|| Error::BadAnswer("an upload without an id".into()))?;
        let copied = self.copy_every_part(at, &id, etag, &lens).await;
        if copied.is_err() {
            // What remains of it at the store after this is the store's to expire.
            let _ = self.ask(Method::DELETE, at.uri_with(&upload_query(&id))?, HeaderMap::new()).await;
        }
        copied
    }

    async fn copy_every_part(
        &self,
        at: &ObjectRef,
        id: &str,
        etag: &HeaderValue,
        lens: &[u64],
    ) -> Result<HeaderMap, Error> {
        let mut start = 0;
        let mut copies = Vec::with_capacity(lens.len());
        for (number, len) in (1_u16..).zip(lens) {
            copies.push(self.copy_one_part(at, id, number, etag, (start, *len)));
            start += len;
        }
        let parts: Vec<(u16, String)> = futures::stream::iter(copies).buffered(FAN_OUT).try_collect().await?;
        let document = complete_document(&parts);
        let mut request = http::Request::builder().method(Method::POST).uri(at.uri_with(&upload_query(id))?);
        request = request.header(CONTENT_LENGTH, document.len()).header(IF_MATCH, etag.clone());
        let completed: http::Request<Body> = request.body(store::full(document))?;
        let (headers, _) = taken(self.forward(completed).await?).await?;
        Ok(headers)
    }

    async fn copy_one_part(
        &self,
        at: &ObjectRef,
        id: &str,
        number: u16,
        etag: &HeaderValue,
        (start, len): (u64, u64),
    ) -> Result<(u16, String), Error> {
        let range = format!("bytes={start}-{}", start + len - 1);
        let range = HeaderValue::try_from(range).map_err(|error| Error::Internal(error.to_string()))?;
        let headers = HeaderMap::from_iter([
            (COPY_SOURCE, source(at)?),
            (COPY_SOURCE_IF_MATCH, etag.clone()),
            (RANGE, range),
            (CONTENT_LENGTH, HeaderValue::from(0)),
        ]);
        let uri = at.uri_with(&format!("partNumber={number}&{}", upload_query(id)))?;
        let (_, document) = taken(self.ask(Method::PUT, uri, headers).await?).await?;
        let etag = answers::element(&document, &["CopyPartResult", "ETag"])?;
        Ok((number, etag.ok_or_else(|| Error::BadAnswer("a part without an ETag".into()))?))
    }

    /// The lengths of the parts to copy: those in which the object was uploaded if the store tells, else equal ones.
    async fn part_lens(
        &self,
        at: &ObjectRef,
        etag: &HeaderValue,
        stored_len: u64,
        copy_limit: u64,
    ) -> Result<Vec<u64>, Error> {
        let told = self.told_part_lens(at, etag).await?;
        let fits = |lens: &Vec<u64>| {
            lens.iter().all(|len| (1..=copy_limit).contains(len)) && lens.iter().sum::<u64>() == stored_len
        };
        Ok(told.filter(fits).unwrap_or_else(|| equal_lens(stored_len, copy_limit)))
    }

    async fn told_part_lens(&self, at: &ObjectRef, etag: &HeaderValue) -> Result<Option<Vec<u64>>, Error> {
        let (count, first) = match self.told_part(at, etag, 1).await? {
            Some((Some(count), first)) if (2..=PART_LIMIT).contains(&count) => (count, first),
            _ => return Ok(None),
        };
        let rest: Vec<_> = (2..=count).map(|number| self.told_part(at, etag, number)).collect();
        let rest: Vec<_> = futures::stream::iter(rest).buffered(FAN_OUT).try_collect().await?;
        let rest: Option<Vec<u64>> = rest.into_iter().map(|part| part.map(|(_, len)| len)).collect();
        Ok(rest.map(|rest| [vec![first], rest].concat()))
    }

    /// How many parts there are, and the length of this one.
    async fn told_part(
        &self,
        at: &ObjectRef,
        etag: &HeaderValue,
        number: u16,
    ) -> Result<Option<(Option<u16>, u64)>, Error> {
        let headers = HeaderMap::from_iter([(IF_MATCH, etag.clone())]);
        let head = self.ask(Method::HEAD, at.uri_with(&format!("partNumber={number}"))?, headers).await?;
        match head.status() {
            StatusCode::PRECONDITION_FAILED => Err(Error::Replaced),
            status if status.is_success() => {
                let count = head.headers().get(PARTS_COUNT).and_then(|count| count.to_str().ok()?.parse().ok());
                Ok(Some((count, content_length(head.headers())?)))
            }
            _ => Ok(None),
        }
    }
}

/// As few parts of equal length as the limit allows, none below S3's least.
fn equal_lens(stored_len: u64, copy_limit: u64) -> Vec<u64> {
    let len = stored_len.div_ceil(u64::from(PART_LIMIT)).max(copy_limit).max(PART_MIN);
    let whole = (0..stored_len / len).map(|_| len);
    let rest = stored_len % len;
    whole.chain((rest > 0).then_some(rest)).collect()
}

fn upload_query(id: &str) -> String {
    format!("uploadId={}", encode_value(id))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_parts_cover_the_object_once() {
        const MIB: u64 = 1024 * 1024;
        assert_eq!(equal_lens(12 * MIB, 5 * MIB), [5 * MIB, 5 * MIB, 2 * MIB]);
        assert_eq!(equal_lens(10 * MIB, 5 * MIB), [5 * MIB, 5 * MIB]);
        assert_eq!(equal_lens(6 * MIB, MIB), [5 * MIB, MIB]);
        let large = equal_lens(5 << 40, 5 << 30);
        assert_eq!((large.len(), large.iter().sum::<u64>()), (1024, 5 << 40));
    }
}
