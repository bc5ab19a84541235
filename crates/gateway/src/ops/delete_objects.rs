//! `DeleteObjects`: up to a thousand keys in one document, with the ETags in it given back to the store. Instruction files go with
//! their objects.

use std::collections::BTreeSet;

use bytes::Bytes;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use http::{Method, Response};
use objects::{Body, ObjectRef, SealedObjects, bucket_uri, rewrite_elements, store};
use s3s::S3ErrorCode;
use serde::Deserialize;

use super::{Call, forward};
use crate::error::Fault;
use crate::{headers, small_body};

/// S3's limit for one request.
const KEY_LIMIT: usize = 1_000;

/// Objects with a condition are looked at this many at a time, where their ETags are MD5s.
const FAN_OUT: usize = 16;

/// A thousand keys of S3's greatest length, each with what is said about it, take less.
const RESULT_LIMIT: usize = 16 * 1024 * 1024;

pub(super) async fn serve(objects: &SealedObjects, call: Call<'_>) -> Result<Response<Body>, Fault> {
    let bucket = call.target.bucket;
    let uri = bucket_uri(&bucket, "delete=")?;
    let document = small_body::read(call.body, &call.headers, call.trailing).await?;
    let entries = entries(&document)?;
    // Refused whole: only a client that guesses such a name can ask for it.
    if entries.iter().any(|entry| objects.is_reserved(&entry.key)) {
        return Err(objects::Error::Reserved.into());
    }
    let files: Vec<_> =
        entries.iter().map(|entry| entry.at(&bucket)).filter(|at| objects.may_have_instruction_file(at)).collect();
    let conditions = entries.into_iter().filter_map(|entry| entry.condition(&bucket));
    let questions: Vec<_> = conditions.map(|(at, etag)| store_etag(objects, at, etag)).collect();
    let etags: Vec<_> = stream::iter(questions).buffered(FAN_OUT).try_collect().await?;
    let document = with_etags(&document, etags)?;
    let answer = forward(objects, Method::POST, uri, headers::for_document(&call.headers, &document), document).await?;
    if files.is_empty() || !answer.status().is_success() {
        Ok(answer)
    } else {
        forget_files(objects, files, answer).await
    }
}

/// Removes the instruction files of those objects that the store removed.
async fn forget_files(
    objects: &SealedObjects,
    files: Vec<ObjectRef>,
    answer: Response<Body>,
) -> Result<Response<Body>, Fault> {
    let (parts, body) = answer.into_parts();
    let result = objects::collect(body, RESULT_LIMIT).await;
    let result = result.map_err(|_| Fault::internal("The store's answer broke off or is too long."))?;
    let kept = refused_keys(&result)?;
    let gone = files.into_iter().filter(|at| !kept.contains(&at.key));
    let removals: Vec<_> = gone.map(|at| async move { objects.forget_instruction_file(&at).await }).collect();
    stream::iter(removals).buffer_unordered(FAN_OUT).collect::<Vec<()>>().await;
    Ok(Response::from_parts(parts, store::full(result)))
}

/// The keys that the store did not remove.
fn refused_keys(result: &[u8]) -> Result<BTreeSet<String>, Fault> {
    let mut keys = BTreeSet::new();
    rewrite_elements(result, &["DeleteResult", "Error", "Key"], |key| {
        keys.insert(key.to_owned());
        None
    })?;
    Ok(keys)
}

async fn store_etag(objects: &SealedObjects, at: ObjectRef, etag: String) -> Result<String, Fault> {
    Ok(objects.store_etag(&at, &etag).await?)
}

#[derive(Deserialize)]
struct Document {
    #[serde(rename = "Object", default)]
    entries: Vec<Entry>,
}

/// An object to be deleted.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Entry {
    key: String,
    version_id: Option<String>,
    #[serde(rename = "ETag")]
    etag: Option<String>,
}

impl Entry {
    fn at(&self, bucket: &str) -> ObjectRef {
        ObjectRef { bucket: bucket.to_owned(), key: self.key.clone(), version: self.version_id.clone() }
    }

    /// The object and the ETag that it must have, if there is such a condition.
    fn condition(self, bucket: &str) -> Option<(ObjectRef, String)> {
        let at = ObjectRef { bucket: bucket.to_owned(), key: self.key, version: self.version_id };
        Some((at, self.etag.filter(|etag| !etag.is_empty())?))
    }
}

fn entries(document: &[u8]) -> Result<Vec<Entry>, Fault> {
    let text = std::str::from_utf8(document).map_err(|_| malformed())?;
    let document: Document = quick_xml::de::from_str(text).map_err(|_| malformed())?;
    let known = (1..=KEY_LIMIT).contains(&document.entries.len());
    known.then_some(document.entries).ok_or_else(malformed)
}

/// The document with its ETags, in order, replaced by the store's.
fn with_etags(document: &[u8], etags: Vec<String>) -> Result<Bytes, Fault> {
    let mut etags = etags.into_iter();
    let next = |etag: &str| if etag.is_empty() { None } else { etags.next() };
    let document = rewrite_elements(document, &["Delete", "Object", "ETag"], next);
    document.map(Bytes::from).map_err(|_| malformed())
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
    fn conditions_are_read_and_etags_replaced_in_place() {
        let document = b"<Delete><Quiet>true</Quiet><Object><Key>a</Key><ETag></ETag></Object><Object><Key>a</Key><ETag/></Object>\
            <Object><ETag>\"one\"</ETag><Key>b&amp;c</Key></Object><Object><Key>d</Key><VersionId>v</VersionId><ETag>two</ETag></Object></Delete>";
        let conditions: Vec<_> =
            entries(document).unwrap().into_iter().filter_map(|entry| entry.condition("bucket")).collect();
        let seen: Vec<_> =
            conditions.iter().map(|(at, etag)| (at.key.as_str(), at.version.as_deref(), etag.as_str())).collect();
        assert_eq!(seen, [("b&c", None, "\"one\""), ("d", Some("v"), "two")]);
        let amended = with_etags(document, vec!["1".into(), "2".into()]).unwrap();
        let wanted = String::from_utf8_lossy(document).replace("\"one\"", "1").replace("two", "2");
        assert_eq!(std::str::from_utf8(&amended).unwrap(), wanted);
    }

    #[test]
    fn keys_that_the_store_kept_are_known() {
        let result = b"<DeleteResult><Deleted><Key>a</Key></Deleted><Error><Key>b&amp;c</Key><Code>PreconditionFailed</Code></Error></DeleteResult>";
        assert_eq!(refused_keys(result).unwrap(), BTreeSet::from(["b&c".to_owned()]));
    }

    #[test]
    fn what_is_no_document_is_refused() {
        for document in [&b""[..], b"<Delete></Delete>", b"<Delete><Object><Key>a</Object></Delete>", b"\xff"] {
            assert_eq!(entries(document).err().unwrap().code(), "MalformedXML");
        }
        let many = format!("<Delete>{}</Delete>", "<Object><Key>a</Key></Object>".repeat(1_001));
        assert!(entries(many.as_bytes()).is_err());
    }
}
