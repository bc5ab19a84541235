//! Request bodies that are documents, not objects: read whole, bounded, and checked against what the client promised.

use bytes::Bytes;
use http::HeaderMap;
use objects::{Body, BoxError, TooLong};
use s3s::{S3ErrorCode, TrailingHeaders};

use crate::checksums::Expectations;
use crate::error::Fault;

/// A thousand keys of S3's greatest length with every byte escaped stay below this.
const LIMIT: usize = 8 * 1024 * 1024;

/// Reads a document and believes it only when it is what the client said.
///
/// # Errors
/// A body that breaks off, is too long, or does not match its digests.
pub(crate) async fn read(body: Body, headers: &HeaderMap, trailing: Option<TrailingHeaders>) -> Result<Bytes, Fault> {
    let expectations = Expectations::read(headers, trailing)?;
    let document = objects::collect(body, LIMIT).await.map_err(blame)?;
    let mut digests = envelope::Digests::new(&expectations.digests());
    digests.update(&document);
    expectations.judge(&digests.finish())?;
    Ok(document)
}

fn blame(error: BoxError) -> Fault {
    if error.is::<TooLong>() {
        return Fault::new(S3ErrorCode::MaxMessageLengthExceeded, "Your request was too big.");
    }
    objects::Error::Body(error).into()
}
