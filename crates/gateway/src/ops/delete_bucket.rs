//! `DeleteBucket`: the store's business, but for what we keep in a bucket ourselves: that does not make it less empty.

use http::Response;
use objects::{Body, SealedObjects};

use super::{Call, pass_on};
use crate::error::Fault;
use crate::headers;

pub(super) async fn serve(objects: &SealedObjects, call: Call<'_>) -> Result<Response<Body>, Fault> {
    pass_on(objects.delete_bucket(&call.target.bucket, headers::for_store(&call.headers)).await?).await
}
