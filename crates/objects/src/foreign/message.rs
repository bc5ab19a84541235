//! OpenPGP messages: opened at once and in memory, because only their end tells whether and what they are.
//!
//! Two are opened at a time, and others wait; plaintext stays in memory until it is sent. How long one is, is remembered
//! for its version.

use std::ops::Range;
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use envelope::legacy::{self, openpgp};
use envelope::s3ec::Extent;
use http_body_util::BodyExt as _;

use super::Locked;
use super::buffer::{EACH, Held, Room};
use super::delivery::Version;
use super::locked::wrong;
use crate::store::Body;
use crate::{Error, SealedObjects};

/// The longest message that is opened, as it is stored.
const MAX_STORED: u64 = EACH;

/// The memory that one may take, stored and opened.
const MEMORY: u64 = 2 * EACH;

/// A message, and its content once it is open.
#[derive(Debug)]
pub(crate) struct Message {
    keys: Vec<Arc<openpgp::Key>>,
    /// What is noted as the MD5 of its content.
    md5: Option<String>,
    opened: OnceLock<(Bytes, Room)>,
}

impl Message {
    pub(super) fn new(keys: Vec<Arc<openpgp::Key>>, md5: Option<String>) -> Self {
        Self { keys, md5, opened: OnceLock::new() }
    }

    /// What is wanted of the content, in the memory it has.
    pub(super) fn into_body(self, want: &Range<u64>) -> Result<Body, Error> {
        let shut = || Error::Internal("a message that was not opened".into());
        let (plain, room) = self.opened.into_inner().ok_or_else(shut)?;
        let [start, end] = [want.start, want.end].map(|offset| usize::try_from(offset).unwrap_or(usize::MAX));
        if start > end || end > plain.len() {
            return Err(Error::Internal("less plaintext than its length says".into()));
        }
        Ok(Held::body(plain.slice(start..end), room))
    }
}

impl SealedObjects {
    /// Opens a message, which then keeps its content, and says how long that is.
    ///
    /// # Errors
    /// [`Error::MessageTooLarge`] beyond what is opened in memory, and [`Error::Integrity`] for whatever is wrong with it.
    pub(super) async fn open_message(
        &self,
        version: &Version<'_>,
        locked: &Locked,
        message: &Message,
    ) -> Result<Extent, Error> {
        if version.stored_len > MAX_STORED {
            return Err(Error::MessageTooLarge { limit: MAX_STORED });
        }
        let room = self.buffers.room_in_turn(MEMORY).await?;
        let (mut body, _) = self.stored_bytes(version, &(0..version.stored_len)).await?;
        let mut stored = Vec::with_capacity(usize::try_from(version.stored_len).unwrap_or_default());
        while let Some(frame) = body.frame().await {
            if let Ok(data) = frame.map_err(crate::reader::blame)?.into_data() {
                stored.extend_from_slice(&data);
            }
        }
        let limit = usize::try_from(MEMORY.saturating_sub(version.stored_len)).unwrap_or(usize::MAX);
        let (keys, md5) = (message.keys.clone(), message.md5.clone());
        let opened = tokio::task::spawn_blocking(move || open(&keys, &stored, md5.as_deref(), limit)).await;
        let opened = opened.map_err(|error| Error::Internal(error.to_string()))?;
        let plain = opened.map_err(|error| match error {
            legacy::Error::TooLarge { limit } => Error::MessageTooLarge { limit: limit as u64 },
            error => wrong(locked, None, &error),
        })?;
        let extent = Extent::of_whole(version.stored_len, plain.len() as u64);
        let room = room.shrunk(plain.len() as u64);
        message.opened.set((plain, room)).map_err(|_| Error::Internal("a message was opened twice".into()))?;
        Ok(extent)
    }
}

/// Opens a message with the first key that does, and compares what is noted of its content.
fn open(keys: &[Arc<openpgp::Key>], stored: &[u8], md5: Option<&str>, limit: usize) -> Result<Bytes, legacy::Error> {
    let mut outcome = Err(legacy::Error::Content);
    for key in keys {
        outcome = openpgp::open(key, stored, limit);
        if !matches!(outcome, Err(legacy::Error::Content)) {
            break;
        }
    }
    let plain = outcome?;
    if let Some(noted) = md5 {
        openpgp::check_md5(&plain, noted)?;
    }
    Ok(Bytes::copy_from_slice(&plain))
}
