//! `GetObject`: an object or a range of it, each byte verified before it leaves.

use http::header::CONTENT_RANGE;
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode};
use objects::{Body, Opened, SealedObjects};
use s3s::S3ErrorCode;

use super::{Call, pass_on};
use crate::error::Fault;
use crate::headers;
use crate::operations::overridden_header;
use crate::target::Target;

pub(super) async fn serve(objects: &SealedObjects, call: Call<'_>) -> Result<Response<Body>, Fault> {
    let mut request = call.open_request()?;
    request.headers = call.store_headers(objects).await?;
    let checksums = request.checksums;
    let opened = objects.open(request).await?;
    answer(opened, &call.target, checksums).await
}

/// The answer to GET and HEAD.
pub(super) async fn answer(opened: Opened, target: &Target, checksums: bool) -> Result<Response<Body>, Fault> {
    match opened {
        Opened::Answer(response) => pass_on(response).await,
        Opened::Unsatisfiable { plain_len } => Err(unsatisfiable(plain_len)),
        Opened::Object(object) => {
            let mut fields = headers::of_object(&object, checksums);
            override_headers(target, &mut fields)?;
            let status = if object.range.is_some() { StatusCode::PARTIAL_CONTENT } else { StatusCode::OK };
            let mut response = Response::new(object.body);
            *response.status_mut() = status;
            *response.headers_mut() = fields;
            Ok(response)
        }
    }
}

fn unsatisfiable(plain_len: u64) -> Fault {
    let fault = Fault::new(S3ErrorCode::InvalidRange, "The requested range is not satisfiable");
    match HeaderValue::try_from(format!("bytes */{plain_len}")) {
        Ok(value) => fault.with_header(CONTENT_RANGE, value),
        Err(_) => fault,
    }
}

/// Applies `response-content-type` and its relatives.
fn override_headers(target: &Target, fields: &mut HeaderMap) -> Result<(), Fault> {
    for (param, value) in &target.query {
        let Some(name) = overridden_header(param) else { continue };
        let bad = || Fault::new(S3ErrorCode::InvalidArgument, format!("`{param}` cannot be a header"));
        let name = HeaderName::try_from(name).map_err(|_| bad())?;
        fields.insert(name, HeaderValue::try_from(value).map_err(|_| bad())?);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn overrides_replace_what_is_stored() {
        let target =
            Target::parse(&"/bucket/key?response-content-type=a%2Fb&response-expires=never".parse().unwrap()).unwrap();
        let mut fields = HeaderMap::from_iter([(http::header::CONTENT_TYPE, HeaderValue::from_static("old"))]);
        override_headers(&target, &mut fields).unwrap();
        assert_eq!(
            (&fields["content-type"], &fields["expires"]),
            (&HeaderValue::from_static("a/b"), &HeaderValue::from_static("never"))
        );
        let broken = Target::parse(&"/bucket/key?response-content-type=a%0Ab".parse().unwrap()).unwrap();
        assert!(override_headers(&broken, &mut fields).is_err());
    }
}
