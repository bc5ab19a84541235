//! The table of operations: what is served, and how a request line selects it. What has no row is refused.

mod table;

use http::{HeaderMap, Method};

use crate::error::Fault;
use crate::identity::Need;
use crate::target::{Level, Target, is_ours};

pub use table::{Operation, ROWS};

/// What becomes of an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It is served here, because objects, their sizes or their ETags are in it.
    Served,
    /// It goes to the store as it is, once the client is known and may do it: sealing does not concern it.
    Passed,
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
    /// The query parameters that together select it; none for the plain operation.
    pub selectors: &'static [&'static str],
    /// The header that selects it; empty when none does.
    pub header: &'static str,
    /// The query parameters it understands besides.
    pub params: &'static [&'static str],
    /// What a client needs for it.
    pub need: Need,
    /// What becomes of it.
    pub verdict: Verdict,
}

impl Row {
    fn is_selected(&self, params: &[&str], headers: &HeaderMap) -> bool {
        self.selectors.iter().all(|selector| params.contains(selector))
            && (self.header.is_empty() || headers.contains_key(self.header))
    }

    fn understands(&self, param: &str) -> bool {
        self.selectors.contains(&param) || self.params.contains(&param)
    }
}

const OVERRIDES: &str = "response-";

/// Headers that change what a request does. One that the selected operation does not know must not be ignored.
const TELLING: [(&str, &str); 3] = [
    ("x-amz-copy-source", "a copy is not this operation"),
    ("x-amz-if-match-size", "the store only knows the sizes of sealed objects"),
    ("x-amz-write-offset-bytes", "nothing can be appended to a sealed object"),
];

/// Whether a parameter overrides a header of the answer.
pub(crate) fn overridden_header(param: &str) -> Option<&str> {
    param.strip_prefix(OVERRIDES)
}

/// The row for a request. Unknown means refused, never treated as the plain operation.
pub(crate) fn resolve(method: &Method, target: &Target, headers: &HeaderMap) -> Result<&'static Row, Fault> {
    let params: Vec<&str> = target.query.iter().map(|(name, _)| name.as_str()).filter(|name| !is_ours(name)).collect();
    let mut here = ROWS.iter().filter(|row| row.method == method.as_str() && row.level == target.level).peekable();
    if here.peek().is_none() {
        return Err(Fault::not_implemented(format!("{method} on this kind of resource is not implemented")));
    }
    let Some(row) = here.find(|row| row.is_selected(&params, headers)) else {
        return Err(Fault::not_implemented(format!("{method} with this query is not implemented")));
    };
    if let Some(unknown) = params.iter().find(|param| !row.understands(param)) {
        return Err(Fault::not_implemented(format!(
            "the query parameter `{unknown}` is not implemented for {}",
            row.name
        )));
    }
    match TELLING.iter().find(|(name, _)| *name != row.header && headers.contains_key(*name)) {
        Some((name, reason)) => Err(Fault::not_implemented(format!("{name} with {}: {reason}", row.name))),
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
                "/bucket?future",
                "/bucket?x-amz-unknown",
                "/bucket/key?x-amz-copy-source=%2Fa%2Fb",
                "/bucket?policy&unknown",
                "/bucket?policy&acl",
                "/bucket/key?tagging&acl",
                "/bucket/key?unknown=1",
            ] {
                let fault = resolved(&method, uri).unwrap_err();
                assert_eq!(fault.code(), "NotImplemented", "{method} {uri}");
            }
        }
    }

    #[test]
    fn sub_resources_have_their_own_rows() {
        assert_eq!(resolved(&Method::GET, "/bucket?policy").unwrap(), Operation::GetBucketPolicy);
        assert_eq!(resolved(&Method::DELETE, "/bucket?abac").map(|_| ()).unwrap_err().code(), "NotImplemented");
        assert_eq!(resolved(&Method::GET, "/b-k?inventory&id=1").unwrap(), Operation::GetBucketInventoryConfiguration);
        assert_eq!(resolved(&Method::GET, "/b-k?inventory").unwrap(), Operation::ListBucketInventoryConfigurations);
        assert_eq!(resolved(&Method::PUT, "/bucket/key?tagging&versionId=1").unwrap(), Operation::PutObjectTagging);
        assert_eq!(resolved(&Method::DELETE, "/bucket/key?versionId=1").unwrap(), Operation::DeleteObject);
        assert_eq!(resolved(&Method::GET, "/bucket?versions&prefix=a").unwrap(), Operation::ListObjectVersions);
    }

    fn with_header(method: &Method, uri: &str, name: &'static str) -> Result<Operation, String> {
        let headers = HeaderMap::from_iter([(
            http::HeaderName::from_static(name),
            http::HeaderValue::from_static("/bucket/key"),
        )]);
        let target = Target::parse(&uri.parse().unwrap()).unwrap();
        resolve(method, &target, &headers).map(|row| row.operation).map_err(|fault| fault.code().to_owned())
    }

    #[test]
    fn a_copy_is_not_an_upload() {
        let copy = |uri| with_header(&Method::PUT, uri, "x-amz-copy-source");
        assert_eq!(copy("/bucket/key"), Ok(Operation::CopyObject));
        assert_eq!(copy("/bucket/key?uploadId=u&partNumber=1"), Ok(Operation::UploadPartCopy));
        assert_eq!(resolved(&Method::PUT, "/bucket/key?uploadId=u&partNumber=1").unwrap(), Operation::UploadPart);
        for (method, uri) in
            [(Method::PUT, "/bucket/key?tagging"), (Method::GET, "/bucket/key"), (Method::PUT, "/bucket")]
        {
            assert_eq!(with_header(&method, uri, "x-amz-copy-source"), Err("NotImplemented".into()), "{uri}");
        }
    }

    #[test]
    fn what_ciphertext_cannot_do_is_refused() {
        for (method, name) in [(Method::PUT, "x-amz-write-offset-bytes"), (Method::DELETE, "x-amz-if-match-size")] {
            assert_eq!(with_header(&method, "/bucket/key", name), Err("NotImplemented".into()), "{name}");
        }
    }

    #[test]
    fn no_row_hides_a_later_one() {
        for (index, row) in ROWS.iter().enumerate() {
            let hidden = ROWS[index + 1..].iter().find(|later| {
                later.method == row.method
                    && later.level == row.level
                    && row.selectors.iter().all(|selector| later.selectors.contains(selector))
                    && (row.header.is_empty() || row.header == later.header)
            });
            assert!(hidden.is_none(), "{} hides {}", row.name, hidden.unwrap().name);
        }
    }
}
