//! Names of settings, and the line of a TOML file where one stands.
//!
//! Works on text alone. It is only used to point people at a line: a file laid out in a way it does
//! not follow gets no line, never a failure.

use std::fmt;

/// The way to one setting: table, index, name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Path(pub(crate) Vec<String>);

impl Path {
    /// From a dotted name of the code's own.
    pub(crate) fn of(dotted: &str) -> Self {
        if dotted.is_empty() { Self::default() } else { Self(dotted.split('.').map(str::to_owned).collect()) }
    }

    /// One level down.
    pub(crate) fn join(&self, name: &str) -> Self {
        let mut path = self.clone();
        path.0.push(name.to_owned());
        path
    }

    /// The environment variable that would set it.
    pub(crate) fn variable(&self) -> String {
        // Lists are set as a whole.
        let names: Vec<_> = self.0.iter().take_while(|name| name.parse::<usize>().is_err()).collect();
        let joined = names.iter().map(|name| name.to_uppercase()).collect::<Vec<_>>().join("__");
        format!("{}{joined}", super::layers::PREFIX)
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, name) in self.0.iter().enumerate() {
            match name.parse::<usize>() {
                Ok(index) => write!(f, "[{index}]")?,
                Err(_) if at == 0 => f.write_str(name)?,
                Err(_) => write!(f, ".{name}")?,
            }
        }
        Ok(())
    }
}

/// The line (from 1) that sets `path`, or the nearest thing around it.
pub(crate) fn line_of(text: &str, path: &Path) -> Option<usize> {
    let mut table: Vec<String> = Vec::new();
    let mut counts = std::collections::BTreeMap::<String, usize>::new();
    let mut best: Option<(usize, usize)> = None;
    for (number, line) in text.lines().enumerate() {
        let line = line.trim();
        let here = if let Some(name) = line.strip_prefix("[[").and_then(|rest| rest.split("]]").next()) {
            let count = counts.entry(name.trim().to_owned()).or_default();
            table = dotted(name);
            table.push(count.to_string());
            *count += 1;
            table.clone()
        } else if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.split(']').next()) {
            table = dotted(name);
            table.clone()
        } else if let Some((name, _)) = line.split_once('=') {
            table.iter().cloned().chain(dotted(name)).collect()
        } else {
            continue;
        };
        if path.0.starts_with(&here) && best.is_none_or(|(depth, _)| here.len() > depth) {
            best = Some((here.len(), number + 1));
        }
    }
    best.map(|(_, line)| line)
}

fn dotted(name: &str) -> Vec<String> {
    name.split('.').map(|part| part.trim().trim_matches('"').to_owned()).collect()
}

/// The known name that a wrong one was most likely meant to be.
pub(crate) fn nearest<'a>(wrong: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let wrong = wrong.to_lowercase();
    known
        .into_iter()
        .map(|name| (strsim::damerau_levenshtein(&wrong, name), name))
        .filter(|&(distance, name)| distance <= 1 + name.len() / 3)
        .min_by_key(|&(distance, _)| distance)
        .map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str =
        "listen = \"a\"\n\n[store]\nkind = \"s3\"\n[[keys]]\nid = \"1\"\n[[keys]]\nid = \"2\"\nclients = [\n";

    #[test]
    fn a_line_is_found_by_table_and_index() {
        assert_eq!(line_of(TEXT, &Path::of("listen")), Some(1));
        assert_eq!(line_of(TEXT, &Path::of("store.kind")), Some(4));
        assert_eq!(line_of(TEXT, &Path::of("keys.1.id")), Some(8));
    }

    #[test]
    fn what_is_missing_points_at_its_table() {
        assert_eq!(line_of(TEXT, &Path::of("keys.0.secret")), Some(5));
        assert_eq!(line_of(TEXT, &Path::of("limits.drain")), None);
    }

    #[test]
    fn paths_read_like_the_file_and_like_the_environment() {
        assert_eq!(Path::of("keys.0.secret").to_string(), "keys[0].secret");
        assert_eq!(Path::of("store.endpoint").variable(), "SEALGATE_STORE__ENDPOINT");
        assert_eq!(Path::of("keys.0.secret").variable(), "SEALGATE_KEYS");
    }

    #[test]
    fn a_slip_of_the_finger_is_recognised_and_nonsense_is_not() {
        let known = ["listen", "endpoint", "region"];
        assert_eq!(nearest("endpiont", known), Some("endpoint"));
        assert_eq!(nearest("Lisen", known), Some("listen"));
        assert_eq!(nearest("frobnicate", known), None);
    }
}
