//! Keys that stay with a service: its client, and the tasks that keep it logged in.

use std::sync::Arc;

use async_trait::async_trait;
use keyring::{KmsKey, WrapAlgorithm};
use keyservices::{
    AwsKms, AwsKmsSettings, Draw, Login, Patience, Reuse, Secret, ServiceKey, Steady, VaultSettings, VaultTransit,
};
use zeroize::Zeroizing;

use super::super::aws;
use crate::settings::{self, AwsKmsKey, KeySettings, SecretReference, VaultKey, VaultLogin};

/// A key of AWS KMS. Nothing is asked yet.
pub(super) async fn aws_kms(settings: &AwsKmsKey) -> anyhow::Result<KmsKey> {
    let (credentials, region) = aws::identity(&settings.credentials, settings.region.as_deref()).await?;
    let service = AwsKms::new(AwsKmsSettings { region, endpoint: settings.endpoint.clone(), credentials });
    Ok(KmsKey::new(Arc::new(Steady::new(service, Patience::default())), settings.key.clone()))
}

/// A key of Vault's transit engine. Its token is renewed for as long as the key is there.
pub(super) fn vault_transit(settings: &VaultKey, ca: Option<Vec<u8>>) -> anyhow::Result<KmsKey> {
    let service = VaultTransit::new(VaultSettings {
        address: settings.address.clone(),
        mount: settings.mount.clone(),
        namespace: settings.namespace.clone(),
        ca,
        login: login(&settings.login),
    })?;
    let service = Arc::new(service);
    let watched = Arc::downgrade(&service);
    tokio::spawn(async move {
        while let Some(service) = watched.upgrade() {
            let wait = service.renew().await;
            drop(service);
            tokio::time::sleep(wait).await;
        }
    });
    Ok(KmsKey::new(Arc::new(Steady::new(service, Patience::default())), settings.key.clone()))
}

/// The same as a key of the sealed format.
pub(super) fn sealing(
    settings: &KeySettings,
    algorithm: WrapAlgorithm,
    key: KmsKey,
    reuse: settings::Reuse,
) -> anyhow::Result<ServiceKey> {
    let reuse = Reuse { age: reuse.age, objects: reuse.objects };
    let id = super::key_id(settings)?;
    Ok(ServiceKey::new(id, algorithm, key, settings.context.clone(), draw(), reuse)?)
}

fn draw() -> Draw {
    Arc::new(|bytes| getrandom::fill(bytes).map_err(|error| error.to_string()))
}

fn login(settings: &VaultLogin) -> Login {
    let secret = |reference: &SecretReference| -> Arc<dyn Secret> { Arc::new(Followed(reference.clone())) };
    match settings {
        VaultLogin::Token(token) => Login::Token(secret(token)),
        VaultLogin::AppRole { mount, role_id, secret_id } => {
            Login::AppRole { mount: mount.clone(), role_id: role_id.clone(), secret_id: secret(secret_id) }
        }
        VaultLogin::Kubernetes { mount, role, jwt } => {
            Login::Kubernetes { mount: mount.clone(), role: role.clone(), jwt: secret(jwt) }
        }
    }
}

/// A reference that is followed anew each time.
struct Followed(SecretReference);

#[async_trait]
impl Secret for Followed {
    async fn read(&self) -> Result<Zeroizing<String>, String> {
        self.0.read_text().await.map_err(|error| format!("{error:#}"))
    }
}
