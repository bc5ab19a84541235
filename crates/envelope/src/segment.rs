//! What a footer says about one segment of a multipart upload.
//!
//! The salt is public: it makes the key of the segment only together with the data key.

/// Bytes of a segment salt.
pub(crate) const SALT: usize = 24;

/// The highest part number S3 knows, and so the most segments an object has.
pub(crate) const MAX_PARTS: u16 = 10_000;

/// One completed part of a multipart upload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Segment {
    /// Number of the part, from 1 to 10,000.
    pub part: u16,
    /// Length of its content.
    pub plain_len: u64,
    /// Salt of the attempt that was completed.
    pub salt: [u8; SALT],
}

impl Segment {
    /// Whether a part may have this number.
    pub(crate) fn has_valid_number(&self) -> bool {
        (1..=MAX_PARTS).contains(&self.part)
    }
}

/// Whether part numbers are valid and rise from segment to segment.
pub(crate) fn are_in_order(segments: &[Segment]) -> bool {
    let rising = segments.iter().zip(segments.iter().skip(1)).all(|(one, next)| one.part < next.part);
    rising && segments.iter().all(Segment::has_valid_number)
}

/// Content of all segments, if it can be counted.
pub(crate) fn total_plain_len(segments: &[Segment]) -> Option<u64> {
    segments.iter().try_fold(0_u64, |total, segment| total.checked_add(segment.plain_len))
}
