//! Where plaintext lies in a stored object, by arithmetic alone.
//!
//! Lengths come from strangers, so every step is checked, and a length no object can have gives `None`. Nothing here
//! needs a key.

use std::ops::Range;

/// Plaintext bytes of every chunk but the last.
pub const CHUNK_LEN: u64 = 65_536;

/// Bytes a chunk grows by when it is sealed.
pub const TAG_LEN: u64 = 16;

/// Bytes of the summary at the end of every object.
pub const SUMMARY_LEN: u64 = 256;

/// Stored bytes of a whole chunk.
const SEALED_CHUNK_LEN: u64 = 65_552;

/// S3's smallest part; an object has room for one table entry for each it could hold.
const PART_LEN: u64 = 5_242_880;

/// Stored bytes of one smallest part, its table entry included: 80 chunks and 64 bytes.
const SEALED_PART_LEN: u64 = 5_244_224;

/// Most entries a table has: the last of 10,000 parts is in the summary.
const MAX_ENTRIES: u64 = 9_999;

/// Table bytes of one entry.
const ENTRY_LEN: u64 = 64;

/// The longest table any object has, so that readers can bound what they fetch.
pub const MAX_TABLE_LEN: u64 = 705_488;

/// Stored bytes of the chunks of `plain_len` bytes, without the footer.
pub fn body_len(plain_len: u64) -> Option<u64> {
    let tags = plain_len.div_ceil(CHUNK_LEN).checked_mul(TAG_LEN)?;
    plain_len.checked_add(tags)
}

/// Stored bytes of a segment of `plain_len` bytes.
pub fn segment_len(plain_len: u64) -> Option<u64> {
    body_len(plain_len)
}

/// Length of the table of a regular object of `plain_len` bytes.
pub fn table_len(plain_len: u64) -> u64 {
    // At most 639,936, so it cannot overflow.
    plain_len.div_euclid(PART_LEN).min(MAX_ENTRIES).saturating_mul(ENTRY_LEN)
}

/// Length of the stored object for `plain_len` bytes of content.
pub fn sealed_len(plain_len: u64) -> Option<u64> {
    body_len(plain_len)?.checked_add(table_len(plain_len))?.checked_add(SUMMARY_LEN)
}

/// The least length from this one on that `plain_len` has no solution for.
pub(crate) fn next_without_solution(sealed_len: u64) -> Option<u64> {
    let body = sealed_len.checked_sub(SUMMARY_LEN)?;
    let rest = body.checked_sub(body.div_euclid(SEALED_PART_LEN).min(MAX_ENTRIES).checked_mul(SEALED_PART_LEN)?)?;
    // Lengths without a solution stand where a chunk ends and one byte behind.
    let chunk_end = sealed_len.checked_add(SEALED_CHUNK_LEN.checked_sub(rest.rem_euclid(SEALED_CHUNK_LEN))?)?;
    let candidates = [sealed_len, sealed_len.checked_add(1)?, chunk_end, chunk_end.checked_add(1)?];
    candidates.into_iter().find(|len| plain_len(*len).is_none())
}

/// Length of the content of a stored object, or `None` when no object has this length, or only an irregular one, whose
/// summary must be asked.
pub fn plain_len(sealed_len: u64) -> Option<u64> {
    let body = sealed_len.checked_sub(SUMMARY_LEN)?;
    let parts = body.div_euclid(SEALED_PART_LEN).min(MAX_ENTRIES);
    let rest = body.checked_sub(parts.checked_mul(SEALED_PART_LEN)?)?;
    let (chunks, last) = (rest.div_euclid(SEALED_CHUNK_LEN), rest.rem_euclid(SEALED_CHUNK_LEN));
    // No chunk is empty, so one tag alone is not a chunk.
    let last_plain = match last {
        0 => 0,
        1..=TAG_LEN => return None,
        _ => last.checked_sub(TAG_LEN)?,
    };
    let rest_plain = chunks.checked_mul(CHUNK_LEN)?.checked_add(last_plain)?;
    if parts < MAX_ENTRIES && rest_plain >= PART_LEN {
        return None;
    }
    parts.checked_mul(PART_LEN)?.checked_add(rest_plain)
}

/// The stored bytes to fetch for a range of content, and what to keep of their plaintext.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CipherSpan {
    /// Stored bytes to fetch: whole chunks.
    pub fetch: Range<u64>,
    /// Index of the first chunk among them.
    pub first_chunk: u64,
    /// Plaintext bytes to drop at the front.
    pub skip: u64,
    /// Plaintext bytes wanted after that.
    pub take: u64,
}

