//! `DeleteObject`: conditions speak of the ETags clients know, the rest is the store's.

use bytes::Bytes;
use http::{Method, Response};
use objects::{Body, SealedObjects};

use super::{Call, forward};
use crate::error::Fault;

pub(super) async fn serve(objects: &SealedObjects, call: Call<'_>) -> Result<Response<Body>, Fault> {
    let uri = call.object().uri()?;
    let headers = call.store_headers(objects).await?;
    forward(objects, Method::DELETE, uri, headers, Bytes::new()).await
}
