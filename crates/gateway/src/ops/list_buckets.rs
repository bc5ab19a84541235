//! `ListBuckets`: the store's buckets, those that the client may touch.

use bytes::Bytes;
use http::header::CONTENT_LENGTH;
use http::{Method, Response};
use objects::{Body, SealedObjects, buckets_where, service_uri, store};

use super::{Call, forward};
use crate::error::Fault;
use crate::headers;

/// Ten thousand buckets take less than this.
const LIMIT: usize = 16 * 1024 * 1024;

pub(super) async fn serve(objects: &SealedObjects, call: Call<'_>) -> Result<Response<Body>, Fault> {
    let uri = service_uri(&call.target.store_query())?;
    let response = forward(objects, Method::GET, uri, headers::for_store(&call.headers), Bytes::new()).await?;
    if !response.status().is_success() {
        return Ok(response);
    }
    let (mut parts, body) = response.into_parts();
    let page = objects::collect(body, LIMIT).await.map_err(|error| unreadable(&error.to_string()))?;
    let page = buckets_where(&page, |bucket| call.client.sees(bucket))?;
    parts.headers.insert(CONTENT_LENGTH, page.len().into());
    Ok(Response::from_parts(parts, store::full(page)))
}

fn unreadable(cause: &str) -> Fault {
    tracing::warn!(cause, "the store's list of buckets cannot be read");
    Fault::internal("The store's list of buckets cannot be read.")
}
