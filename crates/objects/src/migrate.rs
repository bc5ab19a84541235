//! Moving objects into sealing, out of it, or elsewhere: opened as their rule reads, written as the rule of the target writes, read again.
//!
//! In place an object is only replaced if it is still the one that was read; elsewhere nothing that is there is replaced.

mod parts;

use std::collections::{BTreeMap, BTreeSet};

use envelope::{ChecksumName, DigestSet, s3ec};
use http::header::{ETAG, IF_MATCH, IF_NONE_MATCH, LAST_MODIFIED};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc2822;

use crate::foreign::Locked;
use crate::policy::{Rule, WriteFormat};
use crate::reader::{OpenRequest, Opened, OpenedObject, blame};
use crate::rewrap::taken;
use crate::verify::digest;
use crate::{Beside, Error, ForeignFormat, ObjectRef, SealRequest, SealedObjects, carried, metadata};

/// How often a migration begins anew because a client replaced the object.
const ATTEMPTS: usize = 8;

/// What content is compared by when it was written.
const COMPARED: ChecksumName = ChecksumName::Crc64Nvme;

/// An object to migrate.
#[derive(Debug, Clone)]
pub struct MigrateRequest {
    /// The object.
    pub from: ObjectRef,
    /// Where it goes; the same for a migration in place.
    pub to: ObjectRef,
    /// Whether anything is written; otherwise it is only found out what would be.
    pub apply: bool,
    /// Whether what was sealed may be written unsealed.
    pub unseal: bool,
    /// Content above this many bytes is written in parts.
    pub part_above: u64,
}

/// How a migration ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Migrated {
    /// It was written and read again, or would be.
    Done {
        /// The length of the content.
        plain_len: u64,
        /// Whether it is sealed now.
        sealed: bool,
        /// The key of what lay beside it, which it does not need any more: removed, or would be.
        removed: Option<String>,
    },
    /// It is already as the rule wants it, or the target has it from before.
    Already,
    /// It lies beside another object, which cannot be read without it, and is left there.
    Beside,
    /// It lay beside another object that was migrated, and is removed, or would be: an interrupted migration left it.
    Orphan,
    /// There is no such object any more.
    Gone,
}

/// What a look at an object shows.
struct Seen {
    headers: HeaderMap,
    plain_len: u64,
    metadata: BTreeMap<String, String>,
    sealed: bool,
    foreign: Option<ForeignFormat>,
}

impl SealedObjects {
    /// Migrates an object with its metadata, tags and content headers.
    ///
    /// # Errors
    /// Why it cannot be read or written; [`Error::WouldUnseal`] when that was not asked for, [`Error::Taken`] when something else is at
    /// the target, [`Error::Integrity`] when what was written reads otherwise than what was there.
    pub async fn migrate_object(&self, request: &MigrateRequest) -> Result<Migrated, Error> {
        for _ in 0..ATTEMPTS {
            match self.try_migrate(request).await {
                Err(Error::Replaced) => {}
                outcome => return outcome,
            }
        }
        Err(Error::Replaced)
    }

