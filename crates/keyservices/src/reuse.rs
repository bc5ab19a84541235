//! How long and how often an intermediate key serves, and where those that serve are kept.
//!
//! Keys here are plain in memory. That is the price of not asking for every object, and the bound on it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use envelope::WrappingSecret;
use envelope::s3ec::Context;
use quick_cache::sync::Cache;
use tokio::time::Instant;

/// Unwrapped intermediate keys that are kept at one time.
const KEPT: usize = 1_000;

/// Encryption contexts (buckets, that is) with an intermediate key of their own at one time.
const CONTEXTS: usize = 1_024;

/// How long and how often an intermediate key serves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reuse {
    /// For how long after the service was asked. Zero: the service is asked every time.
    pub age: Duration,
    /// How many objects one key wraps, at most; at least one.
    pub objects: u32,
}

/// A key between the service's and those of objects.
pub(crate) struct Intermediate {
    pub(crate) secret: WrappingSecret,
    /// The same as the service wrapped it.
    pub(crate) blob: Vec<u8>,
    since: Instant,
}

/// The key that wraps new objects of one context, and how often it did.
pub(crate) type Slot = Arc<tokio::sync::Mutex<Option<(Arc<Intermediate>, u32)>>>;

/// The keys that serve at the moment.
pub(crate) struct Serving {
    reuse: Reuse,
    slots: Mutex<HashMap<Context, Slot>>,
    opened: Cache<(Context, Vec<u8>), Arc<Intermediate>>,
}

impl Default for Reuse {
    fn default() -> Self {
        Self { age: Duration::from_mins(5), objects: 1_000 }
    }
}

impl Intermediate {
    pub(crate) fn new(secret: WrappingSecret, blob: Vec<u8>) -> Self {
        Self { secret, blob, since: Instant::now() }
    }
}

impl Serving {
    pub(crate) fn new(reuse: Reuse) -> Self {
        Self { reuse, slots: Mutex::default(), opened: Cache::new(KEPT) }
    }

    /// Whether a key may serve on, having wrapped `uses` objects.
    pub(crate) fn may_serve(&self, key: &Intermediate, uses: u32) -> bool {
        uses < self.reuse.objects && self.is_young(key)
    }

    fn is_young(&self, key: &Intermediate) -> bool {
        key.since.elapsed() < self.reuse.age
    }

    /// Where the key for new objects of `context` is. Whoever holds its lock is the only one to ask for a new one.
    pub(crate) fn slot(&self, context: &Context) -> Slot {
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        if slots.len() >= CONTEXTS && !slots.contains_key(context) {
            slots.clear();
        }
        Arc::clone(slots.entry(context.clone()).or_default())
    }

    /// The key behind `blob`: kept, or what `ask` answers. Many who want the same one ask once.
    pub(crate) async fn opened<E>(
        &self,
        context: &Context,
        blob: &[u8],
        ask: impl Future<Output = Result<Arc<Intermediate>, E>>,
    ) -> Result<Arc<Intermediate>, E> {
        if self.reuse.age.is_zero() {
            return ask.await;
        }
        let name = (context.clone(), blob.to_vec());
        self.opened.remove_if(&name, |key| !self.is_young(key));
        self.opened.get_or_insert_async(&name, ask).await
    }

    /// Keeps a key that was just made, so that reading what it wrapped asks nobody.
    pub(crate) fn keep(&self, context: &Context, key: &Arc<Intermediate>) {
        if !self.reuse.age.is_zero() {
            self.opened.insert((context.clone(), key.blob.clone()), Arc::clone(key));
        }
    }
}
