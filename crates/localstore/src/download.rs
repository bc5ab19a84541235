//! From a file to a response body: constant memory, an exact length, one piece read ahead.

use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use futures::Stream;
use s3s::StdError;
use s3s::stream::{ByteStream, RemainingLength};
use tokio::task::{JoinHandle, spawn_blocking};

/// Read at once; two pieces exist at a time.
const PIECE_LEN: u64 = 512 << 10;

/// Some bytes of an open file.
#[derive(Debug)]
pub(crate) struct Content {
    file: Arc<File>,
    /// Not yet asked of the disk.
    unread: Range<u64>,
    /// Not yet given to the client.
    unsent: u64,
    reading: Option<JoinHandle<io::Result<Bytes>>>,
}

impl Content {
    pub(crate) fn new(file: File, bytes: Range<u64>) -> Self {
        Self { file: Arc::new(file), unsent: bytes.end - bytes.start, unread: bytes, reading: None }
    }

    fn read_ahead(&mut self) {
        if self.unread.is_empty() {
            return;
        }
        let piece = self.unread.start..self.unread.end.min(self.unread.start + PIECE_LEN);
        self.unread.start = piece.end;
        let file = Arc::clone(&self.file);
        self.reading = Some(spawn_blocking(move || read(&file, &piece)));
    }

    fn poll_piece(&mut self, cx: &mut Context<'_>) -> Poll<Option<io::Result<Bytes>>> {
        if self.reading.is_none() {
            self.read_ahead();
        }
        let Some(reading) = &mut self.reading else {
            return Poll::Ready(None);
        };
        let piece = match ready!(Pin::new(reading).poll(cx)) {
            Ok(piece) => piece,
            Err(error) => Err(io::Error::other(error)),
        };
        self.reading = None;
        match &piece {
            Ok(bytes) => {
                self.unsent -= bytes.len() as u64;
                self.read_ahead();
            }
            // A body that breaks off must stay short, so that the client notices.
            Err(_) => self.unread.start = self.unread.end,
        }
        Poll::Ready(Some(piece))
    }
}

impl Stream for Content {
    type Item = Result<Bytes, StdError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.poll_piece(cx).map_err(|error| {
            tracing::error!(%error, "reading an object broke off");
            error.into()
        })
    }
}

impl ByteStream for Content {
    fn remaining_length(&self) -> RemainingLength {
        usize::try_from(self.unsent).map_or_else(|_| RemainingLength::unknown(), RemainingLength::new_exact)
    }
}

fn read(file: &File, piece: &Range<u64>) -> io::Result<Bytes> {
    let piece_len = usize::try_from(piece.end - piece.start).map_err(io::Error::other)?;
    let mut bytes = vec![0; piece_len];
    file.read_exact_at(&mut bytes, piece.start)?;
    Ok(bytes.into())
}
