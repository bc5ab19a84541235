//! What is exchanged while the process runs: rules with their keys, clients, and what pages of other origins may do.
//!
//! Reads what settings refer to and makes nothing: a second reading leaves no trace.

use anyhow::Context;
use gateway::{Client, CorsRule, GatewayOptions};
use s3s::auth::SecretKey;

use crate::firstrun::FirstRun;
use crate::settings::{ClientSettings, CorsSettings, Permission, Settings};

pub(super) fn options(settings: &Settings) -> GatewayOptions {
    let rule = |rule: &CorsSettings| CorsRule {
        origins: rule.origins.clone(),
        methods: rule.methods.clone(),
        headers: rule.headers.clone(),
        expose: rule.expose.clone(),
        max_age: rule.max_age,
    };
    GatewayOptions { cors: settings.cors.iter().map(rule).collect(), domains: settings.domains.clone() }
}

pub(super) async fn clients(settings: &Settings, local: &FirstRun) -> anyhow::Result<Vec<Client>> {
    let mut clients = Vec::new();
    for client in &settings.clients {
        clients.push(self::client(client).await.with_context(|| format!("client {}", client.access_key))?);
    }
    clients.extend(local.credential.as_ref().map(|credential| Client {
        access_key: credential.access_key.clone(),
        secret: SecretKey::from(credential.secret.as_str()),
        buckets: vec!["*".to_owned()],
        permission: gateway::Permission::ReadWrite,
    }));
    Ok(clients)
}

async fn client(settings: &ClientSettings) -> anyhow::Result<Client> {
    let secret = settings.secret.read_text().await?;
    Ok(Client {
        access_key: settings.access_key.clone(),
        secret: SecretKey::from(secret.as_str()),
        buckets: settings.buckets.clone(),
        permission: match settings.permission {
            Permission::Read => gateway::Permission::Read,
            Permission::Write => gateway::Permission::Write,
            Permission::ReadWrite => gateway::Permission::ReadWrite,
        },
    })
}
