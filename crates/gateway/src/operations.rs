//! The table of operations: what is served, and how a request line selects it. What has no row is refused.

use http::{HeaderMap, Method};

use crate::error::Fault;
use crate::identity::Need;
use crate::target::{Level, Target, is_ours};

/// What becomes of an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It is served.
    Served,
    /// It is refused for this reason.
    Refused(&'static str),
}

/// One operation of S3.
#[derive(Debug, Clone, Copy)]
pub struct Row {
    /// The operation.
    pub operation: Operation,
    /// Its name in the S3 API.
    pub name: &'static str,
    /// The HTTP method.
    pub method: &'static str,
    /// What it is about.
    pub level: Level,
    /// The query parameter that selects it; empty for the plain operation.
    pub selector: &'static str,
    /// The query parameters it understands.
    pub params: &'static [&'static str],
    /// What a client needs for it.
    pub need: Need,
    /// What becomes of it.
    pub verdict: Verdict,
}

macro_rules! operations {
    ($($method:ident $level:ident $name:ident $([$selector:literal])? ($($param:literal),* $(,)?) $need:ident $verdict:expr;)*) => {
        /// Every operation that has a row.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        #[expect(missing_docs, reason = "the names are those of the S3 API")]
        pub enum Operation { $($name,)* }

        /// The table, most specific first.
        pub const ROWS: &[Row] = &[$(Row {
            operation: Operation::$name,
            name: stringify!($name),
            method: stringify!($method),
            level: Level::$level,
            selector: concat!($($selector)?),
            params: &[$($param),*],
            need: Need::$need,
            verdict: $verdict,
        },)*];
    };
}

use Verdict::{Refused, Served};

const MULTIPART: Verdict = Refused(
    "multipart uploads are not in this version; raise the client's multipart threshold so that it sends objects in one request (see README)",
);
const CIPHERTEXT: Verdict = Refused("the store only holds ciphertext, so it cannot look into objects");
const OVERRIDES: &str = "response-";

operations! {
    GET Service ListBuckets ("max-buckets", "continuation-token", "prefix", "bucket-region") Look Served;
    GET Bucket GetBucketLocation ["location"] () Look Served;
    GET Bucket ListObjectsV2 ["list-type"] ("prefix", "delimiter", "encoding-type", "max-keys", "continuation-token", "start-after", "fetch-owner") Look Served;
    GET Bucket ListMultipartUploads ["uploads"] ("prefix", "delimiter", "encoding-type", "max-uploads", "key-marker", "upload-id-marker") Look MULTIPART;
    GET Bucket ListObjects ("prefix", "delimiter", "encoding-type", "max-keys", "marker") Look Served;
    HEAD Bucket HeadBucket () Look Served;
    PUT Bucket CreateBucket () Write Served;
    DELETE Bucket DeleteBucket () Write Served;
    POST Bucket DeleteObjects ["delete"] () Write Served;
    GET Object GetObjectTorrent ["torrent"] () Read CIPHERTEXT;
    GET Object GetObject ("response-cache-control", "response-content-disposition", "response-content-encoding", "response-content-language", "response-content-type", "response-expires") Read Served;
    HEAD Object HeadObject ("response-cache-control", "response-content-disposition", "response-content-encoding", "response-content-language", "response-content-type", "response-expires") Look Served;
    POST Object CreateMultipartUpload ["uploads"] () Write MULTIPART;
    POST Object SelectObjectContent ["select"] ("select-type") Read CIPHERTEXT;
    POST Object CompleteMultipartUpload ["uploadId"] () Write MULTIPART;
    PUT Object UploadPart ["uploadId"] ("partNumber") Write MULTIPART;
    DELETE Object AbortMultipartUpload ["uploadId"] () Write MULTIPART;
    PUT Object PutObject () Write Served;
    DELETE Object DeleteObject () Write Served;
}

