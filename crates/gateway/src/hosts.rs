//! The domains whose subdomains are buckets. Under every other name, and under addresses, requests are path style.

use http::HeaderMap;
use http::header::HOST;
use s3s::S3Result;
use s3s::host::{S3Host, VirtualHost};

/// Domains under which `bucket.domain` speaks of a bucket.
#[derive(Debug, Clone, Default)]
pub(crate) struct Domains(Vec<String>);

impl Domains {
    pub(crate) fn new(domains: impl IntoIterator<Item = String>) -> Self {
        let mut domains: Vec<String> = domains.into_iter().map(|domain| domain.to_ascii_lowercase()).collect();
        // The longest that fits is meant, when one domain is below another.
        domains.sort_by_key(|domain| std::cmp::Reverse(domain.len()));
        Self(domains)
    }

    /// The bucket that a request's host names, if it names one.
    pub(crate) fn bucket(&self, headers: &HeaderMap) -> Option<String> {
        self.split(headers.get(HOST)?.to_str().ok()?).and_then(|(bucket, _)| bucket)
    }

    /// The bucket, if any, and the domain, when the host is one of ours.
    fn split(&self, host: &str) -> Option<(Option<String>, &str)> {
        let host = without_port(host).trim_end_matches('.').to_ascii_lowercase();
        self.0.iter().find_map(|domain| {
            let before = host.strip_suffix(domain.as_str())?;
            match before.strip_suffix('.') {
                None => before.is_empty().then_some((None, domain.as_str())),
                Some(bucket) => (!bucket.is_empty()).then(|| (Some(bucket.to_owned()), domain.as_str())),
            }
        })
    }
}

impl S3Host for Domains {
    fn parse_host_header<'a>(&'a self, host: &'a str) -> S3Result<VirtualHost<'a>> {
        Ok(match self.split(host) {
            Some((Some(bucket), domain)) => VirtualHost::new(domain).with_bucket(bucket),
            _ => VirtualHost::new(host),
        })
    }
}

fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bucket(host: &str) -> Option<String> {
        let domains = Domains::new(["S3.localhost".to_owned(), "eu.s3.localhost".to_owned()]);
        domains.split(host).and_then(|(bucket, _)| bucket)
    }

    #[test]
    fn a_subdomain_of_a_known_domain_is_a_bucket() {
        assert_eq!(bucket("photos.s3.localhost"), Some("photos".into()));
        assert_eq!(bucket("Photos.S3.LocalHost:8333"), Some("photos".into()));
        assert_eq!(bucket("a.b.s3.localhost."), Some("a.b".into()));
        assert_eq!(bucket("photos.eu.s3.localhost"), Some("photos".into()));
    }

    #[test]
    fn every_other_host_is_path_style() {
        for host in ["s3.localhost", "eu.s3.localhost:1", ".s3.localhost", "photoss3.localhost", "localhost", "x.test"]
        {
            assert_eq!(bucket(host), None, "{host}");
        }
        assert!(Domains::default().parse_host_header("photos.s3.localhost").unwrap().bucket().is_none());
    }
}
