//! Held bytes on their way to the store: opened, sealed for their place, and perhaps followed by the tag or a piece of it.

use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::BytesMut;
use envelope::s3ec::{ContentKeys, PartHash, PartSealer};
use envelope::{PartMap, SegmentsOpener, Transform as _};

use super::super::OpenUpload;
use super::super::record::PartRecord;
use super::content_keys;
use crate::checking::drive;
use crate::store::{self, Body, BoxError};
use crate::stream::{FailureSlot, Machine};
use crate::{Error, SealedObjects};

/// Where a machine leaves what is known once it is through.
pub(super) struct Slot<T>(Arc<Mutex<Option<T>>>);

impl<T> Slot<T> {
    pub(super) fn take(&self) -> Option<T> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    pub(super) fn leave(&self, value: T) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(value);
    }
}

impl<T> Default for Slot<T> {
    fn default() -> Self {
        Self(Arc::default())
    }
}

impl<T> Clone for Slot<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

/// What follows a stretch: some bytes of the tag over all that is before, and over the stretch itself.
pub(super) struct TagPiece {
    pub(super) before: Vec<PartHash>,
    pub(super) range: Range<usize>,
}

/// A stretch that is ready to be sent.
pub(super) struct Sending {
    pub(super) body: Body,
    pub(super) len: u64,
    pub(super) failures: FailureSlot,
    pub(super) hash: Slot<PartHash>,
}

impl SealedObjects {
    /// Opens the content `range` of a held part and seals it for its place; `None` when nothing is held any more.
    pub(super) async fn stretch(
        &self,
        upload: &OpenUpload,
        part: &PartRecord,
        range: Range<u64>,
        tag: Option<TagPiece>,
    ) -> Result<Option<Sending>, Error> {
        let internal = |error: envelope::Error| Error::Internal(error.to_string());
        let offset = part.offset().ok_or_else(|| Error::Internal("a part without a place".into()))?;
        let plain_len = range.end.saturating_sub(range.start);
        let map = PartMap::of_segment(part.segment()).map_err(internal)?;
        let span = map.span(range.clone()).unwrap_or_default();
        let held = if span.is_empty() {
            store::empty()
        } else {
            match self.uploads()?.held(&upload.name, &part.attempt, span).await? {
                Some(held) => held,
                None => return Ok(None),
            }
        };
        let kept = upload.token.amazon.as_deref().ok_or(Error::NoSuchUpload)?;
        let keys = content_keys(&upload.keys, &upload.name, kept)?;
        let sealer = keys.part_sealer(offset + range.start, plain_len).map_err(|error| internal(error.into()))?;
        let hash = Slot::default();
        let tag_len = tag.as_ref().map_or(0, |tag| tag.range.len() as u64);
        let machine = StretchMachine {
            opener: SegmentsOpener::new(&upload.keys, &map, range).map_err(internal)?,
            sealer,
            plain: BytesMut::new(),
            tag: tag.map(|tag| (keys, tag)),
            hash: hash.clone(),
        };
        let ((body, len), failures) = drive(held, machine, plain_len + tag_len).await?;
        Ok(Some(Sending { body, len, failures, hash }))
    }
}

/// Opens what was held and seals it for its place.
struct StretchMachine {
    opener: SegmentsOpener,
    sealer: PartSealer,
    plain: BytesMut,
    tag: Option<(ContentKeys, TagPiece)>,
    hash: Slot<PartHash>,
}

impl Machine for StretchMachine {
    fn push(&mut self, input: &[u8], out: &mut BytesMut) -> Result<(), BoxError> {
        self.opener.push(input, &mut self.plain)?;
        self.sealer.push(&self.plain, out)?;
        self.plain.clear();
        Ok(())
    }

    fn finish(mut self, out: &mut BytesMut) -> Result<(), BoxError> {
        self.opener.finish(&mut self.plain)?;
        self.sealer.push(&self.plain, out)?;
        let hash = self.sealer.finish(out)?;
        if let Some((keys, tag)) = self.tag {
            let whole = keys.tag(tag.before.iter().chain([&hash])).map_err(envelope::Error::from)?;
            out.extend_from_slice(whole.get(tag.range).unwrap_or_default());
        }
        self.hash.leave(hash);
        Ok(())
    }
}
