//! Reading a foreign object as a client asks for it: whole, a range, a part, or only its facts.

use std::ops::Range;

use http::{HeaderMap, Method, Response, StatusCode};

use super::instruction::{bounded, check};
use super::{ForeignFormat, Locked};
use crate::policy::Rule;
use crate::reader::{OpenRequest, Opened, OpenedObject, content_length, content_range, pinned, plain_object};
use crate::store::{self, Body};
use crate::{Error, RangeSpec, SealedObjects, metadata};

impl SealedObjects {
    /// Opens all of an object out of an answer that brings it.
    pub(crate) async fn open_foreign(
        &self,
        request: &OpenRequest,
        rule: &Rule,
        locked: &Locked,
        response: Response<Body>,
    ) -> Result<Opened, Error> {
        let Some(format) = locked.format() else { return shown_instruction_file(response, None).await };
        let (parts, body) = response.into_parts();
        let stored_len = content_length(&parts.headers)?;
        let version = Self::version_of(&request.at, rule, (&request.headers, &parts.headers), stored_len)?;
        let object = self.unlock_foreign(&request.at, rule, locked).await?;
        let extent = self.extent(&version, locked, &object).await?;
        let whole = 0..extent.plain_len();
        let body = self.deliver(&version, rule, locked, (object, extent), whole, Some(body)).await?;
        let opened = foreign_object(parts.headers, format, extent.plain_len());
        Ok(Opened::Object(OpenedObject { body, ..opened }))
    }

    /// Opens a range of an object of which only an answer's headers were seen.
    pub(crate) async fn open_foreign_range(
        &self,
        request: &OpenRequest,
        rule: &Rule,
        locked: &Locked,
        head: HeaderMap,
        want: RangeSpec,
    ) -> Result<Opened, Error> {
        let stored_len = content_length(&head)?;
        let Some(format) = locked.format() else {
            let plain_len = stored_len;
            let Some(range) = want.resolve(plain_len) else { return Ok(Opened::Unsatisfiable { plain_len }) };
            let version = Self::version_of(&request.at, rule, (&request.headers, &head), stored_len)?;
            let response = self.ask(Method::GET, request.at.uri()?, version.pinned).await?;
            return shown_instruction_file(response, Some(range)).await;
        };
        let version = Self::version_of(&request.at, rule, (&request.headers, &head), stored_len)?;
        let object = self.unlock_foreign(&request.at, rule, locked).await?;
        let extent = self.extent(&version, locked, &object).await?;
        let plain_len = extent.plain_len();
        let Some(range) = want.resolve(plain_len) else { return Ok(Opened::Unsatisfiable { plain_len }) };
        let body = self.deliver(&version, rule, locked, (object, extent), range.clone(), None).await?;
        let opened = foreign_object(head, format, plain_len);
        Ok(Opened::Object(OpenedObject { range: Some(range), body, ..opened }))
    }

    /// The facts of an object of which only an answer's headers were seen.
    pub(crate) async fn head_foreign(
        &self,
        request: &OpenRequest,
        rule: &Rule,
        locked: &Locked,
        head: HeaderMap,
    ) -> Result<OpenedObject, Error> {
        let stored_len = content_length(&head)?;
        let plain_len = self.foreign_len(&request.at, rule, locked, (&request.headers, &head), stored_len).await?;
        let mut object = match locked.format() {
            Some(format) => foreign_object(head, format, plain_len),
            None => {
                OpenedObject { sealed: false, foreign: None, ..foreign_object(head, ForeignFormat::S3EcV1, plain_len) }
            }
        };
        if let Some(number) = request.part {
            let (range, parts_count) = self.foreign_part(request, &object.headers, plain_len, number).await?;
            (object.range, object.parts_count) = ((plain_len > 0).then_some(range), parts_count);
        }
        Ok(object)
    }

