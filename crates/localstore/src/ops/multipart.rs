//! Multipart uploads: create, upload a part, complete, abort.

use std::future::Future;
use std::time::Duration;

use http::HeaderMap;
use s3s::dto::{
    AbortMultipartUploadInput, CompleteMultipartUploadInput, CompleteMultipartUploadOutput, CreateMultipartUploadInput,
    CreateMultipartUploadOutput, ETag, UploadPartInput,
};
use s3s::{S3Error, S3ErrorCode, S3Result, s3_error};

use super::echo;
use crate::assembly::{PartList, part_number};
use crate::conditions::WriteConditions;
use crate::error::disk;
use crate::headers;
use crate::multipart::Intent;
use crate::record::{Moment, Record};
use crate::store::{DirectoryStore, blocking};
use crate::tag::Tag;
use crate::upload::{Upload, parse_md5};
use crate::version::Version;

/// How long a completion may take before the answer begins without its end. Until then errors keep their status.
const PATIENCE: Duration = Duration::from_secs(5);

/// What a completion ends with.
#[derive(Debug)]
struct Done {
    etag: ETag,
    version_id: Option<String>,
}

impl DirectoryStore {
    pub(crate) async fn begin_upload(
        &self,
        input: CreateMultipartUploadInput,
        headers: &HeaderMap,
    ) -> S3Result<CreateMultipartUploadOutput> {
        let properties = headers::properties(headers)?;
        let bucket = self.bucket(&input.bucket)?;
        let intent = Intent {
            key: input.key.clone(),
            initiated: Moment::now(),
            headers: properties.system,
            metadata: properties.user,
            tags: properties.tags,
            checksum_algorithm: input.checksum_algorithm.as_ref().map(|name| name.as_str().to_owned()),
            checksum_type: input.checksum_type.as_ref().map(|name| name.as_str().to_owned()),
        };
        let store = self.clone();
        let multipart = blocking(move || bucket.begin(intent, store.layout())).await?;
        Ok(CreateMultipartUploadOutput {
            bucket: Some(input.bucket),
            key: echo(&input.key),
            upload_id: Some(multipart.id.clone()),
            checksum_algorithm: input.checksum_algorithm,
            checksum_type: input.checksum_type,
            ..Default::default()
        })
    }

    pub(crate) async fn receive_part(&self, input: UploadPartInput, headers: &HeaderMap) -> S3Result<Tag> {
        headers::refuse_unsupported(headers)?;
        let number = part_number(input.part_number)?;
        let bucket = self.bucket(&input.bucket)?;
        let multipart = bucket.uploads.find(&input.key, &input.upload_id)?;
        let content_len = input.content_length.and_then(|content_len| u64::try_from(content_len).ok());
        let content_len = content_len.ok_or_else(|| s3_error!(MissingContentLength))?;
        let upload = Upload { content_len, md5: input.content_md5.as_deref().map(parse_md5).transpose()? };
        let mut staged = upload.receive(input.body, self.layout().staged()).await?;
        let record = Record::new(input.key, content_len);
        let (staged, record) = blocking(move || {
            staged.complete(&record).map_err(disk("finish a part"))?;
            Ok((staged, record))
        })
        .await?;
        let open = multipart.open().await?;
        blocking(move || bucket.add_part((&multipart, &open), number, staged, &record).map(|()| record.etag)).await
    }

