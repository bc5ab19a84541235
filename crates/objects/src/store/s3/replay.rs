//! A request body that several attempts can read, as far as memory allows.
//!
//! What the source yields is kept while it fits the replay window and the process-wide budget. The first byte
//! over either one gives all of it up: from there on the body can be sent only once. The room knows nothing of
//! HTTP beyond bodies, and cannot tell why a source failed; it keeps the source's own error for the sender.

mod source;

use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Frame, SizeHint};
use tokio::time::{Instant, sleep_until};

pub(super) use self::source::Budget;
use self::source::{Broken, Failure, Source, Turn};
use crate::store::{Body, BoxError, Exact, Phase};

/// A body, and what of it can be sent again.
pub(super) struct Replay {
    source: Arc<Mutex<Source>>,
    declared: u64,
}

/// One attempt's view of a body.
pub(super) struct AttemptBody {
    source: Arc<Mutex<Source>>,
    attempt: u32,
    /// The next recorded piece to send.
    next: usize,
    sent: u64,
    declared: u64,
}

impl Replay {
    pub(super) fn new(body: Body, declared: u64, window: usize, budget: Budget) -> Self {
        let source = Source::new(Exact::new(declared, body), window, budget);
        Self { source: Arc::new(Mutex::new(source)), declared }
    }

    /// Starts another attempt from the first byte. Earlier attempts can read no more.
    pub(super) fn begin(&self) -> AttemptBody {
        let mut source = lock(&self.source);
        source.attempt += 1;
        source.turn(if self.declared == 0 { Turn::Answer } else { Turn::Store });
        if let Some(waker) = source.waker.take() {
            waker.wake();
        }
        AttemptBody {
            source: Arc::clone(&self.source),
            attempt: source.attempt,
            next: 0,
            sent: 0,
            declared: self.declared,
        }
    }

    /// Whether the body can be sent from its first byte.
    pub(super) fn is_replayable(&self) -> bool {
        let source = lock(&self.source);
        source.whole && matches!(source.failure, Failure::None)
    }

    /// Whether the current attempt has handed over the whole body.
    pub(super) fn is_sent(&self) -> bool {
        lock(&self.source).turn == Turn::Answer
    }

    /// The source's own error, if it failed. Only the first caller gets it.
    pub(super) fn take_failure(&self) -> Option<BoxError> {
        let mut source = lock(&self.source);
        match std::mem::replace(&mut source.failure, Failure::Taken) {
            Failure::Kept(error) => Some(error),
            Failure::None => {
                source.failure = Failure::None;
                None
            }
            Failure::Taken => None,
        }
    }

    /// No further attempt follows, so nothing more needs recording.
    pub(super) fn settle(&self) {
        lock(&self.source).recording = false;
    }

    /// Returns once the store has kept us waiting for longer than `limit`. Waiting for the source does not count.
    pub(super) async fn overdue(&self, limit: Duration) -> Phase {
        let start = Instant::now();
        loop {
            let (turn, since) = {
                let source = lock(&self.source);
                (source.turn, source.since.max(start))
            };
            let now = Instant::now();
            match turn {
                // If the turn changes while we sleep, it does so after `now`, and we wake in time.
                Turn::Source => sleep_until(now + limit).await,
                Turn::Store if now >= since + limit => return Phase::Upload,
                Turn::Answer if now >= since + limit => return Phase::Answer,
                Turn::Store | Turn::Answer => sleep_until(since + limit).await,
            }
        }
    }
}

impl AttemptBody {
    fn poll_next(
        body: &mut Self,
        source: &mut Source,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Broken>>> {
        if source.attempt != body.attempt {
            return Poll::Ready(Some(Err(Broken::Superseded)));
        }
        if let Some(piece) = source.record.get(body.next) {
            body.next += 1;
            return Poll::Ready(Some(Ok(piece.clone())));
        }
        let piece = ready!(source.poll_piece(context));
        if let Some(Ok(piece)) = &piece
            && source.record(piece)
        {
            body.next += 1;
        }
        Poll::Ready(piece)
    }
}

impl http_body::Body for AttemptBody {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let this = self.get_mut();
        let shared = Arc::clone(&this.source);
        let mut source = lock(&shared);
        let piece = ready!(Self::poll_next(this, &mut source, context));
        Poll::Ready(piece.map(|piece| {
            let piece = piece?;
            this.sent += piece.len() as u64;
            source.turn(if this.sent == this.declared { Turn::Answer } else { Turn::Store });
            Ok(Frame::data(piece))
        }))
    }

    fn is_end_stream(&self) -> bool {
        self.sent == self.declared
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.declared - self.sent)
    }
}

