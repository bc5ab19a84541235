//! AWS KMS, and services that speak like it.
//!
//! The SDK signs and speaks; patience is `Steady`'s, so that there is one place for it. The SDK does not wipe what it
//! sends and receives from memory, and nothing else here can.

use std::fmt;

use async_trait::async_trait;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_sdk_kms::Client;
use aws_sdk_kms::config::retry::RetryConfig;
use aws_sdk_kms::config::{BehaviorVersion, Region};
use aws_sdk_kms::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_kms::primitives::Blob;
use envelope::s3ec::Context;
use keyring::{Kms, KmsError};
use zeroize::Zeroizing;

/// Where the service is and who asks.
#[derive(Debug, Clone)]
pub struct AwsKmsSettings {
    /// The region of the keys.
    pub region: String,
    /// Another address than Amazon's.
    pub endpoint: Option<String>,
    /// Who we are.
    pub credentials: SharedCredentialsProvider,
}

/// AWS KMS in one region.
pub struct AwsKms(Client);

impl AwsKms {
    /// Nothing is asked yet.
    pub fn new(settings: AwsKmsSettings) -> Self {
        let mut config = aws_sdk_kms::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new(settings.region))
            .credentials_provider(settings.credentials)
            .retry_config(RetryConfig::disabled());
        if let Some(endpoint) = settings.endpoint {
            config = config.endpoint_url(endpoint);
        }
        Self(Client::from_conf(config.build()))
    }
}

#[async_trait]
impl Kms for AwsKms {
    async fn encrypt(&self, key: &str, plaintext: &[u8], context: &Context) -> Result<Vec<u8>, KmsError> {
        let request = self.0.encrypt().key_id(key).plaintext(Blob::new(plaintext));
        let request = request.set_encryption_context(Some(context.clone().into_iter().collect()));
        let answer = request.send().await.map_err(|error| said(&error))?;
        let blob = answer.ciphertext_blob.ok_or_else(incomplete)?;
        Ok(blob.into_inner())
    }

    async fn decrypt(&self, key: Option<&str>, blob: &[u8], context: &Context) -> Result<Zeroizing<Vec<u8>>, KmsError> {
        let request = self.0.decrypt().set_key_id(key.map(str::to_owned)).ciphertext_blob(Blob::new(blob));
        let request = request.set_encryption_context(Some(context.clone().into_iter().collect()));
        let answer = request.send().await.map_err(|error| said(&error))?;
        let plaintext = answer.plaintext.ok_or_else(incomplete)?;
        Ok(Zeroizing::new(plaintext.into_inner()))
    }
}

impl fmt::Debug for AwsKms {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AwsKms")
    }
}

fn incomplete() -> KmsError {
    KmsError::Unavailable("the answer is incomplete".to_owned())
}

/// What an answer, or none, means.
fn said<E: ProvideErrorMetadata>(error: &SdkError<E>) -> KmsError {
    let Some(service) = error.as_service_error() else {
        return match error {
            // Credentials that cannot be had look so too; whoever reads the log needs the innermost cause.
            SdkError::DispatchFailure(_) | SdkError::ConstructionFailure(_) => {
                KmsError::Unavailable(format!("no connection: {}", innermost(error)))
            }
            _ => KmsError::Unavailable("no answer, or none that can be read".to_owned()),
        };
    };
    of_code(service.code().unwrap_or_default(), service.message().unwrap_or_default())
}

/// The codes are those of the KMS API.
fn of_code(code: &str, message: &str) -> KmsError {
    match code {
        "InvalidCiphertextException" | "IncorrectKeyException" => KmsError::Refused,
        // A ciphertext that names a key of nobody's, or one that was changed to do so, is answered like this. Who may
        // not use the key is told who he is, and that he is "not authorized".
        "AccessDeniedException" if !message.contains("not authorized") => KmsError::Refused,
        "AccessDeniedException"
        | "DisabledException"
        | "ExpiredTokenException"
        | "IncompleteSignature"
        | "InvalidArnException"
        | "InvalidKeyUsageException"
        | "InvalidSignatureException"
        | "KMSInvalidStateException"
        | "MissingAuthenticationTokenException"
        | "NotFoundException"
        | "UnrecognizedClientException"
        | "ValidationException" => KmsError::Denied(format!("{code}: {message}")),
        _ => KmsError::Unavailable(format!("{code}: {message}")),
    }
}

fn innermost<E: ProvideErrorMetadata>(error: &SdkError<E>) -> String {
    let SdkError::DispatchFailure(failure) = error else { return "the request cannot be made".to_owned() };
    let mut cause: &dyn std::error::Error = match failure.as_connector_error() {
        Some(error) => error,
        None => return "unknown".to_owned(),
    };
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    cause.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_say_whether_to_try_again() {
        assert_eq!(of_code("InvalidCiphertextException", ""), KmsError::Refused);
        assert_eq!(of_code("IncorrectKeyException", "x"), KmsError::Refused);
        let refers = "The ciphertext refers to a customer master key that does not exist";
        assert_eq!(of_code("AccessDeniedException", refers), KmsError::Refused);
        let stranger = "User: arn:aws:iam::1:user/x is not authorized to perform: kms:Decrypt";
        assert!(matches!(of_code("AccessDeniedException", stranger), KmsError::Denied(_)));
        assert!(matches!(of_code("DisabledException", "is disabled"), KmsError::Denied(_)));
        assert_eq!(of_code("NotFoundException", "x"), KmsError::Denied("NotFoundException: x".to_owned()));
        for code in ["ThrottlingException", "KMSInternalException", "DependencyTimeoutException", "anything"] {
            assert!(matches!(of_code(code, ""), KmsError::Unavailable(_)), "{code}");
        }
    }
}
