//! The way of a request: guard, s3s, route; and the way back: faults written, ids added, the line in the log.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Instant;

use futures::FutureExt as _;
use http::header::{CONNECTION, CONTENT_LENGTH, EXPECT, ORIGIN};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use objects::{Body, BoxError, SealedObjects, store};
use s3s::config::{S3Config, StaticConfigProvider};
use s3s::service::{S3Service, S3ServiceBuilder};
use tracing::Instrument as _;

use crate::cors::{Cors, CorsRule};
use crate::error::Fault;
use crate::form::{self, Beginning, Forms};
use crate::hosts::Domains;
use crate::identity::{Client, Clients};
use crate::route::{Answered, Route};
use crate::{guard, telemetry};

const REQUEST_ID: HeaderName = HeaderName::from_static("x-amz-request-id");
const HOST_ID: HeaderName = HeaderName::from_static("x-amz-id-2");

/// A signed chunk is buffered until its signature is verified; clients send 64 KiB to 1 MiB.
const SIGNED_CHUNK_LIMIT: usize = 16 * 1024 * 1024;

/// What s3s itself writes as an error is shorter than this.
const FAULT_LIMIT: usize = 64 * 1024;

/// The S3 endpoint.
#[derive(Clone)]
pub struct Gateway {
    service: S3Service,
    cors: Arc<Cors>,
    host_id: Arc<str>,
}

/// What an endpoint may be told besides its clients.
#[derive(Debug, Clone, Default)]
pub struct GatewayOptions {
    /// What pages of other origins may do; the first rule that covers a request counts.
    pub cors: Vec<CorsRule>,
    /// Domains whose subdomains are buckets; under all other names buckets stand in the path.
    pub domains: Vec<String>,
}

impl Gateway {
    /// An endpoint for `clients` over `objects`.
    #[must_use]
    pub fn new(objects: SealedObjects, clients: Vec<Client>) -> Self {
        Self::with_options(objects, clients, GatewayOptions::default())
    }

    /// The same, with what `options` say.
    #[must_use]
    pub fn with_options(objects: SealedObjects, clients: Vec<Client>, options: GatewayOptions) -> Self {
        Self::named(Arc::from(uuid::Uuid::new_v4().simple().to_string()), objects, clients, options)
    }

    /// Another endpoint in place of this one: answers go on to name the same host. Requests that this one has begun end as they
    /// would have.
    #[must_use]
    pub fn succeeded_by(&self, objects: SealedObjects, clients: Vec<Client>, options: GatewayOptions) -> Self {
        Self::named(Arc::clone(&self.host_id), objects, clients, options)
    }

    fn named(host_id: Arc<str>, objects: SealedObjects, clients: Vec<Client>, options: GatewayOptions) -> Self {
        let clients = Clients::new(clients);
        let domains = Domains::new(options.domains);
        let mut builder = S3ServiceBuilder::new(Forms::new(objects.clone(), clients.clone()));
        builder.set_auth(clients.clone());
        builder.set_host(domains.clone());
        builder.set_route(Route::new(objects, clients, domains));
        builder.set_config(Arc::new(StaticConfigProvider::new(Arc::new(config()))));
        Self { service: builder.build(), cors: Arc::new(Cors::new(options.cors)), host_id }
    }

    /// Answers one request.
    ///
    /// # Errors
    /// When the connection should be dropped without an answer.
    pub async fn call(&self, request: Request<Incoming>) -> Result<Response<Body>, BoxError> {
        let request_id = uuid::Uuid::new_v4().simple().to_string()[..16].to_uppercase();
        let span = telemetry::span(&request_id, request.method());
        self.traced(request, &request_id).instrument(span).await
    }

