//! The transit engine of `OpenBao`.

use std::sync::Arc;

use async_trait::async_trait;
use envelope::WrapAlgorithm;
use envelope::s3ec::Context;
use http::{Method, Request};
use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use keyring::{Error, Kms, KmsError, KmsKey, WrappingKey};
use keyservices::{Login, Patience, Reuse, Secret, ServiceKey, Steady, VaultSettings, VaultTransit};
use libtest_mimic::Trial;
use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::front::Front;
use super::sparing::{self, Fronted};
use crate::promises::{every_promise, here, id, wrap};
use crate::{draw, trial, unique, variable};

const ADDRESS: &str = "SEALGATE_TEST_VAULT_ADDRESS";
const TOKEN: &str = "SEALGATE_TEST_VAULT_TOKEN";
pub(crate) const BOTH: &[&str] = &[ADDRESS, TOKEN];

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial("vault_transit::a_key_keeps_every_promise", BOTH, keeps_every_promise),
        trial("vault_transit::a_key_that_ignores_the_context_is_found_out", BOTH, not_derived),
        trial("vault_transit::another_key_under_the_same_id_is_recognised", BOTH, exchanged),
        trial("vault_transit::a_key_that_was_rotated_reads_on", BOTH, rotated),
        trial("vault_transit::an_approle_logs_in_and_again_when_its_token_ends", BOTH, approle),
        trial("vault_transit::a_secret_id_that_was_exchanged_is_read_anew", BOTH, secret_id_exchanged),
        trial("vault_transit::many_objects_are_one_question", BOTH, async || {
            sparing::many_objects_are_one_question(&fronted().await).await;
        }),
        trial("vault_transit::many_at_a_time_ask_once", BOTH, async || {
            sparing::many_at_a_time_ask_once(&fronted().await).await;
        }),
        trial("vault_transit::the_context_is_pinned", BOTH, async || {
            sparing::the_context_is_pinned(&fronted().await).await;
        }),
        trial("vault_transit::an_outage_is_survived_and_ends", BOTH, async || {
            sparing::an_outage_is_survived_and_ends(&fronted().await).await;
        }),
        trial("vault_transit::a_token_is_renewed_before_it_ends", BOTH, renewed),
        trial("vault_transit::a_token_that_may_not_is_denied", BOTH, denied),
        trial("vault_transit::nobody_there_is_unavailable", BOTH, nobody_there),
    ]
}

/// A secret that can be exchanged under way.
#[derive(Clone)]
pub(crate) struct Given(Arc<std::sync::Mutex<String>>);

impl Given {
    pub(crate) fn new(text: &str) -> Self {
        Self(Arc::new(text.to_owned().into()))
    }

    pub(crate) fn exchange(&self, text: &str) {
        text.clone_into(&mut self.0.lock().unwrap());
    }
}

#[async_trait]
impl Secret for Given {
    async fn read(&self) -> Result<Zeroizing<String>, String> {
        Ok(Zeroizing::new(self.0.lock().unwrap().clone()))
    }
}

/// A request of an operator with the root token, which has to succeed.
pub(crate) async fn operator(method: Method, path: &str, body: Value) -> Value {
    let client = Client::builder(TokioExecutor::new()).build_http();
    let request = Request::builder()
        .method(method)
        .uri(format!("{}/v1/{path}", variable(ADDRESS)))
        .header("x-vault-token", variable(TOKEN))
        .body(Full::<Bytes>::from(body.to_string()))
        .unwrap();
    let answer = client.request(request).await.unwrap();
    let status = answer.status();
    let body = answer.into_body().collect().await.unwrap().to_bytes();
    assert!(status.is_success(), "{path}: {status} {body:?}");
    serde_json::from_slice(&body).unwrap_or(Value::Null)
}

/// A transit engine of our own, and a policy that allows its use.
pub(crate) async fn mount() -> String {
    let mount = unique("transit");
    operator(Method::POST, &format!("sys/mounts/{mount}"), json!({ "type": "transit" })).await;
    let rules = format!(
        "path \"{mount}/encrypt/*\" {{ capabilities = [\"update\"] }}\npath \"{mount}/decrypt/*\" {{ capabilities = [\"update\"] }}"
    );
    operator(Method::PUT, &format!("sys/policies/acl/{mount}"), json!({ "policy": rules })).await;
    mount
}

