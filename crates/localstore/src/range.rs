//! Which bytes of an object a GET wants.

use std::ops::Range;

use http::header::CONTENT_RANGE;
use http::{HeaderMap, HeaderValue};
use s3s::{S3Error, S3ErrorCode, S3Result, s3_error};

use crate::record::Record;

/// The bytes to send, and whether they are to be announced as a part of the whole.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) bytes: Range<u64>,
    pub(crate) partial: bool,
}

impl Span {
    /// Resolves `Range` and `partNumber`, of which S3 allows one.
    pub(crate) fn resolve(range: Option<&s3s::dto::Range>, part: Option<i32>, record: &Record) -> S3Result<Self> {
        let content_len = record.content_len;
        match (range, part) {
            (None, None) => Ok(Self { bytes: 0..content_len, partial: false }),
            (None, Some(number)) => {
                let bytes = part_bytes(record.part_lens(), number).ok_or_else(no_such_part)?;
                // A part without bytes has no range that could be named.
                Ok(Self { partial: !bytes.is_empty(), bytes })
            }
            (Some(_), Some(_)) => {
                Err(s3_error!(InvalidRequest, "Cannot specify both Range header and partNumber query parameter"))
            }
            (Some(range), None) => {
                let bytes = range.check(content_len).map_err(|_| unsatisfiable(content_len))?;
                if bytes.is_empty() { Err(unsatisfiable(content_len)) } else { Ok(Self { bytes, partial: true }) }
            }
        }
    }

    pub(crate) fn content_range(&self, content_len: u64) -> Option<String> {
        self.partial.then(|| format!("bytes {}-{}/{content_len}", self.bytes.start, self.bytes.end - 1))
    }
}

/// Where a part lies in its object. Parts count from 1, whatever numbers they were uploaded with.
fn part_bytes(part_lens: &[u64], number: i32) -> Option<Range<u64>> {
    let index = usize::try_from(number).ok()?.checked_sub(1)?;
    let part_len = part_lens.get(index)?;
    let start: u64 = part_lens[..index].iter().sum();
    Some(start..start + part_len)
}

/// The bytes an `x-amz-copy-source-range` names, which must all be there.
pub(crate) fn copy_range(header: &str, content_len: u64) -> S3Result<Range<u64>> {
    let (first, last) = copy_bounds(header).ok_or_else(|| {
        s3_error!(
            InvalidArgument,
            "The x-amz-copy-source-range value must be of the form bytes=first-last where first and last are the \
             zero-based offsets of the first and last bytes to copy"
        )
    })?;
    if last < content_len { Ok(first..last + 1) } else { Err(unsatisfiable(content_len)) }
}

fn copy_bounds(header: &str) -> Option<(u64, u64)> {
    let (first, last) = header.strip_prefix("bytes=")?.split_once('-')?;
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten();
    let (first, last): (u64, u64) = (digits(first)?, digits(last)?);
    (first <= last).then_some((first, last))
}

fn unsatisfiable(content_len: u64) -> S3Error {
    let mut error = s3_error!(InvalidRange);
    if let Ok(value) = HeaderValue::try_from(format!("bytes */{content_len}")) {
        error.set_headers(HeaderMap::from_iter([(CONTENT_RANGE, value)]));
    }
    error
}

fn no_such_part() -> S3Error {
    let code = S3ErrorCode::Custom("InvalidPartNumber".into());
    let mut error = S3Error::with_message(code, "The requested partnumber is not satisfiable");
    error.set_status_code(http::StatusCode::RANGE_NOT_SATISFIABLE);
    error
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Assembly;

    fn record(content_len: u64) -> Record {
        Record::new("k".to_owned(), content_len)
    }

    fn resolve(header: &str, content_len: u64) -> Option<Range<u64>> {
        let range = s3s::dto::Range::parse(header).unwrap();
        Span::resolve(Some(&range), None, &record(content_len)).ok().map(|span| span.bytes)
    }

    #[test]
    fn the_three_forms_resolve_within_the_object() {
        assert_eq!(resolve("bytes=2-3", 10), Some(2..4));
        assert_eq!(resolve("bytes=2-30", 10), Some(2..10));
        assert_eq!(resolve("bytes=9-", 10), Some(9..10));
        assert_eq!(resolve("bytes=-3", 10), Some(7..10));
        assert_eq!(resolve("bytes=-30", 10), Some(0..10));
    }

    #[test]
    fn nothing_to_send_is_an_error() {
        assert_eq!(resolve("bytes=10-", 10), None);
        assert_eq!(resolve("bytes=-0", 10), None);
        assert_eq!(resolve("bytes=0-", 0), None);
        assert_eq!(resolve("bytes=-5", 0), None);
    }

    #[test]
    fn the_only_part_is_the_whole_object() {
        let span = Span::resolve(None, Some(1), &record(10)).unwrap();
        assert_eq!(span.content_range(10).unwrap(), "bytes 0-9/10");
        assert!(Span::resolve(None, Some(2), &record(10)).is_err());
        assert!(!Span::resolve(None, Some(1), &record(0)).unwrap().partial);
    }

    #[test]
    fn a_part_is_a_stretch_of_its_object() {
        let assembly = Assembly { upload: String::new(), part_lens: vec![5, 0, 3] };
        let record = Record { multipart: Some(assembly), ..record(8) };
        let part = |number| Span::resolve(None, Some(number), &record).ok().map(|span| (span.bytes, span.partial));
        assert_eq!([part(1), part(2), part(3)], [Some((0..5, true)), Some((5..5, false)), Some((5..8, true))]);
        assert_eq!([part(0), part(-1), part(4)], [None, None, None]);
    }

    #[test]
    fn a_copied_range_names_both_ends() {
        assert_eq!(copy_range("bytes=2-4", 5).unwrap(), 2..5);
        for (wrong, code) in [
            ("bytes=2-5", "InvalidRange"),
            ("bytes=-2", "InvalidArgument"),
            ("bytes=2-", "InvalidArgument"),
            ("bytes=3-2", "InvalidArgument"),
            ("bytes=+1-2", "InvalidArgument"),
            ("1-2", "InvalidArgument"),
        ] {
            assert_eq!(copy_range(wrong, 5).unwrap_err().code().as_str(), code, "{wrong}");
        }
        assert!(copy_range(&format!("bytes=0-{}", u64::MAX), 5).is_err());
    }

    #[test]
    fn an_unsatisfiable_range_names_the_length() {
        let range = s3s::dto::Range::parse("bytes=10-").unwrap();
        let error = Span::resolve(Some(&range), None, &record(10)).unwrap_err();
        assert_eq!(error.headers().unwrap()[CONTENT_RANGE], "bytes */10");
    }
}
