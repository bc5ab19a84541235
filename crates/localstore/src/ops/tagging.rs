//! The tags of an object after it was written: set, told, removed.

use s3s::S3Result;
use s3s::dto::{
    DeleteObjectTaggingInput, DeleteObjectTaggingOutput, GetObjectTaggingInput, GetObjectTaggingOutput,
    PutObjectTaggingInput, PutObjectTaggingOutput,
};

use crate::store::{DirectoryStore, blocking};
use crate::tagging::{self, Tags};
use crate::version::Wanted;

impl DirectoryStore {
    pub(crate) async fn set_tags(&self, input: PutObjectTaggingInput) -> S3Result<PutObjectTaggingOutput> {
        let tags = tagging::from_dto(input.tagging.tag_set)?;
        let version_id = self.replace_tags(&input.bucket, input.key, input.version_id.as_deref(), tags).await?;
        Ok(PutObjectTaggingOutput { version_id })
    }

    pub(crate) async fn remove_tags(&self, input: DeleteObjectTaggingInput) -> S3Result<DeleteObjectTaggingOutput> {
        let none = Tags::new();
        let version_id = self.replace_tags(&input.bucket, input.key, input.version_id.as_deref(), none).await?;
        Ok(DeleteObjectTaggingOutput { version_id })
    }

    pub(crate) async fn tags(&self, input: GetObjectTaggingInput) -> S3Result<GetObjectTaggingOutput> {
        let wanted = Wanted::parse(input.version_id.as_deref())?;
        let bucket = self.bucket(&input.bucket)?;
        let (tags, version_id) = blocking(move || bucket.tags(&input.key, wanted)).await?;
        Ok(GetObjectTaggingOutput { tag_set: tagging::to_dto(tags), version_id })
    }

    async fn replace_tags(
        &self,
        bucket: &str,
        key: String,
        version_id: Option<&str>,
        tags: Tags,
    ) -> S3Result<Option<String>> {
        let wanted = Wanted::parse(version_id)?;
        let bucket = self.bucket(bucket)?;
        let staged = self.layout().staged();
        blocking(move || bucket.set_tags(&key, wanted, tags, staged)).await
    }
}