    async fn try_migrate(&self, request: &MigrateRequest) -> Result<Migrated, Error> {
        let rule = self.rule(&request.to.bucket, &request.to.key)?;
        let in_place = request.from == request.to;
        if let Some(beside) = self.beside_another(&request.from).await? {
            return self.migrate_beside(request, rule, &beside).await;
        }
        let Some(object) = self.look_at(&request.from).await? else { return Ok(Migrated::Gone) };
        let (plain_len, encrypts) = (object.plain_len, rule.encrypts());
        let locked = if in_place { self.locked_of(&request.from, rule, &object.headers).await? } else { None };
        if in_place && is_as_written(rule, &object, locked.as_ref()) {
            return Ok(Migrated::Already);
        }
        if object.sealed && !encrypts && !request.unseal {
            return Err(Error::WouldUnseal { rule: rule.buckets.clone() });
        }
        rule.check_write()?;
        if !in_place && self.is_there(request, &object).await? {
            return Ok(Migrated::Already);
        }
        let companion = match &locked {
            Some(locked) => self.companion_of(&request.from, rule, locked).await?,
            None => None,
        };
        if companion.is_some() && !encrypts && object.foreign != Some(ForeignFormat::KeySidecar) {
            return Err(Error::BesideItsEnvelope);
        }
        let companion = companion.filter(|_| encrypts && !rule.writes_instruction_files);
        let mut removed = companion.as_ref().map(|companion| companion.key().to_owned());
        if request.apply {
            let etag = object.headers.get(ETAG).cloned();
            let etag = etag.ok_or_else(|| Error::BadAnswer("an object without ETag".into()))?;
            let headers = self.headers_for(request, &object, in_place.then(|| etag.clone())).await?;
            if plain_len > request.part_above {
                self.migrate_in_parts(request, encrypts, &etag, plain_len, headers).await?;
            } else {
                self.migrate_whole(request, etag, headers).await?;
            }
            if let Some(companion) = companion
                && !self.forget_companion(&request.to, &companion).await?
            {
                removed = None;
            }
        }
        Ok(Migrated::Done { plain_len, sealed: encrypts, removed })
    }

    /// What lies beside another object goes with that one, and stays as long as it is needed.
    async fn migrate_beside(
        &self,
        request: &MigrateRequest,
        rule: &Rule,
        beside: &(Beside, ObjectRef),
    ) -> Result<Migrated, Error> {
        if request.from != request.to || !rule.encrypts() || rule.writes_instruction_files {
            return Ok(Migrated::Beside);
        }
        let Some(orphan) = self.orphan(&request.from, beside).await? else { return Ok(Migrated::Beside) };
        if request.apply && !self.forget_companion(&beside.1, &orphan).await? {
            return Ok(Migrated::Beside);
        }
        Ok(Migrated::Orphan)
    }

    /// An object's facts; `None` when there is no such object.
    async fn look_at(&self, at: &ObjectRef) -> Result<Option<Seen>, Error> {
        match self.head(whole(at, None)).await? {
            Opened::Object(OpenedObject { headers, plain_len, metadata, sealed, foreign, .. }) => {
                Ok(Some(Seen { headers, plain_len, metadata, sealed, foreign }))
            }
            Opened::Answer(answer) if answer.status() == StatusCode::NOT_FOUND => Ok(None),
            other => Err(refusal(other).await),
        }
    }

    /// Whether the target has the object from an earlier migration.
    async fn is_there(&self, request: &MigrateRequest, source: &Seen) -> Result<bool, Error> {
        let Some(there) = self.look_at(&request.to).await? else { return Ok(false) };
        let newer = || modified(&there.headers) >= modified(&source.headers);
        let same = there.plain_len == source.plain_len && there.metadata == source.metadata && newer();
        if same { Ok(true) } else { Err(Error::Taken) }
    }

    /// The headers of the request that writes the target: everything of the object but its content, and the condition.
    async fn headers_for(
        &self,
        request: &MigrateRequest,
        object: &Seen,
        in_place_of: Option<HeaderValue>,
    ) -> Result<HeaderMap, Error> {
        let mut headers = carried::settings(&object.headers);
        headers.extend(carried::system(&object.headers));
        metadata::into_headers(&object.metadata, &mut headers)?;
        if let Some(tags) = self.tags(&request.from, HeaderMap::new(), &object.headers).await? {
            headers.insert(HeaderName::from_static("x-amz-tagging"), tags);
        }
        match in_place_of {
            Some(etag) => headers.insert(IF_MATCH, etag),
            None => headers.insert(IF_NONE_MATCH, HeaderValue::from_static("*")),
        };
        Ok(headers)
    }

