//! The table of a multipart upload: every segment but the last, sealed in front of the summary.
//!
//! Decides how long a footer is, so that the length of an object tells the length of its content or tells nothing. It
//! knows nothing of chunks.

use std::collections::BTreeMap;

use bytes::{Buf, BufMut, BytesMut};

use crate::checksum::ChecksumType;
use crate::cipher::{NONCE, TAG};
use crate::footer::{self, Facts};
use crate::layout::{self, CHUNK_LEN, SUMMARY_LEN, TAG_LEN};
use crate::segment::{self, MAX_PARTS, SALT};
use crate::{ChecksumName, Computed, Error, ObjectKeys, Segment};

const AAD: &[u8] = b"sealgate/1 table";

/// Bytes of an entry: part number, length and salt.
const ENTRY: usize = 2 + 6 + SALT;

/// What a table takes besides its entries: nonce and tag.
const FRAME: usize = NONCE + TAG;

/// The table and the summary of a multipart upload.
///
/// `segments` are the completed parts in their order. `md5` and `checksums` are the ones S3 gives such an object. The
/// first of `nonces` is for the table and the second for the summary; both must be random. `fill` gives random bytes
/// for what says nothing.
///
/// # Errors
/// [`Error::InvalidParts`] when there are no parts, too many, or not in order, [`Error::TooLarge`] when lengths do not
/// fit, [`Error::FactsTooLong`] when the digests do not.
pub fn seal_footer(
    keys: &ObjectKeys,
    segments: &[Segment],
    md5: Option<[u8; 16]>,
    checksums: &BTreeMap<ChecksumName, Vec<u8>>,
    checksum_type: ChecksumType,
    nonces: [[u8; NONCE]; 2],
    fill: &mut dyn FnMut(&mut [u8]),
) -> Result<Vec<u8>, Error> {
    let (last, listed) = segments.split_last().ok_or(Error::InvalidParts { problem: "there are none" })?;
    if segments.len() > usize::from(MAX_PARTS) || !segment::are_in_order(segments) {
        return Err(Error::InvalidParts { problem: "their numbers do not rise from 1 to at most 10000" });
    }
    let plain_len = segment::total_plain_len(segments).ok_or(Error::TooLarge { plain_len: u64::MAX })?;
    let mut facts = Facts::new(plain_len, Computed { md5, checksums: checksums.clone() });
    facts.checksum_type = facts.checksum_type.map(|_| checksum_type);
    facts.last_segment = Some(last.clone());
    facts.segments_in_table = u32::try_from(listed.len()).ok().filter(|count| *count > 0);
    let shape = Shape::of(segments).ok_or(Error::TooLarge { plain_len })?;
    let table_len = shape.table_len().ok_or(Error::TooLarge { plain_len })?;
    let mut out = BytesMut::new();
    if !listed.is_empty() {
        seal(keys, nonces[0], listed, shape.base_len(), &mut out)?;
    }
    let sealed = out.len();
    out.resize(usize::try_from(table_len).map_err(|_| Error::Internal)?, 0);
    fill(out.get_mut(sealed..).ok_or(Error::Internal)?);
    footer::seal(keys, nonces[1], &facts, table_len, &mut out)?;
    Ok(out.into())
}

/// Appends the sealed part of a table, `base_len` bytes.
fn seal(
    keys: &ObjectKeys,
    nonce: [u8; NONCE],
    listed: &[Segment],
    base_len: u64,
    out: &mut BytesMut,
) -> Result<(), Error> {
    let room = usize::try_from(base_len).ok().and_then(|len| len.checked_sub(FRAME)).ok_or(Error::Internal)?;
    let mut entries = BytesMut::with_capacity(room);
    for Segment { part, plain_len, salt } in listed {
        let [high, low, len @ ..] = plain_len.to_be_bytes();
        if (high, low) != (0, 0) {
            return Err(Error::TooLarge { plain_len: *plain_len });
        }
        entries.put_u16(*part);
        entries.put_slice(&len);
        entries.put_slice(salt);
    }
    entries.resize(room, 0);
    out.put_slice(&nonce);
    keys.footer().encrypt(nonce, AAD, &entries, out).map_err(|_| Error::Internal)
}

/// Opens a table and gives all segments. `table` is as long as the summary said.
pub(crate) fn open(keys: &ObjectKeys, facts: &Facts, table: &[u8]) -> Result<Vec<Segment>, Error> {
    let last = facts.last_segment.clone().ok_or(Error::UploadDisagrees)?;
    let Some(count) = facts.segments_in_table else { return Ok(vec![last]) };
    let base_len = usize::try_from(base_len(facts.plain_len, u64::from(count))).map_err(|_| Error::Internal)?;
    let sealed = table.get(..base_len).ok_or(Error::LengthDisagrees)?;
    let (nonce, sealed) = sealed.split_first_chunk::<NONCE>().ok_or(Error::LengthDisagrees)?;
    let mut entries = BytesMut::with_capacity(base_len);
    keys.footer().decrypt(*nonce, AAD, sealed, &mut entries).map_err(|_| Error::Table)?;
    let mut segments = read(entries, count)?;
    segments.push(last);
    if !segment::are_in_order(&segments) {
        return Err(malformed("part numbers do not rise"));
    }
    if segment::total_plain_len(&segments) != Some(facts.plain_len) {
        return Err(malformed("the segments are not as long as the object"));
    }
    Ok(segments)
}

