//! The operations this store knows, one row each. Whatever has no row is answered with `NotImplemented`.

use std::fs::File;

use http::HeaderMap;
use s3s::dto::{
    AbortMultipartUploadInput, AbortMultipartUploadOutput, Bucket as BucketEntry, CompleteMultipartUploadInput,
    CompleteMultipartUploadOutput, CreateBucketInput, CreateBucketOutput, CreateMultipartUploadInput,
    CreateMultipartUploadOutput, DeleteBucketInput, DeleteBucketOutput, DeleteObjectInput, DeleteObjectOutput,
    DeleteObjectsInput, DeleteObjectsOutput, DeletedObject, ETagCondition, Error as DeleteError,
    GetBucketLocationInput, GetBucketLocationOutput, GetObjectInput, GetObjectOutput, HeadBucketInput,
    HeadBucketOutput, HeadObjectInput, HeadObjectOutput, ListBucketsInput, ListBucketsOutput,
    ListMultipartUploadsInput, ListMultipartUploadsOutput, ListObjectsInput, ListObjectsOutput, ListObjectsV2Input,
    ListObjectsV2Output, ListPartsInput, ListPartsOutput, PostObjectInput, PostObjectOutput, PutObjectInput,
    PutObjectOutput, StreamingBlob, UploadPartInput, UploadPartOutput,
};
use s3s::{S3, S3Request, S3Response, S3Result, s3_error};

use crate::conditions::{ReadConditions, RemoveConditions, WriteConditions};
use crate::download::Content;
use crate::headers::{self, Overrides};
use crate::listing;
use crate::ops::unfinished::list_uploads;
use crate::range::Span;
use crate::record::Record;
use crate::store::{DirectoryStore, blocking};
use crate::tag::Tag;
use crate::upload::{Upload, parse_md5};

/// S3 takes no more keys in one request.
const DELETE_LIMIT: usize = 1000;
/// S3 shows no more buckets at once.
const BUCKET_LIMIT: i32 = 10_000;

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
        let etag = self.write(req.input, &req.headers).await?;
        Ok(S3Response::new(PutObjectOutput { e_tag: Some(etag.to_dto()), ..Default::default() }))
    }

    // The default would turn a browser's form into a PUT without its conditions.
    async fn post_object(&self, _: S3Request<PostObjectInput>) -> S3Result<S3Response<PostObjectOutput>> {
        Err(s3_error!(NotImplemented, "PostObject is not implemented yet"))
    }

    async fn get_object(&self, req: S3Request<GetObjectInput>) -> S3Result<S3Response<GetObjectOutput>> {
        let input = req.input;
        let (conditions, overrides) = reading!(input);
        let (file, record) = self.read(input.bucket, input.key, input.version_id.as_deref()).await?;
        conditions.check(&record)?;
        let span = Span::resolve(input.range.as_ref(), input.part_number, &record)?;
        let output = GetObjectOutput {
            accept_ranges: Some("bytes".to_owned()),
            content_length: i64::try_from(span.bytes.end - span.bytes.start).ok(),
            content_range: span.content_range(record.content_len),
            parts_count: parts_count(&record, input.part_number),
            e_tag: Some(record.etag.to_dto()),
            last_modified: Some(record.modified.to_dto()),
            body: Some(StreamingBlob::new(Content::new(file, span.bytes))),
            ..Default::default()
        };
        Ok(S3Response::with_headers(output, headers::answer(&record, overrides)?))
    }

    /// A `Range` is ignored, which HTTP allows for HEAD: the answer speaks of the whole object, or of the part asked for.
    /// Its status stays 200 even then, because the service gives no other; the range and length are the part's.
    async fn head_object(&self, req: S3Request<HeadObjectInput>) -> S3Result<S3Response<HeadObjectOutput>> {
        let input = req.input;
        let (conditions, overrides) = reading!(input);
        let (_, record) = self.read(input.bucket, input.key, input.version_id.as_deref()).await?;
        conditions.check(&record)?;
        let span = Span::resolve(None, input.part_number, &record)?;
        let output = HeadObjectOutput {
            accept_ranges: Some("bytes".to_owned()),
            content_length: i64::try_from(span.bytes.end - span.bytes.start).ok(),
            content_range: span.content_range(record.content_len),
            parts_count: parts_count(&record, input.part_number),
            e_tag: Some(record.etag.to_dto()),
            last_modified: Some(record.modified.to_dto()),
            ..Default::default()
        };
        Ok(S3Response::with_headers(output, headers::answer(&record, overrides)?))
    }

    async fn delete_object(&self, req: S3Request<DeleteObjectInput>) -> S3Result<S3Response<DeleteObjectOutput>> {
        let input = req.input;
        refuse_version(input.version_id.as_deref())?;
        let conditions = RemoveConditions {
            if_match: input.if_match,
            size: input.if_match_size,
            modified: input.if_match_last_modified_time,
        };
        let bucket = self.bucket(&input.bucket)?;
        let results = blocking(move || bucket.remove(&[(input.key, conditions)])).await?;
        results.into_iter().collect::<S3Result<()>>()?;
        Ok(S3Response::new(DeleteObjectOutput::default()))
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

    async fn delete_objects(&self, req: S3Request<DeleteObjectsInput>) -> S3Result<S3Response<DeleteObjectsOutput>> {
        let output = self.remove_many(req.input).await?;
        Ok(S3Response::new(output))
    }
}

