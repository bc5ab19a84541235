//! How plaintext leaves: at once where the rule or the format lets it, else when it was verified.
//!
//! Small objects wait in memory for their verification. Large ones are read twice: what the first reading verified, the
//! second releases. All readings are pinned to one version.

use std::ops::Range;

use bytes::BytesMut;
use envelope::s3ec::{Extent, Release};
use http::header::RANGE;
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use http_body_util::BodyExt as _;

use super::buffer::{EACH, Held, Room};
use super::machines::{Checked, Direct, Opener, Stretch};
use super::object::Plan;
use super::verified::{PIECE, Verified, verify};
use super::{ForeignObject, Locked};
use crate::facts::GistKey;
use crate::policy::Rule;
use crate::reader::{blame, covered};
use crate::store::Body;
use crate::stream::Driver;
use crate::{Error, ObjectRef, SealedObjects};

/// Of objects up to this many bytes a range is cut out of the whole; of larger ones it is fetched by itself, and again and again.
const SMALL: u64 = 2 * PIECE;

/// One version of a foreign object.
pub(super) struct Version<'a> {
    pub(super) at: &'a ObjectRef,
    /// The headers of every further request about it.
    pub(super) pinned: HeaderMap,
    pub(super) etag: &'a str,
    pub(super) stored_len: u64,
    /// How the rule reads it.
    pub(super) reading: String,
}

impl Version<'_> {
    pub(super) fn gist_key(&self) -> GistKey {
        GistKey::new(&self.at.bucket, &self.at.key, self.etag, &self.reading)
    }
}

impl SealedObjects {
    /// The plaintext `want` of an object. `whole` is a body of all its stored bytes, if one is at hand.
    pub(super) async fn deliver(
        &self,
        version: &Version<'_>,
        rule: &Rule,
        locked: &Locked,
        (object, extent): (ForeignObject, Extent),
        want: Range<u64>,
        whole: Option<Body>,
    ) -> Result<Body, Error> {
        if let ForeignObject::Gpg(message) = object {
            return message.into_body(&want);
        }
        let plan = object.open(extent, want.clone()).map_err(wrong)?;
        let unverified_ranges = rule.foreign.as_ref().is_some_and(|policy| policy.s3ec.unverified_ranges);
        let at_once = match plan.release {
            Release::AtEnd => false,
            Release::Never => unverified_ranges || object.verifier(extent).map_err(wrong)?.is_none(),
            _ => true,
        };
        if at_once {
            return self.at_once(version, plan, &want, whole).await;
        }
        let key = (version.gist_key(), locked.fingerprint());
        if self.verified.peek(&key).is_none() {
            let limit = if want == (0..extent.plain_len()) { EACH } else { SMALL };
            if version.stored_len <= limit
                && let Some(room) = self.buffers.room(version.stored_len)
            {
                return self.in_memory(version, &object, extent, want, whole, room).await;
            }
        }
        let first_reading = async {
            let verifier = object.verifier(extent).map_err(wrong)?;
            let verifier = verifier.ok_or_else(|| Error::Internal("nothing verifies this content".into()))?;
            let body = match whole {
                Some(body) => body,
                None => self.stored_bytes(version, &(0..version.stored_len)).await?.0,
            };
            Ok(std::sync::Arc::new(verify(body, verifier, extent).await?))
        };
        let verified = self.verified.get(key, first_reading).await?;
        if !verified.is_of(extent) {
            return Err(Error::Integrity("one version has two lengths".into()));
        }
        self.as_verified(version, plan, &want, verified).await
    }

    /// Releases what comes as it comes.
    async fn at_once(
        &self,
        version: &Version<'_>,
        plan: Plan,
        want: &Range<u64>,
        whole: Option<Body>,
    ) -> Result<Body, Error> {
        let (body, skip) = match whole {
            Some(body) => (body, plan.fetch.start),
            None => self.stored_bytes(version, &plan.fetch).await?,
        };
        let mut opener = plan.opener;
        if let Some(head) = plan.head {
            self.push_head(version, &head, opener.as_mut()).await?;
        }
        let stretch = Stretch::new(skip, plan.fetch.end - plan.fetch.start);
        let driver = Driver::new(body, Direct { opener, stretch }, want.end - want.start);
        driver.primed().await.map_err(blame)
    }

