//! `CreateBucket`: the client's document goes to the store as it is.

use http::{Method, Response};
use objects::{Body, SealedObjects, bucket_uri};

use super::{Call, forward};
use crate::error::Fault;
use crate::{headers, small_body};

pub(super) async fn serve(objects: &SealedObjects, call: Call<'_>) -> Result<Response<Body>, Fault> {
    let uri = bucket_uri(&call.target.bucket, "")?;
    let document = small_body::read(call.body, &call.headers, call.trailing).await?;
    forward(objects, Method::PUT, uri, headers::for_document(&call.headers, &document), document).await
}
