//! `ListMultipartUploads`: the store's page, with the ids that clients know.

use http::Response;
use objects::{Body, SealedObjects};

use super::{Call, pass_on};
use crate::error::Fault;
use crate::headers;

pub(super) async fn serve(objects: &SealedObjects, call: Call<'_>) -> Result<Response<Body>, Fault> {
    let query = call.target.store_query();
    let headers = headers::for_store(&call.headers);
    pass_on(objects.list_uploads(&call.target.bucket, &query, headers).await?).await
}
