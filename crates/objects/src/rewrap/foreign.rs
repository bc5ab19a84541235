//! Rotation of objects in Amazon's formats: the new wrap goes where the old one is, into the object's metadata or into its
//! instruction file.
//!
//! The object with the content is never written when its wrap is in an instruction file; a new file takes the place of the
//! one that was read, which is what Amazon's clients call re-encryption of instruction files.

use envelope::s3ec;
use http::header::{CONTENT_LENGTH, ETAG, IF_MATCH};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request};

use super::in_place::taken;
use super::{RewrapRequest, Rewrapped};
use crate::foreign::{FreshWrap, INSTRUCTION_MARK, Locked, asked_key, write_fields};
use crate::policy::{Rule, WriteFormat};
use crate::reader::check_plain;
use crate::store::{self, Body};
use crate::{Error, ForeignFormat, ObjectRef, SealedObjects, USER_METADATA_PREFIX, carried};

impl SealedObjects {
    /// Rewraps an object that is not sealed in our own format.
    pub(super) async fn rewrap_foreign(
        &self,
        request: &RewrapRequest,
        rule: &Rule,
        stored: &HeaderMap,
    ) -> Result<Rewrapped, Error> {
        let at = &request.at;
        if self.beside_another(at).await?.is_some() {
            return Ok(Rewrapped::Beside);
        }
        let Some(locked) = self.recognise(at, rule, stored).await? else {
            return check_plain(at, rule, stored).map(|()| Rewrapped::Unsealed);
        };
        if !matches!(rule.format, WriteFormat::S3Ec(_)) {
            return Ok(Rewrapped::Foreign { format: locked.format().map_or("", ForeignFormat::name) });
        }
        if self.is_old(at, stored).await? {
            let asked = rule.foreign.as_deref().and_then(|policy| asked_key(policy, &locked));
            return Ok(Rewrapped::Left { from: asked.map_or_else(|| "unknown".to_owned(), |key| key.id.to_string()) });
        }
        let latest = ObjectRef { version: None, ..at.clone() };
        if locked.is_in_instruction_file() {
            return self.rewrap_instruction_file(request, rule, &latest, stored).await;
        }
        let Some(FreshWrap { from, to, written }) = self.fresh_wrap(rule, &locked).await? else {
            return Ok(Rewrapped::Current);
        };
        if request.apply {
            let mut headers = carried::everything(stored);
            remove_wrap(&mut headers);
            write_fields(written.into_metadata(), &mut headers)?;
            self.replace_headers(request, &latest, stored, headers).await?;
        }
        Ok(Rewrapped::Done { from, to })
    }

    /// Looks at the file before it is read, so that what is written replaces what was read and nothing else.
    async fn rewrap_instruction_file(
        &self,
        request: &RewrapRequest,
        rule: &Rule,
        at: &ObjectRef,
        stored: &HeaderMap,
    ) -> Result<Rewrapped, Error> {
        let policy = rule.foreign.as_deref().ok_or(Error::Replaced)?;
        let file = ObjectRef { bucket: at.bucket.clone(), key: policy.instruction_key(&at.key), version: None };
        let before = self.stored_headers(&file).await?.ok_or(Error::Replaced)?;
        let locked = self.recognise(at, rule, stored).await?.filter(Locked::is_in_instruction_file);
        let locked = locked.ok_or(Error::Replaced)?;
        let Some(FreshWrap { from, to, written }) = self.fresh_wrap(rule, &locked).await? else {
            return Ok(Rewrapped::Current);
        };
        if request.apply {
            let (_, body) = written.into_instruction_file().map_err(|error| Error::Internal(error.to_string()))?;
            let now = self.replace_file(&file, &before, body).await?;
            self.delete_replaced(request, &file, &before, &now).await?;
        }
        Ok(Rewrapped::Done { from, to })
    }

    /// Writes the file in place of the one that was seen as `before`, with all that belongs to it.
    async fn replace_file(&self, file: &ObjectRef, before: &HeaderMap, body: String) -> Result<HeaderMap, Error> {
        let mut headers = carried::everything(before);
        if let Some(tags) = self.tags(file, HeaderMap::new(), before).await? {
            headers.insert(HeaderName::from_static("x-amz-tagging"), tags);
        }
        headers.entry(INSTRUCTION_MARK).or_insert(HeaderValue::from_static(""));
        let etag = before.get(ETAG).ok_or_else(|| Error::BadAnswer("an object without ETag".into()))?;
        headers.insert(IF_MATCH, etag.clone());
        headers.insert(CONTENT_LENGTH, HeaderValue::from(body.len()));
        let mut put: Request<Body> = Request::builder().method(Method::PUT).uri(file.uri()?).body(store::full(body))?;
        *put.headers_mut() = headers;
        let (now, _) = taken(self.forward(put).await?).await?;
        Ok(now)
    }
}

/// Takes away the fields that a new wrap brings along.
fn remove_wrap(headers: &mut HeaderMap) {
    let goes =
        |name: &&HeaderName| name.as_str().strip_prefix(USER_METADATA_PREFIX).is_some_and(s3ec::is_replaced_with_wrap);
    let names: Vec<HeaderName> = headers.keys().filter(goes).cloned().collect();
    for name in names {
        headers.remove(name);
    }
}
