//! What browsers may ask from pages of other origins: answers to their preflights, and headers on actual answers.
//!
//! The rules come from the configuration. The CORS configuration that a bucket has at the store is the store's own and says
//! nothing about us.

use std::time::Duration;

use http::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_HEADERS,
    ACCESS_CONTROL_REQUEST_METHOD, CONTENT_LENGTH, ORIGIN, VARY,
};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode};
use objects::{Body, glob_matches, store};

use crate::error::Fault;

/// What pages of some origins may do.
#[derive(Debug, Clone, Default)]
pub struct CorsRule {
    /// Origins such as `https://app.example.com`; `*` stands for any run of characters.
    pub origins: Vec<String>,
    /// Methods.
    pub methods: Vec<Method>,
    /// Request headers, in which `*` stands for any run of characters.
    pub headers: Vec<String>,
    /// Answer headers that pages may read.
    pub expose: Vec<String>,
    /// How long a browser may remember a preflight.
    pub max_age: Option<Duration>,
}

impl CorsRule {
    fn covers(&self, origin: &str, method: &Method) -> bool {
        self.methods.contains(method) && self.origins.iter().any(|pattern| glob_matches(pattern, origin))
    }

    fn covers_headers(&self, asked: &[String]) -> bool {
        let allowed: Vec<String> = self.headers.iter().map(|pattern| pattern.to_ascii_lowercase()).collect();
        asked.iter().all(|name| allowed.iter().any(|pattern| glob_matches(pattern, name)))
    }

    /// What every answer says, preflight or not.
    fn write(&self, origin: &HeaderValue, headers: &mut HeaderMap) {
        let anyone = self.origins.iter().any(|pattern| pattern == "*");
        let allowed = if anyone { HeaderValue::from_static("*") } else { origin.clone() };
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, allowed);
        if !anyone {
            headers.insert(ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
        }
        insert_list(headers, ACCESS_CONTROL_EXPOSE_HEADERS, &self.expose);
    }
}

/// All rules; the first that covers a request counts.
#[derive(Debug, Clone, Default)]
pub(crate) struct Cors(Vec<CorsRule>);

impl Cors {
    pub(crate) fn new(rules: Vec<CorsRule>) -> Self {
        Self(rules)
    }

    /// Answers a preflight, which browsers send without credentials.
    pub(crate) fn preflight(&self, request: &HeaderMap) -> Result<Response<Body>, Fault> {
        let text = |name: HeaderName| request.get(name).and_then(|value| value.to_str().ok());
        let missing = |what: &str| {
            let message = format!("Insufficient information. {what} request header needed.");
            Fault::custom("BadRequest", StatusCode::BAD_REQUEST, message)
        };
        let origin = request.get(ORIGIN).ok_or_else(|| missing("Origin"))?;
        let asked = text(ACCESS_CONTROL_REQUEST_METHOD).ok_or_else(|| missing("Access-Control-Request-Method"))?;
        let method = Method::from_bytes(asked.as_bytes()).map_err(|_| forbidden())?;
        let names = list(text(ACCESS_CONTROL_REQUEST_HEADERS).unwrap_or_default());
        let origin_text = origin.to_str().map_err(|_| forbidden())?;
        let rule = self.0.iter().find(|rule| rule.covers(origin_text, &method) && rule.covers_headers(&names));
        let rule = rule.ok_or_else(forbidden)?;
        let mut answer = Response::new(store::empty());
        let headers = answer.headers_mut();
        rule.write(origin, headers);
        let methods: Vec<&str> = rule.methods.iter().map(Method::as_str).collect();
        insert_list(headers, ACCESS_CONTROL_ALLOW_METHODS, &methods);
        insert_list(headers, ACCESS_CONTROL_ALLOW_HEADERS, &names);
        headers.extend(rule.max_age.map(|age| (ACCESS_CONTROL_MAX_AGE, HeaderValue::from(age.as_secs()))));
        headers.insert(CONTENT_LENGTH, HeaderValue::from_static("0"));
        Ok(answer)
    }

    /// Lets the page that asked read the answer, when a rule covers it.
    pub(crate) fn mark(&self, origin: &HeaderValue, method: &Method, answer: &mut HeaderMap) {
        let rule = origin.to_str().ok().and_then(|text| self.0.iter().find(|rule| rule.covers(text, method)));
        if let Some(rule) = rule {
            rule.write(origin, answer);
        }
        self.vary(answer);
    }

