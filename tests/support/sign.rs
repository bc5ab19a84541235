//! Signatures of S3 requests: version 4 (headers, query, chunks, trailers) and version 2 (headers, query).
//!
//! Plain functions over strings, so that a test can sign one thing and send another.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use sha2::{Digest, Sha256};
use time::OffsetDateTime;
use time::format_description::BorrowedFormatItem;
use time::macros::format_description;

/// SHA-256 of nothing.
pub const EMPTY_SHA256: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

const AMZ_DATE: &[BorrowedFormatItem<'_>] = format_description!("[year][month][day]T[hour][minute][second]Z");
const HTTP_DATE: &[BorrowedFormatItem<'_>] =
    format_description!("[weekday repr:short], [day] [month repr:short] [year] [hour]:[minute]:[second] GMT");
const UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
const UNRESERVED_PATH: &AsciiSet = &UNRESERVED.remove(b'/');

/// Who signs, for where.
#[derive(Clone)]
pub struct Credential {
    /// The public half.
    pub access_key: String,
    /// The secret half.
    pub secret_key: String,
    /// The region of the scope.
    pub region: String,
}

/// Percent-encodes a query name or value as signatures want it.
#[must_use]
pub fn encode(text: &str) -> String {
    utf8_percent_encode(text, UNRESERVED).to_string()
}

/// Percent-encodes an object key as a path; slashes stay.
#[must_use]
pub fn encode_path(key: &str) -> String {
    utf8_percent_encode(key, UNRESERVED_PATH).to_string()
}

/// `x-amz-date` for a moment.
#[must_use]
pub fn amz_date(at: OffsetDateTime) -> String {
    at.format(AMZ_DATE).unwrap()
}

/// `Date` for a moment.
#[must_use]
pub fn http_date(at: OffsetDateTime) -> String {
    at.format(HTTP_DATE).unwrap()
}

/// SHA-256 in hex.
#[must_use]
pub fn sha256_hex(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

/// What a version 4 signature covers.
pub struct Canonical<'a> {
    /// The method.
    pub method: &'a str,
    /// The encoded path.
    pub path: &'a str,
    /// Encoded names and values, in any order.
    pub query: &'a [(String, String)],
    /// Lower-case names and values, in any order.
    pub headers: &'a [(String, String)],
    /// The value of `x-amz-content-sha256`.
    pub payload: &'a str,
}

impl Canonical<'_> {
    /// The names that are signed, as `SignedHeaders` lists them.
    #[must_use]
    pub fn signed_headers(&self) -> String {
        self.sorted_headers().iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>().join(";")
    }

    fn sorted_headers(&self) -> Vec<(String, String)> {
        let mut headers = self.headers.to_vec();
        headers.sort();
        headers
    }

    fn text(&self) -> String {
        let mut query = self.query.to_vec();
        query.sort();
        let query: Vec<String> = query.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let headers = self
            .sorted_headers()
            .iter()
            .fold(String::new(), |lines, (name, value)| lines + name + ":" + value.trim() + "\n");
        [self.method, self.path, &query.join("&"), &headers, &self.signed_headers(), self.payload].join("\n")
    }
}

/// The key and scope of one day, which chunks go on using.
#[derive(Clone)]
pub struct SigningKey {
    key: Vec<u8>,
    date: String,
    scope: String,
}

impl SigningKey {
    /// For the day of `at`.
    #[must_use]
    pub fn new(credential: &Credential, at: OffsetDateTime) -> Self {
        let date = amz_date(at);
        let day = &date[..8];
        let secret = format!("AWS4{}", credential.secret_key);
        let key = [day, &credential.region, "s3", "aws4_request"]
            .iter()
            .fold(secret.into_bytes(), |key, part| hmac::<Sha256>(&key, part.as_bytes()));
        let scope = format!("{day}/{}/s3/aws4_request", credential.region);
        Self { key, date, scope }
    }

    /// `<day>/<region>/s3/aws4_request`
    #[must_use]
    pub fn scope(&self) -> &str {
        &self.scope
    }

    /// The signature of a whole request.
    #[must_use]
    pub fn request(&self, canonical: &Canonical<'_>) -> String {
        self.sign("AWS4-HMAC-SHA256", &sha256_hex(canonical.text().as_bytes()))
    }

    /// The signature of one chunk after `previous`.
    #[must_use]
    pub fn chunk(&self, previous: &str, chunk: &[u8]) -> String {
        let rest = format!("{previous}\n{EMPTY_SHA256}\n{}", sha256_hex(chunk));
        self.sign("AWS4-HMAC-SHA256-PAYLOAD", &rest)
    }

    /// The signature of the trailers (`name:value\n` each) after `previous`.
    #[must_use]
    pub fn trailer(&self, previous: &str, trailers: &str) -> String {
        let rest = format!("{previous}\n{}", sha256_hex(trailers.as_bytes()));
        self.sign("AWS4-HMAC-SHA256-TRAILER", &rest)
    }

    /// The signature of a form's policy, in base64.
    #[must_use]
    pub fn policy(&self, policy: &str) -> String {
        hex::encode(hmac::<Sha256>(&self.key, policy.as_bytes()))
    }

    fn sign(&self, algorithm: &str, rest: &str) -> String {
        let text = [algorithm, &self.date, &self.scope, rest].join("\n");
        hex::encode(hmac::<Sha256>(&self.key, text.as_bytes()))
    }
}

/// A version 2 signature of `text`.
#[must_use]
pub fn version_2(credential: &Credential, text: &str) -> String {
    STANDARD.encode(hmac::<sha1::Sha1>(credential.secret_key.as_bytes(), text.as_bytes()))
}

/// RFC 2104 for the hashes with 64-byte blocks.
fn hmac<H: Digest>(key: &[u8], message: &[u8]) -> Vec<u8> {
    let mut block = [0_u8; 64];
    if key.len() > block.len() {
        let digest = H::digest(key);
        block[..digest.len()].copy_from_slice(&digest);
    } else {
        block[..key.len()].copy_from_slice(key);
    }
    let pad = |with: u8| block.map(|byte| byte ^ with);
    let inner = H::new().chain_update(pad(0x36)).chain_update(message).finalize();
    H::new().chain_update(pad(0x5c)).chain_update(inner).finalize().to_vec()
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    fn example() -> (Credential, SigningKey) {
        let credential = Credential {
            access_key: "AKIAIOSFODNN7EXAMPLE".into(),
            secret_key: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY".into(),
            region: "us-east-1".into(),
        };
        let key = SigningKey::new(&credential, datetime!(2013-05-24 00:00 UTC));
        (credential, key)
    }

    #[test]
    fn the_published_example_of_a_ranged_read_comes_out() {
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let canonical = Canonical {
            method: "GET",
            path: "/test.txt",
            query: &[],
            headers: &[
                pair("host", "examplebucket.s3.amazonaws.com"),
                pair("range", "bytes=0-9"),
                pair("x-amz-content-sha256", EMPTY_SHA256),
                pair("x-amz-date", "20130524T000000Z"),
            ],
            payload: EMPTY_SHA256,
        };
        assert_eq!(example().1.request(&canonical), "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41");
    }

    #[test]
    fn the_published_example_of_chunks_comes_out() {
        let (_, key) = example();
        let seed = "4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9";
        let first = key.chunk(seed, &vec![b'a'; 65_536]);
        assert_eq!(first, "ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648");
        let second = key.chunk(&first, &[b'a'; 1024]);
        assert_eq!(second, "0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497");
        let last = key.chunk(&second, b"");
        assert_eq!(last, "b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9");
    }
}
