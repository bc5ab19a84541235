//! What may be done in a bucket, and how the store does it: permissions one by one, conditions, parts, checksums.

use http::Method;
use http::header::ETAG;
use objects::{ObjectRef, Store, StoreError, bucket_uri, encode_value};

use super::{Answer, Finding, State, ask};

/// What is written, its MD5, and a CRC32 that is another's.
const CONTENT: &str = "sealgate doctor";
const CONTENT_MD5: &str = "3bcccca830be6749cad1b5b1119637e6";
const WRONG_CRC32: &str = "AAAAAA==";

/// A part of S3's least length; of the second of three, a store that wants equal parts will not hear.
const PART: usize = 5 * 1024 * 1024;

type Asked = Result<Answer, StoreError>;

/// What can be found out without writing. A bucket that cannot be used at all is the only thing found.
pub(crate) async fn examine_bucket(store: &dyn Store, bucket: &str, prefix: &str) -> Vec<Finding> {
    let list = format!("list-type=2&max-keys=1&prefix={}", encode_value(prefix));
    let listed = ask(store, Method::GET, bucket_uri(bucket, &list), &[], "").await;
    if let Some(elsewhere) = unusable(bucket, &listed) {
        return vec![elsewhere];
    }
    let mut found = vec![allowed("list objects", "s3:ListBucket", &listed)];
    let uploads = ask(store, Method::GET, bucket_uri(bucket, "uploads="), &[], "").await;
    found.push(allowed("list uploads", "s3:ListBucketMultipartUploads", &uploads));
    let versions = ask(store, Method::GET, bucket_uri(bucket, "versions=&max-keys=1"), &[], "").await;
    found.push(only_warned(allowed("list versions", "s3:ListBucketVersions", &versions), "clients and --versions"));
    if let Ok(answer) = ask(store, Method::GET, bucket_uri(bucket, "versioning="), &[], "").await {
        let state = answer.element("Status").unwrap_or_else(|| "off".into());
        let said = if answer.status.is_success() { state } else { format!("not known: {}", answer.code()) };
        found.push(Finding::good("versions", said));
    }
    if let Ok(answer) = ask(store, Method::GET, bucket_uri(bucket, "object-lock="), &[], "").await
        && answer.element("Mode").is_some()
    {
        found.push(Finding::poor("locks", "every object is locked by default: keep store.uploads = \"local\""));
    }
    found
}

/// Why nothing else needs to be looked at in this bucket.
fn unusable(bucket: &str, listed: &Asked) -> Option<Finding> {
    const WHAT: &str = "bucket";
    let answer = listed.as_ref().ok()?;
    let region = answer.headers.get("x-amz-bucket-region").and_then(|region| region.to_str().ok());
    match (answer.code().as_str(), region) {
        ("NoSuchBucket", _) => {
            Some(Finding::bad(WHAT, format!("the store has none called {bucket}: make it, or look at the name")))
        }
        ("PermanentRedirect" | "AuthorizationHeaderMalformed" | "IllegalLocationConstraintException", Some(region)) => {
            Some(Finding::bad(WHAT, format!("{bucket} is in another region: set store.region = \"{region}\"")))
        }
        _ => None,
    }
}

/// A permission without which Sealgate works, and who will miss it.
fn only_warned(finding: Finding, missed_by: &str) -> Finding {
    match finding.state {
        State::Bad => Finding::poor(finding.what, format!("{}; missed by {missed_by}", finding.said)),
        State::Good | State::Poor => finding,
    }
}

/// What only shows when something is written. All of it lies under one new name, and goes again.
pub(crate) async fn examine_writing(store: &dyn Store, at: &ObjectRef) -> Vec<Finding> {
    let probe = Probe { store, at };
    let put = probe.put(&[]).await;
    let etag = put.as_ref().ok().and_then(|answer| Some(answer.headers.get(ETAG)?.to_str().ok()?.to_owned()));
    let mut found = vec![allowed("write", "s3:PutObject", &put)];
    let Some(etag) = etag else { return found };
    found.push(etag_form(&etag));
    found.push(allowed("read", "s3:GetObject", &probe.ask(Method::GET, "", &[]).await));
    found.extend(probe.conditions(&etag).await);
    found.push(probe.checksums().await);
    found.push(probe.copies().await);
    found.extend(probe.parts().await);
    found.extend(probe.unfinished_upload().await);
    found.push(allowed("delete", "s3:DeleteObject", &probe.ask(Method::DELETE, "", &[]).await));
    found
}

