//! Copying a foreign object at the store: its envelope is not bound to a name, so it goes along as it is.
//!
//! That is done where the target's rule reads the format with the same keys and does not seal what is new.

use envelope::s3ec;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request};

use super::{ForeignFormat, ForeignPolicy, Locked};
use crate::copy::{COPY_SOURCE, Copied, CopyRequest, drop_digests, rewritten_headers};
use crate::policy::{Contents, Rule, WriteFormat};
use crate::store;
use crate::{Error, ObjectRef, SealedObjects, USER_METADATA_PREFIX, metadata};

/// Whether a copy of an object that was read under `from` stays what it is under `to`.
pub(crate) fn stays(locked: &Locked, from: &Rule, to: &Rule) -> bool {
    let Some(format) = locked.format() else {
        // Nothing in an instruction file's own bytes is encrypted.
        return to.format != WriteFormat::Sealed;
    };
    let (Some(from), Some(policy)) = (&from.foreign, &to.foreign) else { return false };
    let declared = match to.contents {
        Contents::Foreign(only) => only == format,
        contents => contents == Contents::Mixed,
    };
    let kept = match to.format {
        WriteFormat::Sealed => false,
        // A rule that writes one of the formats has nothing written in another.
        WriteFormat::S3Ec(s3ec::WriteFormat::V3) => format == ForeignFormat::S3EcV3,
        WriteFormat::S3Ec(s3ec::WriteFormat::V2) => format == ForeignFormat::S3EcV2,
        WriteFormat::Plain | WriteFormat::Refused => true,
    };
    // A key beside the object would not go along.
    let is_alone = format != ForeignFormat::KeySidecar;
    kept && is_alone && declared && policy.reads(format) && from.opens_like(policy)
}

/// The headers of a copy at the store that keeps the source's envelope.
pub(crate) fn kept_envelope(request: &CopyRequest, to: &Rule, source: &HeaderMap) -> Result<HeaderMap, Error> {
    let client_metadata = metadata::from_client(&request.headers, to)?;
    if !request.replace_metadata {
        return Ok(drop_digests(&request.headers, source));
    }
    let mut headers = rewritten_headers(request, source);
    metadata::into_headers(&client_metadata, &mut headers)?;
    let policy = to.foreign.as_deref();
    let is_envelope = |name: &HeaderName| {
        let short = name.as_str().strip_prefix(USER_METADATA_PREFIX);
        short.zip(policy).is_some_and(|(short, policy)| policy.is_reserved_name(short))
    };
    let envelope = source.iter().filter(|(name, _)| is_envelope(name));
    headers.extend(envelope.map(|(name, value)| (name.clone(), value.clone())));
    metadata::check_size(&headers)?;
    Ok(headers)
}

impl SealedObjects {
    /// Copies the instruction file of a source to where that of its copy is looked for. What the store says if it does not.
    pub(crate) async fn copy_instruction_file(
        &self,
        request: &CopyRequest,
        from: &Rule,
        to: &Rule,
    ) -> Result<Option<Copied>, Error> {
        let (Some(from), Some(to)) = (&from.foreign, &to.foreign) else { return Ok(None) };
        let file = |at: &ObjectRef, policy: &ForeignPolicy| ObjectRef {
            bucket: at.bucket.clone(),
            key: policy.instruction_key(&at.key),
            version: None,
        };
        let (source, target) = (file(&request.from, from), file(&request.to, to));
        if source == target {
            return Ok(None);
        }
        let mut send = Request::builder().method(Method::PUT).uri(target.uri()?).body(store::empty())?;
        let source = HeaderValue::try_from(source.uri()?.to_string()).map_err(|_| Error::BadName)?;
        send.headers_mut().insert(COPY_SOURCE, source);
        send.headers_mut().insert(http::header::CONTENT_LENGTH, HeaderValue::from(0));
        let answer = self.forward(send).await?;
        Ok((!answer.status().is_success()).then_some(Copied::Answer(answer)))
    }
}
