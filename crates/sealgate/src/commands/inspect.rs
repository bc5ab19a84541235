//! `inspect`: everything there is to say about an object but its content.

use std::fmt::Write as _;
use std::process::ExitCode;

use anyhow::anyhow;
use objects::{Facts, Inspection, SealedObjects};
use serde_json::{Value, json};

use crate::cli::Inspect;
use crate::failure::Failure;

/// Parts that people are shown.
const SHOWN_PARTS: usize = 10;

pub(super) fn run(asked: Inspect) -> Result<ExitCode, Failure> {
    let Inspect { object, json, store } = asked;
    let at = super::object_at(&object.address, object.version_id)?;
    super::with_objects(store, async move |objects: SealedObjects| {
        let found = objects.inspect(&at).await.map_err(anyhow::Error::from)?;
        let found = found.ok_or_else(|| anyhow!("there is no object {}", object.address))?;
        let facts = facts(&found);
        if json {
            super::say(&format!("{}\n", Value::Object(facts.into_iter().collect())));
        } else {
            super::say(&text(&facts));
        }
        Ok(if found.is_sound() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    })
}

/// Everything found, in the order in which people read it.
fn facts(found: &Inspection) -> Vec<(String, Value)> {
    let header = |name: &str| found.headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let mut facts = Vec::new();
    let mut say = |name: &str, value: Value| facts.push((name.to_owned(), value));
    say("format", found.format.name().into());
    if let Some(wrap) = &found.wrap {
        say("key_id", wrap.key_id.clone().into());
        say("wrap", wrap.algorithm.clone().into());
        say("binding", wrap.binding.into());
        say("wrapped_as_new_objects", wrap.is_current.into());
    }
    if let Some(owner) = &found.belongs_to {
        say("belongs_to", owner.clone().into());
    }
    if let Some(needs) = &found.needs {
        say("needs", needs.clone().into());
    }
    say("rule", found.rule.clone().into());
    say("stored_len", found.stored_len.into());
    say("plain_len", found.plain_len.into());
    say("store_etag", found.store_etag.clone().into());
    for name in ["x-amz-version-id", "last-modified", "content-type", "x-amz-storage-class"] {
        if let Some(value) = header(name) {
            say(&name.trim_start_matches("x-amz-").replace('-', "_"), value.into());
        }
    }
    if let Some(kept) = &found.facts {
        say("digests", digests(kept));
    }
    if let Some(parts) = &found.parts {
        let parts = parts.iter().map(|(number, len)| json!({ "number": number, "plain_len": len }));
        say("parts", parts.collect());
    }
    // Values are content of a kind.
    say("metadata_names", found.metadata.keys().cloned().collect());
    let checks =
        found.checks.iter().map(|check| (check.name.to_owned(), json!(check.problem.as_deref().unwrap_or("ok"))));
    say("checks", Value::Object(checks.collect()));
    facts
}

/// Which digests the footer keeps, not what they are: who has them can recognise content.
fn digests(facts: &Facts) -> Value {
    let md5 = facts.md5.map(|_| "MD5".to_owned());
    let known = facts.checksums.keys().map(|name| name.as_str().to_owned());
    let unknown = facts.unknown_checksums.keys().cloned();
    md5.into_iter().chain(known).chain(unknown).collect()
}

/// A line for each fact.
fn text(facts: &[(String, Value)]) -> String {
    let mut text = String::new();
    let mut say = |name: &str, value: &str| {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{:<24}{value}", name.replace('_', " "));
    };
    for (name, value) in facts {
        match value {
            Value::Array(values) if name == "parts" => {
                say(name, &values.len().to_string());
                for part in values.iter().take(SHOWN_PARTS) {
                    say(&format!("  part {}", part["number"]), &format!("{} bytes", part["plain_len"]));
                }
                if values.len() > SHOWN_PARTS {
                    say("  ...", "all of them with --json");
                }
            }
            Value::Array(values) => {
                let words: Vec<_> = values.iter().filter_map(Value::as_str).collect();
                say(name, if words.is_empty() { "none".to_owned() } else { words.join(", ") }.as_str());
            }
            Value::Object(checks) => {
                for (what, outcome) in checks {
                    say(&format!("check: {what}"), outcome.as_str().unwrap_or_default());
                }
            }
            Value::String(value) => say(name, value),
            Value::Null => say(name, "unknown"),
            other => say(name, &other.to_string()),
        }
    }
    text
}
