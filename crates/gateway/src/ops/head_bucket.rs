//! `HeadBucket`: the store's own answer.

use bytes::Bytes;
use http::{Method, Response};
use objects::{Body, SealedObjects, bucket_uri};

use super::{Call, forward};
use crate::error::Fault;
use crate::headers;

pub(super) async fn serve(objects: &SealedObjects, call: Call<'_>) -> Result<Response<Body>, Fault> {
    let uri = bucket_uri(&call.target.bucket, "")?;
    forward(objects, Method::HEAD, uri, headers::for_store(&call.headers), Bytes::new()).await
}
