//! Which parts an upload becomes at the store: those that are there, those that were held back and are sent now, and the tail.
//!
//! The tail is what was held back of the last part with the footer behind it, or the footer alone. A store's parts need not end where
//! the client's do, so a tail that is too long for one part is cut.

use std::ops::Range;

use envelope::layout;

use super::PART_LIMIT;
use super::record::PartRecord;
use crate::Error;

/// S3's largest part.
const PART_MAX: u64 = 5 * 1024 * 1024 * 1024;

/// What goes where.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Placement<'a> {
    /// The parts that are at the store, with its ETags.
    pub(super) sent: Vec<(u16, String)>,
    /// Parts that were held back in doubt and are not the last.
    pub(super) late: Vec<&'a PartRecord>,
    /// The last part, when it is held.
    pub(super) last: Option<&'a PartRecord>,
    /// The number of the tail's first piece, and the length of all its pieces but the last.
    first: u16,
    piece_len: u64,
}

impl<'a> Placement<'a> {
    /// Places the parts that the client lists, of which there is at least one, in order.
    pub(super) fn of(chosen: &'a [PartRecord], equal_parts: bool) -> Result<Self, Error> {
        let (last, others) =
            chosen.split_last().ok_or_else(|| Error::BadPart("an upload needs at least one part".into()))?;
        let piece_len = match equal_parts.then(|| equal_len(last, others)).transpose()?.flatten() {
            Some(plain_len) => layout::segment_len(plain_len).ok_or(Error::TooLarge { plain_len })?,
            None => PART_MAX,
        };
        let sent = chosen.iter().filter_map(|part| Some((part.number(), part.store_etag.clone()?))).collect();
        let late = others.iter().filter(|part| part.store_etag.is_none()).collect();
        let held = Some(last).filter(|last| last.store_etag.is_none());
        let first = last.number() + u16::from(held.is_none());
        Ok(Self { sent, late, last: held, first, piece_len })
    }

    /// The pieces of a tail of `tail_len` bytes, with their numbers.
    pub(super) fn pieces(&self, tail_len: u64) -> Result<Vec<(u16, Range<u64>)>, Error> {
        let count = tail_len.div_ceil(self.piece_len);
        let numbers = self.first..=PART_LIMIT;
        if count > numbers.len() as u64 {
            return Err(Error::BadPart(format!(
                "behind part {} no number is left for the end of the sealed object; use fewer and larger parts",
                numbers.start().saturating_sub(u16::from(self.last.is_none()))
            )));
        }
        let starts = (0..count).map(|index| index * self.piece_len);
        Ok(numbers.zip(starts.map(|start| start..tail_len.min(start + self.piece_len))).collect())
    }
}

/// The plaintext length that all parts but the last have, for a store that demands it; `None` for one part alone.
pub(super) fn equal_len(last: &PartRecord, others: &[PartRecord]) -> Result<Option<u64>, Error> {
    let Some(first) = others.first() else { return Ok(None) };
    if let Some(other) = others.iter().find(|part| part.plain_len != first.plain_len) {
        return Err(Error::UnequalParts(format!(
            "part {} has {} bytes and part {} has {}; this store demands that all parts but the last have the same size: set one \
             part size at the client",
            first.number(),
            first.plain_len,
            other.number(),
            other.plain_len
        )));
    }
    if last.store_etag.is_some() && last.plain_len != first.plain_len {
        return Err(Error::UnequalParts(format!(
            "part {} has {} bytes and part {} before it {}; it was sent to the store when no other part of the upload was known and \
             can no longer be its end: set one part size at the client and send parts in ascending order, or send this part again",
            last.number(),
            last.plain_len,
            first.number(),
            first.plain_len
        )));
    }
    Ok(Some(first.plain_len))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::uploads::Attempt;

    const MIB: u64 = 1024 * 1024;

    fn part(number: u16, mib: u64, sent: bool) -> PartRecord {
        PartRecord {
            attempt: Attempt::begin(number, 1, [1; 16]),
            plain_len: mib * MIB,
            salt: [0; 24],
            store_etag: sent.then(|| format!("etag {number}")),
            etag: String::new(),
            computed: envelope::Computed::default(),
            stretch: None,
        }
    }

    fn numbers(pieces: &[(u16, Range<u64>)]) -> Vec<u16> {
        pieces.iter().map(|(number, _)| *number).collect()
    }

    #[test]
    fn a_held_last_part_takes_the_footer_and_a_sent_one_leaves_it_a_part_of_its_own() {
        let parts = [part(1, 5, true), part(7, 1, false)];
        let placement = Placement::of(&parts, false).unwrap();
        assert_eq!((placement.sent.len(), placement.late.len(), placement.last), (1, 0, Some(&parts[1])));
        assert_eq!(placement.pieces(1_000).unwrap(), [(7, 0..1_000)]);
        let parts = [part(1, 5, true), part(7, 5, true)];
        assert_eq!(Placement::of(&parts, false).unwrap().pieces(1_000).unwrap(), [(8, 0..1_000)]);
    }

    #[test]
    fn a_tail_that_is_too_long_is_cut_to_the_size_of_the_others() {
        let sealed = layout::segment_len(8 * MIB).unwrap();
        let parts = [part(1, 8, true), part(2, 8, false), part(3, 8, false)];
        let placement = Placement::of(&parts, true).unwrap();
        assert_eq!(placement.late, [&parts[1]]);
        assert_eq!(placement.pieces(sealed).unwrap(), [(3, 0..sealed)]);
        assert_eq!(placement.pieces(sealed + 9).unwrap(), [(3, 0..sealed), (4, sealed..sealed + 9)]);
        assert_eq!(numbers(&placement.pieces(3 * sealed).unwrap()), [3, 4, 5]);
    }

    #[test]
    fn the_last_number_has_none_behind_it() {
        let held = [part(1, 5, true), part(10_000, 1, false)];
        assert_eq!(numbers(&Placement::of(&held, false).unwrap().pieces(PART_MAX).unwrap()), [10_000]);
        let error = Placement::of(&held, true).unwrap().pieces(6 * MIB).unwrap_err();
        assert!(matches!(&error, Error::BadPart(why) if why.contains("behind part 10000")), "{error}");
        let sent = [part(10_000, 5, true)];
        let error = Placement::of(&sent, false).unwrap().pieces(1).unwrap_err();
        assert!(matches!(&error, Error::BadPart(why) if why.contains("behind part 10000")), "{error}");
    }

    #[test]
    fn unequal_parts_are_named() {
        let refused = |parts: &[PartRecord]| match Placement::of(parts, true) {
            Err(Error::UnequalParts(why)) => why,
            other => panic!("{:?}", other.map(|_| ())),
        };
        assert!(
            refused(&[part(1, 5, true), part(2, 8, true), part(3, 8, true)])
                .starts_with("part 1 has 5242880 bytes and part 2")
        );
        assert!(
            refused(&[part(1, 8, true), part(2, 6, true)]).starts_with("part 2 has 6291456 bytes and part 1 before it")
        );
        assert!(Placement::of(&[part(1, 5, true), part(2, 8, true), part(3, 8, true)], false).is_ok());
        assert!(Placement::of(&[part(1, 8, true), part(2, 8, true)], true).is_ok());
        assert!(Placement::of(&[part(1, 6, true)], true).is_ok());
    }
}