struct Probe<'a> {
    store: &'a dyn Store,
    at: &'a ObjectRef,
}

impl Probe<'_> {
    async fn ask(&self, method: Method, query: &str, headers: &[(&'static str, String)]) -> Asked {
        ask(self.store, method, self.at.uri_with(query), headers, "").await
    }

    async fn put(&self, headers: &[(&'static str, String)]) -> Asked {
        ask(self.store, Method::PUT, self.at.uri(), headers, CONTENT).await
    }

    /// Whether conditions on writes are kept: otherwise writers that race overwrite each other.
    async fn conditions(&self, etag: &str) -> [Finding; 2] {
        let absent = self.put(&[("if-none-match", "*".into())]).await;
        let other = self.put(&[("if-match", "\"0123456789abcdef0123456789abcdef\"".into())]).await;
        let same = self.put(&[("if-match", etag.to_owned())]).await;
        let lost = "clients that rely on it overwrite each other";
        let refused = |asked: &Asked| asked.as_ref().is_ok_and(|answer| answer.status == 412);
        let taken = same.is_ok_and(|answer| answer.status.is_success());
        [
            if refused(&absent) {
                Finding::good("If-None-Match on writes", "kept")
            } else {
                Finding::poor("If-None-Match on writes", format!("not kept ({}): {lost}", said(&absent)))
            },
            if refused(&other) && taken {
                Finding::good("If-Match on writes", "kept")
            } else {
                Finding::poor("If-Match on writes", format!("not kept ({}): {lost}", said(&other)))
            },
        ]
    }

    async fn checksums(&self) -> Finding {
        let wrong = self.put(&[("x-amz-checksum-crc32", WRONG_CRC32.into())]).await;
        match wrong {
            Ok(answer) if answer.status == 400 => Finding::good("checksums", "verified by the store"),
            _ => Finding::good("checksums", "not verified by the store; Sealgate verifies the client's itself"),
        }
    }

    /// Whether an object is only copied onto itself if it is still the one that is meant: what `rewrap` stands on.
    async fn copies(&self) -> Finding {
        const WHAT: &str = "copies with If-Match";
        let Ok(source) = self.at.uri() else { return Finding::bad(WHAT, "the name cannot be written") };
        let copy = |etag: &str| {
            vec![
                ("x-amz-copy-source", source.to_string()),
                ("x-amz-metadata-directive", "REPLACE".into()),
                ("if-match", etag.to_owned()),
            ]
        };
        let other = self.ask(Method::PUT, "", &copy("\"0123456789abcdef0123456789abcdef\"")).await;
        if !other.as_ref().is_ok_and(|answer| answer.status == 412) {
            let why = "pause writing while `rewrap` runs";
            return Finding::poor(WHAT, format!("not kept ({}): {why}", said(&other)));
        }
        let head = self.ask(Method::HEAD, "", &[]).await.ok();
        let etag = head.and_then(|head| Some(head.headers.get(ETAG)?.to_str().ok()?.to_owned())).unwrap_or_default();
        allowed_as(WHAT, "kept", "s3:PutObject and s3:GetObject", &self.ask(Method::PUT, "", &copy(&etag)).await)
    }

    /// An upload of three parts, of which the second is longer than the first.
    async fn parts(&self) -> Vec<Finding> {
        const RULES: &str = "parts of any size";
        let begun = self.ask(Method::POST, "uploads=", &[]).await;
        let id = begun.as_ref().ok().and_then(|answer| answer.element("UploadId"));
        let mut found = vec![allowed("uploads in parts", "s3:PutObject", &begun)];
        let Some(id) = id else { return found };
        let query = format!("uploadId={}", encode_value(&id));
        let mut document = String::from("<CompleteMultipartUpload>");
        for (number, len) in [(1, PART), (2, PART + 1), (3, 1)] {
            let uri = self.at.uri_with(&format!("partNumber={number}&{query}"));
            let sent = ask(self.store, Method::PUT, uri, &[], vec![b'd'; len]).await;
            let etag = sent.ok().and_then(|answer| Some(answer.headers.get(ETAG)?.to_str().ok()?.to_owned()));
            let etag = etag.unwrap_or_default().replace('"', "&quot;");
            document +=
                &["<Part><PartNumber>", &number.to_string(), "</PartNumber><ETag>", &etag, "</ETag></Part>"].concat();
        }
        document += "</CompleteMultipartUpload>";
        let uri = self.at.uri_with(&query);
        let completed = ask(self.store, Method::POST, uri, &[], document).await;
        let good =
            completed.as_ref().is_ok_and(|answer| answer.status.is_success() && answer.element("Code").is_none());
        if good {
            found.push(Finding::good(RULES, "taken"));
            return found;
        }
        found.push(Finding::poor(RULES, format!("refused ({}): set store.equal_parts = true", said(&completed))));
        // Whether this is allowed is asked of the next upload; here it is only cleaned up.
        let _ = self.ask(Method::DELETE, &query, &[]).await;
        found
    }

    /// An upload that is looked at and given up, as `ListParts` and the daily sweep do.
    async fn unfinished_upload(&self) -> Vec<Finding> {
        let begun = self.ask(Method::POST, "uploads=", &[]).await;
        let Some(id) = begun.ok().and_then(|answer| answer.element("UploadId")) else { return Vec::new() };
        let query = format!("uploadId={}", encode_value(&id));
        let listed = self.ask(Method::GET, &query, &[]).await;
        let aborted = self.ask(Method::DELETE, &query, &[]).await;
        vec![
            allowed("list parts", "s3:ListMultipartUploadParts", &listed),
            allowed("abort uploads", "s3:AbortMultipartUpload", &aborted),
        ]
    }
}

fn etag_form(etag: &str) -> Finding {
    let said = if etag.trim_matches('"') == CONTENT_MD5 {
        "the MD5 of what is stored; clients are shown another form, as etag = \"opaque\" says"
    } else if etag.contains('-') {
        "of its own form, with a dash"
    } else {
        "of its own form: the store encrypts, or does not use MD5"
    };
    Finding::good("ETags", said)
}

fn allowed(what: &'static str, permission: &str, asked: &Asked) -> Finding {
    allowed_as(what, "allowed", permission, asked)
}

fn allowed_as(what: &'static str, good: &str, permission: &str, asked: &Asked) -> Finding {
    match asked {
        Ok(answer) if answer.status.is_success() => Finding::good(what, good),
        Ok(answer) if answer.status == 403 => {
            Finding::bad(what, format!("refused ({}): the credentials need {permission}", answer.code()))
        }
        _ => Finding::bad(what, said(asked)),
    }
}

fn said(asked: &Asked) -> String {
    match asked {
        Ok(answer) => answer.code(),
        Err(error) => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, HeaderValue, StatusCode};

    use super::*;

    fn refused(code: &str, region: Option<&'static str>) -> Answer {
        let mut headers = HeaderMap::new();
        headers
            .extend(region.map(|region| {
                (http::HeaderName::from_static("x-amz-bucket-region"), HeaderValue::from_static(region))
            }));
        let document = format!("<Error><Code>{code}</Code><Message>m</Message></Error>").into();
        Answer { status: StatusCode::BAD_REQUEST, headers, document }
    }

    #[test]
    fn a_bucket_in_another_region_says_which_to_set() {
        let found = unusable("b", &Ok(refused("PermanentRedirect", Some("eu-west-1")))).unwrap();
        assert!(found.state == State::Bad && found.said.contains("store.region = \"eu-west-1\""), "{found:?}");
        assert!(unusable("b", &Ok(refused("PermanentRedirect", None))).is_none());
        assert!(unusable("b", &Ok(refused("AccessDenied", Some("eu-west-1")))).is_none());
    }
}