    async fn traced(&self, request: Request<Incoming>, request_id: &str) -> Result<Response<Body>, BoxError> {
        let started = Instant::now();
        let bytes_in = telemetry::declared_len(request.headers());
        let hang_up = expects_in_vain(request.headers());
        let expects = request.headers().contains_key(EXPECT);
        let (method, resource) = (request.method().clone(), request.uri().path().to_owned());
        let origin = request.headers().get(ORIGIN).cloned();
        let answered = AssertUnwindSafe(self.answer(request)).catch_unwind().await;
        let mut response = match answered.unwrap_or_else(|_| Ok(Err(panicked())))? {
            Ok(response) => response,
            Err(fault) => {
                tracing::debug!(code = fault.code(), status = fault.status().as_u16(), "refused");
                fault.render(&resource, request_id, &self.host_id)
            }
        };
        match &origin {
            Some(origin) => self.cors.mark(origin, &method, response.headers_mut()),
            None => self.cors.vary(response.headers_mut()),
        }
        if method == Method::HEAD {
            drop(std::mem::replace(response.body_mut(), store::empty()));
        }
        // A client that was told no before it sent its body will not send it: what it sends next would be taken for that.
        if hang_up || (expects && !response.status().is_success()) {
            response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        }
        response.headers_mut().insert(REQUEST_ID, HeaderValue::try_from(request_id)?);
        response.headers_mut().insert(HOST_ID, HeaderValue::try_from(&*self.host_id)?);
        Ok(telemetry::watched(response, tracing::Span::current(), started, bytes_in))
    }

    async fn answer(&self, request: Request<Incoming>) -> Result<Result<Response<Body>, Fault>, BoxError> {
        let (parts, body) = request.into_parts();
        // Before anything is refused: what the client is still sending must be read, or it never sees why.
        let body = guard::Watched::new(body, &parts.headers);
        if let Err(fault) = guard::check(&parts) {
            return Ok(Err(fault));
        }
        if parts.method == Method::OPTIONS {
            return Ok(self.cors.preflight(&parts.headers));
        }
        let is_form = form::is_form(&parts.method, &parts.headers);
        let mut request = Request::from_parts(parts, s3s::Body::http_body_unsync(body));
        if is_form {
            request = with_beginning(request);
        }
        let mut response = self.service.call(request).await.map_err(s3s::HttpError::into_std_error)?;
        if let Some(fault) = response.extensions_mut().remove::<Fault>() {
            return Ok(Err(fault));
        }
        if response.extensions_mut().remove::<Answered>().is_some() {
            return Ok(Ok(response.map(http_body_util::BodyExt::boxed_unsync)));
        }
        let (parts, body) = response.into_parts();
        let xml = objects::collect(body.boxed_unsync(), FAULT_LIMIT).await?;
        let fault = Fault::from_answer(parts.status, &xml);
        Ok(Err(if is_form { form::in_words_of_s3(fault) } else { fault }))
    }
}

/// Has the beginning of a form copied while s3s reads it, for whoever serves it.
fn with_beginning(request: Request<s3s::Body>) -> Request<s3s::Body> {
    let (mut parts, body) = request.into_parts();
    let beginning = Beginning::default();
    parts.extensions.insert(beginning.clone());
    let copied = body.map_frame(move |frame| {
        frame.data_ref().into_iter().for_each(|data| beginning.push(data));
        frame
    });
    Request::from_parts(parts, s3s::Body::http_body_unsync(copied))
}

/// Whether a client waits for `100 Continue` although it has no body to send.
///
/// hyper rightly sends none (RFC 9110 section 10.1.1), but botocore then misreads the next answer on the same connection and
/// waits for a minute. Without a next answer there is nothing to misread.
fn expects_in_vain(headers: &HeaderMap) -> bool {
    headers.contains_key(EXPECT) && headers.get(CONTENT_LENGTH).is_some_and(|length| length == "0")
}

/// What s3s is told, every limit said explicitly.
fn config() -> S3Config {
    let mut config = S3Config::default();
    config.aws_chunked_stream_max_chunk_size = SIGNED_CHUNK_LIMIT;
    config.put_object_max_size = None;
    config.custom_route_max_body_size = None;
    config.post_object_max_file_size = form::FILE_LIMIT;
    config.form_max_field_size = form::FIELD_LIMIT;
    config.form_max_fields_size = form::FIELD_LIMIT;
    config.allow_post_signature = true;
    config.enable_sig_v2 = true; // presigned only: the guard refuses the header, `form` the form
    config.sig_v4_allowed_services = vec!["s3".to_owned()];
    config
}

fn panicked() -> Fault {
    tracing::error!("a request handler panicked");
    Fault::internal("We encountered an internal error. Please try again.")
}
