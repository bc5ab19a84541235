//! `ListParts`: what arrived so far, with plaintext sizes.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{Method, Response};
use objects::{Body, ListedPart, ObjectRef, SealedObjects};
use quick_xml::escape::escape;
use s3s::S3ErrorCode;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::{Call, forward};
use crate::error::Fault;
use crate::headers;
use crate::target::Target;

/// S3's limit for one page.
const PAGE: usize = 1_000;

pub(super) async fn serve(objects: &SealedObjects, call: Call<'_>) -> Result<Response<Body>, Fault> {
    let at = call.object();
    let upload_id = call.target.param("uploadId").unwrap_or_default();
    let marker = u16::try_from(number(&call.target, "part-number-marker", 0)?).unwrap_or(u16::MAX);
    let limit = number(&call.target, "max-parts", PAGE)?.min(PAGE);
    let Some((parts, truncated)) = objects.uploaded_parts(&at, upload_id, marker, limit).await? else {
        let uri = at.uri_with(&call.target.store_query())?;
        return forward(objects, Method::GET, uri, headers::for_store(&call.headers), Bytes::new()).await;
    };
    Ok(super::xml(document(&at, upload_id, &Page { parts, marker, limit, truncated })))
}

fn number(target: &Target, name: &str, default: usize) -> Result<usize, Fault> {
    match target.param(name) {
        None | Some("") => Ok(default),
        Some(text) => {
            text.parse().map_err(|_| Fault::new(S3ErrorCode::InvalidArgument, format!("{name} is not a number")))
        }
    }
}

/// Some of the parts, and what was asked for.
struct Page {
    parts: Vec<ListedPart>,
    /// All have higher numbers than this.
    marker: u16,
    limit: usize,
    /// Whether more follow.
    truncated: bool,
}

fn document(at: &ObjectRef, upload_id: &str, page: &Page) -> String {
    let Page { parts, marker, limit, truncated } = page;
    let next = parts.last().map_or(*marker, |part| part.number);
    let mut xml = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<ListPartsResult xmlns=\"{}\"><Bucket>{}</Bucket><Key>{}</Key>\
         <UploadId>{}</UploadId><PartNumberMarker>{marker}</PartNumberMarker><NextPartNumberMarker>{next}</NextPartNumberMarker>\
         <MaxParts>{limit}</MaxParts><IsTruncated>{truncated}</IsTruncated>",
        super::NAMESPACE,
        escape(&at.bucket),
        escape(&at.key),
        escape(upload_id),
    );
    for part in parts {
        write_part(part, &mut xml);
    }
    xml.push_str("<StorageClass>STANDARD</StorageClass></ListPartsResult>");
    xml
}

fn write_part(part: &ListedPart, xml: &mut String) {
    let modified = OffsetDateTime::from_unix_timestamp(part.modified).ok().and_then(|time| time.format(&Rfc3339).ok());
    // Writing to a string cannot fail.
    let _ = write!(
        xml,
        "<Part><PartNumber>{}</PartNumber><LastModified>{}</LastModified><ETag>{}</ETag><Size>{}</Size>",
        part.number,
        modified.unwrap_or_default(),
        escape(&part.etag),
        part.plain_len
    );
    for (name, value) in &part.checksums {
        let _ = write!(xml, "<Checksum{0}>{1}</Checksum{0}>", name.as_str(), STANDARD.encode(value));
    }
    xml.push_str("</Part>");
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn a_page_names_its_end() {
        let part = |number| ListedPart {
            number,
            plain_len: 5,
            etag: "\"e-0\"".into(),
            modified: 0,
            checksums: BTreeMap::new(),
        };
        let at = ObjectRef { bucket: "b".into(), key: "k&".into(), version: None };
        let page = Page { parts: vec![part(1), part(3)], marker: 0, limit: 2, truncated: true };
        let first = document(&at, "id", &page);
        assert!(
            first.contains("<IsTruncated>true</IsTruncated>") && first.contains("<NextPartNumberMarker>3<"),
            "{first}"
        );
        assert!(first.contains("<Key>k&amp;</Key>"), "{first}");
        let empty = document(&at, "id", &Page { parts: Vec::new(), marker: 3, limit: 2, truncated: false });
        assert!(
            empty.contains("<IsTruncated>false</IsTruncated>") && empty.contains("<NextPartNumberMarker>3<"),
            "{empty}"
        );
    }
}
