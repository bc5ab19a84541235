//! From a request body to a staged file: counts, hashes where asked to, writes one batch while the next arrives.
//!
//! It ends with a file that is complete but not yet an object; what becomes of it is the bucket's decision.

use std::path::PathBuf;
use std::{io, thread};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use futures::StreamExt;
use md5::{Digest, Md5};
use s3s::dto::StreamingBlob;
use s3s::{S3Error, S3ErrorCode, S3Result, s3_error};
use tokio::task::{JoinHandle, spawn_blocking};

use crate::commit::Staged;
use crate::error::{broken_body, disk};
use crate::store::blocking;

/// Written at once. Large enough that handing it to a blocking thread costs nothing beside the write.
const BATCH_LEN: usize = 512 << 10;
/// Pushed to the disk while more arrives, so that a large upload does not end in one long wait.
const FLUSH_LEN: usize = 64 << 20;

/// A body to be received.
#[derive(Debug)]
pub(crate) struct Upload {
    pub(crate) content_len: u64,
    /// The MD5 the client expects, if it said so.
    pub(crate) md5: Option<[u8; 16]>,
}

/// The file being written, on its way between batches.
#[derive(Debug)]
struct Writer {
    staged: Staged,
    md5: Option<Md5>,
    unflushed: usize,
    flushing: Option<thread::JoinHandle<io::Result<()>>>,
}

impl Upload {
    /// Receives exactly the announced bytes into a new file. On any failure the file is gone before the error is
    /// returned.
    pub(crate) async fn receive(self, body: Option<StreamingBlob>, path: PathBuf) -> S3Result<Staged> {
        let hasher = self.md5.map(|_| Md5::new());
        // The writer is always with a blocking task, never with this future: dropping the future drops no file here.
        let mut writing = spawn_blocking(move || Writer::create(path, hasher));
        let mut body = Batches { body, received: 0, content_len: self.content_len };
        loop {
            match body.next().await {
                Ok(Some(batch)) => {
                    let writer = settle(writing).await?;
                    writing = spawn_blocking(move || writer.append(&batch));
                }
                Ok(None) => break,
                Err(error) => {
                    discard(writing).await;
                    return Err(error);
                }
            }
        }
        let writer = settle(writing).await?;
        blocking(move || writer.finish(self.md5)).await
    }
}

impl Writer {
    fn create(path: PathBuf, md5: Option<Md5>) -> S3Result<Self> {
        let staged = Staged::create(path).map_err(disk("create a file"))?;
        Ok(Self { staged, md5, unflushed: 0, flushing: None })
    }

    fn append(mut self, batch: &[Bytes]) -> S3Result<Self> {
        if let Some(md5) = &mut self.md5 {
            for piece in batch {
                md5.update(piece);
            }
        }
        self.staged.append(batch).map_err(disk("write an object"))?;
        self.unflushed += batch.iter().map(Bytes::len).sum::<usize>();
        if self.unflushed >= FLUSH_LEN {
            self.flush().map_err(disk("write an object"))?;
        }
        Ok(self)
    }

    /// Starts a flush unless the last one is still under way. Its result must be looked at: the system reports a failed
    /// write once, and would not repeat it to the final sync.
    fn flush(&mut self) -> io::Result<()> {
        if self.flushing.as_ref().is_some_and(|flushing| !flushing.is_finished()) {
            return Ok(());
        }
        self.settle_flush()?;
        let file = self.staged.handle()?;
        self.flushing = Some(thread::Builder::new().spawn(move || file.sync_data())?);
        self.unflushed = 0;
        Ok(())
    }

    fn settle_flush(&mut self) -> io::Result<()> {
        let failed = |_| Err(io::Error::other("a flush did not end"));
        self.flushing.take().map_or(Ok(()), |flushing| flushing.join().unwrap_or_else(failed))
    }

    fn finish(mut self, expected: Option<[u8; 16]>) -> S3Result<Staged> {
        self.settle_flush().map_err(disk("write an object"))?;
        let computed = self.md5.map(|md5| md5.finalize().into());
        if computed == expected { Ok(self.staged) } else { Err(s3_error!(BadDigest)) }
    }
}

async fn settle(writing: JoinHandle<S3Result<Writer>>) -> S3Result<Writer> {
    match writing.await {
        Ok(result) => result,
        Err(error) => Err(S3Error::with_source(S3ErrorCode::InternalError, Box::new(error))),
    }
}

/// Ends an upload that failed; the error that ended it is the one worth reporting.
async fn discard(writing: JoinHandle<S3Result<Writer>>) {
    if let Ok(writer) = settle(writing).await {
        let _ = spawn_blocking(move || drop(writer)).await;
    }
}

/// A body gathered into batches, checked against its announced length.
struct Batches {
    body: Option<StreamingBlob>,
    received: u64,
    content_len: u64,
}

impl Batches {
    /// Nothing once all announced bytes were handed out and the body has ended.
    async fn next(&mut self) -> S3Result<Option<Vec<Bytes>>> {
        let mut batch = Vec::new();
        let mut batch_len = 0;
        while batch_len < BATCH_LEN {
            let Some(piece) = self.piece().await? else {
                break;
            };
            batch_len += piece.len();
            batch.push(piece);
        }
        if batch.is_empty() && self.received != self.content_len {
            return Err(s3_error!(IncompleteBody));
        }
        Ok((!batch.is_empty()).then_some(batch))
    }

    async fn piece(&mut self) -> S3Result<Option<Bytes>> {
        let Some(body) = &mut self.body else {
            return Ok(None);
        };
        let Some(piece) = body.next().await else {
            self.body = None;
            return Ok(None);
        };
        let piece = piece.map_err(broken_body)?;
        self.received += piece.len() as u64;
        if self.received > self.content_len {
            return Err(s3_error!(IncompleteBody, "The body is longer than its Content-Length."));
        }
        Ok(Some(piece))
    }
}

/// The digest in a `Content-MD5` header.
pub(crate) fn parse_md5(header: &str) -> S3Result<[u8; 16]> {
    let digest = STANDARD.decode(header).ok().and_then(|bytes| bytes.try_into().ok());
    digest.ok_or_else(|| s3_error!(InvalidDigest))
}
