//! `ListMultipartUploads`: the store's page, with the ids that clients know.

use http::Response;
use objects::{Body, SealedObjects};

use super::{Call, pass_on};
use crate::error::Fault;
use crate::headers;

pub(super) async fn serve(objects: &SealedObjects, call: Call<'_>) -> Result<Response<Body>, Fault> {
    let mut target = call.target;
    for (_, marker) in target.query.iter_mut().filter(|(name, _)| name == "upload-id-marker") {
        // A client may continue behind an id it was shown; the store knows it by another.
        if let Some(store_id) = objects::store_upload_id(marker) {
            *marker = store_id;
        }
    }
    let query = target.store_query();
    let headers = headers::for_store(&call.headers);
    pass_on(objects.list_uploads(&target.bucket, &query, headers).await?).await
}
