//! A store behind an S3 endpoint: its settings, and credentials as every AWS program finds them.
//!
//! The AWS configuration is read here and nowhere else, and only when such a store is configured.

use anyhow::{Context, anyhow};
use aws_config::profile::ProfileFileCredentialsProvider;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use objects::store::s3::{Addressing, S3Store, S3StoreSettings};

use crate::settings::{S3Settings, StoreCredentials};

/// What everybody assumes when nobody says.
const DEFAULT_REGION: &str = "us-east-1";

/// Makes the store's client. Nothing is sent to the store yet.
pub(super) async fn store(settings: &S3Settings) -> anyhow::Result<S3Store> {
    let (credentials, region) = identity(settings).await?;
    let endpoint = match &settings.endpoint {
        Some(endpoint) => endpoint.clone(),
        None => amazon(&region),
    };
    let mut to = S3StoreSettings::new(endpoint.parse().context("store.endpoint")?, region);
    to.addressing = if settings.virtual_host { Addressing::VirtualHost } else { Addressing::Path };
    to.connect_timeout = settings.connect_timeout;
    to.response_timeout = settings.response_timeout;
    if let Some(path) = &settings.ca {
        to.ca = Some(std::fs::read(path).with_context(|| format!("store.ca: {}", path.display()))?);
    }
    Ok(S3Store::new(to, credentials)?)
}

/// Who we are to the store, and the region to sign for.
async fn identity(settings: &S3Settings) -> anyhow::Result<(SharedCredentialsProvider, String)> {
    match &settings.credentials {
        StoreCredentials::Static { access_key, secret } => {
            let secret = secret.read_text().await.context("store.secret")?;
            let credentials = Credentials::new(access_key, secret.as_str(), None, None, "sealgate settings");
            let region = settings.region.clone().unwrap_or_else(|| DEFAULT_REGION.to_owned());
            Ok((SharedCredentialsProvider::new(credentials), region))
        }
        StoreCredentials::Profile(profile) => {
            // Named here, it comes before the environment, unlike in the default chain.
            let credentials = ProfileFileCredentialsProvider::builder().profile_name(profile).build();
            let loader = loader(settings).profile_name(profile).credentials_provider(credentials);
            from_aws(&loader.load().await)
        }
        StoreCredentials::DefaultChain => from_aws(&loader(settings).load().await),
    }
}

fn loader(settings: &S3Settings) -> aws_config::ConfigLoader {
    let loader = aws_config::defaults(BehaviorVersion::latest());
    match &settings.region {
        Some(region) => loader.region(Region::new(region.clone())),
        None => loader,
    }
}

fn from_aws(config: &SdkConfig) -> anyhow::Result<(SharedCredentialsProvider, String)> {
    let credentials = config.credentials_provider().ok_or_else(|| anyhow!("AWS knows no way to credentials"))?;
    let region = config.region().map_or(DEFAULT_REGION, Region::as_ref);
    Ok((credentials, region.to_owned()))
}

fn amazon(region: &str) -> String {
    let suffix = if region.starts_with("cn-") { ".cn" } else { "" };
    format!("https://s3.{region}.amazonaws.com{suffix}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amazon_has_an_address_in_every_region() {
        assert_eq!(amazon("eu-central-1"), "https://s3.eu-central-1.amazonaws.com");
        assert_eq!(amazon("cn-north-1"), "https://s3.cn-north-1.amazonaws.com.cn");
    }
}
