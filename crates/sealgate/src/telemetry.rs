//! What the program says about itself, on standard error: text for people, JSON for machines.
//!
//! Some libraries print whole requests, secrets included, at debug level. Their targets are pinned
//! here: no filter lets them say more than warnings.

use std::io::IsTerminal;

use tracing::level_filters::LevelFilter;
use tracing::{Metadata, Subscriber};
use tracing_subscriber::filter::{EnvFilter, FilterExt, filter_fn};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::{Layer, SubscriberExt};
use tracing_subscriber::registry::Registry;

use crate::settings::LogSettings;

/// Crates, by how their names begin, that must not be heard below warnings.
const PINNED: [&str; 5] = ["aws_", "hyper", "h2", "rustls", "tower"];

/// s3s prints refused requests and their answers even as errors; everything it could say, the gateway says itself.
const SILENT: &str = "s3s";

/// Whether the text is a filter.
pub(crate) fn is_filter(text: &str) -> bool {
    !text.trim().is_empty() && EnvFilter::builder().parse(text).is_ok()
}

/// Installs the subscriber for the whole process.
pub(crate) fn install(settings: &LogSettings) -> anyhow::Result<()> {
    let terminal = std::io::stderr().is_terminal();
    let colour = terminal && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    let json = settings.json.unwrap_or(!terminal);
    let filter = EnvFilter::builder().parse(&settings.filter)?;
    tracing::subscriber::set_global_default(subscriber(filter, Shape { json, colour }, std::io::stderr))?;
    Ok(())
}

/// How lines look.
#[derive(Clone, Copy)]
struct Shape {
    json: bool,
    colour: bool,
}

fn subscriber<W>(filter: EnvFilter, shape: Shape, writer: W) -> impl Subscriber + Send + Sync
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    // A line that cannot be written is lost. Saying so on the same standard error would panic in whoever logs: when the terminal
    // that we were started in is closed, for one, which since SIGHUP does not end us.
    let lines = tracing_subscriber::fmt::layer::<Registry>().with_writer(writer).with_ansi(shape.colour);
    let lines = lines.log_internal_errors(false);
    let lines: Box<dyn Layer<Registry> + Send + Sync> =
        if shape.json { Box::new(lines.json().flatten_event(true).with_span_list(false)) } else { Box::new(lines) };
    Registry::default().with(lines.with_filter(filter.and(filter_fn(may_speak))))
}

fn may_speak(metadata: &Metadata<'_>) -> bool {
    let pinned = PINNED.iter().any(|name| metadata.target().starts_with(name));
    let silent = metadata.target().starts_with(SILENT);
    !silent && (!pinned || *metadata.level() <= LevelFilter::WARN)
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::sync::{Arc, Mutex};

    use super::*;

    #[derive(Clone, Default)]
    struct Captured(Arc<Mutex<Vec<u8>>>);

    impl Write for Captured {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    fn logged(filter: &str, json: bool, speak: impl FnOnce()) -> String {
        let captured = Captured::default();
        let writer = captured.clone();
        let filter = EnvFilter::builder().parse(filter).unwrap();
        let shape = Shape { json, colour: false };
        tracing::subscriber::with_default(subscriber(filter, shape, move || writer.clone()), speak);
        let bytes = captured.0.lock().unwrap().clone();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn libraries_that_print_secrets_stay_quiet_whatever_the_filter_says() {
        for filter in ["trace", "info,s3s=trace,aws_config=trace,hyper_util=trace", "warn,s3s[{secret}]=trace"] {
            let text = logged(filter, false, || {
                tracing::debug!(target: "s3s::ops", "Authorization: hunter2");
                tracing::info!(target: "s3s_sigv4", "hunter2");
                tracing::trace!(target: "aws_config::profile", "hunter2");
                tracing::debug!(target: "aws_sigv4::http_request", "hunter2");
                tracing::debug!(target: "hyper_util::client", "hunter2");
                let _span = tracing::debug_span!(target: "s3s", "call", secret = "hunter2").entered();
                tracing::error!(target: "gateway", "inside");
            });
            assert!(!text.contains("hunter2"), "{filter}: {text}");
            assert!(text.contains("inside"), "{filter}: {text}");
        }
    }

    #[test]
    fn their_warnings_are_heard() {
        let text = logged("info", false, || {
            tracing::warn!(target: "hyper_util::client", "trouble");
            tracing::error!(target: "s3s::service", "hunter2");
        });
        assert!(text.contains("trouble") && !text.contains("hunter2"), "{text}");
    }

    #[test]
    fn the_filter_chooses_levels_by_module() {
        let text = logged("info,gateway=debug", false, || {
            tracing::debug!(target: "gateway::guard", "seen");
            tracing::debug!(target: "objects", "unseen");
        });
        assert!(text.contains(" seen") && !text.contains("unseen"));
    }

    #[test]
    fn json_lines_are_one_object_each() {
        let text = logged("info", true, || tracing::info!(bucket = "b", "stored"));
        let line: serde_json::Value = serde_json::from_str(text.trim()).unwrap();
        assert_eq!(line["message"], "stored");
        assert_eq!(line["bucket"], "b");
    }

    #[test]
    fn a_filter_is_checked_before_it_is_used() {
        assert!(is_filter("info,gateway=debug"));
        assert!(!is_filter("info,gateway=loud"));
        assert!(!is_filter(""));
    }
}