/// Whether a parameter overrides a header of the answer.
pub(crate) fn overridden_header(param: &str) -> Option<&str> {
    param.strip_prefix(OVERRIDES)
}

/// The row for a request. Unknown means refused, never treated as the plain operation.
pub(crate) fn resolve(method: &Method, target: &Target, headers: &HeaderMap) -> Result<&'static Row, Fault> {
    if headers.contains_key("x-amz-copy-source") {
        return Err(Fault::not_implemented(
            "copies (x-amz-copy-source) are not in this version; read the object and write it again",
        ));
    }
    let params: Vec<&str> = target.query.iter().map(|(name, _)| name.as_str()).filter(|name| !is_ours(name)).collect();
    let mut here = ROWS.iter().filter(|row| row.method == method.as_str() && row.level == target.level).peekable();
    if here.peek().is_none() {
        return Err(Fault::not_implemented(format!("{method} on this kind of resource is not implemented")));
    }
    let selected = here.find(|row| if row.selector.is_empty() { true } else { params.contains(&row.selector) });
    let Some(row) = selected else {
        return Err(Fault::not_implemented(format!("{method} with this query is not implemented")));
    };
    match params.iter().find(|param| **param != row.selector && !row.params.contains(param)) {
        Some(unknown) => {
            Err(Fault::not_implemented(format!("the query parameter `{unknown}` is not implemented for {}", row.name)))
        }
        None => Ok(row),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolved(method: &Method, uri: &str) -> Result<Operation, Fault> {
        let target = Target::parse(&uri.parse().unwrap()).unwrap();
        resolve(method, &target, &HeaderMap::new()).map(|row| row.operation)
    }

    #[test]
    fn plain_requests_find_their_row() {
        assert_eq!(resolved(&Method::GET, "/").unwrap(), Operation::ListBuckets);
        assert_eq!(resolved(&Method::GET, "/bucket/?list-type=2&prefix=").unwrap(), Operation::ListObjectsV2);
        assert_eq!(resolved(&Method::GET, "/bucket?marker=a").unwrap(), Operation::ListObjects);
        assert_eq!(resolved(&Method::POST, "/bucket?delete").unwrap(), Operation::DeleteObjects);
        assert_eq!(resolved(&Method::PUT, "/bucket/key?x-id=PutObject&X-Amz-Date=x").unwrap(), Operation::PutObject);
    }

    #[test]
    fn an_unknown_sub_resource_is_never_the_plain_operation() {
        for method in [Method::GET, Method::PUT, Method::DELETE, Method::HEAD, Method::POST] {
            for uri in [
                "/?abac",
                "/bucket?abac",
                "/bucket?x-amz-unknown",
                "/bucket/key?x-amz-copy-source=%2Fa%2Fb",
                "/bucket?policy",
                "/bucket/key?attributes",
                "/bucket/key?annotation=x",
                "/bucket/key?versionId=1",
                "/bucket/key?partNumber=2",
            ] {
                let fault = resolved(&method, uri).unwrap_err();
                assert_eq!(fault.code(), "NotImplemented", "{method} {uri}");
            }
        }
    }

    #[test]
    fn a_copy_is_not_an_upload() {
        let headers = HeaderMap::from_iter([(
            http::HeaderName::from_static("x-amz-copy-source"),
            http::HeaderValue::from_static("/a/b"),
        )]);
        let target = Target::parse(&"/bucket/key".parse().unwrap()).unwrap();
        assert_eq!(resolve(&Method::PUT, &target, &headers).unwrap_err().code(), "NotImplemented");
    }

    #[test]
    fn rows_with_a_selector_come_before_the_plain_row() {
        for (index, row) in ROWS.iter().enumerate() {
            let later = ROWS[index + 1..].iter().filter(|later| later.method == row.method && later.level == row.level);
            assert!(!row.selector.is_empty() || later.count() == 0, "{} hides a later row", row.name);
        }
    }
}