    /// Opens a part by its number.
    pub(crate) async fn open_foreign_part(
        &self,
        request: &OpenRequest,
        rule: &Rule,
        locked: &Locked,
        head: HeaderMap,
    ) -> Result<Opened, Error> {
        let facts = self.head_foreign(request, rule, locked, head.clone()).await?;
        let parts_count = facts.parts_count;
        let opened = match facts.range.clone() {
            // The part holds nothing but the end of the encryption.
            Some(range) if range.is_empty() => return Ok(Opened::Object(facts)),
            Some(range) => {
                let want = RangeSpec::FromTo(range.start, range.end - 1);
                self.open_foreign_range(request, rule, locked, head, want).await?
            }
            None => {
                let whole = OpenRequest { part: None, headers: pinned(&request.headers, &head)?, ..request.clone() };
                let response = self.ask(Method::GET, whole.at.uri()?, whole.headers.clone()).await?;
                match response.status() {
                    StatusCode::OK => self.open_foreign(&whole, rule, locked, response).await?,
                    StatusCode::PRECONDITION_FAILED => return Err(Error::Replaced),
                    _ => return Ok(Opened::Answer(response)),
                }
            }
        };
        Ok(match opened {
            Opened::Object(object) => Opened::Object(OpenedObject { parts_count, ..object }),
            other => other,
        })
    }

    /// Where a part's plaintext is, and how many parts there are. The store knows where its bytes are, and plaintext lies
    /// where its bytes do; only the last part has more of them.
    async fn foreign_part(
        &self,
        request: &OpenRequest,
        head: &HeaderMap,
        plain_len: u64,
        number: u32,
    ) -> Result<(Range<u64>, Option<usize>), Error> {
        let uri = request.at.uri_with(&format!("partNumber={number}"))?;
        let response = self.ask(Method::HEAD, uri, pinned(&request.headers, head)?).await?;
        let stored = match (response.status(), content_range(response.headers())) {
            (StatusCode::PARTIAL_CONTENT, Some((first, _))) => {
                first..first.saturating_add(content_length(response.headers())?)
            }
            (StatusCode::OK | StatusCode::PARTIAL_CONTENT, _) if number == 1 => 0..u64::MAX,
            (StatusCode::PRECONDITION_FAILED, _) => return Err(Error::Replaced),
            _ => return Err(Error::NoSuchPartNumber { number }),
        };
        let count = response.headers().get("x-amz-mp-parts-count").and_then(|count| count.to_str().ok()?.parse().ok());
        Ok((stored.start.min(plain_len)..stored.end.min(plain_len), count))
    }
}

fn foreign_object(headers: HeaderMap, format: ForeignFormat, plain_len: u64) -> OpenedObject {
    let metadata = metadata::clear(&headers);
    OpenedObject {
        headers,
        plain_len,
        range: None,
        metadata,
        sealed: true,
        foreign: Some(format),
        etag: None,
        parts_count: None,
        facts: None,
        body: store::empty(),
    }
}

/// An instruction file as it is, when it is one.
async fn shown_instruction_file(response: Response<Body>, want: Option<Range<u64>>) -> Result<Opened, Error> {
    match response.status() {
        StatusCode::OK => {}
        StatusCode::PRECONDITION_FAILED => return Err(Error::Replaced),
        _ => return Ok(Opened::Answer(response)),
    }
    let (parts, body) = response.into_parts();
    let headers = parts.headers.clone();
    let bytes = bounded(Response::from_parts(parts, body)).await?;
    check(&bytes)?;
    let mut whole = Response::new(store::full(bytes.clone()));
    *whole.headers_mut() = headers;
    let opened = plain_object(whole)?;
    Ok(match (opened, want) {
        (Opened::Object(object), Some(range)) => {
            let [start, end] =
                [range.start, range.end].map(|at| usize::try_from(at).unwrap_or(usize::MAX).min(bytes.len()));
            Opened::Object(OpenedObject { body: store::full(bytes.slice(start..end)), range: Some(range), ..object })
        }
        (opened, _) => opened,
    })
}