    /// Says that answers depend on who asks, as soon as there are rules.
    pub(crate) fn vary(&self, answer: &mut HeaderMap) {
        if !self.0.is_empty() {
            let names = "Origin, Access-Control-Request-Headers, Access-Control-Request-Method";
            answer.append(VARY, HeaderValue::from_static(names));
        }
    }
}

fn forbidden() -> Fault {
    let message = "CORSResponse: This CORS request is not allowed; see [[cors]] in the configuration.";
    Fault::custom("AccessForbidden", StatusCode::FORBIDDEN, message)
}

/// The names in a comma-separated header, in lower case.
fn list(text: &str) -> Vec<String> {
    text.split(',').map(|name| name.trim().to_ascii_lowercase()).filter(|name| !name.is_empty()).collect()
}

fn insert_list<S: AsRef<str>>(headers: &mut HeaderMap, name: HeaderName, items: &[S]) {
    let joined = items.iter().map(AsRef::as_ref).collect::<Vec<_>>().join(", ");
    if let (false, Ok(value)) = (joined.is_empty(), HeaderValue::try_from(joined)) {
        headers.insert(name, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cors() -> Cors {
        Cors::new(vec![
            CorsRule {
                origins: vec!["https://*.example.com".into()],
                methods: vec![Method::GET, Method::PUT],
                headers: vec!["Content-*".into(), "x-amz-date".into()],
                expose: vec!["ETag".into()],
                max_age: Some(Duration::from_mins(10)),
            },
            CorsRule { origins: vec!["*".into()], methods: vec![Method::GET], ..CorsRule::default() },
        ])
    }

    fn ask(origin: &'static str, method: &'static str, names: &'static str) -> Result<HeaderMap, String> {
        let request = HeaderMap::from_iter([
            (ORIGIN, HeaderValue::from_static(origin)),
            (ACCESS_CONTROL_REQUEST_METHOD, HeaderValue::from_static(method)),
            (ACCESS_CONTROL_REQUEST_HEADERS, HeaderValue::from_static(names)),
        ]);
        let answer = cors().preflight(&request).map_err(|fault| fault.code().to_owned())?;
        Ok(answer.headers().clone())
    }

    #[test]
    fn a_known_page_may_do_what_its_rule_says() {
        let headers = ask("https://app.example.com", "PUT", "Content-Type, X-Amz-Date").unwrap();
        assert_eq!(headers[ACCESS_CONTROL_ALLOW_ORIGIN], "https://app.example.com");
        assert_eq!(headers[ACCESS_CONTROL_ALLOW_METHODS], "GET, PUT");
        assert_eq!(headers[ACCESS_CONTROL_ALLOW_HEADERS], "content-type, x-amz-date");
        assert_eq!(
            (&headers[ACCESS_CONTROL_MAX_AGE], &headers[ACCESS_CONTROL_EXPOSE_HEADERS]),
            (&"600".parse().unwrap(), &"ETag".parse().unwrap())
        );
    }

    #[test]
    fn a_rule_for_everybody_gives_no_credentials() {
        let headers = ask("https://elsewhere.test", "GET", "").unwrap();
        assert_eq!(headers[ACCESS_CONTROL_ALLOW_ORIGIN], "*");
        assert!(!headers.contains_key(ACCESS_CONTROL_ALLOW_CREDENTIALS));
    }

    #[test]
    fn what_no_rule_covers_is_forbidden() {
        for (origin, method, names) in [
            ("https://elsewhere.test", "PUT", ""),
            ("https://app.example.com", "DELETE", ""),
            ("https://app.example.com", "PUT", "authorization"),
            ("https://app.example.com.test", "PUT", ""),
        ] {
            assert_eq!(ask(origin, method, names).unwrap_err(), "AccessForbidden", "{origin} {method} {names}");
        }
        assert_eq!(cors().preflight(&HeaderMap::new()).unwrap_err().code(), "BadRequest");
    }

    #[test]
    fn an_answer_names_its_reader_only_when_a_rule_covers_it() {
        let origin = HeaderValue::from_static("https://elsewhere.test");
        let mut covered = HeaderMap::new();
        cors().mark(&origin, &Method::GET, &mut covered);
        assert!(covered.contains_key(ACCESS_CONTROL_ALLOW_ORIGIN) && covered.contains_key(VARY));
        let mut foreign = HeaderMap::new();
        cors().mark(&origin, &Method::DELETE, &mut foreign);
        assert!(!foreign.contains_key(ACCESS_CONTROL_ALLOW_ORIGIN));
        let mut none = HeaderMap::new();
        Cors::default().mark(&origin, &Method::GET, &mut none);
        assert!(none.is_empty());
    }
}
