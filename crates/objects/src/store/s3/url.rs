//! Where a request goes: the endpoint, the bucket's place in it, and S3's spelling of names.
//!
//! Keys stay what they are: `..`, `//`, a trailing slash or a `%` in a key are never resolved, merged or
//! dropped, only percent-encoded, once. This room knows no headers beyond `Host` and no credentials.

use std::net::IpAddr;

use http::uri::{Authority, PathAndQuery, Scheme};
use http::{HeaderValue, Uri};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, percent_encode};

use super::Addressing;
use crate::store::StoreError;

/// Where one request goes.
pub(super) struct Target {
    pub(super) uri: Uri,
    pub(super) host: HeaderValue,
}

/// What a request names, in S3's spelling.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    /// The bucket, still percent-encoded; empty for requests about the service itself.
    pub(super) bucket: String,
    /// What follows the bucket: empty, or a slash and the key.
    pub(super) key_path: String,
    pub(super) query: Option<String>,
}

/// The store's address.
pub(super) struct Endpoint {
    scheme: Scheme,
    authority: Authority,
    host_header: HeaderValue,
    addressing: Addressing,
    region: String,
}

/// Everything but the unreserved characters of RFC 3986 and the slash: the set S3 signs with.
const PATH: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~').remove(b'/');

impl Place {
    /// Reads a path-style `/bucket/key?query`.
    pub(super) fn parse(uri: &Uri) -> Result<Self, StoreError> {
        let path = uri.path();
        let relative = uri.authority().is_none() && path.starts_with('/');
        if !relative {
            return Err(StoreError::Request("the URI must be /bucket/key".to_owned()));
        }
        let spelled = spell(path);
        let (bucket, key_path) = match spelled[1..].find('/') {
            Some(slash) => spelled[1..].split_at(slash),
            None => (&spelled[1..], ""),
        };
        if bucket.is_empty() && !key_path.is_empty() {
            return Err(StoreError::Request("the bucket has no name".to_owned()));
        }
        // A bare plus is a space to every server, but signers disagree about it.
        let query = uri.query().map(|query| query.replace('+', "%20"));
        Ok(Self { bucket: bucket.to_owned(), key_path: key_path.to_owned(), query })
    }

    fn path_and_query(&self, with_bucket: bool) -> Result<PathAndQuery, StoreError> {
        let mut out = String::with_capacity(self.bucket.len() + self.key_path.len() + 64);
        if with_bucket {
            out.push('/');
            out.push_str(&self.bucket);
        }
        out.push_str(&self.key_path);
        if out.is_empty() {
            out.push('/');
        }
        if let Some(query) = &self.query {
            out.push('?');
            out.push_str(query);
        }
        PathAndQuery::try_from(out).map_err(|_| StoreError::Request("the URI is too long".to_owned()))
    }
}

impl Endpoint {
    /// Checks the configured endpoint.
    pub(super) fn new(uri: &Uri, addressing: Addressing, region: &str) -> Result<Self, StoreError> {
        let Some(given) = uri.authority().filter(|given| !given.host().is_empty()) else {
            return refuse("the endpoint needs a host, as in https://s3.example.com");
        };
        if given.as_str().contains('@') {
            return refuse("the endpoint must not contain a user name or password");
        }
        let scheme = match uri.scheme() {
            Some(scheme) if *scheme == Scheme::HTTP || *scheme == Scheme::HTTPS => scheme.clone(),
            Some(scheme) => {
                return refuse(&format!("the endpoint's scheme {scheme} is neither http nor https"));
            }
            None => {
                return refuse(&format!("the endpoint has no scheme: write https://{given}"));
            }
        };
        if !matches!(uri.path(), "" | "/") || uri.query().is_some() {
            return refuse(&format!("the endpoint must not have a path or query: write {scheme}://{given}"));
        }
        if region.is_empty() {
            return refuse("the region must not be empty: stores that have none accept us-east-1");
        }
        let authority = without_default_port(&scheme, given)?;
        let host_header = header(&authority)?;
        Ok(Self { scheme, authority, host_header, addressing, region: region.to_owned() })
    }

    pub(super) fn is_https(&self) -> bool {
        self.scheme == Scheme::HTTPS
    }

    /// Whether the store has regional endpoints as Amazon's has.
    pub(super) fn is_regional(&self) -> bool {
        regional_host(self.authority.host(), &self.region, &self.region).is_some()
    }