/// A panic in a body's source leaves nothing half-done here, so a poisoned lock is still good.
fn lock(source: &Mutex<Source>) -> MutexGuard<'_, Source> {
    source.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use futures::stream::iter;
    use http_body_util::BodyExt as _;

    use super::*;
    use crate::store;

    fn replay(pieces: &[&'static str], window: usize, budget: &Budget) -> Replay {
        let declared = pieces.iter().map(|piece| piece.len() as u64).sum();
        let pieces: Vec<_> = pieces.iter().map(|piece| Ok(Bytes::from_static(piece.as_bytes()))).collect();
        Replay::new(store::stream(iter(pieces)), declared, window, budget.clone())
    }

    async fn piece(body: &mut AttemptBody) -> Bytes {
        body.frame().await.expect("a piece").expect("no error").into_data().expect("data")
    }

    #[tokio::test]
    async fn a_body_inside_the_window_is_sent_again() {
        let replay = replay(&["ab", "cd", "ef"], 6, &Budget::new(100));
        let mut first = replay.begin();
        assert_eq!(piece(&mut first).await, "ab");
        assert_eq!(piece(&mut first).await, "cd");
        assert!(replay.is_replayable());
        let second = replay.begin();
        assert!(first.frame().await.expect("an answer").is_err(), "the first attempt may read no more");
        assert_eq!(second.collect().await.expect("whole").to_bytes(), "abcdef");
        assert!(replay.is_sent());
        assert_eq!(replay.begin().collect().await.expect("whole").to_bytes(), "abcdef");
    }

    #[tokio::test]
    async fn a_body_above_the_window_is_sent_once_and_keeps_no_memory() {
        let budget = Budget::new(100);
        let replay = replay(&["ab", "cd"], 3, &budget);
        let mut first = replay.begin();
        assert_eq!(piece(&mut first).await, "ab");
        assert!(replay.is_replayable());
        assert_eq!(piece(&mut first).await, "cd");
        assert!(!replay.is_replayable());
        assert_eq!(budget.0.available_permits(), 100);
    }

    #[tokio::test]
    async fn an_exhausted_budget_stops_the_recording() {
        let budget = Budget::new(3);
        let first = replay(&["ab"], 10, &budget);
        let _held = first.begin().collect().await.expect("whole");
        let second = replay(&["cd"], 10, &budget);
        assert_eq!(second.begin().collect().await.expect("whole").to_bytes(), "cd");
        assert!(first.is_replayable());
        assert!(!second.is_replayable());
        drop(first);
        assert_eq!(budget.0.available_permits(), 3);
    }

    #[tokio::test]
    async fn settling_in_the_middle_of_a_replay_loses_no_byte() {
        let replay = replay(&["ab", "cd", "ef"], 10, &Budget::new(100));
        let mut first = replay.begin();
        assert_eq!(piece(&mut first).await, "ab");
        assert_eq!(piece(&mut first).await, "cd");
        let mut second = replay.begin();
        assert_eq!(piece(&mut second).await, "ab");
        replay.settle();
        assert_eq!(second.collect().await.expect("whole").to_bytes(), "cdef");
    }

    #[tokio::test]
    async fn the_error_of_the_source_is_kept_for_the_sender() {
        let pieces = [Ok(Bytes::from_static(b"ab")), Err("no more".into())];
        let replay = Replay::new(store::stream(iter(pieces)), 4, 10, Budget::new(100));
        assert!(replay.begin().collect().await.is_err());
        assert!(!replay.is_replayable());
        assert_eq!(replay.take_failure().expect("kept").to_string(), "no more");
        assert!(replay.take_failure().is_none());
        assert!(!replay.is_replayable());
    }

    #[tokio::test(start_paused = true)]
    async fn only_the_stores_turns_count_against_it() {
        let (feed, source) = futures::channel::mpsc::unbounded();
        let replay = Replay::new(store::stream(source), 4, 10, Budget::new(100));
        let mut body = replay.begin();
        let reader = tokio::spawn(async move {
            let first = piece(&mut body).await;
            (first, body)
        });
        let limit = Duration::from_secs(10);
        let slow_source = tokio::time::timeout(Duration::from_secs(95), replay.overdue(limit)).await;
        assert!(slow_source.is_err(), "nobody waits for the store");
        feed.unbounded_send(Ok(Bytes::from_static(b"ab"))).expect("open");
        let (_, mut body) = reader.await.expect("read");
        let taken = Instant::now();
        assert_eq!(replay.overdue(limit).await, Phase::Upload);
        assert_eq!(taken.elapsed(), limit);
        feed.unbounded_send(Ok(Bytes::from_static(b"cd"))).expect("open");
        drop(feed);
        assert_eq!(piece(&mut body).await, "cd");
        assert_eq!(replay.overdue(limit).await, Phase::Answer);
    }
}
