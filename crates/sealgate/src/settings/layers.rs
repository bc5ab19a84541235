//! The layers settings come from, merged: defaults, system file, named file, environment, flags.
//!
//! Knows where each value is from. Knows nothing of what values mean.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::{Path as FilePath, PathBuf};

use figment::error::Kind;
use figment::providers::{Format, Toml};
use figment::value::{Dict, Map, Value};
use figment::{Error, Figment, Metadata, Profile, Provider, Source};

use super::place::{Path, line_of, nearest};
use super::problem::{Problem, Problems};
use super::raw::Raw;

/// What the names of environment variables begin with.
pub(crate) const PREFIX: &str = "SEALGATE_";

/// The file that is read when it exists.
const SYSTEM_FILE: &str = "/etc/sealgate/sealgate.toml";

/// The environment variable that names a file.
pub(super) const FILE_VARIABLE: &str = "SEALGATE_CONFIG";

/// The system's file, whether it is there or not, and the named one. `variable` is what the environment says.
pub(super) fn files(overrides: &Overrides, variable: Option<String>) -> Vec<PathBuf> {
    let variable = variable.filter(|value| !value.is_empty()).map(PathBuf::from);
    let named = overrides.config.clone().or(variable);
    std::iter::once(PathBuf::from(SYSTEM_FILE)).chain(named).collect()
}

/// What the command line says about settings.
#[derive(Debug, Default, Clone)]
pub(crate) struct Overrides {
    /// `--config`
    pub(crate) config: Option<PathBuf>,
    /// `--data`
    pub(crate) data: Option<String>,
    /// `--store`
    pub(crate) store: Option<String>,
    /// `--listen`, any number
    pub(crate) listen: Vec<String>,
    /// `--admin`
    pub(crate) admin: Option<String>,
}

/// Everything merged, and the texts of the files for pointing at lines.
pub(crate) struct Layers {
    figment: Figment,
    merged: Value,
    files: Vec<(PathBuf, String)>,
}

impl Layers {
    /// Reads and merges all layers.
    pub(crate) fn read(overrides: &Overrides, environment: &[(String, String)]) -> Result<Self, Problems> {
        let variable = environment.iter().find(|(name, _)| name == FILE_VARIABLE).map(|(_, value)| value.clone());
        // The system's file is the one that need not be there.
        let there =
            files(overrides, variable).into_iter().filter(|path| path != FilePath::new(SYSTEM_FILE) || path.exists());
        let files = there.map(|path| read_file(&path).map(|text| (path, text))).collect::<Result<Vec<_>, _>>()?;
        let defaults = text_data(super::DEFAULTS).map_err(|error| syntax_problem("default.toml".as_ref(), &error))?;
        let mut figment = Figment::from(Layer::new("default", defaults));
        for (path, text) in &files {
            let metadata = Metadata::from("file", Source::File(path.clone()));
            let data = text_data(text).map_err(|error| syntax_problem(path, &error))?;
            figment = figment.merge(Layer { metadata, data });
        }
        let referred = references(&figment);
        let from_environment = environment_data(environment, &BTreeSet::new())?;
        let referred: BTreeSet<_> =
            referred.into_iter().chain(env_references(&Value::from(from_environment))).collect();
        figment = figment.merge(Layer::new("environment", environment_data(environment, &referred)?));
        figment = figment.merge(Layer::new("flag", flag_data(overrides)));
        let merged = figment.data().map_err(|error| Problems::whole(error.kind.to_string()))?;
        let merged = merged.get(&Profile::Default).cloned().unwrap_or_default();
        Ok(Self { figment, merged: Value::from(merged), files })
    }

    /// The settings as written, or every unknown name and wrong type the layers hold.
    pub(crate) fn raw(&self) -> Result<Raw, Problems> {
        self.figment.extract().map_err(|error| Problems(error.into_iter().map(|one| self.explain(&one)).collect()))
    }

