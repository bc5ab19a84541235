//! When the state of old multipart uploads is looked through: at the start, and every day.
//!
//! Decides times only; what is old and what is over, `objects` knows.

use std::time::Duration;

use crate::wiring::Current;

const DAY: Duration = Duration::from_hours(24);

/// Sweeps for as long as the program runs. An upload that has been under way for a day is asked about; younger ones are in use.
pub(crate) async fn daily(current: Current) {
    loop {
        let objects = current.borrow().objects.clone();
        match objects.sweep_uploads(DAY).await {
            Ok(swept) if swept.looked_at == 0 => {}
            Ok(swept) => tracing::info!(
                looked_at = swept.looked_at,
                forgotten = swept.forgotten,
                "old multipart uploads were looked through"
            ),
            Err(error) => {
                tracing::warn!(%error, "old multipart uploads could not be looked through; trying again in a day");
            }
        }
        tokio::time::sleep(DAY).await;
    }
}
