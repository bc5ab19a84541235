//! Keys: what each kind needs, and which one wraps new objects.

mod services;

use std::collections::BTreeSet;

use keyring::{KeyCheck, PassphraseParameters};

use super::Resolver;
use crate::settings::place::{Path, nearest};
use crate::settings::raw::{Count, RawKey, RawSecret};
use crate::settings::{Half, KeyKind, KeySettings, RuleSettings, SecretReference};

/// What fileson has when nobody says otherwise.
const ITERATIONS: u32 = 100_000;

/// The kinds by their names, and what may be set with each beside `id`, `kind`, `materials` and `context`.
const KINDS: [(&str, &[&str]); 9] = [
    ("aes", &["secret", "check"]),
    ("passphrase", &["secret", "argon2", "check"]),
    ("rsa", &["secret", "public", "check"]),
    ("x25519", &["secret", "public", "check"]),
    ("pbkdf2", &["secret", "salt", "iterations"]),
    ("openpgp", &["secret", "passphrase"]),
    ("rclone-crypt", &["secret", "password2", "obscured"]),
    ("aws-kms", &["key", "endpoint", "region", "access_key", "secret", "profile", "cache", "reuse"]),
    (
        "vault-transit",
        &[
            "key",
            "endpoint",
            "mount",
            "namespace",
            "ca",
            "token",
            "auth_mount",
            "role_id",
            "secret_id",
            "role",
            "jwt",
            "cache",
            "reuse",
        ],
    ),
];

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

    fn key(&mut self, at: &Path, mut raw: RawKey) -> Option<KeySettings> {
        let good = crate::settings::is_key_id(&raw.id);
        let id = self.check(&at.join("id"), good.then(|| std::mem::take(&mut raw.id)), || {
            "wants 1 to 64 letters, digits, \".\", \"_\" or \"-\"".to_owned()
        });
        let written = raw.kind.take().unwrap_or_else(|| "aes".to_owned());
        let name = self.choice(&at.join("kind"), &written, &KINDS.map(|(name, _)| (name, name)))?;
        let (materials, context) = (raw.materials.take().unwrap_or_default(), raw.context.take().unwrap_or_default());
        self.key_strangers(at, name, &raw);
        if context.keys().any(|name| name.starts_with("sealgate:")) {
            self.problem(&at.join("context"), "names that begin with \"sealgate:\" are ours");
        }
        let check = self.key_check(&at.join("check"), name, raw.check.take());
        let kind = self.key_kind(at, name, raw);
        Some(KeySettings { id: id?, materials, context, check: check?, kind: kind? })
    }

    /// The outer `None` is a problem; the inner one says that none is set.
    #[expect(clippy::option_option, reason = "a problem and an absence differ, and both are `?`-able")]
    fn key_check(&mut self, at: &Path, kind: &str, written: Option<String>) -> Option<Option<KeyCheck>> {
        let Some(written) = written else { return Some(None) };
        let known = KINDS.iter().any(|(name, known)| *name == kind && known.contains(&"check"));
        if !known {
            let why = match kind {
                "aws-kms" => "whose key never comes here to be recognised; an ARN in `key` names one key for ever",
                "vault-transit" => "whose key never comes here to be recognised",
                _ => "which only reads: with another key nothing opens",
            };
            return self.check(at, None, || format!("has no meaning with kind = \"{kind}\", {why}"));
        }
        let check = written.parse().ok().map(Some);
        self.check(at, check, || "wants the 16 hex digits that `sealgate config check --keys` prints".to_owned())
    }

    /// Settings of another kind mean that somebody expects another kind.
    fn key_strangers(&mut self, at: &Path, kind: &str, raw: &RawKey) {
        let known = KINDS.iter().find(|(name, _)| *name == kind).map_or(&[][..], |(_, known)| known);
        let set = [
            ("secret", raw.secret.is_some()),
            ("public", raw.public.is_some()),
            ("argon2", raw.argon2.is_some()),
            ("salt", raw.salt.is_some()),
            ("iterations", raw.iterations.is_some()),
            ("passphrase", raw.passphrase.is_some()),
            ("password2", raw.password2.is_some()),
            ("obscured", raw.obscured.is_some()),
            ("key", raw.key.is_some()),
            ("endpoint", raw.endpoint.is_some()),
            ("region", raw.region.is_some()),
            ("access_key", raw.access_key.is_some()),
            ("profile", raw.profile.is_some()),
            ("mount", raw.mount.is_some()),
            ("namespace", raw.namespace.is_some()),
            ("ca", raw.ca.is_some()),
            ("token", raw.token.is_some()),
            ("auth_mount", raw.auth_mount.is_some()),
            ("role_id", raw.role_id.is_some()),
            ("secret_id", raw.secret_id.is_some()),
            ("role", raw.role.is_some()),
            ("jwt", raw.jwt.is_some()),
            ("cache", raw.cache.is_some()),
            ("reuse", raw.reuse.is_some()),
        ];
        for (name, _) in set.into_iter().filter(|(name, is_set)| *is_set && !known.contains(name)) {
            self.problem(&at.join(name), format!("has no meaning with kind = \"{kind}\""));
        }
    }

    fn key_kind(&mut self, at: &Path, kind: &str, raw: RawKey) -> Option<KeyKind> {
        match kind {
            "passphrase" => {
                let secret = self.key_secret(at, raw.secret.as_ref());
                let parameters = self.argon2(&at.join("argon2"), raw.argon2.as_deref());
                Some(KeyKind::Passphrase { secret: secret?, parameters: parameters? })
            }
            "rsa" => self.half(at, &raw).map(KeyKind::Rsa),
            "x25519" => self.half(at, &raw).map(KeyKind::X25519),
            "pbkdf2" => {
                let password = self.key_secret(at, raw.secret.as_ref());
                let salt = self.check(&at.join("salt"), raw.salt, || "is missing".to_owned());
                let iterations = self.iterations(&at.join("iterations"), raw.iterations.as_ref());
                Some(KeyKind::Pbkdf2 { password: password?, salt: salt?, iterations: iterations? })
            }
            "openpgp" => {
                let key = self.optional_secret(&at.join("secret"), raw.secret.as_ref());
                let passphrase = self.optional_secret(&at.join("passphrase"), raw.passphrase.as_ref());
                let (key, passphrase) = (key?, passphrase?);
                if key.is_none() && passphrase.is_none() {
                    self.problem(at, "wants a secret key (`secret`), a `passphrase`, or both");
                }
                Some(KeyKind::OpenPgp { key, passphrase })
            }
            "rclone-crypt" => {
                let password = self.key_secret(at, raw.secret.as_ref());
                let password2 = self.optional_secret(&at.join("password2"), raw.password2.as_ref());
                let obscured = raw.obscured.unwrap_or(false);
                Some(KeyKind::RcloneCrypt { password: password?, password2: password2?, obscured })
            }
            "aws-kms" => self.aws_kms(at, raw),
            "vault-transit" => self.vault_transit(at, raw),
            _ => Some(KeyKind::Aes { secret: self.key_secret(at, raw.secret.as_ref())? }),
        }
    }

    fn half(&mut self, at: &Path, raw: &RawKey) -> Option<Half> {
        match (&raw.secret, &raw.public) {
            (Some(secret), None) => self.secret(&at.join("secret"), secret).map(Half::Private),
            (None, Some(public)) => self.secret(&at.join("public"), public).map(Half::Public),
            _ => self.check(at, None, || {
                "wants the private key (`secret`), or the public one (`public`) of a host that only writes".to_owned()
            }),
        }
    }

    fn argon2(&mut self, at: &Path, text: Option<&str>) -> Option<PassphraseParameters> {
        match text.map(str::parse) {
            Some(Ok(parameters)) => Some(parameters),
            Some(Err(error)) => self.check(at, None, || format!("{error}")),
            None => self.check(at, None, || {
                "is missing; `sealgate keygen --kind passphrase` prints parameters with a salt of their own".to_owned()
            }),
        }
    }

    pub(super) fn key_secret(&mut self, at: &Path, raw: Option<&RawSecret>) -> Option<SecretReference> {
        let at = at.join("secret");
        match raw {
            Some(raw) => self.secret(&at, raw),
            None => self.check(&at, None, || "is missing".to_owned()),
        }
    }

    /// The outer `None` is a problem; the inner one says that nothing was written.
    #[expect(clippy::option_option, reason = "a problem and an absence differ, and both are `?`-able")]
    fn optional_secret(&mut self, at: &Path, raw: Option<&RawSecret>) -> Option<Option<SecretReference>> {
        raw.map_or(Some(None), |raw| self.secret(at, raw).map(Some))
    }

    fn iterations(&mut self, at: &Path, raw: Option<&Count>) -> Option<u32> {
        let Some(Count(count)) = raw else { return Some(ITERATIONS) };
        let count = u32::try_from(*count).ok().filter(|count| (1..=10_000_000).contains(count));
        self.check(at, count, || "wants a number from 1 to 10000000".to_owned())
    }

    /// The outer `None` is a problem; the inner one says that there are no keys.
    #[expect(clippy::option_option, reason = "a problem and an absence differ, and both are `?`-able")]
    pub(super) fn primary(
        &mut self,
        named: Option<String>,
        rules: &[RuleSettings],
        keys: &[KeySettings],
    ) -> Option<Option<String>> {
        let at = Path::of("keyring.primary");
        let lacking = rules.iter().find(|rule| rule.encrypts() && rule.primary.is_none());
        let sealing: Vec<&KeySettings> = keys.iter().filter(|key| key.seals()).collect();
        match (named, sealing.as_slice()) {
            (Some(named), _) => match keys.iter().find(|key| key.id == named) {
                Some(key) if key.seals() => Some(Some(named)),
                Some(_) => self.check(&at, None, || only_reads(&named)),
                None => self.check(&at, None, || no_such_key(&named, keys)),
            },
            (None, []) if keys.is_empty() => Some(None),
            (None, [only]) => Some(Some(only.id.clone())),
            (None, _) if lacking.is_none() => Some(None),
            (None, []) => self.check(&at, None, || {
                "none of the keys can wrap new objects: they only read what other tools wrote; add one of kind \"aes\""
                    .to_owned()
            }),
            (None, _) => self.check(&at, None, || {
                let rule = lacking.map_or("", |rule| rule.bucket.as_str());
                format!(
                    "with several keys, say which one wraps new objects; the rule for \"{rule}\" names none of its own"
                )
            }),
        }
    }

    /// The outer `None` is a problem; the inner one says that none is named.
    #[expect(clippy::option_option, reason = "a problem and an absence differ, and both are `?`-able")]
    pub(super) fn upload_key(
        &mut self,
        named: Option<String>,
        writes_only: bool,
        keys: &[KeySettings],
    ) -> Option<Option<String>> {
        let at = Path::of("keyring.uploads");
        let Some(named) = named else { return Some(None) };
        if !writes_only {
            self.problem(
                &at,
                "has no meaning unless a primary key is a public one: other keys keep uploads themselves",
            );
        }
        match keys.iter().find(|key| key.id == named) {
            Some(key) if key.seals() && !key.is_public_half() => Some(Some(named)),
            Some(_) => self.check(&at, None, || format!("key \"{named}\" cannot unwrap what it wraps")),
            None => self.check(&at, None, || no_such_key(&named, keys)),
        }
    }
}

/// A name that no key has, with those that there are, the likeliest first.
pub(super) fn no_such_key(id: &str, keys: &[KeySettings]) -> String {
    if keys.is_empty() {
        return format!("there is no key \"{id}\": there are no [[keys]]");
    }
    let near = nearest(id, keys.iter().map(|key| key.id.as_str()));
    let mut ids: Vec<&str> = keys.iter().map(|key| key.id.as_str()).collect();
    ids.sort_by_key(|id| Some(*id) != near);
    let ids = ids.iter().map(|id| format!("\"{id}\"")).collect::<Vec<_>>().join(", ");
    let near = near.map_or_else(|| ".".to_owned(), |near| format!("; did you mean \"{near}\"?"));
    format!("there is no key \"{id}\" in [[keys]]{near} Known: {ids}")
}

/// A key of another tool's format where one of ours is wanted.
pub(super) fn only_reads(id: &str) -> String {
    format!("key \"{id}\" is of a kind that only reads what other tools wrote; it cannot wrap new objects")
}
