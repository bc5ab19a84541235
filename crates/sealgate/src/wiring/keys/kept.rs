//! Keys of services beyond one reading of the settings: what they remember goes on with them.
//!
//! A service that was asked for a key just now, that knows us by a token, or that is left alone because it is down, is the same
//! service after an exchange of settings that does not concern it.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::{Context, bail};
use keyring::{KmsKey, WrapAlgorithm, WrappingKey};

use super::services;
use crate::settings::{AwsCredentials, KeyKind, KeySettings};

/// A key that stays with a service, for who may ask for it.
#[derive(Clone)]
pub(super) struct Served {
    pub(super) sealing: Arc<dyn WrappingKey>,
    pub(super) key: KmsKey,
}

/// The keys of services that are in use.
#[derive(Clone, Default)]
pub(crate) struct Services(Arc<Mutex<Vec<Known>>>);

/// A key, and what it was made of.
struct Known {
    settings: KeySettings,
    authorities: Option<Vec<u8>>,
    served: Served,
}

impl Services {
    /// The key that was made of the same, or a new one. Nothing is asked yet.
    pub(super) async fn served(&self, key: &KeySettings) -> anyhow::Result<Served> {
        let authorities = authorities(key)?;
        let same = |known: &&Known| known.settings == *key && known.authorities == authorities;
        if let Some(known) = self.lock().iter().find(same).filter(|_| is_all_there_is(key)) {
            return Ok(known.served.clone());
        }
        let served = serve(key, authorities.clone()).await?;
        let known = Known { settings: key.clone(), authorities, served: served.clone() };
        let mut all = self.lock();
        all.retain(|former| former.settings.id != key.id);
        all.push(known);
        Ok(served)
    }

    /// Keys that are no longer in the settings, with all they remember.
    pub(crate) fn forget_all_but(&self, keys: &[KeySettings]) {
        self.lock().retain(|known| keys.contains(&known.settings));
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Known>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether the same settings and authorities lead to the same service: what a program prints or a variable holds is read once.
fn is_all_there_is(key: &KeySettings) -> bool {
    match &key.kind {
        KeyKind::AwsKms(kms) => match &kms.credentials {
            AwsCredentials::Static { secret, .. } => secret.file().is_some(),
            AwsCredentials::Profile(_) | AwsCredentials::DefaultChain => true,
        },
        _ => true,
    }
}

fn authorities(key: &KeySettings) -> anyhow::Result<Option<Vec<u8>>> {
    match &key.kind {
        KeyKind::VaultTransit(vault) => {
            let read = |path: &PathBuf| std::fs::read(path).with_context(|| format!("ca: {}", path.display()));
            vault.ca.as_ref().map(read).transpose()
        }
        _ => Ok(None),
    }
}

async fn serve(key: &KeySettings, authorities: Option<Vec<u8>>) -> anyhow::Result<Served> {
    let (algorithm, service, reuse) = match &key.kind {
        KeyKind::AwsKms(settings) => (WrapAlgorithm::AwsKms, services::aws_kms(settings).await?, settings.reuse),
        KeyKind::VaultTransit(settings) => {
            (WrapAlgorithm::VaultTransit, services::vault_transit(settings, authorities)?, settings.reuse)
        }
        _ => bail!("it is not with a service"),
    };
    let sealing = services::sealing(key, algorithm, service.clone(), reuse)?;
    Ok(Served { sealing: Arc::new(sealing), key: service })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::{AwsKmsKey, Reuse, SecretReference, VaultKey, VaultLogin};

    fn reuse() -> Reuse {
        Reuse { age: std::time::Duration::from_mins(5), objects: 1000 }
    }

    fn vault(id: &str, key: &str, ca: Option<std::path::PathBuf>) -> KeySettings {
        let vault = VaultKey {
            key: key.to_owned(),
            address: "http://127.0.0.1:1".to_owned(),
            mount: "transit".to_owned(),
            namespace: None,
            ca,
            login: VaultLogin::Token(SecretReference::Env("NOTHING".to_owned())),
            reuse: reuse(),
        };
        let kind = KeyKind::VaultTransit(Box::new(vault));
        KeySettings { kind, ..KeySettings::aes(id.to_owned(), SecretReference::Env("NOTHING".to_owned())) }
    }

    fn kms(secret: &SecretReference) -> KeySettings {
        let credentials = AwsCredentials::Static { access_key: "a".to_owned(), secret: secret.clone() };
        let region = Some("us-east-1".to_owned());
        let kms = AwsKmsKey { key: "alias/a".to_owned(), endpoint: None, region, credentials, reuse: reuse() };
        KeySettings { kind: KeyKind::AwsKms(Box::new(kms)), ..vault("kms", "k", None) }
    }

    async fn same(services: &Services, one: &KeySettings, other: &KeySettings) -> bool {
        let one = services.served(one).await.unwrap();
        Arc::ptr_eq(&one.sealing, &services.served(other).await.unwrap().sealing)
    }

    #[tokio::test]
    async fn a_service_goes_on_as_long_as_its_settings_are_the_same() {
        let services = Services::default();
        let first = services.served(&vault("a", "k", None)).await.unwrap();
        assert!(same(&services, &vault("b", "k", None), &vault("b", "k", None)).await);
        assert!(Arc::ptr_eq(&first.sealing, &services.served(&vault("a", "k", None)).await.unwrap().sealing));
        assert!(!same(&services, &vault("a", "k", None), &vault("a", "another", None)).await);
        services.forget_all_but(&[vault("b", "k", None)]);
        assert_eq!(services.lock().len(), 1);
    }

    #[tokio::test]
    async fn what_settings_do_not_show_makes_another_service() {
        let services = Services::default();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret");
        std::fs::write(&path, "a word").unwrap();
        // A secret in a file is followed anew whenever it is asked for; one that a program prints is not.
        let (file, program) =
            (SecretReference::File(path), SecretReference::Command(vec!["echo".to_owned(), "a".to_owned()]));
        assert!(same(&services, &kms(&file), &kms(&file)).await);
        assert!(!same(&services, &kms(&program), &kms(&program)).await);
        let pem = |name: &str| {
            let made = rcgen::generate_simple_self_signed([name.to_owned()]).unwrap();
            std::fs::write(folder.path().join("ca"), made.cert.pem()).unwrap();
        };
        let trusting = vault("a", "k", Some(folder.path().join("ca")));
        pem("one");
        let one = services.served(&trusting).await.unwrap();
        pem("another");
        assert!(!Arc::ptr_eq(&one.sealing, &services.served(&trusting).await.unwrap().sealing));
    }
}
