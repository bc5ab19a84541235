//! Listings with the sizes of plaintext: arithmetic for sealed objects; for all others what is remembered, else a bounded number
//! of questions.

use std::time::Duration;

use futures::StreamExt as _;
use http::header::CONTENT_LENGTH;
use http::{HeaderMap, HeaderValue, Method, Response, StatusCode};

use envelope::{SUMMARY_LEN, layout};
use tokio::time::Instant;

use crate::answers::{ListedObject, Listing};
use crate::facts::{Gist, GistKey};
use crate::policy::{Contents, Rule};
use crate::reader::{OpenRequest, Opened, store_etag};
use crate::store::{self, Body};
use crate::stream;
use crate::{Error, ObjectRef, SealedObjects, bucket_uri, etag};

/// A page of 1,000 keys of 1,024 bytes, each byte encoded, stays well below this.
const PAGE_LIMIT: usize = 16 * 1024 * 1024;

/// Questions about objects whose stored length does not tell that are open at the same time.
const FAN_OUT: usize = 16;

/// How long a page waits for such questions. Then the client is asked to come again: what was answered is remembered.
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
        let page = self.without_reserved(page)?;
        let listing = Listing::parse(&page)?;
        let page = listing.amend(self.shown(&request.bucket, &listing.objects).await?);
        parts.headers.insert(CONTENT_LENGTH, HeaderValue::from(page.len()));
        Ok(Response::from_parts(parts, store::full(page)))
    }

    /// Size and ETag of each entry as clients see them: by rule and arithmetic, from what is remembered, or asked.
    async fn shown(&self, bucket: &str, objects: &[ListedObject]) -> Result<Vec<(u64, String)>, Error> {
        // Arithmetic first: most pages have no question at all.
        let mut shown: Vec<_> = objects.iter().map(|object| self.known(bucket, object)).collect();
        let open = |shown: &[Option<_>]| -> Vec<usize> { (0..shown.len()).filter(|at| shown[*at].is_none()).collect() };
        let unknown = open(&shown);
        let keys: Vec<_> = unknown.iter().map(|at| self.gist_key(bucket, &objects[*at])).collect();
        for (at, gist) in unknown.into_iter().zip(self.facts.gists(&keys).await) {
            shown[at] = gist.and_then(|gist| self.remembered(bucket, &objects[at], &gist));
        }
        let unknown = open(&shown);
        let deadline = Instant::now() + PATIENCE;
        let questions: Vec<_> = unknown.iter().map(|at| self.asked(bucket, &objects[*at], deadline)).collect();
        let answers: Vec<_> = futures::stream::iter(questions).buffered(FAN_OUT).collect().await;
        for (at, answer) in unknown.into_iter().zip(answers) {
            shown[at] = Some(answer?);
        }
        Ok(shown.into_iter().flatten().collect())
    }

    /// The size and the ETag that clients see, when rule and arithmetic tell.
    fn known(&self, bucket: &str, object: &ListedObject) -> Option<(u64, String)> {
        match self.policies.rule(bucket, &object.key) {
            Some(rule) if rule.contents == Contents::Plain => Some((object.stored_len, object.etag.clone())),
            Some(Rule { contents: Contents::Foreign(format), foreign: Some(policy), .. }) => {
                let len = policy.listed_len(*format, &object.key, object.stored_len)?;
                Some((len, etag::hide_md5(&object.etag)))
            }
            Some(rule) if rule.listings_ask() => None,
            // A length without a solution: parts of odd sizes, whose footer alone knows.
            _ => Some((layout::plain_len(object.stored_len)?, etag::hide_md5(&object.etag))),
        }
    }

    fn gist_key(&self, bucket: &str, object: &ListedObject) -> GistKey {
        let reading = self.policies.rule(bucket, &object.key).map(Rule::reading).unwrap_or_default();
        GistKey::new(bucket, &object.key, &object.etag, &reading)
    }

    /// The same out of what is remembered, if that is enough under the rule.
    fn remembered(&self, bucket: &str, object: &ListedObject, gist: &Gist) -> Option<(u64, String)> {
        let rule = self.policies.rule(bucket, &object.key)?;
        let enough = gist.complete || !rule.shows_md5();
        enough.then(|| (gist.plain_len, rule.shown_etag(&object.etag, Some(gist))))
    }

    /// The same for an object that has to be asked.
    async fn asked(&self, bucket: &str, object: &ListedObject, deadline: Instant) -> Result<(u64, String), Error> {
        let gist = tokio::time::timeout_at(deadline, self.ask_gist(bucket, object)).await;
        let found = gist.map_err(|_| Error::ListingTooSlow)?;
        if let (Some((etag, gist)), Some(rule)) = (found, self.policies.rule(bucket, &object.key)) {
            self.facts.keep(GistKey::new(bucket, &object.key, &etag, &rule.reading()), gist);
            return Ok((gist.plain_len, rule.shown_etag(&etag, Some(&gist))));
        }
        // It cannot be read, and says so when it is; until then the stored length tells what there is to tell.
        let ours = self.policies.rule(bucket, &object.key).is_none_or(|rule| rule.foreign.is_none());
        let plain_len = layout::plain_len(object.stored_len).filter(|_| ours);
        Ok((plain_len.unwrap_or(object.stored_len), etag::hide_md5(&object.etag)))
    }

    /// The store's ETag of the object, and what it says of itself; `None` when it cannot be read. It may be another than the
    /// listed one by now: then that is what is shown.
    async fn ask_gist(&self, bucket: &str, object: &ListedObject) -> Option<(String, Gist)> {
        let listed = |gist| Some((object.etag.clone(), gist));
        // What is shorter than a summary is not sealed, and needs no question where nobody else's objects are read.
        let rule = self.policies.rule(bucket, &object.key)?;
        if object.stored_len < SUMMARY_LEN && rule.foreign.is_none() {
            return listed(Gist::plain(object.stored_len));
        }
        let at = ObjectRef { bucket: bucket.to_owned(), key: object.key.clone(), version: object.version.clone() };
        if let Some(facts) = self.facts.find(&at, &object.etag) {
            return listed(Gist::from(facts.as_ref()));
        }
        let request = OpenRequest { at, want: None, part: None, headers: HeaderMap::new(), checksums: false };
        match self.read_head(&request).await {
            Ok(Opened::Object(found)) => Some((store_etag(&found.headers)?.to_owned(), found.gist())),
            // It will not become ours under the same ETag.
            Err(Error::NotSealed { .. }) => listed(Gist::plain(object.stored_len)),
            _ => None,
        }
    }
}