pub(crate) async fn new_key(mount: &str, name: &str, derived: bool) {
    operator(Method::POST, &format!("{mount}/keys/{name}"), json!({ "derived": derived })).await;
}

pub(crate) fn transit(mount: &str, login: Login) -> VaultTransit {
    transit_at(variable(ADDRESS), mount, login)
}

fn transit_at(address: String, mount: &str, login: Login) -> VaultTransit {
    let settings = VaultSettings { address, mount: mount.to_owned(), namespace: None, ca: None, login };
    VaultTransit::new(settings).unwrap()
}

/// A new key, asked for through something that counts.
async fn fronted() -> Fronted {
    let mount = mount().await;
    new_key(&mount, "main", true).await;
    let front = Front::before(&variable(ADDRESS));
    let service = Steady::new(transit_at(front.url(), &mount, root()), sparing::PATIENCE);
    let key = KmsKey::new(Arc::new(service), "main".to_owned());
    Fronted { front, algorithm: WrapAlgorithm::VaultTransit, key }
}

fn root() -> Login {
    Login::Token(Arc::new(Given::new(&variable(TOKEN))))
}

fn service_key(name: &str, mount: &str, key: &str) -> ServiceKey {
    let service = Steady::new(transit(mount, root()), Patience::default());
    let key = KmsKey::new(Arc::new(service), key.to_owned());
    ServiceKey::new(id(name), WrapAlgorithm::VaultTransit, key, Context::new(), draw(), Reuse::default()).unwrap()
}

fn context() -> Context {
    Context::from([("site".to_owned(), "east".to_owned())])
}

pub(crate) async fn works(service: &VaultTransit) -> Result<(), KmsError> {
    let blob = service.encrypt("main", b"plain", &context()).await?;
    assert_eq!(service.decrypt(Some("main"), &blob, &context()).await?.as_slice(), b"plain");
    Ok(())
}

async fn keeps_every_promise() {
    let mount = mount().await;
    for name in ["key-1", "key-2"] {
        new_key(&mount, name, true).await;
    }
    every_promise(&|id, variant| Box::new(service_key(id, &mount, &format!("key-{variant}")))).await;
}

async fn not_derived() {
    let mount = mount().await;
    new_key(&mount, "main", false).await;
    let error = service_key("main", &mount, "main").check().await.unwrap_err();
    assert!(matches!(&error, Error::Denied { why, .. } if why.contains("derived=true")), "{error}");
}

/// A key that was deleted and made anew under its name is another one, which no answer but that of the canary tells.
async fn exchanged() {
    let mount = mount().await;
    new_key(&mount, "main", true).await;
    let canary = service_key("main", &mount, "main").canary().await.unwrap().unwrap();
    operator(Method::POST, &format!("{mount}/keys/main/rotate"), json!({})).await;
    assert!(service_key("main", &mount, "main").knows(&canary).await.unwrap(), "rotated is still the same");
    operator(Method::POST, &format!("{mount}/keys/main/config"), json!({ "deletion_allowed": true })).await;
    operator(Method::DELETE, &format!("{mount}/keys/main"), json!({})).await;
    new_key(&mount, "main", true).await;
    let anew = service_key("main", &mount, "main");
    assert!(!anew.knows(&canary).await.unwrap());
    anew.check().await.unwrap();
}

async fn rotated() {
    let mount = mount().await;
    new_key(&mount, "main", true).await;
    let edk = wrap(&service_key("main", &mount, "main"), &here()).await;
    operator(Method::POST, &format!("{mount}/keys/main/rotate"), json!({})).await;
    let fresh = service_key("main", &mount, "main");
    fresh.unwrap(&edk, &here()).await.unwrap();
    wrap(&fresh, &here()).await;
}

