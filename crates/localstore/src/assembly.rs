//! From a completion's part list to the object's file: what S3 demands of the list, and the parts put together.
//!
//! The content of the parts is copied into one file by the system (`copy_file_range`), on a blocking thread. The other
//! way, an object that is a list of part files, would complete in no time, but then every read opens up to 10,000
//! files, an overwritten object must wait for its readers before its parts may go, and a lost record takes its content
//! with it. One file per object keeps all of that simple; the price is that completing costs a copy, and for its time
//! the space of one.

use std::path::PathBuf;

use s3s::dto::{CompletedMultipartUpload, CompletedPart, ETagCondition};
use s3s::{S3Result, s3_error};

use crate::commit::Staged;
use crate::error::disk;
use crate::multipart::{Multipart, Part};
use crate::record::{Assembly, Record};
use crate::tag::Tag;

/// S3 numbers parts from 1 to this.
pub(crate) const PART_LIMIT: u16 = 10_000;
/// Every part but the last is at least this long.
const MIN_PART_LEN: u64 = 5 << 20;

/// The number of a part, as a request names it.
pub(crate) fn part_number(number: i32) -> S3Result<u16> {
    match u16::try_from(number) {
        Ok(number) if (1..=PART_LIMIT).contains(&number) => Ok(number),
        _ => Err(s3_error!(InvalidArgument, "Part number must be an integer between 1 and 10000, inclusive")),
    }
}

/// The parts a client wants its object to consist of: at least one, in ascending order.
#[derive(Debug)]
pub(crate) struct PartList {
    wanted: Vec<(u16, ETagCondition)>,
}

impl PartList {
    pub(crate) fn new(upload: Option<CompletedMultipartUpload>) -> S3Result<Self> {
        let parts = upload.and_then(|upload| upload.parts).unwrap_or_default();
        if parts.is_empty() || parts.len() > usize::from(PART_LIMIT) {
            return Err(s3_error!(MalformedXML));
        }
        let wanted = parts.into_iter().map(wanted).collect::<S3Result<Vec<_>>>()?;
        if wanted.windows(2).any(|pair| pair[0].0 >= pair[1].0) {
            return Err(s3_error!(InvalidPartOrder));
        }
        Ok(Self { wanted })
    }

    /// The parts that were uploaded, which must be the ones the client means, and long enough.
    pub(crate) fn choose(&self, uploaded: impl Fn(u16) -> Option<Part>) -> S3Result<Vec<(u16, Part)>> {
        let mut chosen = Vec::with_capacity(self.wanted.len());
        for (number, etag) in &self.wanted {
            match uploaded(*number) {
                Some(part) if part.etag.satisfies_match(etag) => chosen.push((*number, part)),
                _ => return Err(s3_error!(InvalidPart)),
            }
        }
        match chosen.split_last() {
            Some((_, others)) if others.iter().all(|(_, part)| part.content_len >= MIN_PART_LEN) => Ok(chosen),
            _ => Err(s3_error!(EntityTooSmall)),
        }
    }
}

fn wanted(part: CompletedPart) -> S3Result<(u16, ETagCondition)> {
    let (Some(number), Some(etag)) = (part.part_number, part.e_tag) else {
        return Err(s3_error!(MalformedXML));
    };
    // No such number can have been uploaded.
    let number = part_number(number).map_err(|_| s3_error!(InvalidPart))?;
    Ok((number, ETagCondition::ETag(etag)))
}

/// Puts the chosen parts together in a new file, which is durable but not yet an object. Blocks for long.
pub(crate) fn assemble(multipart: &Multipart, chosen: &[(u16, Part)], path: PathBuf) -> S3Result<(Staged, Record)> {
    let mut staged = Staged::create(path).map_err(disk("create a file"))?;
    for (number, _) in chosen {
        multipart.copy_part(*number, &mut staged).map_err(disk("copy a part"))?;
    }
    let part_lens: Vec<u64> = chosen.iter().map(|(_, part)| part.content_len).collect();
    let intent = &multipart.intent;
    let record = Record {
        etag: Tag::for_parts(u16::try_from(chosen.len()).unwrap_or(PART_LIMIT)),
        headers: intent.headers.clone(),
        metadata: intent.metadata.clone(),
        tags: intent.tags.clone(),
        multipart: Some(Assembly { upload: multipart.id.clone(), part_lens: part_lens.clone() }),
        ..Record::new(intent.key.clone(), part_lens.iter().sum())
    };
    staged.complete(&record).map_err(disk("finish an object"))?;
    Ok((staged, record))
}

#[cfg(test)]
mod tests {
    use s3s::S3ErrorCode;
    use s3s::dto::ETag;

    use super::*;
    use crate::record::Moment;

    fn list(numbers: &[i32]) -> S3Result<PartList> {
        let part = |number: &i32| CompletedPart {
            part_number: Some(*number),
            e_tag: Some(ETag::Strong("other".to_owned())),
            ..Default::default()
        };
        PartList::new(Some(CompletedMultipartUpload { parts: Some(numbers.iter().map(part).collect()) }))
    }

    fn named(parts: &[(u16, Part)]) -> PartList {
        let wanted = |(number, part): &(u16, Part)| (*number, ETagCondition::ETag(part.etag.to_dto()));
        PartList { wanted: parts.iter().map(wanted).collect() }
    }

    fn part(content_len: u64) -> Part {
        Part { content_len, etag: Tag::random(), modified: Moment::now() }
    }

    fn code<T>(result: S3Result<T>) -> Option<S3ErrorCode> {
        result.err().map(|error| error.code().clone())
    }

    fn choose(list: &PartList, uploaded: &[(u16, Part)]) -> Option<S3ErrorCode> {
        code(list.choose(|wanted| uploaded.iter().find(|(number, _)| *number == wanted).map(|(_, part)| *part)))
    }

    #[test]
    fn a_list_without_parts_is_malformed() {
        assert_eq!(code(PartList::new(None)), Some(S3ErrorCode::MalformedXML));
        assert_eq!(code(list(&[])), Some(S3ErrorCode::MalformedXML));
    }

    #[test]
    fn a_list_ascends_and_may_have_gaps() {
        assert_eq!(code(list(&[1, 3, 10_000])), None);
        assert_eq!(code(list(&[2, 1])), Some(S3ErrorCode::InvalidPartOrder));
        assert_eq!(code(list(&[1, 1])), Some(S3ErrorCode::InvalidPartOrder));
        assert_eq!(code(list(&[0, 1])), Some(S3ErrorCode::InvalidPart));
        assert_eq!(code(list(&[10_001])), Some(S3ErrorCode::InvalidPart));
    }

    #[test]
    fn a_part_is_the_one_its_tag_names() {
        let uploaded = [(1, part(MIN_PART_LEN)), (3, part(1))];
        assert_eq!(choose(&named(&uploaded), &uploaded), None);
        assert_eq!(choose(&list(&[1]).unwrap(), &uploaded), Some(S3ErrorCode::InvalidPart));
        assert_eq!(choose(&named(&[(2, uploaded[0].1)]), &uploaded), Some(S3ErrorCode::InvalidPart));
    }

    #[test]
    fn only_the_last_part_may_be_small() {
        let small_first = [(1, part(MIN_PART_LEN - 1)), (2, part(MIN_PART_LEN))];
        assert_eq!(choose(&named(&small_first), &small_first), Some(S3ErrorCode::EntityTooSmall));
        let empty_only = [(1, part(0))];
        assert_eq!(choose(&named(&empty_only), &empty_only), None);
    }
}
