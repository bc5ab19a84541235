//! Memory for plaintext that waits for its verification: so much for a request, so much for all of them.
//!
//! When there is none left a request is not kept waiting, for a slow client could hold it for long: it reads its object twice.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Frame, SizeHint};
use http_body_util::BodyExt as _;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::Error;
use crate::store::{Body, BoxError};

/// The most that waits for one request.
pub(super) const EACH: u64 = 64 * 1024 * 1024;

/// The most that waits in all.
const ALL: u64 = 4 * EACH;

/// In this unit memory is counted out, in bytes.
const UNIT: u64 = 4 * 1024;

/// What is left.
pub(crate) struct Buffers(Arc<Semaphore>);

/// Some of it, until dropped.
#[derive(Debug)]
pub(super) struct Room(OwnedSemaphorePermit);

impl Buffers {
    pub(crate) fn new() -> Self {
        Self(Arc::new(Semaphore::new(usize::try_from(ALL / UNIT).unwrap_or(Semaphore::MAX_PERMITS))))
    }

    /// Room for `len` bytes, if there is any now.
    pub(super) fn room(&self, len: u64) -> Option<Room> {
        let units = u32::try_from(len.div_ceil(UNIT)).ok().filter(|_| len <= EACH)?;
        Arc::clone(&self.0).try_acquire_many_owned(units).ok().map(Room)
    }
}

impl Buffers {
    /// Room for `len` bytes, when it is there.
    ///
    /// # Errors
    /// [`Error::Internal`] for more than there ever is.
    pub(super) async fn room_in_turn(&self, len: u64) -> Result<Room, Error> {
        let units = u32::try_from(len.div_ceil(UNIT)).ok().filter(|_| len <= ALL);
        let units = units.ok_or_else(|| Error::Internal("more memory than there is".into()))?;
        let permit = Arc::clone(&self.0).acquire_many_owned(units).await;
        permit.map(Room).map_err(|error| Error::Internal(error.to_string()))
    }
}

impl Room {
    /// Gives back all but what `len` bytes take.
    pub(super) fn shrunk(mut self, len: u64) -> Self {
        let units = usize::try_from(len.div_ceil(UNIT)).unwrap_or(usize::MAX);
        match self.0.split(units) {
            Some(kept) => Self(kept),
            None => self,
        }
    }
}

/// Verified plaintext in the room it took.
pub(super) struct Held {
    bytes: Bytes,
    _room: Room,
}

impl Held {
    pub(super) fn body(bytes: Bytes, room: Room) -> Body {
        Self { bytes, _room: room }.boxed_unsync()
    }
}

impl http_body::Body for Held {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        // In pieces, so that the room is not given back while most of it still waits for the client.
        let now = self.bytes.len().min(256 * 1024);
        let now = self.bytes.split_to(now);
        Poll::Ready((!now.is_empty()).then(|| Ok(Frame::data(now))))
    }

    fn is_end_stream(&self) -> bool {
        self.bytes.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.bytes.len() as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn room_that_is_not_needed_is_given_back() {
        let buffers = Buffers::new();
        let all = buffers.room_in_turn(ALL).await.unwrap();
        assert!(buffers.room(1).is_none());
        let some = all.shrunk(EACH);
        let rest: Vec<Room> = (0..3).map(|_| buffers.room(EACH).unwrap()).collect();
        assert!(buffers.room(1).is_none() && rest.len() == 3);
        drop(some);
        assert!(buffers.room(EACH).is_some());
        assert!(buffers.room_in_turn(ALL + 1).await.is_err());
    }

    #[tokio::test]
    async fn room_is_bounded_and_comes_back_when_the_body_is_gone() {
        let buffers = Buffers::new();
        assert!(buffers.room(EACH + 1).is_none());
        let mut rooms: Vec<Room> = (0..4).map(|_| buffers.room(EACH).unwrap()).collect();
        assert!(buffers.room(1).is_none());
        let mut body = Held::body(Bytes::from(vec![7; 300_000]), rooms.pop().unwrap());
        assert_eq!(http_body::Body::size_hint(&body).exact(), Some(300_000));
        let first = body.frame().await.unwrap().unwrap().into_data().unwrap();
        assert!(first.len() < 300_000 && buffers.room(1).is_none());
        let rest = body.frame().await.unwrap().unwrap().into_data().unwrap();
        assert!(body.frame().await.is_none());
        assert_eq!(first.len() + rest.len(), 300_000);
        drop(body);
        assert!(buffers.room(EACH).is_some());
    }
}
