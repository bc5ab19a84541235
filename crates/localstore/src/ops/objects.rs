//! Objects in one request: written, opened to be read, removed.

use http::HeaderMap;
use s3s::dto::{
    DeleteObjectInput, DeleteObjectOutput, DeleteObjectsInput, DeleteObjectsOutput, DeletedObject, ETagCondition,
    Error as DeleteError, ObjectIdentifier, PutObjectInput, PutObjectOutput,
};
use s3s::{S3Error, S3Result, s3_error};

use crate::bucket::{Object, Removal, Removed};
use crate::conditions::{RemoveConditions, WriteConditions};
use crate::error::disk;
use crate::headers;
use crate::record::Record;
use crate::store::{DirectoryStore, blocking};
use crate::upload::{Upload, parse_md5};
use crate::version::Wanted;

/// S3 takes no more keys in one request.
const DELETE_LIMIT: usize = 1000;

impl DirectoryStore {
    pub(crate) async fn read(&self, bucket: &str, key: String, version_id: Option<&str>) -> S3Result<Object> {
        let wanted = Wanted::parse(version_id)?;
        let bucket = self.bucket(bucket)?;
        blocking(move || bucket.open(&key, wanted)).await
    }

    pub(crate) async fn write(&self, input: PutObjectInput, headers: &HeaderMap) -> S3Result<PutObjectOutput> {
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
            let version_id = bucket.commit(staged, &record, &conditions)?.name();
            Ok(PutObjectOutput { e_tag: Some(record.etag.to_dto()), version_id, ..Default::default() })
        })
        .await
    }

    pub(crate) async fn remove(&self, input: DeleteObjectInput) -> S3Result<DeleteObjectOutput> {
        let conditions = RemoveConditions {
            if_match: input.if_match,
            size: input.if_match_size,
            modified: input.if_match_last_modified_time,
        };
        let removal = Removal { key: input.key, wanted: Wanted::parse(input.version_id.as_deref())?, conditions };
        let bucket = self.bucket(&input.bucket)?;
        let store = self.clone();
        let mut results = blocking(move || bucket.remove(&[removal], store.layout())).await?;
        let removed = results.pop().unwrap_or_else(|| Ok(Removed::default()))?;
        Ok(DeleteObjectOutput {
            delete_marker: removed.marker.then_some(true),
            version_id: removed.version_id,
            ..Default::default()
        })
    }

    pub(crate) async fn remove_many(&self, input: DeleteObjectsInput) -> S3Result<DeleteObjectsOutput> {
        let bucket = self.bucket(&input.bucket)?;
        let asked = input.delete.objects;
        if asked.is_empty() || asked.len() > DELETE_LIMIT {
            return Err(s3_error!(MalformedXML));
        }
        let (mut removals, mut deleted, mut errors) = (Vec::with_capacity(asked.len()), Vec::new(), Vec::new());
        for object in asked {
            match removal(object) {
                Ok(removal) => removals.push(removal),
                Err(error) => errors.push(error),
            }
        }
        let store = self.clone();
        let (removals, results) = blocking(move || {
            let results = bucket.remove(&removals, store.layout())?;
            Ok((removals, results))
        })
        .await?;
        for (removal, result) in removals.into_iter().zip(results) {
            match result {
                Ok(removed) => deleted.push(show_removed(removal, removed)),
                Err(error) => errors.push(show_error(removal.key, removal.wanted.id(), &error)),
            }
        }
        let quiet = input.delete.quiet.unwrap_or(false);
        Ok(DeleteObjectsOutput { deleted: (!quiet).then_some(deleted), errors: Some(errors), ..Default::default() })
    }
}

/// One entry of a list of removals. What cannot be the name of a version fails its entry only.
fn removal(object: ObjectIdentifier) -> Result<Removal, DeleteError> {
    let Ok(wanted) = Wanted::parse(object.version_id.as_deref()) else {
        let error = s3_error!(NoSuchVersion, "The specified version does not exist.");
        return Err(show_error(object.key, object.version_id, &error));
    };
    let conditions = RemoveConditions {
        if_match: object.e_tag.map(ETagCondition::ETag),
        size: object.size,
        modified: object.last_modified_time,
    };
    Ok(Removal { key: object.key, wanted, conditions })
}

fn show_removed(Removal { key, wanted, .. }: Removal, removed: Removed) -> DeletedObject {
    DeletedObject {
        key: Some(key),
        version_id: wanted.id(),
        delete_marker: removed.marker.then_some(true),
        delete_marker_version_id: if removed.marker { removed.version_id } else { None },
    }
}

fn show_error(key: String, version_id: Option<String>, error: &S3Error) -> DeleteError {
    DeleteError {
        key: Some(key),
        version_id,
        code: Some(error.code().as_str().to_owned()),
        message: error.message().map(str::to_owned),
    }
}
