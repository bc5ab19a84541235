//! Keys that wrap and clients that may come, each by reference to a secret.

use std::collections::BTreeSet;

use super::Resolver;
use crate::settings::place::{Path, nearest};
use crate::settings::raw::{RawClient, RawKey};
use crate::settings::{ClientSettings, KeySettings, Permission};

impl Resolver<'_> {
    pub(super) fn keys(&mut self, raw: Vec<RawKey>) -> Option<Vec<KeySettings>> {
        let mut seen = BTreeSet::new();
        let keys: Vec<_> = raw
            .into_iter()
            .enumerate()
            .map(|(index, key)| {
                let at = Path::of("keys").join(&index.to_string());
                if !seen.insert(key.id.clone()) {
                    self.problem(&at.join("id"), format!("there are two keys \"{}\"", key.id));
                }
                self.key(&at, key)
            })
            .collect();
        keys.into_iter().collect()
    }

    pub(super) fn key(&mut self, at: &Path, raw: RawKey) -> Option<KeySettings> {
        let good = crate::settings::is_key_id(&raw.id);
        let id = self.check(&at.join("id"), good.then_some(raw.id), || {
            "wants 1 to 64 letters, digits, \".\", \"_\" or \"-\"".to_owned()
        });
        let kind = raw.kind.as_deref().unwrap_or("aes");
        let kind = match kind {
            "rsa" | "aws-kms" | "vault-transit" | "passphrase" => self.check(&at.join("kind"), None, || {
                format!("keys of kind \"{kind}\" are not supported in this version; only \"aes\"")
            }),
            _ => self.choice(&at.join("kind"), kind, &[("aes", ())]),
        };
        let secret = self.secret(&at.join("secret"), &raw.secret);
        kind?;
        Some(KeySettings { id: id?, secret: secret? })
    }

    /// The outer `None` is a problem; the inner one says that there are no keys.
    #[expect(clippy::option_option, reason = "a problem and an absence differ, and both are `?`-able")]
    pub(super) fn primary(&mut self, named: Option<String>, keys: &[KeySettings]) -> Option<Option<String>> {
        let at = Path::of("keyring.primary");
        match (named, keys) {
            (Some(named), _) if keys.iter().any(|key| key.id == named) => Some(Some(named)),
            (Some(named), _) => {
                let ids = keys.iter().map(|key| key.id.as_str());
                let near = nearest(&named, ids).map(|near| format!("; did you mean \"{near}\"?")).unwrap_or_default();
                self.check(&at, None, || format!("there is no key \"{named}\" in [[keys]]{near}"))
            }
            (None, []) => Some(None),
            (None, [only]) => Some(Some(only.id.clone())),
            (None, _) => self.check(&at, None, || "with several keys, say which one wraps new objects".to_owned()),
        }
    }

    pub(super) fn clients(&mut self, raw: Vec<RawClient>) -> Option<Vec<ClientSettings>> {
        let mut seen = BTreeSet::new();
        let clients: Vec<_> = raw
            .into_iter()
            .enumerate()
            .map(|(index, client)| {
                let at = Path::of("clients").join(&index.to_string());
                if !seen.insert(client.access_key.clone()) {
                    let why = format!("there are two clients \"{}\"", client.access_key);
                    self.problem(&at.join("access_key"), why);
                }
                self.client(&at, client)
            })
            .collect();
        clients.into_iter().collect()
    }

    pub(super) fn client(&mut self, at: &Path, raw: RawClient) -> Option<ClientSettings> {
        // A slash, a comma or a blank would break the Authorization header that carries it.
        let good = !raw.access_key.is_empty()
            && raw.access_key.chars().all(|c| c.is_ascii_graphic() && !matches!(c, '/' | ',' | '=' | ':'));
        let access_key = self.check(&at.join("access_key"), good.then_some(raw.access_key), || {
            "wants printable ASCII without blanks and without any of / , = :".to_owned()
        });
        let secret = self.secret(&at.join("secret"), &raw.secret);
        let buckets = raw.buckets.map_or_else(|| vec!["*".to_owned()], |buckets| buckets.0);
        let named = !buckets.is_empty() && buckets.iter().all(|bucket| is_pattern(bucket));
        let buckets = self.check(&at.join("buckets"), named.then_some(buckets), || {
            "wants names of buckets or patterns with *, at least one; [\"*\"] means all".to_owned()
        });
        let permissions =
            [("read", Permission::Read), ("write", Permission::Write), ("read-write", Permission::ReadWrite)];
        let permission = raw.permission.as_deref().unwrap_or("read-write");
        let permission = self.choice(&at.join("permission"), permission, &permissions);
        Some(ClientSettings { access_key: access_key?, secret: secret?, buckets: buckets?, permission: permission? })
    }
}

/// A bucket's name, in which `*` may stand for any run of characters.
pub(super) fn is_pattern(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '*' | '.' | '-' | '_'))
}
