//! What is known of the parts of uploads that are under way here, as far as it helps to decide quickly.
//!
//! The records are the truth; a window that is forgotten is read from them again. Decisions about one upload are taken one after the
//! other, under a lock that is held while records are read and written, and never while a part is received or sent.

use std::collections::BTreeSet;
use std::hash::BuildHasher as _;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use quick_cache::sync::Cache;

use super::settled;
use crate::multipart::{OpenUpload, PART_MIN};
use crate::uploads::UploadName;
use crate::{Error, SealedObjects, foreign};

/// Uploads whose windows are remembered.
const CAPACITY: usize = 1_024;

/// Locks, of which every upload has one that it may share with others.
const LOCKS: usize = 256;

/// The windows of uploads, and who may decide about one.
pub(crate) struct Windows {
    locks: Vec<tokio::sync::Mutex<()>>,
    hasher: std::hash::RandomState,
    known: Cache<UploadName, SharedWindow>,
}

type SharedWindow = Arc<Mutex<Window>>;

/// The parts of one upload: which have their places, and which of these were not sent yet.
#[derive(Debug)]
pub(super) struct Window {
    /// The lowest number without a place, and where it would begin.
    next: u16,
    offset: u64,
    highest: u16,
    unsent: BTreeSet<u16>,
    sending: BTreeSet<u16>,
    /// Nothing gets a place any more: the list of parts is decided.
    closed: bool,
}

impl Windows {
    pub(crate) fn new() -> Self {
        let locks = (0..LOCKS).map(|_| tokio::sync::Mutex::default()).collect();
        Self { locks, hasher: std::hash::RandomState::new(), known: Cache::new(CAPACITY) }
    }

    /// Waits for the right to decide about an upload.
    pub(super) async fn lock(&self, name: &UploadName) -> tokio::sync::MutexGuard<'_, ()> {
        let slot = self.hasher.hash_one(name) % LOCKS as u64;
        // The remainder is below the number of locks.
        self.locks[usize::try_from(slot).unwrap_or_default()].lock().await
    }

    pub(crate) fn forget(&self, name: &UploadName) {
        self.known.remove(name);
    }
}

impl Window {
    /// Notes that a part is there.
    pub(super) fn arrived(&mut self, number: u16) {
        self.highest = self.highest.max(number);
    }

    /// Notes that a part was sent.
    pub(super) fn sent(&mut self, number: u16) {
        self.unsent.remove(&number);
    }

    /// The lowest part without a place, and where it would begin; none when it may be the last.
    fn next_place(&self) -> Option<(u16, u64)> {
        (!self.closed && self.next < self.highest).then_some((self.next, self.offset))
    }

    pub(super) fn close(&mut self) {
        self.closed = true;
    }
}

/// The right to send a part, until it is dropped.
pub(super) struct Claim {
    window: SharedWindow,
    pub(super) number: u16,
}

impl Claim {
    /// Claims the lowest part that has its place, was not sent and is not being sent.
    pub(super) fn next(window: &SharedWindow) -> Option<Self> {
        let mut inside = open(window);
        if inside.closed {
            return None;
        }
        let number = inside.unsent.difference(&inside.sending).next().copied()?;
        inside.sending.insert(number);
        drop(inside);
        Some(Self { window: Arc::clone(window), number })
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        open(&self.window).sending.remove(&self.number);
    }
}

pub(super) fn open(window: &SharedWindow) -> MutexGuard<'_, Window> {
    window.lock().unwrap_or_else(PoisonError::into_inner)
}

impl SealedObjects {
    /// The window of an upload. Whoever asks holds its lock.
    pub(super) async fn window(&self, upload: &OpenUpload) -> Result<SharedWindow, Error> {
        if let Some(window) = self.windows.known.get(&upload.name) {
            return Ok(window);
        }
        let mut window =
            Window { next: 1, offset: 0, highest: 0, unsent: BTreeSet::new(), sending: BTreeSet::new(), closed: false };
        window.closed = self.read_note(upload).await?.parts.is_some();
        for part in settled(self.part_records(upload, 0, usize::MAX).await?) {
            window.arrived(part.number());
            let Some(offset) = part.offset() else { continue };
            window.next = part.number() + 1;
            window.offset = offset + part.plain_len;
            if part.store_etag.is_none() {
                window.unsent.insert(part.number());
            }
        }
        let window = Arc::new(Mutex::new(window));
        self.windows.known.insert(upload.name.clone(), Arc::clone(&window));
        Ok(window)
    }

    /// Whether all parts before this one are there: it does not have to wait for any.
    pub(super) async fn comes_next(&self, upload: &OpenUpload, number: u16) -> Result<bool, Error> {
        let _decides = self.windows.lock(&upload.name).await;
        let window = self.window(upload).await?;
        let inside = open(&window);
        // The highest part waits without a place although all before it are there.
        Ok(number <= inside.next || (number == inside.highest.saturating_add(1) && inside.highest == inside.next))
    }

    /// Gives places to parts that can have them. Whoever asks holds the upload's lock.
    pub(super) async fn give_places(&self, upload: &OpenUpload) -> Result<(), Error> {
        let window = self.window(upload).await?;
        loop {
            let Some((next, offset)) = open(&window).next_place() else { return Ok(()) };
            let records = self.part_records(upload, next - 1, 1).await?;
            let Some(mut part) = settled(records).into_iter().find(|part| part.number() == next) else { return Ok(()) };
            let end = offset.saturating_add(part.plain_len);
            // What can only be the last part, or the end of nothing that can be written, is told so at the end.
            if part.plain_len < PART_MIN || foreign::stored_len(end).is_err() {
                return Ok(());
            }
            if let Some(stretch) = &mut part.stretch {
                stretch.offset = Some(offset);
            }
            self.record(upload, &part).await?;
            let mut inside = open(&window);
            (inside.next, inside.offset) = (next + 1, end);
            inside.unsent.insert(next);
        }
    }
}
