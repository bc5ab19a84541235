//! Copies within the store: whole objects, and stretches of objects as parts. The content is copied by the system on a
//! blocking thread and never comes into this process.
//!
//! Unlike S3 there is no limit of 5 GiB: nothing is gained by one where a copy is a file's.

use std::fs::File;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;

use http::HeaderMap;
use s3s::dto::{
    CopyObjectInput, CopyObjectOutput, CopyObjectResult, CopyPartResult, CopySource, MetadataDirective,
    TaggingDirective, UploadPartCopyInput, UploadPartCopyOutput,
};
use s3s::{S3ErrorCode, S3Result, s3_error};

use crate::assembly::part_number;
use crate::bucket::{Bucket, Object};
use crate::commit::Staged;
use crate::conditions::{ReadConditions, WriteConditions};
use crate::error::disk;
use crate::headers::{self, Properties};
use crate::range::copy_range;
use crate::record::Record;
use crate::store::{DirectoryStore, blocking};
use crate::version::Wanted;

/// What a copy is made of.
struct Source {
    bucket: Arc<Bucket>,
    key: String,
    wanted: Wanted,
    conditions: ReadConditions,
}

/// What becomes of the source's properties.
struct Directives {
    replace_metadata: bool,
    replace_tags: bool,
}

/// The conditions of a copy on its source, which two types of input ask for in the same words.
macro_rules! source_conditions {
    ($input:ident) => {
        ReadConditions {
            matching: $input.copy_source_if_match.take(),
            none_matching: $input.copy_source_if_none_match.take(),
            modified_since: $input.copy_source_if_modified_since.take(),
            unmodified_since: $input.copy_source_if_unmodified_since.take(),
        }
    };
}

impl DirectoryStore {
    pub(crate) async fn copy(&self, mut input: CopyObjectInput, headers: &HeaderMap) -> S3Result<CopyObjectOutput> {
        let asked = headers::properties(headers)?;
        let directives = Directives::new(&input)?;
        let source = self.source(&input.copy_source, source_conditions!(input))?;
        let target = self.bucket(&input.bucket)?;
        // A version that is named may come back as the latest, unchanged.
        let onto_itself =
            Arc::ptr_eq(&source.bucket, &target) && source.key == input.key && source.wanted == Wanted::Latest;
        if onto_itself && !directives.replace_metadata && !headers::changes_by_itself(headers) {
            return Err(s3_error!(
                InvalidRequest,
                "This copy request is illegal because it is trying to copy an object to itself without changing the \
                 object's metadata, storage class, website redirect location or encryption attributes."
            ));
        }
        let conditions = WriteConditions::new(input.if_match, input.if_none_match)?;
        target.foresee(&input.key, &conditions)?;
        let path = self.layout().staged();
        blocking(move || {
            let Object { file, record: old, version_id: copied } = source.open()?;
            let properties = directives.apply(asked, &old);
            let record = Record {
                headers: properties.system,
                metadata: properties.user,
                tags: properties.tags,
                ..Record::new(input.key, old.content_len)
            };
            let staged = duplicate(&file, 0..old.content_len, &record, path)?;
            let version_id = target.commit(staged, &record, &conditions)?.name();
            let result = CopyObjectResult {
                e_tag: Some(record.etag.to_dto()),
                last_modified: Some(record.modified.to_dto()),
                ..Default::default()
            };
            Ok(CopyObjectOutput {
                copy_object_result: Some(result),
                copy_source_version_id: copied,
                version_id,
                ..Default::default()
            })
        })
        .await
    }

    pub(crate) async fn copy_part(
        &self,
        mut input: UploadPartCopyInput,
        headers: &HeaderMap,
    ) -> S3Result<UploadPartCopyOutput> {
        headers::refuse_unsupported(headers)?;
        let number = part_number(input.part_number)?;
        let source = self.source(&input.copy_source, source_conditions!(input))?;
        let bucket = self.bucket(&input.bucket)?;
        let multipart = bucket.uploads.find(&input.key, &input.upload_id)?;
        let path = self.layout().staged();
        let (staged, record, copied) = blocking(move || {
            let Object { file, record: old, version_id: copied } = source.open()?;
            let range = input.copy_source_range.as_deref();
            let bytes = range.map_or(Ok(0..old.content_len), |range| copy_range(range, old.content_len))?;
            let record = Record::new(input.key, bytes.end - bytes.start);
            Ok((duplicate(&file, bytes, &record, path)?, record, copied))
        })
        .await?;
        let open = multipart.open().await?;
        blocking(move || {
            bucket.add_part((&multipart, &open), number, staged, &record)?;
            let result = CopyPartResult {
                e_tag: Some(record.etag.to_dto()),
                last_modified: Some(record.modified.to_dto()),
                ..Default::default()
            };
            Ok(UploadPartCopyOutput {
                copy_part_result: Some(result),
                copy_source_version_id: copied,
                ..Default::default()
            })
        })
        .await
    }

    fn source(&self, source: &CopySource, conditions: ReadConditions) -> S3Result<Source> {
        let CopySource::Bucket { bucket, key, version_id } = source else {
            return Err(s3_error!(NotImplemented, "The directory store has no access points."));
        };
        let wanted = Wanted::parse(version_id.as_deref())?;
        Ok(Source { bucket: self.bucket(bucket)?, key: String::from(&**key), wanted, conditions })
    }
}

impl Source {
    /// Blocks.
    fn open(&self) -> S3Result<Object> {
        let object = self.bucket.open(&self.key, self.wanted).map_err(|error| match error.code() {
            S3ErrorCode::MethodNotAllowed => s3_error!(
                InvalidRequest,
                "The source of a copy request may not specifically refer to a delete marker by version id."
            ),
            _ => error,
        })?;
        match self.conditions.check(&object.record) {
            Ok(()) => Ok(object),
            // Only a reader can be sent back to what it has.
            Err(error) if *error.code() == S3ErrorCode::NotModified => Err(s3_error!(PreconditionFailed)),
            Err(error) => Err(error),
        }
    }
}

impl Directives {
    fn new(input: &CopyObjectInput) -> S3Result<Self> {
        let replaces = |directive: Option<&str>| match directive {
            None | Some(MetadataDirective::COPY) => Ok(false),
            Some(MetadataDirective::REPLACE) => Ok(true),
            Some(_) => Err(s3_error!(InvalidArgument, "Unknown metadata or tagging directive.")),
        };
        Ok(Self {
            replace_metadata: replaces(input.metadata_directive.as_ref().map(MetadataDirective::as_str))?,
            replace_tags: replaces(input.tagging_directive.as_ref().map(TaggingDirective::as_str))?,
        })
    }

    fn apply(&self, asked: Properties, old: &Record) -> Properties {
        let tags = if self.replace_tags { asked.tags } else { old.tags.clone() };
        if self.replace_metadata {
            return Properties { tags, ..asked };
        }
        Properties { system: headers::carried_over(&old.headers, asked.system), user: old.metadata.clone(), tags }
    }
}

/// A new file of some bytes of another, durable but not yet anything. Blocks for as long as it takes to copy them.
fn duplicate(file: &File, bytes: Range<u64>, record: &Record, path: PathBuf) -> S3Result<Staged> {
    let mut staged = Staged::create(path).map_err(disk("create a file"))?;
    staged.append_file(file, bytes).map_err(disk("copy an object"))?;
    staged.complete(record).map_err(disk("finish an object"))?;
    Ok(staged)
}
