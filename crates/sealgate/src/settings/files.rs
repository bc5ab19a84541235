//! Which files the settings refer to, for whoever wants to know when one of them changes.
//!
//! Opens none of them. What is followed anew whenever it is needed, such as the tokens of
//! Vault and the secrets of credentials for AWS, is not among them.

use std::path::PathBuf;

use super::{Half, KeyKind, KeySettings, SecretReference, Settings};

impl Settings {
    /// Every file that is read when a server with these settings starts.
    pub(crate) fn files(&self) -> Vec<PathBuf> {
        let keys = self.keys.iter().flat_map(KeySettings::references);
        let clients = self.clients.iter().map(|client| &client.secret);
        let tls = self.tls.iter().map(|tls| &tls.key);
        let references = keys.chain(clients).chain(tls);
        let mut files: Vec<PathBuf> = references.filter_map(SecretReference::file).collect();
        files.extend(self.tls.as_ref().map(|tls| tls.cert.clone()));
        files.extend(self.authorities());
        files
    }

    /// Files of certificate authorities. That of the store is read at the start only, like everything about the store.
    fn authorities(&self) -> Vec<PathBuf> {
        let vaults = self.keys.iter().filter_map(|key| match &key.kind {
            KeyKind::VaultTransit(vault) => vault.ca.clone(),
            _ => None,
        });
        vaults.collect()
    }
}

impl KeySettings {
    fn references(&self) -> Vec<&SecretReference> {
        match &self.kind {
            KeyKind::Aes { secret } | KeyKind::Passphrase { secret, .. } => vec![secret],
            KeyKind::Rsa(Half::Private(half) | Half::Public(half))
            | KeyKind::X25519(Half::Private(half) | Half::Public(half)) => vec![half],
            KeyKind::Pbkdf2 { password, .. } => vec![password],
            KeyKind::OpenPgp { key, passphrase } => key.iter().chain(passphrase).collect(),
            KeyKind::RcloneCrypt { password, password2, .. } => std::iter::once(password).chain(password2).collect(),
            KeyKind::AwsKms(_) | KeyKind::VaultTransit(_) => Vec::new(),
        }
    }
}