/// The span of a range of content, or `None` when the range is empty or reaches beyond the object.
pub fn span(plain_len: u64, want: Range<u64>) -> Option<CipherSpan> {
    if want.is_empty() || want.end > plain_len {
        return None;
    }
    let first_chunk = want.start.div_euclid(CHUNK_LEN);
    let end_chunk = want.end.div_ceil(CHUNK_LEN);
    let start = first_chunk.checked_mul(SEALED_CHUNK_LEN)?;
    // The last chunk of the object may be shorter than the others.
    let end = end_chunk.saturating_mul(SEALED_CHUNK_LEN).min(body_len(plain_len)?);
    Some(CipherSpan {
        fetch: start..end,
        first_chunk,
        skip: want.start.rem_euclid(CHUNK_LEN),
        take: want.end.checked_sub(want.start)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_constants_belong_together() {
        assert_eq!(SEALED_CHUNK_LEN, CHUNK_LEN + TAG_LEN);
        assert_eq!(SEALED_PART_LEN, body_len(PART_LEN).unwrap() + ENTRY_LEN);
    }

    #[test]
    fn known_lengths_come_out() {
        let known =
            [(0, 256), (1, 273), (65_536, 65_808), (65_537, 65_825), (5_242_879, 5_244_415), (5_242_880, 5_244_480)];
        for (plain, sealed) in known {
            assert_eq!(sealed_len(plain), Some(sealed));
            assert_eq!(plain_len(sealed), Some(plain));
        }
    }

    #[test]
    fn the_table_stops_growing_with_the_last_part() {
        let full = PART_LEN * MAX_ENTRIES;
        assert_eq!(table_len(full - 1), 9_998 * 64);
        assert_eq!([table_len(full), table_len(u64::MAX)], [9_999 * 64; 2]);
        for plain in [full - 1, full, full + PART_LEN, full * 1000 + 17] {
            assert_eq!(plain_len(sealed_len(plain).unwrap()), Some(plain));
        }
    }

    #[test]
    fn every_small_length_inverts_or_has_no_solution() {
        let mut plain = 0;
        for sealed in 0..400_000 {
            let expected = (sealed_len(plain) == Some(sealed)).then_some(plain);
            assert_eq!(plain_len(sealed), expected, "{sealed}");
            plain += u64::from(expected.is_some());
        }
    }

    #[test]
    fn the_next_length_without_a_solution_is_found() {
        let full = SEALED_PART_LEN * MAX_ENTRIES;
        for start in [SUMMARY_LEN, SEALED_PART_LEN - 70_000, full - 70_000, full + SEALED_PART_LEN - 70_000] {
            let mut expected = next_without_solution(start + 140_000).unwrap();
            for len in (start..start + 140_000).rev() {
                expected = if plain_len(len).is_none() { len } else { expected };
                assert_eq!(next_without_solution(len), Some(expected), "{len}");
            }
        }
        assert_eq!(next_without_solution(u64::MAX), None);
    }

    #[test]
    fn lengths_beyond_64_bits_have_no_answer() {
        assert_eq!((sealed_len(u64::MAX), body_len(u64::MAX)), (None, None));
        assert!(plain_len(u64::MAX).is_none_or(|plain| sealed_len(plain) == Some(u64::MAX)));
    }

    #[test]
    fn a_span_covers_the_chunks_of_the_range() {
        let span = |want| span(200_000, want);
        assert_eq!(span(0..1), Some(CipherSpan { fetch: 0..65_552, first_chunk: 0, skip: 0, take: 1 }));
        assert_eq!(span(65_535..65_537), Some(CipherSpan { fetch: 0..131_104, first_chunk: 0, skip: 65_535, take: 2 }));
        let last = CipherSpan { fetch: 196_656..200_064, first_chunk: 3, skip: 3_391, take: 1 };
        assert_eq!(span(199_999..200_000), Some(last));
    }

    #[test]
    #[expect(clippy::reversed_empty_ranges, reason = "a client may ask for one")]
    fn no_span_covers_nothing_or_too_much() {
        for want in [0..0, 5..5, 6..5, 0..200_001, 200_000..200_001, 0..u64::MAX] {
            assert_eq!(span(200_000, want), None);
        }
    }
}
