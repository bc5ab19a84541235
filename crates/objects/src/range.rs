//! Byte ranges: what a client may ask, and what is asked of the store for it.

use std::ops::Range;

use envelope::layout;

/// One range of plaintext bytes as HTTP writes it (RFC 9110 section 14.1.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RangeSpec {
    /// `bytes=first-last`, both included.
    FromTo(u64, u64),
    /// `bytes=first-`.
    From(u64),
    /// `bytes=-length`.
    Suffix(u64),
}

impl RangeSpec {
    /// Reads a `Range` header. Malformed, inverted and multiple ranges are ignored, as S3 does: `None`.
    #[must_use]
    pub fn parse(header: &str) -> Option<Self> {
        let (first, last) = header.trim().strip_prefix("bytes=")?.split_once('-')?;
        let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        let (first, last) = (first.trim(), last.trim());
        if !digits(first) || !digits(last) {
            return None;
        }
        match (first.is_empty(), last.is_empty()) {
            (true, true) => None,
            (true, false) => Some(Self::Suffix(number(last))),
            (false, true) => Some(Self::From(number(first))),
            (false, false) => {
                let (first, last) = (number(first), number(last));
                (first <= last).then_some(Self::FromTo(first, last))
            }
        }
    }

    /// The bytes meant in an object of `plain_len` bytes; `None` when there are none.
    #[must_use]
    pub fn resolve(self, plain_len: u64) -> Option<Range<u64>> {
        let range = match self {
            Self::FromTo(first, last) => first..last.saturating_add(1).min(plain_len),
            Self::From(first) => first..plain_len,
            Self::Suffix(length) => plain_len.saturating_sub(length)..plain_len,
        };
        (range.start < range.end).then_some(range)
    }

    /// The `Range` header that fetches the whole chunks around this range from a sealed object whose length is not known yet.
    ///
    /// `None` for a suffix: where it starts depends on the length.
    pub(crate) fn sealed_header(self) -> Option<String> {
        let chunk_start =
            |plain_offset: u64| (plain_offset / layout::CHUNK_LEN).checked_mul(layout::CHUNK_LEN + layout::TAG_LEN);
        match self {
            Self::Suffix(_) => None,
            Self::From(first) => Some(format!("bytes={}-", chunk_start(first)?)),
            Self::FromTo(first, last) => {
                let start = chunk_start(first)?;
                match chunk_start(last).and_then(|start| start.checked_add(layout::CHUNK_LEN + layout::TAG_LEN - 1)) {
                    Some(end) => Some(format!("bytes={start}-{end}")),
                    None => Some(format!("bytes={start}-")),
                }
            }
        }
    }

    /// The header a store understands for the same range of plaintext bytes.
    pub(crate) fn plain_header(self) -> String {
        match self {
            Self::FromTo(first, last) => format!("bytes={first}-{last}"),
            Self::From(first) => format!("bytes={first}-"),
            Self::Suffix(length) => format!("bytes=-{length}"),
        }
    }
}

/// A run of digits as a number; what does not fit is beyond every object.
fn number(digits: &str) -> u64 {
    digits.parse().unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_is_read() {
        assert_eq!(RangeSpec::parse("bytes=0-9"), Some(RangeSpec::FromTo(0, 9)));
        assert_eq!(RangeSpec::parse("bytes=5-"), Some(RangeSpec::From(5)));
        assert_eq!(RangeSpec::parse("bytes=-5"), Some(RangeSpec::Suffix(5)));
        assert_eq!(RangeSpec::parse("bytes=0-99999999999999999999"), Some(RangeSpec::FromTo(0, u64::MAX)));
    }

    #[test]
    fn what_s3_ignores_is_ignored() {
        for header in
            ["", "bytes=", "bytes=-", "bytes=5-2", "bytes=0-1,3-4", "lines=0-1", "bytes=a-b", "0-1", "bytes=+1-2"]
        {
            assert_eq!(RangeSpec::parse(header), None, "{header}");
        }
    }

    #[test]
    fn ranges_are_clipped_to_the_object() {
        assert_eq!(RangeSpec::FromTo(2, 100).resolve(10), Some(2..10));
        assert_eq!(RangeSpec::FromTo(0, u64::MAX).resolve(10), Some(0..10));
        assert_eq!(RangeSpec::From(10).resolve(10), None);
        assert_eq!(RangeSpec::Suffix(0).resolve(10), None);
        assert_eq!(RangeSpec::Suffix(100).resolve(10), Some(0..10));
        assert_eq!(RangeSpec::Suffix(1).resolve(0), None);
    }

    #[test]
    fn the_sealed_range_covers_whole_chunks() {
        assert_eq!(RangeSpec::FromTo(0, 0).sealed_header().unwrap(), "bytes=0-65551");
        assert_eq!(RangeSpec::FromTo(65_535, 65_536).sealed_header().unwrap(), "bytes=0-131103");
        assert_eq!(RangeSpec::From(65_536).sealed_header().unwrap(), "bytes=65552-");
        assert_eq!(RangeSpec::FromTo(0, u64::MAX).sealed_header().unwrap(), "bytes=0-");
    }
}
