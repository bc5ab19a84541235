//! The cheap question that tells whether the store would answer requests.

use std::sync::Arc;

use async_trait::async_trait;
use http::{Request, StatusCode};
use http_body_util::BodyExt;
use objects::{Body, Store, error_code, service_uri};

use crate::admin::Probe;

/// Errors are short documents; more than this is not one.
const MAX_ERROR_LEN: usize = 64 * 1024;

/// Codes of a store that answers but would refuse every request of ours.
const HOPELESS: [&str; 6] = [
    "InvalidAccessKeyId",
    "SignatureDoesNotMatch",
    "ExpiredToken",
    "InvalidToken",
    "TokenRefreshRequired",
    "RequestTimeTooSkewed",
];

/// Asks a store for its buckets.
pub(super) struct StoreProbe(Arc<dyn Store>);

impl StoreProbe {
    /// Nothing is asked yet.
    pub(super) fn new(store: Arc<dyn Store>) -> Self {
        Self(store)
    }
}

#[async_trait]
impl Probe for StoreProbe {
    async fn ask(&self) -> Result<(), String> {
        let uri = service_uri("").map_err(|error| error.to_string())?;
        let request = Request::get(uri).body(objects::store::empty()).map_err(|error| error.to_string())?;
        let answer = self.0.send(request).await.map_err(|error| error.to_string())?;
        match answer.status() {
            status if status.is_server_error() => Err(format!("the store answers {status}")),
            // Who may not list buckets may still use them; who is unknown may not.
            StatusCode::FORBIDDEN | StatusCode::BAD_REQUEST | StatusCode::UNAUTHORIZED => {
                let document = short(answer.into_body()).await;
                let (code, _) = document.and_then(|document| error_code(&document)).unwrap_or_default();
                if HOPELESS.contains(&code.as_str()) { Err(format!("the store answers {code}")) } else { Ok(()) }
            }
            _ => Ok(()),
        }
    }
}

/// All of a body, unless it breaks or is too long.
async fn short(mut body: Body) -> Option<Vec<u8>> {
    let mut all = Vec::new();
    while let Some(frame) = body.frame().await {
        all.extend_from_slice(frame.ok()?.data_ref()?);
        if all.len() > MAX_ERROR_LEN {
            return None;
        }
    }
    Some(all)
}

#[cfg(test)]
mod tests {
    use http::Response;
    use objects::StoreError;
    use objects::store::full;

    use super::*;

    /// A store with one answer.
    struct Always(u16, &'static str);

    #[async_trait]
    impl Store for Always {
        async fn send(&self, _: Request<Body>) -> Result<Response<Body>, StoreError> {
            Ok(Response::builder().status(self.0).body(full(self.1)).unwrap())
        }
    }

    async fn ask(status: u16, body: &'static str) -> Result<(), String> {
        StoreProbe::new(Arc::new(Always(status, body))).ask().await
    }

    #[tokio::test]
    async fn a_store_that_knows_us_is_ready() {
        assert_eq!(ask(200, "").await, Ok(()));
        assert_eq!(ask(403, "<Error><Code>AccessDenied</Code></Error>").await, Ok(()));
    }

    #[tokio::test]
    async fn a_store_that_is_ill_or_does_not_know_us_is_not() {
        assert_eq!(ask(503, "").await, Err("the store answers 503 Service Unavailable".to_owned()));
        let unknown = ask(403, "<Error><Code>InvalidAccessKeyId</Code></Error>").await;
        assert_eq!(unknown, Err("the store answers InvalidAccessKeyId".to_owned()));
    }
}
