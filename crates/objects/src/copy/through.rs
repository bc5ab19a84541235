//! A copy whose sealing changes: opened and sealed again as it streams past, one batch at a time.

use std::collections::BTreeSet;

use http::header::ETAG;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};

use super::{COPY_LIMIT, Copied, CopiedObject, CopyRequest, headers, pin};
use crate::answers::rewrite_elements;
use crate::location::encode_value;
use crate::reader::{OpenRequest, Opened, OpenedObject};
use crate::{
    ChecksumName, DigestSet, Error, Facts, ObjectRef, SealOutcome, SealRequest, SealedObjects, metadata, stream,
};

/// Ten tags of S3's greatest length take less.
const TAGS_LIMIT: usize = 64 * 1024;

impl SealedObjects {
    pub(super) async fn copy_through(&self, request: &CopyRequest, source: &HeaderMap) -> Result<Copied, Error> {
        let mut conditions = headers::access_to_source(&request.headers);
        conditions.extend(pin(source));
        let open =
            OpenRequest { at: request.from.clone(), want: None, part: None, headers: conditions, checksums: false };
        let object = match self.open(open).await? {
            Opened::Object(object) => object,
            Opened::Answer(response) => return Ok(Copied::Answer(response)),
            Opened::Unsatisfiable { .. } => return Err(Error::Internal("a whole object outside itself".into())),
        };
        if object.plain_len > COPY_LIMIT {
            return Ok(Copied::TooLarge);
        }
        let plain_len = object.plain_len;
        let version = object.headers.get("x-amz-version-id").cloned();
        let outcome = self.seal(self.upload(request, object).await?).await;
        // The body is the source: what broke it is not the client's doing.
        let outcome = outcome.map_err(|error| match error {
            Error::Body(cause) => headers::broken(cause),
            other => other,
        })?;
        made(outcome, plain_len, version)
    }

    /// The upload that stands for a copy of `object`.
    async fn upload(&self, request: &CopyRequest, object: OpenedObject) -> Result<SealRequest, Error> {
        let rule = self.rule(&request.to.bucket, &request.to.key)?;
        let mut fields = headers::of_upload(request, &object.headers);
        let client_metadata = metadata::from_client(&request.headers, rule)?;
        let metadata = if request.replace_metadata { &client_metadata } else { &object.metadata };
        metadata::into_headers(metadata, &mut fields)?;
        if !replaces_tags(&request.headers) {
            fields.remove("x-amz-tagging");
            if let Some(tags) =
                self.tags(&request.from, headers::access_to_source(&request.headers), &object.headers).await?
            {
                fields.insert("x-amz-tagging", tags);
            }
        }
        Ok(SealRequest {
            at: request.to.clone(),
            plain_len: object.plain_len,
            headers: fields,
            digests: DigestSet { md5: false, checksums: BTreeSet::from([wanted_checksum(&request.headers)]) },
            verdict: Box::new(|_| Ok(())),
            body: object.body,
        })
    }

    /// The source's tags as a request's header says them.
    pub(crate) async fn tags(
        &self,
        from: &ObjectRef,
        access: HeaderMap,
        source: &HeaderMap,
    ) -> Result<Option<HeaderValue>, Error> {
        if source.get("x-amz-tagging-count").is_none_or(|count| count == "0") {
            return Ok(None);
        }
        let response = self.ask(Method::GET, from.uri_with("tagging=")?, access).await?;
        if response.status() != StatusCode::OK {
            return Err(Error::BadAnswer(format!("the source's tags cannot be read: {}", response.status())));
        }
        let xml = stream::collect(response.into_body(), TAGS_LIMIT).await.map_err(headers::broken)?;
        HeaderValue::try_from(tag_pairs(&xml)?).map(Some).map_err(|error| Error::Internal(error.to_string()))
    }
}

/// A `Tagging` document as a query string.
fn tag_pairs(xml: &[u8]) -> Result<String, Error> {
    // Some stores write an empty value short, which is no text to read.
    let xml = String::from_utf8_lossy(xml).replace("<Value/>", "<Value></Value>");
    let (names, values) = (tag_texts(&xml, "Key")?, tag_texts(&xml, "Value")?);
    if names.len() != values.len() {
        return Err(Error::BadAnswer("a tag without a name or a value".into()));
    }
    let pair = |(name, value): (&String, &String)| format!("{}={}", encode_value(name), encode_value(value));
    Ok(names.iter().zip(&values).map(pair).collect::<Vec<_>>().join("&"))
}

fn tag_texts(xml: &str, name: &str) -> Result<Vec<String>, Error> {
    let mut texts = Vec::new();
    rewrite_elements(xml.as_bytes(), &["Tagging", "TagSet", "Tag", name], |text| {
        texts.push(text.to_owned());
        None
    })?;
    Ok(texts)
}

fn replaces_tags(client: &HeaderMap) -> bool {
    client.get("x-amz-tagging-directive").is_some_and(|directive| directive == "REPLACE")
}

/// The checksum a client asked for by name; an object is never without one.
fn wanted_checksum(client: &HeaderMap) -> ChecksumName {
    let name = client.get("x-amz-checksum-algorithm").and_then(|name| name.to_str().ok()?.parse().ok());
    name.unwrap_or(ChecksumName::Crc64Nvme)
}

/// The answer to a copy, out of the answer to the upload that stood for it.
fn made(outcome: SealOutcome, plain_len: u64, version: Option<HeaderValue>) -> Result<Copied, Error> {
    if !outcome.response.status().is_success() {
        return Ok(Copied::Answer(outcome.response));
    }
    let mut headers = outcome.response.into_parts().0.headers;
    let etag = outcome.etag.ok_or_else(|| Error::BadAnswer("an upload without ETag".into()))?;
    headers.remove(ETAG);
    headers.extend(version.map(|version| (HeaderName::from_static("x-amz-copy-source-version-id"), version)));
    let facts = outcome.computed.map(|computed| Facts::new(plain_len, computed).into());
    Ok(Copied::Object(CopiedObject { headers, etag, last_modified: None, facts }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_become_a_query_string() {
        let xml = "<Tagging><TagSet><Tag><Key>a b</Key><Value>1&amp;2</Value></Tag><Tag><Key>c</Key><Value/></Tag></TagSet></Tagging>";
        assert_eq!(tag_pairs(xml.as_bytes()).unwrap(), "a%20b=1%262&c=");
        assert!(tag_pairs(b"<Tagging><TagSet><Tag><Key>a</Key></Tag></TagSet></Tagging>").is_err());
    }
}
