//! Preconditions: S3's precedence on reads, and the checks a write repeats at the moment it commits.

use http::header::{CACHE_CONTROL, ETAG, EXPIRES, LAST_MODIFIED};
use http::{HeaderMap, HeaderName, HeaderValue};
use s3s::dto::{ETagCondition, Timestamp, TimestampFormat};
use s3s::{S3Result, s3_error};

use crate::history::Entry;
use crate::record::{Moment, Record};

/// What a GET or HEAD asks of the object.
#[derive(Debug, Default)]
pub(crate) struct ReadConditions {
    pub(crate) matching: Option<ETagCondition>,
    pub(crate) none_matching: Option<ETagCondition>,
    pub(crate) modified_since: Option<Timestamp>,
    pub(crate) unmodified_since: Option<Timestamp>,
}

impl ReadConditions {
    /// RFC 9110, 13.2.2, which S3 follows: tags outrank dates, refusals outrank "not modified".
    pub(crate) fn check(&self, record: &Record) -> S3Result<()> {
        let wanted = match (&self.matching, &self.unmodified_since) {
            (Some(condition), _) => record.etag.satisfies_match(condition),
            (None, Some(date)) => record.modified <= Moment::from_dto(date),
            (None, None) => true,
        };
        if !wanted {
            return Err(s3_error!(PreconditionFailed));
        }
        let news = match (&self.none_matching, &self.modified_since) {
            (Some(condition), _) => !record.etag.is_named_by(condition),
            (None, Some(date)) => record.modified > Moment::from_dto(date),
            (None, None) => true,
        };
        if news { Ok(()) } else { Err(not_modified(record)) }
    }
}

/// 304 carries what a cache needs to refresh its entry (RFC 9110, 15.4.5).
fn not_modified(record: &Record) -> s3s::S3Error {
    let mut headers = HeaderMap::new();
    let mut add = |name: HeaderName, value: &str| {
        if let Ok(value) = HeaderValue::from_bytes(value.as_bytes()) {
            headers.insert(name, value);
        }
    };
    add(ETAG, &format!("\"{}\"", record.etag));
    add(LAST_MODIFIED, &http_date(&record.modified.to_dto()));
    for name in [CACHE_CONTROL, EXPIRES] {
        if let Some(value) = record.headers.get(name.as_str()) {
            add(name, value);
        }
    }
    let mut error = s3_error!(NotModified);
    error.set_headers(headers);
    error
}

/// A date as HTTP headers write it.
pub(crate) fn http_date(timestamp: &Timestamp) -> String {
    let mut text = Vec::new();
    // Writing to memory fails for years HTTP cannot write; such a header is worth no error.
    let _ = timestamp.format(TimestampFormat::HttpDate, &mut text);
    String::from_utf8_lossy(&text).into_owned()
}

/// What a PUT asks of the object it replaces.
#[derive(Debug, Default)]
pub(crate) struct WriteConditions {
    if_match: Option<ETagCondition>,
    only_new: bool,
}

impl WriteConditions {
    /// S3 knows `If-None-Match: *` on writes, and refuses other values as not implemented.
    pub(crate) fn new(if_match: Option<ETagCondition>, if_none_match: Option<ETagCondition>) -> S3Result<Self> {
        match if_none_match {
            Some(ETagCondition::ETag(_)) => Err(s3_error!(NotImplemented, "If-None-Match on a write only takes *.")),
            other => Ok(Self { if_match, only_new: other.is_some() }),
        }
    }

    pub(crate) fn check(&self, existing: Option<&Entry>) -> S3Result<()> {
        match (&self.if_match, existing) {
            (Some(_), None) => return Err(s3_error!(NoSuchKey)),
            (Some(condition), Some(entry)) if !entry.etag.satisfies_match(condition) => {
                return Err(s3_error!(PreconditionFailed));
            }
            _ => {}
        }
        if self.only_new && existing.is_some() { Err(s3_error!(PreconditionFailed)) } else { Ok(()) }
    }
}

/// What a DELETE asks of the object it removes.
#[derive(Debug, Default)]
pub(crate) struct RemoveConditions {
    pub(crate) if_match: Option<ETagCondition>,
    pub(crate) size: Option<i64>,
    pub(crate) modified: Option<Timestamp>,
}

