//! From what is written to what it means; every conflict is found here and named.
//!
//! All problems are collected before giving up, so that one run shows them all.

mod browsers;

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use super::layers::Layers;
use super::place::{Path, nearest};
use super::problem::{Problem, Problems};
use super::raw::{OneOrMany, Raw, RawClient, RawKey, RawLimits, RawLog, RawRule, RawSecret, RawStore, RawTls};
use super::{
    Binding, ClientSettings, Contents, DataDirectory, KeySettings, Limits, LogSettings, Permission, RuleSettings,
    S3Settings, SecretReference, Settings, StoreCredentials, StoreSettings, TlsSettings, Uploads, duration,
};

/// Gives the settings their meaning.
pub(super) fn resolve(raw: Raw, layers: &Layers, environment: &[(String, String)]) -> Result<Settings, Problems> {
    let mut to = Resolver { layers, problems: Vec::new() };
    let settings = to.settings(raw, environment);
    match settings {
        Some(settings) if to.problems.is_empty() => Ok(settings),
        _ => Err(Problems(to.problems)),
    }
}

struct Resolver<'a> {
    layers: &'a Layers,
    problems: Vec<Problem>,
}

impl Resolver<'_> {
    fn settings(&mut self, raw: Raw, environment: &[(String, String)]) -> Option<Settings> {
        let admin_at = Path::of("admin");
        // Everything is looked at before the first `?`, so that one run reports every problem.
        let listen = self.addresses(&Path::of("listen"), &raw.listen);
        let tls = self.tls(raw.tls);
        let admin = if raw.admin == "off" { Some(None) } else { self.address(&admin_at, &raw.admin).map(Some) };
        let equal_parts = raw.store.equal_parts;
        let uploads = [("local", Uploads::Local), ("bucket", Uploads::Bucket)];
        let uploads = self.choice(&Path::of("store.uploads"), &raw.store.uploads, &uploads);
        let store = self.store(raw.store);
        let keys = self.keys(raw.keys);
        let clients = self.clients(raw.clients);
        let rules = self.rules(raw.rules);
        let cors = self.cors(raw.cors);
        let domains = self.domains(raw.domains);
        let log = self.log(raw.log);
        let limits = self.limits(&raw.limits);
        let region = self.word(&Path::of("region"), raw.region);
        let data = self.data(raw.data, environment);
        let (store, keys) = (store?, keys?);
        let primary = self.primary(raw.keyring.primary, &keys);
        if keys.is_empty() && matches!(store, StoreSettings::S3(_)) {
            let why =
                "an S3 store needs wrapping keys that you keep; `sealgate keygen` makes one and prints what to write";
            self.problem(&Path::of("keys"), why);
        }
        let settings = Settings {
            listen: listen?,
            tls: tls?,
            admin: admin?,
            admin_is_default: self.layers.is_default(&admin_at),
            data,
            region: region?,
            store,
            uploads: uploads?,
            equal_parts,
            keys,
            primary: primary?,
            clients: clients?,
            rules: rules?,
            cors: cors?,
            domains: domains?,
            log: log?,
            limits: limits?,
        };
        self.no_address_twice(&settings);
        Some(settings)
    }

    fn problem(&mut self, path: &Path, message: impl Into<String>) {
        let place = self.layers.source(path).filter(|place| place != "default");
        self.problems.push(Problem { path: path.clone(), place, message: message.into() });
    }

    /// The value, or a problem.
    fn check<T>(&mut self, path: &Path, value: Option<T>, message: impl FnOnce() -> String) -> Option<T> {
        if value.is_none() {
            self.problem(path, message());
        }
        value
    }

    /// One of a few words.
    fn choice<T: Copy>(&mut self, path: &Path, text: &str, choices: &[(&str, T)]) -> Option<T> {
        let found = choices.iter().find(|(name, _)| *name == text).map(|(_, value)| *value);
        self.check(path, found, || {
            let names = || choices.iter().map(|(name, _)| *name);
            let list = names().map(|name| format!("\"{name}\"")).collect::<Vec<_>>().join(", ");
            match nearest(text, names()) {
                Some(near) => format!("\"{text}\" is not known here; did you mean \"{near}\"? Possible: {list}"),
                None => format!("\"{text}\" is not known here; possible: {list}"),
            }
        })
    }

    fn word(&mut self, path: &Path, text: String) -> Option<String> {
        let good = !text.is_empty() && !text.chars().any(|c| c.is_whitespace() || c.is_control());
        self.check(path, good.then_some(text), || "wants one word".to_owned())
    }

    fn time(&mut self, path: &Path, text: &str) -> Option<Duration> {
        let time = duration::parse(text).filter(|time| !time.is_zero());
        self.check(path, time, || "wants a time such as \"500ms\", \"30s\", \"5m\" or \"1h\"".to_owned())
    }

    fn secret(&mut self, path: &Path, raw: &RawSecret) -> Option<SecretReference> {
        match SecretReference::parse(raw.text().unwrap_or_default()) {
            Ok(reference) => Some(reference),
            Err(how) => self.check(path, None, || how.to_owned()),
        }
    }

    fn address(&mut self, path: &Path, text: &str) -> Option<SocketAddr> {
        let text = text.trim();
        let localhost = text.strip_prefix("localhost:").map(|port| format!("127.0.0.1:{port}"));
        let parsed = localhost.as_deref().unwrap_or(text).parse().ok();
        self.check(path, parsed, || match text {
            _ if text.starts_with("unix:") => "Unix sockets are not supported in this version; use IP:PORT".to_owned(),
            _ => format!("\"{text}\" is not an address; write IP:PORT, such as 127.0.0.1:8333 or [::1]:8333"),
        })
    }

    fn addresses(&mut self, path: &Path, many: &OneOrMany) -> Option<Vec<SocketAddr>> {
        let parsed: Vec<_> = many.0.iter().map(|text| self.address(path, text)).collect();
        parsed.into_iter().collect()
    }

    fn no_address_twice(&mut self, settings: &Settings) {
        let plain = settings.listen.iter().map(|address| (Path::of("listen"), *address));
        let tls =
            settings.tls.iter().flat_map(|tls| tls.listen.iter().map(|address| (Path::of("tls.listen"), *address)));
        let admin = settings.admin.iter().map(|address| (Path::of("admin"), *address));
        let mut seen = BTreeSet::new();
        for (path, address) in plain.chain(tls).chain(admin) {
            if address.port() != 0 && !seen.insert(address) {
                self.problem(&path, format!("{address} is used twice"));
            }
        }
        if settings.listen.is_empty() && settings.tls.is_none() {
            self.problem(&Path::of("listen"), "no address to listen on, and none under [tls]");
        }
    }

    /// The outer `None` is a problem, the inner one no TLS.
    #[expect(clippy::option_option, reason = "a problem and an absence differ, and both are `?`-able")]
    fn tls(&mut self, raw: RawTls) -> Option<Option<TlsSettings>> {
        let (listen, cert, key) = match (raw.listen, raw.cert, raw.key) {
            (None, None, None) => return Some(None),
            (Some(listen), Some(cert), Some(key)) => (listen, cert, key),
            _ => return self.check(&Path::of("tls"), None, || "wants listen, cert and key together".to_owned()),
        };
        let listen = self.addresses(&Path::of("tls.listen"), &listen);
        let key_at = Path::of("tls.key");
        let text = key.text().unwrap_or_default();
        let key = match SecretReference::parse(text) {
            Ok(reference) => Some(reference),
            Err(_) if text.starts_with(['/', '.']) => Some(SecretReference::File(PathBuf::from(text))),
            Err(how) => {
                self.check(&key_at, None, || format!("wants a path that begins with / or ./, or a reference: {how}"))
            }
        };
        let cert = PathBuf::from(cert.strip_prefix("file:").unwrap_or(&cert));
        Some(Some(TlsSettings { listen: listen?, cert, key: key? }))
    }

    fn store(&mut self, raw: RawStore) -> Option<StoreSettings> {
        let kinds = [("directory", false), ("s3", true)];
        let s3 = match &raw.kind {
            Some(kind) => self.choice(&Path::of("store.kind"), kind, &kinds)?,
            None => raw.endpoint.is_some(),
        };
        self.strangers(&raw, s3)?;
        if s3 { self.s3(raw) } else { Some(StoreSettings::Directory(raw.path.map(PathBuf::from))) }
    }

    /// Settings of the other kind of store mean that somebody expects another store.
    fn strangers(&mut self, raw: &RawStore, s3: bool) -> Option<()> {
        let set = [
            ("path", raw.path.is_some(), false),
            ("endpoint", raw.endpoint.is_some(), true),
            ("region", raw.region.is_some(), true),
            ("addressing", raw.addressing.is_some(), true),
            ("access_key", raw.access_key.is_some(), true),
            ("secret", raw.secret.is_some(), true),
            ("profile", raw.profile.is_some(), true),
            ("ca", raw.ca.is_some(), true),
        ];
        let kind = if s3 { "s3" } else { "directory" };
        let wrong: Vec<_> = set.iter().filter(|(_, is_set, for_s3)| *is_set && *for_s3 != s3).collect();
        for (name, ..) in &wrong {
            self.problem(&Path::of("store").join(name), format!("has no meaning with store.kind = \"{kind}\""));
        }
        wrong.is_empty().then_some(())
    }

    fn s3(&mut self, raw: RawStore) -> Option<StoreSettings> {
        let endpoint = raw.endpoint.map(|endpoint| self.endpoint(endpoint));
        let styles = [("path", false), ("virtual-host", true)];
        let addressing = raw.addressing.as_deref().unwrap_or("path");
        let virtual_host = self.choice(&Path::of("store.addressing"), addressing, &styles);
        let credentials = self.store_credentials(raw.access_key, raw.secret.as_ref(), raw.profile);
        let connect_timeout = self.time(&Path::of("store.connect_timeout"), &raw.connect_timeout);
        let response_timeout = self.time(&Path::of("store.response_timeout"), &raw.response_timeout);
        Some(StoreSettings::S3(Box::new(S3Settings {
            endpoint: endpoint.map_or(Some(None), |checked| checked.map(Some))?,
            region: raw.region,
            virtual_host: virtual_host?,
            credentials: credentials?,
            ca: raw.ca.map(|ca| PathBuf::from(ca.strip_prefix("file:").unwrap_or(&ca))),
            connect_timeout: connect_timeout?,
            response_timeout: response_timeout?,
        })))
    }

    fn endpoint(&mut self, text: String) -> Option<String> {
        let uri = text.parse::<http::Uri>().ok();
        let good = uri.is_some_and(|uri| {
            let authority = uri.authority().map_or("", |authority| authority.as_str());
            matches!(uri.scheme_str(), Some("http" | "https")) && !authority.is_empty() && !authority.contains('@')
        });
        let how = || "wants http://HOST[:PORT] or https://HOST[:PORT], without user or password".to_owned();
        self.check(&Path::of("store.endpoint"), good.then_some(text), how)
    }

    fn store_credentials(
        &mut self,
        access_key: Option<String>,
        secret: Option<&RawSecret>,
        profile: Option<String>,
    ) -> Option<StoreCredentials> {
        match (access_key, secret, profile) {
            (None, None, None) => Some(StoreCredentials::DefaultChain),
            (None, None, Some(profile)) => Some(StoreCredentials::Profile(profile)),
            (Some(access_key), Some(secret), None) => {
                let secret = self.secret(&Path::of("store.secret"), secret);
                Some(StoreCredentials::Static { access_key, secret: secret? })
            }
            (Some(_), Some(_), Some(_)) => self.check(&Path::of("store.profile"), None, || {
                "either a profile, or access_key and secret, not both".to_owned()
            }),
            (Some(_), None, _) => {
                self.check(&Path::of("store.access_key"), None, || "store.secret is missing".to_owned())
            }
            (None, Some(_), _) => {
                self.check(&Path::of("store.secret"), None, || "store.access_key is missing".to_owned())
            }
        }
    }

    fn keys(&mut self, raw: Vec<RawKey>) -> Option<Vec<KeySettings>> {
        let mut seen = BTreeSet::new();
        let keys: Vec<_> = raw
            .into_iter()
            .enumerate()
            .map(|(index, key)| {
                let at = Path::of("keys").join(&index.to_string());
                if !seen.insert(key.id.clone()) {
                    self.problem(&at.join("id"), format!("there are two keys \"{}\"", key.id));
                }
                self.key(&at, key)
            })
            .collect();
        keys.into_iter().collect()
    }

    fn key(&mut self, at: &Path, raw: RawKey) -> Option<KeySettings> {
        let good = super::is_key_id(&raw.id);
        let id = self.check(&at.join("id"), good.then_some(raw.id), || {
            "wants 1 to 64 letters, digits, \".\", \"_\" or \"-\"".to_owned()
        });
        let kind = raw.kind.as_deref().unwrap_or("aes");
        let kind = match kind {
            "rsa" | "aws-kms" | "vault-transit" | "passphrase" => self.check(&at.join("kind"), None, || {
                format!("keys of kind \"{kind}\" are not supported in this version; only \"aes\"")
            }),
            _ => self.choice(&at.join("kind"), kind, &[("aes", ())]),
        };
        let secret = self.secret(&at.join("secret"), &raw.secret);
        kind?;
        Some(KeySettings { id: id?, secret: secret? })
    }

    /// The outer `None` is a problem; the inner one says that there are no keys.
    #[expect(clippy::option_option, reason = "a problem and an absence differ, and both are `?`-able")]
    fn primary(&mut self, named: Option<String>, keys: &[KeySettings]) -> Option<Option<String>> {
        let at = Path::of("keyring.primary");
        match (named, keys) {
            (Some(named), _) if keys.iter().any(|key| key.id == named) => Some(Some(named)),
            (Some(named), _) => {
                let ids = keys.iter().map(|key| key.id.as_str());
                let near = nearest(&named, ids).map(|near| format!("; did you mean \"{near}\"?")).unwrap_or_default();
                self.check(&at, None, || format!("there is no key \"{named}\" in [[keys]]{near}"))
            }
            (None, []) => Some(None),
            (None, [only]) => Some(Some(only.id.clone())),
            (None, _) => self.check(&at, None, || "with several keys, say which one wraps new objects".to_owned()),
        }
    }

    fn clients(&mut self, raw: Vec<RawClient>) -> Option<Vec<ClientSettings>> {
        let mut seen = BTreeSet::new();
        let clients: Vec<_> = raw
            .into_iter()
            .enumerate()
            .map(|(index, client)| {
                let at = Path::of("clients").join(&index.to_string());
                if !seen.insert(client.access_key.clone()) {
                    let why = format!("there are two clients \"{}\"", client.access_key);
                    self.problem(&at.join("access_key"), why);
                }
                self.client(&at, client)
            })
            .collect();
        clients.into_iter().collect()
    }

    fn client(&mut self, at: &Path, raw: RawClient) -> Option<ClientSettings> {
        // A slash, a comma or a blank would break the Authorization header that carries it.
        let good = !raw.access_key.is_empty()
            && raw.access_key.chars().all(|c| c.is_ascii_graphic() && !matches!(c, '/' | ',' | '=' | ':'));
        let access_key = self.check(&at.join("access_key"), good.then_some(raw.access_key), || {
            "wants printable ASCII without blanks and without any of / , = :".to_owned()
        });
        let secret = self.secret(&at.join("secret"), &raw.secret);
        let buckets = raw.buckets.map_or_else(|| vec!["*".to_owned()], |buckets| buckets.0);
        let named = !buckets.is_empty() && buckets.iter().all(|bucket| is_pattern(bucket));
        let buckets = self.check(&at.join("buckets"), named.then_some(buckets), || {
            "wants names of buckets or patterns with *, at least one; [\"*\"] means all".to_owned()
        });
        let permissions =
            [("read", Permission::Read), ("write", Permission::Write), ("read-write", Permission::ReadWrite)];
        let permission = raw.permission.as_deref().unwrap_or("read-write");
        let permission = self.choice(&at.join("permission"), permission, &permissions);
        Some(ClientSettings { access_key: access_key?, secret: secret?, buckets: buckets?, permission: permission? })
    }

    fn rules(&mut self, raw: Vec<RawRule>) -> Option<Vec<RuleSettings>> {
        let mut seen = BTreeSet::new();
        let rules: Vec<_> = raw
            .into_iter()
            .enumerate()
            .map(|(index, rule)| {
                let at = Path::of("rules").join(&index.to_string());
                let prefix = rule.prefix.clone().unwrap_or_default();
                if !seen.insert((rule.bucket.clone(), prefix)) {
                    self.problem(&at.join("bucket"), "there are two rules for this bucket and prefix");
                }
                self.rule(&at, rule)
            })
            .collect();
        rules.into_iter().collect()
    }

    fn rule(&mut self, at: &Path, raw: RawRule) -> Option<RuleSettings> {
        let bucket = self.check(&at.join("bucket"), is_pattern(&raw.bucket).then_some(raw.bucket), || {
            "wants a bucket's name or a pattern with *; a part of a bucket is named with `prefix`".to_owned()
        });
        let format = raw.format.as_deref().unwrap_or("sealed");
        let seal = match format {
            "s3ec-v2" | "s3ec-v3" => self.check(&at.join("format"), None, || {
                format!("\"{format}\" is not supported in this version; use \"sealed\" or \"none\"")
            }),
            _ => self.choice(&at.join("format"), format, &[("sealed", true), ("none", false)]),
        };
        let contents = self.contents(at, seal, raw.contents.as_deref(), raw.reads);
        let md5_etags = self.etag(&at.join("etag"), raw.etag.as_deref(), contents);
        let bindings = [("object", Binding::Object), ("key", Binding::Key), ("none", Binding::None)];
        let binding = self.choice(&at.join("binding"), raw.binding.as_deref().unwrap_or("object"), &bindings);
        let metadata = raw.metadata.as_deref().unwrap_or("sealed");
        let clear = self.choice(&at.join("metadata"), metadata, &[("sealed", false), ("clear", true)]);
        if raw.bucket_identity.as_deref() == Some("") {
            self.problem(&at.join("bucket_identity"), "wants a name");
        }
        Some(RuleSettings {
            bucket: bucket?,
            prefix: raw.prefix.unwrap_or_default(),
            seal: seal?,
            contents: contents?,
            md5_etags: md5_etags?,
            binding: binding?,
            clear_metadata: clear?,
            bucket_identity: raw.bucket_identity,
        })
    }

    /// Whether ETags are MD5s.
    fn etag(&mut self, at: &Path, etag: Option<&str>, contents: Option<Contents>) -> Option<bool> {
        let md5 = self.choice(at, etag.unwrap_or("opaque"), &[("opaque", false), ("md5", true)])?;
        if md5 && contents == Some(Contents::Plain) {
            self.problem(at, "means nothing where nothing is sealed: the store's ETags pass as they are");
        }
        Some(md5)
    }

    fn contents(
        &mut self,
        at: &Path,
        seal: Option<bool>,
        written: Option<&str>,
        reads: Option<OneOrMany>,
    ) -> Option<Contents> {
        let seal = seal?;
        let choices = [("sealed", Contents::Sealed), ("mixed", Contents::Mixed), ("plain", Contents::Plain)];
        let contents_at = at.join("contents");
        let contents = match written {
            Some(written) => self.choice(&contents_at, written, &choices)?,
            None if seal => Contents::Sealed,
            None => Contents::Plain,
        };
        let reads = self.reads(&at.join("reads"), reads)?;
        let conflict = match (seal, contents, reads) {
            (true, Contents::Plain, _) => Some("format = \"sealed\" and contents = \"plain\" contradict each other"),
            (false, Contents::Sealed, _) => Some("format = \"none\" and contents = \"sealed\" contradict each other"),
            (_, Contents::Mixed, false) => {
                Some("\"mixed\" wants `reads` to say what else may be read here, such as reads = [\"plaintext\"]")
            }
            (true, Contents::Sealed, true) => {
                Some("`reads` names what else may be read, which wants contents = \"mixed\"")
            }
            _ => None,
        };
        match conflict {
            Some(why) => self.check(&contents_at, None, || why.to_owned()),
            None => Some(contents),
        }
    }

    /// Whether plaintext may be read.
    fn reads(&mut self, at: &Path, reads: Option<OneOrMany>) -> Option<bool> {
        let names = reads.map(|reads| reads.0).unwrap_or_default();
        let known: Vec<_> = names
            .iter()
            .map(|name| match name.as_str() {
                "s3ec-v1" | "s3ec-v2" | "s3ec-v3" => {
                    self.check(at, None, || format!("\"{name}\" is not supported in this version; only \"plaintext\""))
                }
                _ => self.choice(at, name, &[("plaintext", ())]),
            })
            .collect();
        known.into_iter().collect::<Option<Vec<()>>>().map(|known| !known.is_empty())
    }

    fn log(&mut self, raw: RawLog) -> Option<LogSettings> {
        let formats = [("auto", None), ("text", Some(false)), ("json", Some(true))];
        let json = self.choice(&Path::of("log.format"), &raw.format, &formats);
        let good = crate::telemetry::is_filter(&raw.filter);
        let filter = self.check(&Path::of("log.filter"), good.then_some(raw.filter), || {
            "wants a level such as \"info\", or levels by module such as \"info,gateway=debug\"".to_owned()
        });
        Some(LogSettings { json: json?, filter: filter? })
    }

    fn limits(&mut self, raw: &RawLimits) -> Option<Limits> {
        let connections = usize::try_from(raw.connections.0).ok().filter(|count| (1..=1_000_000).contains(count));
        let connections =
            self.check(&Path::of("limits.connections"), connections, || "wants a number from 1 to 1000000".to_owned());
        let header_timeout = self.time(&Path::of("limits.header_timeout"), &raw.header_timeout);
        let handshake_timeout = self.time(&Path::of("limits.handshake_timeout"), &raw.handshake_timeout);
        let drain = self.time(&Path::of("limits.drain"), &raw.drain);
        Some(Limits {
            connections: connections?,
            header_timeout: header_timeout?,
            handshake_timeout: handshake_timeout?,
            drain: drain?,
        })
    }

    fn data(&mut self, written: Option<String>, environment: &[(String, String)]) -> DataDirectory {
        if written.as_deref() == Some("") {
            self.problem(&Path::of("data"), "wants a directory");
        }
        let variable = |name: &str| {
            let found = environment.iter().find(|(variable, value)| variable == name && !value.is_empty());
            found.map(|(_, value)| PathBuf::from(value))
        };
        let home = || variable("HOME").map(|home| home.join(".local/share"));
        let default = || variable("XDG_DATA_HOME").or_else(home).map(|share| share.join("sealgate"));
        DataDirectory(written.map(PathBuf::from).or_else(default))
    }
}

/// A bucket's name, in which `*` may stand for any run of characters.
fn is_pattern(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '*' | '.' | '-' | '_'))
}