/// The method `AppRole` with a role of these settings. Answers with where it is and the role's id.
async fn approle_with(role: Value) -> (String, String) {
    let auth = unique("approle");
    operator(Method::POST, &format!("sys/auth/{auth}"), json!({ "type": "approle" })).await;
    operator(Method::POST, &format!("auth/{auth}/role/sealgate"), role).await;
    let id = operator(Method::GET, &format!("auth/{auth}/role/sealgate/role-id"), Value::Null).await;
    (auth, id["data"]["role_id"].as_str().unwrap().to_owned())
}

async fn secret_id(auth: &str) -> String {
    let answer = operator(Method::POST, &format!("auth/{auth}/role/sealgate/secret-id"), json!({})).await;
    answer["data"]["secret_id"].as_str().unwrap().to_owned()
}

async fn approle() {
    let mount = mount().await;
    new_key(&mount, "main", true).await;
    // A token may be used a few times only: how it ends does not matter.
    let (auth, role_id) = approle_with(json!({ "token_policies": [mount], "token_num_uses": 3 })).await;
    let secret_id = Arc::new(Given::new(&secret_id(&auth).await));
    let service = transit(&mount, Login::AppRole { mount: auth, role_id, secret_id });
    for _ in 0..5 {
        works(&service).await.unwrap();
    }
}

async fn secret_id_exchanged() {
    let mount = mount().await;
    new_key(&mount, "main", true).await;
    // Each secret id logs in once, with a token for one round trip.
    let role = json!({ "token_policies": [mount], "token_num_uses": 2, "secret_id_num_uses": 1 });
    let (auth, role_id) = approle_with(role).await;
    let given = Given::new(&secret_id(&auth).await);
    let login = Login::AppRole { mount: auth.clone(), role_id, secret_id: Arc::new(given.clone()) };
    let service = transit(&mount, login);
    works(&service).await.unwrap();
    let error = works(&service).await.unwrap_err();
    assert!(matches!(&error, KmsError::Denied(why) if why.contains("logging in to Vault")), "{error}");
    given.exchange(&secret_id(&auth).await);
    works(&service).await.unwrap();
}

async fn limited_token(mount: &str, ttl: &str) -> String {
    let body = json!({ "policies": [mount], "ttl": ttl, "renewable": true });
    let answer = operator(Method::POST, "auth/token/create", body).await;
    answer["auth"]["client_token"].as_str().unwrap().to_owned()
}

async fn renewed() {
    let mount = mount().await;
    new_key(&mount, "main", true).await;
    let token = limited_token(&mount, "3s").await;
    let service = transit(&mount, Login::Token(Arc::new(Given::new(&token))));
    let begun = std::time::Instant::now();
    // Longer than the token would live by itself.
    while begun.elapsed().as_secs() < 5 {
        works(&service).await.unwrap();
        let wait = service.renew().await;
        assert!(wait.as_secs() < 3, "{wait:?}");
        tokio::time::sleep(wait).await;
    }
    works(&service).await.unwrap();
}

async fn denied() {
    let mount = mount().await;
    new_key(&mount, "main", true).await;
    let given = Given::new("no-such-token");
    let service = transit(&mount, Login::Token(Arc::new(given.clone())));
    let error = works(&service).await.unwrap_err();
    assert!(matches!(&error, KmsError::Denied(why) if why.contains("permission denied")), "{error}");
    assert!(!error.to_string().contains("no-such-token"), "{error}");
    given.exchange(&limited_token(&mount, "1m").await);
    works(&service).await.unwrap();
    assert!(matches!(service.encrypt("no-such-key", b"", &context()).await, Err(KmsError::Denied(_))));
    assert!(matches!(service.encrypt("../main", b"", &context()).await, Err(KmsError::Denied(_))));
}

async fn nobody_there() {
    let settings = VaultSettings {
        address: "http://127.0.0.1:9".to_owned(),
        mount: "transit".to_owned(),
        namespace: None,
        ca: None,
        login: root(),
    };
    let error = works(&VaultTransit::new(settings).unwrap()).await.unwrap_err();
    assert!(matches!(&error, KmsError::Unavailable(why) if why.contains("refused")), "{error}");
}
