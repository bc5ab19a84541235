//! Credentials as every AWS program finds them. The AWS configuration is read here and nowhere else, and only when
//! something is configured that needs it.

use anyhow::{Context, anyhow};
use aws_config::profile::ProfileFileCredentialsProvider;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;

use crate::settings::AwsCredentials;

/// What everybody assumes when nobody says.
const DEFAULT_REGION: &str = "us-east-1";

/// Who we are, and the region to sign for.
pub(super) async fn identity(
    credentials: &AwsCredentials,
    region: Option<&str>,
) -> anyhow::Result<(SharedCredentialsProvider, String)> {
    match credentials {
        AwsCredentials::Static { access_key, secret } => {
            let secret = secret.read_text().await.context("secret")?;
            let credentials = Credentials::new(access_key, secret.as_str(), None, None, "sealgate settings");
            Ok((SharedCredentialsProvider::new(credentials), region.unwrap_or(DEFAULT_REGION).to_owned()))
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