    /// Gives a machine the beginning of the object, which says how the rest is read and yields nothing itself.
    async fn push_head(&self, version: &Version<'_>, head: &Range<u64>, opener: &mut dyn Opener) -> Result<(), Error> {
        let (mut body, skip) = self.stored_bytes(version, head).await?;
        let (mut stretch, mut nothing) = (Stretch::new(skip, head.end - head.start), BytesMut::new());
        while let Some(frame) = body.frame().await {
            if let Ok(data) = frame.map_err(blame)?.into_data() {
                opener.push(stretch.of(&data), &mut nothing).map_err(wrong)?;
            }
        }
        Ok(())
    }

    /// Opens all of a small object in memory, and releases what is wanted of it when it is verified.
    async fn in_memory(
        &self,
        version: &Version<'_>,
        object: &ForeignObject,
        extent: Extent,
        want: Range<u64>,
        whole: Option<Body>,
        room: Room,
    ) -> Result<Body, Error> {
        let mut opener = object.open(extent, 0..extent.plain_len()).map_err(wrong)?.opener;
        let mut body = match whole {
            Some(body) => body,
            None => self.stored_bytes(version, &(0..version.stored_len)).await?.0,
        };
        let mut plain = BytesMut::with_capacity(usize::try_from(version.stored_len).unwrap_or(0));
        while let Some(frame) = body.frame().await {
            if let Ok(data) = frame.map_err(blame)?.into_data() {
                opener.push(&data, &mut plain).map_err(wrong)?;
            }
        }
        opener.finish(&mut plain).map_err(wrong)?;
        let [start, end] = [want.start, want.end].map(|offset| usize::try_from(offset).unwrap_or(usize::MAX));
        let plain = plain.freeze();
        if end > plain.len() {
            return Err(Error::Internal("less plaintext than its length says".into()));
        }
        Ok(Held::body(plain.slice(start..end), room))
    }

    /// Releases what proves to be what a first reading verified.
    async fn as_verified(
        &self,
        version: &Version<'_>,
        plan: Plan,
        want: &Range<u64>,
        verified: std::sync::Arc<Verified>,
    ) -> Result<Body, Error> {
        let pieces = verified.pieces(&plan.fetch);
        let bytes = verified.bytes(&pieces);
        let (body, skip) = self.stored_bytes(version, &bytes).await?;
        let machine = Checked {
            opener: plan.opener,
            lead: Stretch::new(skip, bytes.end - bytes.start),
            stretch: Stretch::new(plan.fetch.start - bytes.start, plan.fetch.end - plan.fetch.start),
            verified,
            pieces,
            pending: BytesMut::new(),
        };
        Driver::new(body, machine, want.end - want.start).primed().await.map_err(blame)
    }

    /// Stored bytes of this version and no other, and how many come before them.
    pub(super) async fn stored_bytes(&self, version: &Version<'_>, fetch: &Range<u64>) -> Result<(Body, u64), Error> {
        let mut headers = version.pinned.clone();
        if *fetch != (0..version.stored_len) {
            let range = format!("bytes={}-{}", fetch.start, fetch.end.saturating_sub(1));
            let range = HeaderValue::try_from(range).map_err(|error| Error::Internal(error.to_string()))?;
            headers.insert(RANGE, range);
        }
        let response = self.ask(Method::GET, version.at.uri()?, headers).await?;
        match response.status() {
            StatusCode::OK | StatusCode::PARTIAL_CONTENT => {
                let (covered, stored_len) = covered(&response)?;
                if stored_len != version.stored_len || covered.start > fetch.start || covered.end < fetch.end {
                    return Err(Error::BadAnswer("another range than the one asked for".into()));
                }
                Ok((response.into_body(), fetch.start - covered.start))
            }
            StatusCode::PRECONDITION_FAILED | StatusCode::NOT_FOUND => Err(Error::Replaced),
            status => Err(Error::BadAnswer(format!("{status} to a range of an object that is there"))),
        }
    }
}

#[expect(clippy::needless_pass_by_value, reason = "the shape that map_err wants")]
fn wrong(error: envelope::Error) -> Error {
    Error::Integrity(error.to_string())
}
