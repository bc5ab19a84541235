//! `DeleteObject`: conditions speak of the ETags clients know, the rest is the store's.

use bytes::Bytes;
use http::{Method, Response};
use objects::{Body, SealedObjects};

use super::{Call, forward};
use crate::error::Fault;
use crate::headers;

pub(super) async fn serve(objects: &SealedObjects, call: Call<'_>) -> Result<Response<Body>, Fault> {
    let uri = call.object().uri()?;
    forward(objects, Method::DELETE, uri, headers::for_store(&call.headers), Bytes::new()).await
}
