//! The Kubernetes method of `OpenBao`, which asks an API of Kubernetes about tokens; that API is played.

use std::sync::Arc;
use std::time::{Duration, Instant};

use http::Method;
use keyring::KmsError;
use keyservices::{Login, VaultTransit};
use libtest_mimic::Trial;
use serde_json::{Value, json};

use super::vault::{BOTH, Given, mount, new_key, operator, transit, works};
use crate::token_review::{AUTHORITY, REVIEWER, TokenReview};
use crate::{trial, unique};

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial("kubernetes::a_service_account_logs_in", BOTH, logs_in),
        trial("kubernetes::another_role_or_account_is_denied", BOTH, denied),
        trial("kubernetes::a_token_that_the_review_refuses_is_denied", BOTH, refused),
        trial("kubernetes::a_token_that_was_exchanged_is_read_anew", BOTH, exchanged),
    ]
}

/// A cluster that `OpenBao` trusts, and a key that one role may use.
struct Scene {
    review: TokenReview,
    mount: String,
    auth: String,
}

impl Scene {
    /// `role` is what the role says beside whom it is for and what he may.
    async fn new(role: Value) -> Self {
        let (review, mount, auth) = (TokenReview::start(), mount().await, unique("kubernetes"));
        new_key(&mount, "main", true).await;
        operator(Method::POST, &format!("sys/auth/{auth}"), json!({ "type": "kubernetes" })).await;
        let config = json!({
            "kubernetes_host": format!("http://{}", review.socket),
            "kubernetes_ca_cert": AUTHORITY,
            "disable_local_ca_jwt": true,
            "token_reviewer_jwt": REVIEWER,
        });
        operator(Method::POST, &format!("auth/{auth}/config"), config).await;
        let mut settings = json!({
            "bound_service_account_names": ["sealgate"],
            "bound_service_account_namespaces": ["backup"],
            "token_policies": [mount],
        });
        settings.as_object_mut().unwrap().extend(role.as_object().unwrap().clone());
        operator(Method::POST, &format!("auth/{auth}/role/sealgate"), settings).await;
        Self { review, mount, auth }
    }

    fn service(&self, role: &str, jwt: &Given) -> VaultTransit {
        let (mount, role) = (self.auth.clone(), role.to_owned());
        transit(&self.mount, Login::Kubernetes { mount, role, jwt: Arc::new(jwt.clone()) })
    }
}

async fn is_denied(service: &VaultTransit) {
    let error = works(service).await.unwrap_err();
    assert!(matches!(&error, KmsError::Denied(why) if why.contains("logging in to Vault")), "{error}");
}

async fn logs_in() {
    let scene = Scene::new(json!({})).await;
    let jwt = scene.review.issue("backup", "sealgate");
    let service = scene.service("sealgate", &Given::new(&jwt));
    for _ in 0..3 {
        works(&service).await.unwrap();
    }
    assert_eq!(scene.review.asked(&jwt), 1, "one login serves many requests");
}

async fn denied() {
    let scene = Scene::new(json!({})).await;
    let good = scene.review.issue("backup", "sealgate");
    is_denied(&scene.service("other", &Given::new(&good))).await;
    for (namespace, account) in [("backup", "other"), ("other", "sealgate")] {
        is_denied(&scene.service("sealgate", &Given::new(&scene.review.issue(namespace, account)))).await;
    }
    works(&scene.service("sealgate", &Given::new(&good))).await.unwrap();
}

async fn refused() {
    let scene = Scene::new(json!({})).await;
    let jwt = scene.review.issue("backup", "sealgate");
    scene.review.revoke(&jwt);
    let service = scene.service("sealgate", &Given::new(&jwt));
    is_denied(&service).await;
    assert!(scene.review.asked(&jwt) > 0, "it is Kubernetes that refuses");
    for none in ["", "no token", "a.b.c"] {
        is_denied(&scene.service("sealgate", &Given::new(none))).await;
    }
}

/// Kubernetes exchanges the token and takes the first one back, so that what it logged in is not renewed.
async fn exchanged() {
    let scene = Scene::new(json!({ "token_ttl": "1s", "token_max_ttl": "2s" })).await;
    let first = scene.review.issue("backup", "sealgate");
    let given = Given::new(&first);
    let service = scene.service("sealgate", &given);
    works(&service).await.unwrap();
    let second = scene.review.issue("backup", "sealgate");
    given.exchange(&second);
    scene.review.revoke(&first);
    let begun = Instant::now();
    while scene.review.asked(&second) == 0 {
        works(&service).await.unwrap();
        assert!(begun.elapsed() < Duration::from_secs(30), "it never logs in again");
    }
    works(&service).await.unwrap();
}
