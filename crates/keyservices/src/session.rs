//! Who we are to Vault: a token that was given, or one that logging in yields, kept alive as long as it is needed.
//!
//! A token is renewed when two thirds of its time are over; one that was got by logging in is got anew when that fails.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use http::{HeaderName, Method, StatusCode};
use keyring::KmsError;
use serde_json::{Value, json};
use tokio::sync::Mutex;
use tokio::time::Instant;
use zeroize::Zeroizing;

use crate::http::{Answer, Http};

/// How often a token whose time has no end is looked at again, and how long to wait after a renewal that failed.
const LOOK_AGAIN: Duration = Duration::from_hours(1);
const TRY_AGAIN: Duration = Duration::from_secs(10);

/// A secret that is read when it is needed, because it may change: Kubernetes exchanges its tokens, agents theirs.
#[async_trait]
pub trait Secret: Send + Sync + 'static {
    /// The secret as it is now, or why there is none.
    async fn read(&self) -> Result<Zeroizing<String>, String>;
}

/// How to come by a token.
pub enum Login {
    /// It is given.
    Token(Arc<dyn Secret>),
    /// The `AppRole` method.
    AppRole {
        /// Where the method is mounted, `approle` by default.
        mount: String,
        /// The role's id, which is no secret.
        role_id: String,
        /// The secret id.
        secret_id: Arc<dyn Secret>,
    },
    /// The Kubernetes method.
    Kubernetes {
        /// Where the method is mounted, `kubernetes` by default.
        mount: String,
        /// The role's name.
        role: String,
        /// The token of the service account.
        jwt: Arc<dyn Secret>,
    },
}

/// The token at the moment.
pub(crate) struct Session {
    login: Login,
    namespace: Option<String>,
    current: Mutex<Option<Token>>,
}

struct Token {
    text: Arc<Zeroizing<String>>,
    /// `None`: it has no end, or cannot be renewed and lives as long as it lives.
    renew_at: Option<Instant>,
}

impl Session {
    pub(crate) fn new(login: Login, namespace: Option<String>) -> Self {
        Self { login, namespace, current: Mutex::new(None) }
    }

