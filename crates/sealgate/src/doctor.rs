//! The way to the store, looked at step by step: what works, what does not, and what to set.
//!
//! Speaks to the store as the server does, through the seam. Writes only where it was told to, and removes what it wrote.

mod bucket;
mod reach;

use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, StatusCode, Uri};
use hyper::body::Bytes;
use objects::store::{empty, full};
use objects::{Store, StoreError, collect, error_code};
use serde_json::{Value, json};

pub(crate) use self::bucket::{examine_bucket, examine_writing};
pub(crate) use self::reach::reach;

/// No answer that is of interest is longer.
const ANSWER_LIMIT: usize = 1024 * 1024;

/// How something was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    /// As it should be.
    Good,
    /// Sealgate works, and something does not.
    Poor,
    /// Sealgate does not work.
    Bad,
}

/// One thing that was looked at.
#[derive(Debug)]
pub(crate) struct Finding {
    pub(crate) what: &'static str,
    pub(crate) state: State,
    pub(crate) said: String,
}

impl Finding {
    pub(crate) fn good(what: &'static str, said: impl Into<String>) -> Self {
        Self { what, state: State::Good, said: said.into() }
    }

    pub(crate) fn poor(what: &'static str, said: impl Into<String>) -> Self {
        Self { what, state: State::Poor, said: said.into() }
    }

    pub(crate) fn bad(what: &'static str, said: impl Into<String>) -> Self {
        Self { what, state: State::Bad, said: said.into() }
    }

    /// In one word.
    pub(crate) fn word(&self) -> &'static str {
        match self.state {
            State::Good => "ok",
            State::Poor => "warning",
            State::Bad => "failed",
        }
    }

    /// For programs.
    pub(crate) fn json(&self) -> Value {
        json!({ "event": "check", "check": self.what, "state": self.word(), "said": self.said })
    }
}

/// What a store answered.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) document: Bytes,
}

impl Answer {
    /// The error code, or the status where there is none.
    pub(crate) fn code(&self) -> String {
        error_code(&self.document).map_or_else(|| self.status.to_string(), |(code, _)| code)
    }

    /// What stands in the document between these tags first.
    pub(crate) fn element(&self, name: &str) -> Option<String> {
        let text = std::str::from_utf8(&self.document).ok()?;
        let (_, rest) = text.split_once(&format!("<{name}>"))?;
        Some(rest.split_once("</")?.0.replace("&quot;", "\""))
    }
}

/// Asks the store something small.
pub(crate) async fn ask(
    store: &dyn Store,
    method: Method,
    uri: Result<Uri, objects::Error>,
    headers: &[(&'static str, String)],
    body: impl Into<Bytes>,
) -> Result<Answer, StoreError> {
    let malformed = |error: &dyn std::fmt::Display| StoreError::Request(error.to_string());
    let uri = uri.map_err(|error| malformed(&error))?;
    let body: Bytes = body.into();
    let mut request = Request::builder().method(method.clone()).uri(uri);
    for (name, value) in headers {
        let value = HeaderValue::try_from(value).map_err(|error| malformed(&error))?;
        request = request.header(HeaderName::from_static(name), value);
    }
    if matches!(method, Method::PUT | Method::POST) {
        request = request.header(http::header::CONTENT_LENGTH, body.len());
    }
    let request = request.body(if body.is_empty() { empty() } else { full(body) });
    let (parts, body) = store.send(request.map_err(|error| malformed(&error))?).await?.into_parts();
    let document = collect(body, ANSWER_LIMIT).await.unwrap_or_default();
    Ok(Answer { status: parts.status, headers: parts.headers, document })
}
