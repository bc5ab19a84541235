//! What sealing does not concern: the request goes to the store as it is, and its answer comes back.
//!
//! A document is read first, bounded and checked, and its Content-MD5 computed anew, because many of these operations need one.

use bytes::Bytes;
use http::{Method, Response, Uri};
use objects::{Body, ObjectRef, SealedObjects, bucket_uri, service_uri};

use super::{Call, forward};
use crate::error::Fault;
use crate::operations::Row;
use crate::target::{Level, Target};
use crate::{headers, small_body};

pub(super) async fn serve(objects: &SealedObjects, row: &Row, call: Call<'_>) -> Result<Response<Body>, Fault> {
    let uri = uri(&call.target)?;
    let method = Method::from_bytes(row.method.as_bytes()).map_err(|_| Fault::internal("a row without a method"))?;
    if !matches!(method, Method::PUT | Method::POST) {
        let headers = call.store_headers(objects).await?;
        return forward(objects, method, uri, headers, Bytes::new()).await;
    }
    let document = small_body::read(call.body, &call.headers, call.trailing).await?;
    forward(objects, method, uri, headers::for_document(&call.headers, &document), document).await
}

/// The store's address of the same thing, with the client's whole query: the table has looked at every name in it.
fn uri(target: &Target) -> Result<Uri, Fault> {
    let query = target.store_query();
    let uri = match target.level {
        Level::Service => service_uri(&query),
        Level::Bucket => bucket_uri(&target.bucket, &query),
        Level::Object => {
            let at = ObjectRef { bucket: target.bucket.clone(), key: target.key.clone(), version: None };
            at.uri_with(&query)
        }
    };
    Ok(uri?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_whole_query_goes_on_and_no_signature() {
        let target = |uri: &str| Target::parse(&uri.parse().unwrap()).unwrap();
        let at = |line| uri(&target(line)).unwrap().to_string();
        assert_eq!(
            at("/bucket/a%20b?tagging&versionId=x%2By&X-Amz-Signature=s"),
            "/bucket/a%20b?tagging=&versionId=x%2By"
        );
        assert_eq!(at("/bucket?inventory&id=a/b&x-id=Get"), "/bucket?inventory=&id=a%2Fb");
    }
}
