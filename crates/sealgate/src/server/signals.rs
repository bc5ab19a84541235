//! Signals that ask the program to end, and the one that asks it to read its settings again.

use std::io::{self, IsTerminal as _};

use anyhow::Context;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// SIGTERM and SIGINT, and the end of the terminal that the program was started from, from the moment of creation on.
pub(crate) struct Signals {
    terminate: Signal,
    interrupt: Signal,
    /// There only while somebody watches: its SIGHUP says that the terminal is closed when it is, and is a request to read
    /// the settings again when it is not.
    watched: Option<Signal>,
}

impl Signals {
    /// Takes over both signals.
    pub(crate) fn new() -> anyhow::Result<Self> {
        let watched = if on_terminal() { Some(listen(SignalKind::hangup())?) } else { None };
        Ok(Self { terminate: listen(SignalKind::terminate())?, interrupt: listen(SignalKind::interrupt())?, watched })
    }

    /// Waits for the next one.
    pub(crate) async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
            () = closed(&mut self.watched) => {}
        }
    }
}

/// Waits until the terminal is closed, which happens once: shells and the kernel may both say so, and that is no second signal.
async fn closed(watched: &mut Option<Signal>) {
    while let Some(hangup) = watched {
        if hangup.recv().await.is_none() || !on_terminal() {
            *watched = None;
            return;
        }
    }
    std::future::pending::<()>().await;
}

/// Whether anybody watches. A terminal that is closed is none any more.
fn on_terminal() -> bool {
    io::stdin().is_terminal() || io::stderr().is_terminal()
}

/// SIGHUP, which from the moment of creation on ends the process no more of itself. Those that come while nobody waits are one.
pub(crate) struct Hangups(Signal);

impl Hangups {
    /// Takes over the signal.
    pub(crate) fn new() -> anyhow::Result<Self> {
        listen(SignalKind::hangup()).map(Self)
    }

    /// Waits for the next one.
    pub(crate) async fn next(&mut self) {
        if self.0.recv().await.is_none() {
            // It never ends while the runtime lives; if it did, nobody could ask any more.
            std::future::pending::<()>().await;
        }
    }
}

fn listen(kind: SignalKind) -> anyhow::Result<Signal> {
    signal(kind).context("cannot listen for signals")
}
