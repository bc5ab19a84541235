//! The store's listing as programs walk it: page after page, every object or every version once.
//!
//! Unlike [`SealedObjects::list`] it asks no object what it is, and shows what the store has: stored lengths, keys as they are.

use http::{HeaderMap, Method, StatusCode};

use crate::answers::Listing;
use crate::multipart::answers::elements;
use crate::{Error, ObjectRef, SealedObjects, bucket_uri, encode_value, error_code, stream};

/// A page of 1,000 keys of 1,024 bytes, each byte encoded, stays well below this.
const PAGE_LIMIT: usize = 16 * 1024 * 1024;

/// What is walked.
#[derive(Debug, Clone)]
pub struct Walk {
    /// The bucket.
    pub bucket: String,
    /// The keys concerned begin with this; empty for all.
    pub prefix: String,
    /// Whether every version is walked, not only the latest of each object.
    pub versions: bool,
    /// Where to go on: only keys behind this one.
    pub after: Option<String>,
}

/// Where the next page begins, as the store says it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cursor(String);

/// An object of a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Walked {
    /// Its name, with its version where versions are walked.
    pub at: ObjectRef,
    /// Its length at the store.
    pub stored_len: u64,
}

/// A page of a walk.
#[derive(Debug)]
pub struct WalkPage {
    /// What is on it, in the store's order: by key.
    pub objects: Vec<Walked>,
    /// The next page, if there is one.
    pub next: Option<Cursor>,
}

impl SealedObjects {
    /// A page of a walk: the first, or the one at `cursor`.
    ///
    /// # Errors
    /// [`Error::Refused`] in the store's words, or why there was no listing.
    pub async fn walk(&self, walk: &Walk, cursor: Option<&Cursor>) -> Result<WalkPage, Error> {
        let uri = bucket_uri(&walk.bucket, &walk.query(cursor))?;
        let response = self.ask(Method::GET, uri, HeaderMap::new()).await?;
        let status = response.status();
        let page = stream::collect(response.into_body(), PAGE_LIMIT).await;
        let page = page.map_err(|error| Error::BadAnswer(error.to_string()))?;
        if status != StatusCode::OK {
            let (code, message) = error_code(&page).unwrap_or_else(|| (status.to_string(), String::new()));
            return Err(Error::Refused { code, message });
        }
        let page = self.without_reserved(page)?;
        let objects = Listing::parse(&page)?.objects.into_iter().map(|object| Walked {
            at: ObjectRef { bucket: walk.bucket.clone(), key: object.key, version: object.version },
            stored_len: object.stored_len,
        });
        Ok(WalkPage { objects: objects.collect(), next: walk.next(&page)? })
    }
}

impl Walk {
    fn query(&self, cursor: Option<&Cursor>) -> String {
        let kind = if self.versions { "versions=" } else { "list-type=2" };
        let begin = if self.versions { "key-marker" } else { "start-after" };
        let place = match (cursor, &self.after) {
            (Some(Cursor(cursor)), _) => cursor.clone(),
            (None, Some(after)) => format!("&{begin}={}", encode_value(after)),
            (None, None) => String::new(),
        };
        format!("{kind}&encoding-type=url&prefix={}{place}", encode_value(&self.prefix))
    }

    /// Where the page behind this one begins.
    fn next(&self, page: &[u8]) -> Result<Option<Cursor>, Error> {
        let root = if self.versions { "ListVersionsResult" } else { "ListBucketResult" };
        let find = |name: &str| Ok::<_, Error>(elements(page, &[root, name])?.into_iter().next());
        if find("IsTruncated")?.is_none_or(|truncated| truncated != "true") {
            return Ok(None);
        }
        let missing = || Error::BadAnswer("a listing that goes on and does not say where".into());
        if !self.versions {
            let token = find("NextContinuationToken")?.ok_or_else(missing)?;
            return Ok(Some(Cursor(format!("&continuation-token={}", encode_value(&token)))));
        }
        let mut key = find("NextKeyMarker")?.ok_or_else(missing)?;
        if find("EncodingType")?.is_some_and(|encoding| encoding == "url") {
            key = percent_encoding::percent_decode_str(&key.replace('+', " ")).decode_utf8_lossy().into_owned();
        }
        let version = find("NextVersionIdMarker")?.filter(|version| !version.is_empty());
        let version = version.map(|version| format!("&version-id-marker={}", encode_value(&version)));
        Ok(Some(Cursor(format!("&key-marker={}{}", encode_value(&key), version.unwrap_or_default()))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn walk(versions: bool) -> Walk {
        Walk { bucket: "b".into(), prefix: "p/ü".into(), versions, after: Some("p/ü&".into()) }
    }

    #[test]
    fn a_walk_goes_on_where_it_is_told_and_then_where_the_store_says() {
        let query = walk(false).query(None);
        assert_eq!(query, "list-type=2&encoding-type=url&prefix=p%2F%C3%BC&start-after=p%2F%C3%BC%26");
        let page = "<ListBucketResult><IsTruncated>true</IsTruncated><NextContinuationToken>a/+=</NextContinuationToken></ListBucketResult>";
        let next = walk(false).next(page.as_bytes()).unwrap();
        assert_eq!(
            walk(false).query(next.as_ref()),
            "list-type=2&encoding-type=url&prefix=p%2F%C3%BC&continuation-token=a%2F%2B%3D"
        );
    }

    #[test]
    fn versions_have_markers_which_are_decoded_once() {
        assert_eq!(walk(true).query(None), "versions=&encoding-type=url&prefix=p%2F%C3%BC&key-marker=p%2F%C3%BC%26");
        let page = "<ListVersionsResult><EncodingType>url</EncodingType><IsTruncated>true</IsTruncated><NextKeyMarker>a%2Bb</NextKeyMarker>\
            <NextVersionIdMarker>v/1</NextVersionIdMarker></ListVersionsResult>";
        let next = walk(true).next(page.as_bytes()).unwrap();
        assert_eq!(next, Some(Cursor("&key-marker=a%2Bb&version-id-marker=v%2F1".into())));
    }

    #[test]
    fn the_last_page_is_the_last_and_a_torn_one_is_an_error() {
        let last = b"<ListBucketResult><IsTruncated>false</IsTruncated></ListBucketResult>";
        assert_eq!(walk(false).next(last).unwrap(), None);
        let torn = b"<ListBucketResult><IsTruncated>true</IsTruncated></ListBucketResult>";
        assert!(walk(false).next(torn).is_err());
    }
}
