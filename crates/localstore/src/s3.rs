//! The operations this store knows, one row each. Whatever has no row is answered with `NotImplemented`: object lock,
//! access control, and all settings of buckets but whether they keep versions.

use s3s::dto::{
    AbortMultipartUploadInput, AbortMultipartUploadOutput, CompleteMultipartUploadInput, CompleteMultipartUploadOutput,
    CopyObjectInput, CopyObjectOutput, CreateBucketInput, CreateBucketOutput, CreateMultipartUploadInput,
    CreateMultipartUploadOutput, DeleteBucketInput, DeleteBucketOutput, DeleteObjectInput, DeleteObjectOutput,
    DeleteObjectTaggingInput, DeleteObjectTaggingOutput, DeleteObjectsInput, DeleteObjectsOutput,
    GetBucketLocationInput, GetBucketLocationOutput, GetBucketVersioningInput, GetBucketVersioningOutput,
    GetObjectAttributesInput, GetObjectAttributesOutput, GetObjectInput, GetObjectOutput, GetObjectTaggingInput,
    GetObjectTaggingOutput, HeadBucketInput, HeadBucketOutput, HeadObjectInput, HeadObjectOutput, ListBucketsInput,
    ListBucketsOutput, ListMultipartUploadsInput, ListMultipartUploadsOutput, ListObjectVersionsInput,
    ListObjectVersionsOutput, ListObjectsInput, ListObjectsOutput, ListObjectsV2Input, ListObjectsV2Output,
    ListPartsInput, ListPartsOutput, PostObjectInput, PostObjectOutput, PutBucketVersioningInput,
    PutBucketVersioningOutput, PutObjectInput, PutObjectOutput, PutObjectTaggingInput, PutObjectTaggingOutput,
    StreamingBlob, UploadPartCopyInput, UploadPartCopyOutput, UploadPartInput, UploadPartOutput,
};
use s3s::{S3, S3Request, S3Response, S3Result, s3_error};

use crate::bucket::Object;
use crate::conditions::ReadConditions;
use crate::download::Content;
use crate::headers::{self, Overrides};
use crate::listing;
use crate::ops::unfinished::list_uploads;
use crate::ops::versions;
use crate::range::Span;
use crate::record::Record;
use crate::service::PartOfHead;
use crate::store::{DirectoryStore, blocking};

/// What GET and HEAD ask in the same words, though their inputs are different types.
macro_rules! reading {
    ($input:ident) => {{
        let conditions = ReadConditions {
            matching: $input.if_match,
            none_matching: $input.if_none_match,
            modified_since: $input.if_modified_since,
            unmodified_since: $input.if_unmodified_since,
        };
        let overrides = Overrides {
            cache_control: $input.response_cache_control,
            content_disposition: $input.response_content_disposition,
            content_encoding: $input.response_content_encoding,
            content_language: $input.response_content_language,
            content_type: $input.response_content_type,
            expires: $input.response_expires,
        };
        (conditions, overrides)
    }};
}

#[async_trait::async_trait]
impl S3 for DirectoryStore {
    async fn create_bucket(&self, req: S3Request<CreateBucketInput>) -> S3Result<S3Response<CreateBucketOutput>> {
        headers::refuse_unsupported(&req.headers)?;
        if req.input.object_lock_enabled_for_bucket == Some(true) {
            return Err(s3_error!(NotImplemented, "The directory store has no object lock."));
        }
        let store = self.clone();
        let location = format!("/{}", req.input.bucket);
        blocking(move || store.add_bucket(&req.input.bucket)).await?;
        Ok(S3Response::new(CreateBucketOutput { location: Some(location), ..Default::default() }))
    }

    async fn delete_bucket(&self, req: S3Request<DeleteBucketInput>) -> S3Result<S3Response<DeleteBucketOutput>> {
        let store = self.clone();
        blocking(move || store.remove_bucket(&req.input.bucket)).await?;
        Ok(S3Response::new(DeleteBucketOutput {}))
    }

    async fn head_bucket(&self, req: S3Request<HeadBucketInput>) -> S3Result<S3Response<HeadBucketOutput>> {
        self.bucket(&req.input.bucket)?;
        Ok(S3Response::new(HeadBucketOutput::default()))
    }

