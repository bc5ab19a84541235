//! Which bytes of an object a GET wants.

use std::ops::Range;

use http::header::CONTENT_RANGE;
use http::{HeaderMap, HeaderValue};
use s3s::{S3Error, S3ErrorCode, S3Result, s3_error};

/// The bytes to send, and whether they are to be announced as a part of the whole.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) bytes: Range<u64>,
    pub(crate) partial: bool,
}

impl Span {
    /// Resolves `Range` and `partNumber`, of which S3 allows one. Every object here has one part.
    pub(crate) fn resolve(range: Option<&s3s::dto::Range>, part: Option<i32>, content_len: u64) -> S3Result<Self> {
        match (range, part) {
            (None, None) => Ok(Self { bytes: 0..content_len, partial: false }),
            (None, Some(1)) => Ok(Self { bytes: 0..content_len, partial: content_len > 0 }),
            (None, Some(_)) => Err(no_such_part()),
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

    fn resolve(header: &str, content_len: u64) -> Option<Range<u64>> {
        let range = s3s::dto::Range::parse(header).unwrap();
        Span::resolve(Some(&range), None, content_len).ok().map(|span| span.bytes)
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
        let span = Span::resolve(None, Some(1), 10).unwrap();
        assert_eq!(span.content_range(10).unwrap(), "bytes 0-9/10");
        assert!(Span::resolve(None, Some(2), 10).is_err());
        assert!(!Span::resolve(None, Some(1), 0).unwrap().partial);
    }

    #[test]
    fn an_unsatisfiable_range_names_the_length() {
        let range = s3s::dto::Range::parse("bytes=10-").unwrap();
        let error = Span::resolve(Some(&range), None, 10).unwrap_err();
        assert_eq!(error.headers().unwrap()[CONTENT_RANGE], "bytes */10");
    }
}
