//! One S3 request, said as a test would say it, and made ready for the wire in any of the forms clients use.

use time::{Duration, OffsetDateTime};

use crate::answer::Answer;
use crate::aws_chunked::Coding;
use crate::sign::{self, Canonical, Credential, SigningKey};
use crate::wire::{Address, Prepared};

/// How the body is vouched for.
#[derive(Clone, Debug)]
pub enum Payload {
    /// Its SHA-256 is signed.
    Sha256,
    /// Nothing is said.
    Unsigned,
    /// `aws-chunked`
    Chunked(Coding),
    /// Whatever the test claims.
    Claimed(String),
}

/// How the request proves who sent it.
#[derive(Clone, Debug)]
pub enum Proof {
    /// Authorization header, version 4.
    Header,
    /// Query parameters, version 4, good for so long.
    Query(Duration),
    /// Authorization header, version 2.
    Header2,
    /// Query parameters, version 2, good for so long.
    Query2(Duration),
    /// Not at all.
    Nothing,
}

/// A request in the making.
#[derive(Clone)]
pub struct Request {
    address: Address,
    credential: Credential,
    method: String,
    path: String,
    query: Vec<(String, String)>,
    headers: Vec<(String, String)>,
    unsigned: Vec<(String, String)>,
    body: Vec<u8>,
    payload: Payload,
    proof: Proof,
    at: OffsetDateTime,
    decoded_len: Option<usize>,
    transfer_chunked: bool,
    waits: bool,
}

impl Request {
    /// `path` is already percent-encoded.
    #[must_use]
    pub fn new(address: Address, credential: Credential, method: &str, path: String) -> Self {
        Self {
            address,
            credential,
            method: method.to_owned(),
            path,
            query: Vec::new(),
            headers: Vec::new(),
            unsigned: Vec::new(),
            body: Vec::new(),
            payload: Payload::Sha256,
            proof: Proof::Header,
            at: OffsetDateTime::now_utc(),
            decoded_len: None,
            transfer_chunked: false,
            waits: false,
        }
    }

