//! `DeleteObject`: conditions speak of the ETags clients know, the rest is the store's. An instruction file goes with its object.

use bytes::Bytes;
use http::{Method, Response};
use objects::{Body, SealedObjects};

use super::{Call, forward};
use crate::error::Fault;

pub(super) async fn serve(objects: &SealedObjects, call: Call<'_>) -> Result<Response<Body>, Fault> {
    let at = call.object();
    let headers = call.store_headers(objects).await?;
    let answer = forward(objects, Method::DELETE, at.uri()?, headers, Bytes::new()).await?;
    if answer.status().is_success() {
        objects.forget_instruction_file(&at).await;
    }
    Ok(answer)
}
