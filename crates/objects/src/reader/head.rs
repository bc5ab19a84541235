//! Facts without content: a HEAD, or the last bytes of the object in its place where they are asked for what only they know.

use std::sync::Arc;

use envelope::{Summary, layout};
use http::{Method, StatusCode};

use super::answer::{content_range, plain_object, sealed_object};
use super::found::Kind;
use super::{ATTEMPTS, OpenRequest, Opened, OpenedObject, opening, wrong};
use crate::policy::{Contents, Rule};
use crate::{Error, RangeSpec, SealedObjects, metadata};

impl SealedObjects {
    /// Reads an object's facts without its content.
    ///
    /// # Errors
    /// Why the stored object cannot be opened; see [`Error`].
    pub async fn head(&self, request: OpenRequest) -> Result<Opened, Error> {
        let rule = self.rule(&request.at.bucket, &request.at.key)?;
        for _ in 0..ATTEMPTS {
            match self.read_head(&request).await {
                Ok(opened) => match self.with_etag(&request.at, rule, opened).await {
                    Err(Error::Replaced) => {}
                    outcome => return outcome,
                },
                Err(Error::Replaced) => {}
                Err(error) => return Err(error),
            }
        }
        Err(Error::Replaced)
    }

    /// The same, without the ETag that clients are shown.
    pub(crate) async fn read_head(&self, request: &OpenRequest) -> Result<Opened, Error> {
        let rule = self.rule(&request.at.bucket, &request.at.key)?;
        if (request.checksums || rule.shows_md5())
            && request.part.is_none()
            && matches!(rule.contents, Contents::Sealed | Contents::Mixed)
            && let Some(opened) = self.head_with_summary(request, rule).await?
        {
            return Ok(opened);
        }
        let uri = match request.part.filter(|_| rule.contents == Contents::Plain) {
            Some(number) => request.at.uri_with(&format!("partNumber={number}"))?,
            None => request.at.uri()?,
        };
        let response = self.ask(Method::HEAD, uri, request.headers.clone()).await?;
        if !response.status().is_success() {
            return Ok(Opened::Answer(response));
        }
        let found = match self.find(&request.at, rule, response.headers()).await? {
            Kind::Sealed(found) => found,
            Kind::Plain => return plain_object(response),
            Kind::Foreign(locked) => {
                let object = self.head_foreign(request, rule, &locked, response.into_parts().0.headers).await?;
                return Ok(in_range(object, request.want));
            }
        };
        let facts = self.known_facts(&request.at, response.headers());
        let mut object = sealed_object(response.into_parts().0.headers, &found.keys, found.plain_len, facts)?;
        if let Some(number) = request.part {
            object.range = Self::numbered(&found, number)?;
            object.parts_count = found.map.as_ref().map(|map| map.parts().len());
        }
        Ok(in_range(object, request.want))
    }

    /// Answers a HEAD from the last bytes of the object, which hold its checksums; `None` when that is not possible.
    async fn head_with_summary(&self, request: &OpenRequest, rule: &Rule) -> Result<Option<Opened>, Error> {
        let response = self.fetch(request, Some(format!("bytes=-{}", layout::SUMMARY_LEN))).await?;
        match response.status() {
            StatusCode::PARTIAL_CONTENT | StatusCode::OK => {}
            StatusCode::NOT_MODIFIED | StatusCode::PRECONDITION_FAILED | StatusCode::NOT_FOUND => {
                return Ok(Some(Opened::Answer(response)));
            }
            _ => return Ok(None),
        }
        let (Some(envelope), Some((_, total))) =
            (metadata::envelope(response.headers())?, content_range(response.headers()))
        else {
            return Ok(None);
        };
        let keys = self.unlock(&request.at, rule, &envelope).await?;
        let (parts, body) = response.into_parts();
        let bytes = opening::collect(body, layout::SUMMARY_LEN).await?;
        let summary = Summary::open(&keys, &bytes).map_err(wrong)?;
        summary.check_sealed_len(total).map_err(wrong)?;
        let facts = Arc::new(summary.facts);
        self.remember_facts(&request.at, &parts.headers, &facts);
        let object = sealed_object(parts.headers, &keys, facts.plain_len, Some(facts))?;
        Ok(Some(in_range(object, request.want)))
    }
}

/// A HEAD with a range speaks of that range.
fn in_range(mut object: OpenedObject, want: Option<RangeSpec>) -> Opened {
    let plain_len = object.plain_len;
    match want.map(|want| want.resolve(plain_len)) {
        Some(None) => Opened::Unsatisfiable { plain_len },
        Some(range) => {
            object.range = range;
            Opened::Object(object)
        }
        None => Opened::Object(object),
    }
}
