//! What long work says while it runs and when it has ended: to people a bar and a sentence, to programs one JSON object a line.
//!
//! Results go to standard output, what is for the eye only to standard error.

use std::collections::BTreeMap;
use std::io::{IsTerminal as _, Write as _};
use std::time::{Duration, Instant};

use indicatif::{HumanBytes, HumanDuration, ProgressBar, ProgressDrawTarget, ProgressStyle};
use objects::ObjectRef;
use serde_json::{Map, Value, json};

/// How a step ended well.
#[derive(Debug, Clone)]
pub(crate) struct Done {
    /// In one word, under which it is counted.
    pub(crate) word: &'static str,
    /// Bytes of content that were looked at.
    pub(crate) bytes: u64,
    /// More about it, for programs.
    pub(crate) more: Map<String, Value>,
}

impl Done {
    /// Only a word.
    pub(crate) fn word(word: &'static str) -> Self {
        Self { word, bytes: 0, more: Map::new() }
    }

    /// The same, with bytes.
    pub(crate) fn bytes(mut self, bytes: u64) -> Self {
        self.bytes = bytes;
        self
    }

    /// The same, with more to say.
    pub(crate) fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.more.insert(name.to_owned(), value.into());
        self
    }
}

/// How a step ended.
pub(crate) type Step = Result<Done, String>;

/// Counts, and says what is to be said.
pub(crate) struct Report {
    json: bool,
    bar: ProgressBar,
    begun: Instant,
    counts: BTreeMap<&'static str, u64>,
    failed: u64,
    bytes: u64,
}

/// What is shown while the number of objects is not known, and then when it is.
const COUNTING: &str = "{spinner} {pos} objects, {per_sec}, {elapsed}  {msg}";
const COUNTED: &str = "{bar:30} {pos}/{len} objects, {per_sec}, {eta} left  {msg}";

impl Report {
    /// Nothing has happened yet. Without a terminal behind standard output, or if `json` was asked for, every step is a line of JSON.
    pub(crate) fn new(json: bool) -> Self {
        let terminal = std::io::stderr().is_terminal();
        let target = if terminal { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        let bar = ProgressBar::with_draw_target(None, target);
        bar.set_style(style(COUNTING));
        if terminal {
            bar.enable_steady_tick(Duration::from_millis(200));
        }
        let json = json || !std::io::stdout().is_terminal();
        Self { json, bar, begun: Instant::now(), counts: BTreeMap::new(), failed: 0, bytes: 0 }
    }

    /// The bar, for whoever learns how many objects there are; `None` when nobody sees it.
    pub(crate) fn bar(&self) -> Option<ProgressBar> {
        (!self.bar.is_hidden()).then(|| self.bar.clone())
    }

    /// A step has ended.
    pub(crate) fn step(&mut self, at: &ObjectRef, step: &Step) -> std::io::Result<()> {
        self.bar.inc(1);
        match step {
            Ok(done) => {
                *self.counts.entry(done.word).or_default() += 1;
                self.bytes += done.bytes;
                self.bar.set_message(if self.bytes > 0 { HumanBytes(self.bytes).to_string() } else { String::new() });
            }
            Err(why) => {
                self.failed += 1;
                if !self.json {
                    self.bar.suspend(|| eprintln!("failed: s3://{}/{}: {why}", at.bucket, at.key));
                }
            }
        }
        if self.json { line(&step_line(at, step)) } else { Ok(()) }
    }

    /// How many steps failed.
    pub(crate) fn failed(&self) -> u64 {
        self.failed
    }

    /// The last words. `note` is what else there is to say to people.
    pub(crate) fn end(&self, task: &str, complete: bool, note: Option<&str>) -> std::io::Result<()> {
        self.bar.finish_and_clear();
        let seconds = self.begun.elapsed().as_secs_f64();
        if self.json {
            return line(&json!({
                "event": "summary", "task": task, "complete": complete, "failed": self.failed,
                "counts": self.counts, "bytes": self.bytes, "seconds": seconds, "note": note,
            }));
        }
        let objects: u64 = self.counts.values().sum::<u64>() + self.failed;
        let mut said: Vec<String> = self.counts.iter().map(|(word, count)| format!("{count} {word}")).collect();
        said.push(format!("{} failed", self.failed));
        let (said, time) = (said.join(", "), HumanDuration(self.begun.elapsed()));
        let ended = if complete { "done" } else { "not finished" };
        let mut out = std::io::stdout().lock();
        writeln!(out, "{task}: {ended}, {objects} objects ({said}), {}, {time:#}", HumanBytes(self.bytes))?;
        note.map_or(Ok(()), |note| writeln!(out, "{note}"))
    }
}

/// What a program is told of a step.
fn step_line(at: &ObjectRef, step: &Step) -> Value {
    let mut said = Map::new();
    said.insert("event".into(), "object".into());
    said.insert("bucket".into(), at.bucket.clone().into());
    said.insert("key".into(), at.key.clone().into());
    said.extend(at.version.clone().map(|version| ("version".to_owned(), version.into())));
    match step {
        Ok(done) => {
            said.insert("outcome".into(), done.word.into());
            said.extend(done.more.clone());
        }
        Err(why) => {
            said.insert("outcome".into(), "failed".into());
            said.insert("why".into(), why.clone().into());
        }
    }
    Value::Object(said)
}

/// One line on standard output.
///
/// # Errors
/// When nobody reads it any more.
fn line(value: &Value) -> std::io::Result<()> {
    writeln!(std::io::stdout().lock(), "{value}")
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}

/// Tells the bar how many objects there are.
pub(crate) fn counted(bar: &ProgressBar, objects: u64) {
    bar.set_length(objects);
    bar.set_style(style(COUNTED));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_templates_can_be_read() {
        for template in [COUNTING, COUNTED] {
            assert!(ProgressStyle::with_template(template).is_ok(), "{template}");
        }
    }

    #[test]
    fn a_step_is_one_object_of_json() {
        let at = ObjectRef { bucket: "b".into(), key: "k\n".into(), version: None };
        let good = step_line(&at, &Ok(Done::word("rewrapped").with("from", "old")));
        assert_eq!(
            good,
            json!({"event": "object", "bucket": "b", "key": "k\n", "outcome": "rewrapped", "from": "old"})
        );
        let bad = step_line(&at, &Err("no".into()));
        assert_eq!(bad, json!({"event": "object", "bucket": "b", "key": "k\n", "outcome": "failed", "why": "no"}));
        assert!(!bad.to_string().contains('\n'));
    }
}
