//! The tags of an object after it was written: set, told, removed.

use s3s::S3Result;
use s3s::dto::{DeleteObjectTaggingInput, GetObjectTaggingInput, PutObjectTaggingInput, TagSet};

use crate::store::{DirectoryStore, blocking, refuse_version};
use crate::tagging::{self, Tags};

impl DirectoryStore {
    pub(crate) async fn set_tags(&self, input: PutObjectTaggingInput) -> S3Result<()> {
        let tags = tagging::from_dto(input.tagging.tag_set)?;
        self.replace_tags(&input.bucket, input.key, input.version_id.as_deref(), tags).await
    }

    pub(crate) async fn remove_tags(&self, input: DeleteObjectTaggingInput) -> S3Result<()> {
        self.replace_tags(&input.bucket, input.key, input.version_id.as_deref(), Tags::new()).await
    }

    pub(crate) async fn tags(&self, input: GetObjectTaggingInput) -> S3Result<TagSet> {
        refuse_version(input.version_id.as_deref())?;
        let bucket = self.bucket(&input.bucket)?;
        blocking(move || bucket.tags(&input.key)).await.map(tagging::to_dto)
    }

    async fn replace_tags(&self, bucket: &str, key: String, version: Option<&str>, tags: Tags) -> S3Result<()> {
        refuse_version(version)?;
        let bucket = self.bucket(bucket)?;
        let staged = self.layout().staged();
        blocking(move || bucket.set_tags(&key, tags, staged)).await
    }
}
