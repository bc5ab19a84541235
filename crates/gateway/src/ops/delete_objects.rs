//! `DeleteObjects`: up to a thousand keys in one document, with the ETags in it given back to the store.

use bytes::Bytes;
use http::{Method, Response};
use objects::{Body, SealedObjects, bucket_uri, rewrite_elements, show_md5};
use s3s::S3ErrorCode;

use super::{Call, forward};
use crate::error::Fault;
use crate::{headers, small_body};

/// S3's limit for one request.
const KEY_LIMIT: usize = 1_000;

pub(super) async fn serve(objects: &SealedObjects, call: Call<'_>) -> Result<Response<Body>, Fault> {
    let uri = bucket_uri(&call.target.bucket, "delete=")?;
    let document = small_body::read(call.body, &call.headers, call.trailing).await?;
    let document = for_store(&document)?;
    forward(objects, Method::POST, uri, headers::for_document(&call.headers, &document), document).await
}

fn for_store(document: &[u8]) -> Result<Bytes, Fault> {
    let malformed = |_| malformed();
    let mut keys = 0;
    rewrite_elements(document, &["Delete", "Object", "Key"], |_| {
        keys += 1;
        None
    })
    .map_err(malformed)?;
    if !(1..=KEY_LIMIT).contains(&keys) {
        return Err(self::malformed());
    }
    let document =
        rewrite_elements(document, &["Delete", "Object", "ETag"], |etag| Some(show_md5(etag))).map_err(malformed)?;
    Ok(Bytes::from(document))
}

fn malformed() -> Fault {
    Fault::new(
        S3ErrorCode::MalformedXML,
        "The XML you provided was not well-formed or did not validate against our published schema",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn etags_are_given_back() {
        let document =
            b"<Delete><Object><Key>a</Key><ETag>\"9b2cf535f27731c974343645a3985328-0\"</ETag></Object></Delete>";
        let document = for_store(document).unwrap();
        assert!(std::str::from_utf8(&document).unwrap().contains("9b2cf535f27731c974343645a3985328&quot;<"));
    }

    #[test]
    fn what_is_no_document_is_refused() {
        for document in [&b""[..], b"<Delete></Delete>", b"<Delete><Object><Key>a</Object></Delete>", b"\xff"] {
            assert_eq!(for_store(document).unwrap_err().code(), "MalformedXML");
        }
        let many = format!("<Delete>{}</Delete>", "<Object><Key>a</Key></Object>".repeat(1_001));
        assert!(for_store(many.as_bytes()).is_err());
    }
}
