//! The listing that `config check` prints: every value in force and where it is from.
//!
//! Shows references to secrets, never secrets: a literal one has been refused before.

use std::fmt;

use figment::value::Value;

use super::layers::Layers;
use super::{Settings, StoreSettings};

/// Every value in force.
pub(crate) struct Report(Vec<Line>);

/// One value.
pub(crate) struct Line {
    pub(crate) name: String,
    /// As it would be written.
    pub(crate) value: String,
    /// Where it is from.
    pub(crate) source: String,
}

impl Report {
    pub(super) fn new(layers: &Layers, settings: &Settings) -> Self {
        let mut lines: Vec<Line> = layers
            .values()
            .into_iter()
            .map(|(path, value)| {
                let source = layers.source(&path).unwrap_or_default();
                Line { name: path.to_string(), value: show(value), source }
            })
            .collect();
        for (name, value) in implied(settings) {
            if !lines.iter().any(|line| line.name == name) {
                lines.push(Line { name: name.to_owned(), value, source: "implied".to_owned() });
            }
        }
        lines.sort_by(|a, b| (&a.name, &a.value).cmp(&(&b.name, &b.value)));
        Self(lines)
    }

    pub(crate) fn lines(&self) -> &[Line] {
        &self.0
    }
}

/// `name = value` on a line of its own, then its source in a column of its own.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let written = |line: &Line| format!("{} = {}", line.name, line.value);
        let widths = self.0.iter().map(|line| written(line).chars().count());
        let width = widths.filter(|width| *width <= 60).max().unwrap_or(0);
        for line in &self.0 {
            writeln!(f, "{:width$}  # {}", written(line), line.source)?;
        }
        Ok(())
    }
}

/// What follows from other settings and from the surroundings, where nothing was written.
fn implied(settings: &Settings) -> Vec<(&'static str, String)> {
    let mut implied = Vec::new();
    if let Some(data) = &settings.data.0 {
        implied.push(("data", format!("{:?}", data.display().to_string())));
    }
    match &settings.primary {
        Some(primary) => implied.push(("keyring.primary", format!("{primary:?}"))),
        None if settings.keys.is_empty() => {
            implied.push(("keys", "made on the first run, in the data directory".to_owned()));
        }
        None => {}
    }
    if settings.clients.is_empty() {
        implied.push(("clients", "one credential, made on the first run, in the data directory".to_owned()));
    }
    match settings.store {
        StoreSettings::Directory(None) => {
            implied.push(("store.kind", "\"directory\"".to_owned()));
            implied.push(("store.path", "\"store\", in the data directory".to_owned()));
        }
        StoreSettings::Directory(Some(_)) => implied.push(("store.kind", "\"directory\"".to_owned())),
        StoreSettings::S3(_) => implied.push(("store.kind", "\"s3\"".to_owned())),
    }
    implied
}

fn show(value: &Value) -> String {
    match value {
        // Arguments of a command may hold more than they should.
        Value::String(_, text) if text.starts_with("command:") => {
            format!("\"{} ...\"", text.split_whitespace().next().unwrap_or_default())
        }
        Value::String(_, text) => format!("{text:?}"),
        Value::Char(_, c) => format!("{:?}", c.to_string()),
        Value::Bool(_, flag) => flag.to_string(),
        Value::Num(_, number) => number.to_i128().map_or_else(|| "?".to_owned(), |number| number.to_string()),
        Value::Empty(..) => "?".to_owned(),
        Value::Array(_, array) => {
            format!("[{}]", array.iter().map(show).collect::<Vec<_>>().join(", "))
        }
        Value::Dict(..) => "{}".to_owned(),
    }
}