    async fn get_bucket_location(
        &self,
        req: S3Request<GetBucketLocationInput>,
    ) -> S3Result<S3Response<GetBucketLocationOutput>> {
        self.bucket(&req.input.bucket)?;
        Ok(S3Response::new(GetBucketLocationOutput::default()))
    }

    async fn put_bucket_versioning(
        &self,
        req: S3Request<PutBucketVersioningInput>,
    ) -> S3Result<S3Response<PutBucketVersioningOutput>> {
        self.decide_versioning(req.input).await?;
        Ok(S3Response::new(PutBucketVersioningOutput::default()))
    }

    async fn get_bucket_versioning(
        &self,
        req: S3Request<GetBucketVersioningInput>,
    ) -> S3Result<S3Response<GetBucketVersioningOutput>> {
        let bucket = self.bucket(&req.input.bucket)?;
        Ok(S3Response::new(versions::tell_versioning(&bucket)))
    }

    async fn list_object_versions(
        &self,
        req: S3Request<ListObjectVersionsInput>,
    ) -> S3Result<S3Response<ListObjectVersionsOutput>> {
        let bucket = self.bucket(&req.input.bucket)?;
        let (output, order) = versions::list_versions(&bucket, req.input)?;
        let mut response = S3Response::new(output);
        response.extensions.insert(order);
        Ok(response)
    }

    async fn list_buckets(&self, req: S3Request<ListBucketsInput>) -> S3Result<S3Response<ListBucketsOutput>> {
        Ok(S3Response::new(self.bucket_page(req.input)))
    }

    async fn list_objects(&self, req: S3Request<ListObjectsInput>) -> S3Result<S3Response<ListObjectsOutput>> {
        let bucket = self.bucket(&req.input.bucket)?;
        Ok(S3Response::new(listing::list_v1(&bucket, req.input)?))
    }

    async fn list_objects_v2(&self, req: S3Request<ListObjectsV2Input>) -> S3Result<S3Response<ListObjectsV2Output>> {
        let bucket = self.bucket(&req.input.bucket)?;
        Ok(S3Response::new(listing::list_v2(&bucket, req.input)?))
    }

    async fn put_object(&self, req: S3Request<PutObjectInput>) -> S3Result<S3Response<PutObjectOutput>> {
        Ok(S3Response::new(self.write(req.input, &req.headers).await?))
    }

    // The default would turn a browser's form into a PUT without its conditions.
    async fn post_object(&self, _: S3Request<PostObjectInput>) -> S3Result<S3Response<PostObjectOutput>> {
        Err(s3_error!(NotImplemented, "PostObject is not implemented yet"))
    }

    async fn get_object(&self, req: S3Request<GetObjectInput>) -> S3Result<S3Response<GetObjectOutput>> {
        let input = req.input;
        let (conditions, overrides) = reading!(input);
        let Object { file, record, version_id } =
            self.read(&input.bucket, input.key, input.version_id.as_deref()).await?;
        conditions.check(&record)?;
        let span = Span::resolve(input.range.as_ref(), input.part_number, &record)?;
        let output = GetObjectOutput {
            accept_ranges: Some("bytes".to_owned()),
            content_length: i64::try_from(span.bytes.end - span.bytes.start).ok(),
            content_range: span.content_range(record.content_len),
            parts_count: parts_count(&record, input.part_number),
            e_tag: Some(record.etag.to_dto()),
            last_modified: Some(record.modified.to_dto()),
            version_id,
            body: Some(StreamingBlob::new(Content::new(file, span.bytes))),
            ..Default::default()
        };
        Ok(S3Response::with_headers(output, headers::answer(&record, overrides)?))
    }

    /// A `Range` is ignored, which HTTP allows for HEAD: the answer speaks of the whole object, or of the part asked for.
    async fn head_object(&self, req: S3Request<HeadObjectInput>) -> S3Result<S3Response<HeadObjectOutput>> {
        let input = req.input;
        let (conditions, overrides) = reading!(input);
        let Object { record, version_id, .. } =
            self.read(&input.bucket, input.key, input.version_id.as_deref()).await?;
        conditions.check(&record)?;
        let span = Span::resolve(None, input.part_number, &record)?;
        let output = HeadObjectOutput {
            accept_ranges: Some("bytes".to_owned()),
            content_length: i64::try_from(span.bytes.end - span.bytes.start).ok(),
            content_range: span.content_range(record.content_len),
            parts_count: parts_count(&record, input.part_number),
            e_tag: Some(record.etag.to_dto()),
            last_modified: Some(record.modified.to_dto()),
            version_id,
            ..Default::default()
        };
        let mut response = S3Response::with_headers(output, headers::answer(&record, overrides)?);
        if span.partial {
            response.extensions.insert(PartOfHead);
        }
        Ok(response)
    }

