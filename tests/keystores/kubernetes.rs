//! A daemon in a pod: its key is one of `OpenBao`, and a service account logs it in.

use http::Method;
use libtest_mimic::Trial;
use sealgate_tests::bytes::{noise, unique};
use sealgate_tests::token_review::{AUTHORITY, REVIEWER, TokenReview};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::scene::{operator, reference, refused, start, until};
use crate::trial;

const BOTH: &[&str] = &["SEALGATE_TEST_VAULT_ADDRESS", "SEALGATE_TEST_VAULT_TOKEN"];

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial("kubernetes::a_service_account_seals_and_opens_and_does_so_again", BOTH, seals_and_opens),
        trial("kubernetes::a_token_that_was_exchanged_is_read_anew_while_clients_go_on", BOTH, exchanged),
        trial("kubernetes::who_may_not_log_in_does_not_serve", BOTH, may_not),
    ]
}

/// Vault, where a service account may use one key.
struct Scene {
    folder: TempDir,
    review: TokenReview,
    mount: String,
    auth: String,
}

fn vault(path: &str, body: &Value) {
    let [address, token] = [0, 1].map(|at| std::env::var(BOTH[at]).unwrap());
    operator(Method::POST, &format!("{address}/v1/{path}"), &[("x-vault-token", &token)], body);
}

impl Scene {
    fn new() -> Self {
        let (review, mount, auth) = (TokenReview::start(), unique("transit"), unique("kubernetes"));
        vault(&format!("sys/mounts/{mount}"), &json!({ "type": "transit" }));
        vault(&format!("{mount}/keys/main"), &json!({ "derived": true }));
        let rules = format!("path \"{mount}/*\" {{ capabilities = [\"update\"] }}");
        vault(&format!("sys/policies/acl/{mount}"), &json!({ "policy": rules }));
        vault(&format!("sys/auth/{auth}"), &json!({ "type": "kubernetes" }));
        let config = json!({
            "kubernetes_host": format!("http://{}", review.socket),
            "kubernetes_ca_cert": AUTHORITY,
            "disable_local_ca_jwt": true,
            "token_reviewer_jwt": REVIEWER,
        });
        vault(&format!("auth/{auth}/config"), &config);
        let role = json!({
            "bound_service_account_names": ["sealgate"],
            "bound_service_account_namespaces": ["backup"],
            "token_policies": [mount],
            "token_ttl": "2s",
            "token_max_ttl": "4s",
        });
        vault(&format!("auth/{auth}/role/sealgate"), &role);
        Self { folder: TempDir::new().unwrap(), review, mount, auth }
    }

    /// A key of the daemon in a pod with this token. Nothing that the service said is kept.
    fn key(&self, role: &str, jwt: &str) -> String {
        format!(
            "kind = \"vault-transit\"\nkey = \"main\"\nendpoint = \"{}\"\nmount = \"{}\"\nauth_mount = \"{}\"\n\
             role = \"{role}\"\njwt = \"{}\"\ncache = \"off\"\n",
            std::env::var(BOTH[0]).unwrap(),
            self.mount,
            self.auth,
            reference(self.folder.path(), "jwt", jwt)
        )
    }
}

fn seals_and_opens() {
    let scene = Scene::new();
    let key = scene.key("sealgate", &scene.review.issue("backup", "sealgate"));
    let (mut daemon, front) = start(scene.folder.path(), &key);
    front.request("PUT", "/first").send().check(200);
    front.object("PUT", "first", "k").body(&noise(1, 100_000)).send().check(200);
    daemon.terminate();
    assert!(daemon.wait().success(), "{}", daemon.log());
    let (_daemon, front) = start(scene.folder.path(), &key);
    assert!(front.object("GET", "first", "k").send().expect(200).body == noise(1, 100_000));
}

fn exchanged() {
    let scene = Scene::new();
    let first = scene.review.issue("backup", "sealgate");
    let (daemon, front) = start(scene.folder.path(), &scene.key("sealgate", &first));
    front.request("PUT", "/first").send().check(200);
    let round = || {
        front.object("PUT", "first", "k").body(&noise(1, 1000)).send().check(200);
        assert!(front.object("GET", "first", "k").send().expect(200).body == noise(1, 1000));
    };
    round();
    let second = scene.review.issue("backup", "sealgate");
    reference(scene.folder.path(), "jwt", &second);
    scene.review.revoke(&first);
    until("logged in with the new token", || scene.review.asked(&second) > 0, round);
    round();
    assert!(!daemon.log().contains(&second) && !daemon.log().contains(&first), "tokens are no matter for a log");
}

fn may_not() {
    let scene = Scene::new();
    let good = scene.review.issue("backup", "sealgate");
    let revoked = scene.review.issue("backup", "sealgate");
    scene.review.revoke(&revoked);
    let other = scene.review.issue("backup", "other");
    for (role, jwt, status) in [("other", &good, "400"), ("sealgate", &other, "403"), ("sealgate", &revoked, "403")] {
        let error = refused(scene.folder.path(), &scene.key(role, jwt)).err;
        for part in ["\"service\" may not be used", "logging in to Vault", status] {
            assert!(error.contains(part), "{part}: {error}");
        }
        assert!(!error.contains(jwt.as_str()), "{error}");
    }
    let key = scene.key("sealgate", &good).replace("/jwt\"", "/no-such-file\"");
    let error = refused(scene.folder.path(), &key).err;
    assert!(error.contains("no credentials for Vault: cannot open") && error.contains("no-such-file"), "{error}");
}