    /// Every value set, in order of name.
    pub(crate) fn values(&self) -> Vec<(Path, &Value)> {
        let mut all = Vec::new();
        collect(&Path::default(), &self.merged, &mut all);
        all
    }

    /// Where a setting was set, in words.
    pub(crate) fn source(&self, path: &Path) -> Option<String> {
        let value = self.deepest(path);
        let metadata = self.figment.get_metadata(value.tag())?;
        match (&metadata.source, metadata.name.as_ref()) {
            (Some(Source::File(file)), _) => Some(self.place_in(file, path)),
            (_, "environment") => Some(path.variable()),
            (_, "flag") => Some(flag_of(path).to_owned()),
            (_, name) => Some(name.to_owned()),
        }
    }

    /// Whether nobody but the defaults had a say.
    pub(crate) fn is_default(&self, path: &Path) -> bool {
        self.source(path).as_deref() == Some("default")
    }

    fn place_in(&self, file: &FilePath, path: &Path) -> String {
        let text = self.files.iter().find(|(name, _)| name == file).map_or("", |(_, text)| text.as_str());
        match line_of(text, path) {
            Some(line) => format!("{}:{line}", file.display()),
            None => file.display().to_string(),
        }
    }

    /// The value at the path, or the nearest thing around it that exists.
    fn deepest(&self, path: &Path) -> &Value {
        let mut value = &self.merged;
        for name in &path.0 {
            let next = match value {
                Value::Dict(_, dict) => dict.get(name),
                Value::Array(_, array) => name.parse().ok().and_then(|index: usize| array.get(index)),
                _ => None,
            };
            match next {
                Some(next) => value = next,
                None => break,
            }
        }
        value
    }

    fn explain(&self, error: &Error) -> Problem {
        let mut path = Path(error.path.clone());
        let message = match &error.kind {
            Kind::UnknownField(name, known) => {
                if path.0.last() != Some(name) {
                    path = path.join(name);
                }
                unknown_name(name, known)
            }
            Kind::MissingField(name) => format!("`{name}` is missing here"),
            other => other.to_string(),
        };
        let place = self.source(&path).filter(|place| place != "default");
        Problem { path, place, message }
    }
}

fn unknown_name(name: &str, known: &[&str]) -> String {
    let suggestion = match nearest(name, known.iter().copied()) {
        Some(near) => format!("; did you mean `{near}`?"),
        None => ";".to_owned(),
    };
    format!("there is no setting `{name}`{suggestion} known here: {}", known.join(", "))
}

fn read_file(path: &FilePath) -> Result<String, Problems> {
    std::fs::read_to_string(path).map_err(|error| Problems::whole(format!("cannot read {}: {error}", path.display())))
}

/// A layer whose contents are at hand.
struct Layer {
    metadata: Metadata,
    data: Dict,
}

impl Layer {
    fn new(name: &'static str, data: Dict) -> Self {
        Self { metadata: Metadata::named(name), data }
    }
}

impl Provider for Layer {
    fn metadata(&self) -> Metadata {
        self.metadata.clone()
    }

    fn data(&self) -> Result<Map<Profile, Dict>, Error> {
        Ok(Profile::Default.collect(self.data.clone()))
    }
}

fn text_data(text: &str) -> Result<Dict, Box<Error>> {
    let mut profiles = Toml::string(text).data().map_err(Box::new)?;
    Ok(profiles.remove(&Profile::Default).unwrap_or_default())
}

/// What is wrong with a file's syntax. The parser quotes the line, which may hold a secret: that is left out.
fn syntax_problem(path: &FilePath, error: &Error) -> Problems {
    let text = error.kind.to_string();
    let said = text.lines().map(str::trim).filter(|line| {
        !line.is_empty() && !line.trim_start_matches(|c: char| c.is_ascii_digit() || c == ' ').starts_with('|')
    });
    let message = said.collect::<Vec<_>>().join(": ");
    Problems(vec![Problem { path: Path::default(), place: Some(path.display().to_string()), message }])
}