    pub(crate) async fn complete_upload(
        &self,
        input: CompleteMultipartUploadInput,
    ) -> S3Result<CompleteMultipartUploadOutput> {
        self.bucket(&input.bucket)?;
        let list = PartList::new(input.multipart_upload)?;
        let conditions = WriteConditions::new(input.if_match, input.if_none_match)?;
        let expected_len = input.mpu_object_size.map(u64::try_from).transpose();
        let expected_len = expected_len.map_err(|_| s3_error!(InvalidArgument))?;
        let answer = CompleteMultipartUploadOutput {
            bucket: Some(input.bucket.clone()),
            key: echo(&input.key),
            location: echo(&input.key).map(|key| format!("/{}/{key}", input.bucket)),
            ..Default::default()
        };
        let store = self.clone();
        let work = async move {
            let bucket = store.bucket(&input.bucket)?;
            // Another completion may be under way; then this one is its repetition and gets the same answer.
            if let Ok(multipart) = bucket.uploads.find(&input.key, &input.upload_id)
                && let Some(closing) = multipart.close().await
            {
                let complete =
                    move || bucket.complete((&multipart, closing), (&list, expected_len), &conditions, store.layout());
                return blocking(complete).await.map(done);
            }
            let completed = blocking(move || Ok(bucket.completed(&input.key, &input.upload_id))).await?;
            completed.map(done).ok_or_else(|| s3_error!(NoSuchUpload))
        };
        patiently(PATIENCE, work, answer).await
    }

    pub(crate) async fn abort_upload(&self, input: AbortMultipartUploadInput) -> S3Result<()> {
        let bucket = self.bucket(&input.bucket)?;
        let multipart = bucket.uploads.find(&input.key, &input.upload_id)?;
        let closing = multipart.close().await.ok_or_else(|| s3_error!(NoSuchUpload))?;
        if input.if_match_initiated_time.is_some_and(|time| Moment::from_dto(&time) != multipart.intent.initiated) {
            return Err(s3_error!(PreconditionFailed));
        }
        let store = self.clone();
        blocking(move || bucket.abort(&multipart, closing, store.layout())).await
    }
}

fn done((record, version): (Record, Version)) -> Done {
    Done { etag: record.etag.to_dto(), version_id: version.name() }
}

/// Answers with the result of some work if it comes soon, and else with one that goes on: status 200 now, spaces while
/// the client waits, the result or the error at the end. The work goes on even if the client does not.
async fn patiently(
    patience: Duration,
    work: impl Future<Output = S3Result<Done>> + Send + 'static,
    answer: CompleteMultipartUploadOutput,
) -> S3Result<CompleteMultipartUploadOutput> {
    let mut work = tokio::spawn(async move {
        let Done { etag, version_id } = work.await?;
        Ok(CompleteMultipartUploadOutput { e_tag: Some(etag), version_id, ..answer })
    });
    let settle = |result: Result<S3Result<_>, tokio::task::JoinError>| {
        result.unwrap_or_else(|error| Err(S3Error::with_source(S3ErrorCode::InternalError, Box::new(error))))
    };
    if let Ok(result) = tokio::time::timeout(patience, &mut work).await {
        return settle(result);
    }
    let future = Box::pin(async move { settle(work.await) });
    Ok(CompleteMultipartUploadOutput { future: Some(future), ..Default::default() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_quick_completion_is_answered_whole() {
        let etag = ETag::Strong("done".to_owned());
        let work = std::future::ready(Ok(Done { etag: etag.clone(), version_id: None }));
        let output = patiently(PATIENCE, work, CompleteMultipartUploadOutput::default()).await.unwrap();
        assert_eq!(output.e_tag, Some(etag));
        let work = std::future::ready(Err(s3_error!(InvalidPart)));
        let error = patiently(PATIENCE, work, CompleteMultipartUploadOutput::default()).await.unwrap_err();
        assert_eq!(*error.code(), S3ErrorCode::InvalidPart);
    }

    #[tokio::test]
    async fn a_long_completion_is_answered_in_two_halves() {
        let (finish, finished) = tokio::sync::oneshot::channel();
        let work = async { finished.await.unwrap() };
        let output = patiently(Duration::ZERO, work, CompleteMultipartUploadOutput::default()).await.unwrap();
        assert_eq!(output.e_tag, None);
        let etag = ETag::Strong("done".to_owned());
        finish.send(Ok(Done { etag: etag.clone(), version_id: None })).unwrap();
        assert_eq!(output.future.unwrap().await.unwrap().e_tag, Some(etag));
    }
}
