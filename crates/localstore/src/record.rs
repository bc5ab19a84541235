//! The record behind an object's content: what was stored, under which key, with which headers.
//!
//! It knows how a file ends, not where files lie or who writes them.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

use s3s::dto::Timestamp;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use crate::tag::Tag;

/// The last bytes of every object's file. The digit is the record's version.
const MAGIC: [u8; 8] = *b"OBJ-END1";
/// Record length and magic.
const TAIL_LEN: u64 = 12;
/// Read at once from the end of a file: enough for the record of almost any object.
const PEEK_LEN: u64 = 4096;
/// No record comes near this: HTTP limits headers to less. A larger length is damage.
const RECORD_LIMIT: u64 = 1 << 20;

/// Everything known about an object except its content.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Record {
    pub(crate) key: String,
    pub(crate) content_len: u64,
    pub(crate) etag: Tag,
    pub(crate) modified: Moment,
    /// Headers S3 keeps with an object, by lower-case name.
    pub(crate) headers: BTreeMap<String, String>,
    /// User metadata by name without `x-amz-meta-`, values as they came over the wire.
    pub(crate) metadata: BTreeMap<String, String>,
    /// Object tags as they came with the content. Tags set later lie beside the file and outrank these.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) tags: BTreeMap<String, String>,
    /// What only an object put together from parts has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) multipart: Option<Assembly>,
    /// Whether this is no object but the mark that its key was deleted, which only buckets with versions have.
    #[serde(default, skip_serializing_if = "is_false")]
    pub(crate) marker: bool,
}

/// How an object was put together.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Assembly {
    /// The upload it came from, so that a completion asked for once more is recognised.
    pub(crate) upload: String,
    /// How long each part is, in order. Gaps between part numbers are not kept: the parts of an object count from 1.
    pub(crate) part_lens: Vec<u64>,
}

impl Record {
    /// The record of content that arrives now, in one piece and without properties.
    pub(crate) fn new(key: String, content_len: u64) -> Self {
        Self {
            key,
            content_len,
            etag: Tag::random(),
            modified: Moment::now(),
            headers: BTreeMap::new(),
            metadata: BTreeMap::new(),
            tags: BTreeMap::new(),
            multipart: None,
            marker: false,
        }
    }

    /// The record that a key is deleted now, without content.
    pub(crate) fn deletion(key: String) -> Self {
        Self { marker: true, ..Self::new(key, 0) }
    }

    /// How long each part is; an object that arrived in one piece has one.
    pub(crate) fn part_lens(&self) -> &[u64] {
        self.multipart.as_ref().map_or(std::slice::from_ref(&self.content_len), |assembly| &assembly.part_lens)
    }

    /// What follows the content in the object's file.
    pub(crate) fn encode(&self) -> io::Result<Vec<u8>> {
        let mut bytes = serde_json::to_vec(self)?;
        let record_len = u32::try_from(bytes.len()).map_err(|_| damaged("record too long"))?;
        bytes.extend_from_slice(&record_len.to_le_bytes());
        bytes.extend_from_slice(&MAGIC);
        Ok(bytes)
    }

