//! Listings with the sizes of plaintext: arithmetic for sealed objects, a bounded number of questions for all others.

use std::time::Duration;

use futures::StreamExt as _;
use http::header::CONTENT_LENGTH;
use http::{HeaderMap, HeaderValue, Method, Response, StatusCode};

use envelope::{SUMMARY_LEN, layout};
use tokio::time::Instant;

use crate::answers::{ListedObject, Listing};
use crate::policy::Contents;
use crate::reader::{OpenRequest, Opened};
use crate::store::{self, Body};
use crate::stream;
use crate::{Error, ObjectRef, SealedObjects, bucket_uri, etag};

/// A page of 1,000 keys of 1,024 bytes, each byte encoded, stays well below this.
const PAGE_LIMIT: usize = 16 * 1024 * 1024;

/// Questions about objects whose stored length does not tell that are open at the same time.
const FAN_OUT: usize = 16;

/// How long a page waits for such questions; what is not answered then keeps its stored size.
const PATIENCE: Duration = Duration::from_secs(20);

/// Which page of which bucket to list.
pub struct ListRequest {
    /// The bucket.
    pub bucket: String,
    /// The client's query, encoded, without credentials.
    pub query: String,
    /// The client's headers that the store is to see.
    pub headers: HeaderMap,
}

impl SealedObjects {
    /// Lists a page with plaintext sizes and the ETags that clients know.
    ///
    /// # Errors
    /// [`Error::Store`] when there was no answer, [`Error::BadAnswer`] when it is no listing.
    pub async fn list(&self, request: ListRequest) -> Result<Response<Body>, Error> {
        let response = self.ask(Method::GET, bucket_uri(&request.bucket, &request.query)?, request.headers).await?;
        if response.status() != StatusCode::OK {
            return Ok(response);
        }
        let (mut parts, body) = response.into_parts();
        let page = stream::collect(body, PAGE_LIMIT).await.map_err(|error| Error::BadAnswer(error.to_string()))?;
        let listing = Listing::parse(&page)?;
        let deadline = Instant::now() + PATIENCE;
        // Arithmetic first: most pages have no question at all.
        let known: Vec<_> = listing.objects.iter().map(|object| self.known(&request.bucket, object)).collect();
        let open = listing.objects.iter().zip(&known).filter(|(_, known)| known.is_none());
        let questions: Vec<_> = open.map(|(object, _)| self.asked(&request.bucket, object, deadline)).collect();
        let answers: Vec<_> = futures::stream::iter(questions).buffered(FAN_OUT).collect().await;
        let mut answers = answers.into_iter();
        let page = listing.amend(known.into_iter().filter_map(|known| known.or_else(|| answers.next())));
        parts.headers.insert(CONTENT_LENGTH, HeaderValue::from(page.len()));
        Ok(Response::from_parts(parts, store::full(page)))
    }

    /// The size and the ETag that clients see, when rule and arithmetic tell.
    fn known(&self, bucket: &str, object: &ListedObject) -> Option<(u64, String)> {
        let contents = self.policies.rule(bucket, &object.key).map(|rule| rule.contents);
        match contents {
            Some(Contents::Plain) => Some((object.stored_len, object.etag.clone())),
            // A length without a solution: parts of odd sizes, whose footer alone knows.
            Some(Contents::Sealed) | None => {
                Some((layout::plain_len(object.stored_len)?, etag::hide_md5(&object.etag)))
            }
            Some(Contents::Mixed) => None,
        }
    }

    /// The same for an object that has to be asked.
    async fn asked(&self, bucket: &str, object: &ListedObject, deadline: Instant) -> (u64, String) {
        let plain_len = self.asked_in_time(bucket, object, deadline).await;
        (plain_len.unwrap_or(object.stored_len), etag::hide_md5(&object.etag))
    }

    async fn asked_in_time(&self, bucket: &str, object: &ListedObject, deadline: Instant) -> Option<u64> {
        if Instant::now() >= deadline {
            return None;
        }
        tokio::time::timeout_at(deadline, self.asked_len(bucket, object)).await.ok().flatten()
    }

    /// The plaintext length of an object whose stored length does not tell; `None` when it cannot be known now.
    async fn asked_len(&self, bucket: &str, object: &ListedObject) -> Option<u64> {
        // What is shorter than a summary is not sealed, and needs no question.
        if object.stored_len < SUMMARY_LEN {
            return None;
        }
        let at = ObjectRef { bucket: bucket.to_owned(), key: object.key.clone(), version: object.version.clone() };
        if let Some(facts) = self.facts.find(&at, &object.etag) {
            return Some(facts.plain_len);
        }
        if let Some(plain_len) = self.facts.find_len(&at, &object.etag) {
            return Some(plain_len);
        }
        let request =
            OpenRequest { at: at.clone(), want: None, part: None, headers: HeaderMap::new(), checksums: false };
        let plain_len = match self.head(request).await {
            Ok(Opened::Object(found)) => found.plain_len,
            // It will not become ours under the same ETag.
            Err(Error::NotSealed { .. }) => object.stored_len,
            _ => return None,
        };
        self.facts.remember_len(&at, &object.etag, plain_len);
        Some(plain_len)
    }
}
