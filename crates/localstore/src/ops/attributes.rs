//! `GetObjectAttributes`: what is known of an object, as XML and only as far as asked for.

use s3s::dto::{
    GetObjectAttributesInput, GetObjectAttributesOutput, GetObjectAttributesParts, ObjectAttributes, ObjectPart,
};
use s3s::{S3Result, s3_error};

use super::unfinished::part_marker;
use crate::bucket::Object;
use crate::listing::{page_limit, to_usize};
use crate::record::{Assembly, Record};
use crate::store::DirectoryStore;

/// What can be asked for. Checksums are not kept, so there are never any to tell.
const KNOWN: [&str; 5] = [
    ObjectAttributes::CHECKSUM,
    ObjectAttributes::ETAG,
    ObjectAttributes::OBJECT_PARTS,
    ObjectAttributes::OBJECT_SIZE,
    ObjectAttributes::STORAGE_CLASS,
];

impl DirectoryStore {
    pub(crate) async fn attributes(&self, input: GetObjectAttributesInput) -> S3Result<GetObjectAttributesOutput> {
        // Clients send one header with commas as well as several headers.
        let names: Vec<_> = input.object_attributes.iter().flat_map(|list| list.as_str().split(',')).collect();
        if let Some(unknown) = names.iter().find(|name| !KNOWN.contains(&name.trim())) {
            return Err(s3_error!(InvalidArgument, "Invalid attribute name specified: {unknown}"));
        }
        let asked = |wanted: &str| names.iter().any(|name| name.trim() == wanted);
        let limit = page_limit("max-parts", input.max_parts)?;
        let after = part_marker(input.part_number_marker)?;
        let (etag, size) = (asked(ObjectAttributes::ETAG), asked(ObjectAttributes::OBJECT_SIZE));
        let (class, parts) = (asked(ObjectAttributes::STORAGE_CLASS), asked(ObjectAttributes::OBJECT_PARTS));
        let Object { record, version_id, .. } =
            self.read(&input.bucket, input.key, input.version_id.as_deref()).await?;
        let assembly = record.multipart.as_ref().filter(|_| parts);
        Ok(GetObjectAttributesOutput {
            e_tag: etag.then(|| record.etag.to_dto()),
            object_size: if size { i64::try_from(record.content_len).ok() } else { None },
            storage_class: class.then(|| storage_class(&record).to_owned().into()),
            object_parts: assembly.map(|assembly| show_parts(assembly, after, limit)),
            last_modified: Some(record.modified.to_dto()),
            version_id,
            ..Default::default()
        })
    }
}

fn storage_class(record: &Record) -> &str {
    record.headers.get("x-amz-storage-class").map_or("STANDARD", String::as_str)
}

/// A page of the parts of an object that has them. S3 shows their sizes only where they have checksums; here they are
/// known, so they are shown.
fn show_parts(assembly: &Assembly, after: u16, limit: i32) -> GetObjectAttributesParts {
    let part_lens = &assembly.part_lens;
    let numbered = (1..).zip(part_lens).skip(usize::from(after)).take(to_usize(limit));
    let show = |(number, part_len): (i32, &u64)| ObjectPart {
        part_number: Some(number),
        size: i64::try_from(*part_len).ok(),
        ..Default::default()
    };
    let parts: Vec<_> = numbered.map(show).collect();
    let next = parts.last().and_then(|part| part.part_number);
    let total = i32::try_from(part_lens.len()).ok();
    GetObjectAttributesParts {
        is_truncated: Some(next.is_some() && next < total),
        max_parts: Some(limit),
        next_part_number_marker: next,
        part_number_marker: Some(i32::from(after)),
        parts: Some(parts),
        total_parts_count: total,
    }
}
