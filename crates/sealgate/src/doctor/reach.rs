//! From here to the store: its name, its port, its certificate, its clock, and whether it knows us.

use std::time::Duration;

use http::{Method, Uri};
use objects::{Store, StoreError, service_uri};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc2822;
use tokio::net::{TcpStream, lookup_host};

use super::{Answer, Finding, ask};
use crate::settings::S3Settings;

/// S3 refuses requests that are further off.
const SKEW_LIMIT: i64 = 15 * 60;

/// Somebody should look at this clock.
const SKEW_NOTABLE: i64 = 60;

/// Looks at everything on the way to the store, up to its first answer.
pub(crate) async fn reach(store: &dyn Store, settings: Option<&S3Settings>) -> Vec<Finding> {
    let mut found = Vec::new();
    if let Some(settings) = settings
        && let Some((host, port)) = settings.endpoint.as_deref().and_then(host_and_port)
    {
        found.push(name(&host, port).await);
        found.push(port_of(&host, port, settings.connect_timeout).await);
    }
    match ask(store, Method::GET, service_uri(""), &[], "").await {
        Ok(answer) => {
            found.push(Finding::good("answer", "the store answers"));
            found.push(who(&answer));
            found.extend(clock(&answer));
        }
        Err(error) => found.push(Finding::bad("answer", no_answer(&error))),
    }
    found
}

fn host_and_port(endpoint: &str) -> Option<(String, u16)> {
    let uri: Uri = endpoint.parse().ok()?;
    let port = uri.port_u16().unwrap_or(if uri.scheme_str() == Some("http") { 80 } else { 443 });
    Some((uri.host()?.trim_matches(['[', ']']).to_owned(), port))
}

async fn name(host: &str, port: u16) -> Finding {
    match lookup_host((host, port)).await {
        Ok(addresses) => {
            let addresses: Vec<String> = addresses.map(|address| address.ip().to_string()).collect();
            Finding::good("name", format!("{host} is {}", addresses.join(", ")))
        }
        Err(error) => Finding::bad("name", format!("{host} has no address: {error}; look at store.endpoint and DNS")),
    }
}

async fn port_of(host: &str, port: u16, patience: Duration) -> Finding {
    match tokio::time::timeout(patience, TcpStream::connect((host, port))).await {
        Ok(Ok(_)) => Finding::good("port", format!("{host}:{port} accepts connections")),
        Ok(Err(error)) => Finding::bad("port", format!("{host}:{port}: {error}; look at store.endpoint and firewalls")),
        Err(_) => Finding::bad("port", format!("{host}:{port} does not answer within store.connect_timeout")),
    }
}

fn no_answer(error: &StoreError) -> String {
    match error {
        StoreError::Tls(cause) => {
            format!("the TLS handshake failed: {cause}; name the store's authority in store.ca if it is a private one")
        }
        StoreError::Credentials(cause) => {
            format!("there are no credentials: {cause}; set store.access_key and store.secret, store.profile, or AWS_*")
        }
        other => other.to_string(),
    }
}

/// Whether the store knows us. Who may not list buckets may still use them.
fn who(answer: &Answer) -> Finding {
    const WHAT: &str = "credentials";
    match answer.code().as_str() {
        _ if answer.status.is_success() => Finding::good(WHAT, "accepted; buckets may be listed"),
        "AccessDenied" => Finding::good(WHAT, "accepted; buckets may not be listed, and need not be"),
        "InvalidAccessKeyId" => Finding::bad(WHAT, "the store does not know the access key: look at store.access_key"),
        "SignatureDoesNotMatch" => Finding::bad(
            WHAT,
            "the secret is another one: look at store.secret; or something rewrites requests on the way",
        ),
        "RequestTimeTooSkewed" => Finding::bad(WHAT, "the clocks differ too much: set this machine's"),
        "AuthorizationHeaderMalformed" => Finding::bad(WHAT, "signed for another region: set store.region"),
        "ExpiredToken" | "InvalidToken" | "TokenRefreshRequired" => Finding::bad(WHAT, "the session is over: renew it"),
        code if matches!(answer.status.as_u16(), 401 | 403) => {
            Finding::bad(WHAT, format!("the store refuses them ({code}): look at store.access_key and store.secret"))
        }
        code => Finding::poor(WHAT, format!("the store answered {code} to a list of buckets")),
    }
}

/// How far the store's clock is from ours, when it says what time it is.
fn clock(answer: &Answer) -> Option<Finding> {
    let date = answer.headers.get(http::header::DATE)?.to_str().ok()?;
    let theirs = OffsetDateTime::parse(date, &Rfc2822).ok()?;
    let skew = (OffsetDateTime::now_utc() - theirs).whole_seconds();
    Some(match skew.abs() {
        0..=SKEW_NOTABLE => Finding::good("clock", format!("{} s from the store's", skew.abs())),
        off @ ..=SKEW_LIMIT => {
            Finding::poor("clock", format!("{off} s from the store's; S3 takes 900: set this machine's"))
        }
        off => Finding::bad("clock", format!("{off} s from the store's; S3 takes 900: set this machine's")),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_of_an_endpoint_has_a_port() {
        let found = |endpoint| host_and_port(endpoint).unwrap();
        assert_eq!(found("https://s3.example.com"), ("s3.example.com".into(), 443));
        assert_eq!(found("http://127.0.0.1:9000/"), ("127.0.0.1".into(), 9000));
        assert_eq!(found("http://[::1]"), ("::1".into(), 80));
    }
}
