//! Names that are kept for ourselves where the state of uploads lies in the buckets: clients neither see nor touch them.
//!
//! Knows names and listings, and nothing of what lies under the names.

use bytes::Bytes;
use http::{HeaderMap, Method, Response, StatusCode};

use crate::answers::{rewrite_elements, without_elements};
use crate::multipart::answers::elements;
use crate::store::Body;
use crate::{Error, SealedObjects};

/// What every reserved name begins with.
pub(crate) const PREFIX: &str = ".sealgate/";

/// Where the state of unfinished uploads is.
pub(crate) const UPLOADS: &str = ".sealgate/uploads/";

/// A listing without this in it has nothing to hide, however it encodes names.
const TRACE: &[u8] = b"sealgate";

impl SealedObjects {
    /// Whether `key` is kept for ourselves.
    #[must_use]
    pub fn is_reserved(&self, key: &str) -> bool {
        key.starts_with(PREFIX) && self.uploads.as_ref().is_some_and(|uploads| uploads.is_in_buckets())
    }

    /// Deletes a bucket that is empty to clients. The state of uploads that are unfinished in it goes with it.
    ///
    /// # Errors
    /// [`Error::Store`] when there was no answer, or why the state cannot be removed.
    pub async fn delete_bucket(&self, bucket: &str, headers: HeaderMap) -> Result<Response<Body>, Error> {
        let answer = self.ask(Method::DELETE, crate::bucket_uri(bucket, "")?, headers.clone()).await?;
        let Some(uploads) = self.uploads.as_ref().filter(|_| answer.status() == StatusCode::CONFLICT) else {
            return Ok(answer);
        };
        if !uploads.clear(bucket).await? {
            return Ok(answer);
        }
        self.ask(Method::DELETE, crate::bucket_uri(bucket, "")?, headers).await
    }

    /// A store's page of a listing as clients may see it. It may be shorter; its tokens stay.
    pub(crate) fn without_reserved(&self, page: Bytes) -> Result<Bytes, Error> {
        let traces = || page.windows(TRACE.len()).any(|window| window == TRACE);
        if self.is_reserved(PREFIX) && traces() { hidden(&page) } else { Ok(page) }
    }
}

fn hidden(page: &[u8]) -> Result<Bytes, Error> {
    const V2: &str = "ListBucketResult";
    const VERSIONS: &str = "ListVersionsResult";
    const UPLOADS: &str = "ListMultipartUploadsResult";
    const ENTRIES: [&[&str]; 7] = [
        &[V2, "Contents", "Key"],
        &[V2, "CommonPrefixes", "Prefix"],
        &[VERSIONS, "Version", "Key"],
        &[VERSIONS, "DeleteMarker", "Key"],
        &[VERSIONS, "CommonPrefixes", "Prefix"],
        &[UPLOADS, "Upload", "Key"],
        &[UPLOADS, "CommonPrefixes", "Prefix"],
    ];
    let mut encoded = false;
    for root in [V2, VERSIONS, UPLOADS] {
        encoded |= elements(page, &[root, "EncodingType"])?.iter().any(|encoding| encoding == "url");
    }
    let ours = |name: &str| {
        name.starts_with(PREFIX)
            || (encoded && percent_encoding::percent_decode_str(name).decode_utf8_lossy().starts_with(PREFIX))
    };
    let (page, count) = without_elements(page, &ENTRIES, ours)?;
    let shorter = |value: &str| Some(value.trim().parse::<usize>().ok()?.saturating_sub(count).to_string());
    Ok(Bytes::from(rewrite_elements(page.as_bytes(), &[V2, "KeyCount"], shorter)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(page: &str) -> String {
        String::from_utf8(hidden(page.as_bytes()).unwrap().to_vec()).unwrap()
    }

    #[test]
    fn a_page_of_objects_loses_what_is_reserved_and_counts_the_rest() {
        let page = "<ListBucketResult><KeyCount>3</KeyCount><NextContinuationToken>t</NextContinuationToken>\
            <Contents><Key>.sealgate/uploads/0/upload</Key><Size>1</Size></Contents><Contents><Key>.sealgates</Key></Contents>\
            <CommonPrefixes><Prefix>.sealgate/</Prefix></CommonPrefixes></ListBucketResult>";
        let wanted = "<ListBucketResult><KeyCount>1</KeyCount><NextContinuationToken>t</NextContinuationToken>\
            <Contents><Key>.sealgates</Key></Contents></ListBucketResult>";
        assert_eq!(shown(page), wanted);
    }

    #[test]
    fn versions_delete_markers_and_uploads_are_hidden_too() {
        let page = "<ListVersionsResult><Version><Key>.sealgate/a</Key></Version><DeleteMarker><Key>.sealgate/a</Key></DeleteMarker>\
            <Version><Key>a</Key></Version></ListVersionsResult>";
        assert_eq!(shown(page), "<ListVersionsResult><Version><Key>a</Key></Version></ListVersionsResult>");
        let page = "<ListMultipartUploadsResult><Upload><UploadId>1</UploadId><Key>.sealgate/a</Key></Upload></ListMultipartUploadsResult>";
        assert_eq!(shown(page), "<ListMultipartUploadsResult></ListMultipartUploadsResult>");
    }

    #[test]
    fn encoded_names_are_decoded_where_the_page_says_so() {
        let page = |encoding: &str| {
            format!("<ListBucketResult>{encoding}<Contents><Key>%2Esealgate%2Fx</Key></Contents></ListBucketResult>")
        };
        assert!(!shown(&page("<EncodingType>url</EncodingType>")).contains("Key"));
        assert_eq!(shown(&page("")), page(""));
    }
}
