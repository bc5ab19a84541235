//! How long the plaintext of a foreign object is: by arithmetic, from what is remembered, or from the object's end.

use envelope::s3ec::{Extent, Measure};
use http::HeaderMap;

use super::delivery::Version;
use super::{ForeignObject, Locked};
use crate::facts::Gist;
use crate::policy::Rule;
use crate::reader::{pinned, store_etag};
use crate::{Error, ObjectRef, SealedObjects};

impl SealedObjects {
    /// The version of an object that an answer with these headers speaks of.
    pub(super) fn version_of<'a>(
        at: &'a ObjectRef,
        rule: &Rule,
        (client, answer): (&HeaderMap, &'a HeaderMap),
        stored_len: u64,
    ) -> Result<Version<'a>, Error> {
        let etag = store_etag(answer).ok_or_else(|| Error::BadAnswer("an object without ETag".into()))?;
        Ok(Version { at, pinned: pinned(client, answer)?, etag, stored_len, reading: rule.reading() })
    }

    /// The plaintext length of an object of which only an answer's headers were seen.
    pub(crate) async fn foreign_len(
        &self,
        at: &ObjectRef,
        rule: &Rule,
        locked: &Locked,
        (client, answer): (&HeaderMap, &HeaderMap),
        stored_len: u64,
    ) -> Result<u64, Error> {
        if let Some(len) = locked.plain_len(stored_len)? {
            return Ok(len);
        }
        let version = Self::version_of(at, rule, (client, answer), stored_len)?;
        if let Some(Some(gist)) = self.facts.gists(&[version.gist_key()]).await.first() {
            return Ok(gist.plain_len);
        }
        let object = self.unlock_foreign(at, rule, locked).await?;
        Ok(self.extent(&version, locked, &object).await?.plain_len())
    }

    /// The lengths of an unlocked object; the end of the stored bytes is read where only it tells.
    pub(super) async fn extent(
        &self,
        version: &Version<'_>,
        locked: &Locked,
        object: &ForeignObject,
    ) -> Result<Extent, Error> {
        let extent = self.measured(version, locked, object).await;
        let extent = self.noting_failure(version.at, locked, extent)?;
        if locked.plain_len(version.stored_len)?.is_none() {
            self.facts.keep(version.gist_key(), Gist::foreign(extent.plain_len()));
        }
        Ok(extent)
    }

    async fn measured(&self, version: &Version<'_>, locked: &Locked, object: &ForeignObject) -> Result<Extent, Error> {
        if let ForeignObject::Gpg(message) = object {
            return self.open_message(version, locked, message).await;
        }
        let wrong = |error: envelope::Error| super::locked::wrong(locked, None, &error);
        match object.measure(version.stored_len).map_err(wrong)? {
            Measure::Known(extent) => Ok(extent),
            Measure::NeedsTail(tail) => {
                let bytes = self.tail(version.at, &version.pinned, tail.end - tail.start).await?;
                object.extent_from_tail(version.stored_len, &bytes).map_err(wrong)
            }
        }
    }
}
