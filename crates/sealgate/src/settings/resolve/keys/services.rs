//! Keys that stay with a service: where it is, who we are to it, and how often it is asked.

use std::path::PathBuf;
use std::time::Duration;

use super::Resolver;
use crate::settings::place::Path;
use crate::settings::raw::{Count, RawKey, RawSecret};
use crate::settings::{AwsKmsKey, KeyKind, Reuse, SecretReference, VaultKey, VaultLogin};

/// For how long and for how many objects an answer serves when nobody says otherwise.
const AGE: Duration = Duration::from_mins(5);
const OBJECTS: u32 = 1_000;

/// Where Kubernetes puts the token of a pod's service account.
const SERVICE_ACCOUNT: &str = "file:/var/run/secrets/kubernetes.io/serviceaccount/token";

impl Resolver<'_> {
    pub(super) fn aws_kms(&mut self, at: &Path, raw: RawKey) -> Option<KeyKind> {
        let key = self.service_key(at, raw.key, "the key's ARN, id or alias");
        let endpoint = raw.endpoint.map(|endpoint| self.endpoint(at, endpoint));
        let credentials = self.aws_credentials(at, raw.access_key, raw.secret.as_ref(), raw.profile);
        let reuse = self.reuse(at, raw.cache.as_deref(), raw.reuse.as_ref());
        let key = key?;
        // An ARN says where its key is.
        let region = raw.region.or_else(|| key.strip_prefix("arn:")?.split(':').nth(2).map(str::to_owned));
        Some(KeyKind::AwsKms(Box::new(AwsKmsKey {
            key,
            endpoint: endpoint.map_or(Some(None), |checked| checked.map(Some))?,
            region,
            credentials: credentials?,
            reuse: reuse?,
        })))
    }

    pub(super) fn vault_transit(&mut self, at: &Path, mut raw: RawKey) -> Option<KeyKind> {
        let key = self.service_key(at, raw.key.take(), "the key's name");
        let address = match raw.endpoint.take() {
            Some(endpoint) => self.endpoint(at, endpoint),
            None => self.check(&at.join("endpoint"), None, || "is missing: the address of Vault".to_owned()),
        };
        let mount = self.mount(at, "mount", raw.mount.take(), "transit");
        let login = self.vault_login(at, &mut raw);
        let reuse = self.reuse(at, raw.cache.as_deref(), raw.reuse.as_ref());
        Some(KeyKind::VaultTransit(Box::new(VaultKey {
            key: key?,
            address: address?,
            mount: mount?,
            namespace: raw.namespace,
            ca: raw.ca.map(|ca| PathBuf::from(ca.strip_prefix("file:").unwrap_or(&ca))),
            login: login?,
            reuse: reuse?,
        })))
    }

    fn service_key(&mut self, at: &Path, key: Option<String>, what: &str) -> Option<String> {
        let at = at.join("key");
        match key {
            Some(key) => self.word(&at, key),
            None => self.check(&at, None, || format!("is missing: {what}")),
        }
    }

    /// A path at which something is mounted in Vault.
    fn mount(&mut self, at: &Path, name: &str, written: Option<String>, default: &str) -> Option<String> {
        let mount = written.unwrap_or_else(|| default.to_owned());
        let part = |part: &str| {
            !part.is_empty() && part != ".." && part.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c))
        };
        let good = mount.split('/').all(part);
        self.check(&at.join(name), good.then_some(mount), || "wants a path such as \"transit\"".to_owned())
    }

    fn vault_login(&mut self, at: &Path, raw: &mut RawKey) -> Option<VaultLogin> {
        match (&raw.token, raw.role_id.take(), raw.role.take()) {
            (Some(token), None, None) => {
                self.only_with(at, &[("auth_mount", raw.auth_mount.is_some())], "`role_id` or `role`");
                self.only_with(at, &[("secret_id", raw.secret_id.is_some())], "`role_id`");
                self.only_with(at, &[("jwt", raw.jwt.is_some())], "`role`");
                Some(VaultLogin::Token(self.secret(&at.join("token"), token)?))
            }
            (None, Some(role_id), None) => {
                self.only_with(at, &[("jwt", raw.jwt.is_some())], "`role`");
                let mount = self.mount(at, "auth_mount", raw.auth_mount.take(), "approle");
                let secret_id = self.wanted(&at.join("secret_id"), raw.secret_id.as_ref());
                Some(VaultLogin::AppRole { mount: mount?, role_id, secret_id: secret_id? })
            }
            (None, None, Some(role)) => {
                self.only_with(at, &[("secret_id", raw.secret_id.is_some())], "`role_id`");
                let mount = self.mount(at, "auth_mount", raw.auth_mount.take(), "kubernetes");
                let jwt = match &raw.jwt {
                    Some(jwt) => self.secret(&at.join("jwt"), jwt),
                    None => SecretReference::parse(SERVICE_ACCOUNT).ok(),
                };
                Some(VaultLogin::Kubernetes { mount: mount?, role, jwt: jwt? })
            }
            _ => self.check(at, None, || {
                "wants one way to log in: `token`, or `role_id` and `secret_id` (AppRole), or `role` (Kubernetes)"
                    .to_owned()
            }),
        }
    }

    fn only_with(&mut self, at: &Path, set: &[(&str, bool)], what: &str) {
        for (name, _) in set.iter().filter(|(_, is_set)| *is_set) {
            self.problem(&at.join(name), format!("has no meaning without {what}"));
        }
    }

    fn wanted(&mut self, at: &Path, raw: Option<&RawSecret>) -> Option<SecretReference> {
        match raw {
            Some(raw) => self.secret(at, raw),
            None => self.check(at, None, || "is missing".to_owned()),
        }
    }

    fn reuse(&mut self, at: &Path, cache: Option<&str>, reuse: Option<&Count>) -> Option<Reuse> {
        let age = match cache {
            None => Some(AGE),
            Some("off") => Some(Duration::ZERO),
            Some(time) => self.time(&at.join("cache"), time),
        };
        let objects = reuse.map_or(Some(OBJECTS), |Count(count)| {
            let count = u32::try_from(*count).ok().filter(|count| (1..=1_000_000).contains(count));
            self.check(&at.join("reuse"), count, || "wants a number from 1 to 1000000".to_owned())
        });
        Some(Reuse { age: age?, objects: objects? })
    }
}
