//! `HeadObject`: what GET would say, without the content.

use http::Response;
use objects::{Body, SealedObjects};

use super::{Call, get_object};
use crate::error::Fault;

pub(super) async fn serve(objects: &SealedObjects, call: Call<'_>) -> Result<Response<Body>, Fault> {
    let mut request = call.open_request()?;
    request.headers = call.store_headers(objects).await?;
    let checksums = request.checksums;
    let opened = objects.head(request).await?;
    get_object::answer(opened, &call.target, checksums).await
}