    /// Where a request about `place` goes when its bucket is in `region`.
    pub(super) fn target(&self, place: &Place, region: &str) -> Result<Target, StoreError> {
        let (authority, host) = self.authority_in(region)?;
        if !self.in_host(&place.bucket) {
            let with_bucket = !place.bucket.is_empty();
            return self.assemble(authority, host, place.path_and_query(with_bucket)?);
        }
        let authority = parse_authority(format!("{}.{authority}", place.bucket))?;
        let host = header(&authority)?;
        self.assemble(authority, host, place.path_and_query(false)?)
    }

    fn assemble(&self, authority: Authority, host: HeaderValue, path: PathAndQuery) -> Result<Target, StoreError> {
        let uri = Uri::builder().scheme(self.scheme.clone()).authority(authority).path_and_query(path);
        let uri = uri.build().map_err(|error| StoreError::Request(error.to_string()))?;
        Ok(Target { uri, host })
    }

    fn authority_in(&self, region: &str) -> Result<(Authority, HeaderValue), StoreError> {
        let elsewhere =
            if region == self.region { None } else { regional_host(self.authority.host(), &self.region, region) };
        let Some(host) = elsewhere else {
            return Ok((self.authority.clone(), self.host_header.clone()));
        };
        let port = self.authority.port().map(|port| format!(":{port}")).unwrap_or_default();
        let authority = parse_authority(host + &port)?;
        let host = header(&authority)?;
        Ok((authority, host))
    }

    /// Whether the bucket goes into the host name. Wildcard certificates cover one label, so not with dots over TLS.
    fn in_host(&self, bucket: &str) -> bool {
        self.addressing == Addressing::VirtualHost
            && is_dns_name(bucket)
            && !(self.is_https() && bucket.contains('.'))
            && !is_address(self.authority.host())
    }
}

/// The same S3 endpoint in another region; `None` for hosts that are not Amazon's regional ones.
fn regional_host(host: &str, from: &str, to: &str) -> Option<String> {
    let amazon = host.ends_with(".amazonaws.com") || host.ends_with(".amazonaws.com.cn");
    if !amazon || !host.starts_with("s3.") || host.contains("vpce") || !is_region(to) {
        return None;
    }
    if host == "s3.amazonaws.com" {
        return Some(format!("s3.{to}.amazonaws.com"));
    }
    let labels: Vec<_> = host.split('.').collect();
    labels.contains(&from).then(|| {
        let moved: Vec<_> = labels.iter().map(|label| if *label == from { to } else { label }).collect();
        moved.join(".")
    })
}

/// Whether `text` could be a region. Answers name regions, and an answer must not choose our host.
pub(super) fn is_region(text: &str) -> bool {
    (1..=40).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
}

/// S3's own spelling: every byte but unreserved ones and slashes percent-encoded, in upper case.
fn spell(path: &str) -> String {
    let bytes: Vec<u8> = percent_decode_str(path).collect();
    percent_encode(&bytes, PATH).to_string()
}

fn is_dns_name(bucket: &str) -> bool {
    let label = |label: &str| {
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
        label.bytes().all(|byte| plain(byte) || byte == b'-')
            && label.bytes().next().is_some_and(plain)
            && label.bytes().last().is_some_and(plain)
    };
    (3..=63).contains(&bucket.len()) && bucket.split('.').all(label)
}

fn is_address(host: &str) -> bool {
    host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>().is_ok()
}

fn without_default_port(scheme: &Scheme, given: &Authority) -> Result<Authority, StoreError> {
    let default = if *scheme == Scheme::HTTPS { 443 } else { 80 };
    match given.port_u16() {
        Some(port) if port != default => Ok(given.clone()),
        _ => parse_authority(given.host().to_owned()),
    }
}

fn parse_authority(text: String) -> Result<Authority, StoreError> {
    Authority::try_from(text).map_err(|_| StoreError::Settings("the endpoint's host is malformed".to_owned()))
}

fn header(authority: &Authority) -> Result<HeaderValue, StoreError> {
    HeaderValue::from_str(authority.as_str())
        .map_err(|_| StoreError::Settings("the endpoint's host is malformed".to_owned()))
}