/// Reads `count` entries and the padding behind them.
fn read(mut entries: BytesMut, count: u32) -> Result<Vec<Segment>, Error> {
    let mut segments = Vec::with_capacity(entries.len().div_ceil(ENTRY).saturating_add(1));
    for _ in 0..count {
        let short = |_| malformed("there are fewer entries than the summary says");
        let part = entries.try_get_u16().map_err(short)?;
        let plain_len = entries.try_get_uint(6).map_err(short)?;
        let mut salt = [0; SALT];
        entries.try_copy_to_slice(&mut salt).map_err(short)?;
        segments.push(Segment { part, plain_len, salt });
    }
    if entries.iter().any(|byte| *byte != 0) {
        return Err(malformed("the padding is not zero"));
    }
    Ok(segments)
}

/// What decides how long the table of a multipart upload is.
pub(crate) struct Shape {
    plain_len: u64,
    body_len: u64,
    entries: u64,
    /// Every part but the last ends with a whole chunk.
    aligned: bool,
}

impl Shape {
    /// The shape of an object of these segments, unless its length does not fit 64 bits.
    pub(crate) fn of(segments: &[Segment]) -> Option<Self> {
        let (_, listed) = segments.split_last()?;
        let body_len = segments
            .iter()
            .try_fold(0_u64, |total, segment| total.checked_add(layout::segment_len(segment.plain_len)?))?;
        Some(Self {
            plain_len: segment::total_plain_len(segments)?,
            body_len,
            entries: u64::try_from(listed.len()).ok()?,
            aligned: listed.iter().all(|segment| segment.plain_len.is_multiple_of(CHUNK_LEN)),
        })
    }

    fn base_len(&self) -> u64 {
        base_len(self.plain_len, self.entries)
    }

    /// Length of the table, what follows its sealed part included.
    fn table_len(&self) -> Option<u64> {
        let base_len = self.base_len();
        if self.aligned && base_len == layout::table_len(self.plain_len) {
            return Some(base_len);
        }
        let shortest = self.body_len.checked_add(base_len)?.checked_add(SUMMARY_LEN)?;
        let total = layout::next_without_solution(shortest.checked_add(1)?)?;
        base_len.checked_add(total.checked_sub(shortest)?)
    }

    /// Whether an object of this shape has this table and this length.
    pub(crate) fn fits(&self, table_len: u64, sealed_len: u64) -> bool {
        let footer_len = table_len.checked_add(SUMMARY_LEN);
        let total = footer_len.and_then(|footer_len| self.body_len.checked_add(footer_len));
        total == Some(sealed_len) && self.table_len() == Some(table_len)
    }
}

/// Whether the object these facts speak of can have this table and this length.
pub(crate) fn fits(facts: &Facts, table_len: u64, sealed_len: u64) -> bool {
    let plain_len = facts.plain_len;
    let Some(entries) = facts.segments_in_table.map(u64::from) else {
        return layout::sealed_len(plain_len) == Some(sealed_len) && layout::table_len(plain_len) == table_len;
    };
    let body_len = table_len.checked_add(SUMMARY_LEN).and_then(|footer_len| sealed_len.checked_sub(footer_len));
    let (Some(body_len), Some(least)) = (body_len, layout::body_len(plain_len)) else { return false };
    // Each segment can cost one chunk more than the content in one piece would.
    let Some(excess) = body_len.checked_sub(least) else { return false };
    if !excess.is_multiple_of(TAG_LEN) || excess > entries.saturating_mul(TAG_LEN) {
        return false;
    }
    // Only the table tells whether the parts end with whole chunks; then none costs more.
    let shape = |aligned| Shape { plain_len, body_len, entries, aligned };
    (excess == 0 && shape(true).fits(table_len, sealed_len)) || shape(false).fits(table_len, sealed_len)
}

/// Length of the sealed part of the table of an object of `plain_len` bytes that lists `entries` segments.
fn base_len(plain_len: u64, entries: u64) -> u64 {
    let (entry, frame) = (u64::try_from(ENTRY).unwrap_or(u64::MAX), u64::try_from(FRAME).unwrap_or(u64::MAX));
    let needed = if entries == 0 { 0 } else { entries.saturating_mul(entry).saturating_add(frame) };
    layout::table_len(plain_len).max(needed)
}

fn malformed(problem: &'static str) -> Error {
    Error::MalformedTable { problem }
}
