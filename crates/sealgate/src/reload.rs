//! Settings, keys and certificates exchanged under a server that goes on: on SIGHUP, and when one of their files changes.
//!
//! All is read beside what serves, off the threads that answer, and put in its place in one step when it is whole. When anything
//! is wrong, what served goes on to serve, and the next change is tried again. Nothing here makes a file, a key or a client.

mod changes;
mod stamps;

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context;
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::task::spawn_blocking;

pub(crate) use self::stamps::Stamps;
use crate::failure::Failure;
use crate::firstrun::FirstRun;
use crate::server::Hangups;
use crate::server::tls::Certificate;
use crate::settings::{self, Overrides, Settings};
use crate::supervisor;
use crate::wiring::{self, Current, Serving};

/// How often files are read that change while they are read.
const ATTEMPTS: u32 = 3;

/// Settings, and what they came to.
pub(crate) struct State {
    settings: Settings,
    found: FirstRun,
    serving: Arc<Serving>,
}

impl State {
    /// What serves, with what it was made of.
    pub(crate) fn new(settings: Settings, found: FirstRun, serving: Serving) -> Self {
        Self { settings, found, serving: Arc::new(serving) }
    }

    /// The id of the key that wraps new objects.
    fn primary(&self) -> Option<&str> {
        if self.settings.keys.is_empty() { self.found.primary() } else { self.settings.primary.as_deref() }
    }
}

/// Every file that settings like these are read from, or refer to.
pub(crate) fn files(settings: &Settings) -> Vec<PathBuf> {
    let mut files = settings.files();
    files.extend(FirstRun::files(settings));
    files
}

/// Reads settings again, one time after the other, and puts them in force.
pub(crate) struct Reload {
    overrides: Overrides,
    /// As the process was started: what does not change while it runs.
    started: Arc<State>,
    /// In force.
    good: Arc<State>,
    exchange: watch::Sender<Arc<Serving>>,
    /// The files of what is in force, and of what was tried last, as they were before they were read.
    stamps: Stamps,
    /// What was tried last is in force.
    well: bool,
    /// What waits for the next start, as the log knows it.
    pending: Vec<&'static str>,
}

impl Reload {
    /// From what a start has made, out of files that looked like this before.
    pub(crate) fn new(overrides: Overrides, started: State, stamps: Stamps) -> (Self, Current) {
        let (exchange, current) = watch::channel(Arc::clone(&started.serving));
        let started = Arc::new(started);
        (
            Self { overrides, good: Arc::clone(&started), started, exchange, stamps, well: true, pending: Vec::new() },
            current,
        )
    }

    /// For as long as the process runs. What comes while something is being read is one more reading afterwards.
    pub(crate) async fn forever(mut self, mut hangups: Hangups) {
        loop {
            let every = self.good.settings.watch;
            let asked = tokio::select! {
                () = hangups.next() => true,
                () = self.stamps.changed(every) => false,
            };
            supervisor::reloading();
            self.once(asked).await;
            supervisor::ready();
        }
    }

    /// `asked`: somebody waits for an answer in the log, whatever it is.
    async fn once(&mut self, asked: bool) {
        let mut outcome = self.attempt().await;
        for _ in 1..ATTEMPTS {
            // Half of it may be old and half of it new when files are exchanged while they are read: that is nobody's mistake.
            if outcome.is_ok() || self.stamps.again().await == self.stamps {
                break;
            }
            outcome = self.attempt().await;
        }
        let recovered = !std::mem::replace(&mut self.well, outcome.is_ok());
        match outcome {
            Ok((state, pending)) => self.exchange(state, pending, asked || recovered),
            Err(failure) => tracing::error!(error = one_line(&failure), "not reloaded; the former settings go on"),
        }
    }

    async fn attempt(&mut self) -> Outcome {
        let attempt = Attempt {
            overrides: self.overrides.clone(),
            started: Arc::clone(&self.started),
            good: Arc::clone(&self.good),
        };
        // Files may be far away, and programs may take half a minute: no thread that answers requests waits for them.
        let runtime = Handle::current();
        let tried = spawn_blocking(move || runtime.block_on(attempt.read())).await;
        let (stamps, outcome) = tried.context("the reading of settings panicked")?;
        self.stamps = stamps;
        outcome
    }

    fn exchange(&mut self, state: State, pending: Vec<&'static str>, awaited: bool) {
        let changed = changes::exchanged(&self.good, &state);
        self.exchange.send_replace(Arc::clone(&state.serving));
        self.good = Arc::new(state);
        match changed.as_slice() {
            // A file was touched, or lies where a look says little: not worth a line.
            [] if !awaited => tracing::debug!("reloaded, and nothing has changed"),
            [] => tracing::info!(changed = "nothing", "reloaded"),
            _ => tracing::info!(changed = changed.join("; "), "reloaded"),
        }
        if !pending.is_empty() && (awaited || pending != self.pending) {
            tracing::warn!(settings = pending.join(", "), "changed settings that take effect at the next start");
        }
        self.pending = pending;
    }
}

/// One reading of everything.
struct Attempt {
    overrides: Overrides,
    started: Arc<State>,
    good: Arc<State>,
}

/// What was read, and the settings in it that wait for the next start.
type Outcome = Result<(State, Vec<&'static str>), Failure>;

impl Attempt {
    /// Reads, and says how the files looked before they were read: a change from then on is one that was not seen.
    async fn read(self) -> (Stamps, Outcome) {
        let sources = settings::sources(&self.overrides);
        let stamps = Stamps::of(sources.into_iter().chain(files(&self.good.settings)));
        let mut settings = match settings::load(&self.overrides) {
            Ok(loaded) => loaded.settings,
            Err(problems) => return (stamps, Err(problems.into())),
        };
        let stamps = stamps.and(Stamps::of(files(&settings)));
        let pending = changes::fixed(&self.started.settings, &settings);
        // Where the data are does not change, so what was made there is looked for there.
        settings.data = self.started.settings.data.clone();
        settings.uploads = self.started.settings.uploads;
        let outcome = self.state(settings).await.map(|state| (state, pending));
        (stamps, outcome)
    }

    async fn state(&self, settings: Settings) -> Result<State, Failure> {
        let certificate = match &settings.tls {
            Some(tls) => Some(Certificate::read(tls).await.map_err(Failure::Settings)?),
            // The listener stays until the next start, and so does what it shows.
            None => self.good.serving.certificate.clone(),
        };
        let found = FirstRun::find_again(&settings)?;
        let former = &self.good.settings.keys;
        let is_new = |id: &str| settings.keys.iter().any(|key| key.id == id && !former.contains(key));
        let serving = wiring::rewire(&settings, &found, certificate, &self.good.serving, is_new).await?;
        Ok(State::new(settings, found, serving))
    }
}

/// All that is wrong, in one line of the log.
fn one_line(failure: &Failure) -> String {
    let text = failure.to_string();
    let lines = text.lines().map(|line| line.strip_prefix("sealgate: ").unwrap_or(line));
    lines.collect::<Vec<_>>().join("; ")
}
