//! What Cloudflare R2 demands of multipart uploads: all parts but the last have one size, and the last is not larger.
//!
//! It stands before a store that is less strict, and knows requests only.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use http::{Method, Request, Response, StatusCode};
use http_body_util::BodyExt as _;
use hyper::body::Bytes;
use hyper::header::CONTENT_LENGTH;

use crate::answer::all;

/// Says what R2 says.
const REFUSAL: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?><Error><Code>InvalidPart</Code>\
                       <Message>All non-trailing parts must have the same length.</Message></Error>";

/// The lengths of parts by upload and number.
#[derive(Default)]
pub(crate) struct EqualParts(Mutex<BTreeMap<(String, u16), u64>>);

impl EqualParts {
    /// Takes note of a request, or refuses it.
    pub(crate) async fn check(&self, request: Request<s3s::Body>) -> Result<Request<s3s::Body>, Response<s3s::Body>> {
        let query = request.uri().query().unwrap_or_default();
        let param = |name: &str| {
            let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
            pairs.find(|(found, _)| *found == name).map(|(_, value)| value.to_owned())
        };
        let Some(upload) = param("uploadId") else { return Ok(request) };
        let number = param("partNumber").and_then(|number| number.parse().ok());
        match (request.method(), number) {
            (&Method::PUT, Some(number)) => {
                let len = request.headers()[CONTENT_LENGTH].to_str().unwrap().parse().unwrap();
                self.0.lock().unwrap_or_else(PoisonError::into_inner).insert((upload, number), len);
                Ok(request)
            }
            (&Method::POST, None) => {
                let (parts, body) = request.into_parts();
                let document = body.collect().await.map(http_body_util::Collected::to_bytes).unwrap_or_default();
                if self.fit(&upload, &document) {
                    return Ok(Request::from_parts(parts, s3s::Body::from(document)));
                }
                let mut refusal = Response::new(s3s::Body::from(Bytes::from_static(REFUSAL.as_bytes())));
                *refusal.status_mut() = StatusCode::BAD_REQUEST;
                Err(refusal)
            }
            _ => Ok(request),
        }
    }

    fn fit(&self, upload: &str, document: &[u8]) -> bool {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let numbers = all(&String::from_utf8_lossy(document), "PartNumber");
        let lens: Vec<u64> = numbers
            .iter()
            .filter_map(|number| known.get(&(upload.to_owned(), number.parse().unwrap())).copied())
            .collect();
        let Some((last, others)) = lens.split_last() else { return true };
        others.iter().all(|len| *len == others[0]) && others.first().is_none_or(|len| last <= len)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_of_one_size_and_a_shorter_end_fit() {
        for (lens, fit) in [
            (&[5][..], true),
            (&[8, 8, 5], true),
            (&[8, 8, 8], true),
            (&[8, 5, 8], false),
            (&[5, 8], false),
            (&[8, 8, 5, 1], false),
        ] {
            let lens =
                lens.iter().enumerate().map(|(index, len)| (("u".to_owned(), u16::try_from(index).unwrap()), *len));
            let demand = EqualParts(Mutex::new(lens.collect()));
            let count = demand.0.lock().unwrap().len();
            let document =
                (0..count).fold(String::new(), |list, number| format!("{list}<PartNumber>{number}</PartNumber>"));
            assert_eq!(demand.fit("u", document.as_bytes()), fit, "{document}");
        }
    }
}
