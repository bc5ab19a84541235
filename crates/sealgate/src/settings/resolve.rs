//! From what is written to what it means; every conflict is found here and named.
//!
//! All problems are collected before giving up, so that one run shows them all.

mod browsers;
mod keys;
mod listeners;
mod people;
mod rules;
mod store;

use std::path::PathBuf;
use std::time::Duration;

use super::layers::Layers;
use super::place::{Path, nearest};
use super::problem::{Problem, Problems};
use super::raw::{Raw, RawLimits, RawLog, RawReload, RawSecret};
use super::{
    DataDirectory, Limits, LogSettings, SecretReference, Settings, StoreSettings, Uploads, duration, writes_only,
};

/// Looking at files more often keeps a processor busy for nothing; less often is "off".
const SHORTEST_WATCH: Duration = Duration::from_millis(100);
const LONGEST_WATCH: Duration = Duration::from_hours(24);

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
        let watch = self.watch(&raw.reload);
        let region = self.word(&Path::of("region"), raw.region);
        let data = self.data(raw.data, environment);
        let (store, keys) = (store?, keys?);
        let every_rule = rules.as_deref().unwrap_or_default();
        self.rules_name_keys(every_rule, &keys);
        self.rules_have_their_uploads(every_rule, uploads);
        let primary = self.primary(raw.keyring.primary, every_rule, &keys);
        let writes_only = writes_only(every_rule, primary.as_ref()?.as_deref(), &keys);
        let upload_key = self.upload_key(raw.keyring.uploads, writes_only, &keys);
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
            upload_key: upload_key?,
            clients: clients?,
            rules: rules?,
            cors: cors?,
            domains: domains?,
            log: log?,
            limits: limits?,
            watch: watch?,
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
        let held_parts = Some(raw.held_parts_mib.0).filter(|mib| (64..=1 << 30).contains(mib));
        let held_parts = self.check(&Path::of("limits.held_parts_mib"), held_parts, || {
            "wants a number of MiB from 64 to 1073741824".to_owned()
        });
        Some(Limits {
            connections: connections?,
            header_timeout: header_timeout?,
            handshake_timeout: handshake_timeout?,
            drain: drain?,
            held_parts: held_parts? * 1024 * 1024,
        })
    }

    /// The outer `None` is a problem; the inner one says that nothing is watched.
    #[expect(clippy::option_option, reason = "a problem and an absence differ, and both are `?`-able")]
    fn watch(&mut self, raw: &RawReload) -> Option<Option<Duration>> {
        if raw.watch == "off" {
            return Some(None);
        }
        let time = duration::parse(&raw.watch).filter(|time| (SHORTEST_WATCH..=LONGEST_WATCH).contains(time));
        self.check(&Path::of("reload.watch"), time.map(Some), || {
            "wants a time from \"100ms\" to \"24h\", or \"off\"".to_owned()
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
