//! The one API of Kubernetes that Vault's login asks: whether a token is good, and whose it is.
//!
//! There is no cluster here. Tokens have the form of those that Kubernetes projects into pods; who has issued them knows them
//! again, and their signature is for show. It knows nothing else of Kubernetes.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

/// What Vault shows to be allowed to ask.
pub const REVIEWER: &str = "the-token-of-the-reviewer";

/// A certificate of nobody: Vault insists on one, also for an API without TLS.
pub const AUTHORITY: &str = "-----BEGIN CERTIFICATE-----\n\
    MIIBgjCCASmgAwIBAgIUadc0Hjev3dLA6AYXgf/+ICaKk6swCgYIKoZIzj0EAwIw\n\
    FjEUMBIGA1UEAwwLbmV2ZXIgYXNrZWQwIBcNMjYxMTIxMTQ0MTAzWhgPMjEyNjEw\n\
    MjgxNDQxMDNaMBYxFDASBgNVBAMMC25ldmVyIGFza2VkMFkwEwYHKoZIzj0CAQYI\n\
    KoZIzj0DAQcDQgAEAZ+5l22sLGUaNg7c0DSdzsBuiyUjFR1qlDjW+Xvpg7cQrvBC\n\
    JRGSQI0mAy4RbXspUVLjm30fiBVjS+rMoJLr6qNTMFEwHQYDVR0OBBYEFAi/bHei\n\
    brXkr08F3Mp/g+DlwkX4MB8GA1UdIwQYMBaAFAi/bHeibrXkr08F3Mp/g+DlwkX4\n\
    MA8GA1UdEwEB/wQFMAMBAf8wCgYIKoZIzj0EAwIDRwAwRAIgI8hDlmBCi2yTqsIz\n\
    fWevsmbJJ+jld0UdhNeZW6TmUZ0CIAZExsSt0WTA6DwXJ+yNqcbQQbVzGPX2toXv\n\
    IucQ6Mh1\n\
    -----END CERTIFICATE-----\n";

/// An API server of one API.
pub struct TokenReview {
    /// Where it listens.
    pub socket: SocketAddr,
    issued: Arc<Mutex<BTreeMap<String, Issued>>>,
}

/// What is known of a token.
struct Issued {
    user: String,
    good: bool,
    asked: usize,
}

impl TokenReview {
    /// Starts it; it ends with the process.
    ///
    /// # Panics
    /// When there is no port.
    #[must_use]
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let (socket, issued) = (listener.local_addr().unwrap(), Arc::<Mutex<BTreeMap<String, Issued>>>::default());
        let known = Arc::clone(&issued);
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                // Whoever asks wrongly gets no answer, and a test that waits for one fails.
                let _ = answer(&client, &known);
            }
        });
        Self { socket, issued }
    }

    /// A new token of a service account, good from now on.
    ///
    /// # Panics
    /// When another test has failed.
    #[must_use]
    pub fn issue(&self, namespace: &str, account: &str) -> String {
        let mut issued = self.issued.lock().unwrap();
        let user = format!("system:serviceaccount:{namespace}:{account}");
        let part = |value: Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let header = part(json!({ "alg": "RS256", "kid": "tests" }));
        let claims = part(json!({
            "iss": "https://kubernetes.default.svc.cluster.local", "aud": ["https://kubernetes.default.svc.cluster.local"],
            "sub": user, "jti": issued.len().to_string(), "iat": 1_600_000_000, "nbf": 1_600_000_000, "exp": 4_102_444_800_u64,
            "kubernetes.io": { "namespace": namespace, "serviceaccount": { "name": account, "uid": account } },
        }));
        let token = format!("{header}.{claims}.{}", URL_SAFE_NO_PAD.encode("no signature"));
        issued.insert(token.clone(), Issued { user, good: true, asked: 0 });
        token
    }

    /// Makes a token bad.
    ///
    /// # Panics
    /// When it was not issued here.
    pub fn revoke(&self, token: &str) {
        self.issued.lock().unwrap().get_mut(token).unwrap().good = false;
    }

    /// How often somebody has asked about a token.
    ///
    /// # Panics
    /// When it was not issued here.
    #[must_use]
    pub fn asked(&self, token: &str) -> usize {
        self.issued.lock().unwrap()[token].asked
    }
}

/// Reads one request and answers it; `None` when it makes no sense.
fn answer(client: &TcpStream, known: &Mutex<BTreeMap<String, Issued>>) -> Option<()> {
    let mut reader = BufReader::new(client.take(1024 * 1024));
    let mut lines = reader.by_ref().lines().map_while(Result::ok);
    let is_review = lines.next()?.starts_with("POST /apis/authentication.k8s.io/v1/tokenreviews ");
    let (mut len, mut may_ask) = (0, false);
    for line in lines.take_while(|line| !line.is_empty()) {
        let (name, value) = line.split_once(": ")?;
        match name.to_lowercase().as_str() {
            "content-length" => len = value.parse().ok()?,
            "authorization" => may_ask = value == format!("Bearer {REVIEWER}"),
            _ => {}
        }
    }
    let mut body = vec![0; len];
    reader.read_exact(&mut body).ok()?;
    let (status, answer) = match (is_review, may_ask) {
        (true, true) => ("201 Created", review(&serde_json::from_slice(&body).ok()?, known)?),
        (true, false) => ("401 Unauthorized", json!({ "kind": "Status", "status": "Failure", "code": 401 })),
        (false, _) => ("404 Not Found", json!({ "kind": "Status", "status": "Failure", "code": 404 })),
    };
    let answer = answer.to_string();
    let head = format!("HTTP/1.1 {status}\r\ncontent-type: application/json\r\nconnection: close");
    let mut client = client;
    write!(client, "{head}\r\ncontent-length: {}\r\n\r\n{answer}", answer.len()).ok()
}

fn review(asked: &Value, known: &Mutex<BTreeMap<String, Issued>>) -> Option<Value> {
    let token = asked["spec"]["token"].as_str()?;
    let mut known = known.lock().ok()?;
    let status = match known.get_mut(token) {
        Some(issued) => {
            issued.asked += 1;
            let uid = issued.user.rsplit(':').next()?;
            let user = json!({ "username": issued.user, "uid": uid, "groups": ["system:serviceaccounts"] });
            let audiences = &asked["spec"]["audiences"];
            let good = json!({ "authenticated": true, "audiences": audiences, "user": user });
            if issued.good { good } else { bad("the token has expired") }
        }
        None => bad("no such token"),
    };
    Some(json!({ "apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview", "status": status }))
}

fn bad(why: &str) -> Value {
    json!({ "authenticated": false, "error": why })
}