    async fn delete_object(&self, req: S3Request<DeleteObjectInput>) -> S3Result<S3Response<DeleteObjectOutput>> {
        Ok(S3Response::new(self.remove(req.input).await?))
    }

    async fn create_multipart_upload(
        &self,
        req: S3Request<CreateMultipartUploadInput>,
    ) -> S3Result<S3Response<CreateMultipartUploadOutput>> {
        Ok(S3Response::new(self.begin_upload(req.input, &req.headers).await?))
    }

    async fn upload_part(&self, req: S3Request<UploadPartInput>) -> S3Result<S3Response<UploadPartOutput>> {
        let etag = self.receive_part(req.input, &req.headers).await?;
        Ok(S3Response::new(UploadPartOutput { e_tag: Some(etag.to_dto()), ..Default::default() }))
    }

    async fn complete_multipart_upload(
        &self,
        req: S3Request<CompleteMultipartUploadInput>,
    ) -> S3Result<S3Response<CompleteMultipartUploadOutput>> {
        Ok(S3Response::new(self.complete_upload(req.input).await?))
    }

    async fn abort_multipart_upload(
        &self,
        req: S3Request<AbortMultipartUploadInput>,
    ) -> S3Result<S3Response<AbortMultipartUploadOutput>> {
        self.abort_upload(req.input).await?;
        Ok(S3Response::new(AbortMultipartUploadOutput::default()))
    }

    async fn list_parts(&self, req: S3Request<ListPartsInput>) -> S3Result<S3Response<ListPartsOutput>> {
        Ok(S3Response::new(self.parts_of_upload(req.input)?))
    }

    async fn list_multipart_uploads(
        &self,
        req: S3Request<ListMultipartUploadsInput>,
    ) -> S3Result<S3Response<ListMultipartUploadsOutput>> {
        let bucket = self.bucket(&req.input.bucket)?;
        Ok(S3Response::new(list_uploads(&bucket, req.input)?))
    }

    async fn upload_part_copy(
        &self,
        req: S3Request<UploadPartCopyInput>,
    ) -> S3Result<S3Response<UploadPartCopyOutput>> {
        Ok(S3Response::new(self.copy_part(req.input, &req.headers).await?))
    }

    async fn copy_object(&self, req: S3Request<CopyObjectInput>) -> S3Result<S3Response<CopyObjectOutput>> {
        Ok(S3Response::new(self.copy(req.input, &req.headers).await?))
    }

    async fn get_object_attributes(
        &self,
        req: S3Request<GetObjectAttributesInput>,
    ) -> S3Result<S3Response<GetObjectAttributesOutput>> {
        Ok(S3Response::new(self.attributes(req.input).await?))
    }

    async fn put_object_tagging(
        &self,
        req: S3Request<PutObjectTaggingInput>,
    ) -> S3Result<S3Response<PutObjectTaggingOutput>> {
        Ok(S3Response::new(self.set_tags(req.input).await?))
    }

    async fn get_object_tagging(
        &self,
        req: S3Request<GetObjectTaggingInput>,
    ) -> S3Result<S3Response<GetObjectTaggingOutput>> {
        Ok(S3Response::new(self.tags(req.input).await?))
    }

    async fn delete_object_tagging(
        &self,
        req: S3Request<DeleteObjectTaggingInput>,
    ) -> S3Result<S3Response<DeleteObjectTaggingOutput>> {
        Ok(S3Response::new(self.remove_tags(req.input).await?))
    }

    async fn delete_objects(&self, req: S3Request<DeleteObjectsInput>) -> S3Result<S3Response<DeleteObjectsOutput>> {
        let output = self.remove_many(req.input).await?;
        Ok(S3Response::new(output))
    }
}

/// S3 tells the number of parts to those who ask for one of several.
fn parts_count(record: &Record, part: Option<i32>) -> Option<i32> {
    part.and(record.multipart.as_ref()).and_then(|assembly| i32::try_from(assembly.part_lens.len()).ok())
}
