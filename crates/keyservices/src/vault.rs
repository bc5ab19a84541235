//! The transit engine of Vault and `OpenBao`: keys that are made with `derived=true`, so that the context counts.
//!
//! Spoken to through its documented HTTP API, of which four requests are needed.

use std::fmt;

use async_trait::async_trait;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use envelope::s3ec::Context;
use http::{Method, StatusCode};
use keyring::{Kms, KmsError};
use serde_json::{Value, json};
use zeroize::Zeroizing;

use crate::http::{Answer, Http, SettingsError};
use crate::session::{Login, Session};

/// Where the service is and who asks.
pub struct VaultSettings {
    /// `https://vault.example.com:8200`
    pub address: String,
    /// Where the transit engine is mounted, `transit` by default.
    pub mount: String,
    /// The namespace, where there are any.
    pub namespace: Option<String>,
    /// Certificate authorities in PEM, in place of the system's.
    pub ca: Option<Vec<u8>>,
    /// How to come by a token.
    pub login: Login,
}

/// The transit engine under one mount.
pub struct VaultTransit {
    http: Http,
    mount: String,
    session: Session,
}

impl VaultTransit {
    /// Nothing is asked yet.
    ///
    /// # Errors
    /// [`SettingsError`] when address or certificates cannot be used.
    pub fn new(settings: VaultSettings) -> Result<Self, SettingsError> {
        let http = Http::new(&settings.address, settings.ca.as_deref())?;
        Ok(Self { http, mount: settings.mount, session: Session::new(settings.login, settings.namespace) })
    }

    /// Renews the token if that is due, and says when to come again. Without this a token that is not used ends with
    /// its time.
    pub async fn renew(&self) -> std::time::Duration {
        self.session.renew_if_due(&self.http).await
    }

    async fn ask(&self, what: &str, key: &str, body: &Value) -> Result<Answer, KmsError> {
        let good = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
        if key.is_empty() || !key.chars().all(good) {
            return Err(KmsError::Denied(format!("{key:?} cannot be the name of a key")));
        }
        let path = format!("/v1/{}/{what}/{key}", self.mount);
        self.session.send(&self.http, Method::POST, &path, Some(body)).await
    }
}

#[async_trait]
impl Kms for VaultTransit {
    async fn encrypt(&self, key: &str, plaintext: &[u8], context: &Context) -> Result<Vec<u8>, KmsError> {
        let plaintext = Zeroizing::new(STANDARD.encode(plaintext));
        let body = json!({ "plaintext": plaintext.as_str(), "context": derivation(context) });
        let answer = self.ask("encrypt", key, &body).await?;
        let text = answer.checked("encrypting")?["data"]["ciphertext"].as_str();
        Ok(text.ok_or_else(incomplete)?.as_bytes().to_vec())
    }

    async fn decrypt(&self, key: Option<&str>, blob: &[u8], context: &Context) -> Result<Zeroizing<Vec<u8>>, KmsError> {
        let key = key.ok_or_else(|| KmsError::Denied("the transit engine wants the name of the key".to_owned()))?;
        // Anything else is no ciphertext of the engine and need not be sent.
        let text = std::str::from_utf8(blob).ok().filter(|text| text.starts_with("vault:v"));
        let text = text.ok_or(KmsError::Refused)?;
        let body = json!({ "ciphertext": text, "context": derivation(context) });
        let answer = self.ask("decrypt", key, &body).await?;
        if answer.status == StatusCode::BAD_REQUEST && !answer.why().contains("not found") {
            return Err(KmsError::Refused);
        }
        let text = answer.checked("decrypting")?["data"]["plaintext"].as_str().ok_or_else(incomplete)?;
        STANDARD.decode(text).map(Zeroizing::new).map_err(|_| incomplete())
    }
}

/// A context as the engine takes it, from which it derives the key: base64 of every pair, in the order of the names,
/// as `u16be(length) || name || u16be(length) || value`.
fn derivation(context: &Context) -> String {
    let mut bytes = Vec::new();
    for text in context.iter().flat_map(|(name, value)| [name, value]) {
        let len = u16::try_from(text.len()).unwrap_or(u16::MAX);
        bytes.extend_from_slice(&len.to_be_bytes());
        bytes.extend_from_slice(text.as_bytes());
    }
    STANDARD.encode(bytes)
}

fn incomplete() -> KmsError {
    KmsError::Unavailable("the answer is incomplete".to_owned())
}

impl fmt::Debug for VaultTransit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VaultTransit").field("mount", &self.mount).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_cannot_run_into_each_other() {
        let of = |pairs: &[(&str, &str)]| {
            derivation(&pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect())
        };
        assert_eq!(of(&[("a", "bc")]), STANDARD.encode(b"\0\x01a\0\x02bc"));
        assert_ne!(of(&[("a", "bc")]), of(&[("ab", "c")]));
        assert_eq!(of(&[("b", ""), ("a", "")]), of(&[("a", ""), ("b", "")]));
    }
}
