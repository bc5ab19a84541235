//! What is listed of multipart uploads while they are unfinished: the parts of one, and the uploads of a bucket.

use s3s::dto::{
    ChecksumAlgorithm, ChecksumType, CommonPrefix, Initiator, ListMultipartUploadsInput, ListMultipartUploadsOutput,
    ListPartsInput, ListPartsOutput, MultipartUpload, Part as PartEntry, StorageClass,
};
use s3s::{S3Result, s3_error};

use super::echo;
use crate::bucket::Bucket;
use crate::index::{Position, Query};
use crate::listing::{View, marker_position, owner, page_limit, to_usize};
use crate::multipart::{Multipart, Part};
use crate::multiparts::{Item, Start};
use crate::store::DirectoryStore;

impl DirectoryStore {
    pub(crate) fn parts_of_upload(&self, input: ListPartsInput) -> S3Result<ListPartsOutput> {
        let multipart = self.bucket(&input.bucket)?.uploads.find(&input.key, &input.upload_id)?;
        let limit = page_limit("max-parts", input.max_parts)?;
        let after = part_marker(input.part_number_marker)?;
        let (parts, truncated) = multipart.page(after, to_usize(limit));
        let (checksum_algorithm, checksum_type) = checksum(&multipart);
        Ok(ListPartsOutput {
            bucket: Some(input.bucket),
            key: echo(&input.key),
            upload_id: Some(input.upload_id),
            max_parts: Some(limit),
            part_number_marker: Some(i32::from(after)),
            next_part_number_marker: parts.last().map(|(number, _)| i32::from(*number)),
            is_truncated: Some(truncated),
            parts: Some(parts.into_iter().map(show_part).collect()),
            storage_class: Some(storage_class(&multipart)),
            owner: Some(owner()),
            initiator: Some(initiator()),
            checksum_algorithm,
            checksum_type,
            ..Default::default()
        })
    }
}

/// Answers `ListMultipartUploads`.
pub(crate) fn list_uploads(bucket: &Bucket, input: ListMultipartUploadsInput) -> S3Result<ListMultipartUploadsOutput> {
    let view = View::new(input.encoding_type.as_ref(), true)?;
    let prefix = input.prefix.unwrap_or_default();
    let delimiter = input.delimiter.filter(|delimiter| !delimiter.is_empty());
    let limit = page_limit("max-uploads", input.max_uploads)?;
    let key_marker = input.key_marker.unwrap_or_default();
    // S3 ignores the finer marker without the coarser one.
    let id_marker = input.upload_id_marker.filter(|id| !id.is_empty() && !key_marker.is_empty());
    let from = match (marker_position(&key_marker, &prefix, delimiter.as_deref()), &id_marker) {
        (Position::Start, _) => Start::First,
        (Position::AfterPrefix(prefix), _) => Start::AfterPrefix(prefix),
        (Position::AfterKey(key), Some(id)) => Start::AfterUpload(key, id.clone()),
        (Position::AfterKey(key), None) => Start::AfterKey(key),
    };
    let query =
        Query { prefix: &prefix, delimiter: delimiter.as_deref(), from: &Position::Start, limit: to_usize(limit) };
    let (items, truncated) = bucket.uploads.page(&query, &from);
    let (next_key, next_id) = match items.last().filter(|_| truncated) {
        Some(Item::Upload(multipart)) => (Some(view.show(&multipart.intent.key)), Some(multipart.id.clone())),
        Some(Item::Prefix(prefix)) => (Some(view.show(prefix)), None),
        None => (None, None),
    };
    let (uploads, common_prefixes) = split(&view, items);
    Ok(ListMultipartUploadsOutput {
        bucket: Some(input.bucket),
        prefix: Some(view.show(&prefix)),
        delimiter: delimiter.map(|delimiter| view.show(&delimiter)),
        key_marker: Some(view.show(&key_marker)),
        upload_id_marker: id_marker,
        next_key_marker: next_key,
        next_upload_id_marker: next_id,
        max_uploads: Some(limit),
        is_truncated: Some(truncated),
        uploads: Some(uploads),
        common_prefixes: Some(common_prefixes),
        encoding_type: view.encoding_type(),
        ..Default::default()
    })
}

/// The number behind which a page of parts begins.
pub(super) fn part_marker(marker: Option<i32>) -> S3Result<u16> {
    match marker.unwrap_or(0) {
        marker if marker < 0 => Err(s3_error!(InvalidArgument, "part-number-marker must not be negative")),
        marker => Ok(u16::try_from(marker).unwrap_or(u16::MAX)),
    }
}

fn split(view: &View, items: Vec<Item>) -> (Vec<MultipartUpload>, Vec<CommonPrefix>) {
    let (mut uploads, mut prefixes) = (Vec::new(), Vec::new());
    for item in items {
        match item {
            Item::Prefix(prefix) => prefixes.push(CommonPrefix { prefix: Some(view.show(&prefix)) }),
            Item::Upload(multipart) => uploads.push(show_upload(view, &multipart)),
        }
    }
    (uploads, prefixes)
}

fn show_upload(view: &View, multipart: &Multipart) -> MultipartUpload {
    let (checksum_algorithm, checksum_type) = checksum(multipart);
    MultipartUpload {
        key: Some(view.show(&multipart.intent.key)),
        upload_id: Some(multipart.id.clone()),
        initiated: Some(multipart.intent.initiated.to_dto()),
        storage_class: Some(storage_class(multipart)),
        owner: Some(owner()),
        initiator: Some(initiator()),
        checksum_algorithm,
        checksum_type,
    }
}

fn show_part((number, part): (u16, Part)) -> PartEntry {
    PartEntry {
        part_number: Some(i32::from(number)),
        e_tag: Some(part.etag.to_dto()),
        last_modified: Some(part.modified.to_dto()),
        size: i64::try_from(part.content_len).ok(),
        ..Default::default()
    }
}

fn checksum(multipart: &Multipart) -> (Option<ChecksumAlgorithm>, Option<ChecksumType>) {
    let intent = &multipart.intent;
    (intent.checksum_algorithm.clone().map(Into::into), intent.checksum_type.clone().map(Into::into))
}

fn storage_class(multipart: &Multipart) -> StorageClass {
    multipart.intent.headers.get("x-amz-storage-class").map_or("STANDARD", String::as_str).to_owned().into()
}

fn initiator() -> Initiator {
    let owner = owner();
    Initiator { id: owner.id, display_name: owner.display_name }
}
