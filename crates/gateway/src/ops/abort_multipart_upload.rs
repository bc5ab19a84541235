//! `AbortMultipartUpload`: given up at the store and forgotten here.

use http::Response;
use objects::{Body, SealedObjects};

use super::{Call, pass_on};
use crate::error::Fault;

pub(super) async fn serve(objects: &SealedObjects, call: Call<'_>) -> Result<Response<Body>, Fault> {
    let upload_id = call.target.param("uploadId").unwrap_or_default();
    pass_on(objects.abort_upload(&call.object(), upload_id).await?).await
}