    /// Sends a request as whoever we are; with a token that is refused once more with a new one.
    pub(crate) async fn send(
        &self,
        http: &Http,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Answer, KmsError> {
        let token = self.token(http).await?;
        let answer = self.send_as(http, Some(&token), method.clone(), path, body).await?;
        if answer.status != StatusCode::FORBIDDEN {
            return Ok(answer);
        }
        self.drop_token(&token).await;
        let token = self.token(http).await?;
        self.send_as(http, Some(&token), method, path, body).await
    }

    /// Renews the token if that is due, and says when to come again.
    pub(crate) async fn renew_if_due(&self, http: &Http) -> Duration {
        if let Err(error) = self.token(http).await {
            tracing::warn!(%error, "there is no token for Vault");
            return TRY_AGAIN;
        }
        let renew_at = self.current.lock().await.as_ref().and_then(|token| token.renew_at);
        let wait = renew_at.map_or(LOOK_AGAIN, |at| at.saturating_duration_since(Instant::now()));
        wait.max(Duration::from_secs(1))
    }

    async fn token(&self, http: &Http) -> Result<Arc<Zeroizing<String>>, KmsError> {
        let mut current = self.current.lock().await;
        if let Some(token) = current.as_ref() {
            if token.renew_at.is_none_or(|at| at > Instant::now()) {
                return Ok(Arc::clone(&token.text));
            }
            let text = Arc::clone(&token.text);
            match self.renew(http, &text).await {
                Ok(token) => {
                    *current = Some(token);
                    return Ok(text);
                }
                Err(error) => tracing::warn!(%error, "the token for Vault cannot be renewed; another one is got"),
            }
        }
        *current = None;
        let token = self.log_in(http).await?;
        let text = Arc::clone(&token.text);
        *current = Some(token);
        Ok(text)
    }

    async fn drop_token(&self, refused: &Arc<Zeroizing<String>>) {
        let mut current = self.current.lock().await;
        if current.as_ref().is_some_and(|token| Arc::ptr_eq(&token.text, refused)) {
            *current = None;
        }
    }

    async fn log_in(&self, http: &Http) -> Result<Token, KmsError> {
        let no_secret = |why: String| KmsError::Denied(format!("no credentials for Vault: {why}"));
        let (mount, body) = match &self.login {
            Login::Token(token) => {
                let text = Arc::new(token.read().await.map_err(no_secret)?);
                return self.look_up(http, text).await;
            }
            Login::AppRole { mount, role_id, secret_id } => {
                let secret_id = secret_id.read().await.map_err(no_secret)?;
                (mount, json!({ "role_id": role_id, "secret_id": secret_id.as_str() }))
            }
            Login::Kubernetes { mount, role, jwt } => {
                let jwt = jwt.read().await.map_err(no_secret)?;
                (mount, json!({ "role": role, "jwt": jwt.as_str() }))
            }
        };
        let path = format!("/v1/auth/{mount}/login");
        let answer = self.send_as(http, None, Method::POST, &path, Some(&body)).await?;
        let auth = &answer.checked("logging in to Vault")?["auth"];
        let text = auth["client_token"].as_str().ok_or_else(|| KmsError::Unavailable("no token in it".to_owned()))?;
        Ok(Token { text: Arc::new(Zeroizing::new(text.to_owned())), renew_at: renewal(auth, "lease_duration") })
    }

    /// How long a token that was given lives.
    async fn look_up(&self, http: &Http, text: Arc<Zeroizing<String>>) -> Result<Token, KmsError> {
        let answer = self.send_as(http, Some(&text), Method::GET, "/v1/auth/token/lookup-self", None).await?;
        let data = &answer.checked("looking at the token for Vault")?["data"];
        Ok(Token { text, renew_at: renewal(data, "ttl") })
    }

    async fn renew(&self, http: &Http, text: &Arc<Zeroizing<String>>) -> Result<Token, KmsError> {
        let path = "/v1/auth/token/renew-self";
        let answer = self.send_as(http, Some(text), Method::POST, path, Some(&json!({}))).await?;
        let auth = &answer.checked("renewing the token for Vault")?["auth"];
        Ok(Token { text: Arc::clone(text), renew_at: renewal(auth, "lease_duration") })
    }

    async fn send_as(
        &self,
        http: &Http,
        token: Option<&Zeroizing<String>>,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Answer, KmsError> {
        let mut headers = vec![(HeaderName::from_static("x-vault-request"), "true")];
        headers.extend(token.map(|token| (HeaderName::from_static("x-vault-token"), token.as_str())));
        headers.extend(self.namespace.as_deref().map(|name| (HeaderName::from_static("x-vault-namespace"), name)));
        http.send(method, path, &headers, body).await
    }
}

impl Answer {
    /// The answer of a request that has to succeed.
    pub(crate) fn checked(&self, doing: &str) -> Result<&Value, KmsError> {
        let why = format!("{doing}: {}", self.why());
        match self.status {
            status if status.is_success() => Ok(&self.body),
            StatusCode::TOO_MANY_REQUESTS | StatusCode::PRECONDITION_FAILED => Err(KmsError::Unavailable(why)),
            status if status.is_server_error() => Err(KmsError::Unavailable(why)),
            _ => Err(KmsError::Denied(why)),
        }
    }

    /// What the service says is wrong.
    pub(crate) fn why(&self) -> String {
        let errors = self.body["errors"].as_array().into_iter().flatten().filter_map(Value::as_str);
        let errors = errors.map(str::trim).collect::<Vec<_>>().join("; ");
        if errors.is_empty() { self.status.to_string() } else { format!("{errors} ({})", self.status) }
    }
}

/// When a token has to be renewed that lives `data[name]` seconds from now.
fn renewal(data: &Value, name: &str) -> Option<Instant> {
    let seconds = data[name].as_u64().filter(|seconds| *seconds > 0)?;
    data["renewable"].as_bool().unwrap_or(false).then(|| Instant::now() + Duration::from_secs(seconds) * 2 / 3)
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Session")
    }
}
