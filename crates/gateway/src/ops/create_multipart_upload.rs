//! `CreateMultipartUpload`: the data key is drawn and wrapped; the id carries what every part needs.

use http::{HeaderMap, HeaderValue, Response};
use objects::{Body, ChecksumName, ChecksumType, CreateRequest, SealedObjects, UploadOutcome};
use quick_xml::escape::escape;
use s3s::S3ErrorCode;

use super::{Call, pass_on};
use crate::checksums::kind_name;
use crate::error::Fault;
use crate::headers;

pub(super) async fn serve(objects: &SealedObjects, call: Call<'_>) -> Result<Response<Body>, Fault> {
    let at = call.object();
    let checksum = chosen_checksum(&call.headers)?;
    let document = |id: &str| {
        format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<InitiateMultipartUploadResult xmlns=\"{}\"><Bucket>{}</Bucket>\
             <Key>{}</Key><UploadId>{}</UploadId></InitiateMultipartUploadResult>",
            super::NAMESPACE,
            escape(&at.bucket),
            escape(&at.key),
            escape(id),
        )
    };
    let request = CreateRequest { at: at.clone(), headers: headers::for_store(&call.headers), checksum };
    let created = match objects.create_upload(request).await? {
        UploadOutcome::Answer(answer) => return pass_on(answer).await,
        UploadOutcome::Done(created) => created,
    };
    let mut answer = super::xml(document(&created.upload_id));
    answer.headers_mut().extend(headers::for_client(&created.headers, true));
    answer.headers_mut().insert(http::header::CONTENT_TYPE, HeaderValue::from_static("application/xml"));
    if let Some((name, kind)) = checksum {
        answer.headers_mut().insert("x-amz-checksum-algorithm", HeaderValue::from_static(name.as_str()));
        answer.headers_mut().insert("x-amz-checksum-type", HeaderValue::from_static(kind_name(kind)));
    }
    Ok(answer)
}

/// What the client chose: an algorithm, and how the parts' checksums make the object's.
fn chosen_checksum(headers: &HeaderMap) -> Result<Option<(ChecksumName, ChecksumType)>, Fault> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let invalid = |message: &str| Fault::new(S3ErrorCode::InvalidRequest, message);
    let Some(name) = text("x-amz-checksum-algorithm") else {
        return match text("x-amz-checksum-type") {
            None => Ok(None),
            Some(_) => Err(invalid(
                "The x-amz-checksum-type header can only be used with the x-amz-checksum-algorithm header.",
            )),
        };
    };
    let name: ChecksumName =
        name.parse().map_err(|_| invalid("Checksum algorithm provided is unsupported. Please try again with any of the valid types: [CRC32, CRC32C, CRC64NVME, SHA1, SHA256]"))?;
    let sha = matches!(name, ChecksumName::Sha1 | ChecksumName::Sha256);
    let kind = match text("x-amz-checksum-type") {
        None if name == ChecksumName::Crc64Nvme => ChecksumType::FullObject,
        None | Some("COMPOSITE") if name != ChecksumName::Crc64Nvme => ChecksumType::Composite,
        Some("FULL_OBJECT") if !sha => ChecksumType::FullObject,
        _ => return Err(invalid("The checksum type cannot be used with the checksum algorithm.")),
    };
    Ok(Some((name, kind)))
}

#[cfg(test)]
mod tests {
    use http::HeaderName;

    use super::*;

    fn chosen(
        algorithm: Option<&'static str>,
        kind: Option<&'static str>,
    ) -> Result<Option<(ChecksumName, ChecksumType)>, String> {
        let pairs = [("x-amz-checksum-algorithm", algorithm), ("x-amz-checksum-type", kind)];
        let headers = pairs
            .into_iter()
            .filter_map(|(name, value)| Some((HeaderName::from_static(name), HeaderValue::from_static(value?))))
            .collect();
        chosen_checksum(&headers).map_err(|fault| fault.code().to_owned())
    }

    #[test]
    fn each_algorithm_has_its_usual_type() {
        assert_eq!(chosen(None, None), Ok(None));
        assert_eq!(chosen(Some("CRC32"), None), Ok(Some((ChecksumName::Crc32, ChecksumType::Composite))));
        assert_eq!(chosen(Some("CRC64NVME"), None), Ok(Some((ChecksumName::Crc64Nvme, ChecksumType::FullObject))));
        assert_eq!(
            chosen(Some("CRC32C"), Some("FULL_OBJECT")),
            Ok(Some((ChecksumName::Crc32c, ChecksumType::FullObject)))
        );
    }

    #[test]
    fn what_cannot_be_is_refused() {
        for (algorithm, kind) in [
            (Some("SHA256"), Some("FULL_OBJECT")),
            (Some("CRC64NVME"), Some("COMPOSITE")),
            (Some("MD4"), None),
            (None, Some("COMPOSITE")),
        ] {
            assert_eq!(chosen(algorithm, kind), Err("InvalidRequest".into()), "{algorithm:?} {kind:?}");
        }
    }
}
