//! One request made ready, and what its answer must be. Made before the clock runs, sent as often as wanted.

use anyhow::{bail, ensure};
use bytes::Bytes;
use http::header::{CONNECTION, CONTENT_LENGTH};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, StatusCode, Uri, Version};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use sealgate_tests::answer::all;
use sealgate_tests::request;

use crate::content::Content;

/// What an answer must bring.
#[derive(Clone, Debug)]
pub(crate) enum Expected {
    /// No body.
    Nothing,
    /// This length declared, and no body.
    Length(u64),
    /// These bytes.
    Content(Content),
    /// So many keys, all of this size.
    Listing { keys: usize, plain_len: u64 },
}

/// How closely answers are looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scrutiny {
    /// Status and length: the clock is running, and comparing costs.
    Length,
    /// Every byte.
    Bytes,
}

/// A request and its answer.
pub(crate) struct Job {
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Content,
    expected: Expected,
}

impl Job {
    /// Signs `request`, whose body will be `body`.
    pub(crate) fn new(request: request::Request, body: Content, expected: Expected) -> anyhow::Result<Self> {
        let prepared = request.payload(request::Payload::Unsigned).prepare();
        let mut headers = HeaderMap::new();
        for (name, value) in prepared.headers {
            headers.insert(HeaderName::try_from(name)?, HeaderValue::try_from(value)?);
        }
        headers.remove(CONNECTION);
        headers.remove(CONTENT_LENGTH);
        Ok(Self { method: prepared.method.parse()?, uri: prepared.target.parse()?, headers, body, expected })
    }

    /// The request, once more.
    pub(crate) fn request(&self) -> Request<Content> {
        let mut request = Request::new(self.body.clone());
        *request.method_mut() = self.method.clone();
        *request.uri_mut() = self.uri.clone();
        *request.headers_mut() = self.headers.clone();
        *request.version_mut() = Version::HTTP_11;
        request
    }

    /// Reads the answer to its end, checks it, and says how many bytes of bodies moved.
    pub(crate) async fn check(&self, answer: http::Response<Incoming>, scrutiny: Scrutiny) -> anyhow::Result<u64> {
        let status = answer.status();
        if !matches!(status, StatusCode::OK | StatusCode::PARTIAL_CONTENT) {
            let said = answer.into_body().collect().await?.to_bytes();
            bail!("{} {} answered {status}: {}", self.method, self.uri, String::from_utf8_lossy(&said));
        }
        let received = match self.expected.clone() {
            Expected::Nothing => nothing(answer.into_body()).await?,
            Expected::Length(len) => length(answer, len).await?,
            Expected::Content(content) => compare(answer.into_body(), content, scrutiny).await?,
            Expected::Listing { keys, plain_len } => listing(answer.into_body(), keys, plain_len, scrutiny).await?,
        };
        Ok(received + self.body.plain_len())
    }
}

async fn nothing(body: Incoming) -> anyhow::Result<u64> {
    let said = body.collect().await?.to_bytes();
    ensure!(said.is_empty(), "nothing was expected, and {} bytes came", said.len());
    Ok(0)
}

async fn length(answer: http::Response<Incoming>, len: u64) -> anyhow::Result<u64> {
    let declared = answer.headers().get(CONTENT_LENGTH).cloned();
    ensure!(declared == Some(HeaderValue::from(len)), "{declared:?} is declared, not {len}");
    nothing(answer.into_body()).await
}

async fn compare(mut body: Incoming, mut content: Content, scrutiny: Scrutiny) -> anyhow::Result<u64> {
    let expected_len = content.plain_len();
    while let Some(frame) = body.frame().await {
        let bytes: Bytes = frame?.into_data().unwrap_or_default();
        let is_right = if scrutiny == Scrutiny::Bytes { content.take(&bytes) } else { content.skip(bytes.len()) };
        ensure!(is_right, "the answer differs within {expected_len} bytes");
    }
    ensure!(content.plain_len() == 0, "{} of {expected_len} bytes are missing", content.plain_len());
    Ok(expected_len)
}

async fn listing(body: Incoming, keys: usize, plain_len: u64, scrutiny: Scrutiny) -> anyhow::Result<u64> {
    let bytes = body.collect().await?.to_bytes();
    if scrutiny == Scrutiny::Bytes {
        let sizes = all(&String::from_utf8_lossy(&bytes), "Size");
        ensure!(sizes.len() == keys, "{} keys are listed, not {keys}", sizes.len());
        ensure!(sizes.iter().all(|size| *size == plain_len.to_string()), "a size is not {plain_len}");
    }
    Ok(bytes.len() as u64)
}
