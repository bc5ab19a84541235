//! Where s3s hands over: a request whose signature holds and whose body is decoded, with everything it came with.
//!
//! Every request but a form takes this way, so headers and queries that no type describes are not lost.

use http::{HeaderMap, Method, Response, StatusCode, Uri};
use http_body_util::BodyExt as _;
use objects::{Body, SealedObjects};
use s3s::route::S3Route;
use s3s::{S3Request, S3Response, S3Result};

use crate::error::Fault;
use crate::hosts::Domains;
use crate::identity::Clients;
use crate::operations;
use crate::ops::{self, Call};
use crate::target::Target;
use crate::telemetry;
use crate::{form, headers};

/// The one route of the service.
pub(crate) struct Route {
    objects: SealedObjects,
    clients: Clients,
    domains: Domains,
}

impl Route {
    pub(crate) fn new(objects: SealedObjects, clients: Clients, domains: Domains) -> Self {
        Self { objects, clients, domains }
    }

    async fn answer(&self, request: S3Request<s3s::Body>) -> Result<Response<Body>, Fault> {
        let access_key = request.credentials.as_ref().map(|credentials| credentials.access_key.as_str());
        let client = access_key.and_then(|access_key| self.clients.find(access_key));
        let client = client.ok_or_else(|| Fault::new(s3s::S3ErrorCode::AccessDenied, "Access Denied"))?;
        let mut headers = request.headers;
        let mut target = match self.domains.bucket(&headers) {
            Some(bucket) => Target::parse_in(bucket, &request.uri)?,
            None => Target::parse(&request.uri)?,
        };
        headers::hoist_query(&mut target, &mut headers)?;
        let row = operations::resolve(&request.method, &target, &headers)?;
        telemetry::note(row.name, &target.bucket, &client.access_key);
        client.check((!target.bucket.is_empty()).then_some(target.bucket.as_str()), row.need)?;
        let body = request.input.boxed_unsync();
        let call = Call { client, target, headers, body, trailing: request.trailing_headers };
        ops::serve(&self.objects, row, call).await
    }
}

#[async_trait::async_trait]
impl S3Route for Route {
    fn is_match(&self, method: &Method, _: &Uri, headers: &HeaderMap, _: &mut http::Extensions) -> bool {
        !form::is_form(method, headers)
    }

    async fn call(&self, request: S3Request<s3s::Body>) -> S3Result<S3Response<s3s::Body>> {
        let mut response = S3Response::new(s3s::Body::empty());
        match self.answer(request).await {
            Ok(answer) => {
                let (parts, body) = answer.into_parts();
                response.output = s3s::Body::http_body_unsync(body);
                response.status = Some(parts.status);
                response.headers = parts.headers;
                response.extensions.insert(Answered);
            }
            // Faults are written in one place, behind s3s, which knows the request's id.
            Err(fault) => {
                response.status = Some(StatusCode::INTERNAL_SERVER_ERROR);
                response.extensions.insert(fault);
            }
        }
        Ok(response)
    }
}

/// Marks answers that came through the route, in contrast to what s3s refused itself.
#[derive(Clone, Copy)]
pub(crate) struct Answered;