    async fn migrate_whole(
        &self,
        request: &MigrateRequest,
        etag: HeaderValue,
        headers: HeaderMap,
    ) -> Result<(), Error> {
        let object = match self.open(whole(&request.from, Some(etag))).await? {
            Opened::Object(object) => object,
            other => return Err(refusal(other).await),
        };
        let digests = DigestSet { md5: false, checksums: BTreeSet::from([COMPARED]) };
        let seal = SealRequest {
            at: request.to.clone(),
            plain_len: object.plain_len,
            headers,
            digests,
            verdict: Box::new(|_| Ok(())),
            body: object.body,
        };
        let outcome = self.seal(seal).await.map_err(|error| match error {
            // The body is the source.
            Error::Body(cause) => blame(cause),
            other => other,
        })?;
        let (written, _) = taken(outcome.response).await?;
        let computed = outcome.computed.and_then(|mut computed| computed.checksums.remove(&COMPARED));
        let computed = computed.ok_or_else(|| Error::Internal("an upload ended without its digests".into()))?;
        self.compare(&request.to, written.get(ETAG).cloned(), &computed).await
    }

    /// Reads what was written. Another version, which a client wrote since, has nothing to do with us.
    async fn compare(&self, at: &ObjectRef, etag: Option<HeaderValue>, wanted: &[u8]) -> Result<(), Error> {
        let Some(found) = self.digest_of(at, etag).await? else { return Ok(()) };
        if found == wanted {
            return Ok(());
        }
        Err(Error::Integrity("what was written reads otherwise than what was there".into()))
    }

    /// The digest of the content of a version; `None` when there is another one by now.
    async fn digest_of(&self, at: &ObjectRef, etag: Option<HeaderValue>) -> Result<Option<Vec<u8>>, Error> {
        let Opened::Object(object) = self.open(whole(at, etag)).await? else { return Ok(None) };
        let wanted = DigestSet { md5: false, checksums: BTreeSet::from([COMPARED]) };
        let (_, mut computed) = digest(object.body, &wanted).await?;
        Ok(computed.checksums.remove(&COMPARED))
    }
}

/// Whether an object is stored as `rule` stores new ones.
fn is_as_written(rule: &Rule, seen: &Seen, locked: Option<&Locked>) -> bool {
    match rule.format {
        WriteFormat::Sealed => seen.sealed && seen.foreign.is_none(),
        WriteFormat::S3Ec(s3ec::WriteFormat::V3) => seen.foreign == Some(ForeignFormat::S3EcV3),
        // Of this format there is content in CBC, too, which is not written any more.
        WriteFormat::S3Ec(s3ec::WriteFormat::V2) => {
            seen.foreign == Some(ForeignFormat::S3EcV2) && !locked.is_some_and(Locked::is_unauthenticated)
        }
        WriteFormat::Plain | WriteFormat::Refused => !seen.sealed,
    }
}

/// A read of all of an object, or of a version of it.
fn whole(at: &ObjectRef, etag: Option<HeaderValue>) -> OpenRequest {
    let headers = etag.map(|etag| (IF_MATCH, etag)).into_iter().collect();
    OpenRequest { at: at.clone(), want: None, part: None, headers, checksums: false }
}

/// What it means that there is no object where one was looked for.
async fn refusal(opened: Opened) -> Error {
    match opened {
        Opened::Answer(answer) => match taken(answer).await {
            Err(error) => error,
            Ok(_) => Error::BadAnswer("neither an object nor a refusal".into()),
        },
        _ => Error::BadAnswer("a range nobody asked for".into()),
    }
}

/// When an object was written, in seconds as HTTP says it.
fn modified(headers: &HeaderMap) -> Option<OffsetDateTime> {
    OffsetDateTime::parse(headers.get(LAST_MODIFIED)?.to_str().ok()?, &Rfc2822).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_date_of_http_is_read() {
        let at =
            |text: &'static str| modified(&HeaderMap::from_iter([(LAST_MODIFIED, HeaderValue::from_static(text))]));
        assert!(at("Sat, 21 Nov 2026 10:30:34 GMT").unwrap() < at("Sat, 21 Nov 2026 10:30:35 GMT").unwrap());
        assert_eq!(at("yesterday"), None);
    }
}
