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

/// S3's limit for one page of parts.
const PAGE: usize = 1_000;

pub(super) async fn serve(objects: &SealedObjects, call: Call<'_>) -> Result<Response<Body>, Fault> {
    let (wanted, page) = (wanted(&call.headers)?, Page::asked(&call.headers)?);
    let (at, headers) = (call.object(), call.store_headers(objects).await?);
    let attributes = match objects.attributes(&at, headers).await? {
        Ok(attributes) => attributes,
        Err(answer) => return pass_on(answer).await,
    };
    let mut fields = headers::for_client(&attributes.headers, true);
    let etag = attributes.etag.as_deref().unwrap_or_default().trim_matches('"');
    let mut answer = super::xml(document(&wanted, &page, &attributes, etag));
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

/// Which of an object's parts are listed.
struct Page {
    marker: usize,
    limit: usize,
}

impl Page {
    fn asked(headers: &HeaderMap) -> Result<Self, Fault> {
        let number = |name: &str, default| match headers.get(name) {
            None => Ok(default),
            Some(value) => value
                .to_str()
                .ok()
                .and_then(|text| text.parse().ok())
                .ok_or_else(|| Fault::new(S3ErrorCode::InvalidArgument, format!("{name} is not a number"))),
        };
        let limit: usize = number("x-amz-max-parts", PAGE)?;
        Ok(Self { marker: number("x-amz-part-number-marker", 0)?, limit: limit.min(PAGE) })
    }

    /// Parts count from 1, as they are read by number. Checksums of single parts are not kept.
    fn document(&self, parts: &[(u16, u64)]) -> String {
        let rest = parts.iter().enumerate().map(|(index, (_, len))| (index + 1, *len)).skip(self.marker);
        let page: Vec<(usize, u64)> = rest.take(self.limit).collect();
        let next = page.last().map_or(self.marker, |(number, _)| *number);
        let mut xml = format!(
            "<ObjectParts><IsTruncated>{}</IsTruncated><MaxParts>{}</MaxParts><NextPartNumberMarker>{next}</NextPartNumberMarker>",
            next < parts.len(),
            self.limit
        );
        for (number, len) in page {
            let _ = write!(xml, "<Part><PartNumber>{number}</PartNumber><Size>{len}</Size></Part>");
        }
        let _ = write!(
            xml,
            "<PartNumberMarker>{}</PartNumberMarker><PartsCount>{}</PartsCount></ObjectParts>",
            self.marker,
            parts.len()
        );
        xml
    }
}

fn document(wanted: &[String], page: &Page, attributes: &Attributes, etag: &str) -> String {
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
        xml.push_str(&page.document(parts));
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_of_parts_follow_each_other() {
        let parts = [(1, 50), (4, 60), (9, 7)];
        let first = Page { marker: 0, limit: 2 }.document(&parts);
        assert!(first.contains("<IsTruncated>true<") && first.contains("<NextPartNumberMarker>2<"), "{first}");
        let second = Page { marker: 2, limit: 2 }.document(&parts);
        assert!(
            second.contains("<IsTruncated>false<") && second.contains("<PartNumber>3</PartNumber><Size>7<"),
            "{second}"
        );
        let none = Page { marker: 5, limit: 2 }.document(&parts);
        assert!(none.contains("<IsTruncated>false<") && !none.contains("<Part>"), "{none}");
    }

    #[test]
    fn a_page_that_is_no_number_is_refused() {
        let headers = HeaderMap::from_iter([(
            http::HeaderName::from_static("x-amz-max-parts"),
            http::HeaderValue::from_static("many"),
        )]);
        assert_eq!(Page::asked(&headers).err().unwrap().code(), "InvalidArgument");
        assert_eq!(Page::asked(&HeaderMap::new()).unwrap().limit, PAGE);
    }
}
