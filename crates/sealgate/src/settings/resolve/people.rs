//! Clients that may come, each with a reference to its secret.

use std::collections::BTreeSet;

use super::Resolver;
use crate::settings::place::Path;
use crate::settings::raw::RawClient;
use crate::settings::{ClientSettings, Permission};

impl Resolver<'_> {
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