fn refuse<T>(message: &str) -> Result<T, StoreError> {
    Err(StoreError::Settings(message.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(uri: &'static str) -> Place {
        Place::parse(&Uri::from_static(uri)).expect("a place")
    }

    fn target(endpoint: &'static str, addressing: Addressing, uri: &'static str, region: &str) -> String {
        let endpoint = Endpoint::new(&Uri::from_static(endpoint), addressing, "eu-west-1").expect("endpoint");
        let target = endpoint.target(&place(uri), region).expect("target");
        assert_eq!(target.uri.authority().expect("authority").as_str(), target.host);
        target.uri.to_string()
    }

    fn refusal(endpoint: &'static str) -> String {
        let uri = Uri::from_static(endpoint);
        Endpoint::new(&uri, Addressing::Path, "r").err().expect("refused").to_string()
    }

    #[test]
    fn keys_keep_their_dots_and_slashes() {
        let uri = "/bkt//a/../%2B%25/b%20c/?versionId=x%2By";
        assert_eq!(
            target("http://h:9000", Addressing::Path, uri, "eu-west-1"),
            "http://h:9000/bkt//a/../%2B%25/b%20c/?versionId=x%2By"
        );
        assert_eq!(
            target("http://h.example:9000/", Addressing::VirtualHost, uri, "eu-west-1"),
            "http://bkt.h.example:9000//a/../%2B%25/b%20c/?versionId=x%2By"
        );
    }

    #[test]
    fn names_are_spelled_as_s3_signs_them() {
        assert_eq!(place("/b/a!b(c)*~%c3%a9+").key_path, "/a%21b%28c%29%2A~%C3%A9%2B");
        assert_eq!(place("/b?prefix=a+b").query.as_deref(), Some("prefix=a%20b"));
    }

    #[test]
    fn a_bucket_that_is_no_host_name_stays_in_the_path() {
        for uri in ["/My_Bucket/k", "/ab/k", "/-abc/k", "/a..b/k"] {
            let got = target("https://h.example", Addressing::VirtualHost, uri, "eu-west-1");
            assert_eq!(got, format!("https://h.example{uri}"));
        }
    }

    #[test]
    fn a_dotted_bucket_goes_into_the_host_only_without_tls() {
        let uri = "/a.bucket/k";
        let https = target("https://h.example", Addressing::VirtualHost, uri, "eu-west-1");
        assert_eq!(https, "https://h.example/a.bucket/k");
        let http = target("http://h.example", Addressing::VirtualHost, uri, "eu-west-1");
        assert_eq!(http, "http://a.bucket.h.example/k");
    }

    #[test]
    fn an_address_has_no_host_names_below_it() {
        let got = target("http://127.0.0.1:9000", Addressing::VirtualHost, "/bucket/k", "eu-west-1");
        assert_eq!(got, "http://127.0.0.1:9000/bucket/k");
    }

    #[test]
    fn a_bucket_alone_and_the_service_have_a_path() {
        let bucket = target("http://h.example", Addressing::VirtualHost, "/bucket?location", "eu-west-1");
        assert_eq!(bucket, "http://bucket.h.example/?location");
        assert_eq!(target("http://h.example", Addressing::VirtualHost, "/", "eu-west-1"), "http://h.example/");
        assert_eq!(target("http://h", Addressing::Path, "/bucket?acl", "eu-west-1"), "http://h/bucket?acl");
    }

    #[test]
    fn default_ports_are_left_out() {
        let got = target("https://h.example:443", Addressing::Path, "/b/k", "eu-west-1");
        assert_eq!(got, "https://h.example/b/k");
    }

    #[test]
    fn another_region_has_another_host_at_amazon_only() {
        let at = |endpoint, region| target(endpoint, Addressing::Path, "/b/k", region);
        assert_eq!(at("https://s3.eu-west-1.amazonaws.com", "us-east-2"), "https://s3.us-east-2.amazonaws.com/b/k");
        assert_eq!(at("https://s3.amazonaws.com", "us-east-2"), "https://s3.us-east-2.amazonaws.com/b/k");
        let dual = at("https://s3.dualstack.eu-west-1.amazonaws.com", "us-east-2");
        assert_eq!(dual, "https://s3.dualstack.us-east-2.amazonaws.com/b/k");
        assert_eq!(at("https://minio.example", "us-east-2"), "https://minio.example/b/k");
        assert_eq!(at("https://s3.eu-west-1.amazonaws.com", "evil.example/"), "https://s3.eu-west-1.amazonaws.com/b/k");
    }

    #[test]
    fn refusals_of_an_endpoint_name_the_fix() {
        assert!(refusal("minio.example:9000").contains("write https://minio.example:9000"));
        assert!(refusal("https://h.example/prefix").contains("write https://h.example"));
        assert!(refusal("ftp://h.example").contains("neither http nor https"));
        assert!(!refusal("https://user:secret@h.example").contains("secret"));
    }

    #[test]
    fn a_request_must_be_relative_and_name_its_bucket() {
        assert!(Place::parse(&Uri::from_static("http://h/b/k")).is_err());
        assert!(Place::parse(&Uri::from_static("//k")).is_err());
    }
}
