//! A store behind an S3 endpoint.

use anyhow::Context;
use objects::store::s3::{Addressing, S3Store, S3StoreSettings};

use super::aws;
use crate::settings::S3Settings;

/// Makes the store's client. Nothing is sent to the store yet.
pub(super) async fn store(settings: &S3Settings) -> anyhow::Result<S3Store> {
    let identity = aws::identity(&settings.credentials, settings.region.as_deref());
    let (credentials, region) = identity.await.context("store")?;
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
