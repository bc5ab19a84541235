//! Stored bytes on their way to being plaintext: the three shapes of a read as bodies.

use std::ops::Range;

use bytes::{Bytes, BytesMut};
use envelope::layout::CipherSpan;
use envelope::{Facts, ObjectKeys, Opener, PartMap, RangeOpener, SegmentsOpener, Transform, layout};

use crate::Error;
use crate::store::{self, Body, BoxError, StoreError};
use crate::stream::{self, Driver, Machine};

/// Stored objects up to this many bytes (one chunk and its footer) are verified whole before anything is answered.
pub(super) const SMALL: u64 = layout::CHUNK_LEN + layout::TAG_LEN + layout::SUMMARY_LEN;

/// A whole object of more than one chunk.
///
/// # Errors
/// [`Error::Integrity`] when the first chunk is already wrong; later ones break the body.
pub(super) async fn whole(sealed: Body, keys: ObjectKeys, sealed_len: u64) -> Result<Body, Error> {
    let opener = Opener::new(keys, sealed_len).map_err(|error| Error::Integrity(error.to_string()))?;
    let plain_len = opener.plain_len();
    Driver::new(sealed, WholeMachine(opener), plain_len).primed().await.map_err(blame)
}

/// A whole object that is small enough to be believed at once, with its facts.
pub(super) async fn small(sealed: Body, keys: ObjectKeys, sealed_len: u64) -> Result<(Body, Facts), Error> {
    let wrong = |error: envelope::Error| Error::Integrity(error.to_string());
    let sealed = collect(sealed, SMALL).await?;
    let mut opener = Opener::new(keys, sealed_len).map_err(wrong)?;
    let mut plain = BytesMut::new();
    opener.push(&sealed, &mut plain).map_err(wrong)?;
    let facts = opener.finish(&mut plain).map_err(wrong)?;
    Ok((store::full(plain.freeze()), facts))
}

/// The bytes of `span` out of an answer that starts `skip` sealed bytes before it and may go on behind it.
pub(super) async fn part(
    sealed: Body,
    keys: ObjectKeys,
    plain_len: u64,
    span: &CipherSpan,
    skip: u64,
) -> Result<Body, Error> {
    let opener = RangeOpener::new(keys, plain_len, span);
    let machine = PartMachine { opener, skip, left: span.fetch.end - span.fetch.start };
    Driver::new(sealed, machine, span.take).primed().await.map_err(blame)
}

/// A range of an object of several segments out of an answer that starts `skip` sealed bytes before it.
pub(super) async fn segments(
    sealed: Body,
    keys: &ObjectKeys,
    map: &PartMap,
    want: Range<u64>,
    skip: u64,
) -> Result<Body, Error> {
    let (Some(span), plain_len) = (map.span(want.clone()), want.end.saturating_sub(want.start)) else {
        return Ok(store::empty());
    };
    let opener = SegmentsOpener::new(keys, map, want).map_err(|error| Error::Integrity(error.to_string()))?;
    let machine = PartMachine { opener, skip, left: span.end - span.start };
    Driver::new(sealed, machine, plain_len).primed().await.map_err(blame)
}

/// Reads a small body of the store.
pub(super) async fn collect(body: Body, limit: u64) -> Result<Bytes, Error> {
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    stream::collect(body, limit).await.map_err(blame)
}

/// Tells a stored object that is wrong from a store that broke off.
pub(crate) fn blame(error: BoxError) -> Error {
    match error.downcast::<envelope::Error>() {
        Ok(error) => Error::Integrity(error.to_string()),
        Err(error) => match error.downcast::<StoreError>() {
            Ok(error) => Error::Store(*error),
            Err(error) => Error::BadAnswer(format!("its body broke off: {error}")),
        },
    }
}

struct WholeMachine(Opener);

impl Machine for WholeMachine {
    fn push(&mut self, input: &[u8], out: &mut BytesMut) -> Result<(), BoxError> {
        self.0.push(input, out).map_err(Into::into)
    }

    fn finish(self, out: &mut BytesMut) -> Result<(), BoxError> {
        self.0.finish(out)?;
        Ok(())
    }
}

struct PartMachine<T> {
    opener: T,
    skip: u64,
    left: u64,
}

impl<T: Transform<Summary = ()> + Send + Unpin + 'static> Machine for PartMachine<T> {
    fn push(&mut self, input: &[u8], out: &mut BytesMut) -> Result<(), BoxError> {
        let input = take(input, &mut self.skip).1;
        let (wanted, _) = take(input, &mut self.left);
        self.opener.push(wanted, out).map_err(Into::into)
    }

    fn finish(self, out: &mut BytesMut) -> Result<(), BoxError> {
        self.opener.finish(out).map_err(Into::into)
    }
}

/// Splits `input` after as many bytes as `left` still allows, and counts them off.
fn take<'a>(input: &'a [u8], left: &mut u64) -> (&'a [u8], &'a [u8]) {
    let count = usize::try_from(*left).unwrap_or(usize::MAX).min(input.len());
    *left -= count as u64;
    input.split_at(count)
}
