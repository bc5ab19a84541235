//! Objects in one request: written, opened to be read, removed.

use std::fs::File;

use http::HeaderMap;
use s3s::dto::{
    DeleteObjectsInput, DeleteObjectsOutput, DeletedObject, ETagCondition, Error as DeleteError, PutObjectInput,
};
use s3s::{S3Result, s3_error};

use crate::conditions::{RemoveConditions, WriteConditions};
use crate::error::disk;
use crate::headers;
use crate::record::Record;
use crate::store::{DirectoryStore, blocking, refuse_version};
use crate::tag::Tag;
use crate::upload::{Upload, parse_md5};

/// S3 takes no more keys in one request.
const DELETE_LIMIT: usize = 1000;

impl DirectoryStore {
    pub(crate) async fn read(&self, bucket: String, key: String, version: Option<&str>) -> S3Result<(File, Record)> {
        refuse_version(version)?;
        let bucket = self.bucket(&bucket)?;
        blocking(move || bucket.open(&key)).await
    }

    pub(crate) async fn write(&self, input: PutObjectInput, headers: &HeaderMap) -> S3Result<Tag> {
        let properties = headers::properties(headers)?;
        let bucket = self.bucket(&input.bucket)?;
        let conditions = WriteConditions::new(input.if_match, input.if_none_match)?;
        bucket.foresee(&input.key, &conditions)?;
        let content_len = input.content_length.and_then(|content_len| u64::try_from(content_len).ok());
        let content_len = content_len.ok_or_else(|| s3_error!(MissingContentLength))?;
        let upload = Upload { content_len, md5: input.content_md5.as_deref().map(parse_md5).transpose()? };
        let mut staged = upload.receive(input.body, self.layout().staged()).await?;
        blocking(move || {
            let record = Record {
                headers: properties.system,
                metadata: properties.user,
                tags: properties.tags,
                ..Record::new(input.key, content_len)
            };
            staged.complete(&record).map_err(disk("finish an object"))?;
            bucket.commit(staged, &record, &conditions)?;
            Ok(record.etag)
        })
        .await
    }

    pub(crate) async fn remove_many(&self, input: DeleteObjectsInput) -> S3Result<DeleteObjectsOutput> {
        let bucket = self.bucket(&input.bucket)?;
        let asked = input.delete.objects;
        if asked.is_empty() || asked.len() > DELETE_LIMIT {
            return Err(s3_error!(MalformedXML));
        }
        let mut keys = Vec::with_capacity(asked.len());
        for object in asked {
            refuse_version(object.version_id.as_deref())?;
            let if_match = object.e_tag.map(ETagCondition::ETag);
            keys.push((
                object.key,
                RemoveConditions { if_match, size: object.size, modified: object.last_modified_time },
            ));
        }
        let (keys, results) = blocking(move || bucket.remove(&keys).map(|results| (keys, results))).await?;
        let (mut deleted, mut errors) = (Vec::new(), Vec::new());
        for ((key, _), result) in keys.into_iter().zip(results) {
            match result {
                Ok(()) => deleted.push(DeletedObject { key: Some(key), ..Default::default() }),
                Err(error) => errors.push(DeleteError {
                    key: Some(key),
                    code: Some(error.code().as_str().to_owned()),
                    message: error.message().map(str::to_owned),
                    ..Default::default()
                }),
            }
        }
        let quiet = input.delete.quiet.unwrap_or(false);
        Ok(DeleteObjectsOutput { deleted: (!quiet).then_some(deleted), errors: Some(errors), ..Default::default() })
    }
}
