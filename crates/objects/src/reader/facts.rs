//! What is known of an object beyond its headers, and the ETag that clients are shown for it.

use std::sync::Arc;

use envelope::layout;
use http::header::ETAG;
use http::{HeaderMap, HeaderValue, Response, StatusCode};

use super::answer::{content_length, content_range, pin};
use super::found::summary_of;
use super::{OpenRequest, Opened, OpenedObject, wrong};
use crate::facts::Gist;
use crate::policy::{Contents, Rule};
use crate::store::Body;
use crate::{Error, Facts, ObjectRef, SealedObjects, metadata};

impl OpenedObject {
    /// What listings and ETags tell of it.
    pub(crate) fn gist(&self) -> Gist {
        match &self.facts {
            Some(facts) => Gist::from(facts.as_ref()),
            None if self.foreign.is_some() => Gist::foreign(self.plain_len),
            None if self.sealed => {
                Gist { plain_len: self.plain_len, sealed: true, complete: false, md5: None, parts: None }
            }
            None => Gist::plain(self.plain_len),
        }
    }
}

impl SealedObjects {
    pub(super) fn known_facts(&self, at: &ObjectRef, headers: &HeaderMap) -> Option<Arc<Facts>> {
        self.facts.find(at, store_etag(headers)?)
    }

    pub(super) fn remember_facts(&self, at: &ObjectRef, headers: &HeaderMap, facts: &Arc<Facts>) {
        if let Some(etag) = store_etag(headers) {
            self.facts.remember(at, etag, Arc::clone(facts));
        }
    }

    /// The facts of a sealed object of which only an answer's headers were seen: remembered, or read from its end.
    ///
    /// # Errors
    /// [`Error::Replaced`] when the object is another one by now; otherwise why its end cannot be opened.
    pub(crate) async fn facts_of(&self, at: &ObjectRef, rule: &Rule, headers: &HeaderMap) -> Result<Arc<Facts>, Error> {
        if let Some(facts) = self.known_facts(at, headers) {
            return Ok(facts);
        }
        let envelope =
            metadata::envelope(headers)?.ok_or_else(|| Error::Internal("no envelope where one was".into()))?;
        let sealed_len = match content_range(headers) {
            Some((_, total)) => total,
            None => content_length(headers)?,
        };
        let keys = self.unlock(at, rule, &envelope).await?;
        let tail = self.tail(at, &pin(headers)?, layout::SUMMARY_LEN).await?;
        let summary = summary_of(&keys, &tail)?;
        summary.check_sealed_len(sealed_len).map_err(wrong)?;
        let facts = Arc::new(summary.facts);
        self.remember_facts(at, headers, &facts);
        Ok(facts)
    }

    /// Adds the ETag that clients are shown, and takes away metadata that is not theirs.
    pub(super) async fn with_etag(&self, at: &ObjectRef, rule: &Rule, opened: Opened) -> Result<Opened, Error> {
        match opened {
            Opened::Object(mut object) => {
                hide_envelope(rule, &mut object);
                if rule.shows_md5() && object.sealed && object.foreign.is_none() && object.facts.is_none() {
                    object.facts = match self.facts_of(at, rule, &object.headers).await {
                        Ok(facts) => Some(facts),
                        // Its head can be seen and its end cannot be read, as where it is archived.
                        Err(Error::BadAnswer(_)) => None,
                        Err(error) => return Err(error),
                    };
                }
                object.etag = store_etag(&object.headers).map(|etag| rule.shown_etag(etag, Some(&object.gist())));
                Ok(Opened::Object(object))
            }
            Opened::Answer(response) => Ok(Opened::Answer(self.answer_with_etag(at, rule, response).await?)),
            Opened::Unsatisfiable { .. } => Ok(opened),
        }
    }

    /// An answer without an object may name its ETag all the same: that of what was not modified.
    async fn answer_with_etag(
        &self,
        at: &ObjectRef,
        rule: &Rule,
        mut response: Response<Body>,
    ) -> Result<Response<Body>, Error> {
        let Some(etag) = store_etag(response.headers()).map(str::to_owned) else { return Ok(response) };
        if rule.contents == Contents::Plain {
            return Ok(response);
        }
        let mut gist = self.facts.find(at, &etag).map(|facts| Gist::from(facts.as_ref()));
        if rule.shows_md5() && gist.is_none() && response.status() == StatusCode::NOT_MODIFIED {
            let headers = pin(response.headers())?;
            let request = OpenRequest { at: at.clone(), want: None, part: None, headers, checksums: true };
            gist = match self.read_head(&request).await? {
                Opened::Object(object) => Some(object.gist()),
                _ => return Err(Error::Replaced),
            };
        }
        let shown = HeaderValue::try_from(rule.shown_etag(&etag, gist.as_ref()));
        response.headers_mut().insert(ETAG, shown.map_err(|_| Error::BadAnswer("an ETag that is no text".into()))?);
        Ok(response)
    }
}

/// What stands clear beside foreign content is part of its envelope, or tells of its plaintext.
fn hide_envelope(rule: &Rule, object: &mut OpenedObject) {
    if let Some(policy) = rule.foreign.as_ref().filter(|_| !object.sealed || object.foreign.is_some()) {
        object.metadata.retain(|name, _| !policy.is_reserved_name(name));
    }
}

/// The store's ETag among `headers`.
pub(crate) fn store_etag(headers: &HeaderMap) -> Option<&str> {
    headers.get(ETAG)?.to_str().ok()
}