/// Variables that the files' `env:` references name; they are not settings.
fn references(figment: &Figment) -> BTreeSet<String> {
    let merged = figment.data().ok().and_then(|mut data| data.remove(&Profile::Default));
    merged.map(|dict| env_references(&Value::from(dict))).unwrap_or_default()
}

fn env_references(value: &Value) -> BTreeSet<String> {
    let mut all = Vec::new();
    collect(&Path::default(), value, &mut all);
    all.iter().filter_map(|(_, value)| value.as_str()?.strip_prefix("env:").map(str::to_owned)).collect()
}

fn collect<'a>(path: &Path, value: &'a Value, all: &mut Vec<(Path, &'a Value)>) {
    match value {
        Value::Dict(_, dict) => {
            for (name, value) in dict {
                collect(&path.join(name), value, all);
            }
        }
        Value::Array(_, array) if array.iter().any(|value| value.as_dict().is_some()) => {
            for (index, value) in array.iter().enumerate() {
                collect(&path.join(&index.to_string()), value, all);
            }
        }
        _ => all.push((path.clone(), value)),
    }
}

fn environment_data(environment: &[(String, String)], referred: &BTreeSet<String>) -> Result<Dict, Problems> {
    let mut root = Dict::new();
    for (name, text) in environment {
        let Some(rest) = name.strip_prefix(PREFIX) else { continue };
        if text.is_empty() || not_ours(rest) || referred.contains(name) {
            continue;
        }
        let names: Vec<String> = rest.split("__").map(str::to_lowercase).collect();
        let value = parse_value(text).ok_or_else(|| {
            Problems::whole(format!("{name}: begins like a list or table, but is neither in TOML nor in JSON"))
        })?;
        insert(&mut root, &names, value);
    }
    Ok(root)
}

/// What stands under our prefix without being a setting.
fn not_ours(rest: &str) -> bool {
    // For a service called "sealgate" Kubernetes sets SEALGATE_SERVICE_HOST, SEALGATE_PORT_8333_TCP and so on.
    rest == "CONFIG" || rest == "PORT" || rest.starts_with("PORT_") || rest.starts_with("SERVICE_")
}

/// Lists and tables as TOML or JSON, everything else as it stands.
fn parse_value(text: &str) -> Option<Value> {
    // An IPv6 address begins like a list, too.
    if !text.starts_with(['[', '{']) || text.parse::<SocketAddr>().is_ok() {
        return Some(Value::from(text));
    }
    let toml = text_data(&format!("value = {text}")).ok().and_then(|mut dict| dict.remove("value"));
    toml.or_else(|| {
        let json: serde_json::Value = serde_json::from_str(text).ok()?;
        Value::serialize(json).ok()
    })
}

fn insert(dict: &mut Dict, names: &[String], value: Value) {
    match names {
        [] => {}
        [last] => {
            dict.insert(last.clone(), value);
        }
        [first, rest @ ..] => {
            let mut inner = match dict.remove(first) {
                Some(Value::Dict(_, inner)) => inner,
                _ => Dict::new(),
            };
            insert(&mut inner, rest, value);
            dict.insert(first.clone(), Value::from(inner));
        }
    }
}

fn flag_data(overrides: &Overrides) -> Dict {
    let mut root = Dict::new();
    let mut set = |path: &str, value: Value| insert(&mut root, &Path::of(path).0, value);
    if let Some(data) = &overrides.data {
        set("data", Value::from(data.as_str()));
    }
    if let Some(store) = &overrides.store {
        set("store.kind", Value::from("directory"));
        set("store.path", Value::from(store.as_str()));
    }
    if !overrides.listen.is_empty() {
        set("listen", Value::from(overrides.listen.clone()));
    }
    if let Some(admin) = &overrides.admin {
        set("admin", Value::from(admin.as_str()));
    }
    root
}

fn flag_of(path: &Path) -> &'static str {
    match path.0.first().map(String::as_str) {
        Some("data") => "--data",
        Some("store") => "--store",
        Some("listen") => "--listen",
        _ => "--admin",
    }
}
