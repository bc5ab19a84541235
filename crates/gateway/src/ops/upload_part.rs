//! `UploadPart`: a part in any order, any number of times; the last attempt counts.

use http::header::ETAG;
use http::{HeaderValue, Response};
use objects::{Body, PartOutcome, PartRequest, SealedObjects, store};
use s3s::S3ErrorCode;

use super::{Call, pass_on, put_object};
use crate::checksums::{self, Expectations};
use crate::error::Fault;

pub(super) async fn serve(objects: &SealedObjects, call: Call<'_>) -> Result<Response<Body>, Fault> {
    let number = part_number(call.target.param("partNumber").unwrap_or_default())?;
    let plain_len = put_object::plain_len(&call.headers, &call.body)?;
    let at = call.object();
    let upload_id = call.target.param("uploadId").unwrap_or_default().to_owned();
    let expectations = Expectations::read(&call.headers, call.trailing)?;
    let digests = expectations.digests();
    let shown = digests.checksums.clone();
    let request = PartRequest {
        at,
        upload_id,
        number,
        plain_len,
        digests,
        verdict: Box::new(move |computed| expectations.judge(computed).map_err(Into::into)),
        body: call.body,
    };
    match objects.upload_part(request).await? {
        PartOutcome::Answer(answer) => pass_on(answer).await,
        PartOutcome::Received { etag, mut computed } => {
            let mut answer = Response::new(store::empty());
            let etag =
                HeaderValue::try_from(etag).map_err(|_| Fault::internal("The part's ETag cannot be written."))?;
            answer.headers_mut().insert(ETAG, etag);
            computed.checksums.retain(|name, _| shown.contains(name));
            checksums::write_all(&computed.checksums, answer.headers_mut());
            answer.headers_mut().remove("x-amz-checksum-type");
            Ok(answer)
        }
    }
}

/// A part number as S3 takes it.
pub(super) fn part_number(text: &str) -> Result<u16, Fault> {
    let number = text.parse().ok().filter(|number| (1..=10_000).contains(number));
    number.ok_or_else(|| {
        Fault::new(S3ErrorCode::InvalidArgument, "Part number must be an integer between 1 and 10000, inclusive")
    })
}
