//! What systemd is told about the service, when it was systemd that started it (`sd_notify(3)`).

use sd_notify::NotifyState;

/// Requests are answered, by the settings that are in force.
pub(crate) fn ready() {
    tell(&[NotifyState::Ready]);
}

/// Settings are being read again; [`ready`] says when that is over, whether they were any good or not.
pub(crate) fn reloading() {
    // The time tells the supervisor which of its requests this answers. It is there wherever there is a supervisor.
    if let Ok(now) = NotifyState::monotonic_usec_now() {
        tell(&[NotifyState::Reloading, now]);
    }
}

/// Nothing new is begun.
pub(crate) fn stopping() {
    tell(&[NotifyState::Stopping]);
}

fn tell(state: &[NotifyState<'_>]) {
    // Without a supervisor this does nothing.
    if let Err(error) = sd_notify::notify(state) {
        tracing::debug!(%error, "the supervisor could not be told");
    }
}
