//! Who may ask from where: the domains that name buckets, and the pages of other origins.

use std::collections::BTreeSet;

use http::Method;

use super::Resolver;
use crate::settings::CorsSettings;
use crate::settings::place::Path;
use crate::settings::raw::{OneOrMany, RawCors};

impl Resolver<'_> {
    pub(super) fn domains(&mut self, raw: Option<OneOrMany>) -> Option<Vec<String>> {
        let at = Path::of("domains");
        let mut seen = BTreeSet::new();
        let domains = raw.map(|many| many.0).unwrap_or_default().into_iter().map(|domain| {
            let good = is_domain(&domain) && seen.insert(domain.clone());
            self.check(&at, good.then_some(domain), || {
                "wants names of hosts, each once, such as \"s3.example.com\", without port or bucket".to_owned()
            })
        });
        let domains: Vec<_> = domains.collect();
        domains.into_iter().collect()
    }

    pub(super) fn cors(&mut self, raw: Vec<RawCors>) -> Option<Vec<CorsSettings>> {
        let rules: Vec<_> = raw
            .into_iter()
            .enumerate()
            .map(|(index, rule)| self.cors_rule(&Path::of("cors").join(&index.to_string()), rule))
            .collect();
        rules.into_iter().collect()
    }

    fn cors_rule(&mut self, at: &Path, raw: RawCors) -> Option<CorsSettings> {
        let named = !raw.origins.0.is_empty() && raw.origins.0.iter().all(|origin| is_origin(origin));
        let origins = self.check(&at.join("origins"), named.then_some(raw.origins.0), || {
            "wants origins such as \"https://app.example.com\", in which * stands for any run of characters".to_owned()
        });
        let choices = [
            ("GET", Method::GET),
            ("HEAD", Method::HEAD),
            ("PUT", Method::PUT),
            ("POST", Method::POST),
            ("DELETE", Method::DELETE),
        ];
        let methods = raw.methods.map_or_else(|| vec!["GET".to_owned(), "HEAD".to_owned()], |methods| methods.0);
        let known: Option<Vec<_>> =
            methods.iter().map(|name| Some(choices.iter().find(|(known, _)| known == name)?.1.clone())).collect();
        let methods = self.check(&at.join("methods"), known.filter(|methods| !methods.is_empty()), || {
            "wants some of \"GET\", \"HEAD\", \"PUT\", \"POST\" and \"DELETE\"".to_owned()
        });
        let headers = self.header_names(&at.join("headers"), raw.headers);
        let expose = self.header_names(&at.join("expose"), raw.expose);
        let max_age = raw.max_age.map(|text| self.time(&at.join("max_age"), &text));
        Some(CorsSettings {
            origins: origins?,
            methods: methods?,
            headers: headers?,
            expose: expose?,
            max_age: max_age.map_or(Some(None), |checked| checked.map(Some))?,
        })
    }

    fn header_names(&mut self, at: &Path, raw: Option<OneOrMany>) -> Option<Vec<String>> {
        let names = raw.map(|names| names.0).unwrap_or_default();
        let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '*');
        let good = names.iter().all(|name| !name.is_empty() && name.chars().all(legal));
        self.check(at, good.then_some(names), || "wants names of headers, such as \"ETag\"".to_owned())
    }
}

fn is_domain(text: &str) -> bool {
    let label = |label: &str| {
        !label.is_empty() && label.chars().all(|c| c.is_ascii_alphanumeric() || c == '-') && !label.starts_with('-')
    };
    text.split('.').all(label) && text.parse::<std::net::IpAddr>().is_err()
}

fn is_origin(text: &str) -> bool {
    let scheme = text.split_once("://").is_some_and(|(scheme, host)| !scheme.is_empty() && !host.contains('/'));
    text.chars().all(|c| c.is_ascii_graphic()) && (text.contains('*') || text == "null" || scheme)
}