    /// Adds a header that is signed.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_lowercase(), value.to_owned()));
        self
    }

    /// Adds a header that is not signed.
    #[must_use]
    pub fn unsigned_header(mut self, name: &str, value: &str) -> Self {
        self.unsigned.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Adds a query parameter, encoding it.
    #[must_use]
    pub fn query(mut self, name: &str, value: &str) -> Self {
        self.query.push((sign::encode(name), sign::encode(value)));
        self
    }

    /// Sets the body.
    #[must_use]
    pub fn body(mut self, body: &[u8]) -> Self {
        self.body = body.to_vec();
        self
    }

    /// Sets the form of the body.
    #[must_use]
    pub fn payload(mut self, payload: Payload) -> Self {
        self.payload = payload;
        self
    }

    /// Sets how the sender is proved.
    #[must_use]
    pub fn proof(mut self, proof: Proof) -> Self {
        self.proof = proof;
        self
    }

    /// Signs with this credential.
    #[must_use]
    pub fn by(mut self, credential: Credential) -> Self {
        self.credential = credential;
        self
    }

    /// Signs as if it were another time.
    #[must_use]
    pub fn at(mut self, at: OffsetDateTime) -> Self {
        self.at = at;
        self
    }

    /// Sends the body with `Transfer-Encoding: chunked` and no length.
    #[must_use]
    pub fn without_length(mut self) -> Self {
        self.transfer_chunked = true;
        self
    }

    /// Claims that the body has this length under its coding.
    #[must_use]
    pub fn decoded_len(mut self, len: usize) -> Self {
        self.decoded_len = Some(len);
        self
    }

    /// Waits for `100 Continue`.
    #[must_use]
    pub fn expect_continue(mut self) -> Self {
        self.waits = true;
        self.header("expect", "100-continue")
    }

    /// Sends it.
    #[must_use]
    pub fn send(self) -> Answer {
        self.prepare().send()
    }

    /// Signs it and writes it out, ready to be sent or spoilt.
    #[must_use]
    pub fn prepare(mut self) -> Prepared {
        if !self.headers.iter().any(|(name, _)| name == "host") {
            self.headers.push(("host".into(), self.address.socket.to_string()));
        }
        let (payload, body) = match self.proof.clone() {
            Proof::Header => self.sign_header(),
            Proof::Query(good_for) => (self.sign_query(good_for), self.body.clone()),
            Proof::Header2 => (self.sign_header_2(), self.body.clone()),
            Proof::Query2(good_for) => (self.sign_query_2(good_for), self.body.clone()),
            Proof::Nothing => (String::new(), self.body.clone()),
        };
        if !payload.is_empty() {
            self.headers.push(("authorization".into(), payload));
        }
        self.write_out(body)
    }

    fn write_out(mut self, mut body: Vec<u8>) -> Prepared {
        if self.transfer_chunked {
            self.unsigned.push(("transfer-encoding".into(), "chunked".into()));
            body = transfer_chunks(&body);
        } else if !body.is_empty() || matches!(self.method.as_str(), "PUT" | "POST") {
            self.unsigned.push(("content-length".into(), body.len().to_string()));
        }
        let query: Vec<String> = self.query.iter().map(|(name, value)| parameter(name, value)).collect();
        let mark = if query.is_empty() { "" } else { "?" };
        self.unsigned.push(("connection".into(), "close".into()));
        Prepared {
            address: self.address,
            method: self.method,
            target: format!("{}{mark}{}", self.path, query.join("&")),
            headers: self.headers.into_iter().chain(self.unsigned).collect(),
            body,
            waits: self.waits,
        }
    }

    fn sign_header(&mut self) -> (String, Vec<u8>) {
        let claim = match &self.payload {
            Payload::Sha256 => sign::sha256_hex(&self.body),
            Payload::Unsigned => "UNSIGNED-PAYLOAD".to_owned(),
            Payload::Chunked(coding) => coding.name().to_owned(),
            Payload::Claimed(claim) => claim.clone(),
        };
        self.headers.push(("x-amz-content-sha256".into(), claim.clone()));
        self.headers.push(("x-amz-date".into(), sign::amz_date(self.at)));
        if let Payload::Chunked(coding) = &self.payload {
            if !self.headers.iter().any(|(name, _)| name == "content-encoding") {
                self.headers.push(("content-encoding".into(), "aws-chunked".into()));
            }
            let len = self.decoded_len.unwrap_or(self.body.len());
            self.headers.push(("x-amz-decoded-content-length".into(), len.to_string()));
            if let Some(checksum) = coding.trailer {
                self.headers.push(("x-amz-trailer".into(), checksum.header().into()));
            }
        }
        let key = SigningKey::new(&self.credential, self.at);
        let canonical = self.canonical(&claim);
        let (names, signature) = (canonical.signed_headers(), key.request(&canonical));
        let body = match &self.payload {
            Payload::Chunked(coding) => coding.encode(&self.body, &key, &signature),
            _ => self.body.clone(),
        };
        let who = format!("{}/{}", self.credential.access_key, key.scope());
        let value = format!("AWS4-HMAC-SHA256 Credential={who}, SignedHeaders={names}, Signature={signature}");
        (value, body)
    }

    fn sign_query(&mut self, good_for: Duration) -> String {
        let key = SigningKey::new(&self.credential, self.at);
        let who = format!("{}/{}", self.credential.access_key, key.scope());
        let names = self.canonical("").signed_headers();
        let fields = [
            ("X-Amz-Algorithm", "AWS4-HMAC-SHA256".to_owned()),
            ("X-Amz-Credential", who),
            ("X-Amz-Date", sign::amz_date(self.at)),
            ("X-Amz-Expires", good_for.whole_seconds().to_string()),
            ("X-Amz-SignedHeaders", names),
        ];
        self.query.extend(fields.map(|(name, value)| (name.to_owned(), sign::encode(&value))));
        let signature = key.request(&self.canonical("UNSIGNED-PAYLOAD"));
        self.query.push(("X-Amz-Signature".into(), signature));
        String::new()
    }

    fn sign_header_2(&mut self) -> String {
        let date = sign::http_date(self.at);
        self.headers.push(("date".into(), date.clone()));
        let signature = sign::version_2(&self.credential, &self.text_2(&date));
        format!("AWS {}:{signature}", self.credential.access_key)
    }

    fn sign_query_2(&mut self, good_for: Duration) -> String {
        let expires = (self.at + good_for).unix_timestamp().to_string();
        let signature = sign::version_2(&self.credential, &self.text_2(&expires));
        let who = sign::encode(&self.credential.access_key);
        self.query.push(("AWSAccessKeyId".into(), who));
        self.query.push(("Expires".into(), expires));
        self.query.push(("Signature".into(), sign::encode(&signature)));
        String::new()
    }

    /// The string to sign of version 2, without sub-resources.
    fn text_2(&self, date: &str) -> String {
        let value = |name: &str| self.headers.iter().find(|(found, _)| found == name).map_or("", |(_, value)| value);
        let mut amz: Vec<_> = self.headers.iter().filter(|(name, _)| name.starts_with("x-amz-")).collect();
        amz.sort();
        let mut lines = amz.iter().fold(String::new(), |lines, (name, value)| lines + name + ":" + value + "\n");
        lines.push_str(&self.path);
        let (md5, kind) = (value("content-md5"), value("content-type"));
        format!("{}\n{md5}\n{kind}\n{date}\n{lines}", self.method)
    }

    fn canonical<'a>(&'a self, payload: &'a str) -> Canonical<'a> {
        let (query, headers) = (&self.query, &self.headers);
        Canonical { method: &self.method, path: &self.path, query, headers, payload }
    }
}

/// `name` alone when there is no value, as SDKs write sub-resources.
fn parameter(name: &str, value: &str) -> String {
    if value.is_empty() { name.to_owned() } else { format!("{name}={value}") }
}

/// The transfer coding, in pieces of an odd size so that no border falls on another.
fn transfer_chunks(body: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(body.len() + 64);
    for piece in body.chunks(30_011) {
        out.extend_from_slice(format!("{:x}\r\n", piece.len()).as_bytes());
        out.extend_from_slice(piece);
        out.extend_from_slice(b"\r\n");
    }
    out.extend_from_slice(b"0\r\n\r\n");
    out
}
