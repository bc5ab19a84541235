//! `GetObjectAttributes`: facts of an object that other requests scatter over headers.

use std::fmt::Write as _;

use http::header::LAST_MODIFIED;
use http::{HeaderMap, Response};
use objects::{Attributes, Body, SealedObjects};
use quick_xml::escape::escape;
use s3s::S3ErrorCode;

use super::{Call, pass_on};
use crate::error::Fault;
use crate::{checksums, headers};

pub(super) async fn serve(objects: &SealedObjects, call: Call<'_>) -> Result<Response<Body>, Fault> {
    let wanted = wanted(&call.headers)?;
    let (at, headers) = (call.object(), call.store_headers(objects).await?);
    let attributes = match objects.attributes(&at, headers).await? {
        Ok(attributes) => attributes,
        Err(answer) => return pass_on(answer).await,
    };
    let mut fields = headers::for_client(&attributes.headers, true);
    let etag = attributes.etag.as_deref().unwrap_or_default().trim_matches('"');
    let mut answer = super::xml(document(&wanted, &attributes, etag));
    for name in [LAST_MODIFIED.as_str(), "x-amz-version-id", "x-amz-delete-marker"] {
        if let Some(value) = fields.remove(name) {
            answer
                .headers_mut()
                .insert(http::HeaderName::try_from(name).map_err(|_| Fault::internal("a header"))?, value);
        }
    }
    Ok(answer)
}

/// The attributes asked for in `x-amz-object-attributes`.
fn wanted(headers: &HeaderMap) -> Result<Vec<String>, Fault> {
    const KNOWN: [&str; 5] = ["ETag", "Checksum", "ObjectParts", "StorageClass", "ObjectSize"];
    let values = headers.get_all("x-amz-object-attributes").iter().filter_map(|value| value.to_str().ok());
    let names: Vec<String> = values.flat_map(|value| value.split(',')).map(|name| name.trim().to_owned()).collect();
    if names.is_empty() || names.iter().any(|name| !KNOWN.contains(&name.as_str())) {
        return Err(Fault::new(S3ErrorCode::InvalidArgument, "Invalid attribute name specified."));
    }
    Ok(names)
}

fn document(wanted: &[String], attributes: &Attributes, etag: &str) -> String {
    let wants = |name: &str| wanted.iter().any(|have| have == name);
    let mut xml = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<GetObjectAttributesResponse xmlns=\"{}\">",
        super::NAMESPACE
    );
    if wants("ETag") {
        let _ = write!(xml, "<ETag>{}</ETag>", escape(etag));
    }
    if let (true, Some(facts)) = (wants("Checksum"), &attributes.facts) {
        let kind = facts.checksum_type.unwrap_or(objects::ChecksumType::FullObject);
        let count = attributes.parts.as_ref().map_or(1, Vec::len);
        xml.push_str("<Checksum>");
        for (name, value) in &facts.checksums {
            let _ = write!(xml, "<Checksum{0}>{1}</Checksum{0}>", name.as_str(), checksums::shown(value, kind, count));
        }
        let _ = write!(xml, "<ChecksumType>{}</ChecksumType></Checksum>", checksums::kind_name(kind));
    }
    if let (true, Some(parts)) = (wants("ObjectParts"), &attributes.parts) {
        let _ = write!(xml, "<ObjectParts><PartsCount>{}</PartsCount></ObjectParts>", parts.len());
    }
    if wants("StorageClass") {
        let class =
            attributes.headers.get("x-amz-storage-class").and_then(|class| class.to_str().ok()).unwrap_or("STANDARD");
        let _ = write!(xml, "<StorageClass>{}</StorageClass>", escape(class));
    }
    if wants("ObjectSize") {
        let _ = write!(xml, "<ObjectSize>{}</ObjectSize>", attributes.plain_len);
    }
    xml.push_str("</GetObjectAttributesResponse>");
    xml
}