impl RemoveConditions {
    /// An absent object fails `If-Match`, which asks for one; the other two only ask that it be no different one.
    pub(crate) fn check(&self, existing: Option<&Entry>) -> S3Result<()> {
        let met = match existing {
            None => self.if_match.is_none(),
            Some(entry) => {
                self.if_match.as_ref().is_none_or(|condition| entry.etag.satisfies_match(condition))
                    && self.size.is_none_or(|size| u64::try_from(size) == Ok(entry.content_len))
                    && self.modified.as_ref().is_none_or(|date| Moment::from_dto(date) == entry.modified)
            }
        };
        if met { Ok(()) } else { Err(s3_error!(PreconditionFailed)) }
    }
}

#[cfg(test)]
mod tests {
    use s3s::S3ErrorCode;
    use s3s::dto::ETag;

    use super::*;
    use crate::version::Version;

    fn record() -> Record {
        let modified = Moment::from_dto(&date("Wed, 21 Oct 2015 07:28:00 GMT"));
        Record { modified, ..Record::new("k".to_owned(), 3) }
    }

    fn date(text: &str) -> Timestamp {
        Timestamp::parse(TimestampFormat::HttpDate, text).unwrap()
    }

    fn tag(record: &Record) -> ETagCondition {
        ETagCondition::ETag(record.etag.to_dto())
    }

    fn other() -> ETagCondition {
        ETagCondition::ETag(ETag::Strong("other".to_owned()))
    }

    fn code(result: S3Result<()>) -> Option<S3ErrorCode> {
        result.err().map(|error| error.code().clone())
    }

    #[test]
    fn a_matching_tag_outranks_an_old_date() {
        let record = record();
        let before = Some(date("Wed, 21 Oct 2015 07:27:59 GMT"));
        let both =
            ReadConditions { matching: Some(tag(&record)), unmodified_since: before.clone(), ..Default::default() };
        assert_eq!(code(both.check(&record)), None);
        let only_date = ReadConditions { unmodified_since: before, ..Default::default() };
        assert_eq!(code(only_date.check(&record)), Some(S3ErrorCode::PreconditionFailed));
    }

    #[test]
    fn a_different_tag_outranks_an_unchanged_date() {
        let record = record();
        let same = Some(date("Wed, 21 Oct 2015 07:28:00 GMT"));
        let both = ReadConditions { none_matching: Some(other()), modified_since: same.clone(), ..Default::default() };
        assert_eq!(code(both.check(&record)), None);
        let only_date = ReadConditions { modified_since: same, ..Default::default() };
        assert_eq!(code(only_date.check(&record)), Some(S3ErrorCode::NotModified));
    }

    #[test]
    fn a_refusal_outranks_not_modified() {
        let record = record();
        let both = ReadConditions { matching: Some(other()), none_matching: Some(tag(&record)), ..Default::default() };
        assert_eq!(code(both.check(&record)), Some(S3ErrorCode::PreconditionFailed));
    }

    #[test]
    fn not_modified_names_the_tag() {
        let record = record();
        let conditions = ReadConditions { none_matching: Some(tag(&record)), ..Default::default() };
        let error = conditions.check(&record).unwrap_err();
        assert_eq!(error.headers().unwrap()[ETAG], format!("\"{}\"", record.etag));
        assert_eq!(error.headers().unwrap()[LAST_MODIFIED], "Wed, 21 Oct 2015 07:28:00 GMT");
    }

    #[test]
    fn a_write_can_ask_for_absence_or_for_one_version() {
        let entry = Entry::new(&record(), Version::FIRST);
        let new_only = WriteConditions::new(None, Some(ETagCondition::Any)).unwrap();
        assert_eq!(code(new_only.check(None)), None);
        assert_eq!(code(new_only.check(Some(&entry))), Some(S3ErrorCode::PreconditionFailed));
        let replace = WriteConditions::new(Some(other()), None).unwrap();
        assert_eq!(code(replace.check(None)), Some(S3ErrorCode::NoSuchKey));
        assert_eq!(code(replace.check(Some(&entry))), Some(S3ErrorCode::PreconditionFailed));
        assert_eq!(code(WriteConditions::new(None, Some(other())).map(drop)), Some(S3ErrorCode::NotImplemented));
    }

    #[test]
    fn a_removal_can_ask_for_one_version() {
        let entry = Entry::new(&record(), Version::FIRST);
        let conditions = RemoveConditions { if_match: Some(other()), ..Default::default() };
        assert_eq!(code(conditions.check(Some(&entry))), Some(S3ErrorCode::PreconditionFailed));
        let conditions = RemoveConditions { size: Some(3), ..Default::default() };
        assert_eq!(code(conditions.check(Some(&entry))), None);
        assert_eq!(code(conditions.check(None)), None);
    }
}
