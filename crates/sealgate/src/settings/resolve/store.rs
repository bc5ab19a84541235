//! Where sealed objects go: a directory or an S3 server, and its credentials.

use std::path::PathBuf;

use super::Resolver;
use crate::settings::place::Path;
use crate::settings::raw::{RawSecret, RawStore};
use crate::settings::{AwsCredentials, S3Settings, StoreSettings};

impl Resolver<'_> {
    pub(super) fn store(&mut self, raw: RawStore) -> Option<StoreSettings> {
        let kinds = [("directory", false), ("s3", true)];
        let s3 = match &raw.kind {
            Some(kind) => self.choice(&Path::of("store.kind"), kind, &kinds)?,
            None => raw.endpoint.is_some(),
        };
        self.strangers(&raw, s3)?;
        if s3 { self.s3(raw) } else { Some(StoreSettings::Directory(raw.path.map(PathBuf::from))) }
    }

    /// Settings of the other kind of store mean that somebody expects another store.
    pub(super) fn strangers(&mut self, raw: &RawStore, s3: bool) -> Option<()> {
        let set = [
            ("path", raw.path.is_some(), false),
            ("endpoint", raw.endpoint.is_some(), true),
            ("region", raw.region.is_some(), true),
            ("addressing", raw.addressing.is_some(), true),
            ("access_key", raw.access_key.is_some(), true),
            ("secret", raw.secret.is_some(), true),
            ("profile", raw.profile.is_some(), true),
            ("ca", raw.ca.is_some(), true),
        ];
        let kind = if s3 { "s3" } else { "directory" };
        let wrong: Vec<_> = set.iter().filter(|(_, is_set, for_s3)| *is_set && *for_s3 != s3).collect();
        for (name, ..) in &wrong {
            self.problem(&Path::of("store").join(name), format!("has no meaning with store.kind = \"{kind}\""));
        }
        wrong.is_empty().then_some(())
    }

    pub(super) fn s3(&mut self, raw: RawStore) -> Option<StoreSettings> {
        let at = Path::of("store");
        let endpoint = raw.endpoint.map(|endpoint| self.endpoint(&at, endpoint));
        let styles = [("path", false), ("virtual-host", true)];
        let addressing = raw.addressing.as_deref().unwrap_or("path");
        let virtual_host = self.choice(&Path::of("store.addressing"), addressing, &styles);
        let credentials = self.aws_credentials(&at, raw.access_key, raw.secret.as_ref(), raw.profile);
        let connect_timeout = self.time(&Path::of("store.connect_timeout"), &raw.connect_timeout);
        let response_timeout = self.time(&Path::of("store.response_timeout"), &raw.response_timeout);
        Some(StoreSettings::S3(Box::new(S3Settings {
            endpoint: endpoint.map_or(Some(None), |checked| checked.map(Some))?,
            region: raw.region,
            virtual_host: virtual_host?,
            credentials: credentials?,
            ca: raw.ca.map(|ca| PathBuf::from(ca.strip_prefix("file:").unwrap_or(&ca))),
            connect_timeout: connect_timeout?,
            response_timeout: response_timeout?,
        })))
    }

    pub(super) fn endpoint(&mut self, at: &Path, text: String) -> Option<String> {
        let uri = text.parse::<http::Uri>().ok();
        let good = uri.is_some_and(|uri| {
            let authority = uri.authority().map_or("", |authority| authority.as_str());
            matches!(uri.scheme_str(), Some("http" | "https")) && !authority.is_empty() && !authority.contains('@')
        });
        let how = || "wants http://HOST[:PORT] or https://HOST[:PORT], without user or password".to_owned();
        self.check(&at.join("endpoint"), good.then_some(text), how)
    }

    pub(super) fn aws_credentials(
        &mut self,
        at: &Path,
        access_key: Option<String>,
        secret: Option<&RawSecret>,
        profile: Option<String>,
    ) -> Option<AwsCredentials> {
        match (access_key, secret, profile) {
            (None, None, None) => Some(AwsCredentials::DefaultChain),
            (None, None, Some(profile)) => Some(AwsCredentials::Profile(profile)),
            (Some(access_key), Some(secret), None) => {
                let secret = self.secret(&at.join("secret"), secret);
                Some(AwsCredentials::Static { access_key, secret: secret? })
            }
            (Some(_), Some(_), Some(_)) => self
                .check(&at.join("profile"), None, || "either a profile, or access_key and secret, not both".to_owned()),
            (Some(_), None, _) => self.check(&at.join("access_key"), None, || format!("{at}.secret is missing")),
            (None, Some(_), _) => self.check(&at.join("secret"), None, || format!("{at}.access_key is missing")),
        }
    }
}