impl DirectoryStore {
    async fn read(&self, bucket: String, key: String, version: Option<&str>) -> S3Result<(File, Record)> {
        refuse_version(version)?;
        let bucket = self.bucket(&bucket)?;
        blocking(move || bucket.open(&key)).await
    }

    async fn write(&self, input: PutObjectInput, headers: &HeaderMap) -> S3Result<Tag> {
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
            staged.complete(&record).map_err(crate::error::disk("finish an object"))?;
            bucket.commit(staged, &record, &conditions)?;
            Ok(record.etag)
        })
        .await
    }

    async fn remove_many(&self, input: DeleteObjectsInput) -> S3Result<DeleteObjectsOutput> {
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

    fn bucket_page(&self, input: ListBucketsInput) -> ListBucketsOutput {
        let limit = usize::try_from(input.max_buckets.unwrap_or(BUCKET_LIMIT).clamp(1, BUCKET_LIMIT)).unwrap_or(1);
        let prefix = input.prefix.clone().unwrap_or_default();
        let after = input.continuation_token.unwrap_or_default();
        let buckets = self.buckets();
        let mut found = buckets.iter().filter(|(name, _)| name.starts_with(&prefix) && name.as_str() > after.as_str());
        let page: Vec<_> = found.by_ref().take(limit).collect();
        let next = found.next().and_then(|_| page.last()).map(|(name, _)| (*name).clone());
        let show = |(name, bucket): (&String, &std::sync::Arc<crate::bucket::Bucket>)| BucketEntry {
            name: Some(name.clone()),
            creation_date: Some(bucket.created().to_dto()),
            ..Default::default()
        };
        ListBucketsOutput {
            buckets: Some(page.into_iter().map(show).collect()),
            continuation_token: next,
            owner: Some(listing::owner()),
            prefix: input.prefix,
        }
    }
}

/// S3 tells the number of parts to those who ask for one of several.
fn parts_count(record: &Record, part: Option<i32>) -> Option<i32> {
    part.and(record.multipart.as_ref()).and_then(|assembly| i32::try_from(assembly.part_lens.len()).ok())
}

/// Objects here have one version, which S3 calls `null`.
fn refuse_version(version: Option<&str>) -> S3Result<()> {
    match version {
        None | Some("" | "null") => Ok(()),
        Some(_) => Err(s3_error!(NoSuchVersion)),
    }
}
