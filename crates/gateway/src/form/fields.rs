//! The fields of a form as the headers they stand for, every one of them honoured or refused by its name.
//!
//! s3s reads a form, verifies it and hands over the fields it has types for; the others are lost. So the beginning of the body
//! is copied on its way to s3s, and read again with the same parser once s3s has believed the form.

use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use futures::stream;
use http::{HeaderMap, HeaderName, HeaderValue};
use s3s::S3ErrorCode;
use s3s_multipart::{Boundary, Error, Multipart, Part, parse_content_disposition};
use serde::Deserialize;

use super::FIELD_LIMIT;
use crate::error::Fault;

/// All fields with what stands around them.
const COPY_LIMIT: usize = 2 * FIELD_LIMIT;

/// Fields that are headers by the same name.
const SAME: [&str; 18] = [
    "cache-control",
    "content-disposition",
    "content-encoding",
    "content-language",
    "content-md5",
    "content-type",
    "expires",
    "if-match",
    "if-none-match",
    "x-amz-acl",
    "x-amz-expected-bucket-owner",
    "x-amz-request-payer",
    "x-amz-sdk-checksum-algorithm",
    "x-amz-server-side-encryption",
    "x-amz-storage-class",
    "x-amz-tagging",
    "x-amz-website-redirect-location",
    "x-amz-write-offset-bytes",
];
/// Beginnings of more of them.
const SAME_FAMILIES: [&str; 5] =
    ["x-amz-checksum-", "x-amz-grant-", "x-amz-meta-", "x-amz-object-lock-", "x-amz-server-side-encryption-"];
/// Fields that prove who made the policy.
const PROOF: [&str; 4] = ["x-amz-algorithm", "x-amz-credential", "x-amz-date", "x-amz-signature"];

/// The beginning of a form's body, copied while it is read.
#[derive(Clone, Default)]
pub(crate) struct Beginning(Arc<Mutex<Vec<u8>>>);

type Parser = Multipart<stream::Iter<std::array::IntoIter<Result<Bytes, Error>, 1>>>;

impl Beginning {
    /// Takes what still fits.
    pub(crate) fn push(&self, data: &[u8]) {
        let mut copy = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let room = COPY_LIMIT.saturating_sub(copy.len());
        copy.extend_from_slice(&data[..data.len().min(room)]);
    }

    /// The headers that the fields stand for.
    pub(super) async fn headers(&self) -> Result<HeaderMap, Fault> {
        let copy = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        let mut headers = HeaderMap::new();
        for (name, value) in fields(copy).await.map_err(|_| malformed())? {
            let Some((header, value)) = header(&name, value)? else { continue };
            let bad = || Fault::new(S3ErrorCode::InvalidArgument, format!("the field `{name}` cannot be a header"));
            let header = HeaderName::try_from(header).map_err(|_| bad())?;
            headers.insert(header, HeaderValue::from_bytes(value.as_bytes()).map_err(|_| bad())?);
        }
        Ok(headers)
    }
}

/// Names in lower case, and values, up to the file.
async fn fields(copy: Vec<u8>) -> Result<Vec<(String, String)>, Error> {
    let first_line = copy.split(|byte| *byte == b'\r').next().unwrap_or_default();
    let boundary = Boundary::new(first_line.strip_prefix(b"--").unwrap_or_default())?;
    let mut parser: Parser = Multipart::new(stream::iter([Ok(Bytes::from(copy))]), &boundary, FIELD_LIMIT);
    let mut fields = Vec::new();
    while let Some(mut part) = parser.next_part().await? {
        let name = name(&mut part).await?;
        if name == "file" {
            break;
        }
        let mut value = Vec::new();
        while let Some(data) = part.next_data().await? {
            value.extend_from_slice(&data);
        }
        fields.push((name, String::from_utf8(value).map_err(Error::stream_read_failed)?));
    }
    Ok(fields)
}

