//! `ListObjects` and `ListObjectsV2`: the store's page with plaintext sizes.

use http::Response;
use objects::{Body, ListRequest, SealedObjects};

use super::{Call, pass_on};
use crate::error::Fault;
use crate::headers;

pub(super) async fn serve(objects: &SealedObjects, call: Call<'_>) -> Result<Response<Body>, Fault> {
    let query = call.target.store_query();
    let request = ListRequest { bucket: call.target.bucket, query, headers: headers::for_store(&call.headers) };
    let response = objects.list(request).await?;
    pass_on(response).await
}
