//! A connection on which the store is heard out.
//!
//! A store that refuses an upload may say so and close while the upload still goes out: a failed condition, a full disk. Its
//! answer is then waiting to be read when writing fails, and the failure says nothing that the answer does not say better. So a
//! write to a connection that the other side has closed waits, and the reader decides: it finds the answer, or the end.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};

use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::client::legacy::connect::{Connected, Connection};

/// A connection whose failed writes are left to its reader.
pub(super) struct Wire<S> {
    inner: S,
    is_cut: bool,
}

impl<S: Unpin> Wire<S> {
    pub(super) fn new(inner: S) -> Self {
        Self { inner, is_cut: false }
    }

    fn written(
        &mut self,
        context: &mut Context<'_>,
        write: impl FnOnce(Pin<&mut S>, &mut Context<'_>) -> Poll<io::Result<usize>>,
    ) -> Poll<io::Result<usize>> {
        if self.is_cut {
            return Poll::Pending;
        }
        match write(Pin::new(&mut self.inner), context) {
            Poll::Ready(Err(error)) if is_closed(&error) => {
                self.is_cut = true;
                context.waker().wake_by_ref();
                Poll::Pending
            }
            written => written,
        }
    }
}

fn is_closed(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionAborted
    )
}

impl<S: Read + Unpin> Read for Wire<S> {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, into: ReadBufCursor<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_read(context, into)
    }
}

impl<S: Write + Unpin> Write for Wire<S> {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.get_mut().written(context, |inner, context| inner.poll_write(context, bytes))
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.is_cut { Poll::Ready(Ok(())) } else { Pin::new(&mut self.inner).poll_flush(context) }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.is_cut { Poll::Ready(Ok(())) } else { Pin::new(&mut self.inner).poll_shutdown(context) }
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.get_mut().written(context, |inner, context| inner.poll_write_vectored(context, slices))
    }
}

impl<S: Connection> Connection for Wire<S> {
    fn connected(&self) -> Connected {
        self.inner.connected()
    }
}