/// The name of a part; s3s has seen that there is one.
async fn name<S>(part: &mut Part<'_, S>) -> Result<String, Error>
where
    S: futures::Stream<Item = Result<Bytes, Error>> + Send + Unpin,
{
    let mut name = String::new();
    while let Some(header) = part.next_header().await? {
        if header.name.eq_ignore_ascii_case("content-disposition") {
            let found = parse_content_disposition(header.value).and_then(|found| found.name);
            name = String::from_utf8_lossy(found.unwrap_or_default()).to_ascii_lowercase();
        }
    }
    Ok(name)
}

/// The header that a field stands for, if it stands for one.
fn header(name: &str, value: String) -> Result<Option<(String, String)>, Fault> {
    let is_same = SAME.contains(&name) || SAME_FAMILIES.iter().any(|family| name.starts_with(family));
    Ok(match name {
        "acl" => Some(("x-amz-acl".to_owned(), value)),
        "tagging" => Some(("x-amz-tagging".to_owned(), tags(&value)?)),
        "x-amz-security-token" => {
            let message = "This endpoint's credentials have no session token; make the policy without one.";
            return Err(Fault::new(S3ErrorCode::InvalidToken, message));
        }
        "signature" | "awsaccesskeyid" => {
            let message = "Signature Version 2 in a form is not accepted; sign the policy with Signature Version 4.";
            return Err(Fault::new(S3ErrorCode::AccessDenied, message));
        }
        _ if is_same => Some((name.to_owned(), value)),
        _ if name.starts_with("x-amz-") && !PROOF.contains(&name) => {
            return Err(Fault::not_implemented(format!("the field `{name}` is not implemented for PostObject")));
        }
        // As S3: what has no meaning needs its place in the policy and is otherwise nobody's business.
        _ => None,
    })
}

#[derive(Deserialize)]
struct Tagging {
    #[serde(rename = "TagSet")]
    set: TagSet,
}

#[derive(Deserialize)]
struct TagSet {
    #[serde(rename = "Tag", default)]
    tags: Vec<Tag>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Tag {
    key: String,
    #[serde(default)]
    value: String,
}

/// A `Tagging` document as the query string that is its header.
fn tags(document: &str) -> Result<String, Fault> {
    let malformed = |_| Fault::new(S3ErrorCode::MalformedXML, "The field `tagging` is no Tagging document.");
    let tagging: Tagging = quick_xml::de::from_str(document).map_err(malformed)?;
    let pair = |tag: &Tag| format!("{}={}", objects::encode_value(&tag.key), objects::encode_value(&tag.value));
    Ok(tagging.set.tags.iter().map(pair).collect::<Vec<_>>().join("&"))
}

fn malformed() -> Fault {
    let message = "The body of your POST request is not well-formed multipart/form-data.";
    Fault::new(S3ErrorCode::MalformedPOSTRequest, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn read(fields: &[(&str, &str)]) -> Result<HeaderMap, String> {
        let part = |(name, value): &(&str, &str)| {
            format!("--b\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
        };
        let mut body: String = fields.iter().map(part).collect();
        body += "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"f\"\r\n\r\ncont";
        let beginning = Beginning::default();
        body.as_bytes().chunks(7).for_each(|piece| beginning.push(piece));
        beginning.headers().await.map_err(|fault| fault.code().to_owned())
    }

    #[tokio::test]
    async fn fields_are_the_headers_they_stand_for() {
        let tags = "<Tagging><TagSet><Tag><Key>a b</Key><Value>1&amp;2</Value></Tag><Tag><Key>c</Key><Value/></Tag></TagSet></Tagging>";
        let given =
            [("key", "k"), ("acl", "public-read"), ("tagging", tags), ("X-Amz-Meta-Colour", "röt"), ("submit", "Go")];
        let headers = read(&given).await.unwrap();
        let text = |name: &str| headers[name].as_bytes().to_vec();
        assert_eq!(headers.len(), 3, "{headers:?}");
        assert_eq!((text("x-amz-acl"), text("x-amz-tagging")), (b"public-read".to_vec(), b"a%20b=1%262&c=".to_vec()));
        assert_eq!(text("x-amz-meta-colour"), "röt".as_bytes());
    }

    #[tokio::test]
    async fn what_cannot_be_honoured_is_refused() {
        for (name, value, code) in [
            ("x-amz-copy-source", "/b/k", "NotImplemented"),
            ("x-amz-something-new", "1", "NotImplemented"),
            ("x-amz-security-token", "t", "InvalidToken"),
            ("AWSAccessKeyId", "a", "AccessDenied"),
            ("Signature", "s", "AccessDenied"),
            ("tagging", "a=1", "MalformedXML"),
            ("x-amz-meta-a", "one\r\nx-amz-meta-b: two", "InvalidArgument"),
        ] {
            assert_eq!(read(&[(name, value)]).await.unwrap_err(), code, "{name}");
        }
    }

    #[tokio::test]
    async fn fields_that_are_not_all_there_are_not_believed() {
        assert_eq!(read(&[("x-amz-meta-a", &"v".repeat(COPY_LIMIT))]).await.unwrap_err(), "MalformedPOSTRequest");
    }
}
