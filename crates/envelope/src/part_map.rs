//! Where the parts of an object lie, in its content and in its stored bytes.
//!
//! Made from an authentic footer and checked against the length of the object, so whoever has a map can trust it. It
//! holds no keys.

use std::ops::Range;
use std::sync::Arc;

use crate::layout::{self, CHUNK_LEN, TAG_LEN};
use crate::table::{self, Shape};
use crate::{Computed, Error, Facts, ObjectKeys, Segment, Summary};

/// The parts of one object. Cloning is cheap.
#[derive(Debug, Clone)]
pub struct PartMap(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    facts: Facts,
    segments: Vec<Segment>,
    places: Vec<Place>,
}

/// Where a segment begins and ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    /// In the content.
    pub(crate) plain: Range<u64>,
    /// In the stored object.
    pub(crate) sealed: Range<u64>,
}

impl PartMap {
    /// Opens the table that stands before the summary, [`Summary::table_len`] bytes, and compares everything with the
    /// length of the object. Of an object with one part, whose table says nothing, `table` may be left empty.
    ///
    /// # Errors
    /// [`Error::UploadDisagrees`] when the object was not uploaded in parts, [`Error::Table`] when the table is not
    /// authentic, [`Error::MalformedTable`] when it is but breaks the format, [`Error::LengthDisagrees`] when lengths
    /// are not those of the object.
    pub fn open(keys: &ObjectKeys, summary: &Summary, table: &[u8], sealed_len: u64) -> Result<Self, Error> {
        let Summary { facts, table_len } = summary;
        if facts.last_segment.is_none() {
            return Err(Error::UploadDisagrees);
        }
        summary.check_sealed_len(sealed_len)?;
        let left_out = table.is_empty() && facts.segments_in_table.is_none();
        if u64::try_from(table.len()) != Ok(*table_len) && !left_out {
            return Err(Error::LengthDisagrees);
        }
        let segments = table::open(keys, facts, table)?;
        let shape = Shape::of(&segments).ok_or(Error::LengthDisagrees)?;
        if !shape.fits(*table_len, sealed_len) {
            return Err(Error::LengthDisagrees);
        }
        let places = places(&segments).ok_or(Error::LengthDisagrees)?;
        Ok(Self(Arc::new(Inner { facts: facts.clone(), segments, places })))
    }

    /// The map of one segment that stands for itself, as a part does that is held back until its upload ends. The caller
    /// vouches for what the segment says; its chunks prove that they are of it.
    ///
    /// # Errors
    /// [`Error::LengthDisagrees`] when a segment cannot be so long.
    pub fn of_segment(segment: Segment) -> Result<Self, Error> {
        let mut facts = Facts::new(segment.plain_len, Computed::default());
        facts.last_segment = Some(segment.clone());
        let segments = vec![segment];
        let places = places(&segments).ok_or(Error::LengthDisagrees)?;
        Ok(Self(Arc::new(Inner { facts, segments, places })))
    }

    /// Length of the content.
    pub fn plain_len(&self) -> u64 {
        self.0.facts.plain_len
    }

    /// What the summary says about the content.
    pub fn facts(&self) -> &Facts {
        &self.0.facts
    }

    /// The parts in their order.
    pub fn parts(&self) -> &[Segment] {
        &self.0.segments
    }

    /// The content of the part at this place in [`PartMap::parts`].
    pub fn part_range(&self, index: usize) -> Option<Range<u64>> {
        self.0.places.get(index).map(|place| place.plain.clone())
    }

    /// The stored bytes to fetch for a range of content: whole chunks, without gaps from part to part. `None` when the
    /// range is empty or reaches beyond the object.
    pub fn span(&self, want: Range<u64>) -> Option<Range<u64>> {
        if want.is_empty() || want.end > self.plain_len() {
            return None;
        }
        let (_, first) = self.at(want.start)?;
        let (_, last) = self.at(want.end.checked_sub(1)?)?;
        let start = sealed_chunks(want.start.checked_sub(first.plain.start)?.div_euclid(CHUNK_LEN))?;
        let end = sealed_chunks(want.end.checked_sub(last.plain.start)?.div_ceil(CHUNK_LEN))?;
        // The last chunk of a segment may be shorter than the others.
        Some(first.sealed.start.checked_add(start)?..last.sealed.start.checked_add(end)?.min(last.sealed.end))
    }

    /// The segment that holds this byte of content, and its place.
    pub(crate) fn at(&self, plain: u64) -> Option<(usize, &Place)> {
        let index = self.0.places.partition_point(|place| place.plain.end <= plain);
        self.place(index).map(|place| (index, place))
    }

    pub(crate) fn place(&self, index: usize) -> Option<&Place> {
        self.0.places.get(index)
    }
}

/// Stored bytes of whole chunks.
fn sealed_chunks(count: u64) -> Option<u64> {
    count.checked_mul(CHUNK_LEN.checked_add(TAG_LEN)?)
}

fn places(segments: &[Segment]) -> Option<Vec<Place>> {
    let (mut plain, mut sealed) = (0_u64, 0_u64);
    let next = |segment: &Segment| {
        let (plain_start, sealed_start) = (plain, sealed);
        plain = plain.checked_add(segment.plain_len)?;
        sealed = sealed.checked_add(layout::segment_len(segment.plain_len)?)?;
        Some(Place { plain: plain_start..plain, sealed: sealed_start..sealed })
    };
    segments.iter().map(next).collect()
}
