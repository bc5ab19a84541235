//! What is read of a body, what of it is kept, and whom its transfer waits for.
//!
//! Which attempt reads is not known here.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

use crate::store::{BoxError, Exact};

/// The memory all requests together may spend on replaying bodies.
#[derive(Clone)]
pub(in super::super) struct Budget(pub(super) Arc<Semaphore>);

/// Where a body comes from, and what is kept of it.
pub(super) struct Source {
    inner: Exact,
    window: usize,
    budget: Budget,
    pub(super) record: Vec<Bytes>,
    permits: Option<OwnedSemaphorePermit>,
    /// Whether new pieces are still recorded.
    pub(super) recording: bool,
    /// Whether everything that was consumed is still in the record.
    pub(super) whole: bool,
    pub(super) failure: Failure,
    /// Only the newest attempt may read; an older one may linger in a connection.
    pub(super) attempt: u32,
    pub(super) waker: Option<Waker>,
    pub(super) turn: Turn,
    pub(super) since: Instant,
}

/// Whether the body failed, and who knows.
pub(super) enum Failure {
    None,
    Kept(BoxError),
    Taken,
}

/// Whom the transfer is waiting for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Turn {
    /// The source has to yield a piece.
    Source,
    /// The store has to take a piece.
    Store,
    /// The store has to answer.
    Answer,
}

/// What an attempt's body fails with; the real reason stays in the source.
#[derive(Debug, thiserror::Error)]
pub(super) enum Broken {
    #[error("the request body failed")]
    Source,
    #[error("a newer attempt took over")]
    Superseded,
}

impl Budget {
    pub(in super::super) fn new(bytes: usize) -> Self {
        Self(Arc::new(Semaphore::new(bytes.min(Semaphore::MAX_PERMITS))))
    }

    fn take(&self, bytes: usize) -> Option<OwnedSemaphorePermit> {
        let bytes = u32::try_from(bytes).ok()?;
        Arc::clone(&self.0).try_acquire_many_owned(bytes).ok()
    }
}

impl Source {
    pub(super) fn new(inner: Exact, window: usize, budget: Budget) -> Self {
        Self {
            inner,
            window,
            budget,
            record: Vec::new(),
            permits: None,
            recording: true,
            whole: true,
            failure: Failure::None,
            attempt: 0,
            waker: None,
            turn: Turn::Store,
            since: Instant::now(),
        }
    }

    pub(super) fn turn(&mut self, turn: Turn) {
        self.turn = turn;
        self.since = Instant::now();
    }

    pub(super) fn record(&mut self, piece: &Bytes) -> bool {
        let fits = self.recording && piece.len() <= self.window;
        let permit = if fits { self.budget.take(piece.len()) } else { None };
        let Some(permit) = permit else {
            self.record.clear();
            self.permits = None;
            self.recording = false;
            self.whole = false;
            return false;
        };
        self.window -= piece.len();
        match &mut self.permits {
            Some(permits) => permits.merge(permit),
            None => self.permits = Some(permit),
        }
        self.record.push(piece.clone());
        true
    }

    pub(super) fn poll_piece(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Bytes, Broken>>> {
        use http_body::Body as _;
        if !matches!(self.failure, Failure::None) {
            return Poll::Ready(Some(Err(Broken::Source)));
        }
        loop {
            let frame = match Pin::new(&mut self.inner).poll_frame(context) {
                Poll::Ready(frame) => frame,
                Poll::Pending => {
                    self.waker = Some(context.waker().clone());
                    self.turn(Turn::Source);
                    return Poll::Pending;
                }
            };
            match frame {
                None => return Poll::Ready(None),
                Some(Err(error)) => {
                    self.failure = Failure::Kept(error);
                    // Told at the next poll: meanwhile hyper flushes what it has. A store that sees the connection end
                    // before the first byte of the body may take the object for an empty one and store that.
                    context.waker().wake_by_ref();
                    return Poll::Pending;
                }
                Some(Ok(frame)) => {
                    if let Ok(piece) = frame.into_data() {
                        return Poll::Ready(Some(Ok(piece)));
                    }
                }
            }
        }
    }
}