    /// Reads the record at the end of a file.
    pub(crate) fn read(file: &File) -> io::Result<Self> {
        let file_len = file.metadata()?.len();
        let peek = read_end(file, file_len, PEEK_LEN.min(file_len))?;
        let record_len = record_len(&peek)?;
        let end_len = record_len + TAIL_LEN;
        let end = if end_len > to_u64(peek.len()) { read_end(file, file_len, end_len)? } else { peek };
        let start = end.len().checked_sub(to_usize(end_len)).ok_or_else(|| damaged("record longer than its file"))?;
        let record: Self = serde_json::from_slice(&end[start..end.len() - to_usize(TAIL_LEN)])?;
        if record.content_len + end_len != file_len {
            return Err(damaged("content of another length than recorded"));
        }
        Ok(record)
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands out references")]
fn is_false(value: &bool) -> bool {
    !value
}

fn read_end(file: &File, file_len: u64, wanted: u64) -> io::Result<Vec<u8>> {
    let offset = file_len.checked_sub(wanted).ok_or_else(|| damaged("record longer than its file"))?;
    let mut bytes = vec![0; to_usize(wanted)];
    file.read_exact_at(&mut bytes, offset)?;
    Ok(bytes)
}

fn record_len(end: &[u8]) -> io::Result<u64> {
    let (rest, magic) = end.split_last_chunk::<8>().ok_or_else(|| damaged("file too short"))?;
    let (_, record_len) = rest.split_last_chunk::<4>().ok_or_else(|| damaged("file too short"))?;
    let record_len = u64::from(u32::from_le_bytes(*record_len));
    if *magic != MAGIC || record_len > RECORD_LIMIT {
        return Err(damaged("no record at the end of the file"));
    }
    Ok(record_len)
}

fn damaged(what: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

fn to_u64(len: usize) -> u64 {
    len as u64
}

/// Only for lengths below [`RECORD_LIMIT`].
fn to_usize(len: u64) -> usize {
    usize::try_from(len).unwrap_or(usize::MAX)
}

/// A point in time in whole seconds, which is all that `Last-Modified` can say; LIST must not say more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Moment(i64);

impl Moment {
    pub(crate) fn now() -> Self {
        Self(OffsetDateTime::now_utc().unix_timestamp())
    }

    /// The second a client's timestamp falls into.
    pub(crate) fn from_dto(timestamp: &Timestamp) -> Self {
        Self(OffsetDateTime::from(timestamp.clone()).unix_timestamp())
    }

    pub(crate) fn to_dto(self) -> Timestamp {
        OffsetDateTime::from_unix_timestamp(self.0).unwrap_or(OffsetDateTime::UNIX_EPOCH).into()
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn record(content_len: u64, padding: usize) -> Record {
        Record {
            modified: Moment(1_700_000_000),
            headers: BTreeMap::from([("content-type".to_owned(), "text/plain".to_owned())]),
            metadata: BTreeMap::from([("padding".to_owned(), "x".repeat(padding))]),
            ..Record::new("a/../b\u{1}".to_owned(), content_len)
        }
    }

    fn file(parts: &[&[u8]]) -> File {
        let mut file = tempfile::tempfile().unwrap();
        for part in parts {
            file.write_all(part).unwrap();
        }
        file
    }

    #[test]
    fn a_record_is_found_behind_content_of_any_length() {
        for content_len in [0, 1, 5000] {
            for padding in [0, 10_000] {
                let record = record(content_len, padding);
                let file = file(&[&vec![7; usize::try_from(content_len).unwrap()], &record.encode().unwrap()]);
                assert_eq!(Record::read(&file).unwrap(), record);
            }
        }
    }

    #[test]
    fn a_truncated_or_extended_file_is_recognised() {
        let bytes = [b"content".to_vec(), record(7, 0).encode().unwrap()].concat();
        for cut in 0..bytes.len() {
            assert!(Record::read(&file(&[&bytes[..cut]])).is_err(), "cut at {cut}");
        }
        assert!(Record::read(&file(&[b"x", &bytes])).is_err());
        assert!(Record::read(&file(&[&bytes, b"x"])).is_err());
    }

    #[test]
    fn a_record_of_before_multipart_tags_and_versions_is_still_read() {
        let old = format!(
            r#"{{"key":"k","content_len":2,"etag":"{}-1","modified":1,"headers":{{}},"metadata":{{"a":"b"}}}}"#,
            "0".repeat(32)
        );
        let old_len = u32::try_from(old.len()).unwrap().to_le_bytes();
        let record = Record::read(&file(&[b"hi", old.as_bytes(), &old_len, &MAGIC])).unwrap();
        assert_eq!((record.metadata["a"].as_str(), record.part_lens()), ("b", &[2][..]));
        assert!(record.tags.is_empty() && record.multipart.is_none() && !record.marker);
    }

    #[test]
    fn a_record_of_ten_thousand_parts_is_read() {
        let assembly = Assembly { upload: "u".repeat(32), part_lens: vec![5_368_709_120; 10_000] };
        let record = Record { multipart: Some(assembly), ..record(3, 0) };
        assert_eq!(Record::read(&file(&[b"abc", &record.encode().unwrap()])).unwrap(), record);
    }

    #[test]
    fn content_that_ends_like_a_record_is_only_content() {
        let content = record(0, 0).encode().unwrap();
        let outer = record(content.len() as u64, 3);
        let file = file(&[&content, &outer.encode().unwrap()]);
        assert_eq!(Record::read(&file).unwrap(), outer);
    }

    #[test]
    fn only_a_deletion_says_that_it_is_one() {
        assert!(!String::from_utf8_lossy(&record(0, 0).encode().unwrap()).contains("marker"));
        let deletion = Record::deletion("k".to_owned());
        assert_eq!(Record::read(&file(&[&deletion.encode().unwrap()])).unwrap(), deletion);
    }
}
