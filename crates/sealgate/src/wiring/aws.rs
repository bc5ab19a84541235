//! Credentials as every AWS program finds them. The AWS configuration is read here and nowhere else, and only when
//! something is configured that needs it.

use anyhow::{Context, anyhow};
use aws_config::profile::ProfileFileCredentialsProvider;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider, future};

use crate::settings::{AwsCredentials, SecretReference};

/// What everybody assumes when nobody says.
const DEFAULT_REGION: &str = "us-east-1";

/// Who we are, and the region to sign for.
pub(super) async fn identity(
    credentials: &AwsCredentials,
    region: Option<&str>,
) -> anyhow::Result<(SharedCredentialsProvider, String)> {
    match credentials {
        AwsCredentials::Static { access_key, secret } => {
            let written = Written { access_key: access_key.clone(), secret: secret.clone() };
            let credentials = written.read().await.context("secret")?;
            // A program may ask somebody for a passphrase: once is enough. A file is read again for the price of it.
            let provider = match secret.file() {
                Some(_) => SharedCredentialsProvider::new(written),
                None => SharedCredentialsProvider::new(credentials),
            };
            Ok((provider, region.unwrap_or(DEFAULT_REGION).to_owned()))
        }
        AwsCredentials::Profile(profile) => {
            // Named here, it comes before the environment, unlike in the default chain.
            let credentials = ProfileFileCredentialsProvider::builder().profile_name(profile).build();
            let loader = loader(region).profile_name(profile).credentials_provider(credentials);
            from_aws(&loader.load().await)
        }
        AwsCredentials::DefaultChain => from_aws(&loader(region).load().await),
    }
}

/// Credentials of the settings, whose secret may be exchanged: whoever holds them asks for them again every quarter of an hour.
#[derive(Debug)]
struct Written {
    access_key: String,
    secret: SecretReference,
}

impl Written {
    async fn read(&self) -> anyhow::Result<Credentials> {
        let secret = self.secret.read_text().await?;
        Ok(Credentials::new(&self.access_key, secret.as_str(), None, None, "sealgate settings"))
    }
}

impl ProvideCredentials for Written {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(async {
            self.read().await.map_err(|error| CredentialsError::provider_error(format!("{error:#}")))
        })
    }
}

fn loader(region: Option<&str>) -> aws_config::ConfigLoader {
    let loader = aws_config::defaults(BehaviorVersion::latest());
    match region {
        Some(region) => loader.region(Region::new(region.to_owned())),
        None => loader,
    }
}

fn from_aws(config: &SdkConfig) -> anyhow::Result<(SharedCredentialsProvider, String)> {
    let credentials = config.credentials_provider().ok_or_else(|| anyhow!("AWS knows no way to credentials"))?;
    let region = config.region().map_or(DEFAULT_REGION, Region::as_ref);
    Ok((credentials, region.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_secret_in_a_file_may_be_exchanged() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret");
        std::fs::write(&path, "one\n").unwrap();
        let settings = AwsCredentials::Static { access_key: "a".into(), secret: SecretReference::File(path.clone()) };
        let (provider, region) = identity(&settings, None).await.unwrap();
        assert_eq!(provider.provide_credentials().await.unwrap().secret_access_key(), "one");
        std::fs::write(&path, "another\n").unwrap();
        assert_eq!(provider.provide_credentials().await.unwrap().secret_access_key(), "another");
        std::fs::remove_file(&path).unwrap();
        assert!(provider.provide_credentials().await.is_err());
        assert_eq!(region, DEFAULT_REGION);
    }
}
